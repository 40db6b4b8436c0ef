"""A web server of photos for tests, on a free port: well-behaved paths and others."""

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Reply:
    """A reply of the server for a path.

    ``endless`` repeats the body for ever, ``pause`` holds the rest of a response back until the
    server is closed: before the ``head``, or before the ``body``.
    """

    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    endless: bool = False
    pause: str = ""


class PhotoServer:
    """Server whose replies are in ``replies`` by path; ``requests`` has the heads it received."""

    def __init__(self, context=None):
        self.replies = {}
        self.requests = []
        self.closed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                reply = outer.replies.get(self.path, Reply(status=404))
                with contextlib.suppress(OSError):
                    outer.answer(self, reply)

            def log_message(self, *args):
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, handler, reply):
        etag = reply.headers.get("ETag")
        if etag and handler.headers.get("If-None-Match") == etag:
            reply = Reply(status=304, headers=reply.headers)
        if reply.pause == "head":
            # A byte of the status line from time to time, so that no time-out of a read is met.
            while not self.closed.wait(0.1):
                handler.wfile.write(b"H")
                handler.wfile.flush()
            return
        handler.send_response(reply.status)
        length = {} if reply.endless else {"Content-Length": len(reply.body)}
        for name, value in (length | reply.headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        if reply.pause == "body":
            handler.wfile.flush()
            while not self.closed.wait(0.1):
                handler.wfile.write(b"x")
                handler.wfile.flush()
            return
        handler.wfile.write(reply.body)
        while reply.endless:
            handler.wfile.write(reply.body)

    def paths(self):
        """The paths that were asked for, in order."""
        return [path for path, _ in self.requests]

    def close(self):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
