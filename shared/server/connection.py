"""Connection of HTTP/1.1: gunicorn parses its requests, this module sends the responses.

An answer goes out in one piece where that is possible, and says when it is the last one of its
connection.  What is no HTTP is answered with a problem document, as everything else is.
"""

import contextlib
import errno
import math
import re
import socket
import struct
import time
import uuid
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from shared.http.errors import PROBLEM, problem_document

HEAD_SECONDS = 10
MAX_HEAD = 1 << 16
BODY_SECONDS = 15
BYTES_PER_SECOND = 50_000
SEND_SECONDS = 10
LARGE = 1 << 16  # bytes of an answer that may not fit into what the kernel takes at once
_END = b"\r\n\r\n"
_FIELDS = re.compile(r"(?:[!#$%&'*+\-.^_`|~\w]+: [\t\x20-\x7e\x80-\xff]*\r\n)*", re.ASCII)
_FRAMING = util.hop_headers | {"content-length"}
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EAGAIN, errno.ETIMEDOUT)


class _Request(Request):  # type: ignore[misc]
    def _peer_is_trusted_proxy(self) -> bool:
        """Nobody is: what proxies say is believed as ``TRUSTED_PROXIES`` tells."""
        return False


class _Parser(RequestParser):  # type: ignore[misc]
    mesg_class = _Request


class Connection:
    """A connection, and what has come of the head of its next request.

    ``deadline`` is when what it waits for has to be there: a head, or while it is ``busy`` with a
    request, its body.
    """

    def __init__(self, cfg: Config, client: socket.socket, address: Any, server: Any) -> None:
        # For who asks and does not listen; a timeout of Python's would be for reading as well.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        client.setblocking(True)
        self.sock, self.address, self.server = client, address, server
        self.head = b""
        self.parser = _Parser(cfg, client, address)
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.is_busy = self.is_muted = self.is_ended = self.is_late = False

    def receive(self) -> bool:
        """Take what is there; return whether the connection goes on."""
        try:
            data = self.sock.recv(MAX_HEAD, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if not self.is_ended:
            if not self.head:
                self.deadline = time.monotonic() + HEAD_SECONDS
            self.head += data
        return bool(data)

    def has_head(self) -> bool:
        """Whether a whole head is there, or something too long to be one."""
        return _END in self.head or len(self.head) >= MAX_HEAD

    def answer(self, worker: Any) -> bool:
        """Answer one request; return whether there may be more."""
        request = None
        try:
            self.parser.unreader.unread(self.head)
            self.head, self.deadline = b"", math.inf
            request = next(self.parser)
            if self._run(request, worker):
                self.head = self.parser.unreader.take_buffered()
                return True
        except (NoMoreData, StopIteration):
            pass
        except OSError as error:
            if error.errno not in _GONE and not isinstance(error, TimeoutError):
                worker.log.exception("Socket error processing request.")
        except Exception as error:
            worker.handle_error(request, self.sock, self.address, error)
        return False

    def _run(self, request: Any, worker: Any) -> bool:
        if length := _length(request):
            self.deadline = time.monotonic() + BODY_SECONDS + length / BYTES_PER_SECOND
        response, environ = wsgi.create(
            *(request, self.sock, self.address, self.server, worker.cfg),
            response_class=_Response,
            response_args=(self, worker, length > 0),
        )
        environ["wsgi.multithread"] = True
        body = worker.wsgi(environ, response.start_response)
        try:
            for part in body:
                response.write(part)
            response.close()
        except OSError:
            raise
        except Exception:
            if not response.headers_sent:
                raise
            worker.log.exception("Error handling request")
            return False
        finally:
            if hasattr(body, "close"):
                body.close()
        return not response.should_close()

    def has_body_left(self) -> bool:
        """Whether there is more of a body than can be thrown away without waiting for it."""
        self.sock.setblocking(False)
        try:
            return self.is_late or not self.parser.finish_body(max_bytes=MAX_HEAD)
        except Exception:
            return True
        finally:
            self.sock.setblocking(True)

    def end(self) -> None:
        """Say that no more comes; what the client still sends is thrown away.

        Closed at once, an answer could be lost with what the client has sent and nobody read.
        """
        self.head, self.is_ended = b"", True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Let whoever reads a body that does not come see its end; an answer still goes out."""
        self.deadline, self.is_late = math.inf, True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RD)


class _Response(wsgi.Response):  # type: ignore[misc]
    """An answer whose head goes out together with what comes first of its body."""

    headers_sent: bool

    def __init__(
        self, request: Any, client: Any, cfg: Config, conn: Connection, worker: Any, has_body: bool
    ) -> None:
        super().__init__(request, client, cfg)
        self._conn, self._worker, self._has_body = conn, worker, has_body
        self._head = b""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take headers that are lines of their own each; gunicorn refuses what others do."""
        lines = "".join([part for name, text in headers for part in (name, ": ", text, "\r\n")])
        if lines.count("\r\n") != len(headers) or not _FIELDS.fullmatch(lines):
            super().process_headers(headers)
            return
        for each in headers:
            if each[0].lower() in _FRAMING:
                super().process_headers([each])
            else:
                self.headers.append(each)

    def default_headers(self) -> list[str]:
        """Return the lines that the server adds; the client hears when this answer is the last."""
        if self._worker.is_leaving() or (self._has_body and self._conn.has_body_left()):
            self.force_close()
        version, connection = self.req.version, "close" if self.should_close() else "keep-alive"
        lines = [
            f"HTTP/{version[0]}.{version[1]} {self.status}\r\nServer: {self.version}\r\n"
            f"Date: {_date(int(time.time()))}\r\nConnection: {connection}\r\n"
        ]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines

    def send_headers(self) -> None:
        """Have the head ready to be sent."""
        if not self.headers_sent:
            lines = self.default_headers()
            lines += [part for name, text in self.headers for part in (name, ": ", text, "\r\n")]
            self._head = ("".join(lines) + "\r\n").encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        self._send(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def close(self) -> None:
        """Send what is left."""
        self.send_headers()
        self._send(b"0\r\n\r\n" if self.chunked else b"")

    def _send(self, data: bytes) -> None:
        """Send all, or raise an ``OSError`` when it is not taken in time."""
        data, self._head = self._head + data, b""
        if len(data) > LARGE:
            self.sock.settimeout(SEND_SECONDS + len(data) / BYTES_PER_SECOND)
            try:
                self.sock.sendall(data)
            finally:
                self.sock.settimeout(None)
        elif data:
            self.sock.sendall(data)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return str(util.http_date(second))


def _length(request: Any) -> int:
    """Return the bytes a body is to have, one for a body that does not say."""
    for name, value in request.headers:
        if name == "CONTENT-LENGTH":
            return min(int(value), 1 << 40)  # What is longer is refused, but has to be a time.
        if name == "TRANSFER-ENCODING":
            return 1
    return 0


def write_problem(client: socket.socket, status: int, _: str, message: str) -> None:
    """Answer what is no request that could be routed."""
    body = problem_document(status, str(message)[:200], "", uuid.uuid4().hex)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        f"Content-Type: {PROBLEM}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with contextlib.suppress(OSError):
        client.send(head.encode() + body, socket.MSG_DONTWAIT)


# gunicorn leaves no other place to say what is answered to what is no HTTP.
util.write_error = write_problem
