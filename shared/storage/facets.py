"""Facets: how many of the items that a query finds have which value.

All facets of an answer come from one aggregation over the matches.  Numbers are told in ranges,
each from the lowest to the highest value in it, so that both ends fit the filters ``__gte`` and
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

MOST = 100_000  # Items that are looked at.
VALUES = 50
FEW_NUMBERS = 20  # Different ones that are told as they are.
RANGES = 6


def count(repository: Repository, asked: PageRequest, numbers: Iterable[str]) -> Document:
    """Return ``{facet: {"values": [...], "more": bool}}`` or ``{facet: {"ranges": [...]}}``.

    ``numbers`` are the facets that are always told in ranges.  Raise ``BadRequest`` when more than
    100,000 items match.
    """
    filter = both(asked.filter, Search(asked.q).anywhere if asked.q else {})
    numbers = set(numbers)
    # Neither the name of an attribute nor a dot can stand as it is in the name of a facet.
    paths = {f"f{number}": path for number, path in enumerate(asked.facets.values())}
    parts: dict[str, list[Document]] = {"n": [{"$count": "n"}]}
    for name, facet in zip(paths, asked.facets, strict=True):
        if facet not in numbers:
            parts[f"{name}v"] = _values(f"${name}")
        if facet in numbers or facet.startswith("attr."):
            parts[f"{name}r"] = _ranges(name)
    pipeline: list[Mapping[str, Any]] = [
        {"$match": filter},
        {"$limit": MOST + 1},
        {"$project": {"_id": False} | {name: _set(f"${path}") for name, path in paths.items()}},
        {"$facet": parts},
    ]
    options: Document = {} if filter else {"hint": "_id_"}
    try:
        with pymongo.timeout(QUERY_TIMEOUT_SECONDS):
            found = next(iter(repository.collection.aggregate(pipeline, **options)))
    except ExecutionTimeout as error:
        text = "Takes too long; ask for fewer facets, or narrow the list."
        raise BadRequest.parameter("facets", text) from error
    if found["n"] and found["n"][0]["n"] > MOST:
        text = f"More than {MOST:,} items match; narrow the list first."
        raise BadRequest.parameter("facets", text)
    return {
        facet: _shown(found.get(f"{name}v"), found.get(f"{name}r", []))
        for name, facet in zip(paths, asked.facets, strict=True)
    }


def _set(path: str) -> Document:
    """Return the expression for a value, or for the different values of a list."""
    return {"$cond": [{"$isArray": path}, {"$setUnion": [path, []]}, path]}


def _values(name: str) -> list[Document]:
    """Return the stages that count values, each element of a list by itself."""
    return [
        {"$unwind": name},
        {"$group": {"_id": name, "count": {"$sum": 1}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": VALUES + 1},
    ]


def _ranges(name: str) -> list[Document]:
    """Return the stages that share numbers out to ranges of about as many items each."""
    output = {"low": {"$min": f"${name}"}, "high": {"$max": f"${name}"}, "count": {"$sum": 1}}
    by = {"groupBy": f"${name}", "buckets": RANGES, "output": output}
    number = {"$match": {"$expr": {"$isNumber": f"${name}"}}}
    return [{"$unwind": f"${name}"}, number, {"$bucketAuto": by}]


def _shown(values: list[Document] | None, ranges: list[Document]) -> Document:
    many = values is None or (len(values) > FEW_NUMBERS and all(map(_is_number, values)))
    if ranges and many:
        return {
            "ranges": [
                {"from": each["low"], "to": each["high"], "count": each["count"]} for each in ranges
            ]
        }
    told = [{"value": each["_id"], "count": each["count"]} for each in values or []]
    return {"values": told[:VALUES], "more": len(told) > VALUES}


def _is_number(value: Document) -> bool:
    return not isinstance(value["_id"], (str, bool, dict, list))
