"""A collection served over HTTP: the standard methods, each a few plain steps.

A service binds the methods that suit it with ``Resource.blueprint`` and writes any other as an
ordinary Flask route that calls the same steps.  There are no hooks.
"""

from collections.abc import Callable, Sequence

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError, fields, validate

from shared.http import auth, preconditions
from shared.http.contract import (
    CACHED,
    CHANGES,
    CONDITIONS,
    ITEM,
    JSON,
    LIST,
    MERGE_PATCH,
    NEW,
    PAGE,
    SELECTION,
    Batch,
    accepts,
    returns,
)
from shared.http.errors import BadRequest, Conflict, NotFound, PreconditionFailed, WriteConflict
from shared.http.responses import CACHE_CONTROL, conditional, empty, respond
from shared.resource import batch, page_response
from shared.resource.steps import Steps
from shared.schema.fields import Money, Whole, timestamp
from shared.schema.query import PageRequest
from shared.schema.serialization import Document
from shared.storage import documents, facets, trash
from shared.storage import pages as listing
from shared.storage.retries import attempts


class MovedSchema(Schema):
    """Where an item is now."""

    location = fields.String(metadata={"example": "/products/teapot"})


class Resource(Steps):
    """The standard methods of a collection, to be bound by ``blueprint``."""

    def blueprint(self, *methods: str) -> Blueprint:
        """Route the named methods: list, get, create, update, delete, restore, batch."""
        collection, item = f"/{self.name}", f"/{self.name}/<ref>"
        routes: dict[str, tuple[str, Sequence[str], Callable[..., Response]]] = {
            "list": (collection, ["GET"], self.list),
            "get": (item, ["GET"], self.get),
            "create": (collection, ["POST"], self.create),
            "update": (item, ["PUT", "PATCH"], self.update),
            "delete": (item, ["DELETE"], self.delete),
            "restore": (f"{item}/restore", ["POST"], self.restore),
            "batch": (f"{collection}:batch", ["POST"], self.batch),
        }
        blueprint = Blueprint(self.name, __name__)
        for method in methods:
            rule, verbs, view = routes[method]
            blueprint.add_url_rule(rule, method, view, methods=verbs)
        return blueprint

    @accepts(query=LIST, headers=("Prefer",))
    @returns(PAGE, headers=(*CACHED, "Link", "Preference-Applied"), conditional=True)
    def list(self) -> Response:
        """Answer one page of the items that the query string selects."""
        asked = self.parse(request.query_string)
        count = preconditions.preferred_count(request.headers.get("Prefer", ""))
        if asked.deleted:
            auth.require(auth.READ)
            return self._trash(asked, count)
        return self.cached(self._list_address(asked, count), lambda: self._page(asked, count))

    @accepts(fields=fields.String(metadata={"list_of": "names"}))
    @returns(SELECTION, headers=CACHED, conditional=True)
    @returns(MovedSchema, 308, headers=(*CACHED, "Location"))
    def get(self, ref: str) -> Response:
        """Answer one item, by id or slug; an old slug redirects to the new one."""
        asked = self._item_query(request.query_string)
        return self.cached(self._item_address(ref, asked), lambda: self._item(ref, asked))

    @accepts(NEW)
    @returns(ITEM, 201, headers=("Location",))
    def create(self) -> Response:
        """Store the item in the body and answer 201 with where it lives."""
        self.reject_unknown_parameters()
        return self.created_response(self.repository.insert(self.load(self.body())))

    @accepts(CHANGES, media=(JSON, MERGE_PATCH), headers=CONDITIONS)
    @returns(ITEM)
    @returns(ITEM, 201, headers=("Location",))
    def update(self, ref: str) -> Response:
        """Change the fields in the body and keep the others; null empties an optional field.

        With ``If-Match``, only when nobody has written since.  A PUT with ``If-None-Match: *``
        stores a new item under the slug.
        """
        self.reject_unknown_parameters()
        values = self.body()
        if request.method == "PUT" and preconditions.creates_only() and not self._lives(ref):
            try:
                return self.created_response(
                    self.repository.insert(self.load(self._named(ref, values)))
                )
            except Conflict as error:
                if error.extra.get("field") != "slug":
                    raise
                # Somebody was faster, so that it exists now.
        for _ in attempts():
            document = self.get_for_update(ref)
            try:
                changes = self.load(values, document)
                return self.to_response(self.repository.update(document, changes))
            except PreconditionFailed:
                # Somebody wrote between our read and our write: look again at what is there.
                continue
        raise WriteConflict(f"Too many others are writing this {self.item} at once; try again.")

    @accepts(purge=fields.Boolean(), headers=CONDITIONS)
    @returns(None, 204)
    def delete(self, ref: str) -> Response:
        """Move the item to the trash; with ``purge=true`` remove it for good, from there too."""
        self.reject_unknown_parameters()
        find, remove = (
            (self.get_including_trash, trash.purge)
            if purges()
            else (self.get_for_update, trash.delete)
        )
        for _ in attempts():
            document = find(ref)
            try:
                remove(self.repository, document)
            except PreconditionFailed:
                continue
            return empty()
        raise WriteConflict(f"Too many others are writing this {self.item} at once; try again.")

    @accepts(CHANGES, media=(JSON, MERGE_PATCH), optional=True, headers=("If-Match",))
    @returns(ITEM)
    def restore(self, ref: str, *again: str) -> Response:
        """Bring an item back from the trash; the body may carry values to change on the way.

        ``again`` are fields to validate as though they were sent: what they refer to may be gone.
        """
        self.reject_unknown_parameters()
        for _ in attempts():
            document = self._check_match(trash.get(self.repository, ref))
            kept = {name: document[name] for name in again if document.get(name) is not None}
            values = self.load(kept | (self.body() if request.get_data() else {}), document)
            try:
                return self.to_response(trash.restore(self.repository, document, values))
            except PreconditionFailed:
                continue
        raise WriteConflict(f"Too many others are writing this {self.item} at once; try again.")

    @accepts(
        Batch(CHANGES),
        key=fields.String(metadata={"one_of": "keys"}),
        on_error=fields.String(
            validate=validate.OneOf(batch.ON_ERROR), load_default="reject_failed"
        ),
        dry_run=fields.Boolean(),
    )
    @returns(batch.ResultsSchema, 207)
    def batch(self) -> Response:
        """Create or change up to 1,000 items, and answer 207 with one result for each.

        ``key`` names the field that tells which exist already, ``on_error`` is ``reject_failed``
        (the default) or ``reject_all``, ``dry_run=true`` writes nothing.
        """
        if "If-Match" in request.headers or "If-None-Match" in request.headers:
            raise BadRequest("A batch has many items, and heeds no If-Match; change one by itself.")
        asked = batch.parse(request.args, self.keys)
        return respond(batch.run(self, batch.items(self.read()), asked), 207)

    def _page(self, asked: PageRequest, count: str) -> Response:
        shown = self._projection(asked.shown)
        if asked.shown:  # What the cursor is made of.
            shown |= {name: True for name, _ in asked.sort}
        page = listing.page(self.repository, asked, shown, count)
        items = self.dump(page.documents, asked.shown or self.names)
        more = {"facets": self._facets(asked)} if asked.facets else {}
        return page_response.answer(self.name, asked, page, items, count, **more)

    def _trash(self, asked: PageRequest, count: str) -> Response:
        page = trash.page(self.repository, asked, count)
        shown = asked.shown or self.names
        items = [
            {**item, "deleted_at": timestamp(document.get("deleted_at"))}
            for item, document in zip(self.dump(page.documents, shown), page.documents, strict=True)
        ]
        response = page_response.answer(self.name, asked, page, items, count)
        response.headers["Cache-Status"] = "vitrine; fwd=bypass; detail=trash"
        response.headers["Cache-Control"] = CACHE_CONTROL
        return conditional(response)

    def _facets(self, asked: PageRequest) -> Document:
        fields = self.schema.dump_fields
        numbers = [name for name in asked.facets if isinstance(fields.get(name), (Money, Whole))]
        return facets.count(self.repository, asked, numbers)

    def _item(self, ref: str, asked: PageRequest) -> Response:
        document, has_moved = self.repository.locate(ref)
        return (
            self._moved(document["slug"]) if has_moved else self.to_response(document, asked.shown)
        )

    def _lives(self, ref: str) -> bool:
        try:
            self.repository.get(ref)
        except NotFound:
            return False
        return True

    def _named(self, ref: str, values: Document) -> Document:
        """Return the values of a new item with the slug it is put to."""
        if not self.slug or ref.isdigit():
            what = "a slug" if self.slug else "nothing"
            raise NotFound(
                f"There is no {self.item} {ref[:100]}, and ids are handed out: put a new one to "
                f"{what}, or post it to /{self.name}."
            )
        if values.get("slug", ref) != ref:
            raise ValidationError({"slug": [f"Is not {ref!r}, which it is put to."]})
        return values | {"slug": ref}

    def _projection(self, shown: Sequence[str]) -> Document:
        if not shown:
            return dict(documents.UNSHOWN)
        return dict.fromkeys(self.reads(shown), True)

    def _moved(self, slug: str) -> Response:
        query = request.query_string.decode()
        location = f"/{self.name}/{slug}" + (f"?{query}" if query else "")
        response = respond({"location": location}, 308)
        response.location = location
        return response


def purges() -> bool:
    """Whether the request removes something for good, which needs the scope ``admin``."""
    if purging := flag("purge"):
        auth.require(auth.ADMIN)
    return purging


def flag(name: str) -> bool:
    """Whether a parameter of the request is true; raise ``BadRequest`` for neither."""
    value = request.args.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise BadRequest("", [{"parameter": name, "message": "Is true or false."}])
    return value in ("true", "1")
