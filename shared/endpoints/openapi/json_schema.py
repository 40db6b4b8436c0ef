"""JSON Schemas (draft 2020-12) of requests and responses, made from marshmallow's schemas.

The schema of a request is as strict as the validation.  The schema of a response has types alone,
because a document that was edited by hand is shown as it is, even beyond the limits of requests.

A field's metadata may hold an ``example``, a ``description``, ``aliases``, which are shown as
deprecated, ``shown``, a field with the same JSON in responses if its own class does not say it,
``optional`` if a response may lack it, and ``flat``, the names of the parts of its only element.
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
    Names,
    Ref,
    Slug,
    Text,
    Timestamp,
)
from shared.schema.mongo_schema import Rules, limits
from shared.schema.slugs import MAX_SLUG, SLUG

_VALUE: Rules = {"type": ["string", "number", "boolean", "null"]}
_ANY_ID: Rules = {"type": ["integer", "string"]}

# The JSON Schema of each class of fields in requests; a class without a row inherits one.
_REQUEST: Mapping[type[fields.Field[Any]], Rules] = {
    fields.Field: {},
    fields.String: {"type": "string"},
    fields.Boolean: {"type": "boolean"},
    fields.Integer: {"type": "integer"},
    fields.Float: {"type": "number"},
    fields.List: {"type": "array"},
    fields.Dict: {"type": "object"},
    fields.Nested: {"type": "object"},
    Names: {"type": "string"},
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
_RESPONSE: Mapping[type[fields.Field[Any]], Rules] = {
    **{
        kind: {k: v for k, v in rules.items() if k in ("type", "format")}
        for kind, rules in _REQUEST.items()
    },
    Moment: _REQUEST[Timestamp],
    Money: {"type": "number"},
}


class Use(Enum):
    """Use of a value: in a request, or in a response that is stored or computed.

    A ``STORED`` value may be null unless it is the id or required.  A ``COMPUTED`` value is null
    only if its field allows it.
    """

    REQUEST, STORED, COMPUTED = range(3)


def field_schema(field: fields.Field[Any], use: Use) -> Rules:
    """Return the JSON Schema of a field's value."""
    if use is Use.REQUEST:
        rules = _row_of(field, _REQUEST) | _constraints(field)
    elif like := field.metadata.get("shown"):
        rules = field_schema(like, use)
    else:
        rules = _row_of(field, _RESPONSE)
        rules |= {k: v for k, v in _constraints(field).items() if k in ("enum", "default")}
        if isinstance(field, Money) and field.dump_only:
            # A sum may have more digits than a double.
            rules["type"] = ["number", "string"]
    rules |= _element_schema(field, use)
    if _is_nullable(field, use):
        rules = _or_null(rules)
    if "description" in field.metadata:
        rules["description"] = field.metadata["description"]
    if "example" in field.metadata:
        rules["examples"] = [field.metadata["example"]]
    return rules


def request_schema(schema: Schema, whole: bool) -> Rules:
    """Return the JSON Schema of an object in a request: ``whole``, or only the changed fields."""
    properties: Rules = {}
    needed: list[Rules] = []
    for name, field in _named(schema.load_fields).items():
        properties |= _spellings(name, field)
        needed += [_presence(name, field)] if field.required and whole else []
    for name in schema.dump_fields:
        # A client may send an item back as it got it.
        properties.setdefault(name, {"readOnly": True, "description": "Ignored."})
    rules: Rules = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [name for presence in needed for name in presence.get("required", ())]
    choices = [presence for presence in needed if "anyOf" in presence]
    rules |= {"required": required} if required else {}
    return rules | ({"allOf": choices} if choices else {})


def _spellings(name: str, field: fields.Field[Any]) -> Rules:
    """Return the schemas of a field, of its aliases and of its flat spelling, by name."""
    rules = field_schema(field, Use.REQUEST)
    spellings = {name: rules}
    for alias in field.metadata.get("aliases", ()):
        about = {"deprecated": True, "description": f"Another name for `{name}`."}
        spellings[alias] = {k: v for k, v in rules.items() if k != "examples"} | about
    for part in field.metadata.get("flat", ()):
        about = {"description": f"Belongs to the only element of `{name}`, which is then left out."}
        spellings[part] = rules["items"]["properties"][part] | about
    return spellings


def _presence(name: str, field: fields.Field[Any]) -> Rules:
    """Return the rule that a field is required, by one of its names."""
    ways = [(spelling,) for spelling in (name, *field.metadata.get("aliases", ()))]
    ways += [field.metadata["flat"]] if "flat" in field.metadata else []
    rules = [{"title": " ".join(way), "required": [*way]} for way in ways]
    return {"anyOf": rules} if len(rules) > 1 else {"required": [name]}


def response_schema(schema: Schema, use: Use, whole: bool = True) -> Rules:
    """Return the JSON Schema of an object in a response: ``whole``, or with any of its fields."""
    named = _named(schema.dump_fields)
    rules: Rules = {
        "type": "object",
        "properties": {
            name: field_schema(field, use)
            | ({"readOnly": True} if field.dump_only and use is Use.STORED else {})
            for name, field in named.items()
        },
    }
    required = [n for n, field in named.items() if not field.metadata.get("optional")]
    return rules | ({"required": required} if whole and required else {})


def example(schema: Schema, partial: bool = False) -> Rules:
    """Return an example of a request, with all fields, or with the first one if partial."""
    examples = {
        name: field.metadata["example"]
        for name, field in _named(schema.load_fields).items()
        if "example" in field.metadata and not isinstance(field, Slug)
    }
    return dict([*examples.items()][:1]) if partial else examples


def _named(schema_fields: Mapping[str, fields.Field[Any]]) -> dict[str, fields.Field[Any]]:
    return {field.data_key or name: field for name, field in schema_fields.items()}


def _row_of(field: fields.Field[Any], table: Mapping[type[fields.Field[Any]], Rules]) -> Rules:
    return dict(next(table[kind] for kind in type(field).__mro__ if kind in table))


def _constraints(field: fields.Field[Any]) -> Rules:
    """Return the constraints of a field's validators, and its default."""
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


def _element_schema(field: fields.Field[Any], use: Use) -> Rules:
    """Return the schema of the elements of a list, a mapping or a nested object."""
    if isinstance(field, fields.List):
        return {"items": field_schema(field.inner, use)}
    if isinstance(field, fields.Nested):
        nested = field.schema
        return (
            request_schema(nested, True)
            if use is Use.REQUEST
            else response_schema(nested, use, use is Use.COMPUTED)
        )
    rules: Rules = {}
    if isinstance(field, fields.Dict) and field.value_field:
        rules["additionalProperties"] = field_schema(field.value_field, use)
        if use is Use.REQUEST and field.key_field:
            names = field_schema(field.key_field, use)
            rules["propertyNames"] = {k: v for k, v in names.items() if k in ("pattern", "enum")}
    return rules


def _is_nullable(field: fields.Field[Any], use: Use) -> bool:
    if use is Use.STORED:
        return not (field.required or isinstance(field, Id))
    return bool(field.allow_none)


def _or_null(rules: Rules) -> Rules:
    if "type" not in rules:
        return rules
    types = rules["type"] if isinstance(rules["type"], list) else [rules["type"]]
    enum = {"enum": [*rules["enum"], None]} if "enum" in rules else {}
    return rules | enum | {"type": [*types, *(["null"] if "null" not in types else [])]}
