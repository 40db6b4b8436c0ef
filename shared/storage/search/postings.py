"""Postings: the ids of the documents that have a word, from the index of search terms.

Reading ids from the index takes a fifth of the time of reading documents, and the index is in
MongoDB's memory where the documents have no room.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator
from typing import Any

from pymongo.errors import OperationFailure

from shared.schema.search_query import ANYWHERE, Span, Way, Word, in_index, in_spans
from shared.schema.search_terms import Filter
from shared.schema.serialization import Document
from shared.storage.repository import BAD_HINT, Repository, both

Ids = dict[Any, None]  # in the order of the index

SHORT = 3  # characters of a word that many longer words, and parts of codes, begin with
_BATCH = 100_000  # ids that one answer of MongoDB holds, more than are ever read


def of_word(
    repository: Repository,
    word: Word,
    rank: int = ANYWHERE,
    among: Collection[Any] | None = None,
    enough: int | None = None,
) -> Ids:
    """Return the ids of the documents that have a word.

    Args:
        repository: The collection.
        word: The word.
        rank: How well they have it, at least.
        among: The ids to choose from; all by default.
        enough: The number of ids with a short number as a whole, above which no documents are read
            to find it in longer words; None to find all.
    """
    if among is not None and is_short(word):
        return _of_short_word(repository, word, rank, among, enough)
    ids: Ids = {}
    spans = word.spans_of(rank)
    if terms := [span for span in spans if span.is_in_index]:
        ids |= _find(repository, in_spans(terms), "terms", among)
    for span in spans:
        if not span.is_in_index:
            ids |= of_span(repository, span, among)
    for way in word.splits:
        if way.rank <= rank:
            ids |= of_way(repository, way, among)
    return ids


def has_any(repository: Repository, word: Word, filter: Filter) -> bool:
    """Return True if one of the documents that a filter finds has a word."""
    if _find(repository, both(filter, in_index([word])), "terms", None, 1):
        return True
    return not word.is_in_index and repository.count(both(filter, word.condition), 1) > 0


def is_short(word: Word) -> bool:
    """Return True if so many terms begin with a word that an index cannot tell who has it."""
    return len(word.text) <= SHORT


def _of_short_word(
    repository: Repository, word: Word, rank: int, among: Collection[Any], enough: int | None
) -> Ids:
    """Return the ids of the documents that have a short word, of which few are read."""
    ways = [way for way in word.ways if way.rank <= rank and len(way.spans) == 1]
    whole = [way.spans[0] for way in ways if way.spans[0].is_term]
    terms = [span for span in whole if not span.is_place]
    ids = _find(repository, in_spans(terms), "terms", among)
    if enough is not None and len(ids) > enough and word.text.isdigit():
        return ids
    others = [id for id in among if id not in ids]
    return ids | _find(repository, word.condition_of(rank), "", others)


def of_way(
    repository: Repository, way: Way, among: Collection[Any] | None = None, limit: int = 0
) -> Ids:
    """Return the ids of the documents that have a word in a way of several terms."""
    return _find(repository, way.condition, "terms", among, limit)


def of_spans(repository: Repository, spans: Iterable[Span], limit: int) -> Ids:
    """Return the ids of the first documents with a term in one of some ranges of the index."""
    return _find(repository, in_spans(spans), "terms", None, limit)


def of_span(
    repository: Repository, span: Span, among: Collection[Any] | None = None, limit: int = 0
) -> Ids:
    """Return the ids of the documents with a term in a range, the first ones up to a limit."""
    filter = in_spans([span]) if span.is_in_index else span.filter
    (path,) = filter
    return _find(repository, filter, path, among, limit)


def _find(
    repository: Repository,
    filter: Filter,
    path: str,
    among: Collection[Any] | None,
    limit: int = 0,
) -> Ids:
    """Return the ids that a filter finds in the index of a field and the ids, or of the ids."""
    if among is not None:
        if not among:
            return {}
        filter = {"$and": [filter, {"_id": {"$in": list(among)}}]}
    index = [(path, 1)] * bool(path) + [("_id", 1)]
    try:
        return dict.fromkeys(_ids(repository, filter, limit, index))
    except OperationFailure as error:
        if error.code != BAD_HINT:
            raise
        repository.create_indexes()  # One was dropped by hand.
        return dict.fromkeys(_ids(repository, filter, limit, None))


def _ids(
    repository: Repository, filter: Filter, limit: int, index: list[tuple[str, int]] | None
) -> Iterator[Any]:
    """Yield ids, without those of a hand edit that no URL can contain."""
    found = repository.collection.find(
        filter, {"_id": True}, hint=index, limit=limit, batch_size=_BATCH
    )
    each: Document
    for each in found:
        if isinstance(each["_id"], Hashable):
            yield each["_id"]
