"""The generation-stamped cache: never stale, invalidated in O(1), readable in RedisInsight.

Every cached answer depends on its service's *root* and on one *tag*: an item on its own, a list on
its partition (``category=books``) or on ``all``.  The *generation* of each is a random token in
Redis.  An entry is stamped with the tokens that were read *before* MongoDB was, and counts only
while they are the current ones.  So renewing a token makes everything stamped with it worthless at
once, and a fill that raced a write is never served.  Tokens are random, never counters: one that is
lost cannot come back.

Where MongoDB is a replica set, only a follower (``shared.workers.follower``) writes the root, as a
lease of five seconds; without it nothing is cached.  docs/cache.md tells what each rule is for.
"""

import logging
import random
import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

from redis import Redis

from shared.cache import redis_topology
from shared.cache.entry import Lookup, encode
from shared.cache.keys import Address, new_token, root_of, tag_of
from shared.cache.lookups import ROOT, Lookups
from shared.cache.redis_client import Command
from shared.cache.redis_topology import REDIS_ERRORS
from shared.observability.metrics import FILLS, LEFT, WAITS

log = logging.getLogger(__name__)

LEASE_SECONDS = 5
FILL_MILLISECONDS = 250  # for which a filler keeps others waiting, should it have died
WAIT_SECONDS = 0.5
FIRST_PAUSE = 0.002


class Write(NamedTuple):
    """What a write makes worthless: some tags of a service, or all of it for None.

    ``token`` becomes their generation; ``keys`` of items go at once, so that nobody sees them.
    """

    service: str
    tags: Collection[str] | None
    token: str
    keys: Collection[str] = ()


class Cache(Lookups):
    """What ``Lookups`` looks into, how it is filled and how it is invalidated.

    ``ttl`` is the seconds an entry lives, more or less; ``writer`` renews generations, and may take
    longer than a read.
    """

    def __init__(
        self, redis: Redis, ttl: int, *, reader: Redis | None = None, writer: Redis | None = None
    ):
        super().__init__(redis, reader)
        self._writer = writer or redis
        self._ttl = ttl

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
        mine, *found = redis_topology.together(self._redis, commands)
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
            stored, *_ = redis_topology.together(self._redis, commands)
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
        answers = redis_topology.together(self._writer, commands, once=True) if commands else []
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer

    @property
    def _token_ttl(self) -> int:
        """Seconds a generation lives unused: longer than any entry stamped with it."""
        return 2 * self._ttl + 60


def _filling(address: Address) -> str:
    return f"{address.service}:filling:{address.key}"
