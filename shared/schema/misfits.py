"""Where a stored value does not fit a ``$jsonSchema`` of MongoDB's, and why: a pure function.

MongoDB finds such documents, but of one that is stored already it does not tell what is wrong.
This reads what ``shared.schema.validators`` writes, and no more of JSON Schema (draft 4).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from math import nan
from types import NoneType
from typing import Any

from bson import Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

# What MongoDB calls the types of values as pymongo reads them.
_TYPES: Mapping[type, str] = {
    NoneType: "null",
    bool: "bool",
    int: "int",
    Int64: "long",
    float: "double",
    Decimal128: "decimal",
    str: "string",
    dict: "object",
    list: "array",
    datetime: "date",
    DatetimeMS: "date",
    ObjectId: "objectId",
    bytes: "binData",
}
_NUMBERS = (int, float, Decimal128)

# For each keyword: the values it is for, whether one holds to its limit, and what it is if not.
_KEYWORDS: Mapping[str, tuple[Any, Callable[[Any, Any], bool], str]] = {
    "minimum": (_NUMBERS, lambda value, least: value >= least, "is less than {}"),
    "maximum": (_NUMBERS, lambda value, most: value <= most, "is more than {}"),
    "multipleOf": (_NUMBERS, lambda value, unit: value % unit == 0, "is no whole number"),
    "minLength": (str, lambda value, least: len(value) >= least, "is empty"),
    "maxLength": (str, lambda value, most: len(value) <= most, "has more than {} characters"),
    "pattern": (
        str,
        lambda value, pattern: bool(re.search(pattern, value, re.ASCII)),
        "does not match {}",
    ),
    "minItems": (list, lambda value, least: len(value) >= least, "has fewer than {} items"),
    "maxItems": (list, lambda value, most: len(value) <= most, "has more than {} items"),
    "maxProperties": (dict, lambda value, most: len(value) <= most, "has more than {} fields"),
    "enum": (object, lambda value, known: value in known, "is none of {}"),
}


def misfits(value: Any, rules: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the JSON pointer (RFC 6901) of each value that does not fit, and why."""
    allowed = rules.get("bsonType", ())
    kind = _TYPES.get(type(value), type(value).__name__)
    if allowed and kind not in allowed:
        yield at, f"is of type {kind}, not {_named(allowed)}"
        return
    for keyword, (types, holds, text) in _KEYWORDS.items():
        if keyword in rules and isinstance(value, types) and not isinstance(value, bool):
            limit = rules[keyword]
            if not holds(_plain(value), limit):
                yield at, text.format(_listed(limit))
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from misfits(each, rules.get("items", {}), f"{at}/{index}")
    elif isinstance(value, dict):
        yield from _inside(value, rules, at)


def _inside(
    value: Mapping[str, Any], rules: Mapping[str, Any], at: str
) -> Iterator[tuple[str, str]]:
    known, others = rules.get("properties", {}), rules.get("additionalProperties", {})
    for name in rules.get("required", ()):
        if name not in value:
            yield f"{at}/{name}", "is missing"
    for name, each in value.items():
        step = str(name).replace("~", "~0").replace("/", "~1")
        yield from misfits(each, known.get(name, others), f"{at}/{step}")


def _plain(value: Any) -> Any:
    """Return a number that compares with any other; what is no number compares with none."""
    if not isinstance(value, Decimal128):
        return value
    number = value.to_decimal()
    return nan if number.is_nan() else float(number)


def _named(types: list[str]) -> str:
    """Name types as MongoDB does, which calls all that count numbers together."""
    numbers = ["int", "long", "double", "decimal"]
    if all(each in types for each in numbers):
        types = ["number", *(each for each in types if each not in numbers)]
    return " or ".join(each for each in types if each != "null")


def _listed(limit: Any) -> str:
    if isinstance(limit, list):
        return ", ".join(str(each) for each in limit if each is not None)
    return str(limit)
