"""``/products:imports``: the imports of a collection, and how to undo each.

An undo is a list of ordinary requests: each is for one item, and carries the ETag of the item as it
was compared with the history.  So an undo that is killed is continued by asking again, and what was
changed since the import is never overwritten.  A client sends the requests, or has the service do
those of a page at once by POST, and sends only the rest.
"""

import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, request
from marshmallow import Schema, fields

from shared.cache import leases
from shared.endpoints.change_reader import no_streams
from shared.endpoints.import_log import Effect, find_effects, find_imports, find_later
from shared.endpoints.inverse import Comparison, Inverse, undo_together
from shared.http import auth
from shared.http.contract import accepts, returns
from shared.http.errors import NotFound, ServiceUnavailable, Unprocessable
from shared.http.import_id import HEADER, UNDO
from shared.http.import_id import import_id as own_id
from shared.http.parameters import read_parameters
from shared.http.responses import respond
from shared.resource import Resource, resumes
from shared.resource.page_content import PageSchema, page_content
from shared.schema import cursor, sizes
from shared.schema.fields import Id, Timestamp, Whole, timestamp
from shared.schema.query import Query
from shared.schema.serialization import Document
from shared.storage import trash
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


class UndoneSchema(EffectSchema):
    """The effect of an import on one item, and True if the service has undone it."""

    done = fields.Boolean(
        metadata={"description": "If false, `undo` is a request that is still to be sent."}
    )


class UndoneItemsSchema(Schema):
    """The items of a page after the service has undone what it can undo together."""

    items = fields.List(fields.Nested(UndoneSchema))
    next_cursor = fields.String(allow_none=True)


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
    one = f"{path}/<import_id>"
    app.add_url_rule(one, "list_import_effects", list_effects, methods=["GET"])
    app.add_url_rule(one, "undo_import", undo_import, methods=["POST"])


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


_PAGES: Mapping[str, Any] = {
    "per": Whole(1, 1000, strict=False, load_default=100),
    "cursor": fields.String(),
}


@auth.requires(auth.READ)
@accepts(**_PAGES)
@returns(EffectsSchema, errors=(501,))
def list_effects(import_id: str) -> Response:
    """List what an import did to each item, and the request that undoes it.

    Nothing is written.  To undo the import, send the requests with their ``If-Match``, and read the
    list again until none is left.  A request leaves out the fields that were changed since; these
    are in ``kept``.
    """
    comparisons, next_cursor = _read_page(import_id)
    items = [_shown(comparison, comparison.inverse()) for comparison in comparisons]
    return respond({"items": items, "next_cursor": next_cursor})


@resumes
@accepts(**_PAGES)
@returns(UndoneItemsSchema, errors=(422, 501))
def undo_import(import_id: str) -> Response:
    """Undo a page of an import, and list what is done and what is left.

    It sends the requests of the list, as far as they can be done together: a request with
    ``done: false`` is to be sent with its ``If-Match``, and then answers why.  The header
    ``Import-ID`` is ``undo-`` and the id of the import, so that the undo can be undone.  Like the
    list, it needs the scope to read, besides that to write.
    """
    auth.require(auth.READ)  # It answers values of the history.
    if own_id() != f"{UNDO}{import_id}":
        raise Unprocessable(
            f"An undo is an import as well. Send the header {HEADER}: {UNDO}{import_id[:100]}."
        )
    resource: Resource = current_app.extensions["resource"]
    comparisons, next_cursor = _read_page(import_id)
    pairs = [(comparison, comparison.inverse()) for comparison in comparisons]
    restored = [comparison.effect.item for comparison, inverse in pairs if inverse.restores]
    deleted, is_all = trash.get_many(resource.repository, restored)
    if not is_all:
        last = [*deleted][-1]
        pairs = pairs[: [comparison.effect.item for comparison, _ in pairs].index(last) + 1]
        next_cursor = _cursor_after(import_id, last)
    undone = undo_together(resource, pairs, deleted)
    items = [
        _shown(comparison, undone.left.get(comparison.effect.item, inverse))
        | {"done": comparison.effect.item in undone.done}
        for comparison, inverse in pairs
    ]
    return respond({"items": items, "next_cursor": next_cursor})


def _read_page(import_id: str) -> tuple[list[Comparison], str | None]:
    """Return the items of the page that the request asks for, and the cursor of the next one."""
    resource: Resource = current_app.extensions["resource"]
    _require_history()
    parameters = read_parameters()
    sent = parameters.get("cursor")
    (below,) = cursor.decode(sent, _bound(import_id), 1) if sent else (None,)
    history = resource.repository.history
    if below is None:
        _wait_until_recorded(resource.name)
        if not history.find_one({**OF_IMPORTS, "import": import_id}, {"_id": True}):
            raise NotFound(f"The history of {resource.name} has no import {import_id[:100]}.")
    effects, last = find_effects(history, import_id, below, parameters["per"])
    comparisons = _compare(resource, import_id, effects)
    if len(comparisons) < len(effects):
        last = comparisons[-1].effect.item
    return comparisons, None if last is None else _cursor_after(import_id, last)


def _cursor_after(import_id: str, item: Any) -> str:
    """Return the cursor of the items of an import that come after this one."""
    return cursor.encode(_bound(import_id), [item])


def _bound(import_id: str) -> bytes:
    """Return the digest that keeps a cursor to its import."""
    return cursor.digest(f"imports/{import_id}")


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
    """Read the present state of the items that an import touched, as far as a page may hold it."""
    repository = resource.repository
    items = [effect.item for effect in effects]
    in_order = repository.collection.find({"_id": {"$in": items}}, sort=[("_id", -1)])
    stored, is_all = sizes.take(in_order)
    documents = {document["_id"]: document for document in stored}
    if not is_all:
        effects = effects[: items.index(stored[-1]["_id"]) + 1]
        items = [effect.item for effect in effects]
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


def _shown(comparison: Comparison, inverse: Inverse) -> Document:
    """Return one item of the list as clients see it."""
    (shown,) = comparison.resource.dump([{"_id": comparison.effect.item}], ["id"])
    kept: list[Any] = [
        conflict | ({"by": conflict["by"] or OUTSIDE} if "by" in conflict else {})
        for conflict in inverse.kept
    ]
    did = comparison.effect.did
    return {"id": shown["id"], "did": did, "undo": inverse.request, "kept": kept}
