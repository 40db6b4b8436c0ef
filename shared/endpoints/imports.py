"""``/products:imports``: the imports of a collection, and how to undo each.

An undo is a list of ordinary requests, which the client sends: each is for one item, and carries
the ETag of the item as it was compared with the history.  So an undo that is killed is continued by
asking again, and what was changed since the import is never overwritten.
"""

import time
from typing import Any

from flask import Flask, Response, current_app, request
from marshmallow import Schema, fields

from shared.cache import leases
from shared.endpoints.change_reader import no_streams
from shared.endpoints.import_log import Effect, find_effects, find_imports, find_later
from shared.endpoints.inverse import Comparison
from shared.http import auth
from shared.http.contract import accepts, returns
from shared.http.errors import NotFound, ServiceUnavailable
from shared.http.parameters import read_parameters
from shared.http.responses import respond
from shared.resource import Resource
from shared.resource.page_content import PageSchema, page_content
from shared.schema import cursor
from shared.schema.fields import Id, Timestamp, Whole, timestamp
from shared.schema.query import Query
from shared.schema.serialization import Document
from shared.storage.audit_log import OF_IMPORTS, OUTSIDE
from shared.storage.connections import connections
from shared.storage.repository import Page

RECORDED_SECONDS = 5  # seconds to wait until the history has all changes of before a request
POLL_SECONDS = 0.1


class ImportSchema(Schema):
    """One import: its id, its times, its author, and the number of changes of each type."""

    id = fields.String(metadata={"example": "20260131-093000-k3fd"})
    started_at = Timestamp()
    ended_at = Timestamp()
    by = fields.String(metadata={"example": "ann"})
    changes = fields.Dict(fields.String(), fields.Integer(), metadata={"example": {"created": 24}})


ImportsSchema = PageSchema.from_dict(
    {"items": fields.List(fields.Nested(ImportSchema))}, name="ImportsSchema"
)


class UndoRequestSchema(Schema):
    """A request that undoes a change: send it with ``if_match`` in the header ``If-Match``."""

    method = fields.String(metadata={"example": "PATCH"})
    path = fields.String(metadata={"example": "/products/1"})
    if_match = fields.String(allow_none=True)
    body = fields.Dict(allow_none=True, metadata={"example": {"price": 12.5}})


class KeptSchema(Schema):
    """A field that was changed since the import, or the reason why an item is left as it is."""

    pointer = fields.String(metadata={"example": "/price"})
    message = fields.String(metadata={"optional": True})
    before = fields.Raw(data_key="from", metadata={"optional": True})
    after = fields.Raw(data_key="to", metadata={"optional": True})
    now = fields.Raw(metadata={"optional": True})
    by = fields.String(metadata={"optional": True, "example": "ann"})
    at = fields.Raw(metadata={"shown": Timestamp(), "optional": True})


class EffectSchema(Schema):
    """The effect of an import on one item, the request that undoes it, and the fields it keeps."""

    id = fields.Raw(metadata={"shown": Id()})
    did = fields.String(metadata={"example": "updated"})
    undo = fields.Nested(UndoRequestSchema, allow_none=True)
    kept = fields.List(fields.Nested(KeptSchema))


class EffectsSchema(Schema):
    """The items that an import touched, the latest first."""

    items = fields.List(fields.Nested(EffectSchema))
    next_cursor = fields.String(allow_none=True)


class _ImportsQuery(Query):
    """The query string: ``page`` and ``per``."""

    class Meta:
        exclude = ("cursor", "deleted", "facets", "ordering", "q", "shown")


def init_app(app: Flask, resource: Resource) -> None:
    """Serve the imports of a resource."""
    path = f"/{resource.name}:imports"
    app.add_url_rule(path, "list_imports", list_imports, methods=["GET"])
    app.add_url_rule(f"{path}/<import_id>", "list_import_effects", list_effects, methods=["GET"])


@auth.requires(auth.READ)
@accepts(query=_ImportsQuery)
@returns(ImportsSchema, headers=("Link", "Vary"), conditional=True, errors=(501,))
def list_imports() -> Response:
    """List the imports that the history knows, the latest first.

    An import is all writes with the same ``Import-ID``.
    """
    resource: Resource = current_app.extensions["resource"]
    _require_history()
    asked = _ImportsQuery().parse(request.query_string, ())
    skip = (asked.page - 1) * asked.per
    _wait_until_recorded(resource.name)
    found, total = find_imports(resource.repository.history, skip, asked.per)
    items = [
        {
            "id": each.id,
            "started_at": timestamp(each.started_at),
            "ended_at": timestamp(each.ended_at),
            "by": each.by or OUTSIDE,
            "changes": each.changes,
        }
        for each in found
    ]
    page = Page(items, total, True, total > skip + asked.per)
    return page_content(f"{resource.name}:imports", asked, page, items, "").response()


@auth.requires(auth.READ)
@accepts(per=Whole(1, 100, strict=False, load_default=100), cursor=fields.String())
@returns(EffectsSchema, errors=(501,))
def list_effects(import_id: str) -> Response:
    """List what an import did to each item, and the request that undoes it.

    Nothing is written.  To undo the import, send the requests with their ``If-Match``, and read the
    list again until none is left.  A request leaves out the fields that were changed since; these
    are in ``kept``.
    """
    resource: Resource = current_app.extensions["resource"]
    _require_history()
    parameters = read_parameters()
    bound = cursor.digest(f"imports/{import_id}")
    sent = parameters.get("cursor")
    (below,) = cursor.decode(sent, bound, 1) if sent else (None,)
    history = resource.repository.history
    if below is None:
        _wait_until_recorded(resource.name)
        if not history.find_one({**OF_IMPORTS, "import": import_id}, {"_id": True}):
            raise NotFound(f"The history of {resource.name} has no import {import_id[:100]}.")
    effects, last = find_effects(history, import_id, below, parameters["per"])
    items = [_shown(comparison) for comparison in _compare(resource, import_id, effects)]
    after = None if last is None else cursor.encode(bound, [last])
    return respond({"items": items, "next_cursor": after})


def _require_history() -> None:
    if not connections().cache.leased:
        raise no_streams()


def _wait_until_recorded(service: str) -> None:
    """Wait until the history has all changes that were acknowledged before this call."""
    db = connections().db
    now = leases.mongo_time(db)
    deadline = time.monotonic() + RECORDED_SECONDS
    while now is None or not leases.has_seen(db, service, now):
        if time.monotonic() > deadline:
            raise ServiceUnavailable(
                "The history does not have the latest changes yet. Check that the follower of "
                f"{service} runs, and retry."
            )
        time.sleep(POLL_SECONDS)


def _compare(resource: Resource, id: str, effects: list[Effect]) -> list[Comparison]:
    """Read the present state of the items that an import touched."""
    repository = resource.repository
    items = [effect.item for effect in effects]
    stored = repository.collection.find({"_id": {"$in": items}})
    documents = {document["_id"]: document for document in stored}
    missing = {"id": {"$in": [item for item in items if item not in documents]}}
    in_trash = {each["id"] for each in repository.trash.find(missing, {"id": True})}
    later = find_later(repository.history, id, effects)
    return [
        Comparison(
            resource,
            effect,
            documents.get(effect.item),
            effect.item in in_trash,
            later[effect.item],
        )
        for effect in effects
    ]


def _shown(comparison: Comparison) -> Document:
    """Return one item of the list as clients see it."""
    inverse = comparison.inverse()
    (shown,) = comparison.resource.dump([{"_id": comparison.effect.item}], ["id"])
    kept: list[Any] = [
        conflict | ({"by": conflict["by"] or OUTSIDE} if "by" in conflict else {})
        for conflict in inverse.kept
    ]
    did = comparison.effect.did
    return {"id": shown["id"], "did": did, "undo": inverse.request, "kept": kept}
