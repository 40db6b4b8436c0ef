"""Facets: the number of items of a list for each value of a field.

All facets of a list come from one aggregation over its items.  Numbers are counted in ranges, each
from the lowest to the highest value in it, so that both ends fit the filters ``__gte`` and
``__lte``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.http.errors import BadRequest
from shared.schema.query import PageRequest
from shared.schema.serialization import Document
from shared.storage.pages import refused_if_slow
from shared.storage.repository import Repository, both

MAX_ITEMS = 100_000  # of a list with facets
MAX_VALUES = 50  # of one facet
MAX_SINGLE_NUMBERS = 20  # distinct numbers of an attribute; more are counted in ranges
RANGES = 6  # of one facet
_GROUP = "group"  # the group of an item, beside the values of the facets


def count(
    repository: Repository, page_request: PageRequest, words: Document, numbers: Iterable[str]
) -> Document:
    """Return ``{facet: {"values": [...], "more": bool}}`` or ``{facet: {"ranges": [...]}}``.

    Args:
        repository: The collection.
        page_request: The query string, with the facets to count.
        words: The filter for the documents that its words find; empty for none.
        numbers: The facets that are always counted in ranges.

    Raises:
        BadRequest: The list has more than 100,000 items, or counting takes too long.
    """
    filter = both(page_request.filter, words)
    numbers = set(numbers)
    # MongoDB allows neither dots nor every attribute's name in the name of a facet.
    paths = {f"f{number}": path for number, path in enumerate(page_request.facets.values())}
    is_collapsed = bool(page_request.collapse)
    parts: dict[str, list[Document]] = {"n": [{"$count": "n"}]}
    for name, facet in zip(paths, page_request.facets, strict=True):
        if facet not in numbers:
            parts[f"{name}v"] = _values(f"${name}", is_collapsed)
        if facet in numbers or facet.startswith("attr."):
            parts[f"{name}r"] = _ranges(f"${name}", is_collapsed)
    projection = {name: _distinct(f"${path}") for name, path in paths.items()}
    if is_collapsed and repository.groups:
        projection[_GROUP] = repository.groups.key
    pipeline: list[Mapping[str, Any]] = [
        {"$match": filter},
        {"$limit": MAX_ITEMS + 1},
        {"$project": {"_id": False} | projection},
        {"$facet": parts},
    ]
    options: Document = {} if filter else {"hint": "_id_"}
    text = "Counting takes too long. Ask for fewer facets, or narrow the list by filters."
    with refused_if_slow(BadRequest.parameter("facets", text)):
        result = next(iter(repository.collection.aggregate(pipeline, **options)))
    if result["n"] and result["n"][0]["n"] > MAX_ITEMS:
        text = f"More than {MAX_ITEMS:,} items match. Narrow the list by filters first."
        raise BadRequest.parameter("facets", text)
    return {
        facet: _facet(result.get(f"{name}v"), result.get(f"{name}r", []))
        for name, facet in zip(paths, page_request.facets, strict=True)
    }


def _distinct(path: str) -> Document:
    """Return the expression for a value, or for the distinct values of a list."""
    return {"$cond": [{"$isArray": path}, {"$setUnion": [path, []]}, path]}


def _values(path: str, is_collapsed: bool) -> list[Document]:
    """Return the stages that count values; each element of a list counts by itself.

    Of a collapsed list, each group counts once for a value.
    """
    each: list[Document] = [{"$group": {"_id": path, "count": {"$sum": 1}}}]
    if is_collapsed:
        each = [
            {"$group": {"_id": {"value": path, "group": f"${_GROUP}"}}},
            {"$group": {"_id": "$_id.value", "count": {"$sum": 1}}},
        ]
    order = {"count": -1, "_id": 1}
    return [{"$unwind": path}, *each, {"$sort": order}, {"$limit": MAX_VALUES + 1}]


def _ranges(path: str, is_collapsed: bool) -> list[Document]:
    """Return the stages that divide numbers into ranges of about the same number of items.

    Of a collapsed list, each group counts once in a range.
    """
    counted = {"$addToSet": f"${_GROUP}"} if is_collapsed else {"$sum": 1}
    output = {"low": {"$min": path}, "high": {"$max": path}, "count": counted}
    by = {"groupBy": path, "buckets": RANGES, "output": output}
    number = {"$match": {"$expr": {"$isNumber": path}}}
    sizes = [{"$set": {"count": {"$size": "$count"}}}] if is_collapsed else []
    return [{"$unwind": path}, number, {"$bucketAuto": by}, *sizes]


def _facet(values: list[Document] | None, ranges: list[Document]) -> Document:
    has_many_numbers = values is None or (
        len(values) > MAX_SINGLE_NUMBERS and all(map(_is_number, values))
    )
    if ranges and has_many_numbers:
        return {
            "ranges": [
                {"from": bucket["low"], "to": bucket["high"], "count": bucket["count"]}
                for bucket in ranges
            ]
        }
    counts = [{"value": group["_id"], "count": group["count"]} for group in values or []]
    return {"values": counts[:MAX_VALUES], "more": len(counts) > MAX_VALUES}


def _is_number(value: Document) -> bool:
    return not isinstance(value["_id"], (str, bool, dict, list))
