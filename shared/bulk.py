"""Many documents in one write."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from shared import allocation, documents
from shared.backends import backends
from shared.documents import Document
from shared.errors import Conflict, Stale
from shared.keys import new_token
from shared.mongo import CREATED, EDITED, Repository

Write = InsertOne[Document] | UpdateOne


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
    writes: dict[int, Write] = {}
    counting: set[int] = set()
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
            counting |= {index} if repository.counts(change.update) else set()
    before = {index: pairs[index][0] for index in writes}
    failed = _write(repository, writes, counting, before, results, token, atomic)
    # The unchanged ones as well: whoever wrote them may not have come to it yet.
    touched = [
        each for pair, after in zip(pairs, results, strict=True) for each in (pair[0], after)
    ]
    repository.invalidate([each for each in touched if each], token)
    return [None if index in failed else each for index, each in enumerate(results)]


def _write(
    repository: Repository,
    writes: Mapping[int, Write],
    counting: Set[int],
    before: Mapping[int, Document | None],
    results: Sequence[Any],
    token: str,
    atomic: bool,
) -> set[int]:
    """Do the writes and return the numbers of those that were not done."""

    def run(some: Mapping[int, Write]) -> set[int]:
        failed = _run(repository, some, results, token)
        if failed and atomic:
            raise Stale("An item changed while this request was running; nothing was written.")
        done = [index for index in some if index not in failed]
        for new, reason in ((True, CREATED), (False, EDITED)):
            numbers = [index for index in done if (before[index] is None) == new]
            repository.book([(before[index], results[index]) for index in numbers], reason)
        return failed

    def chosen(numbers: Set[int]) -> dict[int, Write]:
        return {index: write for index, write in writes.items() if index in numbers}

    try:
        if atomic:
            return backends().transaction(lambda: run(writes)) if writes else set()
        # A counter and its ledger change together or not at all.
        counted = _together(lambda: run(chosen(counting)), counting)
        return counted | run(chosen(writes.keys() - counting))
    except BulkWriteError as error:
        if backends().session:
            # The transaction around this is tried again as a whole.
            allocation.raise_counter(repository.collection)
            raise
        raise Conflict("Another write took a value of these; nothing was written.") from error


def _together(run: Callable[[], set[int]], writes: Set[int]) -> set[int]:
    """Do writes in a transaction; return the numbers of those not done, all for a lost race."""
    try:
        return backends().transaction(run) if writes else set()
    except BulkWriteError:
        if backends().session:
            raise
        return set(writes)


def _run(
    repository: Repository, writes: Mapping[int, Write], results: Sequence[Any], token: str
) -> set[int]:
    if not writes:
        return set()
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
    return failed


def _not_written(repository: Repository, updates: Mapping[Any, int], token: str) -> set[int]:
    """Return the numbers of the updates, by id, that found another revision than they were for."""
    wrote = {"_id": {"$in": list(updates)}, "written": token}
    found = repository.collection.find(wrote, {"_id": True}, session=backends().session)
    return set(updates.values()) - {updates[each["_id"]] for each in found}
