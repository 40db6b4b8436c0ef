"""``/__cache``: counts, shows and purges the entries of the cache."""

import logging
from collections import Counter
from typing import Any

from flask import Flask, Response, current_app, request
from marshmallow import Schema, fields

from shared.cache import sweeper
from shared.cache.keys import Address, prefixes_of
from shared.http import auth
from shared.http.contract import accepts, returns
from shared.http.errors import BadRequest, NotFound
from shared.http.parameters import read_parameters
from shared.http.request_state import state
from shared.http.responses import respond
from shared.resource import Resource
from shared.storage.connections import connections

audit = logging.getLogger("vitrine.audit")


def init_app(app: Flask) -> None:
    """Serve ``/__cache``."""
    app.add_url_rule("/__cache", "show_cache", show_cache, methods=["GET"])
    app.add_url_rule("/__cache", "purge_cache", purge_cache, methods=["DELETE"])


class CountsSchema(Schema):
    """The number of entries, by the prefixes of their keys."""

    entries = fields.Dict(fields.String(), fields.Integer(), metadata={"example": {"product:": 2}})


class EntrySchema(Schema):
    """One entry: whether it is valid and why, and its head without the body."""

    key = fields.String(metadata={"example": "product:1"})
    counts = fields.Boolean()
    why = fields.String()
    ttl = fields.Integer(metadata={"optional": True})
    bytes = fields.Integer(metadata={"optional": True})
    head = fields.Dict(metadata={"optional": True})
    generations = fields.List(fields.String(allow_none=True), metadata={"optional": True})


class PurgedSchema(Schema):
    """The number of entries that were removed."""

    prefix = fields.String(metadata={"example": "products:list:"})
    purged = fields.Integer()


@auth.requires(auth.ADMIN)
@accepts(key=fields.String(metadata={"blank": True, "description": "The key of an entry to show."}))
@returns(CountsSchema)
@returns(EntrySchema, errors=(404,))
def show_cache() -> Response:
    """Return the number of entries of each kind, or with ``?key=`` one entry."""
    key = read_parameters().get("key", "")
    if key:
        return respond(_entry(key))
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
    )
)
@returns(PurgedSchema)
def purge_cache() -> Response:
    """Remove the entries whose keys begin with ``?prefix=``, and log the name of the caller."""
    prefix = read_parameters()["prefix"]
    if not prefix.startswith(_prefixes()):
        allowed = f"Must begin with one of {', '.join(_prefixes())}."
        raise BadRequest.parameter("prefix", allowed)
    purged = sum(
        int(connections().redis.unlink(*keys))
        for keys in sweeper.scan_keys(connections().redis, f"{sweeper.escape_pattern(prefix)}*")
    )
    audit.warning(
        "%s entries purged by prefix %r, by %s, request %s from %s",
        *(purged, prefix, auth.caller(), state().id, request.remote_addr),
    )
    return respond({"prefix": prefix, "purged": purged})


def _prefixes() -> tuple[str, ...]:
    resource: Resource = current_app.extensions["resource"]
    return prefixes_of(resource.name, resource.item)


def _entry(key: str) -> dict[str, Any]:
    if not key.startswith(_prefixes()):
        raise NotFound(f"{key[:200]} is not a key of this service.")
    cache, redis = connections().cache, connections().redis
    head = cache.head(key)
    if head is None:
        return {"key": key, "counts": False, "why": "There is no entry, or it cannot be decoded."}
    resource: Resource = current_app.extensions["resource"]
    lookup = cache.get(Address(resource.name, key, head["tag"], resource.depends))
    why = {"hit": "Its stamps are the current generations."}.get(lookup.state, lookup.detail)
    return {
        "key": key,
        "counts": lookup.is_hit,
        "why": why,
        "ttl": redis.ttl(key),
        "bytes": redis.strlen(key),
        "head": head,
        "generations": lookup.tokens,
    }
