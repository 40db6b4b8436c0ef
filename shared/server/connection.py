"""Connection of HTTP/1.1: gunicorn parses its requests, this module sends the responses.

A response is sent in one piece if possible, and its ``Connection`` header says whether it is the
last one.  Data that is not HTTP is answered with a problem document, like every other error.
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
LARGE = 1 << 16  # bytes of a response that may not fit into the kernel's buffer
_END = b"\r\n\r\n"
_FIELDS = re.compile(r"(?:[!#$%&'*+\-.^_`|~\w]+: [\t\x20-\x7e\x80-\xff]*\r\n)*", re.ASCII)
_FRAMING = util.hop_headers | {"content-length"}
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EAGAIN, errno.ETIMEDOUT)


class _Request(Request):  # type: ignore[misc]
    def _peer_is_trusted_proxy(self) -> bool:
        """Return False, because ``ProxyFix`` reads the headers of ``TRUSTED_PROXIES``."""
        return False


class _Parser(RequestParser):  # type: ignore[misc]
    mesg_class = _Request


class Connection:
    """Connection of a client, with the received part of the head of its next request.

    At its ``deadline`` the head must be complete, or the body of the request that it is busy with.
    """

    def __init__(self, cfg: Config, client: socket.socket, address: Any, server: Any) -> None:
        # For clients that do not read; a timeout of Python would apply to both directions.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        client.setblocking(True)
        self.sock, self.address, self.server = client, address, server
        self.head = b""
        self.parser = _Parser(cfg, client, address)
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.is_busy = self.is_muted = self.is_ended = self.is_late = False

    def receive(self) -> bool:
        """Read the available data; return False if the connection has ended."""
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
        """Return True if the head is complete, or too long to be one."""
        return _END in self.head or len(self.head) >= MAX_HEAD

    def answer(self, worker: Any) -> bool:
        """Answer one request; return True if the client may send another one."""
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
        """Return True if the rest of the body cannot be discarded without waiting for it."""
        self.sock.setblocking(False)
        try:
            return self.is_late or not self.parser.finish_body(max_bytes=MAX_HEAD)
        except Exception:
            return True
        finally:
            self.sock.setblocking(True)

    def end(self) -> None:
        """Close the sending side, and discard further data of the client.

        If the socket were closed with unread data, the client could lose the response.
        """
        self.head, self.is_ended = b"", True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End the reading of a body that does not arrive; a response can still be sent."""
        self.deadline, self.is_late = math.inf, True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RD)


class _Response(wsgi.Response):  # type: ignore[misc]
    """Response whose head is sent together with the first part of its body."""

    headers_sent: bool

    def __init__(
        self, request: Any, client: Any, cfg: Config, conn: Connection, worker: Any, has_body: bool
    ) -> None:
        super().__init__(request, client, cfg)
        self._conn, self._worker, self._has_body = conn, worker, has_body
        self._head = b""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Accept headers of one line each; gunicorn refuses the others."""
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
        """Return the lines that the server adds, with ``close`` for the last response."""
        if self._worker.is_leaving() or (self._has_body and self._conn.has_body_left()):
            self.force_close()
        version, connection = self.req.version, "close" if self.should_close() else "keep-alive"
        lines = [
            f"HTTP/{version[0]}.{version[1]} {self.status}\r\nServer: {self.version}\r\n"
            f"Date: {_date(int(time.time()))}\r\nConnection: {connection}\r\n"
        ]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines

    def send_headers(self) -> None:
        """Prepare the head of the response."""
        if not self.headers_sent:
            lines = self.default_headers()
            lines += [part for name, text in self.headers for part in (name, ": ", text, "\r\n")]
            self._head = ("".join(lines) + "\r\n").encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        self._send(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def close(self) -> None:
        """Send the rest of the response."""
        self.send_headers()
        self._send(b"0\r\n\r\n" if self.chunked else b"")

    def _send(self, data: bytes) -> None:
        """Send all data, or raise an ``OSError`` if the client does not read it in time."""
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
    """Return the length of the body, 1 if it is chunked."""
    for name, value in request.headers:
        if name == "CONTENT-LENGTH":
            return min(int(value), 1 << 40)  # A longer one is refused later.
        if name == "TRANSFER-ENCODING":
            return 1
    return 0


def write_problem(client: socket.socket, status: int, _: str, message: str) -> None:
    """Answer data that cannot be routed as a request."""
    body = problem_document(status, str(message)[:200], "", uuid.uuid4().hex)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        f"Content-Type: {PROBLEM}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with contextlib.suppress(OSError):
        client.send(head.encode() + body, socket.MSG_DONTWAIT)


# The only place in gunicorn that sets the response to data that is not HTTP.
util.write_error = write_problem
