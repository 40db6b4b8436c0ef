"""JSON Schemas (draft 2020-12) of requests and responses, made from marshmallow's schemas.

The schema of a request is as strict as the validation.  The schema of a response has types alone,
because a document that was edited by hand is shown as it is, even beyond the limits of requests.

A field's metadata may hold an ``example``, a ``description``, ``aliases``, which its text names,
``shown``, a field with the same JSON in responses if its own class does not say it, ``optional`` if
a response may lack it, ``flat``, the names of the parts of its only element, and ``component``, the
name of its enumeration.

A schema with a ``title`` is to be a component of the document: ``components`` moves it there.
"""

import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Any

from marshmallow import Schema, fields, missing, validate

from shared.http.json import MAX_WHOLE, encode
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
from shared.schema.slugs import MAX_SLUG

# A character that a line may have, and one of them that shows something.
_LINE = r"[^\x00-\x1f\x7f-\x9f]"
_VISIBLE = r"[^\s\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]"
_VALUE: Rules = {"type": ["string", "number", "boolean", "null"]}
_ATTRIBUTE: Rules = {
    "title": "AttributeValue",
    "anyOf": [_VALUE, {"type": "array", "items": _VALUE}],
}
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
        "title": "NewAttributes",
        "type": "object",
        "maxProperties": MAX_ATTRIBUTES,
        "propertyNames": {"pattern": f"^{ATTRIBUTE_NAME.pattern}(?<!__[gl]te)$"},
        "additionalProperties": _ATTRIBUTE,
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
    Slug: {
        "type": "string",
        "maxLength": MAX_SLUG,
        "pattern": f"^{_LINE}*[A-Za-z]{_LINE}*$",
        "description": "Lowercase words joined by hyphens. Another text is made into that.",
    },
    Text: {"type": "string", "minLength": 1, "pattern": f"^{_LINE}*{_VISIBLE}{_LINE}*$"},
    Timestamp: {"type": "string", "format": "date-time"},
}
_RESPONSE: Mapping[type[fields.Field[Any]], Rules] = {
    **{
        kind: {k: v for k, v in rules.items() if k in ("type", "format")}
        for kind, rules in _REQUEST.items()
    },
    Attributes: {
        "title": "Attributes",
        "type": "object",
        "additionalProperties": _ATTRIBUTE,
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
        rules |= {k: v for k, v in _constraints(field).items() if k == "enum"}
        if isinstance(field, Money) and field.dump_only:
            # A sum may have more digits than a double.
            rules["type"] = ["number", "string"]
    rules |= _element_schema(field, use)
    if "component" in field.metadata:
        rules["title"] = field.metadata["component"]
    if _is_nullable(field, use):
        rules = _or_null(rules)
    if text := _text(field, use):
        rules["description"] = text
    if "example" in field.metadata and (use is Use.REQUEST or not _holds_objects(rules)):
        rules["examples"] = [field.metadata["example"]]
    return rules


def _holds_objects(rules: Rules) -> bool:
    """Return True for a list or a mapping of objects, of which a response has all fields."""
    elements = rules.get("items", rules.get("additionalProperties"))
    return isinstance(elements, dict) and "properties" in elements


def _text(field: fields.Field[Any], use: Use) -> str:
    """Return the description of a field; of a request, with the other spellings it accepts."""
    texts = [field.metadata.get("description", "")]
    if use is Use.REQUEST:
        if aliases := " or ".join(f"`{alias}`" for alias in field.metadata.get("aliases", ())):
            texts.append(f"Also accepted as {aliases}.")
        if flat := field.metadata.get("flat"):
            parts = " and ".join(f"`{part}`" for part in flat)
            texts.append(f"The {parts} of a single element are accepted in its place.")
    return " ".join(filter(None, texts))


def with_default(rules: Rules, field: fields.Field[Any]) -> Rules:
    """Return the schema of a field whose description tells its default, if it has one.

    As a ``default``, generated clients and Swagger UI would send it with each request.
    """
    default = field.load_default
    if default is missing or default == "":
        return rules
    shown = default if isinstance(default, str) else encode(default).decode()
    return rules | {"description": f"{rules.get('description', '')} `{shown}` if left out.".strip()}


_AS_READ = {"readOnly": True, "description": "As it was read, or left out."}


def request_schema(schema: Schema, whole: bool, defaults: bool = False) -> Rules:
    """Return the JSON Schema of an object in a request: ``whole``, or only the changed fields.

    Each field has one spelling here, so that a client that is generated has one, too.  Only of a
    new item the descriptions tell ``defaults``; it has no read-only fields.
    """
    named = _named(schema.load_fields)
    properties = {name: field_schema(field, Use.REQUEST) for name, field in named.items()}
    if defaults:
        properties = {name: with_default(properties[name], named[name]) for name in named}
    for name in () if defaults else schema.dump_fields:
        # A client may send an item back as it got it.
        properties.setdefault(name, dict(_AS_READ))
    rules: Rules = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [name for name, field in named.items() if field.required and whole]
    return rules | ({"required": required} if required else {})


def response_schema(schema: Schema, use: Use) -> Rules:
    """Return the JSON Schema of an object in a response."""
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
    return rules | ({"required": required} if required else {})


def component_name(kind: type[Schema]) -> str:
    """Return the name of a schema in the document, such as ``OrderLine``."""
    return kind.__name__.strip("_").removesuffix("Schema")


def about(kind: type[Schema]) -> str:
    """Return the first paragraph of the docstring of a schema."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("``", "`")


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
    """Return the constraints of a field's validators."""
    rules: Rules = {}
    if isinstance(field, Text):
        rules["maxLength"] = field.longest
        rules |= {"pattern": r"\S"} if field.lines else {}
    for validator in field.validators:
        if isinstance(validator, validate.NoneOf):
            rules["not"] = {"enum": list(validator.iterable)}
        elif isinstance(validator, validate.Equal):
            rules["enum"] = [validator.comparable]
        else:
            rules |= limits(validator, "Items" if isinstance(field, fields.List) else "Length")
    if isinstance(field, Money) and field.signed:
        rules |= {"minimum": -int(MAX_MONEY), "pattern": r"^-?\d{1,10}(\.\d{1,4})?$"}
    if "pattern" in rules:
        rules["pattern"] = rules["pattern"].replace(r"\Z", "$")
    return rules


def _element_schema(field: fields.Field[Any], use: Use) -> Rules:
    """Return the schema of the elements of a list, a mapping or a nested object."""
    if isinstance(field, fields.List):
        return {"items": field_schema(field.inner, use)}
    if isinstance(field, fields.Nested):
        return _nested_schema(field.schema, use)
    rules: Rules = {}
    if isinstance(field, fields.Dict):
        # Without an own schema of its values, an object may have any.
        value = field.value_field
        rules["additionalProperties"] = field_schema(value, use) if value else True
        if use is Use.REQUEST and field.key_field:
            names = field_schema(field.key_field, use)
            rules["propertyNames"] = {k: v for k, v in names.items() if k in ("pattern", "enum")}
    return rules


def _nested_schema(schema: Schema, use: Use) -> Rules:
    """Return the schema of an object inside of another one; in a request it has a name of its own.

    A request has rules that a response lacks.  In a response, it is the same in each object.
    """
    kind = type(schema)
    name, rules = component_name(kind), {"description": about(kind)}
    if use is Use.REQUEST:
        return rules | request_schema(schema, True) | {"title": f"New{name}"}
    return rules | response_schema(schema, Use.COMPUTED) | {"title": name}


def _is_nullable(field: fields.Field[Any], use: Use) -> bool:
    if use is Use.STORED:
        return not (field.required or isinstance(field, Id))
    return bool(field.allow_none)


def _or_null(rules: Rules) -> Rules:
    """Return rules that allow null as well; those of a component stay as they are."""
    null: Rules = {"type": "null"}
    if "title" in rules:
        return {"anyOf": [rules, null]}
    if "type" not in rules:
        return rules
    types = rules["type"] if isinstance(rules["type"], list) else [rules["type"]]
    if "null" in types:
        return rules
    enum = {"enum": [*rules["enum"], None]} if "enum" in rules else {}
    return rules | enum | {"type": [*types, "null"]}
