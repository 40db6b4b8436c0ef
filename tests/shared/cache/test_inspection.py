"""Pages of keys and their validity, on one server and on a cluster."""

import pytest
from fakeredis import FakeRedis
from redis import RedisCluster

from shared.cache.cache import Cache, Write
from shared.cache.inspection import inspect
from shared.cache.keys import Address
from shared.cache.redis_topology import connect, scan_page


@pytest.fixture(
    params=["fake", *(pytest.param(kind, marks=pytest.mark.real) for kind in ("real", "cluster"))]
)
def redis(request):
    if request.param == "fake":
        redis = FakeRedis()
    elif request.param == "cluster":
        redis = connect(request.getfixturevalue("redis_cluster"), 2, tries=1)
        redis.flushall(target_nodes=RedisCluster.PRIMARIES)
    else:
        redis = connect(f"redis://127.0.0.1:{request.getfixturevalue('servers')[1]}", 2, tries=1)
        redis.flushall()
    yield redis
    redis.close()


@pytest.fixture
def cache(redis):
    return Cache(redis, 60)


def fill(cache, number, tag="all"):
    address = Address("things", f"things:list:page={number}:per=20", tag)
    lookup = cache.start_fill(cache.get(address))
    assert cache.store(lookup, b'{"items": []}', "etag", {})
    return address.key


def test_all_keys_come_once_page_by_page(redis, cache):
    expected = {fill(cache, number) for number in range(40)}
    redis.set("other:1", 1)
    found, cursor = [], ""
    while True:
        keys, cursor = scan_page(redis, "things:list:*", cursor, 10)
        found += [key.decode() for key in keys]
        if not cursor:
            break
    assert set(found) == expected


def test_each_entry_is_valid_or_has_a_reason(redis, cache):
    valid, stale = fill(cache, 1, "kind=books"), fill(cache, 2)
    cache.invalidate(Write("things", {"all"}, "0" * 16))
    redis.set("things:list:broken", "nothing")
    keys = [valid, stale, "things:list:broken", "things:list:missing"]
    by_key = {
        entry.lookup.address.key: entry
        for entry in inspect(cache, redis, "things", keys, lambda key: ())
    }
    assert by_key.keys() == set(keys[:3])
    assert by_key[valid].lookup.is_hit
    assert (by_key[stale].lookup.detail, by_key[stale].lookup.stale_part) == ("generation", "tag")
    assert by_key[stale].lookup.stale_token == "0" * 16
    assert by_key["things:list:broken"].lookup.detail == "undecodable"
    assert 0 < by_key[valid].ttl <= 66
    assert by_key[valid].size == redis.strlen(valid)


@pytest.mark.parametrize("cursor", ["9-0", f"0-{2**64}"])
def test_a_cursor_of_another_redis_is_refused(redis, cursor):
    with pytest.raises(ValueError, match=r"fewer servers|one server|as large as this"):
        scan_page(redis, "*", cursor, 10)


def test_the_largest_cursor_is_taken(redis):
    if isinstance(redis, FakeRedis):
        pytest.skip("The fake takes half of them.")
    assert scan_page(redis, "*", f"0-{2**64 - 1}", 10)
