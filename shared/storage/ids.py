"""Ids, slugs and the like that nobody else has."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from shared.schema.serialization import Document
from shared.schema.slugs import free_slugs
from shared.storage.connections import connections

QUICK = WriteConcern(w=1)
MAX_ID = 2**53  # What is beyond was not counted up to.


def next_ids(name: str, count: int) -> int:
    """Reserve consecutive ids of a collection and return the first."""
    session = connections().session
    # A number is not waited for: one that a lost server takes along is met again when it is used.
    counters = _counters() if session else _counters().with_options(write_concern=QUICK)
    counter: Any = counters.find_one_and_update(
        {"_id": name},
        {"$inc": {"last": count}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    return int(counter["last"]) - count + 1


def raise_counter(collection: Collection[Document]) -> None:
    """Move the counter of a collection past ids that were given by hand."""
    numbers = {"_id": {"$type": "number", "$lt": MAX_ID}}
    last = collection.find_one(numbers, {"_id": True}, sort=[("_id", -1)])
    if last:
        name = {"_id": collection.name}
        _counters().update_one(name, {"$max": {"last": int(last["_id"])}}, upsert=True)


def free(collection: Collection[Document], field: str, bases: Sequence[str]) -> list[str]:
    """Return a free value of a field for each base, itself or with a number behind it.

    Asks about ever more numbers at once, not about each.
    """
    wanted = Counter(bases)
    taken = _taken(collection, field, list(wanted))
    short = {base: n - (base not in taken) for base, n in wanted.items()}
    low, high = 2, 10
    while short := {base: n for base, n in short.items() if n > 0}:
        numbered = {base: [f"{base}-{n}" for n in range(low, high)] for base in short}
        found = _taken(collection, field, [slug for each in numbered.values() for slug in each])
        taken |= found
        for base, each in numbered.items():
            short[base] -= sum(slug not in found for slug in each)
        low, high = high, high * 4
    return free_slugs(bases, taken)


def _taken(collection: Collection[Document], field: str, values: Sequence[str]) -> set[str]:
    asked, shown = {field: {"$in": values}}, {field: True, "_id": False}
    return {each[field] for each in collection.find(asked, shown, session=connections().session)}


def _counters() -> Collection[Any]:
    return connections().db["counters"]
