"""Search by words, with the best matches first.

An exact name or SKU comes first, then documents with all words in the title, then those with words
in the title that begin so, then the others.  No score is computed for each match: if the rarest
word occurs in at most a thousand documents, all matches are ranked.  Otherwise two hundred matches
are ranked, first of all those with the word in the title.
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

MAX_RANKED = 200  # matches, if there are more than can be sorted in memory
MAX_COUNTED = 5_000  # documents of a word, to find the rarest word
MAX_WORDS = 6  # that are counted, the longest ones
TERMS = [("terms", 1), ("_id", 1)]
# One batch: a second round trip would cost more than the documents.
_BATCH = {"limit": MAX_RANKED + 1, "batch_size": MAX_RANKED + 1}


def page(
    repository: Repository,
    page_request: PageRequest,
    shown: Mapping[str, Any],
    count: str,
    tokens: tuple[str, ...] = (),
) -> Page:
    """Return one page of the best matches.

    The total is exact if all matches were ranked and, for one word without filters, up to 10,000.

    Args:
        repository: The collection.
        page_request: The query string.
        shown: The projection: the stored fields to return.
        count: The preference of the client: ``exact`` counts all matches, ``none`` counts none.
        tokens: The generations of the cache before; see ``Connections.count``.

    Raises:
        BadRequest: The page is after the ranked matches.
    """
    search = Search(page_request.q)
    ids, is_complete = _matches(repository, page_request.filter, search)
    start, end = (page_request.page - 1) * page_request.per, page_request.page * page_request.per
    if start >= MAX_RANKED and not is_complete:
        text = (
            f"Only the best {MAX_RANKED} matches are ordered by relevance. Add the parameter "
            "ordering to page through all matches."
        )
        raise BadRequest.parameter("page", text)
    page_ids = list(islice(_rank(repository, search, ids), start, end))
    with_ids = {"_id": {"$in": page_ids}}
    unordered = repository.collection.find(with_ids, shown, batch_size=page_request.per + 1)
    documents = sorted(unordered, key=lambda document: page_ids.index(document["_id"]))
    more = end < (len(ids) if is_complete else MAX_RANKED)
    if count == "none":
        return Page(documents, None, False, more)
    if is_complete:
        return Page(documents, len(ids), True, more)
    words = search.words
    if count != "exact" and (len(words) > 1 or page_request.filter):
        return Page(documents, len(ids), False, more)
    all_matches = both(
        page_request.filter, in_any_field(words[0]) if len(words) == 1 else search.anywhere
    )
    cap = 0 if count == "exact" else COUNT_CAP
    total = repository.count(all_matches, cap, tokens)
    return Page(documents, total, total != cap, more)


def _matches(repository: Repository, filter: Filter, search: Search) -> tuple[list[Any], bool]:
    """Return the ids of the matches to rank, and True if these are all matches."""
    anywhere = both(filter, search.anywhere)
    if _are_few(repository, filter, search):
        matches = repository.collection.find(
            anywhere, {"_id": True}, batch_size=SORT_IN_MEMORY_LIMIT + 1
        )
        return _sorted_ids(matches), True
    exact = both(filter, search.exact)
    ids = dict.fromkeys(_sorted_ids(repository.collection.find(exact, {"_id": True}, **_BATCH)))
    words = search.words
    if len(words) > 1:
        # Documents with all words in the title, by the word that the fewest titles have.
        rarest = _rarest(repository, {word: in_titles(word) for word in words})
        _add(repository, ids, both(filter, search.titled), ranges(rarest)[:1])
    rarest = _rarest(repository, {word: in_any_field(word) for word in words})
    _add(repository, ids, anywhere, ranges(rarest))
    return list(ids)[:MAX_RANKED], len(ids) <= MAX_RANKED


def _are_few(repository: Repository, filter: Filter, search: Search) -> bool:
    """Return True if few documents have one of the words, or fit the filter, so all can be read."""
    longest = sorted(search.words, key=len, reverse=True)[:MAX_WORDS]
    conditions = [*map(in_any_field, longest), *([filter] if filter else [])]
    # Long words are rare, so the first word often decides.
    return not longest or any(
        repository.count(condition, SORT_IN_MEMORY_LIMIT + 1) <= SORT_IN_MEMORY_LIMIT
        for condition in conditions
    )


def _rarest(repository: Repository, conditions: dict[str, Filter]) -> str:
    """Return the word with the fewest documents, counted up to a limit."""
    words = sorted(conditions, key=len, reverse=True)[:MAX_WORDS]
    if len(words) == 1:
        return words[0]
    return min(words, key=lambda word: repository.count(conditions[word], MAX_COUNTED))


def _add(
    repository: Repository,
    ids: dict[Any, None],
    filter: Mapping[str, Any],
    term_ranges: list[tuple[str, str]],
) -> None:
    """Add the matches in some ranges of the index of terms, until there are enough."""
    for start, end in term_ranges:
        if len(ids) <= MAX_RANKED:
            matches = repository.collection.find(filter, {"_id": True}, hint=TERMS, **_BATCH)
            in_range = matches.min(_bound(start)).max(_bound(end))
            ids |= dict.fromkeys(_ids(in_range))


def _bound(term: str) -> list[Any]:
    return [("terms", term), ("_id", MinKey())]


def _rank(repository: Repository, search: Search, ids: list[Any]) -> Iterable[Any]:
    """Yield ids with the best matches first; equally good matches keep their order."""
    left = dict.fromkeys(ids)
    for filter in (search.exact, search.whole, search.titled):
        if len(left) > 1:
            best = {"$and": [{"_id": {"$in": list(left)}}, filter]}
            matches = repository.collection.find(best, {"_id": True}, batch_size=len(left) + 1)
            best_ids = {document["_id"] for document in matches}
            yield from (id for id in left if id in best_ids)
            left = dict.fromkeys(id for id in left if id not in best_ids)
    yield from left


def _sorted_ids(documents: Iterable[Document]) -> list[Any]:
    """Return ids in order; after a hand edit some may not be numbers."""
    return sorted(_ids(documents), key=_sort_key)


def _ids(documents: Iterable[Document]) -> Iterator[Any]:
    """Yield ids, without ids of a hand edit that no URL can contain, such as objects."""
    return (document["_id"] for document in documents if isinstance(document["_id"], Hashable))


def _sort_key(id: Any) -> tuple[str, Any]:
    if isinstance(id, (int, float)):
        return "", id
    return type(id).__name__, id if isinstance(id, (str, ObjectId)) else repr(id)
