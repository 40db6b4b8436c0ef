"""Facts about a column: what all of its cells have in common, gathered with little memory."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_DISTINCT = 5_000  # texts of a column that are kept
MAX_DISTINCT_LENGTH = 500  # characters

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,15}")
_GROUPED = re.compile(r"[1-9]\d{0,2}\.\d{3}")  # thousands, or a number with decimals
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_BOOLEANS = {"true": True, "false": False}


@dataclass(slots=True)
class ColumnFacts:
    """Facts about the cells of one column.

    Attributes:
        name: The name of the column.
        present: The number of cells, also of those that stand for null.
        filled: The number of cells with a value.
        nested: The number of cells with objects, or with lists of them.
        negative: The number of cells below zero.
        are_numbers: True if each text is a number that is written the same way again.
        are_booleans: True if each text is true or false.
        are_doubtful: True if a text may be thousands, as 1.299 is among decimal commas.
        distinct: The different short texts, if they are wanted.
    """

    name: str
    keeps_distinct: bool = False
    present: int = 0
    filled: int = 0
    nested: int = 0
    negative: int = 0
    are_numbers: bool = True
    are_booleans: bool = True
    are_doubtful: bool = False
    distinct: set[str] = field(default_factory=set)

    def add(self, value: Any) -> None:
        """Add the cell of one row."""
        self.present += 1
        if value is None:
            return
        self.filled += 1
        if isinstance(value, str):
            if self.are_numbers and not survives_as_number(value):
                self.are_numbers = False
            if _GROUPED.fullmatch(value):
                self.are_doubtful = True
            if self.are_booleans and value.casefold() not in _BOOLEANS:
                self.are_booleans = False
            self.negative += value[:1] in "-−" and value[1:2].isdigit()
            if self.keeps_distinct and len(self.distinct) < MAX_DISTINCT:
                self.distinct.add(value[:MAX_DISTINCT_LENGTH])
        elif is_nested(value):
            self.nested += 1
        elif isinstance(value, (int, float)):
            self.negative += value < 0
            if self.keeps_distinct and len(self.distinct) < MAX_DISTINCT:
                self.distinct.add(str(value))

    def typed(self, text: str, *, has_commas: bool = False) -> Any:
        """Return a text as a value of the type that all texts of the column have.

        Args:
            text: The text.
            has_commas: The file has decimal commas, so that a point may group thousands.
        """
        if self.are_numbers:
            return text if has_commas and self.are_doubtful else number(text)
        return _BOOLEANS.get(text.casefold(), text) if self.are_booleans else text


def survives_as_number(text: str) -> bool:
    """Return True if a text is a number and is answered as it was written: 1.10 and 007 are not.

    Nor is 1.0, which is answered as 1.
    """
    if _WHOLE.fullmatch(text):
        return text != "-0"
    is_number = _DECIMAL.fullmatch(text) and not text.endswith(".0")
    return bool(is_number) and repr(float(text)) == text


def number(text: str) -> int | float:
    """Return the number that a text is."""
    return float(text) if "." in text else int(text)


def typed_alone(text: str) -> Any:
    """Return a text as a number or boolean if it is one, without other cells to compare with."""
    facts = ColumnFacts("")
    facts.add(text)
    return facts.typed(text)


def is_nested(value: Any) -> bool:
    """Return True for an object, and for a list with objects or lists in it."""
    if isinstance(value, list):
        return any(isinstance(item, (dict, list)) for item in value)
    return isinstance(value, dict)


def fit_types(item: Mapping[str, Any], rules: Mapping[str, Any], texts: Mapping[str, str]) -> None:
    """Give the attributes of an item the types that the rules of its category ask for.

    A value that has no such form stays, so that the service names it.

    Args:
        item: The item.
        rules: The attribute rules of its category.
        texts: The attributes as they stand in the file, if they are texts there.
    """
    attributes = item.get("attributes")
    if not isinstance(attributes, dict):
        return
    for name, rule in rules.items():
        if name in attributes and isinstance(rule, Mapping):
            text = texts.get(name)
            value = attributes[name] if text is None else text
            if rule.get("type"):
                attributes[name] = _fitted(value, rule["type"])


def _fitted(value: Any, type_name: Any) -> Any:
    """Return a value as the type of a rule, if it can be."""
    if isinstance(value, list):
        return [_fitted(item, type_name) for item in value]
    if type_name == "string" and isinstance(value, (int, float)):
        return json.dumps(value)
    if not isinstance(value, str):
        is_whole = type_name == "integer" and isinstance(value, float) and value.is_integer()
        return int(value) if is_whole else value
    if type_name == "boolean":
        return _BOOLEANS.get(value.casefold(), value)
    if type_name in ("integer", "number") and _NUMBER.fullmatch(value):
        parsed = number(value)
        return int(parsed) if type_name == "integer" and parsed == int(parsed) else parsed
    return value
