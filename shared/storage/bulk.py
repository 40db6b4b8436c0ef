"""Bulk writes: many documents inserted or updated by one command."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from shared.cache.keys import new_token
from shared.schema.serialization import Document
from shared.storage import documents, ids
from shared.storage.repository import CREATED, EDITED, Repository
from shared.storage.retries import DocumentChanged
from shared.storage.transactions import current_session, transaction

Operation = InsertOne[Document] | UpdateOne
# A stored document, or None to insert one, and the new values.
Input = tuple[Document | None, Document]


def bulk(repository: Repository, inputs: Sequence[Input], atomic: bool) -> list[Document | None]:
    """Insert or update many documents by one command.

    Return the document after the write for each input, or None where another write came first.

    Args:
        repository: The collection.
        inputs: Each stored document, None to insert one, with its new values.
        atomic: True to write all documents or none.

    Raises:
        DocumentChanged: With ``atomic``, another write came first; nothing was written.
    """
    plan = _Plan(repository, inputs, new_token())
    plan.prepare()
    failed = plan.run_as_one() if atomic else plan.run()
    # Unchanged documents are invalidated too: the request that wrote them may not have done it yet.
    affected = [
        document
        for (stored, _), after in zip(inputs, plan.results, strict=True)
        for document in (stored, after)
        if document
    ]
    repository.invalidate(affected, plan.token)
    return [None if index in failed else document for index, document in enumerate(plan.results)]


@dataclass(slots=True)
class _Plan:
    """The operations of a bulk write by the index of their input, and the documents after them.

    ``counter_changes`` are the updates that change the counter: these and their entries in the
    ledger are written in one transaction.
    """

    repository: Repository
    inputs: Sequence[Input]
    token: str
    results: list[Document | None] = field(default_factory=list)
    operations: dict[int, Operation] = field(default_factory=dict)
    counter_changes: set[int] = field(default_factory=set)

    def prepare(self) -> None:
        """Work out all operations and results."""
        repository = self.repository
        inserts = [values for stored, values in self.inputs if stored is None]
        new_documents = iter(repository.new_documents(inserts, self.token))
        for index, (stored, values) in enumerate(self.inputs):
            if stored is None:
                document = next(new_documents)
                self.results.append(document)
                self.operations[index] = InsertOne(document)
                continue
            new_values = repository.with_slug(stored, values)
            if documents.has_values(stored, new_values):
                self.results.append(stored)
                continue
            change = documents.change(stored, new_values, repository.derived).stamped(self.token)
            self.results.append(change.after)
            self.operations[index] = UpdateOne(change.filter, change.update)
            if repository.changes_counter(change):
                self.counter_changes.add(index)

    def run(self) -> set[int]:
        """Write what can be written and return the indexes of the other inputs."""
        failed: set[int] = set()
        if self.counter_changes:
            try:
                failed = transaction(lambda: self._write(self.counter_changes))
            except BulkWriteError:
                if current_session():
                    raise  # The transaction around this one is repeated as a whole.
                failed = self.counter_changes
        return failed | self._write(self.operations.keys() - self.counter_changes)

    def run_as_one(self) -> set[int]:
        """Write everything, or raise ``DocumentChanged`` and write nothing."""

        def write() -> set[int]:
            if self._write(self.operations.keys()):
                raise DocumentChanged(self.repository.item)
            return set()

        try:
            return transaction(write)
        except BulkWriteError as error:
            if current_session():
                raise
            # Another write has taken a unique value.
            raise DocumentChanged(self.repository.item) from error

    def _write(self, indexes: Set[int]) -> set[int]:
        """Write some inputs and record them in the ledger; return the indexes that failed."""
        operations = {
            index: operation for index, operation in self.operations.items() if index in indexes
        }
        if not operations:
            return set()
        failed = self._send(operations)
        written = [index for index in operations if index not in failed]
        for is_new, reason in ((True, CREATED), (False, EDITED)):
            pairs = [
                (self.inputs[index][0], self.results[index])
                for index in written
                if (self.inputs[index][0] is None) == is_new
            ]
            self.repository.record_in_ledger(pairs, reason)
        return failed

    def _send(self, operations: Mapping[int, Operation]) -> set[int]:
        failed: set[int] = set()
        session = current_session()
        try:
            result = self.repository.writable.bulk_write(
                list(operations.values()), ordered=False, session=session
            )
            matched = result.matched_count
        except BulkWriteError as error:
            if session:
                # Any error aborts the transaction; the next attempt gets other ids.
                ids.raise_counter(self.repository.collection)
                raise
            indexes = list(operations)
            failed = {indexes[failure["index"]] for failure in error.details["writeErrors"]}
            matched = error.details["nMatched"]
        updates = {
            self.inputs[index][0]["_id"]: index  # type: ignore[index]
            for index, operation in operations.items()
            if isinstance(operation, UpdateOne) and index not in failed
        }
        return failed if matched == len(updates) else failed | self._unmatched(updates)

    def _unmatched(self, updates: Mapping[Any, int]) -> set[int]:
        """Return the indexes of the updates, by id, that found another revision."""
        written = {"_id": {"$in": list(updates)}, "written": self.token}
        matches = self.repository.collection.find(written, {"_id": True}, session=current_session())
        return set(updates.values()) - {updates[document["_id"]] for document in matches}
