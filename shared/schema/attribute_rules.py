"""Attribute rules of a category, and the attributes that do not fit them: pure functions.

A schema maps the names of attributes to rules, ``{"type", "required", "choices", "unit", "min",
"max"}``, each part optional.  An edit by hand may have left any value there; a value that is not a
rule demands nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from shared.schema.text import clean

ATTRIBUTE_NAME = re.compile(
    r"[^.$\s\x00-\x1f\x7f-\x9f](?:[^.$\x00-\x1f\x7f-\x9f]{0,62}[^.$\s\x00-\x1f\x7f-\x9f])?"
)

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
INVALID_ATTRIBUTE_NAME = (
    "The name is not valid; send one of 1 to 64 characters, without ., $ and control characters, "
    "that does not end in __gte or __lte."
)
NUMBERS = ("integer", "number")  # the types that have a min and a max
MAX_NAMED = 20  # choices in one message


class MisfitSchema(Schema):
    """The products that do not fit the rule of one attribute: counts, the reason, an example."""

    misfits = fields.Integer()
    new_misfits = fields.Integer()
    message = fields.String(metadata={"optional": True})
    example = fields.String(metadata={"example": "/products/1", "optional": True})


class FitSchema(Schema):
    """Counts of products, of misfits, and of new misfits, which fit the current rules."""

    products = fields.Integer(metadata={"example": 12})
    misfits = fields.Integer(metadata={"example": 1})
    new_misfits = fields.Integer(metadata={"example": 1})
    attributes = fields.Dict(fields.String(), fields.Nested(MisfitSchema))


def misfits(attributes: Any, schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the messages about each attribute that does not fit; one without a rule always fits.

    A list fits if each of its values fits.
    """
    values = attributes if isinstance(attributes, Mapping) else {}
    messages: dict[str, list[str]] = {}
    for name, rule in schema.items():
        if not isinstance(rule, dict):
            continue
        value = values.get(name)
        if rule.get("required") and _is_empty(value):
            messages[name] = ["Is required in this category."]
            continue
        if value is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            if message := misfit(item, rule):
                messages[name] = [message]
                break
    return messages


def misfit(value: Any, rule: Mapping[str, Any]) -> str:
    """Return the message about one value, or an empty text if it fits."""
    unit = f" {rule['unit']}" if rule.get("unit") else ""
    allowed = TYPES.get(str(rule.get("type")))
    # In Python True equals 1; in JSON it does not.  In JSON 5.0 is an integer.
    is_bool = isinstance(value, bool)
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    if allowed and (not isinstance(value, allowed) or (is_bool and bool not in allowed)):
        return f"Must be of type {rule['type']}{f' in{unit}' if unit else ''}."
    if is_number(value):
        low, high = rule.get("min"), rule.get("max")
        if is_number(low) and value < low:
            return f"Must be at least {low}{unit}."
        if is_number(high) and value > high:
            return f"Must be at most {high}{unit}."
    choices = rule.get("choices")
    if isinstance(choices, list) and choices and not any(_equal(value, each) for each in choices):
        more = f" or {len(choices) - MAX_NAMED} others" if len(choices) > MAX_NAMED else ""
        return f"Must be one of {', '.join(map(str, choices[:MAX_NAMED]))}{more}."
    return ""


def is_number(value: Any) -> bool:
    """Return True if a value is a number in JSON."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_empty(value: Any) -> bool:
    """Return True for a value that says nothing: null, a blank text, or a list of these."""
    if isinstance(value, list):
        return all(map(_is_empty, value))
    return value is None or (isinstance(value, str) and not clean(value))


def _equal(value: Any, choice: Any) -> bool:
    return isinstance(value, bool) == isinstance(choice, bool) and bool(value == choice)
