"""A write that Redis does not accept is acknowledged when no older entry is valid any more."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from bson import Timestamp
from redis import Redis

from shared.cache import leases
from shared.cache.cache import LEASE_SECONDS, Cache, Write
from shared.cache.keys import Address, new_root, new_token, root_of
from shared.cache.redis_topology import connect
from tests.support.polling import poll
from tests.support.refusals import REFUSALS

pytestmark = pytest.mark.real

ITEM = Address("things", "thing:1", "1")
LIST = Address("things", "things:list:page=1:per=20", "all")
SHORT = 1.5  # seconds of a lease


@pytest.fixture
def db(real_connections):
    return real_connections[0]


@pytest.fixture(scope="module")
def port(start_redis):
    return start_redis()


@pytest.fixture
def redis(port):
    with Redis(port=port, decode_responses=True) as redis:
        redis.flushall()
        yield redis


@pytest.fixture
def cache(port):
    url = f"redis://127.0.0.1:{port}"
    with connect(url, 0.1, tries=1) as reader, connect(url, 0.5, tries=1) as writer:
        yield Cache(reader, 60, leased=True, writer=writer)


def lease(db, redis, seconds):
    """Make a root that lives for some seconds and is announced, as the follower does.

    It lives 5 ms longer than announced, because the clocks of the servers tick and drift.
    """
    if seconds > 0:
        root = new_root(redis.info("server")["run_id"])
        redis.set(root_of("things"), root, px=round(seconds * 1000) + 5)
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    db.followers.replace_one({"_id": "things"}, {"leased_until": until}, upsert=True)


def fill(cache):
    for address in (ITEM, LIST):
        lookup = cache.start_fill(cache.get(address))
        assert cache.store(lookup, b"{}", "e", {})
        assert cache.get(address).is_hit


def write():
    return [Write("things", ["1", "all"], new_token(), ["thing:1"])]


@pytest.mark.parametrize("kind", REFUSALS)
def test_nothing_older_is_read_once_a_refused_write_is_acknowledged(db, redis, cache, kind):
    lease(db, redis, SHORT)
    fill(cache)
    with REFUSALS[kind](redis):
        assert cache.get(ITEM).is_hit
        started = time.monotonic()
        leases.invalidate(db, cache, write())
        waited = time.monotonic() - started
        assert not cache.get(ITEM).is_hit
        assert not cache.get(LIST).is_hit
    assert waited < SHORT + 2
    assert not cache.get(ITEM).is_hit


def test_without_memory_a_write_does_not_wait(db, redis, cache):
    lease(db, redis, 60)
    fill(cache)
    with REFUSALS["oom"](redis):
        started = time.monotonic()
        leases.invalidate(db, cache, write())
        assert time.monotonic() - started < LEASE_SECONDS
        assert not cache.get(LIST).is_hit


def test_a_write_waits_no_longer_than_redis_refuses(db, redis, cache, caplog):
    lease(db, redis, 60)
    fill(cache)
    caplog.set_level(logging.ERROR)
    with REFUSALS["readonly"](redis):
        waiting = threading.Thread(target=leases.invalidate, args=(db, cache, write()))
        waiting.start()
        poll(lambda: "could not be invalidated" in caplog.text)
        assert cache.get(LIST).is_hit
        assert waiting.is_alive()
    poll(lambda: not waiting.is_alive(), LEASE_SECONDS - 1)
    assert not cache.get(LIST).is_hit


def test_a_write_waits_for_the_follower_if_that_is_sooner(db, redis, cache):
    """An instance may be cut off from Redis while the follower is not."""
    lease(db, redis, 60)
    started = time.monotonic()
    with REFUSALS["readonly"](redis):
        waiting = threading.Thread(target=leases.invalidate, args=(db, cache, write()))
        waiting.start()
        while waiting.is_alive():
            moment = db.command("ping")["operationTime"]
            leases.announce(db, "things", {}, moment)
            waiting.join(0.1)
    assert time.monotonic() - started < LEASE_SECONDS - 1


def test_a_write_after_the_lease_does_not_wait(db, redis, cache):
    """A Redis that is down for hours costs each write its timeouts only."""
    lease(db, redis, -1)
    with REFUSALS["readonly"](redis):
        started = time.monotonic()
        leases.invalidate(db, cache, write())
    assert time.monotonic() - started < LEASE_SECONDS - 1


def test_without_followers_there_is_nothing_to_wait_for(db, redis, port):
    with connect(f"redis://127.0.0.1:{port}", 0.5, tries=1) as client:
        started = time.monotonic()
        with REFUSALS["readonly"](redis):
            leases.invalidate(db, Cache(client, 60), write())
    assert time.monotonic() - started < LEASE_SECONDS - 1


class TestAnnouncements:
    def test_an_announcement_is_never_taken_back(self, db):
        now = time.monotonic()
        assert leases.announce(db, "things", {"at": 1}) >= now + leases.ANNOUNCED_SECONDS
        longest = datetime.now(UTC) + timedelta(hours=1)
        db.followers.update_one({"_id": "things"}, {"$set": {"leased_until": longest}})
        moment = db.command("ping")["operationTime"]
        leases.announce(db, "things", {"token": {"_data": "$x"}}, moment)
        leases.announce(db, "things", {}, Timestamp(1, 1))
        state = db.followers.find_one({"_id": "things"})
        assert (state["at"], state["token"]) == (1, {"_data": "$x"})
        assert state["seen"] == moment
        assert abs(state["leased_until"] - longest) < timedelta(seconds=1)

    def test_what_is_unknown_is_a_whole_lease(self, db):
        assert leases.seconds_left(db, "things") == LEASE_SECONDS
        db.followers.insert_one({"_id": "things", "at": 1})
        assert leases.seconds_left(db, "things") == LEASE_SECONDS

    @pytest.mark.parametrize(("seconds", "most"), [(-9, 0), (2, 2), (99, LEASE_SECONDS)])
    def test_the_rest_is_between_nothing_and_a_lease(self, db, seconds, most):
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        db.followers.insert_one({"_id": "things", "leased_until": until})
        assert max(0, most - 2) <= leases.seconds_left(db, "things") <= most
