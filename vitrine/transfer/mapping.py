"""Mapping of the rows of a file to the items of a service, and keys for items without one."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

import jmespath
import orjson

from vitrine.errors import StackError

# Fields that identify an item in a file; the first that an item has is used.
KEYS = ("external_ref", "slug", "sku", "email")
VOLATILE = ("price", "price_*", "stock")

_TEXT_TYPES = ("Text", "Plain", "String", "Slug", "Email", "Birthday")
_JSON_TYPES = ("Attributes", "Dict", "List", "Boolean")  # whose values are JSON in a cell
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")
_ATTRIBUTE = "attr."  # before the name of an attribute in --map and --set


class RowMapping:
    """Turns rows into items: by column name, by ``--map`` and by ``--set``.

    Columns that are not fields become attributes if the service has free attributes.  Otherwise
    they are counted in ``ignored_columns``.
    """

    def __init__(
        self,
        fields: Mapping[str, Any],
        maps: Iterable[str],
        sets: Iterable[str],
        nulls: Iterable[str],
        attributes: Iterable[str] | None,
    ):
        """Prepare the mapping of one import.

        Args:
            fields: The fields of the service, as ``GET /`` describes them.
            maps: ``FIELD=COLUMN`` or ``FIELD=EXPRESSION`` (JMESPath) of ``--map``.
            sets: ``FIELD=VALUE`` of ``--set``.
            nulls: Texts that stand for null.
            attributes: The columns to keep as attributes; None keeps all.

        Raises:
            StackError: A map or set names an unknown field, or has no ``=``.
        """
        self._types = {name: field["type"] for name, field in fields.items()}
        self._writable = {name for name, field in fields.items() if not field["read_only"]}
        self._names = {name: name for name in fields} | {
            alias: name for name, field in fields.items() for alias in field["aliases"]
        }
        self._has_free_attributes = "Attributes" in self._types.values()
        self._attributes = None if attributes is None else set(attributes)
        self._maps = [self._split(text, "--map") for text in maps]
        self._sets = [self._split(text, "--set") for text in sets]
        self._nulls = set(nulls)
        self._queries = {text: _compiled(text) for _, text in self._maps}
        # Columns that an expression reads do not become attributes as well.
        self._used = {text for _, text in self._maps}
        self._used |= {word for text in self._used for word in re.findall(r"\w+", text)}
        self._targets: dict[str, str] = {}
        self._seen: set[str] = set()
        self.columns: dict[str, str] = {}  # the column of each field, for error messages
        self.ignored_columns: Counter[str] = Counter()

    @property
    def unmatched_options(self) -> list[str]:
        """Options whose column is in no row, likely because it is misspelt."""
        maps = [f"--map {target}={text}" for target, text in self._maps if text not in self._seen]
        attributes = sorted((self._attributes or set()) - self._seen)
        return [*maps, *(f"--attributes {name}" for name in attributes)]

    def item(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item of a row."""
        item: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        self._read_columns(row, item, attributes)
        for target, text in self._maps:
            value = self._cell(row[text] if text in row else _search(self._queries[text], row))
            if value is None and text not in row:
                continue  # An empty cell, or nothing at that place: the field stays as it is.
            self._seen.add(text)
            self._put(item, attributes, target, value)
            self.columns[target] = text
        for target, text in self._sets:
            self._put(item, attributes, target, text)
        if attributes:
            item["attributes"] = attributes | (item.get("attributes") or {})
        return item

    def _read_columns(
        self, row: Mapping[str, Any], item: dict[str, Any], attributes: dict[str, Any]
    ) -> None:
        """Put the columns that no ``--map`` reads into the item and its attributes."""
        for column in [column for column in row if column not in self._used]:
            self._seen.add(column)
            value = self._cell(row[column])
            target = self._target(column)
            if target in self._writable:
                item[target] = self._converted(target, value)
                self.columns[target] = column
            elif target == "path" and "parent" in self._writable:
                item["path"] = value  # The place of a category, from which its parent follows.
            elif target in self._types:
                continue  # A read-only field, as in an export.
            elif self._has_free_attributes and (
                self._attributes is None or column in self._attributes
            ):
                if value is not None:
                    attributes[column.strip()] = _guessed(value)
            else:
                self.ignored_columns[column] += 1

    def _cell(self, value: Any) -> Any:
        return None if isinstance(value, str) and value in self._nulls else value

    def _put(
        self, item: dict[str, Any], attributes: dict[str, Any], target: str, value: Any
    ) -> None:
        """Put a value into a field, or into the attribute that ``attr.NAME`` names."""
        if target.startswith(_ATTRIBUTE):
            if value is not None:
                attributes[target.removeprefix(_ATTRIBUTE)] = _guessed(value)
        else:
            item[target] = self._converted(target, value)

    def _split(self, text: str, option: str) -> tuple[str, str]:
        """Return the field and the right side of an option, or raise ``StackError``."""
        target, equals, right = text.partition("=")
        target = self._names.get(target, target)
        is_special = target == "path" or (
            self._has_free_attributes and target.startswith(_ATTRIBUTE)
        )
        if not equals or not (target in self._writable or is_special):
            names = ", ".join(sorted(self._writable))
            raise StackError(f"{option} {text}: write FIELD=…, with FIELD one of {names}.")
        return target, right

    def _target(self, column: str) -> str:
        """Return the field a column names, in any case and with any blanks; else the column."""
        if column not in self._targets:
            plain = re.sub(r"[\s-]+", "_", column.strip().lower())
            self._targets[column] = self._names.get(plain, column)
        return self._targets[column]

    def _converted(self, name: str, value: Any) -> Any:
        """Convert the text of a cell to the type of its field; the service validates it."""
        field_type = self._types.get(name, "")
        if not isinstance(value, str):
            is_number = field_type in _TEXT_TYPES and isinstance(value, (int, float))
            return str(value) if is_number else value
        text = value.strip()
        if field_type == "Whole" and _NUMBER.fullmatch(text) and float(text).is_integer():
            return int(float(text))
        if field_type in _JSON_TYPES:
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError:
                return value
        return value


def reference(item: Mapping[str, Any], label: str, volatile: Iterable[str]) -> str:
    """Return a key for an item that has none: equal values make equal keys.

    Args:
        item: The item.
        label: The text before the digest.
        volatile: Patterns of the fields and attributes that are left out, so that they may change.
    """
    patterns = tuple(volatile)
    kept = {name: value for name, value in item.items() if not _matches(name, patterns)}
    attributes = kept.get("attributes")
    if isinstance(attributes, dict):
        kept["attributes"] = {
            name: value for name, value in attributes.items() if not _matches(name, patterns)
        }
    encoded = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS, default=str)
    return f"{label}:{hashlib.blake2b(encoded, digest_size=8).hexdigest()}"


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _guessed(value: Any) -> Any:
    """Return the number or boolean that a text is; "007" stays a text."""
    if not isinstance(value, str):
        return value
    if _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return {"true": True, "false": False}.get(value.lower(), value)


def _compiled(text: str) -> Any:
    """Return a compiled expression; None for a column name such as "Unit price"."""
    try:
        return jmespath.compile(text)
    except jmespath.exceptions.JMESPathError:
        return None


def _search(query: Any, row: Mapping[str, Any]) -> Any:
    """Return the value of an expression in a row, or None."""
    try:
        return query.search(row) if query else None
    except jmespath.exceptions.JMESPathError:
        return None
