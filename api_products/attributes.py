"""Whether a product's attributes fit the schema of its category: pure functions."""

from collections.abc import Mapping
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def misfits(attributes: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with each attribute; an attribute not in the schema is free.

    A schema maps names to ``{"type", "required", "choices", "unit"}``; a list fits when each of
    its values does.
    """
    wrong: dict[str, list[str]] = {}
    for name, rule in schema.items():
        if not isinstance(rule, dict):
            continue  # Made by hand, and no rule.
        value = attributes.get(name)
        if value is None:
            if rule.get("required"):
                wrong[name] = ["Is required in this category."]
            continue
        for each in value if isinstance(value, list) else [value]:
            if reason := _misfit(each, rule):
                wrong[name] = [reason]
                break
    return wrong


def _misfit(value: Any, rule: Mapping[str, Any]) -> str:
    allowed = TYPES.get(str(rule.get("type")), (object,))
    if not isinstance(value, allowed) or (
        isinstance(value, bool) and bool not in allowed and object not in allowed
    ):
        unit = f" in {rule['unit']}" if rule.get("unit") else ""
        return f"Must be of type {rule['type']}{unit}."
    choices = rule.get("choices")
    if isinstance(choices, list) and choices and value not in choices:
        return f"Must be one of {', '.join(map(str, choices))}."
    return ""
