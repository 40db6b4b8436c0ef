"""Resource: the declaration of a collection, and its methods over HTTP.

A service binds the methods that it offers with ``Resource.blueprint``.  Any other route is an
ordinary Flask view that calls the same public steps as the standard methods.  A ``Resource`` takes
values, never callbacks.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError, fields, validate
from marshmallow.experimental.context import Context
from pymongo import IndexModel
from werkzeug.exceptions import RequestEntityTooLarge

from shared.cache.keys import Address, item_address, list_address
from shared.http import auth, contract, json_body, preconditions
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
from shared.http.errors import (
    ApiError,
    BadRequest,
    Conflict,
    NotFound,
    UnsupportedMediaType,
)
from shared.http.json import digest, encode
from shared.http.parameters import read_parameters
from shared.http.responses import CACHE_CONTROL, Content, empty, respond
from shared.resource.batch import ON_ERROR, ResultsSchema, batch_items, parse_options, run_batch
from shared.resource.caching import cached
from shared.resource.page_content import page_content
from shared.schema.fields import Flag, Money, Whole, timestamp
from shared.schema.query import PageRequest, Query
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document, DocumentSchema, load
from shared.storage import documents, facets, indexes, pages, trash
from shared.storage.repository import Repository
from shared.storage.retries import retry_conflicts

PARSED_QUERIES = 256  # query strings whose meaning is remembered


class MovedSchema(Schema):
    """The address of an item that was asked for by an old slug."""

    location = fields.String(metadata={"example": "/products/teapot"})


@dataclass(frozen=True)
class Resource:
    """A collection: its schema, its query string, and its methods over HTTP.

    Args:
        name: The collection, its path and its Redis keys, such as ``products``.
        item: The word for one item, such as ``product``.
        schema: The fields that clients see and send.
        query: The query string of a list: filters, orders and facets.
        slug: The field that slugs are made of; empty if items have no slugs.
        unique: Fields of which no two items outside of the trash share a value.
        searched: The fields that the parameter ``q`` searches.
        partition: The query parameter that cached lists are kept apart by.
        live: Fields that are made of other documents, in the services named by ``depends``.
        depends: The services whose writes may change the ``live`` fields.
        counter: A number field with a ledger: each change of it is recorded.
        public: True if reading needs no token.
        indexes: Further indexes of the MongoDB collection.
    """

    name: str
    item: str
    schema: Schema
    query: Query
    slug: str = ""
    unique: tuple[str, ...] = ()
    searched: Searched | None = None
    partition: str = ""
    live: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    counter: str = ""
    public: bool = False
    indexes: tuple[IndexModel, ...] = ()

    # What follows from the declaration.

    @cached_property
    def repository(self) -> Repository:
        """The documents in MongoDB."""
        path = self.query.fields[self.partition].metadata["path"] if self.partition else ""
        return Repository(
            self.name,
            self.item,
            self.slug,
            self.unique,
            self.searched,
            (self.partition, path) if path else None,
            tuple(
                indexes.derive(
                    self.query, self.slug, self.unique, self.searched, path, self.indexes
                )
            ),
            self.counter,
        )

    @cached_property
    def parse(self) -> Callable[[bytes], PageRequest]:
        """Parse a query string, as ``Query.parse`` does, and remember the latest results."""
        # Each query string is parsed twice: by ``address``, and on a miss by ``read``.
        return lru_cache(PARSED_QUERIES)(lambda raw: self.query.parse(raw, self.names))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields that clients see, in the order of their declaration."""
        return tuple(field.data_key or name for name, field in self.schema.dump_fields.items())

    @cached_property
    def origins(self) -> dict[str, set[str]]:
        """The stored fields that each field in the history of an item is made of.

        Left out are ``id`` and ``revision``, which every entry of the history has by itself, and
        the ``live`` fields, which change with other documents.
        """
        left_out = ("id", "revision", *self.live)
        return {name: self.reads([name]) for name in self.names if name not in left_out}

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields that identify one item: its slug, and the unique fields."""
        return (*(("slug",) if self.slug else ()), *self.unique)

    def describe(self) -> dict[str, Document]:
        """Return the type of each field, its aliases, and if it is required or read-only."""
        return {
            name: {
                "type": type(self.schema.fields[name]).__name__,
                "required": self.schema.fields[name].required,
                "read_only": name not in self.schema.load_fields,
                "aliases": self.schema.fields[name].metadata.get("aliases", ()),
            }
            for name in self.names
        }

    def reads(self, names: Iterable[str]) -> set[str]:
        """Return the stored fields that these fields of the schema are made of."""
        stored_fields: set[str] = set()
        for name, field in self.schema.dump_fields.items():
            if (field.data_key or name) in names:
                stored_fields |= {field.attribute or name, *field.metadata.get("reads", ())}
        return stored_fields

    def address(self, ref: str, query: bytes, prefer: str) -> Address | None:
        """Return the place in the cache of the answer to a GET request.

        It depends on the arguments alone.  Return None for a list of the trash: edits of the trash
        by hand cannot be followed, so it is never cached.

        Args:
            ref: The id or slug of an item; empty for a list.
            query: The query string.
            prefer: The ``Prefer`` header.

        Raises:
            BadRequest: The query string is not valid.
        """
        if ref:
            return self._item_address(ref, self._parse_item_query(query))
        page_request = self.parse(query)
        count = preconditions.preferred_count(prefer)
        return None if page_request.deleted else self._list_address(page_request, count)

    def read(self, ref: str, query: bytes, prefer: str, tokens: tuple[str, ...] = ()) -> Content:
        """Return the answer to a GET request from MongoDB.

        It needs an app context, and no request context.

        Args:
            ref: The id or slug of an item; empty for a list.
            query: The query string.
            prefer: The ``Prefer`` header.
            tokens: The generations of the cache before; see ``Connections.count``.

        Raises:
            BadRequest: The query string is not valid, or the page takes too long to find.
            NotFound: The item does not exist.
        """
        page_request = self.parse(query)
        if not ref:
            return self._page(page_request, preconditions.preferred_count(prefer), tokens)
        document, has_moved = self.repository.locate(ref)
        if has_moved:
            return self._redirect(document["slug"], query)
        return self.content(document, page_request.shown)

    def _list_address(self, page_request: PageRequest, count: str) -> Address:
        raw = dict(page_request.parameters).get(self.partition)
        # Deserialized as the filter does it, so that the tag is the one that writes renew.
        value = self.query.fields[self.partition].deserialize(raw) if raw else ""
        partition_tag = f"{self.partition}={value}" if value else ""
        return list_address(self.name, partition_tag, page_request, count, self.depends)

    def _item_address(self, ref: str, page_request: PageRequest) -> Address:
        return item_address(self.name, self.item, ref, page_request, self.depends)

    def _parse_item_query(self, query: bytes) -> PageRequest:
        page_request = self.parse(query)
        if extra := [name for name in page_request.sent if name != "fields"]:
            only = "Is for lists only; one item accepts the parameter fields alone."
            raise BadRequest.parameters({name: [only] for name in extra})
        return page_request

    # The steps of a request, for the standard methods and for a service's own routes.

    def read_json(self) -> Any:
        """Return the JSON value in the request body.

        Raises:
            UnsupportedMediaType: The content type is not JSON.
            BadRequest: The body is not valid JSON.
        """
        if not request.is_json:
            raise UnsupportedMediaType(
                "The body is not JSON. Send JSON with the header "
                "Content-Type: application/json; charset=utf-8."
            )
        raw = request.get_data()
        limit = request.max_content_length
        if limit is not None and len(raw) >= limit:
            raise RequestEntityTooLarge  # A chunked body was cut off at the limit.
        return json_body.parse(raw)

    def body(self) -> Document:
        """Return the JSON object in the request body, or raise as ``read_json`` does."""
        values = self.read_json()
        if not isinstance(values, dict):
            raise BadRequest("The body is not a JSON object.")
        return values

    def load(self, values: Document, stored: Document | None = None) -> Document:
        """Validate the values of a new item, or changes to a stored one.

        Args:
            values: The fields that the client sent.
            stored: The document to be changed; None for a new item.

        Raises:
            ValidationError: Some values do not fit the schema.
        """
        patch = request.mimetype == contract.MERGE_PATCH
        return load(self.schema, values, stored, patch)

    def reject_unknown_parameters(self) -> None:
        """Raise ``BadRequest`` for query parameters that the view does not declare.

        A misspelt parameter would otherwise be ignored, and the write do something else.
        """
        read_parameters()

    def get_for_update(self, ref: str) -> Document:
        """Return the document with this id or slug, to be changed by this request.

        Raises:
            NotFound: The item does not exist; for an old slug the error names the new address.
            PreconditionFailed: ``If-Match`` or ``If-None-Match`` does not match its version.
        """
        document, has_moved = self.repository.locate(ref)
        if has_moved:
            location = f"/{self.name}/{document['slug']}"
            raise NotFound(f"The {self.item} {ref} has moved to {location}.", location=location)
        return self._check_version(document)

    def get_including_trash(self, ref: str) -> Document:
        """Return the document as ``get_for_update`` does, or else the one in the trash."""
        try:
            return self.get_for_update(ref)
        except NotFound:
            return self._check_version(trash.get(self.repository, ref))

    def _check_version(self, document: Document) -> Document:
        if preconditions.names_versions():
            current = self.content(document).etag
            if not preconditions.version_matches(current):
                differing = self._differing(document)
                raise preconditions.version_conflict(current, document.get("revision"), differing)
        return document

    def _differing(self, document: Document) -> dict[str, Document]:
        """Return the fields that the request would change, as stored and as sent, if valid."""
        try:
            values = self.load(self.body(), document)
        except (ApiError, ValidationError):
            return {}
        stored, sent = self.dump([document, document | values], self.names)
        return {
            name: {"stored": stored[name], "sent": sent[name]}
            for name in self.names
            if name in values and stored[name] != sent[name]
        }

    def dump(self, documents: Sequence[Document], names: Iterable[str]) -> Sequence[Document]:
        """Return documents as clients see them, with these fields only."""
        with Context({"shown": names}):
            dumped: list[Document] = self.schema.dump(documents, many=True)
        if names is self.names and isinstance(self.schema, DocumentSchema):
            return dumped
        return [{name: item.get(name) for name in names} for item in dumped]

    def content(self, document: Document, shown: Sequence[str] = ()) -> Content:
        """Return one document as content, with all its fields or those in ``shown``."""
        (value,) = self.dump([document], shown or self.names)
        if not self.live:
            return Content.of(value)
        live = {name: value[name] for name in self.live if name in value}
        own = {name: value[name] for name in value if name not in live}
        return Content.of(value, f"{digest(encode(own))}-{digest(encode(live))}")

    def to_response(self, document: Document) -> Response:
        """Return a response with one document."""
        return self.content(document).response()

    def created_response(self, document: Document) -> Response:
        """Return a response 201 with a new document and its address in ``Location``."""
        response = self.to_response(document)
        response.status_code = 201
        response.location = f"/{self.name}/{document['_id']}"
        return response

    # The standard methods. Their docstrings are the text of the OpenAPI document.

    def blueprint(self, *methods: str) -> Blueprint:
        """Route these methods: list, get, create, update, delete, restore, batch."""
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
        page_request = self.parse(request.query_string)
        prefer = request.headers.get("Prefer", "")
        count = preconditions.preferred_count(prefer)
        if page_request.deleted:
            auth.require(auth.READ)
            return self._trash_page(page_request, count)
        return cached(
            self._list_address(page_request, count),
            lambda tokens: self.read("", request.query_string, prefer, tokens),
        )

    @accepts(fields=fields.String(metadata={"list_of": "names"}))
    @returns(SELECTION, headers=CACHED, conditional=True)
    @returns(MovedSchema, 308, headers=(*CACHED, "Location"))
    def get(self, ref: str) -> Response:
        """Answer one item, by id or slug; an old slug redirects to the new one."""
        page_request = self._parse_item_query(request.query_string)
        return cached(
            self._item_address(ref, page_request),
            lambda tokens: self.read(ref, request.query_string, "", tokens),
            single_flight=False,
        )

    @accepts(NEW)
    @returns(ITEM, 201, headers=("Location",))
    def create(self) -> Response:
        """Store the item in the body; answer 201 with the item and its address."""
        self.reject_unknown_parameters()
        return self.created_response(self.repository.insert(self.load(self.body())))

    @accepts(CHANGES, media=(JSON, MERGE_PATCH), headers=CONDITIONS)
    @returns(ITEM)
    @returns(ITEM, 201, headers=("Location",))
    def update(self, ref: str) -> Response:
        """Change the fields in the body and keep the others; null empties an optional field.

        With ``If-Match``, the item is changed only if it is still that version.  A PUT with
        ``If-None-Match: *`` stores a new item under the slug.
        """
        self.reject_unknown_parameters()
        values = self.body()
        if request.method == "PUT" and preconditions.creates_only() and not self._exists(ref):
            try:
                new = self.load(self._with_slug(ref, values))
                return self.created_response(self.repository.insert(new))
            except Conflict as error:
                if error.extra.get("field") != "slug":
                    raise
                # Another request has just created it, so it exists.

        def write() -> Response:
            document = self.get_for_update(ref)
            changes = self.load(values, document)
            return self.to_response(self.repository.update(document, changes))

        return retry_conflicts(write, f"this {self.item}")

    @accepts(purge=Flag(), headers=CONDITIONS)
    @returns(None, 204)
    def delete(self, ref: str) -> Response:
        """Move the item to the trash; with ``purge=true`` remove it for good, from there too."""
        self.reject_unknown_parameters()
        find, remove = (
            (self.get_including_trash, trash.purge)
            if purges()
            else (self.get_for_update, trash.delete)
        )
        retry_conflicts(lambda: remove(self.repository, find(ref)), f"this {self.item}")
        return empty()

    @accepts(CHANGES, media=(JSON, MERGE_PATCH), optional=True, headers=("If-Match",))
    @returns(ITEM)
    def restore(self, ref: str, *again: str) -> Response:
        """Bring an item back from the trash; the body may hold values to change on the way.

        ``again`` are fields to validate as if they were sent: what they refer to may be gone.
        """
        self.reject_unknown_parameters()

        def write() -> Response:
            document = self._check_version(trash.get(self.repository, ref))
            kept = {name: document[name] for name in again if document.get(name) is not None}
            values = self.load(kept | (self.body() if request.get_data() else {}), document)
            return self.to_response(trash.restore(self.repository, document, values))

        return retry_conflicts(write, f"this {self.item}")

    @accepts(
        Batch(CHANGES),
        key=fields.String(metadata={"one_of": "keys"}),
        on_error=fields.String(validate=validate.OneOf(ON_ERROR), load_default="reject_failed"),
        dry_run=Flag(),
    )
    @returns(ResultsSchema, 207)
    def batch(self) -> Response:
        """Create or change up to 1,000 items; answer 207 with one result for each.

        ``key`` names the field that finds the items to change, ``on_error`` is ``reject_failed``
        (the default) or ``reject_all``, ``dry_run=true`` writes nothing.
        """
        if "If-Match" in request.headers or "If-None-Match" in request.headers:
            raise BadRequest(
                "A batch does not accept If-Match or If-None-Match, because it has many items. "
                "Change the item in a request of its own."
            )
        options = parse_options(read_parameters(), self.keys)
        return respond(run_batch(self, batch_items(self.read_json()), options), 207)

    def _page(self, page_request: PageRequest, count: str, tokens: tuple[str, ...]) -> Content:
        projection = self._projection(page_request.shown)
        if page_request.shown:  # The fields that the cursor is made of.
            projection |= {name: True for name, _ in page_request.sort}
        page = pages.page(self.repository, page_request, projection, count, tokens)
        items = self.dump(page.documents, page_request.shown or self.names)
        more = {"facets": self._facets(page_request)} if page_request.facets else {}
        return page_content(self.name, page_request, page, items, count, **more)

    def _trash_page(self, page_request: PageRequest, count: str) -> Response:
        page = trash.page(self.repository, page_request, count)
        dumped = self.dump(page.documents, page_request.shown or self.names)
        items = [
            {**item, "deleted_at": timestamp(document.get("deleted_at"))}
            for item, document in zip(dumped, page.documents, strict=True)
        ]
        response = page_content(self.name, page_request, page, items, count).response()
        response.headers["Cache-Status"] = "vitrine; fwd=bypass; detail=trash"
        response.headers["Cache-Control"] = CACHE_CONTROL
        return response

    def _facets(self, page_request: PageRequest) -> Document:
        fields = self.schema.dump_fields
        numbers = [
            name for name in page_request.facets if isinstance(fields.get(name), (Money, Whole))
        ]
        return facets.count(self.repository, page_request, numbers)

    def _redirect(self, slug: str, query: bytes) -> Content:
        parameters = quote(query, safe="/?:@!$&'()*+,;=%-._~[]|")
        location = f"/{self.name}/{quote(slug)}" + (f"?{parameters}" if query else "")
        return Content.of({"location": location}, headers={"Location": location}, status=308)

    def _projection(self, shown: Sequence[str]) -> Document:
        if not shown:
            return dict(documents.UNSHOWN)
        return dict.fromkeys(self.reads(shown), True)

    def _exists(self, ref: str) -> bool:
        try:
            self.repository.get(ref)
        except NotFound:
            return False
        return True

    def _with_slug(self, ref: str, values: Document) -> Document:
        """Return the values of a new item with the slug in its URL."""
        if not self.slug or ref.isdigit():
            place = "PUT it under a slug" if self.slug else f"a {self.item} has no slug"
            raise NotFound(
                f"There is no {self.item} {ref[:100]}, and the server assigns ids: {place}, or "
                f"POST it to /{self.name}."
            )
        if values.get("slug", ref) != ref:
            raise ValidationError({"slug": [f"Is not {ref!r}, the slug in the URL."]})
        return values | {"slug": ref}


def purges() -> bool:
    """Return True if the request removes something for good, which needs the scope ``admin``."""
    if purging := bool(read_parameters().get("purge")):
        auth.require(auth.ADMIN)
    return purging
