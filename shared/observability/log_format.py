"""Log lines: JSON for programs, the same as words for people at a terminal.

Every process of Vitrine writes them to stdout.  ``ABOUT`` holds the fields that all lines of one
request or job share: ``request_id``, and ``job`` in a worker.
"""

import contextlib
import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TextIO

import orjson

ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))

COLORS = {"debug": 2, "warning": 33, "error": 31, "critical": 31}
# Fields that have a place of their own in a line of words.
_PLACED = {"time", "level", "service", "logger", "message", "error", "trace", "path", "request_id"}

# No line shows these fields of a record, and each costs time (Python's logging HOWTO,
# "Optimization").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class JsonFormatter(logging.Formatter):
    """Format a record as a line of JSON; ``extra={"fields": {…}}`` adds fields to it."""

    def __init__(self, service: str):
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        return _json(self.line(record))

    def line(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the fields of a record, in the order in which people look for them."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "service": self._service,
            **ABOUT.get(),
        }
        fields = record.__dict__.get("fields")
        if fields:
            line |= fields
        if record.msg:
            line |= {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            line["error"] = f"{type(error).__name__}: {error}"
            line["trace"] = self.formatException(record.exc_info)
        return line


class WordFormatter(JsonFormatter):
    """Format a record as a coloured line of words."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        return in_words(self.line(record), color=True)


def handler(service: str) -> logging.Handler:
    """Return a handler that writes a service's lines to stdout: words to a terminal, else JSON."""
    stdout = logging.StreamHandler(sys.stdout)
    formatter = WordFormatter if sys.stdout.isatty() else JsonFormatter
    stdout.setFormatter(formatter(service))
    return stdout


def start(service: str, level: str) -> None:
    """Have this process log, unless the server has configured its logging already."""
    logging.basicConfig(level=level, handlers=[handler(service)])


def write(service: str, fields: Mapping[str, Any]) -> None:
    """Write the line of a record that has these fields, without making the record.

    A record takes longer than all other work for a hit.
    """
    line = {"time": datetime.now(UTC), "level": "info", "service": service, **ABOUT.get(), **fields}
    text = in_words(line, color=True) if _is_terminal(sys.stdout) else _json(line)
    # A request can do nothing about a line that cannot be written.
    with contextlib.suppress(OSError, ValueError):
        # One call writes the whole line, so that lines of several threads do not mix.
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


@lru_cache(maxsize=1)
def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def request_id() -> str:
    """Return the id of the current request, or an empty text."""
    return ABOUT.get().get("request_id", "")


def in_words(line: Mapping[str, Any], color: bool = False) -> str:
    """Return the fields of a line as words; control characters are escaped."""
    level = str(line.get("level", ""))
    words = [_clock(str(line.get("time", ""))), f"{line.get('service', '')}:"]
    if level not in ("", "info"):
        words.append(level.upper())
    if "path" in line:
        words += [line["method"], line["path"], line["status"], f"{line['ms']} ms"]
    message, *more = str(line.get("message", "")).splitlines() or [""]
    words.append(message)
    placed = _PLACED | ({"method", "status", "ms", "route"} if "path" in line else set())
    words += [f"{name}={value}" for name, value in line.items() if name not in placed and value]
    words += [f"[{line['request_id']}]"] if line.get("request_id") else []
    text = " ".join(printable(str(word)) for word in words if word != "")
    more += str(line.get("trace") or line.get("error") or "").splitlines()
    text += "".join(f"\n    {printable(indented)}" for indented in more)
    code = COLORS.get(level)
    return f"\x1b[{code}m{text}\x1b[0m" if color and code else text


def printable(text: str) -> str:
    """Return a text with its control characters escaped, so that a terminal shows them."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _clock(time: str) -> str:
    """Return the local time of the day."""
    try:
        return datetime.fromisoformat(time).astimezone().isoformat(" ", "milliseconds")[11:23]
    except ValueError:
        return time


def _json(line: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()
    except TypeError:
        # A text holds half of a surrogate pair, which UTF-8 cannot encode.
        return json.dumps(line, default=str)
