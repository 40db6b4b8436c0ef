"""``/products/1/history``: the revisions of an item, with author, time and changed fields."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, request
from marshmallow import Schema, fields

from shared.endpoints.change_reader import no_streams
from shared.http import auth, preconditions
from shared.http.contract import accepts, returns
from shared.http.errors import NotFound
from shared.resource import Resource
from shared.resource.page_content import PageSchema, page_content
from shared.schema.fields import Timestamp, timestamp
from shared.schema.query import Query
from shared.schema.serialization import Document
from shared.storage import audit_log, trash
from shared.storage.audit_log import OUTSIDE
from shared.storage.connections import connections
from shared.storage.repository import Page, count_limit, reference


class HistoryEntrySchema(Schema):
    """One change of an item: its author, its time and the changed fields."""

    at = Timestamp()
    type = fields.String(metadata={"example": "updated"})
    by = fields.String(metadata={"example": "ann"})
    request_id = fields.String(allow_none=True)
    import_id = fields.String(allow_none=True)
    revision = fields.Dict(
        fields.String(),
        fields.Integer(allow_none=True),
        metadata={"example": {"from": 1, "to": 2}},
    )
    changed = fields.List(fields.String(), data_key="fields")
    changes = fields.Dict(fields.String(), fields.Dict(), allow_none=True)


HistorySchema = PageSchema.from_dict(
    {"items": fields.List(fields.Nested(HistoryEntrySchema))}, name="HistorySchema"
)


class _HistoryQuery(Query):
    """The query string: ``page`` and ``per``."""

    class Meta:
        exclude = ("cursor", "deleted", "facets", "ordering", "q", "shown")


def init_app(app: Flask, resource: Resource) -> None:
    """Serve the history of the items of a resource."""
    path = f"/{resource.name}/<ref>/history"
    app.add_url_rule(path, "list_history", show_history, methods=["GET"])


@auth.requires(auth.READ)
@accepts(query=_HistoryQuery, headers=("Prefer",))
@returns(
    HistorySchema, headers=("Link", "Vary", "Preference-Applied"), conditional=True, errors=(501,)
)
def show_history(ref: str) -> Response:
    """Return the changes of an item, the latest first: author, time, revisions and fields.

    An item in the trash has a history, too, and a removed one by its id.  ``by`` is "outside the
    API" for edits made directly in MongoDB.  Entries are kept for HISTORY_DAYS.
    """
    resource: Resource = current_app.extensions["resource"]
    if not connections().cache.leased:
        raise no_streams()
    asked = _HistoryQuery().parse(request.query_string, ())
    count = preconditions.preferred_count(request.headers.get("Prefer", ""))
    item, collection = _item(resource, ref), resource.repository.history
    entries = collection.find(
        {"item": item},
        sort=[("at", -1), ("_id", -1)],
        skip=(asked.page - 1) * asked.per,
        limit=asked.per + 1,
    )
    limit = count_limit(count)
    total = None if count == "none" else connections().count(collection.name, {"item": item}, limit)
    page = Page.of(list(entries), asked.per, total, count)
    items = [_shown(resource, entry) for entry in page.documents]
    name = f"{resource.name}/{quote(ref)}/history"
    return page_content(
        name, asked, page, items, preconditions.applied(f"count={count}")
    ).response()


def _item(resource: Resource, ref: str) -> Any:
    """Return the id of an item that exists, is in the trash or has a history.

    Raises:
        NotFound: There is neither.
    """
    repository = resource.repository
    with suppress(NotFound):
        return repository.locate(ref)[0]["_id"]
    with suppress(NotFound):
        return trash.get(repository, ref)["_id"]
    filter = reference(ref)
    for id in (choice["_id"] for choice in filter.get("$or", [filter]) if "_id" in choice):
        if repository.history.find_one({"item": id}, {"_id": True}):
            return id
    raise NotFound(f"There is no {repository.item} {ref[:100]}, and no history of one.")


def _shown(resource: Resource, entry: Document) -> Document:
    """Return an entry as clients see it."""
    entry = audit_log.shortened(entry) if "import" in entry else entry
    shown = {
        "at": timestamp(entry["at"]),
        "type": entry["kind"],
        "by": entry["by"] or OUTSIDE,
        "request_id": entry["request"],
        "import_id": entry.get("import"),
        "revision": entry["revision"],
        "fields": entry["fields"],
    }
    if not entry.keys() & {"before", "after"}:
        return shown | {"changes": None}
    before, after = (_values(resource, entry, side) for side in ("before", "after"))
    differing = [name for name in entry["fields"] if before.get(name) != after.get(name)]
    changes = {name: {"from": before.get(name), "to": after.get(name)} for name in differing}
    return shown | {"fields": differing, "changes": changes}


def _values(resource: Resource, entry: Document, side: str) -> Document:
    """Return values as the schema shows them; shortened values are texts already."""
    stored = entry.get(side)
    if stored is None:
        return {}
    fields = [name for name in entry["fields"] if name in resource.origins]
    (dumped,) = resource.dump([stored | {"_id": entry["item"]}], fields)
    shortened = set(entry.get("shortened", {}).get(side, ()))
    texts = {
        name: stored[origin] for name in fields for origin in resource.origins[name] & shortened
    }
    return dict(dumped) | texts
