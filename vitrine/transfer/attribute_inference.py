"""Attribute rules inferred from the rows of a file: rules that all of its values fit."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_CHOICES = 20
MIN_REPEATS = 5  # average number of times that each choice occurs
MAX_CHOICE_LENGTH = 100  # characters; longer texts are prose
MAX_ATTRIBUTES = 500  # names in one category; with more, the names themselves are data
MAX_EXAMPLE_LENGTH = 40  # characters

MIXED = "mixed"
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}

# Names that the products service accepts: no $ and no dot, at most 64 characters.
_NAME = re.compile(r"(?!.*__[gl]te$)[^.$\0\s](?:[^.$\0]{0,62}[^.$\0\s])?", re.DOTALL)


@dataclass(slots=True)
class AttributeValues:
    """Statistics of the values of one attribute; only as many texts are kept as a rule needs."""

    example: str
    rows: int = 0
    texts: int = 0
    has_lists: bool = False
    types: set[str] = field(default_factory=set)
    distinct: set[str] = field(default_factory=set)

    def add(self, value: Any) -> None:
        """Add the value of one row, which may be a list."""
        self.rows += 1
        self.has_lists = self.has_lists or isinstance(value, list)
        for single in value if isinstance(value, list) else [value]:
            self.types.add(_TYPES.get(type(single), MIXED))
            if isinstance(single, str):
                self.texts += 1
                if len(self.distinct) <= MAX_CHOICES:
                    self.distinct.add(single[: MAX_CHOICE_LENGTH + 1])

    @property
    def type(self) -> str:
        """The type of all values, or ``mixed``."""
        if self.types == {"integer", "number"}:
            return "number"
        return next(iter(self.types)) if len(self.types) == 1 else MIXED

    @property
    def choices(self) -> list[str]:
        """The texts, if they are few, short, and occur again and again; else nothing."""
        is_few = 1 < len(self.distinct) <= MAX_CHOICES
        if self.type != "string" or not is_few or self.texts < MIN_REPEATS * len(self.distinct):
            return []
        return sorted(self.distinct) if max(map(len, self.distinct)) <= MAX_CHOICE_LENGTH else []

    @property
    def rule(self) -> dict[str, Any]:
        """A rule that all values fit; an empty one if they are mixed.

        It neither requires nor bounds a value: the next file may lack the attribute, and its
        numbers may be larger.
        """
        rule: dict[str, Any] = {} if self.type == MIXED else {"type": self.type}
        return rule | ({"choices": self.choices} if self.choices else {})


@dataclass(slots=True)
class CategoryAttributes:
    """Attributes in the rows of one category; ``slug`` is empty if the category does not exist."""

    name: str
    slug: str = ""
    rows: int = 0
    attributes: dict[str, AttributeValues] = field(default_factory=dict)

    def add(self, attributes: Any) -> None:
        """Add the attributes of one row."""
        self.rows += 1
        for name, value in attributes.items() if isinstance(attributes, Mapping) else ():
            if value is None or isinstance(value, Mapping) or not _NAME.fullmatch(name):
                continue  # The service refuses objects and such names, and the import reports it.
            if name not in self.attributes:
                if len(self.attributes) == MAX_ATTRIBUTES:
                    continue
                text = value if isinstance(value, str) else json.dumps(value)
                self.attributes[name] = AttributeValues(text[:MAX_EXAMPLE_LENGTH])
            self.attributes[name].add(value)

    def rules(self, existing: Mapping[str, Any]) -> dict[str, Any]:
        """Return a rule for each attribute without a rule in ``existing``."""
        return {
            name: values.rule for name, values in self.attributes.items() if name not in existing
        }
