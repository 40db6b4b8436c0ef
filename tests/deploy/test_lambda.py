"""AWS Lambda: each service as a function, called with events as API Gateway sends them."""

import json
import sys
import time
from urllib.parse import parse_qs

import pytest
import vitrine_lambda
from urllib3.filepost import encode_multipart_formdata
from vitrine_lambda.handler import build

from api_products import jobs
from shared.config.settings import Settings, SettingsError
from shared.http.tokens import Tokens
from tests.api_products.images.test_images import picture
from tests.contract.test_compression import DECODE
from tests.support.gateway import KINDS, Answer, Context, event
from tests.support.services import environment, path_of
from vitrine.local.processes import spawn, stop

pytestmark = pytest.mark.real

SECRET = "0123456789abcdef0123456789abcdef"
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def environ(servers, tmp_path_factory):
    """The environment of a function, without the Parameter Store."""
    mongod, redis = servers
    return {
        "MONGO_URI": f"mongodb://127.0.0.1:{mongod}/lambda",
        "REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        "AUTH_MODE": "token",
        "SECRET_KEY": SECRET,
        "MEDIA_URL": tmp_path_factory.mktemp("media").as_uri(),
        "RATE_LIMIT_ANONYMOUS": "5/minute",
    }


@pytest.fixture(scope="module")
def handler(environ, tmp_path_factory):
    """The handler of products; its follower runs in another process, as in production."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        made = vitrine_lambda.products
    command = [sys.executable, "-m", "shared", "follow", "api_products"]
    log = tmp_path_factory.mktemp("follower") / "log"
    follower = spawn(command, log, environment(**environ))
    yield made
    stop(follower, 5)
    made.app.extensions["connections"].db.client.close()
    del vitrine_lambda.products


@pytest.fixture
def ask(handler):
    """Send a request with the scope ``admin``, or anonymous with headers of its own."""
    token = Tokens(Settings(auth_mode="token", secret_key=SECRET)).mint("test", ["admin"], 600)

    def ask(kind, method, path, *, seconds=30.0, anonymous=False, **asked):
        headers = dict(asked.pop("headers", {}))
        if not anonymous:
            headers["authorization"] = f"Bearer {token}"
        if isinstance(body := asked.get("body", b""), dict):
            headers["content-type"] = "application/json"
            asked["body"] = json.dumps(body, ensure_ascii=False).encode()
        made = event(kind, method, path, headers=headers, **asked)
        return Answer.of(handler(made, Context(seconds)))

    return ask


@pytest.fixture
def product(ask):
    """A new product."""
    return ask("http_v2", "POST", "/products", body={"name": "Teapot"}).json


@every_kind
def test_a_product_is_made_and_read(ask, kind):
    made = ask(kind, "POST", "/products", body={"name": f"Café – ποτ {kind}", "price": 12.5})
    assert (made.status, made.headers["content-type"]) == (201, "application/json; charset=utf-8")
    assert not made.raw["isBase64Encoded"]
    path = path_of(made.headers["location"])
    read = ask(
        kind, "GET", f"/api/v1{path}/", anonymous=True, address=f"192.0.2.{KINDS.index(kind)}"
    )
    assert read.json == made.json
    assert read.json["name"] == f"Café – ποτ {kind}"
    assert read.headers["ratelimit"].startswith('"anonymous";r=4')


@every_kind
def test_a_query_string_comes_as_it_was_sent(ask, kind):
    ask(kind, "POST", "/products", body={"name": f"Kännchen & Söhne {kind}", "brand": "Ä+B 100%"})
    query = [("q", f"kännchen {kind}"), ("brand", "Ä+B 100%"), ("fields", "id,name")]
    found = ask(kind, "GET", "/products", query=query)
    assert found.status == 200, found.json
    assert found.json["items"][0]["name"] == f"Kännchen & Söhne {kind}"
    asked = parse_qs(found.json["links"]["self"].partition("?")[2])
    assert (asked["brand"], asked["q"]) == (["Ä+B 100%"], [f"kännchen {kind}"])


@every_kind
def test_a_parameter_given_twice_is_seen_twice(ask, kind):
    answer = ask(kind, "GET", "/products", query=[("per", "1"), ("per", "2")])
    # Without multi-value headers a load balancer passes on only the last value.
    assert answer.status == (200 if kind == "alb" else 400)
    assert kind == "alb" or answer.json["errors"][0]["parameter"] == "per"


@every_kind
def test_a_second_read_is_a_hit_and_then_not_modified(ask, product, kind):
    path = f"/products/{product['id']}"
    deadline = time.monotonic() + 90
    while "hit" not in (read := ask(kind, "GET", path)).headers["cache-status"]:
        assert time.monotonic() < deadline, read.headers["cache-status"]
    again = ask(kind, "GET", path, headers={"if-none-match": read.headers["etag"]})
    assert (again.status, again.data) == (304, b"")
    stale = {"if-match": '"0"'}
    assert ask(kind, "PUT", path, body={"price": 1}, headers=stale).status == 412


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@every_kind
def test_a_compressed_response_goes_out_as_it_is(ask, kind, coding):
    plain = ask(kind, "GET", "/openapi.json")
    answer = ask(kind, "GET", "/openapi.json", headers={"Accept-Encoding": coding})
    assert answer.headers["content-encoding"] == coding
    assert DECODE[coding](answer.data) == plain.data


@every_kind
def test_a_picture_comes_in_and_goes_out_as_it_is(handler, ask, product, kind):
    images = f"/products/{product['id']}/images"
    body, _ = encode_multipart_formdata({"image": ("x.jpg", picture())}, boundary="a,b")
    headers = {"content-type": 'multipart/form-data; boundary="a,b"'}
    sent = ask(kind, "POST", images, body=body, headers=headers)
    assert sent.status == 202, sent.json
    with handler.app.app_context():  # as a worker does in another process
        jobs.make_thumbnails(str(product["id"]), 1)
    image = ask(kind, "GET", f"{images}/1").json
    for name, begin in (("webp", b"RIFF"), ("jpeg", b"\xff\xd8\xff")):
        file = ask(kind, "GET", path_of(image["thumbnails"]["small"][name]))
        assert (file.status, file.raw["isBase64Encoded"]) == (200, True)
        assert file.headers["content-type"] == f"image/{name}"
        assert file.data.startswith(begin)


@every_kind
def test_errors_are_problem_documents(ask, kind):
    answer = ask(kind, "GET", "/products/nothing-like-it")
    assert (answer.status, answer.raw["isBase64Encoded"]) == (404, False)
    assert answer.headers["content-type"].startswith("application/problem+json")
    # The log lines of this request have the id that Lambda gives it.
    assert answer.json["request_id"] == Context.aws_request_id
    answer = ask(kind, "POST", "/products", body={"name": "x"}, anonymous=True)
    assert answer.status == 401
    assert "bearer" in next(v for k, v in answer.headers.items() if "authenticate" in k).lower()


@every_kind
def test_each_address_has_its_own_allowance_and_cannot_forge_another(ask, kind):
    mine, others = f"198.51.100.{KINDS.index(kind)}", f"2001:db8:{KINDS.index(kind)}::1"
    get = lambda address, **headers: ask(  # noqa: E731
        kind, "GET", "/products", anonymous=True, address=address, headers=headers
    )
    assert [get(mine).status for _ in range(5)] == [200] * 5
    assert get(mine).status == 429
    assert get(mine, x_forwarded_for=others).status == 429
    assert get(others).status == 200


@every_kind
def test_a_header_sent_twice_is_joined(ask, kind, product):
    token = Tokens(Settings(auth_mode="token", secret_key=SECRET)).mint(
        f"writer of {kind}", ["products:write"], 600
    )
    headers = {"authorization": f"Bearer {token}"}
    path = f"/products/{product['id']}"
    answer = ask(kind, "PATCH", path, body={"price": 2}, headers=headers, anonymous=True)
    assert answer.status == 200
    assert [each.split(";")[0] for each in answer.headers["ratelimit"].split(", ")] == [
        '"token"',
        '"writes"',
    ]


def test_a_load_balancer_checks_the_health(handler):
    asked = event("alb", "GET", "/health/ready")
    asked["headers"] = {"user-agent": "ELB-HealthChecker/2.0"}
    assert Answer.of(handler(asked, Context())).json["status"] == "ok"


def test_a_long_poll_ends_before_the_function(ask, product):
    since = ask("http_v2", "GET", "/products/changes").json["since"]
    query = [("since", since), ("wait", "30")]
    answer = ask("http_v2", "GET", "/products/changes", query=query, seconds=3.2)
    assert (answer.status, answer.json["changes"]) == (200, [])
    ask("http_v2", "PATCH", f"/products/{product['id']}", body={"price": 3})
    answer = ask("http_v2", "GET", "/products/changes", query=query)
    assert answer.json["changes"][0]["item"]["price"] == 3


def test_an_event_stream_ends_after_the_first_changes(ask, product):
    since = ask("function_url", "GET", "/products/changes").json["since"]
    ask("function_url", "PATCH", f"/products/{product['id']}", body={"price": 4})
    listens = {"accept": "text/event-stream", "last-event-id": since}
    answer = ask("function_url", "GET", "/products/changes", headers=listens)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.data.startswith(b"retry: 2000\n\n")
    assert answer.data.count(b"event: updated") == 1
    assert b'"price":4' in answer.data


def test_an_event_of_another_kind_is_refused(handler):
    with pytest.raises(ValueError, match="not an HTTP request"):
        handler({"source": "aws.events"}, Context())


@pytest.mark.parametrize("service", ["clients", "categories", "orders"])
def test_every_service_has_a_handler(environ, monkeypatch, service):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    handler = getattr(vitrine_lambda, service)
    answer = Answer.of(handler(event("http_v2", "GET", "/"), Context()))
    assert answer.json["service"] == service
    handler.app.extensions["connections"].db.client.close()
    monkeypatch.delattr(vitrine_lambda, service)


def test_an_unknown_service_has_no_handler():
    with pytest.raises(AttributeError, match="There is no service toys"):
        _ = vitrine_lambda.toys


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"AUTH_MODE": "open"}, "AUTH_MODE=open is for one machine only. Set AUTH_MODE=token."),
        ({"MEDIA_URL": ""}, "MEDIA_URL is not set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY: must be 32 random bytes"),
    ],
)
def test_a_setting_not_allowed_on_lambda_stops_the_start(environ, monkeypatch, changes, sentence):
    for name, value in (environ | changes).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=sentence):
        build("products")
