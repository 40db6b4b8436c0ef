"""Reader processes of a fuzz run: read at random and check each response against the versions."""

import multiprocessing
import random
import signal
import time
from array import array
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from ctypes import c_longlong
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from multiprocessing.connection import Connection as PipeEnd
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import orjson

from vitrine.client import authorization
from vitrine.fuzz.documents import EVERYWHERE, LIST_SIZE, FuzzDocument, FuzzNamespace, Place

REMEMBERED_READS = 12  # of each path, shown with a violation
MAX_VIOLATIONS = 20  # kept by each reader
READS_PER_CONNECTION = 500  # New connections spread the reads over all workers of a server.
TIMEOUT_SECONDS = 30
COUNTS = 4  # counts of a reader in shared memory: reads, hits, stale ones, failed ones
PAUSE_SECONDS = 0.01  # after a failed read, so that a server that is down is not flooded

# An array of versions in shared memory: one process writes it, the others read it.
Versions = Sequence[int]


@dataclass(frozen=True, slots=True)
class Violation:
    """A response that breaks the promise: time, place, text, and the earlier reads of its path."""

    at: float
    path: str
    document: int
    text: str
    earlier: list[str]


@dataclass(slots=True)
class ReadResults:
    """Results of some readers: times, cache hits, failures and violations.

    ``refused`` are the reads that were answered 503: when, and a text.
    """

    hits: int = 0
    failed: list[str] = field(default_factory=list)
    refused: list[tuple[float, str]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    moments: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, other: "ReadResults") -> None:
        """Add the results of other readers."""
        self.hits += other.hits
        self.failed += other.failed
        self.refused += other.refused
        self.violations += other.violations
        self.moments += other.moments
        self.seconds += other.seconds


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """Which documents to read at which URLs, how long, and the versions a response may show.

    ``floors[n]`` is the lowest version of document n that a read which begins now may return.
    ``ceilings[n]`` is the highest: the version whose write was begun last.  A thread waits
    ``pause`` seconds between two reads.  Each thread shows its counts in ``counts``; ``first`` is
    the number of the first thread.
    """

    namespace: FuzzNamespace
    documents: Sequence[FuzzDocument]
    urls: Mapping[str, Sequence[str]]
    until: float
    floors: Versions
    ceilings: Versions
    pause: float = 0.0
    counts: Versions = ()
    first: int = 0

    def start(self, processes: int, threads: int) -> list[tuple[BaseProcess, PipeEnd]]:
        """Start reader processes and wait until each is ready; ``begin`` has them read."""
        context = multiprocessing.get_context("spawn")
        started: list[tuple[BaseProcess, PipeEnd]] = []
        for number in range(processes):
            own, other = context.Pipe()
            plan = replace(self, first=number * threads)
            process = context.Process(target=_read, args=(plan, threads, other), daemon=True)
            process.start()
            other.close()
            started.append((process, own))
        for _, pipe in started:
            pipe.recv()
        return started


def begin(started: Sequence[tuple[BaseProcess, PipeEnd]], until: float) -> None:
    """Have reader processes read until a time; ``collect`` waits for them."""
    for _, pipe in started:
        pipe.send(until)


def collect(started: Sequence[tuple[BaseProcess, PipeEnd]]) -> ReadResults:
    """Wait for reader processes to end and return their results together."""
    results = ReadResults()
    for process, pipe in started:
        results.add(pipe.recv())
        process.join()
    return results


def shared_versions(count: int) -> Any:
    """Return an array of versions in shared memory; one process writes it, the others read it."""
    return multiprocessing.get_context("spawn").Array(c_longlong, count, lock=False)


def _read(plan: ReadPlan, threads: int, pipe: PipeEnd) -> None:
    """Run reader threads and send their results; the main function of a reader process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends this process.
    pipe.send("ready")
    plan = replace(plan, until=pipe.recv())
    readers = [Reader(replace(plan, first=plan.first + number)) for number in range(threads)]
    running = [Thread(target=reader.run, daemon=True) for reader in readers]
    for thread in running:
        thread.start()
    parent = multiprocessing.parent_process()
    results = ReadResults()
    for thread, reader in zip(running, readers, strict=True):
        while thread.is_alive():
            thread.join(1)
            if parent and not parent.is_alive():
                return
        results.add(reader.results)
    pipe.send(results)


@dataclass(frozen=True, slots=True)
class _Target:
    """A path to read: one document, or a list, which may be narrowed to a place.

    The list of the variants of a document ``of`` is narrowed to its group.
    """

    path: str
    urls: Sequence[str]
    documents: Sequence[FuzzDocument]
    place: Place = EVERYWHERE
    is_list: bool = False
    of: FuzzDocument | None = None


class Reader:
    """Reader thread with its own connection to every instance of every service."""

    def __init__(self, plan: ReadPlan):
        self._plan = plan
        self.results = ReadResults()
        self._history: dict[str, deque[str]] = {}
        self._connections: dict[str, HTTPConnection] = {}
        self._reads: Counter[str] = Counter()  # on the open connection to a URL
        self._headers = {"Authorization": authorization()}
        self._targets = _targets(plan)

    def run(self) -> None:
        """Read until the end of the run, then close the connections."""
        try:
            while time.monotonic() < self._plan.until:
                self._read_once()
                self._count()
                if self._plan.pause:
                    time.sleep(self._plan.pause)
        finally:
            for connection in self._connections.values():
                connection.close()

    def _count(self) -> None:
        """Show the counts of this thread to the parent process."""
        if not self._plan.counts:
            return
        results, first = self.results, self._plan.first * COUNTS
        counts = len(results.seconds), results.hits, len(results.violations), len(results.failed)
        for place, count in enumerate(counts):
            self._plan.counts[first + place] = count  # type: ignore[index]

    def _read_once(self) -> None:
        """Read a random target at a random instance and check the response."""
        target = random.choice(self._targets)
        url = random.choice(target.urls)
        floors = [self._plan.floors[document.number] for document in target.documents]
        started = time.monotonic()
        try:
            response, body = self._get(url, target.path)
        except (OSError, HTTPException) as error:
            self._fail(f"{url}{target.path}: {type(error).__name__} {error}")
            return
        if response.status == 503:
            text = f"{url}{target.path}: 503 {body[:200]!r}"
            self.results.refused.append((time.monotonic(), text))
            time.sleep(PAUSE_SECONDS)
            return
        cache_status = response.getheader("Cache-Status", "")
        self.results.moments.append(started)
        self.results.seconds.append(time.monotonic() - started)
        self.results.hits += "; hit" in cache_status
        versions = self._versions(target, url, response.status, body)
        if versions is not None:
            read = f"{started:.3f} {url} {response.status} {cache_status} {versions}"
            self._check(target, floors, versions, read)

    def _versions(
        self, target: _Target, url: str, status: int, body: bytes
    ) -> dict[int, int] | None:
        """Return the version of each document of this run in a response; None if it is broken."""
        if status == 404 and (target.of or not target.is_list):
            return {}
        try:
            value = orjson.loads(body)
            documents = value["items"] if target.is_list else [value]
            if status == 200:
                return self._plan.namespace.versions(documents)
        except (ValueError, AttributeError, TypeError, KeyError):
            pass
        self._fail(f"{url}{target.path}: {status} {body[:200]!r}")
        return None

    def _check(
        self, target: _Target, floors: Sequence[int], versions: Mapping[int, int], read: str
    ) -> None:
        """Record a violation for each document that is too old, too new, or out of place."""
        history = self._history.setdefault(target.path, deque(maxlen=REMEMBERED_READS))
        for document, floor in zip(target.documents, floors, strict=True):
            ceiling = self._plan.ceilings[document.number]
            version = versions.get(document.number)
            place = _place_of_variants(target.of, document, versions, floor, ceiling)
            error = _error(document, version, place or target.place, floor, ceiling)
            if target.of and place is None:
                error = ""  # It may be in another group by now, or deleted.
            if error and len(self.results.violations) < MAX_VIOLATIONS:
                text = f"{error}; answered {read}"
                self.results.violations.append(
                    Violation(time.monotonic(), target.path, document.number, text, list(history))
                )
        history.append(read)

    def _fail(self, text: str) -> None:
        self.results.failed.append(text)
        time.sleep(PAUSE_SECONDS)

    def _get(self, url: str, path: str) -> tuple[HTTPResponse, bytes]:
        """Return the response to a GET and its body, or raise ``OSError`` or ``HTTPException``."""
        connection = self._connections.get(url)
        if connection is None:
            connection = self._connections[url] = _connection(url)
        if self._reads[url] >= READS_PER_CONNECTION:
            self._close(url)
        is_reused = self._reads[url] > 0
        self._reads[url] += 1
        try:
            connection.request("GET", path, headers=self._headers)
            response = connection.getresponse()
            return response, response.read()
        except (OSError, HTTPException):
            self._close(url)
            if not is_reused:
                raise
            # A server may close an idle connection at any time; a new one says if it is down.
            return self._get(url, path)

    def _close(self, url: str) -> None:
        """Close a connection; the next request opens it again."""
        self._connections[url].close()
        self._reads[url] = 0


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)


def _targets(plan: ReadPlan) -> list[_Target]:
    """Return everything that readers read: each document by id and slug, and the lists."""
    targets: list[_Target] = []
    for service, urls in plan.urls.items():
        documents = [document for document in plan.documents if document.service == service]
        for document in documents:
            paths = filter(None, (document.path, document.slug and f"/{service}/{document.slug}"))
            targets += [_Target(path, urls, [document]) for path in paths]
        for path, place in plan.namespace.lists(service, "categories" in plan.urls).items():
            # There are fewer lists than documents; three times each, they are read as often.
            targets += [_Target(path, urls, documents, place, is_list=True)] * 3
        for document in documents if service == "products" else ():
            path = f"{document.path}/variants?per={LIST_SIZE}"
            targets.append(_Target(path, urls, documents, is_list=True, of=document))
    return targets


def _place_of_variants(
    of: FuzzDocument | None,
    document: FuzzDocument,
    versions: Mapping[int, int],
    floor: int,
    ceiling: int,
) -> Place | None:
    """Return the group that a list of variants is of; None if it cannot be known.

    Args:
        of: The document whose variants are listed; None for another list.
        document: The document that is checked.
        versions: The versions in the response.
        floor: The lowest version of the checked document that is allowed.
        ceiling: The highest version that is allowed.
    """
    if of is None:
        return None
    if of.number in versions:
        return Place(group=of.group(versions[of.number]))
    groups = {document.group(version) for version in range(floor, ceiling + 1)}
    # A document is in the list of its own variants, unless its group changes meanwhile.
    return Place(group=groups.pop()) if of == document and len(groups) == 1 else None


def _error(
    document: FuzzDocument, version: int | None, place: Place, floor: int, ceiling: int
) -> str:
    """Return what is wrong with a document in a response, or "".

    Args:
        document: The document.
        version: The version in the response; None if the response lacks the document.
        place: What the response is narrowed to.
        floor: The lowest version that is allowed.
        ceiling: The highest version that is allowed.
    """
    label = f"{document.path} (number {document.number})"
    if version is None:
        if document.may_be_absent(place, floor, ceiling):
            return ""
        return f"{label} is missing, though versions {floor} to {ceiling} all belong here"
    if not floor <= version <= ceiling:
        return f"{label} at version {version}, which is not from {floor} to {ceiling}"
    if not document.is_at(place, version):
        return f"{label} at version {version}, which does not belong here"
    return ""
