"""Stored documents: the fields that the server adds to those of the client, and their changes.

* ``_id``: an integer.
* ``slug``: where the resource has slugs; ``old_slugs`` are those that the document had before.
* ``terms``, ``sort_keys``, ``group_variant``: the derived fields, see ``shared.schema.derived``.
* ``created_at``, ``updated_at``, and ``revision``, the number of its writes.
* ``written``: the random token of the latest write; ``writer``: who made that write.

A document that was made by hand may lack all but ``_id``; its first write adds what it lacks.  No
field is stored as null: it is left out instead.

Each write leaves a mark in ``writer``, which the audit log reads.  A change without a new mark was
made outside of the API.  A copy made by hand has the mark of its original, so a mark names the
document that it belongs to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bson import Decimal128
from flask import has_app_context

from shared.cache.keys import ALL
from shared.http import auth
from shared.http.import_id import follows_import, import_id
from shared.observability import log_format
from shared.schema.derived import SORT_KEYS, Derived
from shared.schema.groups import VARIANT
from shared.schema.serialization import Document

MAX_REVISION = 2**53
MAX_PRINCIPAL = 200  # characters of a principal's id that are stored
# Kinds of a change that MongoDB's change stream does not distinguish.
DELETED, RESTORED, PURGED = "deleted", "restored", "purged"
# An update that is a step of a job on the way to its result: the history keeps no values of it.
STEP = "step"
# Projection without the fields that clients never see.
UNSHOWN = dict.fromkeys(("terms", SORT_KEYS, VARIANT, "old_slugs", "written", "writer"), False)


@dataclass(frozen=True, slots=True)
class Change:
    """An update of one document.

    ``filter`` finds the document as long as it is the version that was read, ``update`` is the
    update for MongoDB, and ``before`` and ``after`` are the whole document.
    """

    filter: Document
    update: Document
    before: Document
    after: Document

    def stamped(self, token: str, kind: str = "") -> "Change":
        """Return the change with the fields that every write sets; ``kind`` is that of its mark."""
        fields = stamp(self.after, token, kind)
        update = self.update | {"$set": self.update.get("$set", {}) | fields}
        return replace(self, update=update, after=self.after | fields)


def now() -> datetime:
    """Return the current time in whole milliseconds, the precision of MongoDB."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_document(values: Mapping[str, Any], id: int, token: str, derived: Derived) -> Document:
    """Return a new document at revision 1.

    Args:
        values: The fields of the client, with a slug where the resource has slugs.
        id: The id of the document.
        token: The token of the write.
        derived: The derived fields of the collection.
    """
    moment = now()
    document = {"_id": id} | {name: value for name, value in values.items() if value is not None}
    return (
        document
        | derived.fields(document)
        | {
            "created_at": moment,
            "updated_at": moment,
            "revision": 1,
            "written": token,
            "writer": writer_mark(id),
        }
    )


def has_values(document: Document, values: Mapping[str, Any]) -> bool:
    """Return True if a document has these values already; null equals a field that is left out."""
    return all(_equal(document.get(name), value) for name, value in values.items())


def differing_fields(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Return the names of the fields in which two documents differ."""
    names = one.keys() | other.keys()
    return {name for name in names if not _equal(one.get(name), other.get(name))}


def _equal(one: Any, other: Any) -> bool:
    """Return True if two values are the same in JSON, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def change(document: Document, values: Mapping[str, Any], derived: Derived) -> Change:
    """Return the change that sets ``values``, without the stamp; None removes a field.

    A slug that is replaced is kept in ``old_slugs``.

    Args:
        document: The document as it was read.
        values: The fields to set.
        derived: The derived fields of the collection.
    """
    values = {k: value for k, value in values.items() if not _equal(document.get(k), value)}
    removed = [name for name, value in values.items() if value is None]
    new: Document = {name: value for name, value in values.items() if value is not None}
    after = {name: value for name, value in (document | new).items() if name not in removed}
    new |= derived.missing(after, document)  # Not all of them: MongoDB would update their indexes.
    if "slug" in new and document.get("slug"):
        stored_slugs = document.get("old_slugs")
        old_slugs = [*(stored_slugs if isinstance(stored_slugs, list) else []), document["slug"]]
        new["old_slugs"] = [slug for slug in dict.fromkeys(old_slugs) if slug != new["slug"]]
    update: Document = {"$set": new} | ({"$unset": dict.fromkeys(removed, "")} if removed else {})
    return Change(version_filter(document), update, document, after | new)


def version_filter(document: Mapping[str, Any]) -> Document:
    """Return the filter that finds a document until it is written again."""
    # $eq, because by hand the revision may be an object, which would be read as an operator.
    return {"_id": document["_id"], "revision": {"$eq": document.get("revision")}}


def stamp(document: Mapping[str, Any], token: str, kind: str = "") -> Document:
    """Return the fields that every write sets: times, revision, token and writer."""
    moment = now()
    revision = document.get("revision")
    return {
        "created_at": document.get("created_at") or moment,
        "updated_at": moment,
        "revision": revision + 1 if isinstance(revision, int) and revision < MAX_REVISION else 1,
        "written": token,
        "writer": writer_mark(document["_id"], kind),
    }


def writer_mark(id: Any, kind: str = "") -> Document:
    """Return the mark of this request in a document: ``{"item", "by", "request"}``.

    ``item`` is the id of the document, ``by`` the principal (the service in a job, None outside of
    both) and ``request`` the id of the request.  The id of its ``import`` is added if it has one,
    with ``follows`` in a job that the import has asked for, and a ``kind`` where MongoDB's change
    stream does not say what the change was.
    """
    principal = auth.caller()[:MAX_PRINCIPAL] if has_app_context() else None
    mark = {"item": id, "by": principal, "request": log_format.request_id() or None}
    mark |= {"import": imported} if (imported := import_id()) else {}
    mark |= {"follows": True} if follows_import() else {}
    return mark | ({"kind": kind} if kind else {})


def cache_tags(documents: Iterable[Document], partitions: Iterable[tuple[str, str]]) -> set[str]:
    """Return the cache tags that a write to these documents makes stale.

    ``partitions`` are the query parameters that keep lists apart, and the fields they look into.
    """
    tags: set[str] = set()
    for document in documents:
        tags |= {ALL, *refs([document])}
        for parameter, path in partitions:
            values = document.get(path)
            parts = values if isinstance(values, list) else [values]
            tags |= {f"{parameter}={as_integer(part)}" for part in parts if part is not None}
    return tags


def refs(documents: Iterable[Document]) -> set[str]:
    """Return the names of these documents in a URL: their ids and slugs."""
    names: list[Any] = []
    for document in documents:
        slug = document.get("slug")
        # A hand edit may have left several slugs, each of which finds the document.
        names += [document["_id"], *(slug if isinstance(slug, list) else [slug])]
    return {str(as_integer(name)) for name in names if name is not None}


def as_integer(value: Any) -> Any:
    """Return a whole number as an int, and any other value as it is.

    A hand edit may have stored a whole number as a double or a decimal.
    """
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        is_whole = number.is_finite() and -MAX_REVISION < number < MAX_REVISION and number % 1 == 0
        return int(number) if is_whole else value
    return int(value) if isinstance(value, float) and value.is_integer() else value
