"""Many documents in one write."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from shared import documents
from shared.backends import backends
from shared.documents import Document
from shared.errors import Conflict, Stale
from shared.keys import new_token
from shared.mongo import Repository


def bulk(
    repository: Repository, pairs: Sequence[tuple[Document | None, Document]], atomic: bool
) -> list[Document | None]:
    """Insert or update many documents in one write: pairs of what is stored and new values.

    Return for each pair the document as it is now, or None where somebody else was faster.  With
    ``atomic`` that raises ``Stale`` or ``Conflict``, and nothing is written.
    """
    token = new_token()
    new = iter(repository.fresh([values for stored, values in pairs if stored is None], token))
    results: list[Document | None] = []
    writes: dict[int, InsertOne[Document] | UpdateOne] = {}
    for index, (stored, values) in enumerate(pairs):
        if stored is None:
            document = next(new)
            results.append(document)
            writes[index] = InsertOne(document)
            continue
        change = documents.change(
            stored, repository.named(stored, values), token, repository.searched
        )
        results.append(change.after if change else stored)
        if change:
            writes[index] = UpdateOne(change.filter, change.update)
    failed = _write(repository, writes, results, token, atomic)
    # The unchanged ones as well: whoever wrote them may not have come to it yet.
    touched = [
        each for pair, after in zip(pairs, results, strict=True) for each in (pair[0], after)
    ]
    repository.invalidate([each for each in touched if each], token)
    return [None if index in failed else each for index, each in enumerate(results)]


def _write(
    repository: Repository,
    writes: Mapping[int, InsertOne[Document] | UpdateOne],
    results: Sequence[Any],
    token: str,
    atomic: bool,
) -> set[int]:
    """Do the writes and return the numbers of those that were not done."""
    if not writes:
        return set()

    def run() -> set[int]:
        failed: set[int] = set()
        try:
            done = repository.writable.bulk_write(
                list(writes.values()), ordered=False, session=backends().session
            )
            matched = done.matched_count
        except BulkWriteError as error:
            if backends().session:
                raise  # A transaction is broken by any error.
            numbers = list(writes)
            failed = {numbers[each["index"]] for each in error.details["writeErrors"]}
            matched = error.details["nMatched"]
        updates = {
            results[index]["_id"]: index
            for index, write in writes.items()
            if isinstance(write, UpdateOne) and index not in failed
        }
        if matched < len(updates):
            failed |= _not_written(repository, updates, token)
        if failed and atomic:
            raise Stale("An item changed while this request was running; nothing was written.")
        return failed

    try:
        return backends().transaction(run) if atomic else run()
    except BulkWriteError as error:
        raise Conflict("Another write took a value of these; nothing was written.") from error


def _not_written(repository: Repository, updates: Mapping[Any, int], token: str) -> set[int]:
    """Return the numbers of the updates, by id, that found another revision than they were for."""
    wrote = {"_id": {"$in": list(updates)}, "written": token}
    found = repository.collection.find(wrote, {"_id": True}, session=backends().session)
    return set(updates.values()) - {updates[each["_id"]] for each in found}
