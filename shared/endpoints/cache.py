"""``/__cache``: counts, shows and purges the entries of the cache."""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, request
from marshmallow import Schema, fields, validate

from shared.cache import sweeper
from shared.cache.inspection import inspect
from shared.cache.keys import Address, prefixes_of
from shared.cache.redis_topology import scan_page
from shared.endpoints.invalidation import find_last_write, find_reason
from shared.http import auth
from shared.http.contract import accepts, returns
from shared.http.errors import BadRequest, NotFound
from shared.http.parameters import read_parameters
from shared.http.request_state import state
from shared.http.responses import respond
from shared.observability.verdicts import explain
from shared.resource import Resource
from shared.schema.fields import Flag, Id, Timestamp, Whole
from shared.storage.connections import connections

_CURSOR = r"\d{1,4}-\d{1,20}\Z"
_NO_ENTRY = "There is no entry, or it cannot be decoded."
_NO_CURSOR = "Is not valid; send next_cursor of the previous page."

audit = logging.getLogger("vitrine.audit")


def init_app(app: Flask) -> None:
    """Serve ``/__cache``."""
    app.add_url_rule("/__cache", "show_cache", show_cache, methods=["GET"])
    app.add_url_rule("/__cache", "purge_cache", purge_cache, methods=["DELETE"])


class CountsSchema(Schema):
    """The number of entries, by the prefixes of their keys."""

    entries = fields.Dict(fields.String(), fields.Integer(), metadata={"example": {"product:": 2}})


class BecauseSchema(Schema):
    """The change that made an entry stale, or removed it."""

    text = fields.String(metadata={"example": "updated by ann"})
    part = fields.String(metadata={"example": "tag"})
    at = fields.Raw(metadata={"shown": Timestamp(), "optional": True})
    type = fields.String(metadata={"example": "updated", "optional": True})
    item = fields.Raw(metadata={"shown": Id(), "optional": True})
    by = fields.String(metadata={"example": "ann", "optional": True})
    request_id = fields.String(allow_none=True, metadata={"optional": True})
    changed = fields.List(fields.String(), data_key="fields", metadata={"optional": True})


class EntrySchema(Schema):
    """One entry: whether it is valid and why, and its head without the body."""

    key = fields.String(metadata={"example": "product:1"})
    counts = fields.Boolean()
    why = fields.String(metadata={"example": "generation"})
    text = fields.String(metadata={"example": explain("generation")})
    because = fields.Nested(BecauseSchema, allow_none=True)
    ttl = fields.Integer(metadata={"optional": True})
    bytes = fields.Integer(metadata={"optional": True})
    head = fields.Dict(metadata={"optional": True})
    generations = fields.List(fields.String(allow_none=True), metadata={"optional": True})


class ListedEntrySchema(Schema):
    """One entry of a page of keys; ``counts`` is true if it is valid, else ``why`` says why not."""

    key = fields.String(metadata={"example": "product:1"})
    counts = fields.Boolean()
    state = fields.String(metadata={"example": "stale"})
    why = fields.String(metadata={"example": "generation"})
    text = fields.String(metadata={"example": explain("generation")})
    part = fields.String(metadata={"example": "tag"})
    tag = fields.String(metadata={"example": "1"})
    search = fields.String()
    ttl = fields.Integer()
    bytes = fields.Integer()


class KeysSchema(Schema):
    """A page of the keys that begin with a prefix."""

    prefix = fields.String(metadata={"example": "product:"})
    entries = fields.List(fields.Nested(ListedEntrySchema))
    next_cursor = fields.String(allow_none=True)


class PurgedSchema(Schema):
    """The number of entries that were removed, or with ``dry_run`` would be."""

    prefix = fields.String(metadata={"example": "products:list:"})
    purged = fields.Integer()
    dry_run = fields.Boolean(metadata={"optional": True})


@auth.requires(auth.ADMIN)
@accepts(
    key=fields.String(metadata={"blank": True, "description": "The key of an entry to show."}),
    prefix=fields.String(
        metadata={"one_of": "prefixes", "description": "The beginning of the keys to list."}
    ),
    cursor=fields.String(
        validate=validate.Regexp(_CURSOR, error=_NO_CURSOR),
        metadata={"description": "`next_cursor` of the page of keys before."},
    ),
    count=Whole(
        10,
        1000,
        strict=False,
        load_default=100,
        metadata={"description": "The number of keys in a page, about."},
    ),
)
@returns(CountsSchema)
@returns(KeysSchema)
@returns(EntrySchema, errors=(404,))
def show_cache() -> Response:
    """Return the number of entries of each kind; with ``?prefix=`` a page of keys, or one entry.

    ``?key=`` chooses the entry. An entry that is not valid, or that was removed, has the change
    that did it in ``because``, if the history has it.
    """
    asked = read_parameters()
    if key := asked.get("key", ""):
        return respond(_entry(key))
    if "prefix" in asked:
        return respond(_page(asked))
    if "cursor" in asked:
        raise BadRequest.parameter("cursor", "Belongs to a prefix; send prefix as well.")
    counts: Counter[str] = Counter()
    for prefix in _prefixes():
        for keys in sweeper.scan_keys(connections().redis, f"{prefix}*"):
            counts[prefix] += len(keys)
    return respond({"entries": {prefix: counts[prefix] for prefix in _prefixes()}})


@auth.requires(auth.ADMIN)
@accepts(
    prefix=fields.String(
        required=True,
        metadata={"one_of": "prefixes", "description": "The beginning of the keys."},
    ),
    dry_run=Flag(),
)
@returns(PurgedSchema)
def purge_cache() -> Response:
    """Remove the entries whose keys begin with ``?prefix=``, and log the name of the caller.

    With ``dry_run=true`` nothing is removed; the answer has the number of entries.
    """
    asked = read_parameters()
    prefix = _checked_prefix(asked["prefix"])
    pages = sweeper.scan_keys(connections().redis, f"{sweeper.escape_pattern(prefix)}*")
    if asked.get("dry_run"):
        return respond({"prefix": prefix, "purged": sum(map(len, pages)), "dry_run": True})
    purged = sum(int(connections().redis.unlink(*keys)) for keys in pages)
    audit.warning(
        "%s entries purged by prefix %r, by %s, request %s from %s",
        *(purged, prefix, auth.caller(), state().id, request.remote_addr),
    )
    return respond({"prefix": prefix, "purged": purged})


def _prefixes() -> tuple[str, ...]:
    resource: Resource = current_app.extensions["resource"]
    return prefixes_of(resource.name, resource.item)


def _checked_prefix(prefix: str) -> str:
    if not prefix.startswith(_prefixes()):
        allowed = f"Must begin with one of {', '.join(_prefixes())}."
        raise BadRequest.parameter("prefix", allowed)
    return prefix


def _depends(key: str) -> tuple[str, ...]:
    """Return the services that the entry of a key depends on."""
    resource: Resource = current_app.extensions["resource"]
    is_search = key.startswith(f"{resource.name}:search:")
    return resource.search_depends if is_search else resource.depends


def _page(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a page of keys with their validity."""
    prefix, redis = _checked_prefix(asked["prefix"]), connections().redis
    pattern = f"{sweeper.escape_pattern(prefix)}*"
    try:
        found, cursor = scan_page(redis, pattern, asked.get("cursor", ""), asked["count"])
    except ValueError as error:
        raise BadRequest.parameter("cursor", _NO_CURSOR) from error
    service = current_app.extensions["resource"].name
    keys = sorted({key.decode(errors="replace") for key in found})
    inspected = inspect(connections().cache, redis, service, keys, _depends)
    return {
        "prefix": prefix,
        "entries": [
            {
                "key": lookup.address.key,
                "counts": lookup.is_hit,
                "state": lookup.state,
                "why": lookup.detail,
                "text": explain(lookup.detail),
                "part": lookup.stale_part,
                "tag": lookup.address.tag,
                "search": str(lookup.head.get("query", "")),
                "ttl": ttl,
                "bytes": size,
            }
            for lookup, ttl, size in inspected
        ],
        "next_cursor": cursor or None,
    }


def _entry(key: str) -> dict[str, Any]:
    if not key.startswith(_prefixes()):
        raise NotFound(f"{key[:200]} is not a key of this service.")
    resource: Resource = current_app.extensions["resource"]
    cache, redis = connections().cache, connections().redis
    head = cache.head(key)
    if head is None:
        return {
            "key": key,
            "counts": False,
            "why": _NO_ENTRY,
            "text": _NO_ENTRY,
            "because": find_last_write(resource, key),
        }
    lookup = cache.get(Address(resource.name, key, head["tag"], _depends(key)))
    why = "Its stamps are the current generations." if lookup.is_hit else lookup.detail
    return {
        "key": key,
        "counts": lookup.is_hit,
        "why": why,
        "text": explain(why),
        "because": find_reason(resource, lookup),
        "ttl": redis.ttl(key),
        "bytes": redis.strlen(key),
        "head": head,
        "generations": lookup.tokens,
    }
