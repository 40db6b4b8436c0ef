"""The trace of a request: every item of a batch, sources that refuse, and logs that change."""

import orjson
import pytest

from vitrine.console.reasons import Memory
from vitrine.console.services import Services
from vitrine.console.trace import Trace, lines_with

AT = "2026-11-30T14:00:00.120Z"


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def trace(upstream, memory, tmp_path):
    return Trace(Services({"products": upstream.url}), memory, tmp_path)


def entry(**more):
    values = {"at": AT, "type": "updated", "by": "ann", "request_id": "batch", "fields": ["price"]}
    return values | {"revision": {"from": 1, "to": 2}, "changes": None} | more


def page(*entries):
    return 200, {}, {"items": list(entries)}


def change(item):
    note = {"kind": "change", "id": "batch", "service": "products", "at": 1.0, "type": "updated"}
    return note | {"item": item, "fields": ["price"], "place": f"8{item}", "token": f"t{item}"}


def test_each_item_of_a_batch_has_its_entry(trace, upstream, memory):
    """One batch changes many items in the same millisecond."""
    for item in (1, 2):
        memory.add(change(item))
        upstream.answers[f"/products/{item}/history"] = page(entry())
        moved = {"at": AT, "revision": 2, "request_id": "batch", "change": -1, "reason": "sold"}
        upstream.answers[f"/products/{item}/stock"] = page(moved | {"stock": 3})
    events = trace.find("batch", "")["events"]
    texts = [event["text"] for event in events if event["kind"] == "history"]
    assert texts == ["updated 1: price", "updated 2: price"]
    assert len([event for event in events if event["kind"] == "ledger"]) == 2


def test_an_item_that_is_named_by_id_and_slug_is_shown_once(trace, upstream, memory, tmp_path):
    memory.add(change(1))
    line = {"time": AT, "method": "PATCH", "path": "/products/teapot", "service": "products"}
    (tmp_path / "products.log").write_bytes(orjson.dumps(line | {"request_id": "batch"}))
    for ref in ("1", "teapot"):
        upstream.answers[f"/products/{ref}/history"] = page(entry())
    events = trace.find("batch", "")["events"]
    assert [event["kind"] for event in events].count("history") == 1


@pytest.mark.parametrize("part", ["history", "stock"])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_history_that_is_refused_was_not_searched(trace, upstream, memory, part, status):
    memory.add(change(1))
    upstream.answers[f"/products/1/{part}"] = (status, {}, {"detail": "Not now."})
    assert trace.find("batch", "")["sources"]["history"] == "Not now."


def test_jobs_that_are_refused_were_not_searched(trace, upstream):
    upstream.answers["/jobs"] = (500, {"Content-Type": "text/html"}, b"<p>")
    assert trace.find("x", "")["sources"]["jobs"] == "products answered 500."
    del upstream.answers["/jobs"]  # A service without jobs answers 404.
    assert trace.find("x", "")["sources"]["jobs"] == "searched"


def test_lines_are_found_by_their_request_id(tmp_path):
    log = tmp_path / "products.log"
    assert list(lines_with(log, "info")) == []
    mine = {"request_id": "info", "message": "mine"}
    lines = [{"level": "info", "request_id": "x"}, mine, {"message": '"request_id":"info"'}]
    text = b"\n".join(orjson.dumps(line) for line in lines)
    spaced = b'\n{"request_id": "info", "n": 2}\n{"request_id":"info", broken'
    log.write_bytes(text + spaced)
    assert list(lines_with(log, "info")) == [mine, {"request_id": "info", "n": 2}]


def test_a_log_may_be_emptied_while_it_is_read(tmp_path):
    """The supervisor does that when a log is too large."""
    log = tmp_path / "products.log"
    line = b'{"request_id":"x"}\n'
    log.write_bytes(line * 10_000)
    found = lines_with(log, "x")
    next(found)
    log.write_bytes(b"")
    assert sum(1 for _ in found) == 9_999


def test_a_step_of_a_picture_names_no_field(trace, upstream, memory):
    memory.add(change(1))
    upstream.answers["/products/1/history"] = page(entry() | {"fields": []})
    events = trace.find("batch", "")["events"]
    assert "updated 1" in [event["text"] for event in events if event["kind"] == "history"]


def test_a_picture_that_failed_is_an_error_of_its_finished_job(trace, upstream):
    job = {"id": "image-1-1", "state": "finished", "request_id": "upload", "ended_at": AT}
    upstream.answers["/jobs"] = page(job | {"problem": "The file is no picture. Upload another."})
    (event,) = trace.find("upload", "")["events"]
    said = "image-1-1 failed: The file is no picture. Upload another."
    assert (event["level"], event["text"]) == ("error", said)
    upstream.answers["/jobs"] = page(job)
    (event,) = trace.find("upload", "")["events"]
    assert (event["level"], event["text"]) == ("info", "image-1-1 finished")
