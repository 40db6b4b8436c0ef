"""The hub: a memory of the last events, bounded queues, and a limit to those who watch."""

import json

import pytest

from shared.http.errors import ServiceUnavailable
from vitrine.console import hub as hub_module
from vitrine.console.hub import (
    MAX_BYTES,
    MAX_EVENTS,
    MAX_QUEUE,
    MAX_QUEUE_BYTES,
    MAX_WATCHERS,
    TOPICS,
    Hub,
)


@pytest.fixture
def hub():
    return Hub()


def numbers(events):
    return [json.loads(event.data) for event in events]


def test_a_watcher_gets_its_topics_in_order(hub):
    hub.publish("sample", 0)
    with hub.watch(("sample", "job")) as (watcher, is_whole):
        for topic, number in (("sample", 1), ("note", 2), ("job", 3)):
            hub.publish(topic, number)
        events, dropped = watcher.take(0)
    assert (numbers(events), dropped, is_whole) == ([1, 3], 0, True)


def test_a_client_that_comes_back_gets_what_it_has_missed(hub):
    hub.publish("sample", 1)
    last = hub.last_id
    hub.publish("sample", 2)
    hub.publish("sample", 3)
    with hub.watch(TOPICS, last) as (watcher, is_whole):
        assert (numbers(watcher.take(0)[0]), is_whole) == ([2, 3], True)


@pytest.mark.parametrize("since", ["other-1", "nonsense", "-", "{run}-x"])
def test_an_id_of_another_run_begins_anew(hub, since):
    run = hub.last_id.partition("-")[0]
    hub.publish("sample", 1)
    with hub.watch(TOPICS, since.format(run=run)) as (watcher, is_whole):
        assert (watcher.take(0)[0], is_whole) == ([], False)


def test_events_that_are_forgotten_are_a_reset(hub):
    hub.publish("sample", -1)
    last = hub.last_id
    for number in range(MAX_EVENTS + 5):
        hub.publish("sample", number)
    with hub.watch(TOPICS, last) as (watcher, is_whole):
        events, _ = watcher.take(0)
        assert not is_whole
        assert numbers(events)[-1] == MAX_EVENTS + 4


def test_a_slow_client_loses_the_oldest_and_is_told_so(hub):
    with hub.watch(TOPICS) as (watcher, _):
        for number in range(MAX_QUEUE + 3):
            hub.publish("sample", number)
        stream = hub.stream(watcher, True, {})
        assert next(stream).startswith(b"event: hello\n")
        assert b'{"count":3,"where":"console"}' in next(stream)
        assert next(stream).count(b"event: sample") == MAX_QUEUE


def test_places_are_limited_and_come_free(hub):
    open_places = [hub.watch(TOPICS) for _ in range(MAX_WATCHERS)]
    for place in open_places:
        place.__enter__()
    with pytest.raises(ServiceUnavailable) as refused, hub.watch(TOPICS):
        pass
    assert int(refused.value.headers["Retry-After"]) > 0
    open_places.pop().__exit__(None, None, None)
    with hub.watch(TOPICS):
        pass
    for place in open_places:
        place.__exit__(None, None, None)


def test_it_is_watched_for_a_while_after_the_last_has_left(hub, monkeypatch):
    assert not hub.is_watched
    with hub.watch(TOPICS):
        assert hub.is_watched
    assert hub.is_watched
    monkeypatch.setattr(hub_module, "LINGER_SECONDS", 0)
    assert not hub.is_watched


def test_a_quiet_stream_stays_open_by_comments(hub, monkeypatch):
    with hub.watch(TOPICS) as (watcher, _):
        monkeypatch.setattr(watcher, "take", lambda: ([], 0))
        stream = hub.stream(watcher, False, {})
        assert [next(stream) for _ in range(3)][1:] == [b"event: reset\ndata: {}\n\n", b":\n\n"]


def test_the_memory_is_bounded_in_bytes(hub):
    """A busy stack sends large arrays; a thousand of them would not fit."""
    last = hub.last_id
    size = MAX_BYTES // 4
    for _ in range(10):
        hub.publish("note", "x" * size)
    assert sum(len(event.data) for event in hub._memory) <= MAX_BYTES
    with hub.watch(TOPICS, last) as (watcher, is_whole):
        assert not is_whole
        events, _ = watcher.take(0)
        assert sum(len(event.data) for event in events) <= MAX_QUEUE_BYTES


def test_a_queue_is_bounded_in_bytes_and_the_client_is_told(hub):
    with hub.watch(TOPICS) as (watcher, _):
        for _ in range(6):
            hub.publish("note", "x" * (MAX_QUEUE_BYTES // 4))
        events, dropped = watcher.take(0)
        assert (len(events), dropped) == (3, 3)
        hub.publish("note", "x" * MAX_QUEUE_BYTES)
        assert watcher.take(0) == ([], 1)


def test_a_number_of_any_length_is_an_id_of_another_run(hub):
    run = hub.last_id.partition("-")[0]
    with hub.watch(TOPICS, f"{run}-{'9' * 5000}") as (_, is_whole):
        assert not is_whole


def test_the_sources_are_told_after_hello(hub):
    with hub.watch(TOPICS) as (watcher, _):
        stream = hub.stream(watcher, True, {}, [{"service": "products", "state": "down"}])
        assert next(stream).startswith(b"event: hello\n")
        assert next(stream) == (b'event: source\ndata: {"service":"products","state":"down"}\n\n')
