"""Search endpoints beside the list itself: suggestions as one types, and synonyms.

A service binds them with ``blueprint(resource)``.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from flask import Blueprint, Response
from marshmallow import Schema, ValidationError, fields, validate

from shared.cache.keys import ALL, Address, key_of, root_of
from shared.cache.redis_topology import REDIS_ERRORS
from shared.http import BadRequest, accepts, auth, read_parameters, respond, returns
from shared.http.contract import CACHED
from shared.http.responses import Content
from shared.resource import Resource, cached
from shared.schema.search_query import MAX_PIECES, Search, Word, whole_ways
from shared.schema.search_terms import split
from shared.schema.serialization import Document
from shared.storage import pages
from shared.storage.connections import connections
from shared.storage.search import matching, place_names, postings, synonyms

SUGGESTED = 5  # words, items and places
MAX_READ = 20  # words that are looked at for a suggestion
MAX_SETS = 1_000  # of synonyms


class SuggestedItemSchema(Schema):
    """An item whose name has what was typed."""

    id = fields.Integer(metadata={"example": 1})
    name = fields.String(metadata={"example": "Corsair Vengeance 16 GB"})
    slug = fields.String(metadata={"example": "corsair-vengeance-16-gb"})


class PlaceSchema(Schema):
    """A place, such as a category, whose name has what was typed."""

    slug = fields.String(metadata={"example": "memory"})
    name = fields.String(metadata={"example": "Memory"})


class SuggestionsSchema(Schema):
    """Suggestions for a text as far as it was typed: the best first."""

    words = fields.List(fields.String(), metadata={"example": ["corsair"]})
    products = fields.List(fields.Nested(SuggestedItemSchema))
    categories = fields.List(fields.Nested(PlaceSchema))


def _check_phrase(text: str) -> None:
    if not 1 <= len(split(text)) <= MAX_PIECES:
        raise ValidationError(f"Is not a word or a phrase of at most {MAX_PIECES} words.")


class SynonymsSchema(Schema):
    """The synonyms that searches use."""

    sets = fields.List(
        fields.List(fields.String()), metadata={"example": [["gpu", "graphics card"]]}
    )


class SynonymsRequestSchema(Schema):
    """Sets of words and phrases; those of a set stand for each other in a search."""

    sets = fields.List(
        fields.List(
            fields.String(validate=[validate.Length(1, 100), _check_phrase]),
            validate=validate.Length(2, 20),
        ),
        required=True,
        validate=validate.Length(max=MAX_SETS),
        metadata={"example": [["gpu", "graphics card", "video card"]]},
    )


def blueprint(resource: Resource) -> Blueprint:
    """Return the routes for suggestions and synonyms of a resource."""
    routes = Blueprint("searching", __name__)
    repository = resource.repository

    @routes.get(f"/{resource.name}/suggest")
    @accepts(
        q=fields.String(
            required=True,
            validate=validate.Length(1, 200),
            metadata={"example": "cor", "description": "What was typed so far."},
        )
    )
    @returns(SuggestionsSchema, headers=CACHED, conditional=True)
    def suggest() -> Response:
        """Suggest words, products and categories for what was typed so far."""
        q = read_parameters()["q"]
        address = Address(
            resource.name,
            key_of(f"{resource.name}:search:suggest", [("q", q)]),
            ALL,
            resource.search_depends,
            f"suggest={q}",
        )
        return cached(address, lambda tokens: Content.of(_suggestions(resource, q, tokens)))

    @routes.get(f"/{resource.name}/search/synonyms")
    @returns(SynonymsSchema)
    def show_synonyms() -> Response:
        """Return the synonyms that searches use."""
        resource.reject_unknown_parameters()
        return respond({"sets": synonyms.read(repository.synonyms)})

    @routes.put(f"/{resource.name}/search/synonyms")
    @auth.requires(auth.ADMIN)
    @accepts(SynonymsRequestSchema)
    @returns(SynonymsSchema)
    def put_synonyms() -> Response:
        """Replace the synonyms; every cached response becomes stale."""
        resource.reject_unknown_parameters()
        loaded: Document = SynonymsRequestSchema().load(resource.body())
        synonyms.write(repository.synonyms, loaded["sets"])
        # Without a root nothing cached is valid.  The follower makes a new one.
        with contextlib.suppress(*REDIS_ERRORS):
            connections().redis.unlink(root_of(resource.name))
        return respond(loaded)

    return routes


def _suggestions(resource: Resource, q: str, tokens: tuple[str, ...]) -> Document:
    typed = split(q)
    if not typed:
        return {"words": [], "products": [], "categories": []}
    *before, last = typed
    text = "Finding suggestions takes too long. Send more letters."
    with pages.refused_if_slow(BadRequest.parameter("q", text)):
        return {
            "words": [" ".join([*before, word]) for word in _words(resource, last)],
            "products": list(_items(resource, q)),
            "categories": list(_places(resource, last, tokens)),
        }


def _words(resource: Resource, letters: str) -> list[str]:
    """Return the words that begin with some letters, of items that are in public lists."""
    repository, listed = resource.repository, _listed(resource)
    words = repository.vocabulary.beginning(letters, SUGGESTED if not listed else MAX_READ)
    having = (
        word
        for word in words
        if postings.has_any(repository, Word(word, tuple(whole_ways(word))), listed)
    )
    return list(islice(having, SUGGESTED))


def _listed(resource: Resource) -> Document:
    """Return the filter for items that are in public lists."""
    visibility = resource.visibility
    return {visibility.field: {"$in": [*visibility.public, None]}} if visibility else {}


def _items(resource: Resource, q: str) -> Iterator[dict[str, Any]]:
    filter = _listed(resource)
    shown = {"name": True, "slug": True}
    for document in matching.begin_with(resource.repository, Search(q), filter, shown, SUGGESTED):
        (item,) = resource.dump([document], ("id", "name", "slug"))
        yield item


def _places(resource: Resource, letters: str, tokens: tuple[str, ...]) -> Iterator[Document]:
    searched = resource.searched
    if searched and searched.places:
        places = place_names.read(searched.places[1], tokens[-2:])
        for slug in places.beginning(letters)[:SUGGESTED]:
            yield {"slug": slug, "name": places.names[slug]}
