"""What a resource is, and the steps that its methods are made of, for routes of your own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl

from flask import Response, g, request
from marshmallow import Schema, ValidationError
from marshmallow.experimental.context import Context
from pymongo import IndexModel
from werkzeug.exceptions import RequestEntityTooLarge

from shared.cache.keys import Address, item_address, list_address
from shared.http import contract, json_body, preconditions
from shared.http.errors import ApiError, BadRequest, NotFound, UnsupportedMediaType, nearest
from shared.http.json import digest, encode
from shared.http.responses import CACHE_CONTROL, conditional, respond
from shared.observability.metrics import LOOKUPS
from shared.resource.caching import Clock, extra_headers, stored
from shared.schema.query import PageRequest, Query
from shared.schema.serialization import Document, DocumentSchema, load
from shared.schema.words import Searched
from shared.storage import indexes, trash
from shared.storage.connections import connections
from shared.storage.repository import Repository

# Query strings: one is read in front of Flask, and again behind it.
REMEMBERED = 256


@dataclass(frozen=True)
class Steps:
    """A collection, the schema of its documents and the query string it understands.

    ``item`` is the word for one of them, ``slug`` the field its slug is made of (empty for no
    slugs), ``unique`` the fields no two living ones share, ``searched`` what ``q`` looks at, and
    ``partition`` the query parameter that keeps cached lists apart, ``live`` the fields that are
    made of other documents, in the services named by ``depends``; ``counter`` is a field
    whose every change goes into a ledger; ``public`` is what anybody may read.
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

    @cached_property
    def repository(self) -> Repository:
        """The documents themselves."""
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
        """Read a query string, as ``Query.parse``; what the last ones mean is remembered."""
        return lru_cache(REMEMBERED)(lambda raw: self.query.parse(raw, self.names))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields clients see, in the order of their declaration."""
        return tuple(field.data_key or name for name, field in self.schema.dump_fields.items())

    @cached_property
    def origins(self) -> dict[str, set[str]]:
        """The stored fields that a field is made of, for those whose changes are its history.

        Without what an entry of the history tells by itself, and what other documents say.
        """
        told = ("id", "revision", *self.live)
        return {name: self.reads([name]) for name in self.names if name not in told}

    @property
    def keys(self) -> tuple[str, ...]:
        """The fields that name one item: the slug and what is unique."""
        return (*(("slug",) if self.slug else ()), *self.unique)

    def describe(self) -> dict[str, Document]:
        """Return each field's type, whether it is required, and what else it may be called."""
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
        """Return the stored fields that some fields clients see are made of."""
        read: set[str] = set()
        for name, field in self.schema.dump_fields.items():
            if (field.data_key or name) in names:
                read |= {field.attribute or name, *field.metadata.get("reads", ())}
        return read

    def address(self, ref: str, query: bytes, prefer: str) -> Address | None:
        """Return where the answer to a GET is cached, of the list when ``ref`` is empty.

        None for the trash, which is not cached: nobody follows what is done to it by hand.  A pure
        function of what it is given.  Raise ``BadRequest`` for a bad query string.
        """
        if ref:
            return self._item_address(ref, self._item_query(query))
        asked = self.parse(query)
        count = preconditions.preferred_count(prefer)
        return None if asked.deleted else self._list_address(asked, count)

    def cached(self, address: Address, make: Callable[[], Response]) -> Response:
        """Answer from the cache, or make the answer and store it when it is a 200."""
        cache = connections().cache
        clock = Clock()
        lookup = request.environ.get("vitrine.lookup")
        if lookup is None or lookup.address != address:
            lookup = cache.get(address)
        lookup = cache.begin(lookup)
        LOOKUPS.labels(lookup.state, lookup.detail).inc()
        clock.lap("cache")
        if lookup.is_hit:
            return conditional(clock.tell(stored(lookup)))
        kept = False
        try:
            response = make()
            whole = response.status_code == 200 and not g.get("incomplete")
            kept = whole and cache.fill(
                lookup, response.get_data(), str(response.get_etag()[0]), extra_headers(response)
            )
        finally:
            if not kept:
                cache.end(lookup)
        response.headers["Cache-Status"] = lookup.status(stored=kept)
        response.headers["Cache-Control"] = CACHE_CONTROL
        clock.lap("make")
        return conditional(clock.tell(response))

    def _list_address(self, asked: PageRequest, count: str) -> Address:
        given = dict(asked.given).get(self.partition)
        # Read as the filter reads it, so that the tag is the one that writes renew.
        value = self.query.fields[self.partition].deserialize(given) if given else ""
        within = f"{self.partition}={value}" if value else ""
        return list_address(self.name, within, asked, count, self.depends)

    def _item_query(self, query: bytes) -> PageRequest:
        asked = self.parse(query)
        names = [name for name, _ in parse_qsl(query.decode(), True)]
        if extra := [name for name in names if name != "fields"]:
            only = "Is not for one item, which takes only fields."
            raise BadRequest("", [{"parameter": name, "message": only} for name in extra])
        return asked

    def _item_address(self, ref: str, asked: PageRequest) -> Address:
        return item_address(self.name, self.item, ref, asked, self.depends)

    def read(self) -> Any:
        """Return the JSON value in the request body, of whatever shape."""
        if not request.is_json:
            raise UnsupportedMediaType(
                "Send JSON with the header Content-Type: application/json; charset=utf-8."
            )
        raw = request.get_data()
        limit = request.max_content_length
        if limit is not None and len(raw) >= limit:
            raise RequestEntityTooLarge  # Sent in chunks, it was cut off there.
        return json_body.parse(raw)

    def body(self) -> Document:
        """Return the JSON object in the request body."""
        values = self.read()
        if not isinstance(values, dict):
            raise BadRequest("The body is not a JSON object.")
        return values

    def load(self, values: Document, stored: Document | None = None) -> Document:
        """Validate new values, or changes to a ``stored`` document: see ``serialization.load``."""
        patch = request.mimetype == contract.MERGE_PATCH
        return load(self.schema, values, stored, patch)

    def reject_unknown_parameters(self) -> None:
        """Raise ``BadRequest`` for parameters the view does not declare, lest one be misspelt."""
        known = contract.parameters()
        unknown = [name for name in request.args if name not in known]
        if unknown:
            raise BadRequest(
                "",
                [
                    {"parameter": name, "message": f"Unknown parameter{nearest(name, known)}"}
                    for name in unknown
                ],
            )

    def get_for_update(self, ref: str) -> Document:
        """Return the stored document; raise ``PreconditionFailed`` if ``If-Match`` does not fit."""
        document, has_moved = self.repository.locate(ref)
        if has_moved:
            where = f"/{self.name}/{document['slug']}"
            raise NotFound(f"The {self.item} {ref} is {where} now.", location=where)
        return self._check_match(document)

    def _check_match(self, document: Document) -> Document:
        if preconditions.asks_for_a_version():
            current = str(self.to_response(document).get_etag()[0])
            if not preconditions.fits(current):
                differing = self._differing(document)
                raise preconditions.stale(current, document.get("revision"), differing)
        return document

    def _differing(self, document: Document) -> dict[str, Document]:
        """Return the fields of the body that would change the document, as far as they fit."""
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

    def get_including_trash(self, ref: str) -> Document:
        """Return the document from the collection or from the trash."""
        try:
            return self.get_for_update(ref)
        except NotFound:
            return self._check_match(trash.get(self.repository, ref))

    def dump(self, documents: Sequence[Document], names: Iterable[str]) -> Sequence[Document]:
        """Return documents as clients see them, with these fields."""
        with Context({"shown": names}):
            dumped: list[Document] = self.schema.dump(documents, many=True)
        if names is self.names and isinstance(self.schema, DocumentSchema):
            return dumped
        return [{name: each.get(name) for name in names} for each in dumped]

    def to_response(self, document: Document, shown: Sequence[str] = ()) -> Response:
        """Turn a document into a response."""
        (value,) = self.dump([document], shown or self.names)
        if not self.live:
            return respond(value)
        live = {name: value[name] for name in self.live if name in value}
        kept = {name: each for name, each in value.items() if name not in live}
        return respond(value, etag=f"{digest(encode(kept))}-{digest(encode(live))}")

    def created_response(self, document: Document) -> Response:
        """Turn a new document into a response that says where it lives."""
        response = self.to_response(document)
        response.status_code = 201
        response.location = f"/{self.name}/{document['_id']}"
        return response
