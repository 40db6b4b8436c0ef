"""Processes that read while others write, and check every answer against what may be seen."""

import multiprocessing
import random
import signal
import time
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from ctypes import c_longlong
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as PipeEnd
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

import orjson

from vitrine.client import authorization
from vitrine.fuzz.connection import Answer, Connection
from vitrine.fuzz.documents import GONE, Scratch, Subject

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

    def start(self, processes: int, threads: int) -> list[tuple[BaseProcess, PipeEnd]]:
        """Start reading in processes of their own; ``collect`` waits for them."""
        context = multiprocessing.get_context("spawn")
        started: list[tuple[BaseProcess, PipeEnd]] = []
        for _ in range(processes):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_read, args=(self, threads, theirs), daemon=True)
            process.start()
            started.append((process, ours))
        return started


def collect(started: Sequence[tuple[BaseProcess, PipeEnd]]) -> Tally:
    """Wait for readers to end and return what they have seen together."""
    tally = Tally()
    for process, pipe in started:
        tally.add(pipe.recv())
        process.join()
    return tally


def versions(count: int) -> Any:
    """Return an array of versions that processes share; one process writes, the others read."""
    return multiprocessing.get_context("spawn").Array(c_longlong, count, lock=False)


def _read(reading: Reading, threads: int, pipe: PipeEnd) -> None:
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


@dataclass(frozen=True, slots=True)
class _Target:
    """Something to read: a document, or a list, which may be narrowed to a shelf."""

    path: str
    urls: Sequence[str]
    subjects: Sequence[Subject]
    shelf: int | None = None
    is_list: bool = False


class _Reader:
    """One thread, with a connection of its own to every instance of every service."""

    def __init__(self, reading: Reading):
        self._reading = reading
        self.tally = Tally()
        self._history: dict[str, deque[str]] = {}
        self._connections: dict[str, Connection] = {}
        self._targets: list[_Target] = []
        shelved = "categories" in reading.urls
        for service, urls in reading.urls.items():
            subjects = [each for each in reading.subjects if each.service == service]
            for each in subjects:
                paths = filter(None, (each.path, each.slug and f"/{service}/{each.slug}"))
                self._targets += [_Target(path, urls, [each]) for path in paths]
            for path, shelf in reading.scratch.lists(service, shelved).items():
                # Lists are read as often as items, though they are fewer.
                self._targets += [_Target(path, urls, subjects, shelf, is_list=True)] * 3

    def run(self) -> None:
        """Read until the time has come."""
        while time.monotonic() < self._reading.until:
            target = random.choice(self._targets)
            url = random.choice(target.urls)
            floors = [self._reading.floors[each.number] for each in target.subjects]
            started = time.monotonic()
            try:
                answer = self._get(url, target.path)
            except OSError as error:
                self._fail(f"{url}{target.path}: {type(error).__name__} {error}")
                continue
            self.tally.moments.append(started)
            self.tally.seconds.append(time.monotonic() - started)
            self.tally.hits += "; hit" in answer.cache_status
            seen = self._seen(target, url, answer)
            if seen is not None:
                where = f"{started:.3f} {url} {answer.status} {answer.cache_status} {seen}"
                self._compare(target, floors, seen, where)

    def _seen(self, target: _Target, url: str, answer: Answer) -> dict[int, int] | None:
        """Return the version of each of our documents in an answer, or None for one that is bad."""
        if answer.status == 404 and not target.is_list:
            return {}
        try:
            value = orjson.loads(answer.body)
            shown = value["items"] if target.is_list else [value]
            if answer.status == 200:
                return dict(filter(None, map(self._reading.scratch.version, shown)))
        except (ValueError, AttributeError, TypeError, KeyError):
            pass
        self._fail(f"{url}{target.path}: {answer.status} {answer.body[:200]!r}")
        return None

    def _compare(
        self, target: _Target, floors: Sequence[int], seen: Mapping[int, int], where: str
    ) -> None:
        history = self._history.setdefault(target.path, deque(maxlen=REMEMBERED))
        for each, floor in zip(target.subjects, floors, strict=True):
            ceiling = self._reading.ceilings[each.number]
            wrong = _wrong(each, seen.get(each.number), target.shelf, floor, ceiling)
            if wrong and len(self.tally.violations) < MOST_VIOLATIONS:
                text = f"{wrong}; answered {where}"
                violation = Violation(
                    time.monotonic(), target.path, each.number, text, list(history)
                )
                self.tally.violations.append(violation)
        history.append(where)

    def _fail(self, text: str) -> None:
        self.tally.failed.append(text)
        time.sleep(0.01)  # What is down is not asked thousands of times a second.

    def _get(self, url: str, path: str) -> Answer:
        connection = self._connections.get(url)
        if connection and connection.used >= READS_PER_CONNECTION:
            connection.close()
            connection = None
        try:
            connection = connection or Connection(url, authorization())
            self._connections[url] = connection
            return connection.get(path)
        except OSError:
            self._connections.pop(url, None)
            if connection is None or connection.used <= 1:
                raise
            # A server may close a connection that it has answered on before.
            connection.close()
            return self._get(url, path)


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
