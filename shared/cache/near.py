"""The near cache: answers that a process keeps itself while Redis says that they count.

One more connection has Redis tell of every generation that is renewed (CLIENT TRACKING in broadcast
mode), and what it has told is taken in before each answer.  Redis tells before it acknowledges the
renewal, so on one host a write that was acknowledged is in every answer that follows; between hosts
an answer may be as old as the news takes.  A generation that was read counts no longer than the
lease of the root that was read with it, so that news which are lost on the way are the bound.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from ssl import SSLWantReadError
from typing import Any

from hiredis import ProtocolError, PushNotification, Reader
from redis import ConnectionError, ResponseError

from shared.cache import redis_topology
from shared.cache.entry import Lookup
from shared.cache.keys import NEAR, root_of, tag_of
from shared.cache.redis_client import Server, pack
from shared.cache.redis_topology import REDIS_ERRORS

log = logging.getLogger(__name__)

MAX_ENTRIES = 10_000
MAX_BYTES = 16_000_000
READ_BYTES = 1 << 20
PAUSE_SECONDS = 1.0  # until it listens though nobody asks, or connects again


class Near:
    """Hits by the keys of their entries; safe for threads, empty while Redis tells nothing."""

    def __init__(self, redis: Server, services: Iterable[str]):
        self._redis = redis
        self._services = tuple(dict.fromkeys(services))
        self._lock = threading.Lock()
        self._connection: Any = None
        self._reader = Reader()
        self._is_told = False
        # What each generation was when it was read, and until when that counts.
        self._known: dict[str, tuple[str, float]] = {}
        # By the keys of their entries, and with the keys of their generations.
        self._kept: dict[str, tuple[Lookup, Sequence[str]]] = {}
        self._leased_until = 0.0
        self._bytes = 0
        self._news = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen_often, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more, and forget everything."""
        self._is_over.set()
        self._thread.join()
        with self._lock:
            self._forget()
            if self._connection is not None:
                self._connection.disconnect()
            self._connection = None

    def get(self, key: str) -> Lookup | None:
        """Return the hit that was kept under a key, or None where it does not count any more."""
        with self._lock:
            if not self._listen() or (found := self._kept.get(key)) is None:
                return None
            kept, names = found
            now = time.monotonic()
            for name, token in zip(names, kept.tokens, strict=True):
                known = self._known.get(name)
                if known is None or known[0] != token or known[1] <= now:
                    return None
        return kept if kept.head["expires"] > time.time() else None

    def forget(self) -> None:
        """Forget everything, for a write could not be told to Redis, or Redis does not answer."""
        with self._lock:
            self._forget()

    def mark(self) -> int | None:
        """Return a mark of what was told until now, None when nothing may be kept.

        Take it before Redis is asked.
        """
        with self._lock:
            return self._news if self._listen() else None

    def keep(self, mark: int, hit: Lookup) -> None:
        """Keep a hit, unless something was told since the mark that may concern it."""
        key, names = hit.address.key, hit.address.tokens
        if self._leased_until <= time.monotonic():
            self._leased_until = self._leases_end(names[::2])
        with self._lock:
            if mark != self._news:
                return
            before = self._kept.pop(key, None)
            self._bytes += len(hit.body) - (len(before[0].body) if before else 0)
            if self._bytes > MAX_BYTES or len(self._kept) >= MAX_ENTRIES:
                self._forget()
                self._bytes = len(hit.body)
            self._kept[key] = hit, names
            for name, token in zip(names, hit.tokens, strict=True):
                self._known[name] = token, self._leased_until

    def _leases_end(self, roots: Sequence[str]) -> float:
        """Return when the first of some roots ends, in seconds of ``time.monotonic``."""
        now = time.monotonic()
        try:
            ends = redis_topology.together(self._redis, [("PTTL", root) for root in roots])
        except REDIS_ERRORS:
            return now
        return now + min((each if isinstance(each, int) else 0 for each in ends), default=0) / 1000

    def _listen_often(self) -> None:
        """Connect, and take in what is told while nobody asks, which Redis would have to keep."""
        while not self._is_over.is_set():
            if self._connection is None:
                self._open()
            with self._lock:
                self._listen()
            self._is_over.wait(PAUSE_SECONDS)

    def _listen(self) -> bool:
        """Take in what Redis has told; return whether it tells at all."""
        if self._connection is None:
            return False
        try:
            while self._receive():
                while (news := self._reader.gets()) is not False:
                    self._take_in(news)
        except (*REDIS_ERRORS, OSError, ProtocolError) as error:
            self._close(error)
        return self._connection is not None

    def _receive(self) -> bool:
        """Take what Redis has said, and return whether there was any.

        It asks the kernel once, where redis-py would ask it three times.
        """
        try:
            data = self._connection._sock.recv(READ_BYTES)
        except (BlockingIOError, SSLWantReadError):
            return False
        if not data:
            raise ConnectionError("it has hung up")
        self._reader.feed(data)
        return True

    def _open(self) -> None:
        """Connect, which may take its time, so that nobody who asks waits for it."""
        connection = self._redis.new_connection(protocol=3)
        reader = Reader(replyError=ResponseError)
        try:
            connection.connect()
            prefixes = [part for each in self._services for part in ("PREFIX", root_of(each))]
            connection._sock.sendall(pack(("CLIENT", "TRACKING", "ON", "BCAST", *prefixes)))
            while (said := reader.gets()) is False or isinstance(said, PushNotification):
                if not (data := connection._sock.recv(READ_BYTES)):
                    raise ConnectionError("it has hung up")
                reader.feed(data)
            if isinstance(said, Exception):
                raise said
            connection._sock.setblocking(False)
        except (*REDIS_ERRORS, OSError, ProtocolError) as error:
            connection.disconnect()
            self._tell(error)
            return
        with self._lock:
            self._connection, self._reader, self._is_told = connection, reader, False

    def _take_in(self, news: list[Any]) -> None:
        """Forget the generations that were renewed, all of them when Redis was emptied."""
        if news[0] != b"invalidate":
            return
        self._news += 1
        names = [name.decode(errors="replace") for name in news[1] or ()]
        if not names or any(
            name == tag_of(each, NEAR) for name in names for each in self._services
        ):
            self._forget()
        for name in names:
            self._known.pop(name, None)

    def _close(self, error: Exception) -> None:
        """Forget everything: what is told meanwhile is heard by nobody."""
        self._tell(error)
        self._forget()
        self._connection.disconnect()
        self._connection = None

    def _tell(self, error: Exception) -> None:
        """Say once what is wrong, until it is right again."""
        if not self._is_told:
            log.warning("The near cache is empty, for Redis tells it nothing: %s", error)
        self._is_told = True

    def _forget(self) -> None:
        self._news += 1
        self._known.clear()
        self._kept.clear()
        self._bytes = 0
