"""Facets: the number of items of a list for each value of a field.

All facets of a list come from one aggregation over its items.  Numbers are counted in ranges, each
from the lowest to the highest value in it, so that both ends fit the filters ``__gte`` and
``__lte``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pymongo
from pymongo.errors import ExecutionTimeout

from shared.http.errors import BadRequest
from shared.schema.query import PageRequest
from shared.schema.search_terms import Search
from shared.schema.serialization import Document
from shared.storage.repository import QUERY_TIMEOUT_SECONDS, Repository, both

MAX_ITEMS = 100_000  # of a list with facets
MAX_VALUES = 50  # of one facet
MAX_SINGLE_NUMBERS = 20  # distinct numbers of an attribute; more are counted in ranges
RANGES = 6  # of one facet


def count(repository: Repository, page_request: PageRequest, numbers: Iterable[str]) -> Document:
    """Return ``{facet: {"values": [...], "more": bool}}`` or ``{facet: {"ranges": [...]}}``.

    Args:
        repository: The collection.
        page_request: The query string, with the facets to count.
        numbers: The facets that are always counted in ranges.

    Raises:
        BadRequest: The list has more than 100,000 items, or counting takes too long.
    """
    filter = both(page_request.filter, Search(page_request.q).anywhere if page_request.q else {})
    numbers = set(numbers)
    # MongoDB allows neither dots nor every attribute's name in the name of a facet.
    paths = {f"f{number}": path for number, path in enumerate(page_request.facets.values())}
    parts: dict[str, list[Document]] = {"n": [{"$count": "n"}]}
    for name, facet in zip(paths, page_request.facets, strict=True):
        if facet not in numbers:
            parts[f"{name}v"] = _values(f"${name}")
        if facet in numbers or facet.startswith("attr."):
            parts[f"{name}r"] = _ranges(name)
    projection = {name: _distinct(f"${path}") for name, path in paths.items()}
    pipeline: list[Mapping[str, Any]] = [
        {"$match": filter},
        {"$limit": MAX_ITEMS + 1},
        {"$project": {"_id": False} | projection},
        {"$facet": parts},
    ]
    options: Document = {} if filter else {"hint": "_id_"}
    try:
        with pymongo.timeout(QUERY_TIMEOUT_SECONDS):
            result = next(iter(repository.collection.aggregate(pipeline, **options)))
    except ExecutionTimeout as error:
        text = "Counting takes too long. Ask for fewer facets, or narrow the list by filters."
        raise BadRequest.parameter("facets", text) from error
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


def _values(name: str) -> list[Document]:
    """Return the stages that count values; each element of a list counts by itself."""
    return [
        {"$unwind": name},
        {"$group": {"_id": name, "count": {"$sum": 1}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": MAX_VALUES + 1},
    ]


def _ranges(name: str) -> list[Document]:
    """Return the stages that divide numbers into ranges of about the same number of items."""
    output = {"low": {"$min": f"${name}"}, "high": {"$max": f"${name}"}, "count": {"$sum": 1}}
    by = {"groupBy": f"${name}", "buckets": RANGES, "output": output}
    number = {"$match": {"$expr": {"$isNumber": f"${name}"}}}
    return [{"$unwind": f"${name}"}, number, {"$bucketAuto": by}]


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
