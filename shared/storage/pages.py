"""Pages of a list: finds one page in an order, in collections of any size.

Up to a thousand matches are sorted in memory by MongoDB, which chooses the index that finds them.
More matches are read from an index that has them in order; the index is chosen here.  So a page
costs the documents on it, and those that other filters leave out on the way.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pymongo
from bson import MaxKey, MinKey
from pymongo import IndexModel
from pymongo.cursor import Cursor
from pymongo.errors import OperationFailure, PyMongoError

from shared.http.errors import BadRequest
from shared.schema import sizes
from shared.schema.cursor import encode
from shared.schema.query import PageRequest
from shared.schema.serialization import Document
from shared.storage.connections import connections
from shared.storage.outages import is_ended, is_late
from shared.storage.repository import (
    BAD_HINT,
    QUERY_TIMEOUT_SECONDS,
    SORT_IN_MEMORY_LIMIT,
    Page,
    Repository,
    both,
    count_limit,
)
from shared.storage.search import matching
from shared.storage.search.matching import Matches

TIMEOUT = (
    "Finding this page takes too long. Leave the ordering out, or narrow the list by other filters."
)
_BAD_BOUNDS = 51175  # the error code of MongoDB for bounds that do not fit an index

Keys = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class IndexScan:
    """An index to read in order.

    The first ``fixed`` of its ``keys`` have one value or a few; ``backward`` is the direction.
    """

    keys: Keys
    fixed: int
    backward: bool


def find_matches(
    repository: Repository, page_request: PageRequest, is_exact: bool, tokens: tuple[str, ...] = ()
) -> Matches | None:
    """Return the documents that the words of a query string find; None without words.

    Args:
        repository: The collection.
        page_request: The query string.
        is_exact: True to find documents that have all words as they were sent.
        tokens: The generations of the cache before; see ``Connections.count``.

    Raises:
        BadRequest: It takes too long.
    """
    if not page_request.q:
        return None
    with refused_if_slow():
        return matching.find(repository, page_request, is_exact, tokens)


def page(
    repository: Repository,
    page_request: PageRequest,
    matches: Matches | None,
    shown: Mapping[str, Any],
    count: str,
    tokens: tuple[str, ...] = (),
) -> Page:
    """Return the page that a query string asks for.

    The total is exact up to 10,000.  After a cursor it is counted only if ``count`` is ``exact``.
    A page of large documents ends early, and its cursor leads to the rest.

    Args:
        repository: The collection.
        page_request: The query string.
        matches: The documents that its words find; None without words.
        shown: The projection: the stored fields to return.
        count: The preference of the client: ``exact`` counts all matches, ``none`` counts none.
        tokens: The generations of the cache before; see ``Connections.count``.

    Raises:
        BadRequest: There is too much to sort and no index has the order, it takes too long, or a
            page after the first, by its number, is too large.
    """
    with refused_if_slow():
        if matches and not page_request.is_ordered:
            return matching.page(repository, page_request, matches, shown, count, tokens)
        if matches:
            page_request = narrow(page_request, matches)
        return _page(repository, page_request, shown, count, tokens)


@contextmanager
def refused_if_slow(refusal: BadRequest | None = None) -> Iterator[None]:
    """Limit the time of finding a page, and raise ``refusal`` after it, unless MongoDB is down.

    After an outage, MongoDB is slow for a while, and no query is to blame.
    """
    try:
        with pymongo.timeout(QUERY_TIMEOUT_SECONDS):
            yield
    except PyMongoError as error:
        is_answered = is_ended(error) or (is_late(error) and connections().answers())
        if is_answered and not connections().pool.failed_lately():
            raise refusal or BadRequest(TIMEOUT) from error
        raise


def narrow(page_request: PageRequest, matches: Matches) -> PageRequest:
    """Return the request for the items among the matches of a search."""
    words = matches.filter
    return replace(
        page_request,
        filter=both(page_request.filter, words),
        asked=both(page_request.asked, words),
    )


def _page(
    repository: Repository,
    page_request: PageRequest,
    shown: Mapping[str, Any],
    count: str,
    tokens: tuple[str, ...],
) -> Page:
    hides_total = count == "none" or (page_request.after is not None and count != "exact")
    limit = SORT_IN_MEMORY_LIMIT + 1 if hides_total else count_limit(count)
    total = count_matches(repository, page_request, limit, tokens)
    documents, is_whole = read(repository, page_request, shown, total)
    is_cut = not is_whole and len(documents) < page_request.per
    if is_cut and page_request.page > 1:
        raise BadRequest(sizes.TOO_LARGE)  # The next number would leave out what is missing here.
    per = len(documents) if is_cut else page_request.per
    cursor = None
    if len(documents) > per or not is_whole:
        cursor = encode(
            page_request.bound, sort_values(repository, page_request, documents[per - 1])
        )
    page = Page.of(documents, per, None if hides_total else total, count, cursor)
    return page if is_whole else replace(page, more=True, is_cut=is_cut)


def count_matches(
    repository: Repository, page_request: PageRequest, limit: int, tokens: tuple[str, ...]
) -> int:
    """Count the matches, up to a limit if it is not 0."""
    if page_request.not_listed:
        # Few items are left out, and an index has their number.
        left_out = _count_left_out(repository, page_request, tokens)
        if left_out <= SORT_IN_MEMORY_LIMIT:
            most = limit and limit + left_out
            return max(0, repository.count(page_request.asked, most, tokens) - left_out)
    total = 0
    for part in page_request.parts:
        total += repository.count(part, limit, tokens)
        if limit and total >= limit:
            return limit
    return total


def _count_left_out(
    repository: Repository, page_request: PageRequest, tokens: tuple[str, ...]
) -> int:
    """Count the items that the parameters find and the reader does not see, up to a limit."""
    not_listed, limit = page_request.not_listed, SORT_IN_MEMORY_LIMIT + 1
    # Mostly none are, which is then known for all lists with the same category.
    if tokens and not repository.count(both(page_request.equal, not_listed), limit, tokens):
        return 0
    return repository.count(both(page_request.asked, not_listed), limit, tokens)


def read(
    repository: Repository,
    page_request: PageRequest,
    shown: Mapping[str, Any],
    matches: int,
    sortable: int = SORT_IN_MEMORY_LIMIT,
) -> tuple[list[Document], bool]:
    """Return the documents of a page and one more, and True if they take no more than a page may.

    Args:
        repository: The collection.
        page_request: The query string.
        shown: The projection: the stored fields to return.
        matches: The number of all matches, exact up to ``sortable``.
        sortable: The number of matches that are sorted in memory at most.
    """
    find = _sort_in_memory if matches <= sortable else _read_in_order
    return find(repository, page_request, shown)


def _sort_in_memory(
    repository: Repository, page_request: PageRequest, shown: Mapping[str, Any]
) -> tuple[list[Document], bool]:
    """Find a few documents by the index that MongoDB chooses, and sort them."""
    after = _after(page_request.sort, page_request.after) if page_request.after is not None else {}
    filter = both(page_request.filter, after)
    return sizes.take(
        repository.collection.find(
            filter, shown, sort=list(page_request.sort), **_window(page_request)
        )
    )


def _read_in_order(
    repository: Repository, page_request: PageRequest, shown: Mapping[str, Any]
) -> tuple[list[Document], bool]:
    """Read an index that has the order; create it again if it was dropped by hand."""
    scan = choose_index(repository.indexes, page_request)
    if scan is None:
        text = (
            f"At most {SORT_IN_MEMORY_LIMIT:,} items can be ordered by several fields, and there "
            "are more. Order by one field, or narrow the list by filters."
        )
        raise BadRequest.parameter("ordering", text)
    try:
        return sizes.take(_scan(repository, page_request, shown, scan))
    except OperationFailure as error:
        if page_request.after is not None and error.code == _BAD_BOUNDS:
            text = "Is not valid; use next_cursor of the previous page."
            raise BadRequest.parameter("cursor", text) from error
        if error.code != BAD_HINT:
            raise
        repository.create_indexes()
    try:
        return sizes.take(_scan(repository, page_request, shown, scan))
    except OperationFailure as error:
        if error.code != BAD_HINT:
            raise
        return _sort_in_memory(repository, page_request, shown)  # It cannot be created.


def _scan(
    repository: Repository, page_request: PageRequest, shown: Mapping[str, Any], scan: IndexScan
) -> Cursor[Document]:
    if page_request.after is None:
        return repository.collection.find(
            page_request.filter,
            shown,
            sort=list(page_request.sort),
            hint=list(scan.keys),
            **_window(page_request),
        )
    # The bounds of an index compare values of any types.  The index holds each element of a list,
    # and the first element in this order is the place of the document, so the filter is needed too.
    start, end = _bounds(page_request, scan)
    filter = both(page_request.filter, _after(page_request.sort, page_request.after))
    cursor = repository.collection.find(
        filter, shown, sort=list(page_request.sort), hint=list(scan.keys), **_window(page_request)
    )
    return cursor.min(start).max(end)


def _window(page_request: PageRequest) -> dict[str, Any]:
    """Return the arguments of ``find`` for a page and one document more, in one batch."""
    skip = 0 if page_request.after is not None else (page_request.page - 1) * page_request.per
    return {"skip": skip, "limit": page_request.per + 1, "batch_size": page_request.per + 1}


def choose_index(indexes: Sequence[IndexModel], page_request: PageRequest) -> IndexScan | None:
    """Return the index that has the order, after as many fixed fields as possible."""
    candidates: list[Keys] = [[("_id", 1)]] if len(page_request.sort) == 1 else []
    candidates += [list(index.document["key"].items()) for index in indexes if _is_complete(index)]
    scans = [scan for keys in candidates if (scan := _scan_in_order(keys, page_request))]
    return max(scans, key=lambda scan: scan.fixed, default=None)


def _is_complete(index: IndexModel) -> bool:
    """Return True if an index holds every document."""
    return not {"sparse", "partialFilterExpression"} & index.document.keys()


def _scan_in_order(keys: Keys, page_request: PageRequest) -> IndexScan | None:
    fixed = len(keys) - len(page_request.sort)
    # MongoDB merges the orders of a few values.  The bounds of a cursor need one value.
    merged = page_request.among if page_request.after is None else {}
    if fixed < 0 or any(
        name not in page_request.equal and name not in merged for name, _ in keys[:fixed]
    ):
        return None
    rest = tuple(keys[fixed:])
    for backward in (False, True):
        order = [(name, -sign if backward else sign) for name, sign in page_request.sort]
        if rest == tuple(order):
            return IndexScan(keys, fixed, backward)
    return None


def _bounds(page_request: PageRequest, scan: IndexScan) -> tuple[list[Any], list[Any]]:
    """Return the bounds of an index: from the cursor to the end of the filter."""
    assert page_request.after is not None
    names = [name for name, _ in scan.keys]
    fixed = [page_request.equal[name] for name in names[: scan.fixed]]
    first = names[scan.fixed]
    floor, ceiling = page_request.ranges.get(first, (None, None))
    limit = floor if page_request.sort[0][1] < 0 else ceiling
    here = [*fixed, *page_request.after]
    there: list[Any] = list(fixed)
    for number, (_, direction) in enumerate(scan.keys[scan.fixed :]):
        # A backward scan ends at the beginning of the index.
        last = MinKey() if (direction < 0) != scan.backward else MaxKey()
        there.append(limit if number == 0 and limit is not None else last)
    start, end = (there, here) if scan.backward else (here, there)
    return list(zip(names, start, strict=True)), list(zip(names, end, strict=True))


def sort_values(repository: Repository, page_request: PageRequest, document: Document) -> list[Any]:
    """Return the values that a document is sorted by; of a list, made by hand, one element."""
    values = [_member(document, name) for name, _ in page_request.sort]
    if not any(isinstance(value, list) for value in values):
        return values
    projection = {f"k{n}": _sort_key(*pair) for n, pair in enumerate(page_request.sort)}
    aggregation = repository.collection.aggregate(
        [{"$match": {"_id": document["_id"]}}, {"$project": {"_id": False, **projection}}]
    )
    sort_keys: Document = next(iter(aggregation), {})
    return [sort_keys.get(f"k{number}") for number in range(len(values))]


def _member(document: Document, path: str) -> Any:
    """Return the member of a document at a path such as ``sort_keys.name``; None if it has none."""
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _sort_key(name: str, direction: int) -> Document:
    """Return the expression for the value that MongoDB sorts by; a missing field is null."""
    first = {"$min" if direction > 0 else "$max": f"${name}"}
    return {"$cond": [{"$isArray": f"${name}"}, first, {"$ifNull": [f"${name}", None]}]}


def _after(sort: Sequence[tuple[str, int]], after: Sequence[Any]) -> Document:
    """Return the filter for documents after some values in an order, of any types."""
    options: list[Document] = []
    same: list[Document] = []
    for (name, direction), value in zip(sort, after, strict=True):
        stored = _sort_key(name, direction)
        literal = {"$literal": value}
        options.append({"$and": [*same, {"$gt" if direction > 0 else "$lt": [stored, literal]}]})
        same.append({"$eq": [stored, literal]})
    return {"$expr": {"$or": options}}
