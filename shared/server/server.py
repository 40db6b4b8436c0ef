"""Worker class for gunicorn whose threads wait for requests in turns: leader and followers.

One thread, the leader, waits for all connections and collects the heads of requests.  When one is
whole, it makes the next thread the leader and answers the request itself, so that nothing is
handed from thread to thread.  Slow clients hold no thread, and nobody stays for ever: a head has
some seconds to come, a body a time that goes by its length, and an answer has to be taken.

A connection stays with the selector while it is busy, which costs nothing as long as it says
nothing.  The thread that has answered gives one back that had to be taken out: epoll and kqueue see
that while they wait, other selectors within a second.
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

LINGER_SECONDS = 2  # for a client to read what we have ended (RFC 9112, 9.6)
STOP_SECONDS = 2  # for what a client may be sending on a kept connection when we are told to stop
STOPPING_SECONDS = 0.05  # between two looks at what is left; else it is a second
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Worker(BaseWorker):  # type: ignore[misc]
    """A worker whose threads take turns in waiting for requests."""

    def init_process(self) -> None:
        """Begin to work."""
        # Its settings look themselves up at each access, some dozens in a request.
        self.cfg.__dict__.update({name: each.get() for name, each in self.cfg.settings.items()})
        self._selector = DefaultSelector()
        self._connections: set[Connection] = set()
        self._ready: deque[Connection] = deque()
        self._lead = threading.Lock()  # Whoever has it waits, and is alone with idle connections.
        self._turn = threading.Lock()  # A connection becomes busy, or idle, in no two threads.
        self._is_listening = self._is_over = False
        self._swept = -math.inf
        self._most_kept = max(1, self.cfg.worker_connections - self.cfg.threads)
        super().init_process()

    def run(self) -> None:
        """Serve until told to stop; the threads do, this one looks after them."""
        for listener in self.sockets:
            listener.setblocking(False)
        self._selector.register(self.PIPE[0], EVENT_READ)
        self._listen(True)
        try:
            for _ in range(self.cfg.threads):
                threading.Thread(target=self._work).start()
            while self.alive and self.ppid == os.getppid():
                self._look_after()
                if select.select([self.PIPE[0]], [], [], 1)[0]:  # There was a signal.
                    os.read(self.PIPE[0], 64)
            self._stop()
        finally:
            self._is_over = True

    def is_leaving(self) -> bool:
        """Whether connections are to end with their answers: to stop, or for others to come in."""
        return not self.alive or len(self._connections) > self._most_kept

    def _stop(self) -> None:
        """Wait for what is under way."""
        self.alive = False
        os.write(self.PIPE[1], b"1")  # The leader is to hear of it, too.
        now = time.monotonic()
        for conn in list(self._connections):
            if not conn.is_busy:
                conn.deadline = min(conn.deadline, now + STOP_SECONDS)
        while self._connections and time.monotonic() < now + self.cfg.graceful_timeout:
            self._look_after()
            time.sleep(STOPPING_SECONDS)

    def _look_after(self) -> None:
        """Say that this process lives, and do what threads that are all busy do not."""
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
        """Return a connection with a request; None when it may be time to go."""
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
        """Wait for the next request, which may be there already, or for the client to go."""
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

    # What follows is done by whoever has the lead.

    def _receive(self, seconds: float) -> None:
        """Wait until there is something from somebody, and take it."""
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
            # Its thread reads, or nobody does: it is not to be heard before the answer.
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
        """Close connections whose heads do not come, or whose clients do not go."""
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
