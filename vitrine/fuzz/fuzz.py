"""Fuzz run: random writes and reads on a running stack, and a report of every stale response.

Writers write at random through the API and straight into MongoDB; readers read at every instance.
A read that starts after a write was acknowledged, or a second after it was made straight in
MongoDB, must not return an older version.  After the writes the API must answer what the database
holds.  Faults may be caused meanwhile; reads and writes may then be refused, but not be stale.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import quantiles
from threading import Thread
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.fuzz import faults, readers
from vitrine.fuzz.documents import CATEGORIES, EVERYWHERE, FuzzDocument, FuzzNamespace
from vitrine.fuzz.faults import FaultOutcome
from vitrine.fuzz.progress import Progress
from vitrine.fuzz.readers import ReadPlan, ReadResults, Versions
from vitrine.fuzz.writers import VisibilityLimits, Writer
from vitrine.stack import Running

SERVICES = ("products", "clients", "categories")
PROCESSES, THREADS = 2, 4  # of readers; threads of each process
PATIENCE_SECONDS = 30  # seconds that an edit in MongoDB waits for a primary
FAULT_PATIENCE_SECONDS = 1  # the same, in a run that causes faults


@dataclass(slots=True)
class FuzzReport:
    """Results of a run; each of ``problems`` is a text of several lines."""

    writes: int = 0
    hand_writes: int = 0
    read_results: ReadResults = field(default_factory=ReadResults)
    problems: list[str] = field(default_factory=list)
    failed_writes: list[str] = field(default_factory=list)
    faults: list[FaultOutcome] = field(default_factory=list)

    @property
    def reads(self) -> int:
        """The number of reads that were answered."""
        return len(self.read_results.seconds)

    @property
    def wrong(self) -> list[str]:
        """Everything that should not have happened."""
        return self.problems + self.read_results.failed + self.failed_writes

    @property
    def hit_ratio(self) -> float:
        """The share of reads that the cache answered."""
        return self.read_results.hits / max(1, self.reads)

    def milliseconds(self, percent: int, since: float = 0, until: float = float("inf")) -> float:
        """Return a percentile of the times of reads.

        Args:
            percent: The percentile, such as 99.
            since: Leave out reads that began earlier, by the monotonic clock.
            until: Leave out reads that began later.
        """
        began = zip(self.read_results.moments, self.read_results.seconds, strict=True)
        seconds = [duration for moment, duration in began if since <= moment <= until]
        return quantiles(seconds, n=100)[percent - 1] * 1000 if len(seconds) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class FuzzRun:
    """One run against the instances of each service, which ``urls`` lists by service.

    Each service gets ``writes_per_second`` writes on average.  Readers read as much as they can, or
    at most ``reads_per_second``.  ``progress`` has the counts while the run goes on.  The faults
    are caused in turn on the stack ``running``; ``faults.check`` says whether that is possible.
    """

    urls: Mapping[str, Sequence[str]]
    mongo_uri: str
    seconds: float
    limits: VisibilityLimits = field(default_factory=VisibilityLimits)
    writes_per_second: float = 3.0
    fault_names: Sequence[str] = ()
    running: Running | None = None
    reads_per_second: float = float("inf")
    progress: Progress = field(default_factory=lambda: Progress(PROCESSES * THREADS))

    def run(self) -> FuzzReport:
        """Make documents, write and read them, compare, and always remove them at the end."""
        namespace = FuzzNamespace()
        with self._database() as db:
            try:
                return self._run(namespace, db)
            finally:
                namespace.clean(db)

    def _run(self, namespace: FuzzNamespace, db: Database[dict[str, Any]]) -> FuzzReport:
        clients = {service: Client(service, urls[0]) for service, urls in self.urls.items()}
        documents = namespace.create(clients)
        self._check_instances(namespace, documents)
        floors = readers.shared_versions(len(documents))
        ceilings = readers.shared_versions(len(documents))
        pause = PROCESSES * THREADS / self.reads_per_second
        counts = self.progress.reads
        plan = ReadPlan(namespace, documents, self.urls, 0.0, floors, ceilings, pause, counts)
        writers = [
            Writer(
                namespace,
                [document for document in documents if document.service == service],
                self.urls,
                db,
                floors,
                ceilings,
                self.limits,
                1 / self.writes_per_second,
            )
            for service in self.urls
        ]
        reader_processes = plan.start(PROCESSES, THREADS)
        self.progress.follow(writers)
        self.progress.state = "running"
        until = time.monotonic() + self.seconds
        readers.begin(reader_processes, until)
        with _writing(writers, until):
            caused = [self._cause(name, documents) for name in self.fault_names]
            report = FuzzReport(read_results=readers.collect(reader_processes))
        self.progress.state = "comparing"
        for writer in writers:
            report.writes += writer.writes
            report.hand_writes += writer.hand_writes
            report.failed_writes += writer.failed
        _count_faults(report, caused, writers)
        report.problems += _violations(report.read_results, writers)
        try:
            stored = {
                document: db[document.service].find_one({"_id": document.id})
                for document in documents
            }
            report.problems += find_lost(namespace, stored, floors, ceilings)
            report.problems += self._differences(namespace, stored)
        except StackError as error:
            report.problems.append(f"The API and MongoDB could not be compared at the end: {error}")
        return report

    def _cause(self, name: str, documents: Sequence[FuzzDocument]) -> FaultOutcome:
        """Cause a fault, take it back, and wait until the stack has healed."""
        assert self.running
        by_hand = self.limits.by_hand
        began = time.monotonic()
        self.limits.by_hand = max(by_hand, faults.LIMIT_SECONDS)
        with faults.FAULTS[name](self.running):
            time.sleep(faults.FAULT_SECONDS)
        ended = time.monotonic()
        paths = {document.service: document.path for document in documents}
        healed = faults.wait_until_healed(self.urls, paths)
        # Edits in MongoDB from the time of the fault may be invisible until the lease has ended.
        time.sleep(max(0.0, ended + faults.LIMIT_SECONDS - time.monotonic()))
        self.limits.by_hand = by_hand
        return FaultOutcome(name, began, time.monotonic(), healed)

    def _check_instances(self, namespace: FuzzNamespace, documents: Sequence[FuzzDocument]) -> None:
        """Raise ``StackError`` if an instance serves other documents, before writing through it."""
        for document in documents:
            for url in self.urls[document.service]:
                name = namespace.name(document.number, 0)
                try:
                    is_same = Client(document.service, url).get(document.path)["name"] == name
                except RequestRefused:
                    is_same = False
                if not is_same:
                    raise StackError(
                        f"{url} serves other documents than {self.urls[document.service][0]}: "
                        "name an instance of the same service, on the same database."
                    )

    @contextmanager
    def _database(self) -> Iterator[Database[dict[str, Any]]]:
        # During a fault, a write that is refused is better than one that waits for its end.
        patience = FAULT_PATIENCE_SECONDS if self.fault_names else PATIENCE_SECONDS
        with MongoClient[dict[str, Any]](
            self.mongo_uri, tz_aware=True, serverSelectionTimeoutMS=round(patience * 1000)
        ) as client:
            yield client.get_default_database("vitrine")

    def _differences(
        self,
        namespace: FuzzNamespace,
        stored: Mapping[FuzzDocument, Mapping[str, Any] | None],
    ) -> list[str]:
        """Compare every list at every instance with the database, after all writers have ended."""
        differences = []
        for service, urls in self.urls.items():
            for path, place in namespace.lists(service, "categories" in self.urls).items():
                expected = dict(
                    version
                    for document, value in stored.items()
                    if value
                    and document.service == service
                    and (version := namespace.version(value))
                    and document.is_at(place, version[1])
                )
                for url in urls:
                    answered = namespace.versions(Client(service, url).get(path)["items"])
                    if answered != expected:
                        differences.append(
                            f"{url}{path} answers {answered}, MongoDB holds {expected}"
                        )
        return differences + self._wrong_counts(namespace, stored)

    def _wrong_counts(
        self, namespace: FuzzNamespace, stored: Mapping[FuzzDocument, Mapping[str, Any] | None]
    ) -> list[str]:
        """Compare the product counts of the categories with the products in the database."""
        if not {"products", "categories"} <= self.urls.keys():
            return []
        differences = []
        products = [value for value in stored.values() if value and "category_path" in value]
        for number in range(CATEGORIES):
            slug = namespace.category_slug(number)
            count = sum(slug in product["category_path"] for product in products)
            for url in self.urls["categories"]:
                answered = Client("categories", url).get(f"/categories/{slug}")["product_count"]
                if answered != count:
                    differences.append(
                        f"{url}/categories/{slug} counts {answered}, MongoDB holds {count}"
                    )
        return differences


@contextmanager
def _writing(writers: Sequence[Writer], until: float) -> Iterator[None]:
    """Run writer threads during the block; after it all have ended and their writes are visible."""
    threads = [Thread(target=writer.run, args=(until,), daemon=True) for writer in writers]
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


def _count_faults(
    report: FuzzReport, caused: Sequence[FaultOutcome], writers: Sequence[Writer]
) -> None:
    """Add to a report the outcome of each fault, and what was refused outside of all faults."""
    acknowledged = [moment for writer in writers for moment in writer.acknowledged]
    refused = [refusal for writer in writers for refusal in writer.refused]
    results = report.read_results
    for fault in caused:
        report.faults.append(
            replace(
                fault,
                acknowledged=fault.count(acknowledged),
                refused=fault.count(moment for moment, _ in refused),
                reads=fault.count(results.moments),
                refused_reads=fault.count(moment for moment, _ in results.refused),
                stale=fault.count(violation.at for violation in results.violations),
            )
        )
        if fault.healed is None:
            report.problems.append(f"{fault.name}: not healed {faults.HEALING_SECONDS:g} s after.")
    for refusals, failed in ((refused, report.failed_writes), (results.refused, results.failed)):
        failed += [
            text for moment, text in refusals if not any(fault.count([moment]) for fault in caused)
        ]


def find_lost(
    namespace: FuzzNamespace,
    stored: Mapping[FuzzDocument, Mapping[str, Any] | None],
    floors: Versions,
    ceilings: Versions,
) -> list[str]:
    """Return a text for each document of which MongoDB has lost an acknowledged write.

    Args:
        namespace: The names of the run.
        stored: What MongoDB holds of each document.
        floors: The last acknowledged version of each document.
        ceilings: The version of each document whose write was begun last.
    """
    lost = []
    for document, value in stored.items():
        floor, ceiling = floors[document.number], ceilings[document.number]
        _, version = (value and namespace.version(value)) or (0, None)
        is_lost = (
            not document.may_be_absent(EVERYWHERE, floor, ceiling)
            if version is None
            else version < floor
        )
        if is_lost:
            held = "nothing" if version is None else f"version {version}"
            lost.append(f"{document.path}: MongoDB holds {held}, version {floor} was acknowledged")
    return lost


def _violations(results: ReadResults, writers: Sequence[Writer]) -> list[str]:
    """Return a text for each violation, with the writes and reads that led to it."""
    history = {number: writes for writer in writers for number, writes in writer.history.items()}
    return [
        "\n".join(
            (
                f"{violation.at:.3f} {violation.path}: {violation.text}",
                *(f"    write {line}" for line in history.get(violation.document, ())),
                *(f"    read  {line}" for line in violation.earlier),
            )
        )
        for violation in results.violations
    ]
