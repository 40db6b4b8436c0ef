"""Ledger of a counter, such as the stock of a product: every change, and the reason for it.

Entries are appended and never changed.  An entry has ``item``, the id; ``change``; ``balance``, the
counter after the change; ``revision``, that of the item after the change; ``reason``;
``request_id``; ``at``; and further fields of its writer.  The first entry of an item implies its
first balance, so items that were made by hand need no entry to begin with.
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
    """Return True for a finite number; a hand edit may have stored any other value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def entry(
    field: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], reason: str, **more: Any
) -> Document | None:
    """Return the entry for a write of a document, or None if its counter did not change.

    Args:
        field: The counter.
        before: The document before the write; None for a new one.
        after: The document after the write.
        reason: The reason for the change.
        **more: Further fields of the entry.
    """
    balance = _counter(after.get(field))
    change = balance - _counter(before.get(field) if before else None)
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


def _counter(value: Any) -> int | float:
    return value if is_number(value) else 0


def append(
    ledger: Collection[Document],
    entries: Iterable[Document | None],
    session: ClientSession | None,
) -> None:
    """Store entries in a ledger.

    Args:
        ledger: The collection.
        entries: The entries; None is left out.
        session: The running transaction, if there is one.
    """
    changes = [change for change in entries if change]
    if len(changes) == 1:
        ledger.insert_one(changes[0], session=session)
    elif changes:
        ledger.insert_many(changes, session=session)


def balance_pipeline(*stages: Document) -> list[Document]:
    """Return an aggregation that adds up entries to ``{_id: item, balance}``.

    ``stages`` select the entries, and run first.
    """
    change, balance = (
        {"$cond": [{"$in": [{"$type": name}, ["int", "long", "double"]]}, name, 0]}
        for name in ("$change", "$balance")
    )
    first_balance = {"$first": {"$subtract": [balance, change]}}
    return [
        *stages,
        {"$sort": {"item": 1, "revision": 1, "_id": 1}},
        {"$group": {"_id": "$item", "began": first_balance, "changes": {"$sum": change}}},
        {"$project": {"balance": {"$add": ["$began", "$changes"]}}},
    ]
