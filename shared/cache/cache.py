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

from shared.cache.entry import Lookup, decode, decode_start, encode
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
from shared.http.request_state import find_state
from shared.observability import log_format
from shared.observability.metrics import CACHE_ERRORS, FILLS, LEFT_TO_FOLLOWER, UNCHECKED, WAITS
from shared.observability.tap import TAP

log = logging.getLogger(__name__)

LEASE_SECONDS = 5
PAUSE_SECONDS = 1.0  # seconds without a call to a Redis that failed
CLAIM_MILLISECONDS = 250  # milliseconds until another request may fill, if the filler has died
WAIT_SECONDS = 0.5  # seconds that a request waits for the filler
FIRST_POLL_SECONDS = 0.002
LONGEST_POLL_SECONDS = 0.02
MAX_NOTED = 50  # tags and keys of a write that its note for watchers names
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
        return self.validate(address, stored[0], stored[1:], count, replies.mark)

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
        return self.validate(address, stored[0], stored[1:], count, replies.mark)

    def validate(
        self,
        address: Address,
        entry: bytes | None,
        tokens: Sequence[bytes | None],
        count: Count = UNCOUNTED,
        mark: bytes = b"",
        size: int = 0,
    ) -> Lookup:
        """Return a hit if an entry is valid under the current tokens, else the reason why not.

        Args:
            address: The address that is looked up.
            entry: The entry in Redis, None if there is none.
            tokens: The current generations of the address, None for each that Redis does not have.
            count: The requests counted in the same round trip.
            mark: The mark of the run of Redis that the tokens are from; empty if it is unknown.
            size: The length of the whole entry, if ``entry`` is only its first ``MAX_HEAD`` bytes.
                The lookup then has no body to answer with.
        """
        # Root and tag by turns.  A root of an earlier run came back with it, and perhaps without
        # the last invalidations.
        for root in tokens[::2] if self.leased else ():
            if root is None or not root.startswith(mark):
                return Lookup(address, "bypass", "lease", counted=count)
        stamp = tuple([(token or b"").decode(errors="replace") for token in tokens])
        if entry is None:
            return Lookup(address, "miss", "", stamp, counted=count)
        length, head = decode_start(entry, size or len(entry))
        if head is None or head["key"] != address.key:
            return Lookup(address, "miss", "undecodable", stamp, counted=count)
        if (head["root"], head["generation"], *head["depends"]) != stamp:
            return Lookup(address, "stale", "generation", stamp, head, counted=count)
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
        # Once: a generation that was removed in between must not come back.
        replies = exchange(self._redis, commands, once=True)
        is_claimed, *_, stored = replies
        if isinstance(is_claimed, Exception):
            raise is_claimed
        entry, *tokens = values(stored)
        latest = self.validate(address, entry, tokens, mark=replies.mark)
        if latest.state == "miss":
            # If the entry was removed meanwhile, its stamps still say why it was stale.
            latest = latest._replace(state=lookup.state, detail=lookup.detail, head=lookup.head)
        return latest._replace(filling=bool(is_claimed))

    def store(self, lookup: Lookup, body: bytes, etag: str, headers: Mapping[str, str]) -> int:
        """Store a response under the tokens of a lookup, and end the claim to fill.

        Args:
            lookup: The lookup that ``start_fill`` returned, before the response was made.
            body: The body of the response, which is JSON.
            etag: The ETag of the body, without quotes.
            headers: The headers that belong to the body.

        Returns:
            The seconds that the entry lives; 0 if it was not stored.
        """
        commands = self._store_commands(lookup, body, etag, headers)
        try:
            return _stored_seconds(commands, exchange(self._redis, commands)) if commands else 0
        except REDIS_ERRORS as error:
            self._pause(error)
            return 0

    async def store_async(
        self,
        server: AsyncServer,
        lookup: Lookup,
        body: bytes,
        etag: str,
        headers: Mapping[str, str],
    ) -> int:
        """Do the same as ``store`` in an event loop."""
        commands = self._store_commands(lookup, body, etag, headers)
        try:
            return _stored_seconds(commands, await server.exchange(*commands)) if commands else 0
        except REDIS_ERRORS as error:
            self._pause(error)
            return 0

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
            False if Redis is down or refuses writes: entries may then be served until the lease
            ends, or until the follower or ``remove_generations`` invalidates them.
        """
        began = time.time()
        try:
            self.renew_generations(*writes)
        except REDIS_ERRORS as error:
            reason = error
        else:
            _note(writes, began)
            return True
        if self.remove_generations(*writes):
            _note(writes, began)
            return True
        LEFT_TO_FOLLOWER.inc(len(writes))
        services = ", ".join(sorted({write.service for write in writes}))
        log.error("%s could not be invalidated in Redis: %s", services, reason)
        return False

    def renew_generations(self, *writes: Write) -> None:
        """Do the same as ``invalidate`` in one try.

        Raises:
            RedisError: Redis does not answer, or refuses a command.
        """
        tokens = {name: write.token for write in writes for name in self._generations(write)}
        ttl = str(self._token_ttl)
        # A leased root is not written but removed, because only the follower may make one.
        commands: list[Command] = [
            ("UNLINK", name)
            if self.leased and name.endswith(_ROOT)
            # A token is never sent twice: the first try may still be on its way, and arrive when
            # the token of another write is the current one.
            else ("SET", name, token, "EX", ttl)
            for name, token in tokens.items()
        ]
        self._send(commands + _unlink_keys(writes))

    def remove_generations(self, *writes: Write) -> bool:
        """Invalidate by removing generations, after ``renew_generations`` has failed.

        Removing needs no memory, and may be repeated: no entry is valid without a generation.

        Returns:
            False if Redis is down or refuses this as well.
        """
        names = dict.fromkeys(name for write in writes for name in self._generations(write))
        try:
            self._send([("UNLINK", name) for name in names] + _unlink_keys(writes))
        except REDIS_ERRORS:
            return False
        return True

    def _generations(self, write: Write) -> list[str]:
        """Return the keys of the generations that a write makes stale."""
        if write.tags is None:
            return [root_of(write.service)]
        return [tag_of(write.service, tag) for tag in write.tags]

    def _send(self, commands: Sequence[Command]) -> None:
        """Send commands once, and raise the first error that Redis replied."""
        for reply in exchange(self._writer, commands, once=True) if commands else ():
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
            log.warning("Redis does not answer or refuses, nothing is cached: %s", error)
        self._paused_until = time.monotonic() + PAUSE_SECONDS


def _note(writes: Sequence[Write], began: float) -> None:
    """Note for those who watch which generations a write has renewed, and who has sent it."""
    if not TAP.on:
        return
    state = find_state()
    for write in writes:
        TAP.note(
            {
                "kind": "write",
                "at": began,
                "service": write.service,
                "id": log_format.request_id(),
                "by": state.principal.id if state and state.principal else "",
                "method": state.method if state else "",
                "path": state.path if state else "",
                "tags": None if write.tags is None else sorted(write.tags)[:MAX_NOTED],
                "keys": sorted(write.keys)[:MAX_NOTED],
                "omitted": max(0, len(write.tags or ()) - MAX_NOTED),
                "token": write.token,
            }
        )


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


def _stored_seconds(commands: Sequence[Command], replies: Sequence[Any]) -> int:
    """Count an entry that was stored, and return the seconds that it lives; 0 if there is none.

    Raises the error if Redis refused it.
    """
    if isinstance(replies[0], Exception):
        raise replies[0]
    name, *_, seconds = commands[0]
    is_stored = name == "SET"
    FILLS.inc(is_stored)
    return int(seconds) if is_stored else 0


def _bypass(address: Address, counter: RateCounter | None) -> Lookup:
    if counter:
        UNCHECKED.inc()
    return Lookup(address, "bypass", "redis")


def _unlink_keys(writes: Sequence[Write]) -> list[Command]:
    """Return the commands that remove the entries of items from Redis."""
    return [("UNLINK", key) for key in dict.fromkeys(key for write in writes for key in write.keys)]


def _claim_key(address: Address) -> str:
    return f"{address.service}:filling:{address.key}"
