"""An append-only ledger of a counter, such as a product's stock: every change of it, and why.

An entry has ``item``, the id; ``change`` and the ``balance`` after it; the ``revision`` the item
got by it; ``reason``; ``request_id``; ``at``, and whatever else its writer tells.  The first entry
of an item tells what it began with, so that items made by hand need none to begin with.
"""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from pymongo import IndexModel
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from shared.observability import log_format
from shared.schema.serialization import Document
from shared.storage import documents

INDEXES = (IndexModel([("item", 1), ("revision", 1), ("_id", 1)]),)


def is_number(value: Any) -> bool:
    """Whether a value is a number, as a counter is unless a hand edit made it something else."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def counted(value: Any) -> int | float:
    """Return a counter's value, 0 where there is no number."""
    return value if is_number(value) else 0


def entry(
    field: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], reason: str, **more: Any
) -> Document | None:
    """Return the entry for one write of a document, or None when its counter stays as it was."""
    balance = counted(after.get(field))
    change = balance - counted(before.get(field) if before else None)
    if not change:
        return None
    return {
        "item": after["_id"],
        "change": change,
        "balance": balance,
        "revision": after.get("revision"),
        "reason": reason,
        "request_id": log_format.request_id() or None,
        "at": documents.now(),
        **more,
    }


def append(
    collection: Collection[Document],
    entries: Iterable[Document | None],
    session: ClientSession | None,
) -> None:
    """Store entries, leaving out what is None."""
    found = [each for each in entries if each]
    if len(found) == 1:
        collection.insert_one(found[0], session=session)
    elif found:
        collection.insert_many(found, session=session)


def sums(*narrowed: Document) -> list[Document]:
    """Return the stages that add entries up to ``{_id: item, balance}``, behind narrowing ones."""
    change, balance = (
        {"$cond": [{"$in": [{"$type": name}, ["int", "long", "double"]]}, name, 0]}
        for name in ("$change", "$balance")
    )
    began = {"$first": {"$subtract": [balance, change]}}
    return [
        *narrowed,
        {"$sort": {"item": 1, "revision": 1, "_id": 1}},
        {"$group": {"_id": "$item", "began": began, "changes": {"$sum": change}}},
        {"$project": {"balance": {"$add": ["$began", "$changes"]}}},
    ]
