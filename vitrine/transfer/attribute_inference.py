"""From what the rows of a file say under each attribute name to a schema that fits them all."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_CHOICES = 20
LEAST_REPEATS = 5  # how often each choice occurs, on average
MAX_CHOICE_LENGTH = 100  # characters; a longer text is prose
MAX_ATTRIBUTES = 500  # names in one category; where there are more, they are data themselves
MAX_EXAMPLE = 40  # characters

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
MIXED = "mixed"


@dataclass(slots=True)
class Seen:
    """What some rows say under one name; of distinct texts, not more are kept than matter."""

    example: str
    rows: int = 0
    texts: int = 0
    has_lists: bool = False
    types: set[str] = field(default_factory=set)
    distinct: set[str] = field(default_factory=set)

    def add(self, value: Any) -> None:
        """Note what one row says."""
        self.rows += 1
        self.has_lists = self.has_lists or isinstance(value, list)
        for each in value if isinstance(value, list) else [value]:
            self.types.add(_TYPES.get(type(each), MIXED))
            if isinstance(each, str):
                self.texts += 1
                if len(self.distinct) <= MAX_CHOICES:
                    self.distinct.add(each[: MAX_CHOICE_LENGTH + 1])

    @property
    def type(self) -> str:
        """The type that all values are of, or ``mixed``."""
        if self.types == {"integer", "number"}:
            return "number"
        return next(iter(self.types)) if len(self.types) == 1 else MIXED

    @property
    def choices(self) -> list[str]:
        """The few texts that occur again and again, or none where it is not so."""
        few = 1 < len(self.distinct) <= MAX_CHOICES
        if self.type != "string" or not few or self.texts < LEAST_REPEATS * len(self.distinct):
            return []
        return sorted(self.distinct) if max(map(len, self.distinct)) <= MAX_CHOICE_LENGTH else []

    @property
    def rule(self) -> dict[str, Any]:
        """The rule that all values fit; an empty one when they are mixed.

        What a file lacks or where its numbers end says little of the next one, so nothing is
        required or bounded.
        """
        rule: dict[str, Any] = {} if self.type == MIXED else {"type": self.type}
        return rule | ({"choices": self.choices} if self.choices else {})


# As the products service takes them.
_NAME = re.compile(r"(?!.*__[gl]te$)[^.$\0\s](?:[^.$\0]{0,62}[^.$\0\s])?", re.DOTALL)


@dataclass(slots=True)
class Shelf:
    """What the rows of one category say; ``slug`` is empty while there is no such category."""

    name: str
    slug: str = ""
    rows: int = 0
    attributes: dict[str, Seen] = field(default_factory=dict)

    def add(self, attributes: Any) -> None:
        """Note the attributes of one row."""
        self.rows += 1
        for name, value in attributes.items() if isinstance(attributes, Mapping) else ():
            if value is None or isinstance(value, Mapping) or not _NAME.fullmatch(name):
                continue  # No product can have an object there, or such a name; the import says so.
            if name not in self.attributes:
                if len(self.attributes) == MAX_ATTRIBUTES:
                    continue
                text = value if isinstance(value, str) else json.dumps(value)
                self.attributes[name] = Seen(text[:MAX_EXAMPLE])
            self.attributes[name].add(value)

    def schema(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return a rule for each attribute that has none in ``known``."""
        return {name: each.rule for name, each in self.attributes.items() if name not in known}
