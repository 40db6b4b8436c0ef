"""Generation-stamped cache in Redis: never stale, invalidated in O(1), readable in RedisInsight.

Every cached response depends on its service's *root* and on one *tag*: an item on its own tag, a
list on its partition (``category=books``) or on ``all``.  The *generation* of each is a random
token in Redis.  An entry is stamped with the tokens that were read *before* MongoDB was, and is
valid only while they are the current ones.  So renewing a token makes all entries stale that are
stamped with it, and a fill that raced a write is never served.  Tokens are random, never counters,
so that a lost token cannot come back.

Where MongoDB is a replica set, only a follower (``shared.workers.follower``) writes the root, as a
lease of five seconds; without it nothing is cached.  docs/cache.md has the reason for each rule.
"""

import logging
import random
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

from shared.cache.entry import Lookup, decode, encode
from shared.cache.keys import Address, new_token, root_of, tag_of
from shared.cache.rate_counter import (
    UNCOUNTED,
    Count,
    RateCounter,
    count_all,
    count_commands,
    count_of,
)
from shared.cache.redis_async import AsyncServer
from shared.cache.redis_client import Command
from shared.cache.redis_topology import REDIS_ERRORS, exchange, read, values
from shared.observability.metrics import CACHE_ERRORS, FILLS, LEFT_TO_FOLLOWER, UNCHECKED, WAITS

log = logging.getLogger(__name__)

LEASE_SECONDS = 5
PAUSE_SECONDS = 1.0  # seconds without a call to a Redis that failed
CLAIM_MILLISECONDS = 250  # milliseconds until another request may fill, if the filler has died
WAIT_SECONDS = 0.5  # seconds that a request waits for the filler
FIRST_POLL_SECONDS = 0.002
LONGEST_POLL_SECONDS = 0.02
_ROOT = ":generation"  # the end of the key of every root


class Write(NamedTuple):
    """Write to invalidate: some tags of a service, or the whole service if ``tags`` is None.

    ``token`` becomes the generation of the tags.  ``keys`` of items are removed from Redis at once.
    """

    service: str
    tags: Collection[str] | None
    token: str
    keys: Collection[str] = ()


class Cache:
    """Cached responses in Redis; while Redis is down every lookup is a bypass, and nothing fails.

    Args:
        redis: The Redis in which generations and entries are written.
        ttl: Seconds that an entry lives, plus or minus a tenth.
        leased: Whether a follower keeps the roots; otherwise readers create them.
        release: The code that makes the responses; entries of other code are stale.
        reader: A replica from which entries are read; generations never are.
        writer: A client that renews generations and may wait longer than a read.
    """

    def __init__(
        self,
        redis: Redis,
        ttl: int,
        *,
        leased: bool = False,
        release: str = "0",
        reader: Redis | None = None,
        writer: Redis | None = None,
    ):
        self.leased = leased
        self._redis = redis
        self._ttl = ttl
        self._release = release
        self._reader = reader
        self._writer = writer or redis
        self._paused_until = self._reader_paused_until = 0.0

    # Look up.

    def get(self, address: Address, counter: RateCounter | None = None) -> Lookup:
        """Look an address up in one round trip, which also counts a request under a counter."""
        if time.monotonic() < self._paused_until:
            return _bypass(address, counter)
        reader = self._reader if time.monotonic() >= self._reader_paused_until else None
        names = address.tokens if reader else (address.key, *address.tokens)
        try:
            replies = exchange(self._redis, _read_commands(names, counter))
            stored, count, correction = _read_replies(replies, counter)
            if correction:
                exchange(self._redis, [correction])
            if reader:
                stored = [self._read_replica(reader, address.key), *stored]
        except REDIS_ERRORS as error:
            self._pause(error)
            return _bypass(address, counter)
        return self.validate(address, stored[0], stored[1:], count)

    async def get_async(
        self, server: AsyncServer, address: Address, counter: RateCounter | None = None
    ) -> Lookup:
        """Do the same as ``get`` in an event loop."""
        if time.monotonic() < self._paused_until:
            return _bypass(address, counter)
        try:
            commands = _read_commands((address.key, *address.tokens), counter)
            replies = await server.exchange(*commands)
            stored, count, correction = _read_replies(replies, counter)
            if correction:
                await server.exchange(correction)
        except REDIS_ERRORS as error:
            self._pause(error)
            return _bypass(address, counter)
        return self.validate(address, stored[0], stored[1:], count)

    def validate(
        self,
        address: Address,
        entry: bytes | None,
        tokens: Sequence[bytes | None],
        count: Count = UNCOUNTED,
    ) -> Lookup:
        """Return a hit if an entry is valid under the current tokens, else the reason why not.

        Args:
            address: The address that is looked up.
            entry: The entry in Redis, None if there is none.
            tokens: The current generations of the address, None for each that Redis does not have.
            count: The requests counted in the same round trip.
        """
        if None in tokens and self.leased:
            pairs = zip(address.tokens, tokens, strict=True)
            if any(token is None and name.endswith(_ROOT) for name, token in pairs):
                return Lookup(address, "bypass", "lease", counted=count)
        stamp = tuple([(token or b"").decode(errors="replace") for token in tokens])
        if entry is None:
            return Lookup(address, "miss", "", stamp, counted=count)
        length, head = decode(entry)
        if head is None or head["key"] != address.key:
            return Lookup(address, "miss", "undecodable", stamp, counted=count)
        if (head["root"], head["generation"], *head["depends"]) != stamp:
            return Lookup(address, "stale", "generation", stamp, counted=count)
        if head["release"] != self._release:
            return Lookup(address, "stale", "release", stamp, counted=count)
        if head["expires"] <= time.time():
            return Lookup(address, "stale", "ttl", stamp, counted=count)
        return Lookup(address, "hit", "", stamp, head, entry[length:-1], counted=count)

    def head(self, key: str) -> Mapping[str, Any] | None:
        """Return the head of an entry, or None if the key has no entry that can be decoded."""
        (entry,) = read(self._reader or self._redis, [key])
        return decode(entry)[1] if entry else None

    def count_all(self, *counters: RateCounter) -> list[Count]:
        """Count one request under each counter; every count is 0 while Redis is down."""
        if counters and time.monotonic() >= self._paused_until:
            try:
                counts = count_all(self._redis, counters)
                UNCHECKED.inc(sum(not count.number for count in counts))
                return counts
            except REDIS_ERRORS as error:
                self._pause(error)
        UNCHECKED.inc(len(counters))
        return [UNCOUNTED] * len(counters)

    def read_count(self, key: str) -> Count:
        """Return the count of a counter without counting a request; 0 while Redis is down."""
        if time.monotonic() >= self._paused_until:
            try:
                number, milliseconds = exchange(self._redis, [("GET", key), ("PTTL", key)])
            except REDIS_ERRORS as error:
                self._pause(error)
            else:
                if isinstance(number, bytes) and number.isdigit():
                    return Count(int(number), max(0, milliseconds) / 1000)
        return UNCOUNTED

    def _read_replica(self, reader: Redis, key: str) -> bytes | None:
        """Read an entry from the replica, or from the primary if the replica fails."""
        entry: bytes | None
        try:
            (entry,) = read(reader, [key])
        except REDIS_ERRORS as error:
            self._reader_paused_until = time.monotonic() + PAUSE_SECONDS
            CACHE_ERRORS.inc()
            log.warning("The replica of Redis does not answer: %s", error)
            (entry,) = read(self._redis, [key])
        return entry

    # Fill.

    def start_fill(self, lookup: Lookup) -> Lookup:
        """Claim to fill a missing entry, or wait a little for the request that fills it.

        Returns:
            A hit if the entry came meanwhile, else a lookup to fill.
        """
        if lookup.is_hit or lookup.state == "bypass":
            return lookup
        deadline = time.monotonic() + WAIT_SECONDS
        pause = FIRST_POLL_SECONDS
        while True:
            try:
                latest = self._claim(lookup)
            except REDIS_ERRORS as error:
                self._pause(error)
                return lookup._replace(state="bypass", detail="redis", tokens=())
            if latest.is_hit:
                self.abandon_fill(latest)
            if latest.is_hit or latest.filling or latest.state == "bypass":
                return latest
            if time.monotonic() > deadline:
                return lookup
            time.sleep(pause)
            if pause == FIRST_POLL_SECONDS:
                WAITS.inc()
            pause = min(pause * 2, LONGEST_POLL_SECONDS)

    def _claim(self, lookup: Lookup) -> Lookup:
        """Claim to fill, create missing tokens except for leased roots, and look up again.

        One round trip does all, the claim first, because the filler before may have stored the
        entry meanwhile.
        """
        address = lookup.address
        commands: list[Command] = [
            ("SET", _claim_key(address), "1", "NX", "PX", CLAIM_MILLISECONDS),
            *(
                ("SET", name, new_token(), "NX", "EX", self._token_ttl)
                for name, token in zip(address.tokens, lookup.tokens, strict=True)
                if not (token or (self.leased and name.endswith(_ROOT)))
            ),
            ("MGET", address.key, *address.tokens),
        ]
        is_claimed, *_, stored = exchange(self._redis, commands)
        if isinstance(is_claimed, Exception):
            raise is_claimed
        entry, *tokens = values(stored)
        latest = self.validate(address, entry, tokens)
        if latest.state == "miss":
            latest = latest._replace(state=lookup.state, detail=lookup.detail)
        return latest._replace(filling=bool(is_claimed))

    def store(self, lookup: Lookup, body: bytes, etag: str, headers: Mapping[str, str]) -> bool:
        """Store a response under the tokens of a lookup, and end the claim to fill.

        Args:
            lookup: The lookup that ``start_fill`` returned, before the response was made.
            body: The body of the response, which is JSON.
            etag: The ETag of the body, without quotes.
            headers: The headers that belong to the body.

        Returns:
            True if the entry was stored.
        """
        commands = self._store_commands(lookup, body, etag, headers)
        try:
            return bool(commands) and _is_stored(commands, exchange(self._redis, commands))
        except REDIS_ERRORS as error:
            self._pause(error)
            return False

    async def store_async(
        self,
        server: AsyncServer,
        lookup: Lookup,
        body: bytes,
        etag: str,
        headers: Mapping[str, str],
    ) -> bool:
        """Do the same as ``store`` in an event loop."""
        commands = self._store_commands(lookup, body, etag, headers)
        try:
            return bool(commands) and _is_stored(commands, await server.exchange(*commands))
        except REDIS_ERRORS as error:
            self._pause(error)
            return False

    def _store_commands(
        self, lookup: Lookup, body: bytes, etag: str, headers: Mapping[str, str]
    ) -> list[Command]:
        """Return the commands that store an entry, if it can be, and end the claim to fill."""
        commands: list[Command] = []
        if lookup.tokens and all(lookup.tokens):
            ttl = round(self._ttl * random.uniform(0.9, 1.1)) or 1
            entry = encode(lookup, self._release, ttl, body, etag, headers)
            commands += [("SET", lookup.address.key, entry, "EX", ttl)] if entry else []
        return commands + ([("DEL", _claim_key(lookup.address))] if lookup.filling else [])

    def abandon_fill(self, lookup: Lookup) -> None:
        """End the claim of ``start_fill`` when nothing was stored, so that another may fill."""
        if lookup.filling:
            try:
                self._redis.delete(_claim_key(lookup.address))
            except REDIS_ERRORS as error:
                self._pause(error)

    # Invalidate.

    def invalidate(self, *writes: Write) -> bool:
        """Invalidate all entries that depend on some writes, in one round trip.

        Call it after the writes were committed.

        Returns:
            False if Redis is down; the follower then invalidates later.
        """
        # A token is never sent twice: the first try may still be on its way, and arrive when the
        # token of another write is the current one.
        second_try = [write._replace(token=new_token()) for write in writes]
        for attempt in (writes, second_try):
            try:
                self.renew_generations(*attempt)
                return True
            except REDIS_ERRORS as error:
                reason = error
        LEFT_TO_FOLLOWER.inc(len(writes))
        services = ", ".join(sorted({write.service for write in writes}))
        log.error("%s could not be invalidated in Redis: %s", services, reason)
        return False

    def renew_generations(self, *writes: Write) -> None:
        """Do the same as ``invalidate`` in one try.

        Raises:
            RedisError: Redis does not answer, or refuses a command.
        """
        commands: list[Command] = []
        tokens: dict[str, str] = {}
        for service, tags, token, _ in writes:
            if tags is None and self.leased:
                commands.append(("SET", root_of(service), token, "XX", "KEEPTTL"))
            names = [root_of(service)] if tags is None and not self.leased else []
            tokens |= dict.fromkeys([*names, *(tag_of(service, tag) for tag in tags or ())], token)
        ttl = str(self._token_ttl)
        commands += [("SET", name, token, "EX", ttl) for name, token in tokens.items()]
        keys = dict.fromkeys(key for write in writes for key in write.keys)
        commands += [("UNLINK", key) for key in keys]
        for reply in exchange(self._writer, commands, once=True) if commands else []:
            if isinstance(reply, Exception):
                raise reply

    @property
    def _token_ttl(self) -> int:
        """Seconds that an unused generation lives: longer than all entries stamped with it."""
        return 2 * self._ttl + 60

    def _pause(self, error: Exception) -> None:
        """Send nothing to Redis for a second, so that a dead Redis costs little."""
        CACHE_ERRORS.inc()
        if time.monotonic() >= self._paused_until:
            log.warning("Redis does not answer, nothing is cached: %s", error)
        self._paused_until = time.monotonic() + PAUSE_SECONDS


def _read_commands(names: Sequence[str], counter: RateCounter | None) -> list[Command]:
    return [*(count_commands(counter) if counter else ()), ("MGET", *names)]


def _read_replies(
    replies: Sequence[Any], counter: RateCounter | None
) -> tuple[list[bytes | None], Count, Command]:
    """Return the values, the count, and the command that puts the counter right, if any."""
    if counter is None:
        return values(replies[0]), UNCOUNTED, ()
    number, milliseconds, stored = replies
    count, correction = count_of(counter, number, milliseconds)
    if not count.number:
        UNCHECKED.inc()
    return values(stored), count, correction


def _is_stored(commands: Sequence[Command], replies: Sequence[Any]) -> bool:
    """Count an entry that was stored; raise the error if Redis refused it."""
    if isinstance(replies[0], Exception):
        raise replies[0]
    is_stored = commands[0][0] == "SET"
    FILLS.inc(is_stored)
    return is_stored


def _bypass(address: Address, counter: RateCounter | None) -> Lookup:
    if counter:
        UNCHECKED.inc()
    return Lookup(address, "bypass", "redis")


def _claim_key(address: Address) -> str:
    return f"{address.service}:filling:{address.key}"
