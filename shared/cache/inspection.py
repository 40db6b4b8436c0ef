"""Inspection of entries: which are valid, and why the others are not, without their bodies."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from redis import Redis

from shared.cache.cache import Cache
from shared.cache.entry import MAX_HEAD, Lookup, decode_start
from shared.cache.keys import Address
from shared.cache.redis_client import Command
from shared.cache.redis_topology import exchange


class Inspected(NamedTuple):
    """An entry: the result of a lookup without its body, its seconds to live, and its bytes."""

    lookup: Lookup
    ttl: int
    size: int


def inspect(
    cache: Cache, redis: Redis, service: str, keys: Sequence[str], depends: Callable[[str], Any]
) -> list[Inspected]:
    """Return the entries of some keys; keys that have none are left out.

    Args:
        cache: The cache that judges the entries.
        redis: The Redis that holds them.
        service: The name of the service.
        keys: The keys of entries.
        depends: Returns the services that the entry of a key depends on.

    Raises:
        RedisError: Redis does not answer.
    """
    entries = _read_starts(redis, service, keys, depends)
    if not entries:
        return []
    names = sorted({name for address in entries for name in address.tokens})
    answer = exchange(redis, [("MGET", *names)])
    tokens = dict(zip(names, answer[0], strict=True))
    return [
        Inspected(
            cache.validate(
                address,
                start,
                [tokens[name] for name in address.tokens],
                mark=answer.mark,
                size=size,
            ),
            ttl,
            size,
        )
        for address, (start, size, ttl) in entries.items()
    ]


def _read_starts(
    redis: Redis, service: str, keys: Sequence[str], depends: Callable[[str], Any]
) -> dict[Address, tuple[bytes, int, int]]:
    """Return the beginning of each entry, its bytes, and its seconds to live."""
    commands: list[Command] = []
    for key in keys:
        commands += [("GETRANGE", key, 0, MAX_HEAD - 1), ("STRLEN", key), ("TTL", key)]
    replies = exchange(redis, commands) if commands else []
    entries = {}
    for key, start, size, ttl in zip(keys, replies[::3], replies[1::3], replies[2::3], strict=True):
        # A key of another kind, such as a list, is an error of Redis.
        if isinstance(start, bytes) and start:
            head = decode_start(start, size)[1] or {}
            address = Address(service, key, str(head.get("tag", "")), depends(key))
            entries[address] = start, size, ttl
    return entries
