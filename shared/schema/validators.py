"""What MongoDB is told of a collection, made of its schema: the validator that Compass shows.

It only warns (``validationAction``): a hand edit that does not fit is let through, and logged by
mongod.  It holds for what is stored, so a document made by hand may lack all but what is required,
and of what only the service writes the type counts and no range: the total of a return is negative.
A field that is stored otherwise than it is loaded names a field that is like it in its metadata,
as ``stored``.
"""

from collections.abc import Mapping
from typing import Any

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
from shared.schema.words import SLUG

Rules = dict[str, Any]

# Compass writes the number 3 as any of these.
_NUMBER = ["int", "long", "double"]
_TEXT: Rules = {"bsonType": ["string"], "minLength": 1, "pattern": r"\S"}
_ID: Rules = {"minimum": 1, "maximum": MAX_WHOLE, "multipleOf": 1}

# What a field of each class stores; that of a class without a row is stored as its parent's is.
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

# What the service keeps itself, and a document made by hand lacks.
_KEPT: Rules = {
    "_id": STORED[Id],
    "revision": {"bsonType": [*_NUMBER, "null"]},
    "created_at": {"bsonType": ["date", "null"]},
    "updated_at": {"bsonType": ["date", "null"]},
    "terms": {"bsonType": ["array", "null"]},
    "old_slugs": {"bsonType": ["array", "null"]},
    "written": {"bsonType": ["string", "null"]},
    "writer": {"bsonType": ["object", "null"]},
}


def json_schema(schema: Schema) -> Rules:
    """Return the ``$jsonSchema`` of the documents that a resource of this schema stores."""
    rules = _object(schema)
    return rules | {"bsonType": ["object"], "properties": rules["properties"] | _KEPT}


def stored_fields(schema: Schema) -> dict[str, fields.Field[Any]]:
    """Return the fields of a schema by the names they are stored under."""
    return {
        field.attribute or name: field.metadata.get("stored", field)
        for name, field in schema.fields.items()
    }


def row(field: fields.Field[Any]) -> Rules | None:
    """Return what ``STORED`` says of a field's class, or None when it knows none of its kind."""
    return next((STORED[each] for each in type(field).__mro__ if each in STORED), None)


def _object(schema: Schema) -> Rules:
    known = stored_fields(schema)
    required = sorted(
        name for name, field in known.items() if field.required and not field.allow_none
    )
    found = {
        name: rules if name in required else _or_null(rules)
        for name, field in known.items()
        if (rules := _rules(field))
    }
    return {"properties": found} | ({"required": required} if required else {})


def _or_null(rules: Rules) -> Rules:
    enum = {"enum": [*rules["enum"], None]} if "enum" in rules else {}
    return rules | enum | {"bsonType": [*rules["bsonType"], "null"]}


def _rules(field: fields.Field[Any]) -> Rules:
    """Return what is stored for a field: nothing of one that is not stored, or is anything."""
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
    """Return what a validator of marshmallow's demands, as far as JSON Schema can say it.

    ``size`` is what a length is one of: ``Length`` or ``Items``.
    """
    found: Rules = {}
    if isinstance(validator, validate.Range):
        found = {"minimum": validator.min, "maximum": validator.max}
    elif isinstance(validator, validate.Length):
        low, high = validator.equal or validator.min, validator.equal or validator.max
        found = {f"min{size}": low, f"max{size}": high}
    elif isinstance(validator, validate.OneOf):
        found = {"enum": list(validator.choices)}
    elif isinstance(validator, validate.Regexp):
        found = {"pattern": "^(?:" + str(validator.regex.pattern) + ")"}
    return {name: limit for name, limit in found.items() if limit is not None}
