"""Sweeper of stale entries: removes them from Redis, so that people see only valid keys.

The cache does not depend on it: a stale entry is never served.
"""

import itertools
import re
from collections.abc import Iterator

from redis import Redis

from shared.cache import redis_topology
from shared.cache.keys import root_of, tag_of

SCAN_COUNT = 500  # keys in one step of a scan
_STAMPS = re.compile(
    rb'\{"head":"\d{4}","root":"([0-9a-f]{16})","generation":"([0-9a-f]{16})",'
    rb'"depends":\[[^\]]*\],"tag":"([^"\\]*)"'
)


def sweep(redis: Redis, service: str) -> int:
    """Unlink the stale list and search entries of a service; return how many they were.

    SCAN and UNLINK go in small steps, so that other clients of Redis do not wait.
    """
    count = 0
    for kind in ("list", "search"):
        for keys in scan_keys(redis, f"{service}:{kind}:*"):
            stale = _stale(redis, service, keys)
            if stale:
                redis.unlink(*stale)
                count += len(stale)
    return count


def escape_pattern(prefix: str) -> str:
    """Return a prefix with the pattern characters of Redis escaped."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", prefix)


def scan_keys(redis: Redis, pattern: str) -> Iterator[list[bytes]]:
    """Yield the keys that match a pattern, some hundreds at a time, without blocking Redis."""
    keys = iter(redis.scan_iter(match=pattern, count=SCAN_COUNT))
    while batch := list(itertools.islice(keys, SCAN_COUNT)):
        yield batch


def _stale(redis: Redis, service: str, keys: list[bytes]) -> list[bytes]:
    """Return the keys whose entries are stamped with an old generation."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.getrange(key, 0, 400)
    stamps_by_key = {
        key: stamps
        for key, start in zip(keys, pipeline.execute(raise_on_error=False), strict=True)
        if isinstance(start, bytes) and (stamps := _STAMPS.match(start))
    }
    tags = sorted({stamps[3].decode() for stamps in stamps_by_key.values()})
    names = [root_of(service), *(tag_of(service, tag) for tag in tags)]
    root, *tokens = redis_topology.read(redis, names)
    current = dict(zip(tags, tokens, strict=True))
    return [
        key
        for key, stamps in stamps_by_key.items()
        if (stamps[1], stamps[2]) != (root, current[stamps[3].decode()])
    ]
