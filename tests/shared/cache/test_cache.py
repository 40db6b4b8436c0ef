"""The cache's protocol, step by step: what may never be served."""

import json
import threading

import pytest
from fakeredis import FakeRedis
from redis import ConnectionError, Redis, RedisCluster

from shared.cache.cache import Cache, Write
from shared.cache.keys import MAX_KEY, Address, key_of, new_root, new_token, root_of, tag_of
from shared.cache.redis_client import Server
from shared.cache.redis_topology import connect, servers
from shared.cache.sweeper import sweep
from tests.support.processes import free_port
from vitrine.local.embedded import start_redis as start_redis_server
from vitrine.local.embedded import wait_for_redis
from vitrine.local.processes import stop

ITEM = Address("things", "thing:1", "1")
LIST = Address("things", "things:list:page=1:per=20", "all")
BOOKS = Address("things", "things:list:page=1:per=20:kind=books", "kind=books")


REAL = [pytest.param(kind, marks=pytest.mark.real) for kind in ("real", "replica", "cluster")]


@pytest.fixture(params=["fake", *REAL])
def kind(request):
    """Kind of Redis under the cache; ``replica`` is a real Redis with a replica to read from."""
    return request.param


@pytest.fixture
def redis(request, kind):
    if kind == "fake":
        redis = FakeRedis()
    elif kind == "cluster":
        redis = connect(request.getfixturevalue("redis_cluster"), 2, tries=1)
        redis.flushall(target_nodes=RedisCluster.PRIMARIES)
    else:
        redis = connect(f"redis://127.0.0.1:{request.getfixturevalue('servers')[1]}", 2, tries=1)
        redis.flushall()
    yield redis
    redis.close()


@pytest.fixture
def new_cache(request, kind, redis):
    """Build caches; one that reads from a replica waits until its fills have come there."""
    if kind != "replica":
        yield lambda **options: Cache(redis, 60, **options)
        return
    port = request.getfixturevalue("redis_replica")
    with connect(f"redis://127.0.0.1:{port}", 2, tries=1) as replica:
        yield lambda **options: ReplicatedCache(redis, 60, reader=replica, **options)


class ReplicatedCache(Cache):
    def get(self, address):
        # WAIT waits for the writes of its own connection, so it needs one: what is published goes
        # to the replica after all writes before it.
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.publish("written", "")
            pipeline.execute_command("WAIT", 1, 60_000)
            *_, replicas = pipeline.execute()
        assert replicas == 1
        return super().get(address)


@pytest.fixture
def cache(new_cache):
    return new_cache()


def fill(cache, address, body=b'{"v":1}'):
    lookup = cache.start_fill(cache.get(address))
    assert cache.store(lookup, body, "etag", {"Vary": "Prefer"})
    return lookup


def test_what_was_filled_is_hit_as_it_was(cache):
    assert cache.get(ITEM).state == "miss"
    fill(cache, ITEM)
    hit = cache.get(ITEM)
    assert (hit.state, hit.body, hit.head["etag"]) == ("hit", b'{"v":1}', "etag")
    assert hit.head["headers"] == {"Vary": "Prefer"}
    assert hit.status().startswith("vitrine; hit; ttl=")


def test_an_entry_is_json_that_people_can_read(cache, redis):
    fill(cache, ITEM, '{"name":"Crépin"}'.encode())
    entry = json.loads(redis.get("thing:1"))
    assert entry["body"] == {"name": "Crépin"}
    assert (entry["tag"], entry["key"]) == ("1", "thing:1")
    assert 0 < redis.ttl("thing:1") <= 66


def test_a_fill_that_raced_a_write_is_never_served(cache):
    """Reader looks, writer writes and invalidates, reader fills with what it read before."""
    before = cache.start_fill(cache.get(ITEM))
    cache.invalidate(Write("things", ["1", "all"], new_token()))
    cache.store(before, b'{"v":"old"}', "old", {})
    after = cache.get(ITEM)
    assert (after.state, after.detail) == ("stale", "generation")


def test_the_claim_ends_where_nothing_can_be_stored(cache, redis):
    lookup = cache.start_fill(cache.get(ITEM))
    assert not cache.store(lookup, b"{}", "etag", {"Link": "x" * 10_000})
    assert not [key for key in redis.keys("*") if b":filling:" in key]


def test_a_slow_fill_does_not_revive_what_a_quick_one_replaced(cache):
    slow = cache.start_fill(cache.get(ITEM))
    cache.invalidate(Write("things", ["1"], new_token()))
    fill(cache, ITEM, b'{"v":"new"}')
    cache.store(slow, b'{"v":"old"}', "old", {})
    assert cache.get(ITEM).state == "stale"


def test_an_entry_that_is_swept_before_it_is_filled_again_keeps_its_reason(cache, redis):
    fill(cache, LIST)
    cache.invalidate(Write("things", ["all"], "0" * 16))
    stale = cache.get(LIST)
    redis.delete(LIST.key)
    latest = cache.start_fill(stale)
    assert (latest.filling, latest.state, latest.stale_part) == (True, "stale", "tag")
    assert latest.stale_token == "0" * 16


def test_what_is_stored_says_how_long_it_lives(cache, redis):
    lookup = cache.start_fill(cache.get(ITEM))
    seconds = cache.store(lookup, b"{}", "etag", {})
    assert 54 <= seconds <= 66
    assert cache.get(ITEM).seconds_left in (seconds - 2, seconds - 1, seconds)


@pytest.mark.parametrize("tags", [["1"], None])
def test_a_write_makes_entries_worthless_at_once(cache, tags):
    fill(cache, ITEM)
    cache.invalidate(Write("things", tags, new_token()))
    assert cache.get(ITEM).state == "stale"


def test_a_write_leaves_other_tags_alone(cache):
    for address in (ITEM, LIST, BOOKS):
        fill(cache, address)
    cache.invalidate(Write("things", ["2", "all", "kind=games"], new_token()))
    assert [cache.get(each).state for each in (ITEM, LIST, BOOKS)] == ["hit", "stale", "hit"]


@pytest.mark.parametrize("lost", [root_of("things"), tag_of("things", "1")])
def test_a_lost_token_revives_nothing(cache, redis, lost):
    fill(cache, ITEM)
    redis.delete(lost)
    assert cache.get(ITEM).state == "stale"
    assert cache.get(ITEM).state == "stale"


def test_other_services_writes_count_where_an_answer_depends_on_them(cache):
    address = Address("shelves", "shelf:1", "1", depends=("things",))
    fill(cache, address)
    assert cache.get(address).is_hit
    cache.invalidate(Write("things", ["7", "all"], new_token()))
    assert cache.get(address).state == "stale"


def test_the_keys_of_items_go_at_once(cache, redis):
    fill(cache, ITEM)
    cache.invalidate(Write("things", ["1"], new_token(), ["thing:1"]))
    assert redis.exists("thing:1") == 0


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{",
        b"null",
        b'{"head":"0100"',
        b'{"head":"9999","root":"0000000000000000","generation":"0000000000000000","x":1}',
        b"\xff" * 300,
    ],
)
def test_what_cannot_be_read_is_a_miss_and_is_replaced(cache, redis, entry):
    redis.set("thing:1", entry)
    assert cache.get(ITEM).state == "miss"
    fill(cache, ITEM)
    assert cache.get(ITEM).is_hit


def test_a_cut_entry_is_a_miss(cache, redis):
    fill(cache, ITEM)
    redis.set("thing:1", redis.get("thing:1")[:-1])
    assert cache.get(ITEM).state == "miss"


def test_an_entry_moved_to_another_key_is_a_miss(cache, redis):
    fill(cache, ITEM)
    other = Address("things", "thing:2", "1")
    redis.set("thing:2", redis.get("thing:1"))
    assert cache.get(other).state == "miss"


def test_a_value_of_another_type_under_our_key_is_a_miss(cache, redis):
    redis.lpush("thing:1", "x")
    assert cache.get(ITEM).state == "miss"
    fill(cache, ITEM)
    assert cache.get(ITEM).is_hit


def test_an_entry_without_what_it_needs_is_a_miss(cache, redis):
    fill(cache, ITEM)
    redis.set("thing:1", redis.get("thing:1").replace(b'"etag"', b'"gate"'))
    assert (cache.get(ITEM).state, cache.get(ITEM).detail) == ("miss", "undecodable")


def test_another_release_is_stale(cache, new_cache):
    fill(cache, ITEM)
    newer = new_cache(release="2")
    assert (newer.get(ITEM).state, newer.get(ITEM).detail) == ("stale", "release")


def test_generations_come_from_where_they_are_written():
    """A replica that lags behind may hold an old entry; it is never taken for a new one."""
    redis, replica = FakeRedis(), FakeRedis()
    cache = Cache(redis, 60, reader=replica)
    fill(cache, ITEM)
    assert cache.get(ITEM).state == "miss"
    replica.set("thing:1", redis.get("thing:1"))
    assert cache.get(ITEM).is_hit
    cache.invalidate(Write("things", ["1"], new_token()))
    assert cache.get(ITEM).state == "stale"


def test_an_invalidation_is_never_tried_again_with_a_token(caplog):
    """The first try may be on its way still, and must not bring an old token back."""
    sent = []

    class Deaf(Redis):
        def pipeline(self, *args, **options):
            pipeline = FakeRedis().pipeline()
            pipeline.execute_command = lambda verb, name, *more: sent.append((verb, *more[:1]))
            pipeline.execute = fail
            return pipeline

    def fail(**options):
        raise ConnectionError("no answer")

    cache = Cache(FakeRedis(), 60, writer=Deaf())
    assert not cache.invalidate(Write("things", ["1"], "0" * 16))
    assert sent == [("SET", "0" * 16), ("UNLINK",)]
    assert "could not be invalidated" in caplog.text


def test_a_replica_that_is_down_costs_nothing(caplog):
    redis = FakeRedis()
    cache = Cache(redis, 60, reader=connect("redis://127.0.0.1:1", 0.1, tries=1))
    fill(cache, ITEM)
    assert cache.get(ITEM).is_hit
    assert caplog.text.count("The replica of Redis does not answer") == 1


def test_a_cluster_that_is_not_there_is_like_a_redis_that_is_down():
    cluster = connect("redis+cluster://127.0.0.1:1", 0.1, tries=1)
    assert Cache(cluster, 60).get(ITEM).detail == "redis"
    cluster.close()


@pytest.mark.parametrize("lost", [root_of("things"), tag_of("things", "1")])
def test_a_generation_that_is_no_token_is_no_error(cache, redis, lost):
    redis.set(lost, b"\xff\xfe")
    assert not cache.get(ITEM).is_hit


def make_root(redis):
    """Make a root, as the follower does."""
    run = redis.info("server")["run_id"] if isinstance(redis, Server) else ""
    redis.set(root_of("things"), new_root(run), ex=5)


@pytest.mark.real
def test_a_redis_that_comes_back_with_an_earlier_state_is_not_read(tmp_path):
    """Its last invalidations may be lost, and the lease may be alive."""
    port, log = free_port(), tmp_path / "log"
    options = (tmp_path / "redis", port, log, (), "--appendonly", "no")
    with connect(f"redis://127.0.0.1:{port}", 2, tries=1) as redis:
        process = start_redis_server(*options)
        try:
            wait_for_redis(process, port, log)
            cache = Cache(redis, 60, leased=True)
            redis.set(root_of("things"), new_root(redis.info("server")["run_id"]), ex=60)
            fill(cache, ITEM)
            redis.save()
            assert cache.invalidate(Write("things", ["1"], new_token()))
            process.kill()
            process.wait()
            process = start_redis_server(*options)
            wait_for_redis(process, port, log)
            assert redis.exists(root_of("things"), "thing:1", tag_of("things", "1")) == 3
            assert cache.get(ITEM).detail == "lease"
            # Without the mark it would be read.
            entry, *tokens = redis.mget(ITEM.key, *ITEM.tokens)
            assert cache.validate(ITEM, entry, tokens).is_hit
        finally:
            stop(process, 3)


class TestLease:
    @pytest.fixture
    def cache(self, new_cache):
        return new_cache(leased=True)

    def test_without_a_root_nothing_is_read_or_made(self, cache, redis):
        lookup = cache.get(ITEM)
        assert (lookup.state, lookup.detail) == ("bypass", "lease")
        assert not cache.store(lookup, b"{}", "e", {})
        assert cache.start_fill(lookup) is lookup
        assert list(redis.scan_iter("*")) == []

    def test_with_a_root_it_is_as_ever_until_the_lease_ends(self, cache, redis):
        make_root(redis)
        fill(cache, ITEM)
        assert cache.get(ITEM).is_hit
        redis.delete(root_of("things"))
        assert cache.get(ITEM).detail == "lease"
        make_root(redis)
        assert cache.get(ITEM).state == "stale"

    def test_a_root_of_another_run_of_redis_is_none(self, cache, redis):
        """A Redis that comes back with an earlier state brings its roots along."""
        if not isinstance(redis, Server):
            pytest.skip("Only of a single server the run is known.")
        make_root(redis)
        fill(cache, ITEM)
        assert cache.get(ITEM).is_hit
        redis.set(root_of("things"), new_root("another"), ex=5)
        lookup = cache.get(ITEM)
        assert (lookup.state, lookup.detail) == ("bypass", "lease")
        assert not cache.store(lookup, b"{}", "e", {})

    def test_a_service_is_invalidated_as_a_whole_by_removing_its_root(self, cache, redis):
        cache.invalidate(Write("things", None, new_token()))
        assert redis.exists(root_of("things")) == 0
        make_root(redis)
        fill(cache, ITEM)
        cache.invalidate(Write("things", None, new_token()))
        assert cache.get(ITEM).detail == "lease"

    def test_generations_can_be_removed_again_and_again(self, cache, redis):
        make_root(redis)
        fill(cache, ITEM)
        write = Write("things", ["1"], new_token(), ["thing:1"])
        assert cache.remove_generations(write)
        assert cache.remove_generations(write)
        assert cache.get(ITEM).state == "miss"
        fill(cache, ITEM)
        assert cache.get(ITEM).is_hit


class TestOutage:
    def test_a_dead_redis_is_asked_once_a_second_and_nothing_fails(self):
        calls = []

        class Dead(Redis):
            def pipeline(self, *args, **options):
                calls.append(args)
                raise ConnectionError("down")

        cache = Cache(Dead(), 60)
        for _ in range(100):
            lookup = cache.get(ITEM)
            assert (lookup.state, lookup.detail) == ("bypass", "redis")
            assert cache.start_fill(lookup) is lookup
            assert not cache.store(lookup, b"{}", "e", {})
        assert len(calls) == 1


class TestSingleFlight:
    def test_of_many_misses_one_fills_and_all_answer(self, cache, monkeypatch):
        # A busy machine may take longer than a request waits for another one.
        monkeypatch.setattr("shared.cache.cache.WAIT_SECONDS", 60)
        monkeypatch.setattr("shared.cache.cache.CLAIM_MILLISECONDS", 60_000)
        fillers, bodies = [], []
        start = threading.Barrier(16)

        def read():
            start.wait()
            lookup = cache.start_fill(cache.get(ITEM))
            if not lookup.is_hit:
                fillers.append(lookup)
                cache.store(lookup, b'{"v":1}', "e", {})
                cache.abandon_fill(lookup)
            bodies.append(lookup.body or b'{"v":1}')

        threads = [threading.Thread(target=read) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(fillers) == 1
        assert bodies == [b'{"v":1}'] * 16

    def test_who_waits_in_vain_takes_the_place_of_the_one_who_died(self, cache):
        first = cache.start_fill(cache.get(ITEM))
        second = cache.start_fill(cache.get(ITEM))
        assert first.filling
        assert (second.state, second.filling) == ("miss", True)

    def test_a_waiter_never_takes_an_answer_older_than_a_write(self, cache):
        first = cache.start_fill(cache.get(ITEM))
        cache.invalidate(Write("things", ["1"], new_token()))
        cache.store(first, b'{"v":"old"}', "old", {})
        cache.abandon_fill(first)
        second = cache.start_fill(cache.get(ITEM))
        assert (second.is_hit, second.state) == (False, "stale")


class TestKeys:
    def test_values_are_encoded_so_that_no_key_can_be_forged(self):
        forged = key_of("a:list", [("genre", "Sport:platform=PS5")])
        honest = key_of("a:list", [("genre", "Sport"), ("platform", "PS5")])
        assert forged != honest
        assert honest == "a:list:genre=Sport:platform=PS5"
        assert forged == "a:list:genre=Sport%3Aplatform%3DPS5"

    def test_names_are_encoded_as_well(self):
        forged = key_of("a:list", [("attr.a=1:brand", "Acme")])
        assert forged != key_of("a:list", [("attr.a", "1"), ("brand", "Acme")])

    def test_a_long_key_is_hashed(self):
        key = key_of("a:list", [("q", "x" * MAX_KEY)])
        assert len(key) < 60
        assert key != key_of("a:list", [("q", "y" * MAX_KEY)])


def test_a_sweep_takes_what_is_worthless_and_leaves_the_rest(cache, redis):
    stale = [
        Address("things", f"things:{kind}:{number}", f"kind={number % 2}")
        for kind in ("list", "search")
        for number in range(40)
    ]
    for address in stale:
        fill(cache, address)
    redis.set("things:list:foreign", "not ours")
    cache.invalidate(Write("things", ["kind=0"], new_token()))
    assert sweep(redis, "things") == 40
    left = {address.key for address in stale if redis.exists(address.key)}
    assert left == {address.key for address in stale if address.tag == "kind=1"}
    assert redis.exists("things:list:foreign") == 1
    assert sweep(redis, "things") == 0


@pytest.mark.real
def test_a_server_is_known_again_until_it_is_another_or_takes_no_writes(start_redis, redis_cluster):
    port, other = start_redis(), start_redis()
    with connect(f"redis://127.0.0.1:{port}", 2, tries=1) as redis:
        before = servers(redis)
        assert servers(redis).runs == before.runs
        redis.replicaof("127.0.0.1", other)
        with pytest.raises(ConnectionError):
            servers(redis)
    with connect(f"redis://127.0.0.1:{other}", 2, tries=1) as redis:
        assert servers(redis).runs != before.runs
    cluster = connect(redis_cluster, 2, tries=1)
    assert len(servers(cluster).runs) == 3
    cluster.close()
