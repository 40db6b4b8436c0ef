"""The lines of the logs: JSON for programs, the same in words for people at a terminal.

Every process of Vitrine writes them to stdout.  ``ABOUT`` holds what all lines have in common that
are written on behalf of one request or job: ``request_id``, and ``job`` in a worker.
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
_TOLD = {"time", "level", "service", "logger", "message", "error", "trace", "path", "request_id"}

# Nobody reads these of a record, and each costs time (Python's logging HOWTO, "Optimization").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class Lines(logging.Formatter):
    """Makes a JSON line of a record; ``extra={"fields": {…}}`` adds fields of its own."""

    def __init__(self, service: str):
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        return _json(self.line(record))

    def line(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what there is to say, in the order in which people look for it."""
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


class Words(Lines):
    """Makes a coloured line of words of a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        return in_words(self.line(record), color=True)


def handler(service: str) -> logging.Handler:
    """Return what writes a service's lines to stdout: words to a terminal, else JSON."""
    made = logging.StreamHandler(sys.stdout)
    made.setFormatter(Words(service) if sys.stdout.isatty() else Lines(service))
    return made


def start(service: str, level: str) -> None:
    """Have this process log, unless somebody has seen to it already."""
    logging.basicConfig(level=level, handlers=[handler(service)])


def write(service: str, fields: Mapping[str, Any]) -> None:
    """Write the line of a record that has these fields, without the record.

    A record takes longer than all else that is done for a cached answer by itself.
    """
    line = {"time": datetime.now(UTC), "level": "info", "service": service, **ABOUT.get(), **fields}
    text = in_words(line, color=True) if _is_terminal(sys.stdout) else _json(line)
    # What cannot be written is nothing that a request could do anything about.
    with contextlib.suppress(OSError, ValueError):
        # In one piece, so that lines of several threads do not mix.
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


@lru_cache(maxsize=1)
def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def request_id() -> str:
    """Return the id of the request on whose behalf this runs, or an empty text."""
    return ABOUT.get().get("request_id", "")


def in_words(line: Mapping[str, Any], color: bool = False) -> str:
    """Return a JSON line as people read it; what a terminal would obey is escaped."""
    level = str(line.get("level", ""))
    words = [_clock(str(line.get("time", ""))), f"{line.get('service', '')}:"]
    if level not in ("", "info"):
        words.append(level.upper())
    if "path" in line:
        words += [line["method"], line["path"], line["status"], f"{line['ms']} ms"]
    message, *more = str(line.get("message", "")).splitlines() or [""]
    words.append(message)
    seen = _TOLD | ({"method", "status", "ms", "route"} if "path" in line else set())
    words += [f"{name}={value}" for name, value in line.items() if name not in seen and value]
    words += [f"[{line['request_id']}]"] if line.get("request_id") else []
    text = " ".join(printable(str(each)) for each in words if each != "")
    more += str(line.get("trace") or line.get("error") or "").splitlines()
    text += "".join(f"\n    {printable(each)}" for each in more)
    code = COLORS.get(level)
    return f"\x1b[{code}m{text}\x1b[0m" if color and code else text


def printable(text: str) -> str:
    """Return a text in which nothing is obeyed by a terminal."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _clock(time: str) -> str:
    """Return the time of the day here."""
    try:
        return datetime.fromisoformat(time).astimezone().isoformat(" ", "milliseconds")[11:23]
    except ValueError:
        return time


def _json(line: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()
    except TypeError:
        # It holds half a character, which is no UTF-8.
        return json.dumps(line, default=str)
