"""Audit log: who changed which fields of a document, when, and from which revision to which.

The follower writes it, outside of all requests: one entry in ``<name>.history`` for each event of
MongoDB's change stream.  The id of an entry is the place of its event in the stream, so an event
that is read again, by another follower or after a crash, gets no second entry.  The author of a
change is in the mark that each write of the API leaves in the document
(``shared.storage.documents``); a change without a new mark was made outside of the API.

A purge leaves one entry, and erases the values in all other entries of its document: what remains
is who changed which fields, and when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson
from bson import Decimal128, ObjectId, json_util
from pymongo import IndexModel
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from shared.schema.serialization import Document
from shared.storage import change_stream, documents
from shared.storage.documents import DELETED, PURGED, RESTORED

MAX_BYTES = 2000  # of a value that is stored as a whole
MAX_TEXT = 500  # characters that are stored of a longer value
INDEXES = (
    IndexModel([("item", 1), ("at", -1), ("_id", -1)]),
    IndexModel([("item", 1)], name="purged", partialFilterExpression={"kind": PURGED}),
)

_DUPLICATE = 11000
_VALUES = ("before", "after", "shortened")
# Fields that every write sets; an entry holds their content in members of its own.
_STAMPED = {"created_at", "updated_at"}
# The mark of a change whose document MongoDB has not kept, or not for long enough.
_UNKNOWN: Document = {"by": "unknown", "request": None}
_SMALL = (bool, int, float, datetime, ObjectId, Decimal128, type(None))


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The audit log of one collection, as its follower writes it.

    ``origins`` maps each field that clients see to the stored fields that it is made of.
    """

    collection: Collection[Document]
    origins: Mapping[str, set[str]]

    def record(self, events: Sequence[Document]) -> None:
        """Store an entry for each event that has none yet, or raise pymongo's errors."""
        entries = [entry for event in events if (entry := entry_of(event, self.origins))]
        if not entries:
            return
        self._detect_copies([entry for entry in entries if "written" in entry])
        try:
            self.collection.insert_many(entries, ordered=False)
        except BulkWriteError as error:
            if any(failure["code"] != _DUPLICATE for failure in error.details["writeErrors"]):
                raise
        # A purge stores its entry and then erases values.  Here the values are stored first, and
        # then the purges are looked up.  So the later one of the two finds what the other stored.
        purges = {"item": {"$in": [entry["item"] for entry in entries]}, "kind": PURGED}
        for purge in self.collection.find(purges, {"item": True}):
            erase_values(self.collection, purge["item"])

    def _detect_copies(self, created: Sequence[Document]) -> None:
        """Remove the author from entries of documents that were inserted again by hand.

        Such a document has the mark of an earlier write, which has an entry already.
        """
        earlier = {
            "item": {"$in": [entry["item"] for entry in created]},
            "written": {"$in": list({entry["written"] for entry in created})},
        }
        stored = self.collection.find(earlier, {"item": True, "written": True}) if created else ()
        first: dict[tuple[str, str], str] = {}
        for entry in (*stored, *created):
            key = repr(entry["item"]), entry["written"]
            first[key] = min(entry["_id"], first.get(key, entry["_id"]))
        for entry in created:
            if first[repr(entry["item"]), entry["written"]] != entry["_id"]:
                entry["by"] = entry["request"] = None


def entry_of(event: Document, origins: Mapping[str, set[str]]) -> Document | None:
    """Return the entry for an event of the change stream.

    Return None for a change of fields that clients never see, and for a purge, which stores its own
    entry.

    Args:
        event: The event.
        origins: The stored fields that each field is made of.
    """
    kind = change_stream.KINDS.get(event["operationType"])
    mark = _mark(event) if kind else None
    marked_kind = mark.get("kind") if mark else None
    if kind is None or marked_kind == PURGED:
        return None
    before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
    changed = _changed_fields(event) - (_STAMPED if mark else set())
    fields = [name for name, stored in origins.items() if stored & changed]
    revision = {"from": _revision(before), "to": _revision(after or _fields_set(event))}
    if kind == "updated" and not fields and revision["from"] == revision["to"]:
        return None
    entry = {
        "_id": event["_id"]["_data"],
        "item": event["documentKey"]["_id"],
        "at": change_stream.event_time(event),
        "kind": marked_kind or kind,
        "by": mark.get("by") if mark else None,
        "request": mark.get("request") if mark else None,
        "revision": revision,
        "fields": fields,
    }
    if event["operationType"] == "insert" and mark:
        entry["written"] = event["fullDocument"]["written"]
    stored_fields = set().union(*(origins[name] for name in fields))
    return entry | _values(before, after, stored_fields)


def record_purge(
    collection: Collection[Document], document: Document, session: ClientSession | None
) -> None:
    """Store the entry of a purge, and erase the values in all other entries of the document.

    Args:
        collection: The audit log.
        document: The document that is purged.
        session: The running transaction.
    """
    entry = {
        **documents.writer_mark(document["_id"]),
        "at": documents.now(),
        "kind": PURGED,
        "revision": {"from": _revision(document), "to": None},
        "fields": [],
    }
    collection.insert_one(entry, session=session)
    erase_values(collection, document["_id"], session)


def erase_values(
    collection: Collection[Document], item: Any, session: ClientSession | None = None
) -> None:
    """Erase the values in the entries of a document.

    Args:
        collection: The audit log.
        item: The id of the document.
        session: The running transaction, if there is one.
    """
    collection.update_many({"item": item}, {"$unset": dict.fromkeys(_VALUES, "")}, session=session)


def _mark(event: Document) -> Document | None:
    """Return the mark that an event has brought, None for a change made outside of the API."""
    kind, before = event["operationType"], event.get("fullDocumentBeforeChange")
    after = event.get("fullDocument")
    if kind == "update":
        if "written" not in _fields_set(event):
            return None
        after = after or _fields_set(event)
    marked = before if kind == "delete" else after
    if marked is None or (kind == "update" and "writer" not in marked):
        return _UNKNOWN
    mark = marked.get("writer")
    is_mark = isinstance(mark, dict) and isinstance(marked.get("written"), str)
    if not is_mark or mark.get("item") != event["documentKey"]["_id"]:
        return None
    belongs_to_event = {
        "insert": marked.get("revision") == 1 or mark.get("kind") == RESTORED,
        "update": True,
        "delete": mark.get("kind") in (DELETED, PURGED),
        "replace": False,  # The API never replaces a document.
    }
    return mark if belongs_to_event[kind] else None


def _changed_fields(event: Document) -> set[str]:
    """Return the stored fields that an event has set or removed."""
    before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
    if event["operationType"] == "update" and not (before and after):
        return change_stream.updated_fields(event)
    if before and after:
        return documents.differing_fields(before, after)
    return set(before or after or ())


def _fields_set(event: Document) -> Document:
    """Return the fields that an update has set, with their new values."""
    fields: Document = event.get("updateDescription", {}).get("updatedFields", {})
    return fields


def _revision(document: Document | None) -> int | None:
    revision = documents.as_integer(document.get("revision")) if document else None
    return revision if isinstance(revision, int) else None


def _values(before: Document | None, after: Document | None, stored_fields: set[str]) -> Document:
    """Return the values of some fields before and after, and the names of those shortened."""
    values: Document = {}
    for side, document in (("before", before), ("after", after)):
        if document is not None:
            whole = {name: document[name] for name in stored_fields & document.keys()}
            values[side] = {name: _shortened(value) for name, value in whole.items()}
            if cut := [name for name in whole if values[side][name] is not whole[name]]:
                values.setdefault("shortened", {})[side] = cut
    return values


def _shortened(value: Any) -> Any:
    """Return a value, or the beginning of a long one as text."""
    if isinstance(value, _SMALL):
        return value
    if isinstance(value, str):
        text = value
    elif len(bson.encode({"": value})) <= MAX_BYTES:
        return value
    else:
        text = json_util.dumps(value)
    return value if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
