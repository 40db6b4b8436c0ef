"""Looking into the cache: one round trip to Redis, and what was found there counts or does not.

``shared.cache.cache`` tells what an entry is stamped with.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis

from shared.cache import redis_topology
from shared.cache.entry import UNCOUNTED, Lookup, decode
from shared.cache.keys import Address
from shared.cache.redis_async import Pipeline
from shared.cache.redis_topology import REDIS_ERRORS, RateCounter
from shared.observability.metrics import CACHE_ERRORS, UNCHECKED

log = logging.getLogger(__name__)

BREAK_SECONDS = 1.0
ROOT = ":generation"  # is what the key of a root ends with


class Lookups:
    """Answers in Redis; when Redis is down every lookup says so at once, and nothing fails.

    ``leased`` tells whether a follower keeps the roots; else whoever reads makes them.  ``release``
    names the code that makes the answers; those of another one do not count.  ``reader`` is a
    replica to read entries from.
    """

    def __init__(self, redis: Redis, reader: Redis | None = None):
        self._redis = redis
        self._reader = reader
        self._broken_until = self._reader_broken_until = 0.0
        self.leased = False
        self.release = "0"

    def get(self, address: Address, counter: RateCounter | None = None) -> Lookup:
        """Look an address up in one round trip, and count one request under a ``counter``."""
        if time.monotonic() < self._broken_until:
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        try:
            counted, entry, tokens = self._read(address, counter)
        except REDIS_ERRORS as error:
            self._trip(error)
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        return self._judged(address, entry, tokens, counted)

    async def get_soon(
        self, pipeline: Pipeline, address: Address, counter: RateCounter | None = None
    ) -> Lookup:
        """Do what ``get`` does, while others do what they do."""
        if time.monotonic() < self._broken_until:
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        names = (address.key, *address.tokens)
        counted = UNCOUNTED
        try:
            if counter is None:
                entry, *tokens = await redis_topology.read_soon(pipeline, names)
            else:
                number, left, (entry, *tokens) = await redis_topology.count_soon(
                    pipeline, counter, names
                )
                UNCHECKED.inc(not number)
                counted = number, left
        except REDIS_ERRORS as error:
            self._trip(error)
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        return self._judged(address, entry, tokens, counted)

    def count_all(self, *counters: RateCounter) -> list[tuple[int, float]]:
        """Count one more under each of some keys; return how many there were, and for how long.

        A count lives for so many seconds from its first on.  While Redis is down it is 0.
        """
        if counters and time.monotonic() >= self._broken_until:
            try:
                found = redis_topology.count_all(self._redis, counters)
                UNCHECKED.inc(sum(not number for number, _ in found))
                return found
            except REDIS_ERRORS as error:
                self._trip(error)
        UNCHECKED.inc(len(counters))
        return [UNCOUNTED] * len(counters)

    def _uncounted(self, lookup: Lookup, counter: RateCounter | None) -> Lookup:
        if counter:
            UNCHECKED.inc()
        return lookup

    def _read(
        self, address: Address, counter: RateCounter | None
    ) -> tuple[tuple[int, float], bytes | None, list[bytes | None]]:
        """Count, and read an entry and its tokens; the tokens always where they are written."""
        if self._reader and time.monotonic() >= self._reader_broken_until:
            counted, tokens = self._read_here(address.tokens, counter)
            try:
                # MGET, because GET fails at what is no string.
                return counted, redis_topology.read(self._reader, [address.key])[0], tokens
            except REDIS_ERRORS as error:
                self._reader_broken_until = time.monotonic() + BREAK_SECONDS
                CACHE_ERRORS.inc()
                log.warning("The replica of Redis does not answer: %s", error)
            return counted, redis_topology.read(self._redis, [address.key])[0], tokens
        counted, (entry, *tokens) = self._read_here([address.key, *address.tokens], counter)
        return counted, entry, tokens

    def _read_here(
        self, names: Sequence[str], counter: RateCounter | None
    ) -> tuple[tuple[int, float], list[bytes | None]]:
        if counter is None:
            return UNCOUNTED, redis_topology.read(self._redis, names)
        number, left, values = redis_topology.count(self._redis, counter, names)
        UNCHECKED.inc(not number)
        return (number, left), values

    def _judged(
        self,
        address: Address,
        entry: bytes | None,
        tokens: Sequence[bytes | None],
        counted: tuple[int, float] = UNCOUNTED,
    ) -> Lookup:
        """Judge an entry by the tokens of now; one that is not there yet fits no entry."""
        if None in tokens and self.leased:
            names = zip(address.tokens, tokens, strict=True)
            if any(token is None and name.endswith(ROOT) for name, token in names):
                return Lookup(address, "bypass", "lease", counted=counted)
        stamp = tuple([(token or b"").decode(errors="replace") for token in tokens])
        return self._judge(address, stamp, entry, counted)

    def _judge(
        self,
        address: Address,
        stamp: tuple[str, ...],
        entry: bytes | None,
        counted: tuple[int, float],
    ) -> Lookup:
        """Say whether an entry is a hit while the tokens of a stamp are the current ones."""
        if entry is None:
            return Lookup(address, "miss", "", stamp, counted=counted)
        length, head = decode(entry)
        if head is None or head["key"] != address.key:
            return Lookup(address, "miss", "undecodable", stamp, counted=counted)
        if (head["root"], head["generation"], *head["depends"]) != stamp:
            return Lookup(address, "stale", "generation", stamp, counted=counted)
        if head["release"] != self.release:
            return Lookup(address, "stale", "release", stamp, counted=counted)
        if head["expires"] <= time.time():
            return Lookup(address, "stale", "ttl", stamp, counted=counted)
        return Lookup(address, "hit", "", stamp, head, entry[length:-1], counted=counted)

    def head(self, key: str) -> Mapping[str, Any] | None:
        """Return what stands before the body of an entry, or None where none can be read."""
        (entry,) = redis_topology.read(self._reader or self._redis, [key])
        return decode(entry)[1] if entry else None

    def _trip(self, error: Exception) -> None:
        """Leave Redis alone for a second, so that a dead one costs little."""
        CACHE_ERRORS.inc()
        if time.monotonic() >= self._broken_until:
            log.warning("Redis does not answer, nothing is cached: %s", error)
        self._broken_until = time.monotonic() + BREAK_SECONDS
