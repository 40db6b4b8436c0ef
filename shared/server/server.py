"""Worker class for gunicorn whose threads wait for requests in turns: leader and followers.

One thread, the leader, waits for all connections and collects the heads of requests.  When a head
is complete, another thread becomes the leader, and this one answers the request, so that no request
is handed from thread to thread.  Slow clients hold no thread, and each of their steps has a time
limit: some seconds for a head, a time by its length for a body, and the same for a response.

A busy connection stays registered with the selector, which costs nothing while the client sends
nothing.  If it sends, the connection is unregistered, and registered again by the thread that has
answered: epoll and kqueue notice that while they wait, other selectors within a second.
"""

import contextlib
import errno
import math
import os
import select
import threading
import time
from collections import deque
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker

from shared.server.connection import HEAD_SECONDS, Connection, write_problem

LINGER_SECONDS = 2  # for a client to read the last response (RFC 9112, 9.6)
STOP_SECONDS = 2  # for a request that a client is sending when the worker is stopped
STOPPING_SECONDS = 0.05  # between two checks while the worker stops; otherwise a second
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Worker(BaseWorker):  # type: ignore[misc]
    """Worker whose threads take turns in waiting for requests."""

    def init_process(self) -> None:
        """Prepare the worker."""
        # Each access to a setting is a look-up, and a request has dozens of them.
        self.cfg.__dict__.update({name: each.get() for name, each in self.cfg.settings.items()})
        self._selector = DefaultSelector()
        self._connections: set[Connection] = set()
        self._ready: deque[Connection] = deque()
        self._lead = threading.Lock()  # Its holder, the leader, owns the idle connections.
        self._turn = threading.Lock()  # Guards the change of a connection between busy and idle.
        self._is_listening = self._is_over = False
        self._swept = -math.inf
        self._most_kept = max(1, self.cfg.worker_connections - self.cfg.threads)
        super().init_process()

    def run(self) -> None:
        """Serve until the worker is stopped: the threads answer, and this one supervises them."""
        for listener in self.sockets:
            listener.setblocking(False)
        self._selector.register(self.PIPE[0], EVENT_READ)
        self._listen(True)
        try:
            for _ in range(self.cfg.threads):
                threading.Thread(target=self._work).start()
            while self.alive and self.ppid == os.getppid():
                self._look_after()
                if select.select([self.PIPE[0]], [], [], 1)[0]:  # A signal has arrived.
                    os.read(self.PIPE[0], 64)
            self._stop()
        finally:
            self._is_over = True

    def is_leaving(self) -> bool:
        """Return True if connections end after their response: to stop, or to make room."""
        return not self.alive or len(self._connections) > self._most_kept

    def _stop(self) -> None:
        """Wait for the running requests."""
        self.alive = False
        os.write(self.PIPE[1], b"1")  # Wakes the leader, too.
        now = time.monotonic()
        for conn in list(self._connections):
            if not conn.is_busy:
                conn.deadline = min(conn.deadline, now + STOP_SECONDS)
        while self._connections and time.monotonic() < now + self.cfg.graceful_timeout:
            self._look_after()
            time.sleep(STOPPING_SECONDS)

    def _look_after(self) -> None:
        """Report that this process lives, and do the leader's work while all threads are busy."""
        self.notify()
        now = time.monotonic()
        for conn in list(self._connections):
            if conn.is_busy and conn.deadline <= now:
                conn.cut()
        if self._lead.acquire(blocking=False):
            try:
                self._receive(0)
            finally:
                self._lead.release()

    def _work(self) -> None:
        while not self._is_over:
            try:
                if conn := self._next():
                    self._serve(conn)
            except (Exception, SystemExit):
                self.log.exception("A connection could not be served.")

    def _next(self) -> Connection | None:
        """Return a connection with a request, or None after a wait, to check for a stop."""
        with contextlib.suppress(IndexError):
            return self._ready.popleft()
        with self._lead:
            if not self._ready:
                self._receive(1 if self.alive else STOPPING_SECONDS)
        return None

    def _serve(self, conn: Connection) -> None:
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        is_kept = False
        try:
            is_kept = conn.answer(self)
        finally:
            self._go_on(conn, is_kept)

    def _go_on(self, conn: Connection, is_kept: bool) -> None:
        """Wait for the next request, which may have arrived, or for the client to close."""
        if is_kept and conn.has_head():
            self._ready.append(conn)
            return
        seconds = HEAD_SECONDS if conn.head else self.cfg.keepalive
        if not is_kept:
            conn.end()
            seconds = LINGER_SECONDS
        elif not self.alive:
            seconds = STOP_SECONDS
        conn.deadline = time.monotonic() + seconds
        with self._turn:
            conn.is_busy = False
            if conn.is_muted:
                conn.is_muted = False
                self._selector.register(conn.sock, EVENT_READ, conn)

    # The leader calls the methods below.

    def _receive(self, seconds: float) -> None:
        """Wait for data, new connections or a stop, and handle them."""
        for key, _ in self._selector.select(seconds):
            if key.data:
                self._hear(key.data)
            elif key.fileobj != self.PIPE[0]:
                self._accept(key.fileobj)
            elif not self.alive:
                self._selector.unregister(self.PIPE[0])
        now = time.monotonic()
        if now >= self._swept + (1 if self.alive else STOPPING_SECONDS):
            self._swept = now
            self._sweep(now)

    def _accept(self, listener: Any) -> None:
        try:
            client, address = listener.accept()
            conn = Connection(self.cfg, client, address, listener.getsockname())
        except OSError as error:
            if error.errno in _FULL:
                self._listen(False)
            return
        self._selector.register(client, EVENT_READ, conn)
        self._connections.add(conn)
        self._listen(len(self._connections) < self.cfg.worker_connections)

    def _hear(self, conn: Connection) -> None:
        if conn.is_busy:
            # Its data is for the thread that answers, and waits until the response is sent.
            with self._turn:
                if conn.is_busy and not conn.is_muted:
                    conn.is_muted = True
                    self._selector.unregister(conn.sock)
        elif not conn.receive():
            self._close(conn)
        elif conn.has_head():
            conn.deadline, conn.is_busy = math.inf, True
            self._ready.append(conn)

    def _sweep(self, now: float) -> None:
        """Close connections whose heads do not arrive, or whose clients do not close."""
        for conn in list(self._connections):
            if not conn.is_busy and conn.deadline <= now:
                if conn.head:
                    message = f"The request did not come in {HEAD_SECONDS} s."
                    write_problem(conn.sock, 408, "", message)
                self._close(conn)
        self._listen(self.alive and len(self._connections) < self.cfg.worker_connections)

    def _listen(self, is_listening: bool) -> None:
        if is_listening != self._is_listening:
            self._is_listening = is_listening
            for listener in self.sockets:
                if is_listening:
                    self._selector.register(listener, EVENT_READ)
                else:
                    self._selector.unregister(listener)

    def _close(self, conn: Connection) -> None:
        self._connections.remove(conn)
        self._selector.unregister(conn.sock)
        conn.sock.close()
