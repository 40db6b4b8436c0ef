"""Calls between services, against a real server that misbehaves on demand."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.config.settings import Settings
from shared.http.errors import ServiceUnavailable
from shared.http.service_client import HttpTransport, ServiceClient
from tests.support.processes import free_port

HANGS = 0  # in place of a status: the server answers only after the test


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("X-Request-ID")))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == HANGS:
            self.server.over.wait(20)
        self.send_response(abs(status))
        if status < 0:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_PUT = do_GET

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + self.server.ahead)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.statuses, server.over = [], [], threading.Event()
    server.body = b'{"ok": true}'
    server.ahead = 0  # seconds by which its clock is ahead
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def services(server):
    return ServiceClient(
        HttpTransport(Settings(products_url=f"http://127.0.0.1:{server.server_port}"))
    )


def test_a_response_is_json_and_a_404_is_none(server, services):
    assert services.get("products", "products", "a/b", q="x y") == {"ok": True}
    server.statuses = [404]
    assert services.get("products", "products", "1") is None
    assert server.seen[0][0] == "/products/a%2Fb?q=x+y"


def test_a_503_is_sent_again(server, services):
    server.statuses = [503, 200]
    assert services.get("products", "x") == {"ok": True}
    assert len(server.seen) == 2


def test_a_conflict_of_writes_at_one_moment_is_sent_again(server, services):
    """A 409 with Retry-After, here the negative ones, is not the answer yet."""
    server.statuses = [-409, 409]
    assert services.request("GET", "products", "x")[0] == 409
    assert len(server.seen) == 2


@pytest.mark.parametrize("statuses", [[503] * 9, [500] * 9, [-409] * 9])
def test_a_service_that_keeps_failing_is_named(server, services, statuses):
    server.statuses = statuses
    with pytest.raises(
        ServiceUnavailable, match=r"The products service at http://127\.0\.0\.1:\d+"
    ):
        services.get("products", "x")
    assert len(server.seen) <= 3


def test_a_service_that_has_waited_itself_is_not_asked_again(server, services):
    server.statuses = [-503] * 9
    server.body = b'{"status": 503, "detail": "MongoDB cannot be reached."}'
    with pytest.raises(ServiceUnavailable, match=r"products service cannot answer: MongoDB cannot"):
        services.get("products", "x")
    assert len(server.seen) == 1


def test_a_service_that_hangs_is_not_asked_again_after_the_deadline(server, services):
    server.statuses = [HANGS] * 3
    with pytest.raises(ServiceUnavailable, match="products service"):
        services.request("PUT", "products", "x", seconds=0.2)
    assert len(server.seen) == 1


def test_a_service_that_is_not_there_is_named():
    services = ServiceClient(
        HttpTransport(Settings(products_url=f"http://127.0.0.1:{free_port()}"))
    )
    with pytest.raises(ServiceUnavailable, match="products service"):
        services.get("products", "x")


def test_one_request_reads_each_url_once_and_passes_its_id_on(server, services, products):
    app = products.application
    with app.test_request_context("/", headers={"X-Request-ID": "abc"}):
        app.preprocess_request()
        assert services.get("products", "x") == services.get("products", "x")
    assert server.seen == [("/x", "abc")]


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (-3600, "differ by 1 hour, this one is ahead"),
        (7200, "differ by 2 hours, this one is behind"),
        (-70, "differ by 1 minute, this one is ahead"),
    ],
)
def test_a_token_that_is_refused_because_of_the_clocks_says_so(server, services, ahead, text):
    server.ahead = ahead
    server.statuses = [401, 401]
    for send in (services.get, lambda *words: services.request("PUT", *words)):
        with pytest.raises(ServiceUnavailable, match=f"refused the token of this .* {text}"):
            send("products", "x")


def test_a_token_that_is_refused_by_a_host_of_the_same_time_is_not_about_clocks(server, services):
    server.statuses = [401]
    assert services.request("PUT", "products", "x")[0] == 401
    server.ahead = 3600  # Which does not matter while tokens are accepted.
    assert services.get("products", "x") == {"ok": True}
