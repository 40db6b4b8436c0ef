"""What a stored document has besides what its client sent.

``_id`` an integer; ``slug`` where the resource has slugs, and the ``old_slugs`` it had before;
``terms`` to search by; ``created_at`` and ``updated_at``; ``revision``, which counts its writes;
``written``, the random token of the last one, and ``writer``, who that was.  A document made by
hand may lack all but ``_id`` and gets what it lacks on its first write.  No field is ever stored as
null: it is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import Decimal128

from shared.cache.keys import ALL
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document
from shared.storage import writer

MAX_REVISION = 2**53
# The projection that leaves out what nobody is shown.
UNSHOWN = dict.fromkeys(("terms", "old_slugs", "written", "writer"), False)


@dataclass(frozen=True, slots=True)
class Change:
    """One update: the filter that still finds the document as it was read, and what it does."""

    filter: Document
    update: Document
    after: Document


def now() -> datetime:
    """Return this moment in whole milliseconds, as MongoDB keeps it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def fresh(values: Mapping[str, Any], id: int, token: str, searched: Searched | None) -> Document:
    """Return a new document at revision 1; a slug must be among the values already."""
    moment = now()
    document = {"_id": id} | {name: value for name, value in values.items() if value is not None}
    if searched:
        document["terms"] = searched.terms(document)
    return document | {
        "created_at": moment,
        "updated_at": moment,
        "revision": 1,
        "written": token,
        "writer": writer.mark(id),
    }


def same(document: Document, values: Mapping[str, Any]) -> bool:
    """Whether a document has these values already."""
    return all(_equal(document.get(name), value) for name, value in values.items())


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Return the names of the fields in which two documents differ; null is like none."""
    names = one.keys() | other.keys()
    return {name for name in names if not _equal(one.get(name), other.get(name))}


def _equal(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def change(
    document: Document, values: Mapping[str, Any], token: str, searched: Searched | None
) -> Change | None:
    """Return the update that brings ``values`` in, None removing a field.

    Return None when they change nothing.  A slug that goes is remembered in ``old_slugs``.
    """
    if same(document, values):
        return None
    values = {k: value for k, value in values.items() if not _equal(document.get(k), value)}
    gone = [name for name, value in values.items() if value is None]
    new: Document = {name: value for name, value in values.items() if value is not None}
    after = {name: value for name, value in (document | new).items() if name not in gone}
    if searched and (terms := searched.terms(after)) != document.get("terms"):
        new["terms"] = terms  # Else MongoDB would look through its index for nothing.
    if "slug" in new and document.get("slug"):
        known = document.get("old_slugs")
        old = [*(known if isinstance(known, list) else []), document["slug"]]
        new["old_slugs"] = [slug for slug in dict.fromkeys(old) if slug != new["slug"]]
    new |= stamp(after, token)
    update = {"$set": new} | ({"$unset": dict.fromkeys(gone, "")} if gone else {})
    return Change(seen(document), update, after | new)


def seen(document: Mapping[str, Any]) -> Document:
    """Return the filter that finds a document as long as nobody has written it."""
    # By hand it may be an object, which would read as an operator.
    return {"_id": document["_id"], "revision": {"$eq": document.get("revision")}}


def stamp(document: Mapping[str, Any], token: str) -> Document:
    """Return what every write of a document sets, besides what it is about."""
    moment = now()
    revision = document.get("revision")
    return {
        "created_at": document.get("created_at") or moment,
        "updated_at": moment,
        "revision": revision + 1 if isinstance(revision, int) and revision < MAX_REVISION else 1,
        "written": token,
        "writer": writer.mark(document["_id"]),
    }


def tags(documents: Iterable[Document], partition: tuple[str, str] | None) -> set[str]:
    """Return the cache tags that a write to these documents makes stale.

    ``partition`` is the parameter that keeps lists apart, and the array field it looks into.
    """
    found: set[str] = set()
    for document in documents:
        found |= {ALL, *refs([document])}
        values = document.get(partition[1]) if partition else None
        if partition and values is not None:
            within = values if isinstance(values, list) else [values]
            found |= {f"{partition[0]}={whole(value)}" for value in within}
    return found


def refs(documents: Iterable[Document]) -> set[str]:
    """Return what these documents are called in a URL: their ids and slugs."""
    names: list[Any] = []
    for each in documents:
        slug = each.get("slug")
        # A hand edit may have left several slugs, each of which finds the document.
        names += [each["_id"], *(slug if isinstance(slug, list) else [slug])]
    return {str(whole(name)) for name in names if name is not None}


def whole(value: Any) -> Any:
    """Return a whole number as one, though a hand edit may have left it as another type."""
    if isinstance(value, Decimal128):
        number = value.to_decimal()
        is_whole = number.is_finite() and -MAX_REVISION < number < MAX_REVISION and number % 1 == 0
        return int(number) if is_whole else value
    return int(value) if isinstance(value, float) and value.is_integer() else value
