"""A console with answers that a test chooses: refusals, outages, and names of every script.

It serves the same pages under the same policy as the real one, and streams the events that a test
sends. What it answers by itself is in ``answers.py``.
"""

import json
import queue
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tests.browser.stub.answers import ANSWERS, SERVICES
from vitrine.console.pages import PAGES, Pages

PATHS = re.compile(rf"/(({'|'.join(PAGES)})(/[^?]*)?)?")
FILES = Pages()


class Stub:
    """A server on a free port, until the block ends."""

    def __init__(self):
        self.answers = {}  # (method, path) to (status, value) or (status, value, headers)
        self.tokens = None  # the accepted tokens and their scopes; None in open mode
        self.seen = []  # (method, path with query, body)
        self.streams = []  # a queue for each open stream
        self.resumed = []  # the Last-Event-ID of each stream that was opened
        self.is_down = False
        self._count = 0

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"stub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *error):
        self.stop_streams()
        self._server.shutdown()
        self._server.server_close()

    def send(self, topic, data):
        """Send an event to every open stream, with raw characters as the console does."""
        self._count += 1
        text = json.dumps(data, ensure_ascii=False)
        event = f"id: 6f1c-{self._count}\nevent: {topic}\ndata: {text}\n\n"
        for stream in list(self.streams):
            stream.put(event.encode())

    def stop_streams(self):
        for stream in list(self.streams):
            stream.put(None)

    def go_down(self):
        """Break every connection, and each new one, as a console that is stopped."""
        self.is_down = True
        self.stop_streams()

    def count(self, method, path):
        return sum(seen[0] == method and seen[1].startswith(path) for seen in self.seen)

    def session(self, token):
        scopes = ["admin"] if self.tokens is None else self.tokens.get(token)
        return {
            "mode": "open" if self.tokens is None else "token",
            "signed_in": scopes is not None,
            "subject": "maria" if scopes is not None else None,
            "scopes": scopes or [],
            "expires": None,
            "services": list(SERVICES),
            "version": "1.0.0",
            "problem": "" if scopes is not None else "The token is not valid.",
            "fuzz": {"possible": True, "why_not": ""},
        }


def _named(url):
    """Return the path of a URL, with the name of the parameter that makes it another answer."""
    path, query = unquote(urlsplit(url).path), parse_qs(urlsplit(url).query)
    return path + "".join(
        f"?{name}" for name in ("prefix", "key", "root", "parent") if name in query
    )


class _Handler(BaseHTTPRequestHandler):
    stub: Stub
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        stub, path = self.stub, urlsplit(self.path).path
        if stub.is_down:
            self.close_connection = True
            return
        wants_page = "text/html" in self.headers.get("Accept", "")
        if path.startswith("/static/"):
            self._send_file(FILES.file(path.removeprefix("/static/")))
        elif wants_page and PATHS.fullmatch(path):
            self._send_file(FILES.page(path))
        elif path == "/stream":
            self._stream()
        else:
            self._answer()

    def do_POST(self):
        self._answer()

    do_DELETE = do_PATCH = do_PUT = do_POST

    def _answer(self):
        stub = self.stub
        if stub.is_down:
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        stub.seen.append((self.command, self.path, body))
        path = _named(self.path)
        scopes = self._scopes()
        if self.command != "GET" and self.headers.get("X-Console") != "1":
            self._problem(403, "Send X-Console: 1.")
        elif path == "/session":
            self._json(200, stub.session(self._token()))
        elif scopes is None:
            self._problem(401, "The token is not valid. It has expired.")
        elif answer := stub.answers.get((self.command, path)):
            self._json(*answer)
        elif value := ANSWERS.get((self.command, path)):
            if callable(value):
                value = value(parse_qs(urlsplit(self.path).query))
            self._json(202 if self.command == "POST" else 200, value)
        else:
            self._problem(404, f"The stub knows no {self.command} {path}.")

    def _token(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _scopes(self):
        return ["admin"] if self.stub.tokens is None else self.stub.tokens.get(self._token())

    def _problem(self, status, detail, headers=()):
        self._json(status, {"title": "Refused", "status": status, "detail": detail}, headers)

    def _json(self, status, value, headers=()):
        known = {
            "Content-Type": "application/json",
            "X-Request-ID": "5c1f0b7a9d3e4c21",
            "Server-Timing": "cache;dur=0.3, total;dur=1.2",
        }
        self._send(status, json.dumps(value).encode(), known | dict(headers))

    def _send_file(self, file):
        body, coding = file.coded(self.headers.get("Accept-Encoding", ""))
        headers = {"Content-Type": file.type, "Cache-Control": file.cache}
        self._send(200, body, headers | ({"Content-Encoding": coding} if coding else {}))

    def _send(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Security-Policy": FILES.policy, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self):
        if (scopes := self._scopes()) is None or "admin" not in scopes:
            detail = "This needs a token with the scope admin."
            self._problem(401 if scopes is None else 403, detail)
            return
        if answer := self.stub.answers.get(("GET", "/stream")):
            self._json(*answer)
            return
        self.stub.resumed.append(self.headers.get("Last-Event-ID", ""))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        own = queue.Queue()
        hello = {"at": time.time(), "services": list(SERVICES), "id": "6f1c-0"}
        own.put(f"id: 6f1c-0\nevent: hello\ndata: {json.dumps(hello)}\n\n".encode())
        self.stub.streams.append(own)
        try:
            self._pass_on(own)
        except OSError:
            pass
        finally:
            self.stub.streams.remove(own)

    def _pass_on(self, own):
        """Write events; a comment now and then finds out whether the reader is still there."""
        while True:
            try:
                event = own.get(timeout=0.1)
            except queue.Empty:
                event = b":\n\n"
            if event is None:
                return
            self.wfile.write(event)
            self.wfile.flush()

    def log_message(self, *arguments):
        pass
