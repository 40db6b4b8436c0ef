"""Application that ``test_server`` runs under gunicorn: responses of every kind, in plain WSGI."""

import time
from pathlib import Path

from shared.server import connection


class App:
    """Answers as the path says."""

    extensions = {}

    def __init__(self, **seconds):
        vars(connection).update(seconds)

    def __call__(self, environ, start_response):
        name = environ["PATH_INFO"].strip("/").partition("/")[0]
        return getattr(Answer(environ, start_response), name)()


class Answer:
    """One answer, by a method for each kind."""

    def __init__(self, environ, start_response):
        self.environ, self.start = environ, start_response

    def answer(self, body, *headers, status="200 OK"):
        self.start(status, [("Content-Length", str(len(body))), *headers])
        return [body]

    def name(self):
        return self.answer(self.environ["QUERY_STRING"].encode())

    def body(self):
        return self.answer(self.environ["wsgi.input"].read())

    def unread(self):
        return self.answer(b"no", status="415 Unsupported Media Type")

    def refused(self):
        try:
            return self.body()
        except Exception as error:
            return self.answer(repr(error).encode(), status="400 Bad Request")

    def header(self):
        name, value = self.environ["PATH_INFO"].split("/")[2:]
        return self.answer(b"fine", (name, value))

    def stream(self):
        self.start("200 OK", [])
        return iter([b"one", b"", b"two" * 50_000])

    def nothing(self):
        self.start("204 No Content", [])
        return []

    def broken(self):
        raise RuntimeError("as it was asked to")

    def large(self):
        return self.answer(b"x" * (1 << 26))

    def slow(self):
        """Answer when there is a file of that name."""
        while not Path(self.environ["QUERY_STRING"]).exists():
            time.sleep(0.01)
        return self.answer(b"slow")


patient = App()
hasty = App(HEAD_SECONDS=2, BODY_SECONDS=1, SEND_SECONDS=1, BYTES_PER_SECOND=1 << 28)
