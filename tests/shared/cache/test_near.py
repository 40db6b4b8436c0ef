"""The near cache: what it may answer without asking Redis, and what it may not."""

import threading
import time

import pytest
from redis import Redis

from shared.cache import redis_topology
from shared.cache.blocks import Blocks, Counter
from shared.cache.cache import Cache, Write
from shared.cache.keys import NEAR, Address, new_token, root_of, tag_of
from shared.cache.redis_topology import connect

pytestmark = pytest.mark.real

ITEM = Address("things", "thing:1", "1", ("kinds",))
OTHER = Address("things", "thing:2", "2", ("kinds",))
MANY = Counter("limits:many", 60, 1_000_000)


@pytest.fixture
def port(start_redis):
    return start_redis()


@pytest.fixture
def redis(port):
    with Redis(port=port) as client:
        for service in ("things", "kinds"):
            client.set(root_of(service), new_token(), px=5000)
        yield client


@pytest.fixture
def new_cache(port, redis):
    """Start caches as processes have them, with a near cache each."""
    caches, clients = [], []

    def start():
        clients.append(connect(f"redis://127.0.0.1:{port}/0", 2, tries=1))
        caches.append(Cache(clients[-1], 60))
        caches[-1].leased = True
        caches[-1].start_near(["things", "kinds", "things"])
        deadline = time.monotonic() + 10
        while caches[-1].near.mark() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        return caches[-1]

    yield start
    for cache in caches:
        cache.near.close()
    for client in clients:
        client.close()


@pytest.fixture
def cache(new_cache):
    return new_cache()


def fill(cache, address=ITEM, body=b"1"):
    """Have an answer kept by Redis and by the process."""
    assert cache.fill(cache.begin(cache.get(address)), body, "etag", {})
    assert cache.get(address).detail == ""
    assert cache.get(address).detail == "near"


def test_an_answer_that_was_had_before_needs_no_redis(cache, redis):
    fill(cache)
    redis.delete(ITEM.key)
    lookup = cache.get(ITEM)
    assert (lookup.state, lookup.detail, lookup.body) == ("hit", "near", b"1")
    assert "; hit; ttl=" in lookup.status()
    assert "; detail=near; " in lookup.status()
    assert cache.look(ITEM).state == "miss"


@pytest.mark.parametrize("tags", [["1"], None], ids=["a tag", "the root"])
@pytest.mark.parametrize("service", ["things", "kinds"])
def test_a_write_anywhere_is_in_the_next_answer(new_cache, service, tags):
    one, other = new_cache(), new_cache()
    fill(one)
    if service == "kinds" and tags:
        tags = ["all"]
    other.invalidate(Write(service, tags, new_token()))
    assert one.get(ITEM).state == "stale"


def test_what_others_write_concerns_nobody_else(cache):
    fill(cache)
    fill(cache, OTHER)
    cache.invalidate(Write("things", ["2"], new_token()))
    assert cache.get(ITEM).detail == "near"
    assert cache.get(OTHER).state == "stale"


def test_a_lease_that_goes_on_is_read_again_and_the_answers_count(cache, redis):
    fill(cache)
    redis.pexpire(root_of("things"), 5000)
    assert cache.get(ITEM).detail == ""
    assert cache.get(ITEM).detail == "near"


def test_nothing_counts_longer_than_the_lease_of_its_root(cache, redis):
    for service in ("things", "kinds"):
        redis.pexpire(root_of(service), 300)
    fill(cache)
    deadline = time.monotonic() + 0.31
    while time.monotonic() < deadline:
        time.sleep(0.01)
    assert cache.get(ITEM).state == "bypass"


def test_a_redis_that_is_emptied_empties_it(cache, redis):
    """It makes nothing stale, and Redis tells of it a moment after it acknowledges it."""
    fill(cache)
    redis.flushall()
    deadline = time.monotonic() + 5
    while (state := cache.get(ITEM).state) == "hit" and time.monotonic() < deadline:
        pass
    assert state == "bypass"


def test_a_purge_empties_it(cache, redis):
    fill(cache)
    redis.delete(ITEM.key)
    redis.set(tag_of("things", NEAR), new_token(), ex=1)
    assert cache.get(ITEM).state == "miss"


def test_it_keeps_nothing_that_news_came_for_meanwhile(cache):
    fill(cache)
    mark = cache.near.mark()
    hit = cache.look(ITEM)
    cache.invalidate(Write("things", ["1"], new_token()))
    assert cache.near.mark() != mark
    cache.near.keep(mark, hit)
    assert cache.near.get(ITEM.key) is None


def test_it_is_empty_once_its_connection_was_cut_and_comes_back(cache, redis, monkeypatch):
    monkeypatch.setattr("shared.cache.near.PAUSE_SECONDS", 0.01)
    fill(cache)
    redis.client_kill_filter(_type="normal", skipme=True)
    assert cache.get(ITEM).detail == ""
    deadline = time.monotonic() + 10
    while cache.get(ITEM).detail != "near":
        assert time.monotonic() < deadline


def test_redis_keeps_nothing_for_a_process_that_is_not_asked(cache, redis):
    fill(cache)
    with redis.pipeline(transaction=False) as pipeline:
        for number in range(50_000):
            pipeline.set(tag_of("things", f"{number:0100}"), new_token(), ex=9)
        pipeline.execute()
    deadline = time.monotonic() + 10
    while any(int(each["omem"]) for each in redis.client_list()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_is_off_without_leases(port):
    with connect(f"redis://127.0.0.1:{port}/0", 2, tries=1) as client:
        cache = Cache(client, 60)
        cache.start_near(["things"])
        assert cache.near is None


def test_it_stays_within_its_bounds(cache, monkeypatch):
    monkeypatch.setattr("shared.cache.near.MAX_BYTES", 2500)
    for number in range(9):
        address = Address("things", f"thing:{number}", str(number), ("kinds",))
        fill(cache, address, b"x" * 1000)
        assert cache.near._bytes <= 2500
        assert sum(len(hit.body) for hit, _ in cache.near._kept.values()) == cache.near._bytes


def test_no_answer_is_older_than_a_write_that_was_acknowledged(new_cache):
    """Threads of one process read while another process writes, as fast as they can."""
    reader, writer = new_cache(), new_cache()
    stored, acknowledged, wrong, near = [0], [0], [], []
    stopping = threading.Event()

    def read():
        while not stopping.is_set():
            before = acknowledged[0]
            lookup = reader.begin(reader.get(ITEM))
            if lookup.is_hit:
                near.append(lookup.detail == "near")
                if int(lookup.body) < before:
                    wrong.append((before, lookup.body))
            else:
                reader.fill(lookup, str(stored[0]).encode(), "etag", {})

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 2
    number = 0
    while time.monotonic() < deadline:
        number += 1
        stored[0] = number
        writer.invalidate(Write("things", ["1"], new_token()))
        acknowledged[0] = number
        time.sleep(0.002)
    stopping.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert any(near)
    assert number > 10


def number_of(blocks, redis, counter):
    """Count one more, and return which it is."""
    if (counted := blocks.take(counter)) is None:
        asked = blocks.next(counter)
        found = redis_topology.count(redis, asked.key, asked.seconds, (), asked.more)
        counted = blocks.fill(asked, *found[:2])
    return counted[0]


class TestBlocks:
    def test_a_small_allowance_is_counted_one_by_one(self, redis):
        blocks = Blocks()
        counter = Counter("limits:few", 60, 100)
        for number in range(1, 103):
            assert number_of(blocks, redis, counter) == number
            assert int(redis.get("limits:few")) == number

    def test_a_large_one_asks_redis_seldom_and_never_gives_more(self, redis):
        one, other = Blocks(), Blocks()
        counter = Counter("limits:large", 60, 20_000)
        admitted = 0
        commands = redis.info("stats")["total_commands_processed"]
        for _ in range(10_500):
            admitted += sum(
                number_of(each, redis, counter) <= counter.amount for each in (one, other)
            )
        asked = redis.info("stats")["total_commands_processed"] - commands
        assert 19_900 < admitted <= counter.amount
        assert asked < 15_000  # of the 42,000 that one by one would take

    def test_a_new_window_begins_anew(self, redis):
        blocks = Blocks()
        counter = Counter("limits:short", 1, 1_000_000)
        first = [number_of(blocks, redis, counter) for _ in range(5)]
        assert first == [1, 2, 3, 4, 5]
        deadline = time.monotonic() + 5
        while number_of(blocks, redis, counter) != 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_threads_get_numbers_of_their_own(self, redis):
        blocks, numbers = Blocks(), []
        threads = [
            threading.Thread(
                target=lambda: numbers.extend(number_of(blocks, redis, MANY) for _ in range(2000))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(numbers)) == len(numbers) == 8000
