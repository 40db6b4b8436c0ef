"""Feeds: notes of several processes in order, changes with their authors, broken streams."""

import json
import math
from dataclasses import replace

import pytest

from tests.support.polling import poll
from vitrine.console import feeds as feeds_module
from vitrine.console import hub as hub_module
from vitrine.console.access import Access, Callers
from vitrine.console.feeds import (
    AUTHOR_SECONDS,
    HELD_SECONDS,
    MAX_HELD,
    MAX_SHOWN,
    Feeds,
    events_of,
)
from vitrine.console.hub import TOPICS, Hub
from vitrine.console.reasons import Memory
from vitrine.console.sampler import Sampler
from vitrine.console.services import Services


@pytest.fixture
def hub():
    return Hub()


@pytest.fixture
def callers(settings):
    """With tokens, so that the rights are those of who watches."""
    settings = replace(settings, auth_mode="token", secret_key="0123456789abcdef" * 2)
    return Callers(Access(settings, Services({})))


@pytest.fixture
def feeds(hub, callers):
    return Feeds(Services({}), hub, Memory(), callers)


@pytest.fixture
def published(hub):
    with hub.watch(TOPICS) as (watcher, _):
        yield lambda: [(e.topic, json.loads(e.data)) for e in watcher.take(0)[0]]


def read(at, **more):
    note = {"kind": "request", "id": "r", "service": "products", "at": at, "ms": 0, "cache": "miss"}
    note |= {"detail": "", "verdict": "x; stored", "key": "k", "tag": "1", "part": "", "token": ""}
    return note | {"root": "r0", "generation": "t0", "ttl": 60} | more


def write(at):
    note = {"kind": "write", "id": "w", "service": "products", "at": at, "by": "maria"}
    return note | {"method": "PATCH", "path": "/products/1", "tags": [], "keys": [], "token": "t1"}


def test_a_read_is_judged_after_the_write_that_came_later(feeds, published):
    """The processes of a service publish at different moments."""
    late = read(3.0, id="late", generation="t1")
    feeds._notes = [(0.0, read(1.0)), (0.1, late), (0.2, write(2.0))]
    feeds._publish(0.2 + HELD_SECONDS)
    (topic, notes), (other, requests) = published()
    assert (topic, [note["id"] for note in notes]) == ("note", ["w"])
    assert (other, [each["id"] for each in requests]) == ("request", ["r", "late"])
    assert requests[1]["because"]["text"] == "PATCH /products/1 by maria, 1000 ms before"


def test_a_read_waits_for_the_note_of_its_write_and_not_for_ever(feeds, published):
    """A process that is busy sends its notes late."""
    late = read(3.0, id="late", generation="t1")
    feeds._notes = [(0.0, read(1.0)), (0.0, late)]
    feeds._publish(HELD_SECONDS)
    ((_, (first,)),) = published()
    assert first["id"] == "r"
    followed = {"kind": "change", "place": "82AB", "tags": ["1"], "token": "t1"}
    feeds._notes = [(HELD_SECONDS, write(2.0) | {"method": "", "path": ""} | followed)]
    feeds._publish(2 * HELD_SECONDS)
    assert [topic for topic, _ in published()] == ["note"]
    feeds._notes = [(2 * HELD_SECONDS, write(2.0))]
    feeds._publish(3 * HELD_SECONDS)
    _, (_, (shown,)) = published()
    assert shown["because"]["text"] == "PATCH /products/1 by maria, 1000 ms before"
    feeds._notes = [(0.0, read(4.0, id="never", generation="t2"))]
    feeds._publish(HELD_SECONDS)
    assert published() == []
    feeds._publish(HELD_SECONDS + AUTHOR_SECONDS)
    ((_, (shown,)),) = published()
    assert (shown["id"], shown["because"]["code"]) == ("never", "unknown")


def test_notes_are_held_by_their_arrival_whatever_their_clock_says(feeds, published):
    feeds._notes = [(0.0, read(9_999_999_999.0, id="ahead"))]
    feeds._publish(HELD_SECONDS / 2)
    assert published() == []
    feeds._publish(HELD_SECONDS)
    assert [topic for topic, _ in published()] == ["request"]


def test_a_change_waits_for_its_author_and_not_for_ever(feeds, published):
    change = {"service": "products", "id": 1, "type": "updated", "token": "82AB-c0ffee"}
    feeds._changes = [(0.0, change)]
    feeds._publish(AUTHOR_SECONDS / 2)
    assert published() == []
    note = {"kind": "change", "id": "w", "by": "maria", "outside": False, "item": 1, "at": 1.0}
    feeds._notes = [(0.0, note | {"service": "products", "place": "82AB", "token": "t"})]
    feeds._publish(AUTHOR_SECONDS / 2)
    ((_, _), (topic, (shown,))) = published()
    assert (topic, shown["by"], shown["request_id"]) == ("change", "maria", "w")
    feeds._changes = [(0.0, change | {"token": "82AC-c0ffee"})]
    feeds._publish(AUTHOR_SECONDS)
    ((_, (shown,)),) = published()
    assert (shown["by"], shown["outside"]) == (None, None)


class Response:
    def __init__(self, *parts):
        self._parts = parts

    def stream(self, decode_content):
        yield from self._parts


def test_events_are_read_from_any_parts():
    text = b":\n\nid: 7\nevent: updated\ndata: {}\n\nevent: notes\ndata: []\n\nevent: cut"
    for size in (1, 3, 1000):
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        assert list(events_of(Response(*parts))) == [
            ("", "", b""),
            ("updated", "7", b"{}"),
            ("notes", "", b"[]"),
        ]


def test_notes_of_a_turn_are_bounded_and_the_rest_is_counted(feeds, published):
    feeds._notes = [(0.0, read(at, id=f"r{at}")) for at in range(MAX_SHOWN + 7)]
    feeds._publish(HELD_SECONDS)
    (topic, requests), (other, dropped) = published()
    assert (topic, len(requests), requests[-1]["id"]) == (
        "request",
        MAX_SHOWN,
        f"r{MAX_SHOWN + 6}",
    )
    assert (other, dropped) == ("dropped", {"count": 7, "where": "console"})


def test_hits_that_have_no_note_are_counted_and_reasons_know_of_them(feeds, published):
    """The key may have been hit before, and only counted."""
    feeds._count_hits("products", 1200)
    feeds._count_hits("products", 34)
    feeds._notes = [(0.0, read(1.0))]
    feeds._publish(HELD_SECONDS)
    (topic, requests), hits = published()
    assert hits == ("hits", [{"service": "products", "count": 1234}])
    told = "asked for the first time, or only as hits that were counted before"
    assert (topic, requests[0]["because"]["text"]) == ("request", told)


def test_what_waits_is_bounded(feeds, published):
    feeds._hold(feeds._notes, [read(1.0)] * (MAX_HELD - 1), "products")
    feeds._hold(feeds._notes, [read(1.0)] * 3, "products")
    assert len(feeds._notes) == MAX_HELD
    assert published() == [("dropped", {"count": 2, "where": "products"})]


def stream_of(*events):
    """A stream of changes that ends after some events."""
    text = "".join(f"{event}\n\n" for event in events)
    return 200, {"Content-Type": "text/event-stream"}, text.encode()


def refused(status):
    """An end of a stream with an error."""
    return f'event: error\ndata: {{"status": {status}}}'


SEEN = 'id: 8a-c0\nevent: updated\ndata: {"token": "8a-c0", "id": 1}'


@pytest.mark.parametrize(
    ("answers", "reset"),
    [
        ([stream_of(SEEN, refused(503))], False),
        ([stream_of(SEEN, refused(410))], True),
        ([stream_of(SEEN), (410, {}, {"detail": "gone"})], True),
        ([stream_of(SEEN), (400, {}, {"detail": "since"})], True),
        ([stream_of(SEEN), (503, {}, {"detail": "busy"})], False),
        ([(400, {}, {"detail": "There is no place to go back to."})], False),
    ],
)
def test_only_changes_that_are_gone_are_a_reset(
    upstream, hub, callers, published, monkeypatch, answers, reset
):
    """After any other error, the stream goes on at the last change."""
    monkeypatch.setattr(feeds_module, "RETRY_SECONDS", 0.01)
    feeds = Feeds(Services({"products": upstream.url}), hub, Memory(), callers)
    with callers.watching("Bearer a", math.inf):
        for answer in [*answers, stream_of()]:
            upstream.answers["/products/changes"] = answer
            count = len(upstream.requests)
            if answer is answers[0]:
                feeds.follow()
            poll(lambda count=count: len(upstream.requests) > count + 3, what="the next requests")
        last = upstream.requests[-1][2].get("Last-Event-ID")
    monkeypatch.setattr(hub_module, "LINGER_SECONDS", 0)
    topics = [topic for topic, _ in published()]
    assert ("reset" in topics) is reset
    if answers[0][0] == 200:
        assert last == (None if reset else "8a-c0")


def test_the_present_state_of_each_source_is_known(feeds):
    feeds._tell("products", "tap", "Redis is down.")
    feeds._tell("products", "changes")
    assert feeds.states() == [
        {
            "service": "products",
            "source": "tap",
            "state": "down",
            "detail": "Redis is down.",
        },
        {"service": "products", "source": "changes", "state": "up", "detail": ""},
    ]


def test_nothing_is_asked_when_nobody_watches(upstream, hub, callers):
    services = Services({"products": upstream.url})
    feeds = Feeds(services, hub, Memory(), callers)
    assert list(feeds._events("products", "tap", "/__cache/live")) == []
    Sampler(services, hub, callers)._look_at_jobs()
    assert upstream.requests == []


def test_a_token_that_is_refused_or_over_gives_way_to_another(upstream, hub, callers):
    feeds = Feeds(Services({"products": upstream.url}), hub, Memory(), callers)
    upstream.answers["/__cache/live"] = (401, {}, {"detail": "no"})
    with (
        callers.watching("Bearer good", math.inf),
        callers.watching("Bearer revoked", math.inf),
        callers.watching("Bearer over", 1.0),
    ):
        assert callers.authorization() == "Bearer revoked"
        list(feeds._events("products", "tap", "/__cache/live"))
        assert callers.authorization() == "Bearer good"
    assert callers.authorization() is None


def test_a_gap_in_which_nobody_watched_is_a_reset(feeds, published, monkeypatch):
    monkeypatch.setattr(feeds, "_take_turns", lambda: None)
    feeds.follow()
    feeds._threads["turns"].join()
    assert published() == []
    feeds.follow()
    assert published() == [("reset", {})]
