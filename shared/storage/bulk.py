"""Many documents in one write."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from shared.cache.keys import new_token
from shared.http.errors import Conflict, PreconditionFailed
from shared.schema.serialization import Document
from shared.storage import documents, ids
from shared.storage.connections import connections
from shared.storage.repository import CREATED, EDITED, Repository

Write = InsertOne[Document] | UpdateOne
Pair = tuple[Document | None, Document]


def bulk(repository: Repository, pairs: Sequence[Pair], atomic: bool) -> list[Document | None]:
    """Insert or update many documents in one write: pairs of what is stored and new values.

    Return for each pair the document as it is now, or None where somebody else was faster.  With
    ``atomic`` that raises ``PreconditionFailed`` or ``Conflict``, and nothing is written.
    """
    plan = _Plan(repository, pairs, new_token())
    plan.prepare()
    failed = plan.run_as_one() if atomic else plan.run()
    # The unchanged ones as well: whoever wrote them may not have come to it yet.
    touched = [
        each for pair, after in zip(pairs, plan.results, strict=True) for each in (pair[0], after)
    ]
    repository.invalidate([each for each in touched if each], plan.token)
    return [None if index in failed else each for index, each in enumerate(plan.results)]


@dataclass(slots=True)
class _Plan:
    """What is to be written, by the number of the pair, and what the documents are then.

    ``counting`` are the updates that change the counter: these and their entries in the ledger
    are written together or not at all.
    """

    repository: Repository
    pairs: Sequence[Pair]
    token: str
    results: list[Document | None] = field(default_factory=list)
    writes: dict[int, Write] = field(default_factory=dict)
    counting: set[int] = field(default_factory=set)

    def prepare(self) -> None:
        """Work out all writes."""
        unstored = [values for stored, values in self.pairs if stored is None]
        new = iter(self.repository.fresh(unstored, self.token))
        for index, (stored, values) in enumerate(self.pairs):
            if stored is None:
                document = next(new)
                self.results.append(document)
                self.writes[index] = InsertOne(document)
                continue
            named = self.repository.named(stored, values)
            change = documents.change(stored, named, self.token, self.repository.searched)
            self.results.append(change.after if change else stored)
            if change:
                self.writes[index] = UpdateOne(change.filter, change.update)
                self.counting |= {index} if self.repository.counts(change.update) else set()

    def run(self) -> set[int]:
        """Do what can be done and return the numbers of the other writes."""
        together: set[int] = set()
        if self.counting:
            try:
                together = connections().transaction(lambda: self._write(self.counting))
            except BulkWriteError:
                if connections().session:
                    raise  # The transaction around this is tried again as a whole.
                together = self.counting
        return together | self._write(self.writes.keys() - self.counting)

    def run_as_one(self) -> set[int]:
        """Do all writes, or raise ``PreconditionFailed`` or ``Conflict`` and do none."""

        def write() -> set[int]:
            if self._write(self.writes.keys()):
                raise PreconditionFailed(
                    "An item changed while this request was running; nothing was written."
                )
            return set()

        try:
            return connections().transaction(write)
        except BulkWriteError as error:
            if connections().session:
                raise
            text = "Another write took a value of these; nothing was written."
            raise Conflict(text) from error

    def _write(self, numbers: Set[int]) -> set[int]:
        """Do some writes and book them; return the numbers of those that were not done."""
        chosen = {index: write for index, write in self.writes.items() if index in numbers}
        if not chosen:
            return set()
        failed = self._send(chosen)
        done = [index for index in chosen if index not in failed]
        for is_new, reason in ((True, CREATED), (False, EDITED)):
            pairs = [
                (self.pairs[index][0], self.results[index] or {})
                for index in done
                if (self.pairs[index][0] is None) == is_new
            ]
            self.repository.record_in_ledger(pairs, reason)
        return failed

    def _send(self, writes: Mapping[int, Write]) -> set[int]:
        failed: set[int] = set()
        session = connections().session
        try:
            done = self.repository.writable.bulk_write(
                list(writes.values()), ordered=False, session=session
            )
            matched = done.matched_count
        except BulkWriteError as error:
            if session:
                # It is broken by any error; the next try gives other ids.
                ids.raise_counter(self.repository.collection)
                raise
            numbers = list(writes)
            failed = {numbers[each["index"]] for each in error.details["writeErrors"]}
            matched = error.details["nMatched"]
        updates = {
            self.pairs[index][0]["_id"]: index  # type: ignore[index]
            for index, write in writes.items()
            if isinstance(write, UpdateOne) and index not in failed
        }
        return failed if matched == len(updates) else failed | self._not_written(updates)

    def _not_written(self, updates: Mapping[Any, int]) -> set[int]:
        """Return the numbers of the updates, by id, that found another revision."""
        wrote = {"_id": {"$in": list(updates)}, "written": self.token}
        found = self.repository.collection.find(wrote, {"_id": True}, session=connections().session)
        return set(updates.values()) - {updates[each["_id"]] for each in found}
