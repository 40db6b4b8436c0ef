"""References: finds the item that a text names, such as the category of a product.

A text is, in this order, a slug, an id, an old slug, or the exact name in any case.  No slug is
made of a name to find something: "C#" is not "C++".  A text that several items match, or none, is
refused, and the refusal lists candidates.

The service that owns the items answers ``GET /<service>:find?ref=``; others ask it with ``ask``.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from marshmallow import ValidationError

from shared.http.errors import BadRequest, NotFound
from shared.http.request_state import find_state, state
from shared.schema.fields import Text
from shared.schema.filters import Reference
from shared.schema.query import PageRequest
from shared.schema.search_query import Search
from shared.schema.search_terms import split
from shared.schema.serialization import Document
from shared.schema.slugs import RESERVED, SLUG, as_slug
from shared.schema.text import clean, fold, name_key
from shared.storage.connections import connections
from shared.storage.repository import Repository
from shared.storage.transactions import current_session

if TYPE_CHECKING:
    from shared.resource.resource import Resource

MAX_CANDIDATES = 10
MAX_SUGGESTED = 10  # unknown texts of one request that get candidates
_UNKNOWN = "unknown references"  # the note of these texts
MAX_COMPARED = 200  # items whose names are compared with an unknown one
MAX_BEGINNINGS = 10  # words of an unknown name whose beginnings are looked up
SIMILARITY = 0.5  # of 1: the least of a candidate
_PADDED = re.compile(r"0\d+")  # a name such as 007, and not the id 7


@dataclass(frozen=True, slots=True)
class Matches:
    """The items that a text names, and other candidates if it names none."""

    items: Sequence[Mapping[str, Any]]
    similar: Sequence[Mapping[str, Any]] = ()

    def one(self) -> Mapping[str, Any] | None:
        """Return the only item; None for several or none, or if it has no slug to refer to."""
        only = self.items[0] if len(self.items) == 1 else {}
        return only if isinstance(only.get("slug"), str) else None

    def refusal(self, ref: str, item: str, collection: str) -> str:
        """Return the message about a text for which ``one`` returns None.

        Args:
            ref: The text.
            item: The word for one item, such as ``category``.
            collection: The collection of the items, such as ``categories``.
        """
        shown = repr(ref[:100])
        if len(self.items) == 1:  # An edit by hand has made it, or taken the slug away.
            return f"The {item} {shown} has no slug; `vitrine doctor --fix` gives it one."
        if self.items:
            slugs = ", ".join(str(each.get("slug")) for each in self.items)
            return f"Several {collection} have the name {shown}; send the slug of one: {slugs}."
        text = f"There is no {item} {shown}."
        if self.similar:
            names = (f"{each.get('name')} (slug {each.get('slug')})" for each in self.similar)
            text += f" Similar: {', '.join(names)}. Send a slug, or"
            return f"{text} create it with POST /{collection}."
        return f"{text} Create it first with POST /{collection}."


def find(repository: Repository, ref: str, suggests: bool = True) -> Matches:
    """Return the stored items that a text names, in a collection with slugs.

    If it names none, look for candidates, unless ``suggests`` is False.  Only the first unknown
    texts of a request, such as a batch, get them.
    """
    ref = clean(ref)
    if not _PADDED.fullmatch(ref):
        with suppress(NotFound):
            return Matches([repository.locate(ref)[0]])
    field, key = repository.slug_from, name_key(ref)
    same_letters = repository.collection.find(Search(ref).exact, session=current_session())
    named = [each for each in same_letters if _has_name(each.get(field), key)]
    if named or not suggests:
        return Matches(named[:MAX_CANDIDATES])
    unknown = _unknown_texts()
    if ref not in unknown and len(unknown) < MAX_SUGGESTED:
        unknown[ref] = _similar(repository, ref)
    return Matches((), unknown.get(ref, ()))


def ask(service: str, ref: str) -> Matches:
    """Return the items of another service that a text names.

    Only the first unknown texts of a request, such as a batch, get candidates.

    Raises:
        ServiceUnavailable: The service does not answer; the detail names it.
    """
    try:
        ref = Text().deserialize(ref)
    except ValidationError:
        return Matches(())  # No name; a hand edit may have stored it.
    unknown = _unknown_texts()
    more = {} if ref in unknown or len(unknown) < MAX_SUGGESTED else {"similar": "false"}
    answer: Any = connections().services.get(service, f"{service}:find", ref=ref, **more)
    if not answer["items"] and not more:
        unknown[ref] = answer["similar"]
    return Matches(answer["items"], answer["similar"])


def _unknown_texts() -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return the unknown texts of this request that got candidates, with these."""
    current = find_state()
    return current.notes.setdefault(_UNKNOWN, {}) if current else {}


def resolve(
    resource: "Resource", page_request: PageRequest, tokens: tuple[str, ...] = ()
) -> PageRequest:
    """Return the request for a list with the slug of each item that a filter names.

    Links and cursors keep the text that was sent.  The answer is kept out of the cache if its
    address does not depend on the service that knows the names (see ``depends_on``).

    Args:
        resource: The collection of the list.
        page_request: The request.
        tokens: The generations of the cache before; see ``Connections.count``.

    Raises:
        BadRequest: A filter names several items, or none.
        ServiceUnavailable: The service that knows the names does not answer.
    """
    texts = dict(page_request.parameters)
    slugs = {
        name: _slug(resource, name, reference, texts[name], tokens)
        for name, reference in resource.query.references.items()
        if name in texts
    }
    if texts == texts | slugs:
        return page_request
    others = {name: text for name, text in (texts | slugs).items() if name != "cursor"}
    pairs = (("page", page_request.page), ("per", page_request.per), *others.items())
    kept = {name: getattr(page_request, name) for name in ("after", "bound", "parameters", "sent")}
    return replace(resource.parse(urlencode(pairs).encode()), **kept)


def depends_on(resource: "Resource", page_request: PageRequest) -> tuple[str, ...]:
    """Return the other services whose writes may change what the filters of a list name."""
    texts = dict(page_request.parameters)
    return tuple(
        reference.of
        for name, reference in resource.query.references.items()
        if reference.of != resource.name and name in texts and not is_slug(texts[name])
    )


def is_slug(ref: str) -> bool:
    """Return True if a text has the form of a slug."""
    return bool(SLUG.fullmatch(ref)) and not ref.isdigit() and ref not in RESERVED


def _slug(
    resource: "Resource", parameter: str, reference: Reference, ref: str, tokens: tuple[str, ...]
) -> str:
    """Return the slug of the item that the value of a filter names."""
    is_own = reference.of == resource.name
    if not is_own and is_slug(ref):
        # A write that takes the last of them away renews the tag of the list.
        if resource.repository.count({reference.path: ref}, 1, tokens):
            return ref
        state().is_uncacheable = True
    matches = find(resource.repository, ref) if is_own else ask(reference.of, ref)
    if (match := matches.one()) is None:
        message = matches.refusal(ref, reference.item, reference.of)
        raise BadRequest.parameter(parameter, message)
    return str(match["slug"])


def _has_name(name: Any, key: str) -> bool:
    return isinstance(name, str) and name_key(name) == key


def _similar(repository: Repository, ref: str) -> Sequence[Document]:
    """Return the items whose name or slug is most like a text, the most similar first.

    Comparing takes long.  So of many items, those with a word that begins alike come first.
    """
    field, wanted = repository.slug_from, fold(ref)
    shown = {"slug": True, field: True}
    terms = ["+" + word[:2] for word in split(ref)[:MAX_BEGINNINGS]]
    alike: list[Document] = [
        {"terms": {"$elemMatch": {"$gte": start, "$lt": start + chr(0x10FFFF)}}} for start in terms
    ]
    start = as_slug(ref)[:2]
    alike.append({"slug": {"$gte": start, "$lt": start + "~"}})
    filters: list[Document] = [{"$or": alike}, {}]
    stored = (repository.select(filter, shown, MAX_COMPARED) for filter in filters)
    spellings: dict[str, Document] = {}
    for document in islice(chain.from_iterable(stored), MAX_COMPARED):
        for text in (document.get(field), document.get("slug")):
            if isinstance(text, str):
                spellings.setdefault(fold(text), document)
    close = get_close_matches(wanted, spellings, MAX_CANDIDATES, SIMILARITY)
    close += [text for text in spellings if text.startswith(wanted)]
    found = {str(spellings[text].get("slug")): spellings[text].get(field) for text in close}
    return [{"slug": slug, "name": name} for slug, name in found.items()][:MAX_CANDIDATES]
