"""Settings from the Parameter Store of AWS, which moto simulates."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from moto import mock_aws
from vitrine_lambda import parameters

from shared.config.settings import SettingsError
from tests.support.processes import free_port


@pytest.fixture(autouse=True)
def access(monkeypatch):
    """Set the variables that Lambda gives every function."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store():
    """A Parameter Store; yield a function that stores a parameter."""
    with mock_aws():
        ssm = boto3.client("ssm")
        yield lambda name, value, type="SecureString": ssm.put_parameter(
            Name=name, Value=value, Type=type
        )


def load(**environ):
    parameters.load(environ)
    return environ


def test_every_parameter_below_the_path_is_a_setting(store):
    store("/vitrine/live/secret_key", "0123456789abcdef")
    store("/vitrine/live/redis/url", "redis://cache:6379/0", "String")
    store("/vitrine/live/WORKERS", "3", "String")
    store("/vitrine/lively/MONGO_URI", "mongodb://other", "String")
    environ = load(SSM_PATH="/vitrine/live/")
    assert environ == {
        "SSM_PATH": "/vitrine/live/",
        "SECRET_KEY": "0123456789abcdef",
        "REDIS_URL": "redis://cache:6379/0",
        "WORKERS": "3",
    }


def test_the_environment_wins_unless_it_is_empty(store):
    store("/vitrine/THREADS", "4")
    store("/vitrine/WORKERS", "3")
    environ = load(SSM_PATH="/vitrine", THREADS="5", WORKERS="")
    assert (environ["THREADS"], environ["WORKERS"]) == ("5", "3")


def test_there_may_be_more_parameters_than_come_at_once(store):
    for number in range(23):
        store(f"/vitrine/name_{number}", str(number))
    assert load(SSM_PATH="/vitrine")["NAME_22"] == "22"


def test_without_a_path_the_store_is_not_read():
    assert load(AUTH_MODE="token") == {"AUTH_MODE": "token"}


def refusal(path="/vitrine"):
    with pytest.raises(SettingsError) as raised:
        load(SSM_PATH=path)
    return str(raised.value)


def test_a_path_with_nothing_below_it_is_named(store):
    store("/vitrine", "nothing")
    assert refusal() == (
        "SSM_PATH=/vitrine: there is no parameter below this path. Store one for each setting, "
        "such as /vitrine/mongo_uri."
    )


class Denying(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(400)
        self.end_headers()
        self.wfile.write(b'{"__type": "AccessDeniedException", "message": "not authorized"}')

    def log_message(self, *_):
        pass


def test_a_refused_access_is_reported(monkeypatch):
    with HTTPServer(("127.0.0.1", 0), Denying) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{server.server_port}")
        try:
            message = refusal()
        finally:
            server.shutdown()
    assert message == "SSM_PATH=/vitrine: the Parameter Store refuses: AccessDeniedException."


def test_an_unreachable_store_is_reported_before_lambda_gives_up(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{free_port()}")
    assert refusal() == (
        "SSM_PATH=/vitrine: the Parameter Store does not answer: EndpointConnectionError."
    )
