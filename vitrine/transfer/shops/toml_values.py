"""Values of a TOML file, each checked by its type; an error names the file and the key."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast

from vitrine.errors import StackError

Part = TypeVar("Part")


class TomlValues:
    """Reads the values of one file.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path):
        self.path = path

    def part(self, kind: type[Part], place: str, table: Any, required: Iterable[str] = ()) -> Part:
        """Return a part of a format: each key is a field of its class.

        Args:
            kind: The class of the part.
            place: The keys before it, for errors.
            table: The table of the file.
            required: The keys that it must have.

        Raises:
            StackError: A key is missing or unknown, or has a value of another type.
        """
        table = self.table(place, table)
        types = {known.name: str(known.type) for known in fields(cast("Any", kind))}
        self.check_names(place, table, set(types), required)
        values = {}
        for name, value in table.items():
            values[name] = self._value(f"{place}.{name}", types[name], value)
        try:
            return kind(**values)
        except TypeError:
            raise self.error(place, f"a table with {', '.join(types)}") from None

    def _value(self, place: str, type_name: str, value: Any) -> Any:
        if "Mapping[str, int]" in type_name:
            return self._numbers(place, value)
        if "Mapping" in type_name:
            texts = self.texts(place, value)
            for text in texts.values() if place.endswith(".find") else ():
                self._check_group(place, text)
            return texts
        if "bool" in type_name:
            if not isinstance(value, bool):
                raise self.error(place, "true or false")
            return value
        if "Columns" in type_name or "tuple" in type_name:
            return self.names(place, value)
        text = self.text(place, value)
        if place.endswith((".ignore", ".strip")):
            self._check_expression(place, text)
        if text and place.endswith(".in_header"):
            self._check_group(place, text)
        return text

    def _numbers(self, place: str, value: Any) -> dict[str, int]:
        if not isinstance(value, dict) or any(type(number) is not int for number in value.values()):
            raise self.error(place, "a table of numbers")
        return dict(value)

    def _check_expression(self, place: str, text: str) -> None:
        try:
            re.compile(text)
        except re.error as error:
            raise StackError(
                f"{self.path}: {place} is not a regular expression: {error}."
            ) from error

    def _check_group(self, place: str, text: str) -> None:
        self._check_expression(place, text)
        if "value" not in re.compile(text).groupindex:
            raise self.error(place, "a regular expression with a group (?P<value>...)")

    def check_names(
        self, place: str, table: Mapping[str, Any], known: set[str], required: Iterable[str] = ()
    ) -> None:
        """Raise ``StackError`` for a key that is unknown, and for one that is missing."""
        if unknown := sorted(table.keys() - known):
            raise StackError(
                f"{self.path}: {place} has no {', '.join(unknown)}; it may have "
                f"{', '.join(sorted(known))}."
            )
        if missing := [name for name in required if name not in table]:
            raise StackError(f"{self.path}: {place} lacks {', '.join(missing)}.")

    def table(self, place: str, value: Any) -> dict[str, Any]:
        """Return a table; raise ``StackError`` for another value, as the functions below do."""
        if not isinstance(value, dict):
            raise self.error(place, "a table")
        return dict(value)

    def text(self, place: str, value: Any) -> str:
        """Return a text."""
        if not isinstance(value, str):
            raise self.error(place, "a text")
        return value

    def names(self, place: str, value: Any) -> tuple[str, ...]:
        """Return one text or a list of texts as a tuple."""
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise self.error(place, "a text, or a list of texts")
        return tuple(names)

    def texts(self, place: str, value: Any) -> dict[str, str]:
        """Return a table of texts."""
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise self.error(place, "a table of texts")
        return dict(value)

    def error(self, place: str, wanted: str) -> StackError:
        """Return the error for a value of another type."""
        return StackError(f"{self.path}: {place} must be {wanted}.")
