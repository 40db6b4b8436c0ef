"""Ids counted up in MongoDB, and free values for unique fields such as slugs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from shared.schema.serialization import Document
from shared.schema.slugs import free_slugs
from shared.storage.connections import connections
from shared.storage.transactions import current_session

PRIMARY_ONLY = WriteConcern(w=1)  # acknowledged by the primary of MongoDB alone
MAX_ID = 2**53  # larger ids were made by hand


def next_ids(name: str, count: int) -> int:
    """Reserve consecutive ids of a collection and return the first."""
    session = current_session()
    # A majority is not awaited.  If a failover loses the counter, an id is taken when its document
    # is stored, and the counter is raised then.
    counters = _counters() if session else _counters().with_options(write_concern=PRIMARY_ONLY)
    counter: Any = counters.find_one_and_update(
        {"_id": name},
        {"$inc": {"last": count}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    return int(counter["last"]) - count + 1


def raise_counter(collection: Collection[Document]) -> None:
    """Raise the counter of a collection above the ids of documents that were made by hand."""
    numbers = {"_id": {"$type": "number", "$lt": MAX_ID}}
    last = collection.find_one(numbers, {"_id": True}, sort=[("_id", -1)])
    if last:
        name = {"_id": collection.name}
        _counters().update_one(name, {"$max": {"last": int(last["_id"])}}, upsert=True)


def free_values(collection: Collection[Document], field: str, bases: Sequence[str]) -> list[str]:
    """Return a free value of a field for each base: the base itself, or with a number appended.

    The numbers are looked up in growing groups, not one by one.

    Args:
        collection: The collection.
        field: A unique field, such as ``slug``.
        bases: The values that are wanted; repeated ones get different numbers.
    """
    wanted = Counter(bases)
    taken = _taken(collection, field, list(wanted))
    missing = {base: n - (base not in taken) for base, n in wanted.items()}
    low, high = 2, 10
    while missing := {base: n for base, n in missing.items() if n > 0}:
        numbered = {base: [f"{base}-{n}" for n in range(low, high)] for base in missing}
        newly_taken = _taken(collection, field, [v for values in numbered.values() for v in values])
        taken |= newly_taken
        for base, values in numbered.items():
            missing[base] -= sum(value not in newly_taken for value in values)
        low, high = high, high * 4
    return free_slugs(bases, taken)


def _taken(collection: Collection[Document], field: str, values: Sequence[str]) -> set[str]:
    filter, projection = {field: {"$in": values}}, {field: True, "_id": False}
    owners = collection.find(filter, projection, session=current_session())
    return {owner[field] for owner in owners}


def _counters() -> Collection[Any]:
    return connections().db["counters"]
