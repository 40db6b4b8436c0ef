"""Removes entries that no longer count, so that whoever looks into Redis sees them gone.

Nothing depends on it: an entry whose stamps are not the current generations is never served.
"""

import itertools
import re
from collections.abc import Iterator

from redis import Redis

from shared.cache import redis_topology
from shared.cache.keys import root_of, tag_of

SCAN_COUNT = 500
_STAMPS = re.compile(
    rb'\{"head":"\d{4}","root":"([0-9a-f]{16})","generation":"([0-9a-f]{16})",'
    rb'"depends":\[[^\]]*\],"tag":"([^"\\]*)"'
)


def sweep(redis: Redis, service: str) -> int:
    """Unlink the list and search entries of a service that do not count; return how many.

    Goes in small steps, SCAN and UNLINK, so that nobody waits for it.
    """
    gone = 0
    for kind in ("list", "search"):
        for keys in batches(redis, f"{service}:{kind}:*"):
            worthless = _worthless(redis, service, keys)
            if worthless:
                redis.unlink(*worthless)
                gone += len(worthless)
    return gone


def escaped(prefix: str) -> str:
    """Return a prefix in which no character means a pattern to Redis."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", prefix)


def batches(redis: Redis, pattern: str) -> Iterator[list[bytes]]:
    """Yield the keys that fit a pattern, some hundreds at a time, without holding Redis up."""
    keys = iter(redis.scan_iter(match=pattern, count=SCAN_COUNT))
    while batch := list(itertools.islice(keys, SCAN_COUNT)):
        yield batch


def _worthless(redis: Redis, service: str, keys: list[bytes]) -> list[bytes]:
    """Return the keys whose entries are stamped with a generation that is no longer current."""
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.getrange(key, 0, 400)
    found = {
        key: stamps
        for key, start in zip(keys, pipeline.execute(raise_on_error=False), strict=True)
        if isinstance(start, bytes) and (stamps := _STAMPS.match(start))
    }
    tags = sorted({stamps[3].decode() for stamps in found.values()})
    names = [root_of(service), *(tag_of(service, tag) for tag in tags)]
    root, *tokens = redis_topology.read(redis, names)
    current = dict(zip(tags, tokens, strict=True))
    return [
        key
        for key, stamps in found.items()
        if (stamps[1], stamps[2]) != (root, current[stamps[3].decode()])
    ]
