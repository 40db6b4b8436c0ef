"""Calls between services, against a real server that misbehaves on demand."""

import threading
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
        self.send_header("Content-Length", "12")
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    do_PUT = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.statuses, server.over = [], [], threading.Event()
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
