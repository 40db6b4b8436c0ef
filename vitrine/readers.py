"""Processes that read while others write, and check every answer against what may be seen."""

import http.client
import multiprocessing
import random
import signal
import time
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from ctypes import c_longlong
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import orjson

from vitrine.scratch import GONE, Scratch, Subject

REMEMBERED = 12  # reads of each path
MOST_VIOLATIONS = 20
READS_PER_CONNECTION = 500  # so that the connections wander over all workers

# Other processes see what is written here at once.
Versions = Sequence[int]


@dataclass(frozen=True, slots=True)
class Violation:
    """An answer that could not be: when, what, and the reads of that path before it."""

    at: float
    path: str
    subject: int
    text: str
    before: list[str]


@dataclass(slots=True)
class Tally:
    """What some readers have seen."""

    hits: int = 0
    failed: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    moments: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, other: "Tally") -> None:
        """Add what other readers have seen."""
        self.hits += other.hits
        self.failed += other.failed
        self.violations += other.violations
        self.moments += other.moments
        self.seconds += other.seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read where, for how long, and which versions must and can be seen.

    ``floors[n]`` is the version of document n that whoever starts to read now must see at least,
    ``ceilings[n]`` the one that was last begun to be written.
    """

    scratch: Scratch
    subjects: Sequence[Subject]
    urls: Mapping[str, Sequence[str]]
    until: float
    floors: Versions
    ceilings: Versions

    def start(self, processes: int, threads: int) -> list[tuple[BaseProcess, Connection]]:
        """Start reading in processes of their own; ``collect`` waits for them."""
        context = multiprocessing.get_context("spawn")
        started: list[tuple[BaseProcess, Connection]] = []
        for _ in range(processes):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_read, args=(self, threads, theirs), daemon=True)
            process.start()
            started.append((process, ours))
        return started


def collect(started: Sequence[tuple[BaseProcess, Connection]]) -> Tally:
    """Wait for readers to end and return what they have seen together."""
    tally = Tally()
    for process, pipe in started:
        tally.add(pipe.recv())
        process.join()
    return tally


def versions(count: int) -> Any:
    """Return an array of versions that processes share; one process writes, the others read."""
    return multiprocessing.get_context("spawn").Array(c_longlong, count, lock=False)


def _read(reading: Reading, threads: int, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends us.
    readers = [_Reader(reading) for _ in range(threads)]
    running = [Thread(target=each.run, daemon=True) for each in readers]
    for thread in running:
        thread.start()
    parent = multiprocessing.parent_process()
    tally = Tally()
    for thread, reader in zip(running, readers, strict=True):
        while thread.is_alive():
            thread.join(1)
            if parent and not parent.is_alive():
                return
        tally.add(reader.tally)
    pipe.send(tally)


class _Reader:
    """One thread, with a connection of its own to every instance of every service."""

    def __init__(self, reading: Reading):
        self._reading = reading
        self._scratch = reading.scratch
        self.tally = Tally()
        self._history: dict[str, deque[str]] = {}
        self._connections: dict[str, tuple[http.client.HTTPConnection, int]] = {}
        self._by_number = {each.number: each for each in reading.subjects}
        self._targets: list[tuple[str, str, Subject | None, int | None]] = []
        shelved = "categories" in reading.urls
        for subject in reading.subjects:
            slugs = [f"/{subject.service}/{subject.slug}"] if subject.slug else []
            self._targets += [
                (subject.service, path, subject, None) for path in (subject.path, *slugs)
            ]
        for service in reading.urls:
            for path, shelf in reading.scratch.lists(service, shelved).items():
                # Lists are read as often as items, though they are fewer.
                self._targets += [(service, path, None, shelf)] * 3

    def run(self) -> None:
        """Read until the time has come."""
        while time.monotonic() < self._reading.until:
            service, path, subject, shelf = random.choice(self._targets)
            url = random.choice(self._reading.urls[service])
            floors = list(self._reading.floors)
            started = time.monotonic()
            try:
                status, cache_status, body = self._get(url, path)
            except (OSError, http.client.HTTPException) as error:
                self._fail(f"{url}{path}: {type(error).__name__} {error}")
                continue
            self.tally.moments.append(started)
            self.tally.seconds.append(time.monotonic() - started)
            ceilings = list(self._reading.ceilings)
            if status not in (200, 404) or (status == 404 and subject is None):
                self._fail(f"{url}{path}: {status} {body[:200]!r}")
                continue
            self.tally.hits += "; hit" in cache_status
            try:
                value = orjson.loads(body)
                shown = [value] if subject and status == 200 else value.get("items", [])
                seen = dict(filter(None, map(self._scratch.version, shown)))
            except (ValueError, AttributeError, TypeError) as error:
                self._fail(f"{url}{path}: {error} in {body[:200]!r}")
                continue
            expected = [subject] if subject else self._of(service)
            where = f"{started:.3f} {url} {status} {cache_status} {seen}"
            for each in expected:
                floor, ceiling = floors[each.number], ceilings[each.number]
                if wrong := _wrong(each, seen.get(each.number), shelf, floor, ceiling):
                    self._violate(path, each, f"{wrong}; answered {where}")
            history = self._history.setdefault(path, deque(maxlen=REMEMBERED))
            history.append(where)

    def _fail(self, text: str) -> None:
        self.tally.failed.append(text)
        time.sleep(0.01)  # What is down is not asked thousands of times a second.

    def _of(self, service: str) -> list[Subject]:
        return [each for each in self._reading.subjects if each.service == service]

    def _violate(self, path: str, subject: Subject, text: str) -> None:
        if len(self.tally.violations) < MOST_VIOLATIONS:
            before = list(self._history.get(path, ()))
            self.tally.violations.append(
                Violation(time.monotonic(), path, subject.number, text, before)
            )

    def _get(self, url: str, path: str) -> tuple[int, str, bytes]:
        connection, used = self._connections.get(url, (None, 0))
        if connection is None or used >= READS_PER_CONNECTION:
            if connection:
                connection.close()
            parts = urlsplit(url)
            connection, used = http.client.HTTPConnection(parts.netloc, timeout=30), 0
        self._connections[url] = connection, used + 1
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Cache-Status", ""), answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            # A server may close a connection that it has not answered on yet.
            if used:
                del self._connections[url]
                return self._get(url, path)
            raise


def _wrong(
    subject: Subject, version: int | None, shelf: int | None, floor: int, ceiling: int
) -> str:
    """Return what is wrong with seeing a document at a version, or not at all; else nothing."""
    what = f"{subject.path} (number {subject.number})"
    if version is None:
        if subject.may_miss(shelf, floor, ceiling):
            return ""
        return f"{what} is missing, though versions {floor} to {ceiling} all belong here"
    if not floor <= version <= ceiling:
        return f"{what} at version {version}, which is not from {floor} to {ceiling}"
    if subject.shelf(version) == GONE or (shelf is not None and subject.shelf(version) != shelf):
        return f"{what} at version {version}, which does not belong here"
    return ""
