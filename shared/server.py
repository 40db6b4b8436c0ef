"""gunicorn's threaded worker, made patient: slow clients hold no thread, and none for ever.

gunicorn gives a connection to one of its few threads as soon as it says anything, so that some
clients who send their heads byte by byte keep everybody else out.  Here the loop that waits for
connections collects the head of a request, and a thread gets it whole.  A body has to come in a
time that goes by its length, and an answer has to be taken.  What is no HTTP is answered with a
problem document, as everything else is.
"""

import contextlib
import errno
import socket
import struct
import time
import uuid
from collections import deque
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from shared.errors import PROBLEM, document

HEAD_SECONDS = 10
MAX_HEAD = 1 << 16
BODY_SECONDS = 15
BYTES_PER_SECOND = 50_000
SEND_SECONDS = 10
LARGE = 1 << 16  # bytes of an answer that may not fit into what the kernel takes at once
LINGER_SECONDS = 2  # for a client to read what we have ended (RFC 9112, 9.6)
_END = b"\r\n\r\n"


class _Socket(socket.socket):
    """A socket whose large answers have to be taken in a time that goes by their length."""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all, or raise ``TimeoutError``."""
        if len(data) > LARGE:
            self.settimeout(SEND_SECONDS + len(data) / BYTES_PER_SECOND)
            super().sendall(data, flags)
            self.settimeout(None)
        else:
            super().sendall(data, flags)


class _Connection(TConn):  # type: ignore[misc]
    """A connection, and what has come of the head of its next request."""

    head = b""


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker that hands requests to its threads when their heads are there."""

    def init_process(self) -> None:
        """Begin to work."""
        self._bodies: dict[_Connection, float] = {}
        self._ended: deque[_Connection] = deque()
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, and wait for what it says."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EMFILE):
                raise
            return
        client = _Socket(fileno=client.detach())
        # For who asks and does not listen; a timeout of Python's would be for reading as well.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        self.nr_conns += 1
        self._wait(_Connection(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: _Connection, client: socket.socket) -> None:
        """Take the beginning of a further request on a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        if not self._receive(conn):
            self._wait(conn)

    def finish_request(self, conn: _Connection, fs: "Future[Any]") -> None:
        """Go on with a connection; what came with the last request may be a part of the next."""
        is_kept = not fs.cancelled() and fs.exception() is None and fs.result() is True
        if is_kept and (left := conn.parser.unreader.take_buffered()):
            conn.head = left
            if not self._begin(conn):
                self._wait(conn)
        elif is_kept:
            super().finish_request(conn, fs)
        else:
            self._end(conn)

    def _end(self, conn: _Connection) -> None:
        """Say that no more comes, and close when the client has, or shortly.

        Closed at once, an answer could be lost with what the client has sent and nobody read;
        gunicorn would wait for that in this very loop.
        """
        conn.timeout = time.monotonic() + LINGER_SECONDS
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._linger, conn))
        except (OSError, ValueError, KeyError):
            self._close(conn)
        else:
            self._ended.append(conn)

    def _linger(self, conn: _Connection, client: socket.socket) -> None:
        """Throw away what still comes."""
        try:
            if client.recv(MAX_HEAD):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._ended.remove(conn)
        self._close(conn)

    def _close(self, conn: _Connection) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _wait(self, conn: _Connection) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._go_on, conn))

    def _go_on(self, conn: _Connection, client: socket.socket) -> None:
        if self._receive(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)

    def _receive(self, conn: _Connection) -> bool:
        """Take what is there; return whether there is nothing more to wait for."""
        try:
            data = conn.sock.recv(MAX_HEAD)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if data:
            conn.head += data
            return self._begin(conn)
        self.nr_conns -= 1
        conn.close()
        return True

    def _begin(self, conn: _Connection) -> bool:
        """Give a request to a thread if its head is there, or is too long to be one."""
        if _END not in conn.head and len(conn.head) < MAX_HEAD:
            return False
        self.enqueue_req(conn)
        return True

    def handle(self, conn: _Connection) -> Any:
        """Answer one request; called in a thread."""
        conn.sock.setblocking(True)
        conn.init()
        head, conn.head = conn.head, b""
        conn.parser.unreader.unread(head)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: _Connection) -> Any:
        """Answer a request whose head was read; its body has some time to come."""
        length = _length(req)
        if length:
            self._bodies[conn] = time.monotonic() + BODY_SECONDS + length / BYTES_PER_SECOND
        try:
            return super().handle_request(req, conn)
        finally:
            self._bodies.pop(conn, None)

    def _keepalive_after(self, conn: _Connection, keepalive: bool) -> bool:
        """Keep a connection unless there is a body on its way that nobody has read."""
        if not keepalive:
            return False
        conn.sock.setblocking(False)
        try:
            return bool(conn.parser.finish_body(max_bytes=MAX_HEAD))
        except BlockingIOError:
            return False

    def murder_pending(self) -> None:
        """Close the connections whose heads or bodies do not come, or whose clients do not go."""
        now = time.monotonic()
        while self._ended and self._ended[0].timeout <= now:
            self._close(self._ended.popleft())
        for conn in [conn for conn in self.pending_conns if conn.timeout <= now and conn.head]:
            _write_problem(conn.sock, 408, "", f"The request did not come in {HEAD_SECONDS} s.")
        for conn in [conn for conn, end in list(self._bodies.items()) if end <= now]:
            # Whoever reads sees the end, but what is answered still goes out.
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)
        super().murder_pending()


def _length(request: Any) -> int:
    """Return the bytes a body is to have, one for a body that does not say."""
    for name, value in request.headers:
        if name == "CONTENT-LENGTH":
            return min(int(value), 1 << 40)  # What is longer is refused, but has to be a time.
        if name == "TRANSFER-ENCODING":
            return 1
    return 0


def _write_problem(client: socket.socket, status: int, _: str, message: str) -> None:
    """Answer what is no request that could be routed."""
    body = document(status, str(message)[:200], "", uuid.uuid4().hex)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\n"
        f"Content-Type: {PROBLEM}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with contextlib.suppress(OSError):
        util.write_nonblock(client, head.encode() + body)


# gunicorn leaves no other place to say what is answered to what is no HTTP.
util.write_error = _write_problem
