"""Searching by words: the best matches first.

An exact name or SKU comes first, then all words in the title, then words that only begin so, then
the rest.  No score is computed for every match: where the rarest word occurs a thousand times at
most, all matches are ranked; else two hundred are, those first that have it in the title.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from bson import MinKey, ObjectId

from shared.http.errors import BadRequest
from shared.schema.query import PageRequest
from shared.schema.search_terms import Filter, Search, in_any_field, in_titles, ranges
from shared.schema.serialization import Document
from shared.storage.repository import COUNT_CAP, SORT_IN_MEMORY_LIMIT, Page, Repository, both

BEST = 200
COUNTED = 5_000  # Documents that are counted to find the rarest word.
MOST_WORDS = 6  # are counted, the longest ones
TERMS = [("terms", 1), ("_id", 1)]
# All in one batch: a second round trip costs more than the documents.
_BATCH = {"limit": BEST + 1, "batch_size": BEST + 1}


def page(repository: Repository, asked: PageRequest, shown: Mapping[str, Any], count: str) -> Page:
    """Find one page of the best matches, cut to the projection ``shown``.

    ``count="exact"`` counts all matches, ``"none"`` none; else the total is exact when all were
    ranked and, for one word without filters, up to 10,000.  Raise ``BadRequest`` behind the best.
    """
    search = Search(asked.q)
    ids, complete = _matches(repository, asked.filter, search)
    start, end = (asked.page - 1) * asked.per, asked.page * asked.per
    if start >= BEST and not complete:
        text = f"Only the best {BEST} are in order of relevance; add ordering to go through all."
        raise BadRequest.parameter("page", text)
    wanted = list(islice(_ranked(repository, search, ids), start, end))
    found = repository.collection.find({"_id": {"$in": wanted}}, shown, batch_size=asked.per + 1)
    documents = sorted(found, key=lambda each: wanted.index(each["_id"]))
    more = end < (len(ids) if complete else BEST)
    if count == "none":
        return Page(documents, None, False, more)
    if complete:
        return Page(documents, len(ids), True, more)
    words = search.words
    if count != "exact" and (len(words) > 1 or asked.filter):
        return Page(documents, len(ids), False, more)
    every = both(asked.filter, in_any_field(words[0]) if len(words) == 1 else search.anywhere)
    cap = 0 if count == "exact" else COUNT_CAP
    total = repository.count(every, cap)
    return Page(documents, total, total != cap, more)


def _matches(repository: Repository, filter: Filter, search: Search) -> tuple[list[Any], bool]:
    """Return the ids of all matches, or of the first ones, and whether these are all."""
    wanted = both(filter, search.anywhere)
    if _are_few(repository, filter, search):
        found = repository.collection.find(
            wanted, {"_id": True}, batch_size=SORT_IN_MEMORY_LIMIT + 1
        )
        return _sorted_ids(found), True
    exact = both(filter, search.exact)
    ids = dict.fromkeys(_sorted_ids(repository.collection.find(exact, {"_id": True}, **_BATCH)))
    words = search.words
    if len(words) > 1:
        # Those with all words in the title, by the word that the fewest titles have.
        lead = _rarest(repository, {word: in_titles(word) for word in words})
        _add(repository, ids, both(filter, search.titled), ranges(lead)[:1])
    lead = _rarest(repository, {word: in_any_field(word) for word in words})
    _add(repository, ids, wanted, ranges(lead))
    return list(ids)[:BEST], len(ids) <= BEST


def _are_few(repository: Repository, filter: Filter, search: Search) -> bool:
    """Whether so few documents have a word, or fit the filter, that all can be looked at."""
    longest = sorted(search.words, key=len, reverse=True)[:MOST_WORDS]
    conditions = [*map(in_any_field, longest), *([filter] if filter else [])]
    # Long words are rare, so the first one mostly tells.
    return not longest or any(
        repository.count(each, SORT_IN_MEMORY_LIMIT + 1) <= SORT_IN_MEMORY_LIMIT
        for each in conditions
    )


def _rarest(repository: Repository, conditions: dict[str, Filter]) -> str:
    """Return the word of which the fewest documents have a term, as far as is worth counting."""
    words = sorted(conditions, key=len, reverse=True)[:MOST_WORDS]
    if len(words) == 1:
        return words[0]
    return min(words, key=lambda word: repository.count(conditions[word], COUNTED))


def _add(
    repository: Repository,
    ids: dict[Any, None],
    wanted: Mapping[str, Any],
    places: list[tuple[str, str]],
) -> None:
    """Add the matches that the index of terms has at some places, until there are enough."""
    for start, end in places:
        if len(ids) <= BEST:
            found = repository.collection.find(wanted, {"_id": True}, hint=TERMS, **_BATCH)
            within = found.min(_bound(start)).max(_bound(end))
            ids |= dict.fromkeys(_ids(within))


def _bound(term: str) -> list[Any]:
    return [("terms", term), ("_id", MinKey())]


def _ranked(repository: Repository, search: Search, ids: list[Any]) -> Iterable[Any]:
    """Yield ids with the best matches first, each kind in the order it came."""
    left = dict.fromkeys(ids)
    for filter in (search.exact, search.whole, search.titled):
        if len(left) > 1:
            best = {"$and": [{"_id": {"$in": list(left)}}, filter]}
            named = repository.collection.find(best, {"_id": True}, batch_size=len(left) + 1)
            found = {each["_id"] for each in named}
            yield from (id for id in left if id in found)
            left = dict.fromkeys(id for id in left if id not in found)
    yield from left


def _sorted_ids(found: Iterable[Document]) -> list[Any]:
    """Return ids in order; a hand edit may have left some that are not numbers."""
    return sorted(_ids(found), key=_place)


def _ids(found: Iterable[Document]) -> Iterator[Any]:
    """Yield ids, but for those of a hand edit that no address leads to, such as objects."""
    return (each["_id"] for each in found if isinstance(each["_id"], Hashable))


def _place(id: Any) -> tuple[str, Any]:
    if isinstance(id, (int, float)):
        return "", id
    return type(id).__name__, id if isinstance(id, (str, ObjectId)) else repr(id)
