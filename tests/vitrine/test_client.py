"""The client of the commands: it says what is wrong with a server that is not Vitrine."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vitrine import client
from vitrine.client import Client
from vitrine.stack import StackError


class Page(BaseHTTPRequestHandler):
    """A web server that answers every path with a page, as a gateway without a service does."""

    def do_GET(self):
        self.send_response(int(self.path.removeprefix("/")))
        self.end_headers()
        self.wfile.write(b"<html>")

    def do_POST(self):
        self.server.asked += 1
        self.server.is_over.wait(30)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        server.asked, server.is_over = 0, threading.Event()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.is_over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("status", ["200", pytest.param("502", marks=pytest.mark.slow)])
def test_an_answer_that_is_no_json_is_told(url, status):
    with pytest.raises(StackError, match=f"answered GET /{status} with {status} and no JSON"):
        Client("products", url).get(f"/{status}")


def test_a_service_that_is_frozen_is_shown_once_and_ends_the_command(
    server, url, monkeypatch, capsys
):
    monkeypatch.setattr(client, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.6)
    products = Client("products", url)

    def write(_):
        with pytest.raises(StackError, match=f"^products has not answered at {url} for 0.6 sec"):
            products.batch([])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    assert server.asked == 3  # It is not asked again and again.
    waits = f"products has not answered at {url} for 0.1 seconds; waiting"
    assert capsys.readouterr().err.count(waits) == 1
