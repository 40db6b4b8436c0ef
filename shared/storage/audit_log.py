"""Audit log: who changed which fields of a document, when, and from which revision to which.

The follower writes it, outside of all requests: one entry in ``<name>.history`` for each event of
MongoDB's change stream.  The id of an entry is the place of its event in the stream, so an event
that is read again, by another follower or after a crash, gets no second entry.  The author of a
change is in the mark that each write of the API leaves in the document
(``shared.storage.documents``); a change without a new mark was made outside of the API.

An entry keeps the tokens that invalidated the cache, so that a generation leads to its change:
``written`` is the token of the write, and ``renewed`` that of the follower, if the write had not
renewed all tags.

Long values are shortened, except in entries of an import: from these it is undone.  A job that an
import has asked for leaves only the elements of a list that it has changed, in the fields that
``parts`` names.  Else the history of many photos would grow with their square.  A step of a job on
the way to its result leaves an entry without fields and values.

A purge leaves one entry, and erases the values in all other entries of its document: what remains
is who changed which fields, and when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import bson
from bson import Decimal128, ObjectId, json_util
from pymongo import IndexModel
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from shared.schema.serialization import Document
from shared.storage import change_stream, documents
from shared.storage.documents import DELETED, PURGED, RESTORED, STEP

MAX_BYTES = 2000  # of a value that is stored as a whole
MAX_TEXT = 500  # characters that are stored of a longer value
OF_IMPORTS = {"import": {"$gt": ""}}  # finds the entries of all imports
INDEXES = (
    IndexModel([("item", 1), ("at", -1), ("_id", -1)]),
    IndexModel([("item", 1)], name="purged", partialFilterExpression={"kind": PURGED}),
    # The imports, the number of their changes by kind, and the items of one.
    IndexModel([("import", 1), ("at", 1), ("kind", 1)], partialFilterExpression=OF_IMPORTS),
    IndexModel([("import", 1), ("item", -1)], partialFilterExpression=OF_IMPORTS),
    # The changes by the token that invalidated the cache.
    IndexModel([("written", 1)], sparse=True),
    IndexModel([("renewed", 1)], sparse=True),
)

_DUPLICATE = 11000
_INSERTED = ("created", RESTORED)  # the kinds of changes that insert a document
OUTSIDE = "outside the API"  # the author of a change that has none
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

    def record(
        self, events: Sequence[Document], renewed: Mapping[str, str] = MappingProxyType({})
    ) -> list[Document]:
        """Store an entry for each event that has none yet, and return all of them.

        Args:
            events: Events of the change stream.
            renewed: The token by which the follower has invalidated the cache, by the place of the
                event in the stream, for the events that needed it.

        Raises:
            PyMongoError: An entry could not be stored.
        """
        entries = [entry for event in events if (entry := entry_of(event, self.origins))]
        if not entries:
            return []
        for entry in entries:
            if token := renewed.get(entry["_id"]):
                entry["renewed"] = token
        self._detect_copies([entry for entry in entries if entry["kind"] in _INSERTED])
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
        return entries

    def _detect_copies(self, inserted: Sequence[Document]) -> None:
        """Remove the author from entries of documents that were inserted again by hand.

        Such a document has the mark of an earlier write, which has an entry already.
        """
        created = [entry for entry in inserted if "written" in entry]
        earlier = {
            "kind": {"$in": _INSERTED},
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
                del entry["written"]  # It is that of the earlier write.


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
    is_step = marked_kind == STEP
    changed = set() if is_step else _changed_fields(event) - (_STAMPED if mark else set())
    fields = [name for name, stored in origins.items() if stored & changed]
    revision = {"from": _revision(before), "to": _revision(after or _fields_set(event))}
    if kind == "updated" and not fields and revision["from"] == revision["to"]:
        return None
    entry = {
        "_id": event["_id"]["_data"],
        "item": event["documentKey"]["_id"],
        "at": change_stream.event_time(event),
        "kind": kind if is_step else marked_kind or kind,
        "by": mark.get("by") if mark else None,
        "request": mark.get("request") if mark else None,
        "revision": revision,
        "fields": fields,
    }
    if token := _token(event) if mark else None:
        entry["written"] = token
    if is_step:
        return entry
    stored_fields = set().union(*(origins[name] for name in fields))
    for side, document in (("before", before), ("after", after)):
        if document is not None:
            entry[side] = {name: document[name] for name in stored_fields & document.keys()}
    if not mark or "import" not in mark:
        return shortened(entry)
    entry["import"] = mark["import"]
    return _changed_elements(entry) if mark.get("follows") else entry


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


def _token(event: Document) -> str | None:
    """Return the token of the write that an event has brought, None if it is unknown."""
    before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
    marked = before if event["operationType"] == "delete" else after or _fields_set(event)
    token = (marked or {}).get("written")
    return token if isinstance(token, str) else None


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


def shortened(entry: Document) -> Document:
    """Return an entry with its long values shortened, and with the names of these fields."""
    short = dict(entry)
    for side in ("before", "after"):
        if whole := entry.get(side):
            short[side] = {name: _shortened(value) for name, value in whole.items()}
            if cut := [name for name in whole if short[side][name] is not whole[name]]:
                short.setdefault("shortened", {})[side] = cut
    return short


def _changed_elements(entry: Document) -> Document:
    """Return an entry with only those elements of its lists that differ, found by their ids.

    ``parts`` names the fields of these lists.
    """
    before, after = (dict(entry.get(side) or {}) for side in ("before", "after"))
    parts = sorted(
        name
        for name in before.keys() & after.keys()
        if _element_ids(before[name]) and _element_ids(before[name]) == _element_ids(after[name])
    )
    for name in parts:
        pairs = zip(before[name], after[name], strict=True)
        differing = [pair for pair in pairs if documents.differing_fields(*pair)]
        before[name], after[name] = ([pair[side] for pair in differing] for side in (0, 1))
    return entry | ({"before": before, "after": after, "parts": parts} if parts else {})


def _element_ids(value: Any) -> list[Any]:
    """Return the ids of the elements of a list; nothing for other values."""
    elements = value if isinstance(value, list) else []
    has_ids = all(isinstance(element, dict) and "id" in element for element in elements)
    return [element["id"] for element in elements] if has_ids else []


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
