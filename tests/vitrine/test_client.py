"""The client of the commands: it says what is wrong with a server that is not Vitrine."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from vitrine.client import Client
from vitrine.stack import StackError


class Page(BaseHTTPRequestHandler):
    """A web server that answers every path with a page, as a gateway without a service does."""

    def do_GET(self):
        self.send_response(int(self.path.removeprefix("/")))
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *args):
        pass


@pytest.fixture
def url():
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", ["200", pytest.param("502", marks=pytest.mark.slow)])
def test_an_answer_that_is_no_json_is_told(url, status):
    with pytest.raises(StackError, match=f"answered GET /{status} with {status} and no JSON"):
        Client("products", url).get(f"/{status}")
