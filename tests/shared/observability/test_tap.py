"""The tap: notes are published while a client watches, and cost nothing at other times."""

import json

import orjson
import pytest
from fakeredis import FakeRedis
from redis import ConnectionError

from shared.cache.redis_topology import connect
from shared.observability import tap as tap_module
from shared.observability.tap import MAX_HITS, MAX_NOTES, Tap, key_of
from tests.support.polling import poll


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(tap_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tap_module, "PUBLISH_SECONDS", 0.01)


@pytest.fixture
def redis():
    return FakeRedis()


@pytest.fixture
def tap(redis):
    tap = Tap()
    tap.start(redis, "things")
    yield tap
    tap.stop()


@pytest.fixture
def batches(redis):
    """Return all batches that were published since the test began."""
    subscription = redis.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(key_of("things"))
    found = []

    def read():
        while message := subscription.get_message():
            found.append(orjson.loads(message["data"]))  # as those who watch read them
        return found

    yield read
    subscription.close()


def test_it_is_on_only_while_a_client_watches(tap, redis):
    assert not tap.on
    redis.set(key_of("things"), 1)
    assert poll(lambda: tap.on)
    redis.delete(key_of("things"))
    assert poll(lambda: not tap.on)


def test_the_notes_of_a_moment_come_in_one_batch(tap, redis, batches):
    redis.set(key_of("things"), 1)
    poll(lambda: tap.on)
    for number in range(3):
        tap.note({"number": number})
    notes = poll(lambda: [note for batch in batches() for note in batch["notes"]][2:] and batches())
    assert [note["number"] for batch in notes for note in batch["notes"]] == [0, 1, 2]
    assert not any(batch["dropped"] for batch in notes)


def test_too_many_notes_are_dropped_and_counted(redis, batches):
    tap = Tap()
    for number in range(MAX_NOTES + 7):
        tap.note({"number": number})
    redis.set(key_of("things"), 1)
    tap.start(redis, "things")
    (batch,) = poll(batches)
    tap.stop()
    assert (len(batch["notes"]), batch["dropped"]) == (MAX_NOTES, 7)


def test_hits_beyond_a_bound_are_counted_and_all_counts_come(redis, batches):
    tap = Tap()
    redis.set(key_of("things"), 1)
    tap.start(redis, "things")
    poll(lambda: tap.on)
    number, noted = 20 * MAX_HITS, 0
    for _ in range(number):
        noted += tap.takes_hit()
    assert MAX_HITS <= noted < number
    poll(lambda: noted + sum(batch["hits"] for batch in batches()) == number)
    assert poll(tap.takes_hit)  # There is room again after some batches.
    tap.stop()


def test_half_of_a_surrogate_pair_is_replaced(tap, redis, batches):
    redis.set(key_of("things"), 1)
    poll(lambda: tap.on)
    tap.note({"path": "/\ud800"})
    assert poll(batches)[0]["notes"] == [{"path": "/?"}]


def test_a_redis_that_is_down_ends_the_watch_and_comes_back(tap, redis, monkeypatch):
    redis.set(key_of("things"), 1)
    poll(lambda: tap.on)

    def fail(*args):
        raise ConnectionError("down")

    with monkeypatch.context() as down:
        down.setattr(redis, "exists", fail)
        assert poll(lambda: not tap.on)
    assert poll(lambda: tap.on)


@pytest.mark.real
@pytest.mark.parametrize("kind", ["server", "cluster"])
def test_notes_pass_through_every_kind_of_redis(request, kind):
    url = (
        request.getfixturevalue("redis_cluster")
        if kind == "cluster"
        else f"redis://127.0.0.1:{request.getfixturevalue('servers')[1]}"
    )
    redis, tap = connect(url, 1, tries=1), Tap()
    redis.delete(key_of("things"))
    with redis.pubsub() as subscription:
        subscription.subscribe(key_of("things"))
        tap.start(redis, "things")
        redis.set(key_of("things"), 1, ex=5)
        poll(lambda: tap.on)
        tap.note({"number": 1})
        batches = []

        def is_there():
            message = subscription.get_message(timeout=0.1)
            batches.extend([message["data"]] if message and message["type"] == "message" else [])
            return batches

        assert json.loads(poll(is_there)[0])["notes"] == [{"number": 1}]
    tap.stop()
    redis.close()
