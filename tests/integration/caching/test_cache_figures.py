"""The cache at size, on a real Redis: commands of an invalidation, hits between writes."""

import random

import pytest
from redis import Redis

from shared.cache.cache import Cache, Write
from shared.cache.keys import ALL, Address, new_token
from shared.cache.sweeper import sweep

pytestmark = pytest.mark.real

LISTS = 100_000
SHELVES = 25


@pytest.fixture
def redis(start_redis):
    with Redis(port=start_redis("--appendonly", "no")) as redis:
        yield redis


def cached(cache, address, make=b"{}"):
    """Look an address up and fill it on a miss; return whether it was a hit."""
    lookup = cache.start_fill(cache.get(address))
    return lookup.is_hit or not cache.store(lookup, make, "e", {})


def test_invalidating_100_000_lists_is_one_step_and_they_vanish(redis):
    cache = Cache(redis, 600)
    first = Address("things", "things:list:page=0:per=20", ALL)
    cached(cache, first)
    entry, ttl = redis.get(first.key), redis.ttl(first.key)
    for start in range(1, LISTS, 1000):
        pipeline = redis.pipeline(transaction=False)
        for number in range(start, min(start + 1000, LISTS)):
            key = f"things:list:page={number}:per=20"
            pipeline.set(key, entry.replace(first.key.encode(), key.encode()), ex=ttl)
        pipeline.execute()
    assert redis.dbsize() >= LISTS
    redis.config_resetstat()
    for _ in range(200):
        cache.invalidate(Write("things", ["1", ALL], new_token(), ["thing:1"]))
    commands = {name: stats["calls"] for name, stats in redis.info("commandstats").items()}
    assert commands.get("cmdstat_set") == 400
    assert commands.get("cmdstat_unlink") == 200
    assert not commands.keys() & {"cmdstat_scan", "cmdstat_keys", "cmdstat_del"}
    assert sweep(redis, "things") == LISTS


@pytest.mark.parametrize("partitions", [True, False])
def test_hits_under_one_percent_of_writes_over_25_categories(redis, capsys, partitions):
    """Gain of partitions: a write in one category leaves the lists of 24 others cached."""
    chance = random.Random(7)
    cache = Cache(redis, 600)
    hits = 0
    reads = 6_000
    for _ in range(reads):
        shelf, page = chance.randrange(SHELVES), chance.randrange(4)
        tag = f"shelf={shelf}" if partitions else ALL
        key = f"things:list:page={page}:per=20:shelf={shelf}"
        hits += cached(cache, Address("things", key, tag))
        if chance.random() < 0.01:
            written = chance.randrange(SHELVES)
            tags = ["1", ALL, f"shelf={written}"]
            cache.invalidate(Write("things", tags, new_token()))
    with capsys.disabled():
        how = "with" if partitions else "without"
        print(f"\n1 % writes, 25 shelves, {how} partitions: {hits / reads:.0%} hits")
    assert (hits / reads > 0.8) is partitions
