"""The history of documents: who changed what, when, and from which revision to which.

The follower writes it, beside all requests: one entry in ``<name>.history`` for each change that
MongoDB's change stream tells.  The id of an entry is the change's place in the stream, so a change
that is told again, to another follower or after a crash, is known.  Who it was stands in the mark
that each write of ours leaves in the document (``shared.storage.writer``); a change without a new
one was made outside of the API.

A purge leaves an entry, and takes the values out of all others of its document: what remains is
who changed which fields, and when.
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
from shared.storage import change_stream, documents, writer
from shared.storage.writer import DELETED, PURGED, RESTORED

MAX_BYTES = 2000  # of a value that is kept whole
MAX_TEXT = 500  # characters that are kept of a longer one
INDEXES = (
    IndexModel([("item", 1), ("at", -1), ("_id", -1)]),
    IndexModel([("item", 1)], name="purged", partialFilterExpression={"kind": PURGED}),
)

_DUPLICATE = 11000
_VALUES = ("before", "after", "shortened")
# What every write of ours sets, and every entry tells otherwise.
_STAMPED = {"created_at", "updated_at"}
# Of what MongoDB has not kept, or not long enough, nobody knows who it was.
_UNTOLD: Document = {"by": "unknown", "request": None}
_SMALL = (bool, int, float, datetime, ObjectId, Decimal128, type(None))


@dataclass(frozen=True, slots=True)
class History:
    """The history of one collection, as a follower of it writes it.

    ``origins`` are the stored fields that each field clients see is made of.
    """

    collection: Collection[Document]
    origins: Mapping[str, set[str]]

    def record(self, events: Sequence[Document]) -> None:
        """Store an entry for each change that has none yet, or raise pymongo's errors."""
        entries = [entry for event in events if (entry := entry_of(event, self.origins))]
        if not entries:
            return
        self._tell_copies([each for each in entries if "written" in each])
        try:
            self.collection.insert_many(entries, ordered=False)
        except BulkWriteError as error:
            if any(each["code"] != _DUPLICATE for each in error.details["writeErrors"]):
                raise
        # A purge stores its entry before it looks for values, and here it is the other way round:
        # whichever comes second finds what the first one has left.
        asked = {"item": {"$in": [each["item"] for each in entries]}, "kind": PURGED}
        for each in self.collection.find(asked, {"item": True}):
            forget(self.collection, each["item"])

    def _tell_copies(self, made: Sequence[Document]) -> None:
        """Take the principal from what was put back by hand: its write has an entry already."""
        asked = {
            "item": {"$in": [each["item"] for each in made]},
            "written": {"$in": list({each["written"] for each in made})},
        }
        known = self.collection.find(asked, {"item": True, "written": True}) if made else ()
        first: dict[tuple[str, str], str] = {}
        for each in (*known, *made):
            key = repr(each["item"]), each["written"]
            first[key] = min(each["_id"], first.get(key, each["_id"]))
        for each in made:
            if first[repr(each["item"]), each["written"]] != each["_id"]:
                each["by"] = each["request"] = None


def entry_of(event: Document, origins: Mapping[str, set[str]]) -> Document | None:
    """Return the entry for a change; None for what no client sees, and for a purge."""
    kind = change_stream.KINDS.get(event["operationType"])
    mark = _mark(event) if kind else None
    told = mark.get("kind") if mark else None
    if kind is None or told == PURGED:
        return None
    before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
    changed = _changed(event) - (_STAMPED if mark else set())
    fields = [name for name, stored in origins.items() if stored & changed]
    revision = {"from": _revision(before), "to": _revision(after or _set(event))}
    if kind == "updated" and not fields and revision["from"] == revision["to"]:
        return None
    entry = {
        "_id": event["_id"]["_data"],
        "item": event["documentKey"]["_id"],
        "at": change_stream.moment(event),
        "kind": told or kind,
        "by": mark.get("by") if mark else None,
        "request": mark.get("request") if mark else None,
        "revision": revision,
        "fields": fields,
    }
    if event["operationType"] == "insert" and mark:
        entry["written"] = event["fullDocument"]["written"]
    stored = set().union(*(origins[name] for name in fields))
    return entry | _values(before, after, stored)


def note_purge(
    collection: Collection[Document], document: Document, session: ClientSession | None
) -> None:
    """Store the entry of a purge, and take the values out of all others of the document."""
    mark = writer.mark(document["_id"])
    entry = {
        **mark,
        "at": documents.now(),
        "kind": PURGED,
        "revision": {"from": _revision(document), "to": None},
        "fields": [],
    }
    collection.insert_one(entry, session=session)
    forget(collection, document["_id"], session)


def forget(
    collection: Collection[Document], item: Any, session: ClientSession | None = None
) -> None:
    """Take the values out of the entries of a document."""
    collection.update_many({"item": item}, {"$unset": dict.fromkeys(_VALUES, "")}, session=session)


def _mark(event: Document) -> Document | None:
    """Return the mark that a change has brought, None for one made outside of the API."""
    kind, before = event["operationType"], event.get("fullDocumentBeforeChange")
    after = event.get("fullDocument")
    if kind == "update":
        if "written" not in _set(event):
            return None
        after = after or _set(event)
    marked = before if kind == "delete" else after
    if marked is None or (kind == "update" and "writer" not in marked):
        return _UNTOLD
    mark = marked.get("writer")
    is_mark = isinstance(mark, dict) and isinstance(marked.get("written"), str)
    if not is_mark or mark.get("item") != event["documentKey"]["_id"]:
        return None
    is_of_this = {
        "insert": marked.get("revision") == 1 or mark.get("kind") == RESTORED,
        "update": True,
        "delete": mark.get("kind") in (DELETED, PURGED),
        "replace": False,  # We replace nothing.
    }
    return mark if is_of_this[kind] else None


def _changed(event: Document) -> set[str]:
    """Return the stored fields that a change has written or removed."""
    before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
    if event["operationType"] == "update" and not (before and after):
        return change_stream.written(event)
    if before and after:
        return documents.differing(before, after)
    return set(before or after or ())


def _set(event: Document) -> Document:
    """Return the fields that an update has set, with their new values."""
    found: Document = event.get("updateDescription", {}).get("updatedFields", {})
    return found


def _revision(document: Document | None) -> int | None:
    revision = documents.whole(document.get("revision")) if document else None
    return revision if isinstance(revision, int) else None


def _values(before: Document | None, after: Document | None, stored: set[str]) -> Document:
    """Return some stored fields as they were and as they are, and which of them are shortened."""
    kept: Document = {}
    for side, document in (("before", before), ("after", after)):
        if document is not None:
            whole = {name: document[name] for name in stored & document.keys()}
            kept[side] = {name: _short(value) for name, value in whole.items()}
            if cut := [name for name in whole if kept[side][name] is not whole[name]]:
                kept.setdefault("shortened", {})[side] = cut
    return kept


def _short(value: Any) -> Any:
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
