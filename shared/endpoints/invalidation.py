"""Reason why an entry of the cache is not valid: the change that renewed one of its generations.

The generation of a tag is the token of the write that renewed it, or of the follower.  The history
keeps both, so the token leads to the change.  Each service has its own history, and reads no other.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from bson import ObjectId
from pymongo.errors import PyMongoError

from shared.cache.entry import Lookup
from shared.cache.keys import ALL, tag_of
from shared.cache.redis_topology import read
from shared.http.errors import ApiError
from shared.resource import Resource
from shared.schema.fields import timestamp
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.audit_log import OUTSIDE
from shared.storage.connections import connections
from shared.storage.repository import reference

MAX_READ = 100  # changes of one token that are read to find the one of a list
_ROOT_TEXT = "the follower was started again, or had lost a connection"
Reason = Mapping[str, Any]


def find_reason(resource: Resource, lookup: Lookup) -> Reason | None:
    """Return the change that made an entry stale.

    Return None for an entry that is not stale by its generations, and if the history does not have
    the change, or MongoDB does not answer.  A change of another service is in the history of that
    service.
    """
    part = lookup.stale_part
    if not part:
        return None
    if part == "root":
        return {"text": _ROOT_TEXT, "part": part}
    if part != "tag":
        return {"text": f"a change of {part}; ask the service {part} for its history", "part": part}
    return _find(resource, lookup.stale_token, lookup.address.tag)


def find_last_write(resource: Resource, key: str) -> Reason | None:
    """Return the last change that concerned a key without an entry; it may have removed it."""
    tag = _tag_of_key(resource, key)
    token = read(connections().redis, [tag_of(resource.name, tag)])[0] if tag else None
    return _find(resource, token.decode(errors="replace"), tag) if token else None


def _find(resource: Resource, token: str, tag: str) -> Reason | None:
    """Return the last change of the service that renewed a tag to a token.

    One token may belong to many changes: those of a batch, and those that the follower has handled
    together.  The change of another item is never returned.
    """
    if not token:
        return None
    history = connections().db[f"{resource.name}.history"]
    with suppress(PyMongoError):
        item = _item_of(resource, tag)
        for name in ("written", "renewed"):
            latest = history.find({name: token} | item, sort=[("at", -1), ("_id", -1)])
            entries = list(latest.limit(MAX_READ))
            is_certain = item or len(entries) == 1
            for entry in entries:
                if is_certain or tag in _tags_of(resource, entry):
                    return _shown("tag", entry)
    return None


def _item_of(resource: Resource, tag: str) -> Document:
    """Return the filter of the item whose tag this is; it is empty for the tag of lists."""
    if tag == ALL or "=" in tag:
        return {}
    wanted = reference(tag)
    document = resource.repository.collection.find_one(wanted, {"_id": True})
    if document:
        return {"item": document["_id"]}
    if isinstance(wanted.get("_id"), int):
        return {"item": wanted["_id"]}  # It was deleted.
    # An id of MongoDB's own kind, or the slug that the item had before it was deleted.
    deleted: list[Document] = [{"before.slug": tag}]
    deleted += [{"item": ObjectId(tag)}] if ObjectId.is_valid(tag) else []
    return {"$or": deleted}


def _tags_of(resource: Resource, entry: Document) -> set[str]:
    """Return the tags that a change has renewed, as far as its item and its entry show them."""
    item = {"_id": entry["item"]}
    now = resource.repository.collection.find_one(item) or item
    # What the change left alone is as it is now, unless a later change has set it.
    images = (now | entry.get(side, {}) for side in ("before", "after"))
    return documents.cache_tags(images, resource.repository.partitions)


def _shown(part: str, entry: Document) -> Reason:
    by = entry["by"] or OUTSIDE
    kind = entry["kind"]
    return {
        "text": f"{kind} {by}" if by == OUTSIDE else f"{kind} by {by}",
        "part": part,
        "at": timestamp(entry["at"]),
        "type": kind,
        "item": documents.as_integer(entry["item"]),
        "by": by,
        "request_id": entry["request"],
        "fields": entry["fields"],
    }


def _tag_of_key(resource: Resource, key: str) -> str:
    """Return the tag that the entry of a key has, empty if the key does not show it."""
    item = f"{resource.item}:"
    if key.startswith(item):
        return unquote(key.removeprefix(item).partition(":")[0])
    prefix = f"{resource.name}:list:"
    pairs = key.removeprefix(prefix).split(":") if key.startswith(prefix) else []
    query = "&".join(pair for pair in pairs if not pair.startswith(("public=", "prefer=")))
    # A key is percent-encoded as a query string is.
    with suppress(ApiError):
        address = resource.address("", query.encode(), "", "public=yes" not in pairs)
        return address.tag if address else ""
    return ""
