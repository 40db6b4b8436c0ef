"""Log lines: valid JSON for any value, and words without control characters for terminals."""

import contextlib
import json
import logging
import sys
from pathlib import Path

import pytest

from shared.observability import log_format


def record(message="", level=logging.INFO, **more):
    made = logging.LogRecord("vitrine.test", level, "", 0, message, (), None)
    made.__dict__ |= more
    return made


def line(made):
    text = log_format.JsonFormatter("products").format(made)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_says_when_how_bad_and_by_whom():
    said = line(record("It is late", logging.WARNING))
    assert said["time"][-1] == "Z"
    del said["time"]
    logger = {"logger": "vitrine.test", "message": "It is late"}
    assert said == {"level": "warning", "service": "products", **logger}


def test_an_exception_is_one_line_with_its_trace():
    try:
        raise ValueError("no such\nluck")
    except ValueError:
        said = line(record("It failed", logging.ERROR, exc_info=sys.exc_info()))
    assert said["error"] == "ValueError: no such\nluck"
    assert "test_log_format.py" in said["trace"]


@pytest.mark.parametrize("odd", ["\udcff", b"\xff", object(), {1: 2}, 2**70, float("nan")])
def test_nothing_that_is_logged_breaks_the_line(odd):
    assert line(record(fields={"odd": odd}))["level"] == "info"


def test_what_is_done_for_a_request_says_so():
    before = log_format.ABOUT.get()
    log_format.ABOUT.set({"request_id": "mine", "job": "image-1"})
    try:
        said = line(record("Done"))
        assert log_format.request_id() == "mine"
    finally:
        log_format.ABOUT.set(before)
    assert (said["request_id"], said["job"]) == ("mine", "image-1")
    assert log_format.request_id() == ""


def test_a_line_without_a_record_is_the_same(capsys, monkeypatch):
    fields = {"request_id": "mine", "path": "/\udcff", "ms": 0.5}
    log_format.write("products", fields)
    said = json.loads(capsys.readouterr().out)
    assert said.keys() == line(record(fields=fields)).keys()
    assert said["path"] == "/\udcff"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    log_format.write("products", {"method": "GET", "path": "/\x1b[2J\n", "status": 200, "ms": 0.5})
    assert capsys.readouterr().out.count("\x1b") == 0


def test_a_line_that_cannot_be_written_fails_nothing(monkeypatch):
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        log_format.write("products", {"number": 1})
        monkeypatch.undo()
        written = True
    assert written


def test_people_read_words_and_no_terminal_obeys_them():
    fields = {"method": "GET", "path": "/\x1b[2J\n", "status": 200, "ms": 0.5, "cache": "hit"}
    words = log_format.in_words(line(record(fields={"request_id": "mine", **fields})))
    assert words.partition(" ")[2] == "products: GET /\\x1b[2J\\n 200 0.5 ms cache=hit [mine]"


def test_what_is_bad_is_coloured_and_keeps_its_trace():
    try:
        raise ValueError("no luck")
    except ValueError:
        bad = record("It failed", logging.ERROR, exc_info=sys.exc_info())
    words = log_format.WordFormatter("products").format(bad)
    assert words.startswith("\x1b[31m")
    assert words.endswith("\n    ValueError: no luck\x1b[0m")
    assert "\x1b" not in log_format.in_words(line(bad))


def test_a_message_of_several_lines_stays_readable():
    words = log_format.in_words(line(record("First\n  second")))
    assert words.partition(" ")[2] == "products: First\n      second"
