"""MongoDB's ``$jsonSchema`` of a collection, made of its marshmallow schema, and its violations.

The validator only warns (``validationAction``): MongoDB accepts an edit by hand that violates it,
and logs it.  Compass shows the same.  The schema describes stored documents, so a document made by
hand may lack every field that is not required.  For fields that only the service writes it checks
types and no ranges: the total of a return is negative.

A field that is stored in another form than it is loaded names a field of the stored form as
``stored`` in its metadata.

MongoDB finds the documents that violate a schema, but does not say what is wrong with a stored one.
``violations`` does; it reads the part of JSON Schema (draft 4) that ``json_schema`` writes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from math import nan
from types import NoneType
from typing import Any

from bson import Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from marshmallow import Schema, fields, validate

from shared.http.json import MAX_WHOLE
from shared.schema.fields import (
    MAX_ATTRIBUTES,
    MAX_MONEY,
    Attributes,
    Birthday,
    Id,
    Moment,
    Money,
    Ref,
    Slug,
    Text,
    Timestamp,
    Whole,
)
from shared.schema.slugs import SLUG

Rules = dict[str, Any]

# The types in which Compass may store the number 3.
_NUMBER = ["int", "long", "double"]
_TEXT: Rules = {"bsonType": ["string"], "minLength": 1, "pattern": r"\S"}
_ID: Rules = {"minimum": 1, "maximum": MAX_WHOLE, "multipleOf": 1}

# The rules for the stored values of each class of field; a class without a row has its parent's.
STORED: Mapping[type[fields.Field[Any]], Rules] = {
    fields.Raw: {},
    fields.Function: {},
    fields.Method: {},
    fields.String: {"bsonType": ["string"]},
    fields.Boolean: {"bsonType": ["bool"]},
    fields.Integer: {"bsonType": _NUMBER, "multipleOf": 1},
    fields.Float: {"bsonType": _NUMBER},
    fields.List: {"bsonType": ["array"]},
    fields.Dict: {"bsonType": ["object"]},
    fields.Nested: {"bsonType": ["object"]},
    Attributes: {"bsonType": ["object"], "maxProperties": MAX_ATTRIBUTES},
    Birthday: _TEXT | {"pattern": r"^(\d\d/\d\d/\d{4}|\d{4}-\d\d-\d\d)$"},
    Id: _ID | {"bsonType": [*_NUMBER, "objectId"]},
    Moment: {"bsonType": ["date"]},
    Money: {"bsonType": [*_NUMBER, "decimal"], "minimum": 0, "maximum": int(MAX_MONEY)},
    Ref: _ID | {"bsonType": [*_NUMBER, "string"], "pattern": "^[0-9a-f]{24}$"},
    Slug: _TEXT | {"pattern": rf"^(?!\d+$){SLUG.pattern}$"},
    Text: _TEXT,
    Timestamp: {"bsonType": ["date"]},
    Whole: {"bsonType": _NUMBER, "multipleOf": 1},
}

# The fields that the service writes itself; a document made by hand lacks them.
_INTERNAL: Rules = {
    "_id": STORED[Id],
    "revision": {"bsonType": [*_NUMBER, "null"]},
    "created_at": {"bsonType": ["date", "null"]},
    "updated_at": {"bsonType": ["date", "null"]},
    "terms": {"bsonType": ["array", "null"]},
    "sort_keys": {"bsonType": ["object", "null"]},
    "group_variant": {"bsonType": ["string", "null"]},
    "old_slugs": {"bsonType": ["array", "null"]},
    "written": {"bsonType": ["string", "null"]},
    "writer": {"bsonType": ["object", "null"]},
}


def json_schema(schema: Schema) -> Rules:
    """Return the ``$jsonSchema`` of the documents of a collection."""
    rules = _object(schema)
    return rules | {"bsonType": ["object"], "properties": rules["properties"] | _INTERNAL}


def stored_fields(schema: Schema) -> dict[str, fields.Field[Any]]:
    """Return the fields of a schema by the names of the stored fields."""
    return {
        field.attribute or name: field.metadata.get("stored", field)
        for name, field in schema.fields.items()
    }


def row(field: fields.Field[Any]) -> Rules | None:
    """Return the rules of ``STORED`` for the class of a field, or None if it has none."""
    return next((STORED[each] for each in type(field).__mro__ if each in STORED), None)


def _object(schema: Schema) -> Rules:
    stored = stored_fields(schema)
    required = sorted(
        name for name, field in stored.items() if field.required and not field.allow_none
    )
    properties = {
        name: rules if name in required else _or_null(rules)
        for name, field in stored.items()
        if (rules := _rules(field))
    }
    return {"properties": properties} | ({"required": required} if required else {})


def _or_null(rules: Rules) -> Rules:
    enum = {"enum": [*rules["enum"], None]} if "enum" in rules else {}
    return rules | enum | {"bsonType": [*rules["bsonType"], "null"]}


def _rules(field: fields.Field[Any]) -> Rules:
    """Return the rules for the stored values of a field; none if it may store any value."""
    rules = dict(row(field) or {})
    if not rules:
        return rules
    if field.dump_only:
        rules = {"bsonType": rules["bsonType"]}
    if isinstance(field, Text):
        rules["maxLength"] = field.longest
    for validator in field.validators:
        rules |= limits(validator, "Items" if isinstance(field, fields.List) else "Length")
    if isinstance(field, fields.List):
        rules["items"] = _rules(field.inner)
    elif isinstance(field, fields.Dict) and field.value_field:
        rules["additionalProperties"] = _rules(field.value_field)
    elif isinstance(field, fields.Nested):
        rules |= _object(field.schema)
    return rules


def limits(validator: Any, size: str) -> Rules:
    """Return the rules of a marshmallow validator that JSON Schema can express.

    Args:
        validator: A validator of a field.
        size: The noun in the keywords for a length: ``Length`` for texts, ``Items`` for lists.
    """
    rules: Rules = {}
    if isinstance(validator, validate.Range):
        rules = {"minimum": validator.min, "maximum": validator.max}
    elif isinstance(validator, validate.Length):
        low, high = validator.equal or validator.min, validator.equal or validator.max
        rules = {f"min{size}": low, f"max{size}": high}
    elif isinstance(validator, validate.OneOf):
        rules = {"enum": list(validator.choices)}
    elif isinstance(validator, validate.Regexp):
        rules = {"pattern": "^(?:" + str(validator.regex.pattern) + ")"}
    return {name: limit for name, limit in rules.items() if limit is not None}


# The BSON types of the values that pymongo reads.
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

# Each keyword: the types it is for, a test of a value against its limit, and the message.
_KEYWORDS: Mapping[str, tuple[Any, Callable[[Any, Any], bool], str]] = {
    "minimum": (_NUMBERS, lambda value, least: value >= least, "is less than {}"),
    "maximum": (_NUMBERS, lambda value, most: value <= most, "is more than {}"),
    "multipleOf": (_NUMBERS, lambda value, unit: value % unit == 0, "is not a whole number"),
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
    "enum": (object, lambda value, choices: value in choices, "is not one of {}"),
}


def violations(value: Any, rules: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the JSON pointer (RFC 6901) of each value that violates the rules, and the reason.

    Args:
        value: A stored value, such as a document.
        rules: Its ``$jsonSchema``.
        at: The pointer of the value itself.
    """
    allowed = rules.get("bsonType", ())
    bson_type = _TYPES.get(type(value), type(value).__name__)
    if allowed and bson_type not in allowed:
        yield at, f"is of type {bson_type}, not {_type_names(allowed)}"
        return
    for keyword, (types, holds, message) in _KEYWORDS.items():
        if keyword in rules and isinstance(value, types) and not isinstance(value, bool):
            limit = rules[keyword]
            if not holds(_comparable(value), limit):
                yield at, message.format(_limit_text(limit))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from violations(item, rules.get("items", {}), f"{at}/{index}")
    elif isinstance(value, dict):
        yield from _in_object(value, rules, at)


def _in_object(
    value: Mapping[str, Any], rules: Mapping[str, Any], at: str
) -> Iterator[tuple[str, str]]:
    properties, others = rules.get("properties", {}), rules.get("additionalProperties", {})
    for name in rules.get("required", ()):
        if name not in value:
            yield f"{at}/{name}", "is missing"
    for name, member in value.items():
        step = str(name).replace("~", "~0").replace("/", "~1")
        yield from violations(member, properties.get(name, others), f"{at}/{step}")


def _comparable(value: Any) -> Any:
    """Return a value that compares with a limit: of a decimal a float, which may be NaN."""
    if not isinstance(value, Decimal128):
        return value
    number = value.to_decimal()
    return nan if number.is_nan() else float(number)


def _type_names(types: list[str]) -> str:
    """Return the names of BSON types, with MongoDB's word "number" for all numeric types."""
    numbers = ["int", "long", "double", "decimal"]
    if all(number in types for number in numbers):
        types = ["number", *(name for name in types if name not in numbers)]
    return " or ".join(name for name in types if name != "null")


def _limit_text(limit: Any) -> str:
    if isinstance(limit, list):
        return ", ".join(str(choice) for choice in limit if choice is not None)
    return str(limit)
