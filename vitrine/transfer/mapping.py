"""From the rows of a file to the items of a service."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

import jmespath
import orjson

from vitrine.errors import StackError

# The keys a file may bring along, the likeliest first.
KEYS = ("external_ref", "slug", "sku", "email")
VOLATILE = ("price", "price_*", "stock")

_TEXTS = ("Text", "Plain", "String", "Slug", "Email", "Birthday")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")


class Shape:
    """How rows become items: by column name, by ``--map`` and by ``--set``.

    Columns that are no field go into the item's attributes where it has such, else they are left
    out and counted in ``left_out``.
    """

    def __init__(
        self,
        fields: Mapping[str, Any],
        maps: Iterable[str],
        sets: Iterable[str],
        nulls: Iterable[str],
        attributes: Iterable[str] | None,
    ):
        self._types = {name: field["type"] for name, field in fields.items()}
        self._writable = {name for name, field in fields.items() if not field["read_only"]}
        self._names = {name: name for name in fields} | {
            alias: name for name, field in fields.items() for alias in field["aliases"]
        }
        self._free = "Attributes" in self._types.values()
        self._attributes = None if attributes is None else set(attributes)
        self._maps = [self._split(each, "--map") for each in maps]
        self._sets = [self._split(each, "--set") for each in sets]
        self._nulls = set(nulls)
        self._queries = {text: _compiled(text) for _, text in self._maps}
        # Columns that expressions take from are no attributes as well.
        self._used = {text for _, text in self._maps}
        self._used |= {word for text in self._used for word in re.findall(r"\w+", text)}
        self._targets: dict[str, str] = {}
        self._seen: set[str] = set()
        self.columns: dict[str, str] = {}
        self.left_out: Counter[str] = Counter()

    @property
    def not_found(self) -> list[str]:
        """What was asked for and occurred in no row: likely misspelt."""
        maps = [f"--map {target}={text}" for target, text in self._maps if text not in self._seen]
        attributes = sorted((self._attributes or set()) - self._seen)
        return [*maps, *(f"--attributes {name}" for name in attributes)]

    def item(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item that a row stands for."""
        item: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        self._take_columns(row, item, attributes)
        for target, text in self._maps:
            value = self._cell(row[text] if text in row else _ask(self._queries[text], row))
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

    def _take_columns(
        self, row: Mapping[str, Any], item: dict[str, Any], attributes: dict[str, Any]
    ) -> None:
        for column in [column for column in row if column not in self._used]:
            self._seen.add(column)
            value = self._cell(row[column])
            target = self._target(column)
            if target in self._writable:
                item[target] = self._typed(target, value)
                self.columns[target] = column
            elif target == "path" and "parent" in self._writable:
                item["path"] = value  # Where a category hangs; it becomes the parent.
            elif target in self._types:
                continue  # Read-only, as an export brings it along.
            elif self._free and (self._attributes is None or column in self._attributes):
                if value is not None:
                    attributes[column.strip()] = _guessed(value)
            else:
                self.left_out[column] += 1

    def _cell(self, value: Any) -> Any:
        return None if isinstance(value, str) and value in self._nulls else value

    def _put(self, item: dict[str, Any], attributes: dict[str, Any], to: str, value: Any) -> None:
        if to.startswith("attr."):
            if value is not None:
                attributes[to.removeprefix("attr.")] = _guessed(value)
        else:
            item[to] = self._typed(to, value)

    def _split(self, text: str, option: str) -> tuple[str, str]:
        target, equals, rest = text.partition("=")
        target = self._names.get(target, target)
        special = (self._free and target.startswith("attr.")) or target == "path"
        if not equals or not (target in self._writable or special):
            known = ", ".join(sorted(self._writable))
            raise StackError(f"{option} {text}: write FIELD=…, with FIELD one of {known}.")
        return target, rest

    def _target(self, column: str) -> str:
        """Return the field a column is meant for, whatever its case and blanks, or the column."""
        if column not in self._targets:
            plain = re.sub(r"[\s-]+", "_", column.strip().lower())
            self._targets[column] = self._names.get(plain, column)
        return self._targets[column]

    def _typed(self, name: str, value: Any) -> Any:
        """Turn a text from a cell into what its field takes; the service judges the rest."""
        kind = self._types.get(name, "")
        if not isinstance(value, str):
            return str(value) if kind in _TEXTS and isinstance(value, (int, float)) else value
        text = value.strip()
        if kind == "Whole" and _NUMBER.fullmatch(text) and float(text).is_integer():
            return int(float(text))
        if kind in ("Attributes", "Dict", "List", "Boolean"):
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError:
                return value
        return value


def reference(item: Mapping[str, Any], label: str, volatile: Iterable[str]) -> str:
    """Return a key for an item without one: equal for equal values, the volatile ones aside."""
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
    """Return the number or boolean a text reads as; "007" stays a text."""
    if not isinstance(value, str):
        return value
    if _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return {"true": True, "false": False}.get(value.lower(), value)


def _compiled(text: str) -> Any:
    try:
        return jmespath.compile(text)
    except jmespath.exceptions.JMESPathError:
        return None  # A column name that is no expression, such as "Unit price".


def _ask(query: Any, row: Mapping[str, Any]) -> Any:
    try:
        return query.search(row) if query else None
    except jmespath.exceptions.JMESPathError:
        return None
