"""The generation-stamped cache: never stale, invalidated in O(1), readable in RedisInsight.

Every cached answer depends on its service's *root* and on one *tag*: an item on its own, a list on
its partition (``category=books``) or on ``all``.  The *generation* of each is a random token in
Redis.  An entry is stamped with the tokens that were read *before* MongoDB was, and counts only
while they are the current ones.  So renewing a token makes everything stamped with it worthless at
once, and a fill that raced a write is never served.  Tokens are random, never counters: one that is
lost cannot come back.

Where MongoDB is a replica set, only a follower (``shared.follower``) writes the root, as a lease of
five seconds; without it nothing is cached.  docs/cache.md tells what each rule is for.
"""

import logging
import random
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

from shared import cluster
from shared.blocks import Blocks, Counter
from shared.cluster import REDIS_ERRORS
from shared.entries import UNCOUNTED, Lookup, decode, encode
from shared.exchange import Command, Server
from shared.keys import Address, new_token, root_of, tag_of
from shared.metrics import CACHE_ERRORS, FILLS, LEFT, UNCHECKED, WAITS
from shared.near import Near
from shared.pipeline import Pipeline

log = logging.getLogger(__name__)

LEASE_SECONDS = 5
FILL_MILLISECONDS = 250  # for which a filler keeps others waiting, should it have died
WAIT_SECONDS = 0.5
FIRST_PAUSE = 0.002
BREAK_SECONDS = 1.0
ROOT = ":generation"  # is what the key of a root ends with


class Write(NamedTuple):
    """What a write makes worthless: some tags of a service, or all of it for None.

    ``token`` becomes their generation; ``keys`` of items go at once, so that nobody sees them.
    """

    service: str
    tags: Collection[str] | None
    token: str
    keys: Collection[str] = ()


class _Begun(NamedTuple):
    """A look at the near cache: a hit, or else what Redis is to count and what was counted."""

    hit: Lookup | None
    mark: int | None = None
    counter: Counter | None = None
    counted: tuple[int, float] | None = None


class Cache:
    """Answers in Redis; when Redis is down every lookup says so at once, and nothing fails.

    ``leased`` tells whether a follower keeps the roots; else whoever reads makes them.  ``release``
    names the code that makes the answers; those of another one do not count.  ``reader`` is a
    replica to read entries from; ``writer`` renews generations, and may take longer than a read.
    ``near`` is what this process keeps itself, if anything.
    """

    def __init__(
        self, redis: Redis, ttl: int, *, reader: Redis | None = None, writer: Redis | None = None
    ):
        self._redis = redis
        self._writer = writer or redis
        self._reader = reader
        self._ttl = ttl
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

    # Reading.

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
                entry, *tokens = await cluster.read_soon(pipeline, names)
            else:
                key, seconds, _, more = counter
                number, left, (entry, *tokens) = await cluster.count_soon(
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
                found = cluster.count_all(self._redis, counters)
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
                return counted, cluster.read(self._reader, [address.key])[0], tokens
            except REDIS_ERRORS as error:
                self._reader_broken_until = time.monotonic() + BREAK_SECONDS
                CACHE_ERRORS.inc()
                log.warning("The replica of Redis does not answer: %s", error)
            return counted, cluster.read(self._redis, [address.key])[0], tokens
        counted, (entry, *tokens) = self._read_here([address.key, *address.tokens], counter)
        return counted, entry, tokens

    def _read_here(
        self, names: Sequence[str], counter: Counter | None
    ) -> tuple[tuple[int, float], list[bytes | None]]:
        if counter is None:
            return UNCOUNTED, cluster.read(self._redis, names)
        key, seconds, _, more = counter
        number, left, values = cluster.count(self._redis, key, seconds, names, more)
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
        (entry,) = cluster.read(self._reader or self._redis, [key])
        return decode(entry)[1] if entry else None

    # Filling.

    def begin(self, lookup: Lookup) -> Lookup:
        """Become the one filler of a missing entry, or wait a little for the one who is.

        Return a hit when the entry came, else a lookup to fill.
        """
        if lookup.is_hit or lookup.state == "bypass":
            return lookup
        deadline = time.monotonic() + WAIT_SECONDS
        pause = FIRST_PAUSE
        while True:
            try:
                again = self._claim(lookup)
            except REDIS_ERRORS as error:
                self._trip(error)
                return lookup._replace(state="bypass", detail="redis", tokens=())
            if again.is_hit:
                self.end(again)
            if again.is_hit or again.filling or again.state == "bypass":
                return again
            if time.monotonic() > deadline:
                return lookup
            time.sleep(pause)
            if pause == FIRST_PAUSE:
                WAITS.inc()
            pause = min(pause * 2, 0.02)

    def _claim(self, lookup: Lookup) -> Lookup:
        """Ask to be the filler, make tokens that are not there but for leased roots, and look.

        All in one round trip, the claim first, for the one before may have filled it meanwhile.
        """
        address = lookup.address
        commands: list[Command] = [
            ("SET", _filling(address), "1", "NX", "PX", FILL_MILLISECONDS),
            *(
                ("SET", name, new_token(), "NX", "EX", self._token_ttl)
                for name, token in zip(address.tokens, lookup.tokens, strict=True)
                if not (token or (self.leased and name.endswith(ROOT)))
            ),
            *(("GET", name) for name in (address.key, *address.tokens)),
        ]
        mine, *found = cluster.together(self._redis, commands)
        if isinstance(mine, Exception):
            raise mine
        # What is no string counts as nothing.
        found = [None if isinstance(each, Exception) else each for each in found]
        entry, *tokens = found[-len(address.tokens) - 1 :]
        again = self._judged(address, entry, tokens)
        if again.state == "miss":
            again = again._replace(state=lookup.state, detail=lookup.detail)
        return again._replace(filling=bool(mine))

    def fill(self, lookup: Lookup, body: bytes, etag: str, headers: Mapping[str, str]) -> bool:
        """Store an answer under the tokens that were read before it was made.

        The same round trip lets the next one fill.
        """
        if not (lookup.tokens and all(lookup.tokens)):
            return False
        ttl = round(self._ttl * random.uniform(0.9, 1.1)) or 1
        entry = encode(lookup, self.release, ttl, body, etag, headers)
        if entry is None:
            return False
        commands: list[Command] = [("SET", lookup.address.key, entry, "EX", ttl)]
        commands += [("DEL", _filling(lookup.address))] if lookup.filling else []
        try:
            stored, *_ = cluster.together(self._redis, commands)
            if isinstance(stored, Exception):
                raise stored
        except REDIS_ERRORS as error:
            self._trip(error)
            return False
        FILLS.inc()
        return True

    def end(self, lookup: Lookup) -> None:
        """Let the next one fill, when ``begin`` made this one the filler and nothing was stored."""
        if lookup.filling:
            try:
                self._redis.delete(_filling(lookup.address))
            except REDIS_ERRORS as error:
                self._trip(error)

    # Invalidating.

    def invalidate(self, *writes: Write) -> bool:
        """Make what depends on some writes worthless, in one round trip.

        Call it after they were committed.  Return False when Redis is down; then the follower
        does it later.
        """
        # Never twice the same token: the first try may be on its way still, and come in when
        # somebody else's token is the current one.
        again = [each._replace(token=new_token()) for each in writes]
        for tried in (writes, again):
            try:
                self.renew(*tried)
                return True
            except REDIS_ERRORS as error:
                why = error
        LEFT.inc(len(writes))
        if self.near:
            self.near.forget()
        services = ", ".join(sorted({each.service for each in writes}))
        log.error("%s could not be invalidated in Redis: %s", services, why)
        return False

    def renew(self, *writes: Write) -> None:
        """Do what ``invalidate`` does, and raise one of ``REDIS_ERRORS`` when that fails."""
        commands: list[Command] = []
        tokens: dict[str, str] = {}
        for service, tags, token, _ in writes:
            if tags is None and self.leased:
                commands.append(("SET", root_of(service), token, "XX", "KEEPTTL"))
            names = [root_of(service)] if tags is None and not self.leased else []
            tokens |= dict.fromkeys([*names, *(tag_of(service, tag) for tag in tags or ())], token)
        life = str(self._token_ttl)
        commands += [("SET", name, token, "EX", life) for name, token in tokens.items()]
        keys = dict.fromkeys(key for each in writes for key in each.keys)
        commands += [("UNLINK", key) for key in keys]
        answers = cluster.together(self._writer, commands, once=True) if commands else []
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer

    @property
    def _token_ttl(self) -> int:
        """Seconds a generation lives unused: longer than any entry stamped with it."""
        return 2 * self._ttl + 60

    def _trip(self, error: Exception) -> None:
        """Leave Redis alone for a second, so that a dead one costs little."""
        CACHE_ERRORS.inc()
        if self.near:
            self.near.forget()
        if time.monotonic() >= self._broken_until:
            log.warning("Redis does not answer, nothing is cached: %s", error)
        self._broken_until = time.monotonic() + BREAK_SECONDS


def _filling(address: Address) -> str:
    return f"{address.service}:filling:{address.key}"
