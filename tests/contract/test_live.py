"""``/__cache/live``: notes on requests and writes, for administrators who watch."""

import json
from contextlib import ExitStack
from dataclasses import replace

import pytest
from redis.client import PubSub

from shared.endpoints import live
from shared.observability import tap as tap_module
from shared.observability.tap import TAP, key_of
from tests.support.polling import poll
from tests.support.services import example, on_fakes


@pytest.fixture
def tap(redis, resource, monkeypatch):
    """The tap of this process, which has one service in this test."""
    monkeypatch.setattr(tap_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tap_module, "PUBLISH_SECONDS", 0.01)
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    TAP.start(redis, resource.name)
    yield TAP
    TAP.stop()


@pytest.fixture
def redis(stores):
    return stores[2]


@pytest.fixture
def watch(client, tap):
    """Open the stream; return a function that returns the notes until one fits."""
    opened = []

    def start():
        response = client.get("/__cache/live", buffered=False)
        opened.append(response)
        assert response.status_code == 200
        assert response.mimetype == "text/event-stream"
        parts = response.iter_encoded()
        assert next(parts) == b":\n\n"
        assert poll(lambda: tap.on)
        return parts

    yield start
    for response in opened:
        response.close()


@pytest.fixture
def noted(resource, monkeypatch):
    """Return the notes of the requests of this service that had an id."""
    notes = []
    monkeypatch.setattr(TAP, "on", True)
    monkeypatch.setattr(TAP, "note", notes.append)
    return lambda id: [
        note
        for note in notes
        if (note["kind"], note["service"], note["id"]) == ("request", resource.name, id)
    ]


def notes_until(parts, fits):
    seen = []
    for part in parts:
        for block in part.decode().split("\n\n"):
            if block.startswith("event: notes\ndata: "):
                seen += json.loads(block.partition("data: ")[2])
        if any(map(fits, seen)):
            return seen
    raise AssertionError(seen)


def test_reads_and_writes_are_noted_with_who_and_why(client, url, resource, watch):
    parts = watch()
    made = client.post(url, json=example(resource), headers={"X-Request-ID": "first"})
    path = made.location
    client.get(path, headers={"X-Request-ID": "miss"})
    client.get(f"{path}", headers={"X-Request-ID": "hit"})
    notes = notes_until(parts, lambda note: note["id"] == "hit")
    by_id = {(note["kind"], note["id"]): note for note in notes}
    write, miss, hit = by_id["write", "first"], by_id["request", "miss"], by_id["request", "hit"]
    assert (write["method"], write["path"], write["by"]) == ("POST", url, "anonymous")
    assert "all" in write["tags"]
    assert (miss["cache"], miss["path"], miss["status"]) == ("miss", path, 200)
    assert miss["generation"] == write["token"]
    assert (hit["cache"], hit["key"], hit["by"]) == ("hit", miss["key"], "anonymous")
    assert hit["verdict"].startswith("vitrine; hit")


def test_a_stale_list_names_the_token_of_the_write(client, url, resource, watch):
    client.get(url)
    parts = watch()
    client.post(url, json=example(resource), headers={"X-Request-ID": "write"})
    client.get(f"{url}?per=20", headers={"X-Request-ID": "after"})
    # A service asks others with the id of the request that it works for.
    notes = notes_until(parts, lambda note: note["id"] == "after" and note.get("path") == url)
    writes = [note for note in notes if note["kind"] == "write" and note["id"] == "write"]
    after = next(note for note in notes if note["id"] == "after" and note.get("path") == url)
    if after["cache"] == "stale":
        assert (after["detail"], after["part"]) == ("generation", "tag")
        assert after["token"] == after["generation"]
    # An order is written twice: when it is placed, and when its stock is reserved.
    concerned = [note for note in writes if note["tags"] is None or after["tag"] in note["tags"]]
    assert after["generation"] == concerned[-1]["token"], (after, writes)


def test_nothing_is_noted_while_no_client_watches(client, url, tap, redis, resource):
    client.get(url)
    assert not tap.on
    assert not redis.exists(key_of(resource.name))
    assert not tap._notes


def test_a_hit_too_many_is_counted_and_a_miss_is_noted(client, url, noted, monkeypatch):
    monkeypatch.setattr(TAP, "takes_hit", lambda: False)
    for id in ("first", "second"):
        client.get(url, headers={"X-Request-ID": id})
    assert [note["cache"] for note in noted("first") + noted("second")] == ["miss"]


def test_a_request_that_redis_fails_in_between_says_so(client, url, noted, monkeypatch):
    """The note has the lookup that the answer was made from, not the first one."""
    cache = client.application.extensions["connections"].cache

    def fail(lookup):
        return lookup._replace(state="bypass", detail="redis", tokens=())

    monkeypatch.setattr(cache, "start_fill", fail)
    client.get(url, headers={"X-Request-ID": "failed"})
    (note,) = noted("failed")
    assert (note["cache"], note["detail"], note["generation"]) == ("bypass", "redis", "")
    assert note["verdict"].startswith("vitrine; fwd=bypass; detail=redis")


def test_a_hit_after_waiting_has_nothing_of_the_stale_entry(
    client, url, resource, noted, monkeypatch
):
    client.get(url)
    client.post(url, json=example(resource))
    cache = client.application.extensions["connections"].cache
    fill = cache.start_fill

    def wait(lookup):
        """Let another request store the entry."""
        with monkeypatch.context() as other:
            other.setattr(cache, "start_fill", fill)
            client.get(url)
        return cache.get(lookup.address)

    monkeypatch.setattr(cache, "start_fill", wait)
    client.get(url, headers={"X-Request-ID": "waited"})
    note = noted("waited")[-1]
    assert (note["cache"], note["detail"], note["part"], note["token"]) == ("hit", "", "", "")


def test_a_note_has_the_tokens_and_the_time_of_the_entry(client, url, resource, noted, redis):
    for id in ("first", "second"):
        client.get(url, headers={"X-Request-ID": id})
    missed, hit = noted("first")[-1], noted("second")[-1]
    assert (missed["cache"], hit["cache"]) == ("miss", "hit")
    for note in (missed, hit):
        assert note["root"] == redis.get(f"{resource.name}:generation").decode()
        assert note["generation"] == redis.get(f"{resource.name}:generation:all").decode()
    assert 54 <= missed["ttl"] <= 66
    assert 0 <= missed["ttl"] - hit["ttl"] <= 3


@on_fakes
def test_a_redis_that_has_died_silently_ends_the_stream(client, tap, redis, monkeypatch):
    """Its machine is gone, so that no end of the connection comes, and another has its address."""

    class Silent(PubSub):
        def get_message(self, *args, **options):
            return None

    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(redis, "pubsub", lambda: Silent(redis.connection_pool))
    with client.get("/__cache/live", buffered=False) as response:
        told = list(response.iter_encoded())
    assert told[:-1] == [b":\n\n"] * 2
    assert told[-1].startswith(b"event: error\ndata: {")
    assert b"Open it again" in told[-1]


def test_a_redis_that_answers_keeps_a_quiet_stream_open(watch, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.01)
    parts = watch()
    assert [next(parts) for _ in range(5)] == [b":\n\n"] * 5


@on_fakes
@pytest.mark.parametrize("threads", [1, 2])
class TestWithFewThreads:
    @pytest.fixture
    def settings(self, settings, threads):
        return replace(settings, threads=threads)

    def test_as_many_watch_as_leave_a_thread(self, client, threads):
        with ExitStack() as opened:
            if threads == 2:
                watched = opened.enter_context(client.get("/__cache/live", buffered=False))
                assert watched.status_code == 200
            refused = client.get("/__cache/live", buffered=False)
            assert refused.status_code == 503
            assert ("1 client waits" if threads == 2 else "THREADS=2") in refused.json["detail"]
