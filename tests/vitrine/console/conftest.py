"""A console in front of services that are played by a server of the test."""

import json
import re
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.config.settings import Settings
from vitrine.console.app import build_app

PAGE = (
    '<!doctype html><head><script type="importmap">{"imports": {"a": "/static/a.js"}}</script>'
    '<script type="module" src="/static/a.js"></script></head>'
)
# The page /products needs the first two, that of one product the first and the last.
MODULES = {
    "a.js": "export const a = 1;\n",
    "js/pages/products.js": (
        'import { a } from "a";\nconst loadAll = () => import("../all.js");\n'
        'const loadOne = () => import("../one.js");\n'
    ),
    "js/all.js": "export const all = 1;\n",
    "js/one.js": f"export const one = 1; // {'-' * 2000}\n",
}


class Upstream:
    """A service that records what it gets, and answers what the test says."""

    def __init__(self):
        self.requests = []
        self.answers = {}
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                headers = dict(self.headers.items())
                upstream.requests.append((self.command, self.path, headers, body))
                path = self.path.partition("?")[0]
                status, more, data = upstream.answers.get(path, (404, {}, {"detail": "No."}))
                sent = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in ({"Content-Type": "application/json"} | more).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                if self.command != "HEAD":
                    with suppress(ConnectionError):  # The console may have left.
                        self.wfile.write(sent)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = answer

            def log_message(self, *args):
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        with suppress(OSError):
            self._server.shutdown()
            self._server.server_close()


@pytest.fixture
def upstream():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE)
    for name, text in MODULES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "secret.txt").write_text("not for pages")
    return folder


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=str(tmp_path / "data"))


@pytest.fixture
def app(settings, upstream, folder):
    return build_app(settings, {"products": upstream.url, "down": "http://127.0.0.1:9"}, folder)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def base(client):
    """The beginning of the addresses of files."""
    return re.search('src="([^"]+)a.js"', client.get("/").text)[1]


@pytest.fixture
def send(client):
    """Send a request with this target, as gunicorn passes it on."""

    def send(target, method="GET", headers=(), **options):
        sent = {"X-Console": "1", **dict(headers)}
        environ = {"RAW_URI": target}
        path = options.pop("path", target)
        return client.open(path, method=method, headers=sent, environ_overrides=environ, **options)

    return send
