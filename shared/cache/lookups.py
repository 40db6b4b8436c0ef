"""Looking into the cache: one round trip to Redis, and what was found there counts or does not.

``shared.cache.cache`` tells what an entry is stamped with.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

from shared.cache import redis_topology
from shared.cache.blocks import Blocks, Counter
from shared.cache.entry import UNCOUNTED, Lookup, decode
from shared.cache.keys import Address
from shared.cache.near import Near
from shared.cache.redis_async import Pipeline
from shared.cache.redis_client import Server
from shared.cache.redis_topology import REDIS_ERRORS
from shared.observability.metrics import CACHE_ERRORS, UNCHECKED

log = logging.getLogger(__name__)

BREAK_SECONDS = 1.0
ROOT = ":generation"  # is what the key of a root ends with


class _Begun(NamedTuple):
    """A look at the near cache: a hit, or else what Redis is to count and what was counted."""

    hit: Lookup | None
    mark: int | None = None
    counter: Counter | None = None
    counted: tuple[int, float] | None = None


class Lookups:
    """Answers in Redis; when Redis is down every lookup says so at once, and nothing fails.

    ``leased`` tells whether a follower keeps the roots; else whoever reads makes them.  ``release``
    names the code that makes the answers; those of another one do not count.  ``reader`` is a
    replica to read entries from; ``near`` is what this process keeps itself, if anything.
    """

    def __init__(self, redis: Redis, reader: Redis | None = None):
        self._redis = redis
        self._reader = reader
        self._broken_until = self._reader_broken_until = 0.0
        self._blocks = Blocks()
        self.leased = False
        self.near: Near | None = None
        self.release = "0"

    def start_near(self, services: Sequence[str]) -> None:
        """Keep answers that depend on some services near, if one Redis with leases is there."""
        if self.leased and isinstance(self._redis, Server):
            self.near = Near(self._redis, services)
        else:
            log.warning("NEAR_CACHE needs a replica set of MongoDB and one Redis; it is off.")

    def get(self, address: Address, counter: Counter | None = None) -> Lookup:
        """Look an address up, in one round trip for a hit, or in none by the near cache.

        On the way it counts one more under a ``counter``.
        """
        if self.near is None:
            return self.look(address, counter)
        begun = self._begin_near(self.near, address, counter)
        return begun.hit or self._end_near(self.near, begun, self.look(address, begun.counter))

    async def get_soon(
        self, pipeline: Pipeline, address: Address, counter: Counter | None = None
    ) -> Lookup:
        """Do what ``get`` does, while others do what they do."""
        if self.near is None:
            return await self._look_soon(pipeline, address, counter)
        begun = self._begin_near(self.near, address, counter)
        if begun.hit:
            return begun.hit
        lookup = await self._look_soon(pipeline, address, begun.counter)
        return self._end_near(self.near, begun, lookup)

    def _begin_near(self, near: Near, address: Address, counter: Counter | None) -> "_Begun":
        """Answer from near, unless Redis has to be asked to count: then it is asked for all."""
        counted = self._blocks.take(counter) if counter else UNCOUNTED
        if counted is not None and (kept := near.get(address.key)) is not None:
            hit = Lookup(address, "hit", "near", kept.tokens, kept.head, kept.body, False, counted)
            return _Begun(hit)
        asked = self._blocks.next(counter) if counter and counted is None else None
        return _Begun(None, near.mark(), asked, counted)

    def _end_near(self, near: Near, begun: "_Begun", lookup: Lookup) -> Lookup:
        if begun.mark is not None and lookup.is_hit:
            near.keep(begun.mark, lookup)
        if begun.counter is None:
            return lookup._replace(counted=begun.counted or UNCOUNTED)
        return lookup._replace(counted=self._blocks.fill(begun.counter, *lookup.counted))

    def look(self, address: Address, counter: Counter | None = None) -> Lookup:
        """Do what ``get`` does without the near cache."""
        if time.monotonic() < self._broken_until:
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        try:
            counted, entry, tokens = self._read(address, counter)
        except REDIS_ERRORS as error:
            self._trip(error)
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        return self._judged(address, entry, tokens, counted)

    async def _look_soon(
        self, pipeline: Pipeline, address: Address, counter: Counter | None
    ) -> Lookup:
        if time.monotonic() < self._broken_until:
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        names = (address.key, *address.tokens)
        counted = UNCOUNTED
        try:
            if counter is None:
                entry, *tokens = await redis_topology.read_soon(pipeline, names)
            else:
                key, seconds, _, more = counter
                number, left, (entry, *tokens) = await redis_topology.count_soon(
                    pipeline, key, seconds, names, more
                )
                UNCHECKED.inc(not number)
                counted = number, left
        except REDIS_ERRORS as error:
            self._trip(error)
            return self._uncounted(Lookup(address, "bypass", "redis"), counter)
        return self._judged(address, entry, tokens, counted)

    def count_all(self, *counters: tuple[str, int]) -> list[tuple[int, float]]:
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

    def _uncounted(self, lookup: Lookup, counter: Counter | None) -> Lookup:
        if counter:
            UNCHECKED.inc()
        return lookup

    def _read(
        self, address: Address, counter: Counter | None
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
        self, names: Sequence[str], counter: Counter | None
    ) -> tuple[tuple[int, float], list[bytes | None]]:
        if counter is None:
            return UNCOUNTED, redis_topology.read(self._redis, names)
        key, seconds, _, more = counter
        number, left, values = redis_topology.count(self._redis, key, seconds, names, more)
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
        if self.near:
            self.near.forget()
        if time.monotonic() >= self._broken_until:
            log.warning("Redis does not answer, nothing is cached: %s", error)
        self._broken_until = time.monotonic() + BREAK_SECONDS
