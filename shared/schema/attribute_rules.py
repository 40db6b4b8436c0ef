"""What a category asks of its products' attributes, and whether they fit: pure functions.

A schema maps names to rules, ``{"type", "required", "choices", "unit", "min", "max"}``, each part
optional.  A hand edit may have left anything there; what is no rule asks for nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

ATTRIBUTE_NAME = re.compile(r"[^.$\0\s](?:[^.$\0]{0,62}[^.$\0\s])?")

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
NUMBERS = ("integer", "number")  # the types that have a min and a max
MAX_NAMED = 20  # choices in one message


class MisfitSchema(Schema):
    """How many products do not fit by one attribute, why, and one of them."""

    misfits = fields.Integer()
    new_misfits = fields.Integer()
    message = fields.String()
    example = fields.String(metadata={"example": "/products/1"})


class FitSchema(Schema):
    """How many products there are, and how many would not fit; new ones fit as it is now."""

    products = fields.Integer(metadata={"example": 12})
    misfits = fields.Integer(metadata={"example": 1})
    new_misfits = fields.Integer(metadata={"example": 1})
    attributes = fields.Dict(fields.String(), fields.Nested(MisfitSchema))


def misfits(attributes: Any, schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with each attribute; an attribute not in the schema is free.

    A list fits when each of its values does.
    """
    known = attributes if isinstance(attributes, Mapping) else {}
    wrong: dict[str, list[str]] = {}
    for name, rule in schema.items():
        if not isinstance(rule, dict):
            continue
        value = known.get(name)
        if value is None:
            if rule.get("required"):
                wrong[name] = ["Is required in this category."]
            continue
        for each in value if isinstance(value, list) else [value]:
            if reason := misfit(each, rule):
                wrong[name] = [reason]
                break
    return wrong


def misfit(value: Any, rule: Mapping[str, Any]) -> str:
    """Return what is wrong with one value, or nothing."""
    unit = f" {rule['unit']}" if rule.get("unit") else ""
    allowed = TYPES.get(str(rule.get("type")))
    # True is no 1 to anybody but Python.
    is_bool = isinstance(value, bool)
    if allowed and (not isinstance(value, allowed) or (is_bool and bool not in allowed)):
        return f"Must be of type {rule['type']}{f' in{unit}' if unit else ''}."
    if is_number(value):
        low, high = rule.get("min"), rule.get("max")
        if is_number(low) and value < low:
            return f"Must be at least {low}{unit}."
        if is_number(high) and value > high:
            return f"Must be at most {high}{unit}."
    choices = rule.get("choices")
    if isinstance(choices, list) and choices and not any(_is(value, each) for each in choices):
        more = f" or {len(choices) - MAX_NAMED} others" if len(choices) > MAX_NAMED else ""
        return f"Must be one of {', '.join(map(str, choices[:MAX_NAMED]))}{more}."
    return ""


def is_number(value: Any) -> bool:
    """Whether a value is a number as JSON has them."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is(value: Any, choice: Any) -> bool:
    return isinstance(value, bool) == isinstance(choice, bool) and bool(value == choice)
