"""Resource: the declaration of a collection, and its methods over HTTP.

A service binds the methods that it offers with ``Resource.blueprint``.  Any other route is an
ordinary Flask view that calls the same public steps as the standard methods.  A ``Resource`` takes
values, never callbacks.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
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
from shared.http.request_state import ANONYMOUS, state
from shared.http.responses import Content, empty, respond
from shared.http.tokens import Principal
from shared.resource.batch import (
    ON_ERROR,
    BatchResultsSchema,
    batch_items,
    parse_options,
    run_batch,
)
from shared.resource.caching import cached
from shared.resource.collapsed_page import find_collapsed_page, summaries
from shared.resource.members import read_only_messages, reject_body
from shared.resource.page_content import page_content
from shared.resource.references import depends_on, is_slug, resolve
from shared.resource.visibility import Visibility
from shared.schema.derived import SORT_KEYS
from shared.schema.fields import Attributes, Flag, Money, Plain, Whole, timestamp
from shared.schema.groups import VARIANT, VARIANTS, Groups
from shared.schema.query import MISSING_WORDS, PageRequest, Query
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document, DocumentSchema, load
from shared.schema.sizes import check_document
from shared.schema.slugs import SLUG
from shared.storage import documents, facets, indexes, pages, trash
from shared.storage.connections import connections
from shared.storage.repository import Repository, both
from shared.storage.retries import retry_conflicts
from shared.storage.search.matching import Matches

DELETED_AT = "deleted_at"  # the time of deletion, in lists of the trash
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
        visibility: The items that not every reader sees; None if all are seen by all readers.
        groups: How items are variants of one thing; None if they are not.
        rechecked: Fields that a restore validates again: what they refer to may be gone.
        together: The methods that an undo may do for many items by one write, of ``update``,
            ``delete`` and ``restore``, each with the stored values that an item must have for it.
            A method whose view does more than the standard one is left out.
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
    visibility: Visibility | None = None
    groups: Groups | None = None
    rechecked: tuple[str, ...] = ()
    together: Mapping[str, Mapping[str, Collection[Any]]] = field(default_factory=dict, hash=False)
    indexes: tuple[IndexModel, ...] = ()

    # What follows from the declaration.

    @cached_property
    def repository(self) -> Repository:
        """The documents in MongoDB."""
        path = self._path_of(self.partition) if self.partition else ""
        return Repository(
            self.name,
            self.item,
            self.slug,
            self.unique,
            self.searched,
            tuple((name, self._path_of(name)) for name in self._partitions),
            tuple(
                indexes.derive(
                    self.query,
                    self.slug,
                    (*self.unique, *((VARIANT,) if self.groups else ())),
                    self.searched,
                    path,
                    self.indexes,
                    self.visibility.field if self.visibility else "",
                    self._collated,
                    self.groups.field if self.groups else "",
                )
            ),
            self.counter,
            self._collated,
            self.groups,
        )

    @property
    def _partitions(self) -> tuple[str, ...]:
        """The query parameters that cached lists are kept apart by.

        The partition comes first: a list by the slug of a category is an error after the last
        item of that category is gone, in any group (see ``references``).
        """
        partition = (self.partition,) if self.partition else ()
        return (*partition, *((self.groups.field,) if self.groups else ()))

    def _path_of(self, parameter: str) -> str:
        """Return the stored field that a query parameter looks into."""
        return str(self.query.fields[parameter].metadata["path"])

    @cached_property
    def _collated(self) -> tuple[str, ...]:
        """The texts that lists are ordered by."""
        texts = (name for name in self.query.sortable if name in self.schema.fields)
        return tuple(name for name in texts if isinstance(self.schema.fields[name], Plain))

    @cached_property
    def parse(self) -> Callable[[bytes], PageRequest]:
        """Parse a query string, as ``Query.parse`` does, and remember the latest results."""
        # Each query string is parsed twice: by ``address``, and on a miss by ``read``.
        return lru_cache(PARSED_QUERIES)(
            lambda raw: self.query.parse(raw, self.showable, self._collated)
        )

    @cached_property
    def _select(self) -> Callable[[bytes, bool], PageRequest]:
        """Parse the query string of a list, for a reader that sees hidden items or does not."""

        def select(raw: bytes, sees_hidden: bool) -> PageRequest:
            page_request = self.parse(raw)
            visibility = self.visibility
            return visibility.narrow(page_request, sees_hidden) if visibility else page_request

        return lru_cache(PARSED_QUERIES)(select)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields that clients see by default, in the order of their declaration."""
        fields = self.schema.dump_fields.items()
        shown = ((name, field) for name, field in fields if not field.metadata.get("on_request"))
        return tuple(field.data_key or name for name, field in shown)

    @cached_property
    def showable(self) -> tuple[str, ...]:
        """The fields that ``fields=`` may name: also those that are shown on request only."""
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

    @property
    def search_depends(self) -> tuple[str, ...]:
        """The services whose writes may change the answer to a search."""
        places = self.searched.places if self.searched else None
        return (*self.depends, *([places[1]] if places else ()))

    @cached_property
    def of_lists(self) -> frozenset[str]:
        """The members that items have in some lists only; a client may send them back."""
        return frozenset({DELETED_AT, MISSING_WORDS, VARIANTS} - self.schema.fields.keys())

    @property
    def objects(self) -> tuple[str, ...]:
        """The fields that hold an object of any members, which a batch may merge."""
        kinds = (Attributes, fields.Dict)
        writable = self.schema.load_fields.items()
        return tuple(name for name, field in writable if isinstance(field, kinds))

    @property
    def unlisted(self) -> dict[str, tuple[str, ...]]:
        """The parameter of lists that finds unlisted items, and the values to send."""
        return {self.visibility.field: self.visibility.unlisted} if self.visibility else {}

    def describe(self) -> dict[str, Document]:
        """Return the type of each field, its aliases, and if it is required or read-only."""
        return {
            name: {
                "type": type(self.schema.fields[name]).__name__,
                "required": self.schema.fields[name].required,
                "read_only": name not in self.schema.load_fields,
                "aliases": self.schema.fields[name].metadata.get("aliases", ()),
            }
            for name in self.showable
        }

    def reads(self, names: Iterable[str]) -> set[str]:
        """Return the stored fields that these fields of the schema are made of."""
        stored_fields: set[str] = set()
        for name, shown in self.schema.dump_fields.items():
            if (shown.data_key or name) in names:
                stored_fields |= {shown.attribute or name, *shown.metadata.get("reads", ())}
        return stored_fields

    def is_hidden(self, document: Document) -> bool:
        """Return True if some readers do not see a stored document."""
        return self.visibility is not None and self.visibility.is_hidden(document)

    def sees_hidden(self, principal: Principal | None) -> bool:
        """Return True if a caller sees items that are hidden from other readers."""
        visibility = self.visibility
        return visibility is not None and visibility.sees_hidden(principal or ANONYMOUS)

    def address(
        self, ref: str, query: bytes, prefer: str, sees_hidden: bool = False
    ) -> Address | None:
        """Return the place in the cache of the answer to a GET request.

        It depends on the arguments alone.  Return None for a list of the trash: edits of the trash
        by hand cannot be followed, so it is never cached.  Readers of both kinds share the address
        of an item, where hidden items are never stored.

        Args:
            ref: The id or slug of an item; empty for a list.
            query: The query string.
            prefer: The ``Prefer`` header.
            sees_hidden: True if the caller sees hidden items.

        Raises:
            BadRequest: The query string is not valid.
            Forbidden: The list is of hidden items, and the caller sees none.
        """
        if ref:
            return self._item_address(ref, self._parse_item_query(query))
        page_request = self._select(query, sees_hidden)
        if page_request.deleted:
            return None
        return self._list_address(page_request, preconditions.applied(prefer))

    def read(self, ref: str, query: bytes, prefer: str, tokens: tuple[str, ...] = ()) -> Content:
        """Return the answer to a GET request from MongoDB, for the caller of the request.

        It needs an app context, and the state of a request.

        Args:
            ref: The id or slug of an item; empty for a list.
            query: The query string.
            prefer: The ``Prefer`` header.
            tokens: The generations of the cache before; see ``Connections.count``.

        Raises:
            BadRequest: The query string is not valid, or the page takes too long to find.
            NotFound: The item does not exist, or the caller does not see it.
            Forbidden: The list is of hidden items, and the caller sees none.
        """
        if not ref:
            page_request = self._narrow(resolve(self, self.parse(query), tokens))
            return self._page(page_request, preconditions.applied(prefer), tokens)
        document, has_moved = self.repository.locate(ref)
        self.require_visible(document, ref)
        if has_moved:
            return self._redirect(document["slug"], query)
        content = self.content(document, self.parse(query).shown)
        return content._replace(headers=self._varying()) if self.visibility else content

    def get_visible(self, ref: str) -> Document:
        """Return the document with this id or slug, if the caller of the request sees it.

        Raises:
            NotFound: The item does not exist, or the caller does not see it.
        """
        document = self.repository.get(ref)
        self.require_visible(document, ref)
        return document

    def require_visible(self, document: Document, ref: str) -> None:
        """Check that the caller sees a document, and keep a hidden one out of the cache.

        Raises:
            NotFound: The caller does not see it; the error is that of an item that does not exist.
        """
        if not self.is_hidden(document):
            return
        if not self.sees_hidden(state().principal):
            raise self.repository.not_found(ref)
        state().is_uncacheable = True

    def _narrow(self, page_request: PageRequest) -> PageRequest:
        """Return the request for the items that the caller of the request sees."""
        if self.visibility is None:
            return page_request
        return self.visibility.narrow(page_request, self.sees_hidden(state().principal))

    def count_each_listed(self, filters: Sequence[Document]) -> list[int]:
        """Return the number of items in public lists that each filter finds, by one query."""
        if self.visibility is None:
            return self.repository.count_each(filters)
        # Few items are not listed, and an index has their number.
        unlisted = [{"$and": [filter, self.visibility.not_listed]} for filter in filters]
        counts = self.repository.count_each([*filters, *unlisted])
        pairs = zip(counts[: len(filters)], counts[len(filters) :], strict=True)
        return [max(0, count - left_out) for count, left_out in pairs]

    def _varying(self, *others: str) -> Mapping[str, str]:
        """Return ``Vary`` for an answer that depends on the caller, and on these headers."""
        names = [*others, *(["Authorization"] if self.visibility else ())]
        return {"Vary": ", ".join(names)}

    def _list_address(self, page_request: PageRequest, prefer: str) -> Address:
        values = {name: page_request.equal.get(self._path_of(name)) for name in self._partitions}
        # A name or an id may stand for any partition.
        tags = (
            f"{name}={value}"
            for name, value in values.items()
            if value and (name not in self.query.references or is_slug(value))
        )
        partition_tag = next(tags, "")
        own = self.search_depends if page_request.q else self.depends
        # The service that knows the names of places stays the last one.
        named = (each for each in depends_on(self, page_request) if each not in own)
        return list_address(self.name, partition_tag, page_request, prefer, (*named, *own))

    def _item_address(self, ref: str, page_request: PageRequest) -> Address:
        return item_address(self.name, self.item, ref, page_request, self.depends)

    def _parse_item_query(self, query: bytes) -> PageRequest:
        page_request = self.parse(query)
        if extra := [sent for name, sent in page_request.sent if name != "fields"]:
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

    def load(
        self, values: Document, stored: Document | None = None, merged: Collection[str] = ()
    ) -> Document:
        """Validate the values of a new item, or changes to a stored one.

        Read-only fields are accepted as they were read, see ``shared.resource.members``.

        Args:
            values: The fields that the client sent.
            stored: The document to be changed; None for a new item.
            merged: Fields whose objects keep the members that the values do not name.

        Raises:
            ValidationError: Some values do not fit the schema.
            ContentTooLarge: The item would be larger than a document may be.
        """
        patch = request.mimetype == contract.MERGE_PATCH
        refused = read_only_messages(self, values, stored)
        values = {name: value for name, value in values.items() if name not in self.of_lists}
        try:
            loaded = load(self.schema, values, stored, patch, merged)
        except ValidationError as error:
            raise ValidationError(refused | dict(error.messages_dict)) from error
        if refused:
            raise ValidationError({name: [*texts] for name, texts in refused.items()})
        loaded = self.repository.derived.with_variant(loaded, stored or {})
        check_document({**(stored or {}), **loaded}, stored)
        return loaded

    def load_restored(self, values: Document, deleted: Document) -> Document:
        """Validate changes to a document of the trash, as ``load`` does, with what it refers to."""
        kept = {n: deleted[n] for n in self.rechecked if deleted.get(n) is not None}
        return self.load(kept | values, deleted)

    def may_join(self, method: str, document: Document) -> bool:
        """Return True if a method may be done for this document and others by one write."""
        conditions = self.together.get(method)
        return conditions is not None and all(
            document.get(name) in values for name, values in conditions.items()
        )

    def reject_unknown_parameters(self) -> None:
        """Raise ``BadRequest`` for query parameters that the view does not declare.

        A misspelt parameter would otherwise be ignored, and the write do something else.  So would
        the members of a body, where the view declares none: each of them is a ``ValidationError``.
        """
        read_parameters()
        if request.method not in auth.READING:
            reject_body()

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
        return Content.of(value, f"{Content.of(own).etag}-{digest(encode(live))}")

    def own_etag(self, document: Document) -> str:
        """Return the ETag of a document, as ``If-Match`` accepts it: without its ``live`` part."""
        (value,) = self.dump([document], [name for name in self.names if name not in self.live])
        return Content.of(value).etag

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
        if page_request.deleted:
            auth.require(auth.READ)
            return self._trash_page(resolve(self, page_request))
        return self.answer_list(request.query_string)

    def answer_list(self, query: bytes) -> Response:
        """Answer as ``list`` does, for another query string, which is not for the trash."""
        page_request = self._narrow(self._allowed(self.parse(query)))
        prefer = request.headers.get("Prefer", "")
        return cached(
            self._list_address(page_request, preconditions.applied(prefer)),
            lambda tokens: self.read("", query, prefer, tokens),
        )

    def answer_alone(self, document: Document) -> Response:
        """Answer a list in which this is the only item, if the request's query string finds it."""
        page_request = self._allowed(self.parse(request.query_string))
        page_request = self._narrow(resolve(self, page_request))
        alone = both(page_request.filter, {"_id": document["_id"]})
        page_request = replace(page_request, filter=alone, asked=alone, among={}, not_listed={})
        prefer = preconditions.applied(request.headers.get("Prefer", ""))
        return _uncached(self._page(page_request, prefer, ()), "alone")

    def _allowed(self, page_request: PageRequest) -> PageRequest:
        """Return the request for a list, or raise if the caller may not send it."""
        if page_request.deleted:
            raise BadRequest.parameter("deleted", f"Is for /{self.name} only; leave it out.")
        if self.visibility and self.visibility.asks_hidden(page_request):
            auth.require(*self.visibility.scopes)
        return page_request

    @accepts(fields=fields.String(metadata={"list_of": "names"}))
    @returns(ITEM, headers=CACHED, conditional=True)
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
    def restore(self, ref: str) -> Response:
        """Bring an item back from the trash; the body may hold values to change on the way."""
        self.reject_unknown_parameters()

        def write() -> Response:
            document = self._check_version(trash.get(self.repository, ref))
            values = self.load_restored(self.body() if request.get_data() else {}, document)
            return self.to_response(trash.restore(self.repository, document, values))

        return retry_conflicts(write, f"this {self.item}")

    @accepts(
        Batch(CHANGES),
        media=(JSON, MERGE_PATCH),
        key=fields.String(metadata={"one_of": "keys"}),
        on_error=fields.String(validate=validate.OneOf(ON_ERROR), load_default="reject_failed"),
        dry_run=Flag(),
        merge=fields.String(metadata={"one_of": "objects"}),
    )
    @returns(BatchResultsSchema, 207)
    def batch(self) -> Response:
        """Create or change up to 1,000 items; answer 207 with one result for each.

        ``key`` names the field that finds the items to change, ``on_error`` is ``reject_failed``
        (the default) or ``reject_all``, ``dry_run=true`` writes nothing.  Items that are JSON
        merge patches keep the members of objects, such as attributes, that they do not name;
        ``merge=attributes`` does so for this field only.
        """
        if "If-Match" in request.headers or "If-None-Match" in request.headers:
            raise BadRequest(
                "A batch does not accept If-Match or If-None-Match, because it has many items. "
                "Change the item in a request of its own."
            )
        options = parse_options(read_parameters(), self.keys, self.objects)
        return respond(run_batch(self, batch_items(self.read_json()), options), 207)

    def _page(self, page_request: PageRequest, prefer: str, tokens: tuple[str, ...]) -> Content:
        # An item that moves to another group meanwhile would be in both, or in none.
        one_moment = connections().at_one_moment() if page_request.collapse else nullcontext()
        with one_moment:
            return self._page_now(page_request, prefer, tokens)

    def _page_now(self, page_request: PageRequest, prefer: str, tokens: tuple[str, ...]) -> Content:
        projection = self._projection(page_request.shown)
        if page_request.shown:  # The fields that the cursor and the summaries are made of.
            projection |= {name: True for name, _ in page_request.sort}
            projection |= dict.fromkeys(
                self.groups.reads if page_request.collapse and self.groups else (), True
            )
        elif any(name.startswith(SORT_KEYS) for name, _ in page_request.sort):
            del projection[SORT_KEYS]
        is_exact = preconditions.prefers_exact_search(prefer)
        matches = pages.find_matches(self.repository, page_request, is_exact, tokens)
        is_ranked = matches is not None and not page_request.is_ordered
        find = find_collapsed_page if page_request.collapse and not is_ranked else pages.page
        count = preconditions.preferred_count(prefer)
        page = find(self.repository, page_request, matches, projection, count, tokens)
        items = [*self.dump(page.documents, page_request.shown or self.names)]
        more: Document = {}
        if matches:
            more = {"matched": matches.matched}
            more |= {"corrected": matches.corrected} if matches.corrected else {}
            if MISSING_WORDS in page_request.shown:
                for item, document in zip(items, page.documents, strict=True):
                    item[MISSING_WORDS] = matches.missing.get(document["_id"], ())
        if page_request.collapse:
            sums = summaries(self.repository, page_request, matches, page.documents)
            items = [{**item, VARIANTS: sum} for item, sum in zip(items, sums, strict=True)]
        if page_request.facets:
            more["facets"] = self._facets(page_request, matches)
        content = page_content(self.name, page_request, page, items, prefer, **more)
        return content._replace(headers={**content.headers, **self._varying("Prefer")})

    def _trash_page(self, page_request: PageRequest) -> Response:
        count = preconditions.preferred_count(request.headers.get("Prefer", ""))
        page = trash.page(self.repository, page_request, count)
        dumped = self.dump(page.documents, page_request.shown or self.names)
        items = [
            {**item, DELETED_AT: timestamp(document.get(DELETED_AT))}
            for item, document in zip(dumped, page.documents, strict=True)
        ]
        applied = f"count={count}" if count else ""
        return _uncached(page_content(self.name, page_request, page, items, applied), "trash")

    def _facets(self, page_request: PageRequest, matches: Matches | None) -> Document:
        fields = self.schema.dump_fields
        numbers = [
            name for name in page_request.facets if isinstance(fields.get(name), (Money, Whole))
        ]
        words = matches.filter if matches else {}
        return facets.count(self.repository, page_request, words, numbers)

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
        if not SLUG.fullmatch(ref):
            raise ValidationError({"slug": [f"{ref[:100]!r} in the URL is not a slug."]})
        if values.get("slug", ref) != ref:
            raise ValidationError({"slug": [f"Is not {ref!r}, the slug in the URL."]})
        return values | {"slug": ref}


def _uncached(content: Content, detail: str) -> Response:
    """Return a response with content that is never cached."""
    response = content.response()
    response.headers["Cache-Status"] = f"vitrine; fwd=bypass; detail={detail}"
    return response


def purges() -> bool:
    """Return True if the request removes something for good, which needs the scope ``admin``."""
    if purging := bool(read_parameters().get("purge")):
        auth.require(auth.ADMIN)
    return purging
