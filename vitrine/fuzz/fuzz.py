"""The promise put to the test on a running stack: is anything answered that is too old?

Random writes through the API and straight into MongoDB, and readers at every instance: no read that
starts after a write was acknowledged, or a second after it was made straight in MongoDB, may be
older than it; and when all is quiet the API answers what the database holds.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from threading import Thread
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from vitrine.client import Client, Refused
from vitrine.fuzz import readers
from vitrine.fuzz.documents import SHELVES, Scratch, Subject
from vitrine.fuzz.readers import Reading, Tally
from vitrine.fuzz.writers import Bounds, Writer
from vitrine.stack import StackError

SERVICES = ("products", "clients", "categories")
PROCESSES, THREADS = 2, 4


@dataclass(slots=True)
class Report:
    """What a run has found; ``problems`` are texts of several lines."""

    writes: int = 0
    hand_writes: int = 0
    tally: Tally = field(default_factory=Tally)
    problems: list[str] = field(default_factory=list)
    failed_writes: list[str] = field(default_factory=list)

    @property
    def reads(self) -> int:
        """The reads that were answered."""
        return len(self.tally.seconds)

    @property
    def wrong(self) -> list[str]:
        """Everything that should not have happened."""
        return self.problems + self.tally.failed + self.failed_writes

    @property
    def hit_ratio(self) -> float:
        """The share of reads that the cache answered."""
        return self.tally.hits / max(1, self.reads)

    def milliseconds(self, percent: int, since: float = 0, until: float = float("inf")) -> float:
        """Return how long that many percent of the reads took at the most.

        Only those that began between two moments of the monotonic clock count.
        """
        began = zip(self.tally.moments, self.tally.seconds, strict=True)
        seconds = [each for moment, each in began if since <= moment <= until]
        return quantiles(seconds, n=100)[percent - 1] * 1000 if len(seconds) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Fuzz:
    """One run against the instances of each service, given by their URLs.

    Each service is written so many times a second.
    """

    urls: Mapping[str, Sequence[str]]
    mongo_uri: str
    seconds: float
    bounds: Bounds = field(default_factory=Bounds)
    writes_per_second: float = 3.0

    def run(self) -> Report:
        """Make documents, write and read them, compare, and remove them, whatever happens."""
        scratch = Scratch()
        with self._database() as db:
            try:
                return self._run(scratch, db)
            finally:
                scratch.clean(db)

    def _run(self, scratch: Scratch, db: Database[dict[str, Any]]) -> Report:
        clients = {service: Client(service, urls[0]) for service, urls in self.urls.items()}
        subjects = scratch.create(clients)
        self._check_instances(scratch, subjects)
        floors, ceilings = readers.versions(len(subjects)), readers.versions(len(subjects))
        until = time.monotonic() + self.seconds
        reading = Reading(scratch, subjects, self.urls, until, floors, ceilings)
        pause = 1 / self.writes_per_second
        writers = []
        for service in self.urls:
            own = [each for each in subjects if each.service == service]
            bounds = self.bounds
            writers.append(Writer(scratch, own, self.urls, db, floors, ceilings, bounds, pause))
        started = reading.start(PROCESSES, THREADS)
        with _writing(writers, until):
            report = Report(tally=readers.collect(started))
        for writer in writers:
            report.writes += writer.writes
            report.hand_writes += writer.hand_writes
            report.failed_writes += writer.failed
        report.problems += _violations(report.tally, writers)
        try:
            report.problems += self._differences(scratch, subjects, db)
        except StackError as error:
            report.problems.append(f"The end could not be compared: {error}")
        return report

    def _check_instances(self, scratch: Scratch, subjects: Sequence[Subject]) -> None:
        """See that every instance serves our documents, before anything is written through it."""
        for subject in subjects:
            for url in self.urls[subject.service]:
                name = scratch.name(subject.number, 0)
                try:
                    same = Client(subject.service, url).get(subject.path)["name"] == name
                except Refused:
                    same = False
                if not same:
                    raise StackError(
                        f"{url} does not serve what {self.urls[subject.service][0]} does: "
                        "it is no further instance of the same service."
                    )

    @contextmanager
    def _database(self) -> Iterator[Database[dict[str, Any]]]:
        with MongoClient[dict[str, Any]](self.mongo_uri, tz_aware=True) as client:
            yield client.get_default_database("vitrine")

    def _differences(
        self, scratch: Scratch, subjects: Sequence[Subject], db: Database[dict[str, Any]]
    ) -> list[str]:
        """Compare every list with the database, at every instance, now that nobody writes."""
        found = []
        stored = {each: db[each.service].find_one({"_id": each.id}) for each in subjects}
        for service, urls in self.urls.items():
            for path, shelf in scratch.lists(service, "categories" in self.urls).items():
                expected = {
                    scratch.version(document): document["name"]
                    for subject, document in stored.items()
                    if document
                    and subject.service == service
                    and shelf in (None, subject.shelf((scratch.version(document) or (0, 0))[1]))
                }
                for url in urls:
                    items = Client(service, url).get(path)["items"]
                    shown = {scratch.version(each): each["name"] for each in items}
                    shown.pop(None, None)
                    if shown != expected:
                        found.append(f"{url}{path} answers {shown}, MongoDB holds {expected}")
        return found + self._wrong_counts(scratch, stored)

    def _wrong_counts(
        self, scratch: Scratch, stored: Mapping[Subject, Mapping[str, Any] | None]
    ) -> list[str]:
        """Compare how many products the categories say they have with how many there are."""
        if not {"products", "categories"} <= self.urls.keys():
            return []
        found = []
        products = [each for each in stored.values() if each and "category_path" in each]
        for number in range(SHELVES):
            slug = scratch.shelf(number)
            count = sum(slug in each["category_path"] for each in products)
            for url in self.urls["categories"]:
                shown = Client("categories", url).get(f"/categories/{slug}")["product_count"]
                if shown != count:
                    found.append(f"{url}/categories/{slug} counts {shown}, MongoDB holds {count}")
        return found


@contextmanager
def _writing(writers: Sequence[Writer], until: float) -> Iterator[None]:
    """Write meanwhile, until all of it must be seen; nobody writes any more afterwards."""
    threads = [Thread(target=each.run, args=(until,), daemon=True) for each in writers]
    for thread in threads:
        thread.start()
    try:
        yield
        for thread in threads:
            thread.join()
    finally:
        for thread, writer in zip(threads, writers, strict=True):
            writer.stopping.set()
            thread.join()


def _violations(tally: Tally, writers: Sequence[Writer]) -> list[str]:
    history = {number: each for writer in writers for number, each in writer.history.items()}
    return [
        "\n".join(
            (
                f"{each.at:.3f} {each.path}: {each.text}",
                *(f"    write {line}" for line in history.get(each.subject, ())),
                *(f"    read  {line}" for line in each.before),
            )
        )
        for each in tally.violations
    ]
