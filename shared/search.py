"""Searching by words: the best matches first.

An exact name or SKU comes first, then all words in the title, then words that only begin so, then
the rest.  No score is computed for every match: where the rarest word occurs a thousand times at
most, all matches are ranked; else two hundred are, those first that have it in the title.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from bson import MinKey

from shared.documents import Document
from shared.errors import BadRequest
from shared.mongo import COUNT_CAP, FEW, Page, Repository, both
from shared.query import PageRequest
from shared.words import Filter, Search, ranges, somewhere

BEST = 200
COUNTED = 5_000  # Documents that are counted to find the rarest word.
TERMS = [("terms", 1), ("_id", 1)]


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
        raise BadRequest("", [{"parameter": "page", "message": text}])
    wanted = list(islice(_ranked(repository, search, ids), start, end))
    found = repository.collection.find({"_id": {"$in": wanted}}, shown, batch_size=asked.per)
    documents = sorted(found, key=lambda each: wanted.index(each["_id"]))
    more = end < (len(ids) if complete else BEST)
    if count == "none":
        return Page(documents, None, False, more)
    if complete:
        return Page(documents, len(ids), True, more)
    one_word = len(search.words) == 1 and not asked.filter
    cap = 0 if count == "exact" else COUNT_CAP if one_word else len(ids)
    every = both(asked.filter, search.anywhere)
    total = len(ids) if cap == len(ids) else repository.count(every, cap)
    return Page(documents, total, total != cap, more)


def _matches(repository: Repository, filter: Filter, search: Search) -> tuple[list[Any], bool]:
    """Return the ids of all matches, or of the first ones, and whether these are all."""
    wanted = both(filter, search.anywhere)
    words = search.words
    sizes = {word: repository.count(somewhere(word), COUNTED) for word in words}
    fewest = min(sizes.values(), default=0)
    if fewest <= FEW or (filter and repository.count(filter, FEW + 1) <= FEW):
        found = repository.collection.find(wanted, {"_id": True}, batch_size=FEW)
        return _sorted_ids(found), True
    lead = min(words, key=lambda word: (sizes[word], -len(word)))
    # All in one batch: a second round trip costs more than the documents.
    batch = {"limit": BEST + 1, "batch_size": BEST + 1}
    exact = repository.collection.find(both(filter, search.exact), {"_id": True}, **batch)
    ids = dict.fromkeys(_sorted_ids(exact))
    for start, end in ranges(lead):
        if len(ids) <= BEST:
            found = repository.collection.find(wanted, {"_id": True}, hint=TERMS, **batch)
            within = found.min(_bound(start)).max(_bound(end))
            ids |= dict.fromkeys(each["_id"] for each in within)
    return list(ids)[:BEST], len(ids) <= BEST


def _bound(term: str) -> list[Any]:
    return [("terms", term), ("_id", MinKey())]


def _ranked(repository: Repository, search: Search, ids: list[Any]) -> Iterable[Any]:
    """Yield ids with the best matches first, each kind in the order it came."""
    left = dict.fromkeys(ids)
    for filter in (search.exact, search.whole, search.titled):
        if len(left) > 1:
            best = {"$and": [{"_id": {"$in": list(left)}}, filter]}
            named = repository.collection.find(best, {"_id": True}, batch_size=len(left))
            found = {each["_id"] for each in named}
            yield from (id for id in left if id in found)
            left = dict.fromkeys(id for id in left if id not in found)
    yield from left


def _sorted_ids(found: Iterable[Document]) -> list[Any]:
    """Return ids in order; a hand edit may have left some that are not numbers."""
    return sorted((each["_id"] for each in found), key=lambda id: (str(type(id)), id))
