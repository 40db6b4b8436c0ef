"""Finds one page of a collection in some order, however large the collection is.

Up to a thousand matches are sorted by MongoDB, whichever index finds them.  More are read from an
index that has them in order already, named here, so that no page costs more than it shows and what
the other filters leave out on the way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pymongo
from bson import MaxKey, MinKey
from pymongo import IndexModel
from pymongo.cursor import Cursor as Found
from pymongo.errors import ExecutionTimeout, OperationFailure

from shared.http.errors import BadRequest
from shared.schema import cursor
from shared.schema.query import PageRequest
from shared.schema.serialization import Document
from shared.storage import search
from shared.storage.repository import (
    QUERY_TIMEOUT_SECONDS,
    SORT_IN_MEMORY_LIMIT,
    Page,
    Repository,
    both,
    count_limit,
)

_BAD_HINT, _BAD_BOUNDS = 2, 51175

TOO_MUCH = (
    "Too many items have to be looked through for this: leave the ordering out, or narrow the list "
    "by fewer or other filters."
)

Keys = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Way:
    """An index to read: its keys, of which the first ``fixed`` are equal all along, and whether
    it is read backward.
    """

    keys: Keys
    fixed: int
    backward: bool


def page(repository: Repository, asked: PageRequest, shown: Mapping[str, Any], count: str) -> Page:
    """Find the page a ``PageRequest`` asks for, cut to the projection ``shown``.

    The total is exact up to 10,000; ``count="exact"`` counts all, ``"none"`` none, and behind a
    cursor nothing is counted unless asked for.  Raise ``BadRequest`` for an order that no index
    has when there is too much to sort.
    """
    try:
        with pymongo.timeout(QUERY_TIMEOUT_SECONDS):
            return (search.page if asked.q else _page)(repository, asked, shown, count)
    except ExecutionTimeout as error:
        raise BadRequest(TOO_MUCH) from error


def _page(repository: Repository, asked: PageRequest, shown: Mapping[str, Any], count: str) -> Page:
    untold = count == "none" or (asked.after is not None and count != "exact")
    total = repository.count(
        asked.filter, SORT_IN_MEMORY_LIMIT + 1 if untold else count_limit(count)
    )
    read = _sorted if total <= SORT_IN_MEMORY_LIMIT else _walked
    found = read(repository, asked, shown)
    goes_on = None
    if len(found) > asked.per:
        goes_on = cursor.encode(asked.bound, _keys(repository, asked, found[asked.per - 1]))
    return Page.of(found, asked.per, None if untold else total, count, goes_on)


def _sorted(repository: Repository, asked: PageRequest, shown: Mapping[str, Any]) -> list[Document]:
    """Find a few documents by whatever index is best, and sort them."""
    behind = _behind(asked.sort, asked.after) if asked.after is not None else {}
    wanted = both(asked.filter, behind)
    found = repository.collection.find(wanted, shown, sort=list(asked.sort), **_window(asked))
    return list(found)


def _walked(repository: Repository, asked: PageRequest, shown: Mapping[str, Any]) -> list[Document]:
    """Read an index that has the order; make it anew if somebody removed it by hand."""
    way = choose(repository.indexes, asked)
    if way is None:
        text = (
            f"Several fields can order at most {SORT_IN_MEMORY_LIMIT:,} items, and there are more: "
            "narrow the list, or order by one field."
        )
        raise BadRequest.parameter("ordering", text)
    try:
        return list(_along(repository, asked, shown, way))
    except OperationFailure as error:
        if asked.after is not None and error.code == _BAD_BOUNDS:
            text = "Is not valid; use next_cursor of the previous page."
            raise BadRequest.parameter("cursor", text) from error
        if error.code != _BAD_HINT:
            raise
        repository.create_indexes()
        return list(_along(repository, asked, shown, way))


def _along(
    repository: Repository, asked: PageRequest, shown: Mapping[str, Any], way: Way
) -> Found[Document]:
    if asked.after is None:
        return repository.collection.find(
            asked.filter, shown, sort=list(asked.sort), hint=list(way.keys), **_window(asked)
        )
    # The bounds of an index compare whatever values there are, of one type or of several.  Of a
    # list it has every element, of which only the first one in this order is the item's place.
    start, end = _bounds(asked, way)
    behind = both(asked.filter, _behind(asked.sort, asked.after))
    found = repository.collection.find(
        behind, shown, sort=list(asked.sort), hint=list(way.keys), **_window(asked)
    )
    return found.min(start).max(end)


def _window(asked: PageRequest) -> dict[str, Any]:
    """Return the arguments for one page and one more document, in one batch."""
    skip = 0 if asked.after is not None else (asked.page - 1) * asked.per
    return {"skip": skip, "limit": asked.per + 1, "batch_size": asked.per + 1}


def choose(indexes: Sequence[IndexModel], asked: PageRequest) -> Way | None:
    """Return the index that has the order, behind as many fields with one value as possible."""
    ways = [Way([("_id", 1)], 0, False)] if len(asked.sort) == 1 else []
    ways += [Way(list(each.document["key"].items()), 0, False) for each in indexes if _whole(each)]
    fitting = [found for way in ways if (found := _fitting(way.keys, asked))]
    return max(fitting, key=lambda way: way.fixed, default=None)


def _whole(index: IndexModel) -> bool:
    """Whether an index has every document."""
    return not {"sparse", "partialFilterExpression"} & index.document.keys()


def _fitting(keys: Keys, asked: PageRequest) -> Way | None:
    fixed = len(keys) - len(asked.sort)
    if fixed < 0 or any(name not in asked.equal for name, _ in keys[:fixed]):
        return None
    rest = tuple(keys[fixed:])
    for backward in (False, True):
        if rest == tuple((name, -way if backward else way) for name, way in asked.sort):
            return Way(keys, fixed, backward)
    return None


def _bounds(asked: PageRequest, way: Way) -> tuple[list[Any], list[Any]]:
    """Return where an index is read from and to: behind a cursor, as far as the filter reaches."""
    assert asked.after is not None
    names = [name for name, _ in way.keys]
    fixed = [asked.equal[name] for name in names[: way.fixed]]
    first = names[way.fixed]
    floor, ceiling = asked.ranges.get(first, (None, None))
    limit = floor if asked.sort[0][1] < 0 else ceiling
    here = [*fixed, *asked.after]
    there: list[Any] = list(fixed)
    for number, (_, direction) in enumerate(way.keys[way.fixed :]):
        # A reader that goes backward ends where the index begins.
        last = MinKey() if (direction < 0) != way.backward else MaxKey()
        there.append(limit if number == 0 and limit is not None else last)
    start, end = (there, here) if way.backward else (here, there)
    return list(zip(names, start, strict=True)), list(zip(names, end, strict=True))


def _keys(repository: Repository, asked: PageRequest, document: Document) -> list[Any]:
    """Return the values that a document is sorted by: of a list, made by hand, one element."""
    values = [document.get(name) for name, _ in asked.sort]
    if not any(isinstance(value, list) for value in values):
        return values
    shown = {f"k{n}": _sorted_by(*pair) for n, pair in enumerate(asked.sort)}
    found = repository.collection.aggregate(
        [{"$match": {"_id": document["_id"]}}, {"$project": {"_id": False, **shown}}]
    )
    keys: Document = next(iter(found), {})
    return [keys.get(f"k{number}") for number in range(len(values))]


def _sorted_by(name: str, direction: int) -> Document:
    """Return the expression for what MongoDB sorts a document by, where no value is null."""
    first = {"$min" if direction > 0 else "$max": f"${name}"}
    return {"$cond": [{"$isArray": f"${name}"}, first, {"$ifNull": [f"${name}", None]}]}


def _behind(sort: Sequence[tuple[str, int]], after: Sequence[Any]) -> Document:
    """Return the filter for what comes behind some values, whatever their types."""
    options: list[Document] = []
    same: list[Document] = []
    for (name, direction), value in zip(sort, after, strict=True):
        stored = _sorted_by(name, direction)
        literal = {"$literal": value}
        options.append({"$and": [*same, {"$gt" if direction > 0 else "$lt": [stored, literal]}]})
        same.append({"$eq": [stored, literal]})
    return {"$expr": {"$or": options}}
