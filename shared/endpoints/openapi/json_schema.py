"""JSON Schemas (draft 2020-12) of what clients send and are given, made of marshmallow's.

What is sent is told as strictly as it is validated.  What is given is told by type alone, for a
document that was edited by hand is shown as it is, also beyond the limits of what may be sent.

A field's metadata may hold an ``example``, a ``description``, ``aliases``, which are told as
deprecated, ``shown``, a field that it is shown like where its own class does not say how,
``optional`` where an answer may be without it, and ``flat``, what its first element may be sent as.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from marshmallow import Schema, fields, missing, validate

from shared.http.json import MAX_WHOLE
from shared.schema.attribute_rules import ATTRIBUTE_NAME
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
)
from shared.schema.mongo_schema import Rules, limits
from shared.schema.slugs import MAX_SLUG, SLUG

_VALUE: Rules = {"type": ["string", "number", "boolean", "null"]}
_ANY_ID: Rules = {"type": ["integer", "string"]}

# What a field of each class is in JSON; a class without a row is what its parent is.
_SENT: Mapping[type[fields.Field[Any]], Rules] = {
    fields.Field: {},
    fields.String: {"type": "string"},
    fields.Boolean: {"type": "boolean"},
    fields.Integer: {"type": "integer"},
    fields.Float: {"type": "number"},
    fields.List: {"type": "array"},
    fields.Dict: {"type": "object"},
    fields.Nested: {"type": "object"},
    fields.UUID: {"type": "string", "format": "uuid"},
    fields.Email: {"type": "string", "format": "email"},
    Attributes: {
        "type": "object",
        "maxProperties": MAX_ATTRIBUTES,
        "propertyNames": {"pattern": f"^{ATTRIBUTE_NAME.pattern}(?<!__[gl]te)$"},
        "additionalProperties": {"anyOf": [_VALUE, {"type": "array", "items": _VALUE}]},
    },
    Birthday: {
        "type": "string",
        "pattern": r"^(\d\d/\d\d/\d{4}|\d{4}-\d\d-\d\d)$",
        "description": "A day in the past, kept as it was written.",
    },
    Id: _ANY_ID,
    Moment: {
        "type": "string",
        "description": "A moment (ISO 8601), in UTC unless it says otherwise, or a mere day.",
    },
    Money: {
        "type": ["number", "string"],
        "minimum": 0,
        "exclusiveMaximum": int(MAX_MONEY),
        "pattern": r"^\d{1,10}(\.\d{1,4})?$",
        "description": "An amount with four decimals at most, as a number or a text.",
    },
    Ref: _ANY_ID
    | {"minimum": 1, "maximum": MAX_WHOLE, "pattern": "^([1-9][0-9]{0,14}|[0-9a-fA-F]{24})$"},
    Slug: {"type": "string", "maxLength": MAX_SLUG, "pattern": rf"^(?!\d+$){SLUG.pattern}$"},
    Text: {"type": "string", "minLength": 1, "pattern": r"\S"},
    Timestamp: {"type": "string", "format": "date-time"},
}
_GIVEN: Mapping[type[fields.Field[Any]], Rules] = {
    **{
        kind: {k: v for k, v in each.items() if k in ("type", "format")}
        for kind, each in _SENT.items()
    },
    Moment: _SENT[Timestamp],
    Money: {"type": "number"},
}


class Way(Enum):
    """Which way a value goes: sent by a client, or given to one.

    Of what is ``STORED`` all may be null but the id and what is required; what is ``TOLD`` is null
    only where its field says so.
    """

    SENT, STORED, TOLD = range(3)


def shape(field: fields.Field[Any], way: Way) -> Rules:
    """Return the JSON Schema of a field's value."""
    if way is Way.SENT:
        rules = _row(field, _SENT) | _demands(field)
    elif like := field.metadata.get("shown"):
        rules = shape(like, way)
    else:
        rules = _row(field, _GIVEN)
        rules |= {k: v for k, v in _demands(field).items() if k in ("enum", "default")}
        if isinstance(field, Money) and field.dump_only:
            # A sum may be larger than a double can tell.
            rules["type"] = ["number", "string"]
    rules |= _inside(field, way)
    if _is_nullable(field, way):
        rules = _or_null(rules)
    if "description" in field.metadata:
        rules["description"] = field.metadata["description"]
    if "example" in field.metadata:
        rules["examples"] = [field.metadata["example"]]
    return rules


def sent(schema: Schema, whole: bool) -> Rules:
    """Return the JSON Schema of an object to be sent, ``whole``, or those fields that change."""
    properties: Rules = {}
    needed: list[Rules] = []
    for name, field in _named(schema.load_fields).items():
        properties |= _spellings(name, field)
        needed += [_presence(name, field)] if field.required and whole else []
    for name in schema.dump_fields:
        # What was answered may be sent back.
        properties.setdefault(name, {"readOnly": True, "description": "Ignored."})
    rules: Rules = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [name for each in needed for name in each.get("required", ())]
    choices = [each for each in needed if "anyOf" in each]
    rules |= {"required": required} if required else {}
    return rules | ({"allOf": choices} if choices else {})


def _spellings(name: str, field: fields.Field[Any]) -> Rules:
    """Return the schemas of a field and of what may be sent for it, by their names."""
    rules = shape(field, Way.SENT)
    found = {name: rules}
    for alias in field.metadata.get("aliases", ()):
        about = {"deprecated": True, "description": f"Another name for `{name}`."}
        found[alias] = {k: v for k, v in rules.items() if k != "examples"} | about
    for each in field.metadata.get("flat", ()):
        about = {"description": f"Of the only element of `{name}`, which is left out then."}
        found[each] = rules["items"]["properties"][each] | about
    return found


def _presence(name: str, field: fields.Field[Any]) -> Rules:
    """Return the rule that a field has to be there, by one of its names."""
    ways = [(each,) for each in (name, *field.metadata.get("aliases", ()))]
    ways += [field.metadata["flat"]] if "flat" in field.metadata else []
    rules = [{"title": " ".join(way), "required": [*way]} for way in ways]
    return {"anyOf": rules} if len(rules) > 1 else {"required": [name]}


def given(schema: Schema, way: Way, whole: bool = True) -> Rules:
    """Return the JSON Schema of an object that is given, ``whole`` or with any of its fields."""
    known = _named(schema.dump_fields)
    rules: Rules = {
        "type": "object",
        "properties": {
            name: shape(field, way)
            | ({"readOnly": True} if field.dump_only and way is Way.STORED else {})
            for name, field in known.items()
        },
    }
    required = [n for n, field in known.items() if not field.metadata.get("optional")]
    return rules | ({"required": required} if whole and required else {})


def example(schema: Schema, partial: bool = False) -> Rules:
    """Return an object that may be sent, made of the examples of its fields, or one of them."""
    found = {
        name: field.metadata["example"]
        for name, field in _named(schema.load_fields).items()
        if "example" in field.metadata and not isinstance(field, Slug)
    }
    return dict([*found.items()][:1]) if partial else found


def _named(known: Mapping[str, fields.Field[Any]]) -> dict[str, fields.Field[Any]]:
    return {field.data_key or name: field for name, field in known.items()}


def _row(field: fields.Field[Any], table: Mapping[type[fields.Field[Any]], Rules]) -> Rules:
    return dict(next(table[each] for each in type(field).__mro__ if each in table))


def _demands(field: fields.Field[Any]) -> Rules:
    """Return what the validators of a field demand, and its default."""
    rules: Rules = {}
    if isinstance(field, Text):
        rules["maxLength"] = field.longest
    for validator in field.validators:
        if isinstance(validator, validate.NoneOf):
            rules["not"] = {"enum": list(validator.iterable)}
        elif isinstance(validator, validate.Equal):
            rules["enum"] = [validator.comparable]
        else:
            rules |= limits(validator, "Items" if isinstance(field, fields.List) else "Length")
    if "pattern" in rules:
        rules["pattern"] = rules["pattern"].replace(r"\Z", "$")
    if field.load_default is not missing and field.load_default != "":
        rules["default"] = field.load_default
    return rules


def _inside(field: fields.Field[Any], way: Way) -> Rules:
    """Return what is inside of a list, a mapping or a nested object."""
    if isinstance(field, fields.List):
        return {"items": shape(field.inner, way)}
    if isinstance(field, fields.Nested):
        nested = field.schema
        return sent(nested, True) if way is Way.SENT else given(nested, way, way is Way.TOLD)
    rules: Rules = {}
    if isinstance(field, fields.Dict) and field.value_field:
        rules["additionalProperties"] = shape(field.value_field, way)
        if way is Way.SENT and field.key_field:
            names = shape(field.key_field, way)
            rules["propertyNames"] = {k: v for k, v in names.items() if k in ("pattern", "enum")}
    return rules


def _is_nullable(field: fields.Field[Any], way: Way) -> bool:
    if way is Way.STORED:
        return not (field.required or isinstance(field, Id))
    return bool(field.allow_none)


def _or_null(rules: Rules) -> Rules:
    if "type" not in rules:
        return rules
    types = rules["type"] if isinstance(rules["type"], list) else [rules["type"]]
    enum = {"enum": [*rules["enum"], None]} if "enum" in rules else {}
    return rules | enum | {"type": [*types, *(["null"] if "null" not in types else [])]}
