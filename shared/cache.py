"""The generation-stamped cache: what a write invalidates.

Every cached answer depends on one *tag* of its service: an item on its own, a list on its
partition (``category=books``) or on ``all``.  A tag's *generation* is a random token in Redis.
Renewing it makes everything stamped with the old one worthless, at once and in O(1).
"""

import logging
import secrets
from collections.abc import Iterable

from redis import Redis, RedisError

log = logging.getLogger(__name__)

ALL = "all"


class Cache:
    """The generations of all services, in one Redis."""

    def __init__(self, redis: Redis, ttl: int):
        self._redis = redis
        self._ttl = ttl

    def invalidate(self, service: str, tags: Iterable[str] | None, token: str) -> None:
        """Make ``token`` the generation of some tags, or of the whole service for None.

        Call it after the write was acknowledged.  Redis being down is logged, never raised.
        """
        root = f"{service}:generation"
        names = [root] if tags is None else [f"{root}:{tag}" for tag in sorted(tags)]
        try:
            self._redis.mset(dict.fromkeys(names, token))
        except RedisError as error:
            log.error("%s could not be invalidated in Redis: %s", service, error)


def new_token() -> str:
    """Return a generation: random, so that a lost one cannot come back."""
    return secrets.token_hex(8)
