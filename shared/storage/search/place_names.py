"""Place names: the names of the places of documents, such as categories, in another service.

Documents hold the slugs of their places only.  So a renamed place is found by its new name at once,
and no document changes.  Each process keeps the names as long as the generations of the other
service stay the same, so that a search costs no request.
"""

import time
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from shared.http.errors import ServiceUnavailable
from shared.http.request_state import find_state
from shared.schema.search_terms import split
from shared.storage.connections import connections
from shared.storage.search.word_forms import has_forms, stems

MAX_PLACES = 100  # of one word
MIN_STEM = 4  # letters of a stem that finds the name of a place
RETRY_SECONDS = 5.0  # until the other service is asked again after a failure
REQUEST_SECONDS = 1.0


@dataclass(frozen=True)
class PlaceNames:
    """The names of all places, by slug."""

    names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _slugs(self) -> dict[str, set[str]]:
        slugs: dict[str, set[str]] = {}
        for slug, name in self.names.items():
            for word in split(name):
                slugs.setdefault(word, set()).add(slug)
        return slugs

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._slugs)

    def with_word(self, word: str) -> set[str]:
        """Return the slugs of the places whose names have a word, or another form of it."""
        slugs = set(self._beginning(word)) if has_forms(word) else self._slugs.get(word, set())
        for stem in {stem.partition(":")[2] for stem in stems(word)} if has_forms(word) else ():
            if len(stem) >= MIN_STEM:
                slugs |= self._beginning(stem, len(word) + 1)
        return set(sorted(slugs)[:MAX_PLACES])

    def beginning(self, letters: str) -> list[str]:
        """Return the slugs of the places with a word that begins with some letters."""
        return sorted(self._beginning(letters), key=lambda slug: (len(self.names[slug]), slug))

    def _beginning(self, letters: str, longest: int = 1000) -> set[str]:
        slugs: set[str] = set()
        for word in self._sorted[bisect_left(self._sorted, letters) :]:
            if not word.startswith(letters):
                break
            if len(word) <= longest:
                slugs |= self._slugs[word]
        return slugs


@dataclass(frozen=True, slots=True)
class _Kept:
    """Names with the generations at which they were read; after a failure none, until a time."""

    places: PlaceNames
    tokens: tuple[str, ...]
    until: float = 0.0

    def is_current(self, tokens: tuple[str, ...]) -> bool:
        """Return True if the names are those of these generations, or if none can be had."""
        return (bool(tokens) and tokens == self.tokens) or time.monotonic() < self.until


def read(service: str, tokens: tuple[str, ...]) -> PlaceNames:
    """Return the names of the places of a service, without a request if none has changed.

    While the service does not answer searches do without names, and the response is not cached.

    Args:
        service: The service, such as ``categories``.
        tokens: The generations of the service that were current before; empty if unknown.
    """
    notes = connections().notes
    kept: _Kept | None = notes.get(("places", service))
    if kept is None or not kept.is_current(tokens):
        kept = notes["places", service] = _read(service, tokens)
    state = find_state()
    if kept.until and state:
        state.is_uncacheable = True
    return kept.places


def _read(service: str, tokens: tuple[str, ...]) -> _Kept:
    try:
        path = f"{service}:names"
        status, names = connections().services.request(
            "GET", service, path, seconds=REQUEST_SECONDS
        )
    except ServiceUnavailable:
        status, names = 503, {}
    if status != 200:
        return _Kept(PlaceNames(), (), time.monotonic() + RETRY_SECONDS)
    return _Kept(PlaceNames(names), tokens)
