"""Identity of rows: the key by which an item is found again, and the rows that share one.

A row without a key gets an ``external_ref`` that is made of the row as it stands in the file, so
that options such as ``--map`` and ``--set`` do not change it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import orjson

from shared.schema.slugs import as_slug
from shared.schema.text import clean, clean_key
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer.columns.field_names import (
    AVAILABILITY,
    FIELD_NAMES,
    key_of,
    keys_of,
    words_of,
)
from vitrine.transfer.texts import clean_name

# Fields that identify an item in a file; the first that an item has is used.
KEYS = ("external_ref", "slug", "sku", "email")
# Columns that change while the row stays the same one.
VOLATILE = ("price", "price_*", "*_price", "cost", "cost_*", "stock", "*_stock", "*_quantity")

MAX_SOURCE = 50  # characters of --source
_MAX_FILES = 1 << 20  # files of one import
_DERIVED = "external_ref"
_OWN_KEYS = (_DERIVED, "slug", "sku")  # of a shop, which another one may use for another item
_OF_OTHERS = "id"  # the column with the id of an item in another system


class RowIdentity:
    """Gives the items of one import their keys, and refuses a second row with the same key.

    Args:
        client: The service.
        key: The field of ``--key``; None to use the first of ``KEYS`` that an item has.
        volatile: Patterns of columns that a key made of a row leaves out.
        source: The shop of the items, which goes before their references; empty for none.  An item
            without a reference gets one of its slug or SKU, because another shop may have the same.

    Raises:
        StackError: The service has no such key, or the source is long.
    """

    def __init__(self, client: Client, key: str | None, volatile: Iterable[str], source: str = ""):
        about = client.get("/")
        keys = about["keys"]
        if key and key not in keys:
            raise StackError(
                f"{client.service} has no key {key!r}; it has {', '.join(keys) or 'none'}."
            )
        self._service = client.service
        self._fields = _fields_by_spelling(client.service, about["fields"])
        self._volatile = tuple(pattern.strip() for pattern in volatile)
        self._prefix = source_prefix(source)
        self._can_derive = _DERIVED in keys
        self._derived: Counter[str] = Counter()
        self._files: list[str] = []
        # The place of the row of each key, by the digest of the key.  Files may have many rows, so
        # that both are numbers.
        self._rows: dict[int, int] = {}
        # Decided by --key, else by the first row: either all rows have a key of their own or none.
        self._has_keys: bool | None = True if key else None
        self.keys = [key] if key else [name for name in KEYS if name in keys]
        self.used: set[str] = set()  # the keys by which items are found
        self.adopted_column = ""  # a column "id" that became the external_ref

    @property
    def prefix(self) -> str:
        """The beginning of the references that the rows make; empty if they have their own."""
        return self._prefix + (f"{self._service}:" if self._derived else "")

    def identify(
        self, item: dict[str, Any], row: Mapping[str, Any], number: int, file: str = ""
    ) -> None:
        """Give an item a key if it has none, and note the place of its row.

        The first item decides whether the rows of this import have keys.

        Args:
            item: The item.
            row: The row as it stands in the file.
            number: The number of the row.
            file: The file, if there are several.

        Raises:
            StackError: The item has no key, but others have one; or an earlier row has its key.
        """
        self.adopt_id(item, row)
        if self._prefix:
            self._separate(item)
        key = self.key_of(item)
        if self._has_keys is None:
            self._has_keys = bool(key)
        if key:
            self.check_first(item, number, file)
        elif self._has_keys:
            raise StackError(f"Has no {' or '.join(self.keys)}, by which items are found.")
        elif self._can_derive:
            self.derive(item, self._lasting(row))

    def _separate(self, item: dict[str, Any]) -> None:
        """Put the source before the reference and the group of an item."""
        if own := next(filter(None, map(item.get, _OWN_KEYS)), None):
            item[_DERIVED] = self._prefix + clean_key(str(own))
        if group := item.get("group"):
            slug = as_slug(f"{self._prefix} {group}")
            is_whole = slug.endswith(str(group))
            item["group"] = slug if is_whole else as_slug(reference({slug: group}, self._service))

    def adopt_id(self, item: dict[str, Any], row: Mapping[str, Any]) -> None:
        """Keep the id that a row has in another system as its key, if it has no better one."""
        if _DERIVED not in self.keys or self.key_of(item):
            return
        for column, value in row.items():
            if _plain(column) == _OF_OTHERS and not isinstance(value, (dict, list, bool)):
                if text := clean_key("" if value is None else str(value)):
                    item[_DERIVED] = text
                    self.adopted_column = column
                return

    def check_first(self, item: Mapping[str, Any], number: int, file: str) -> None:
        """Note the number and the file of the row with the keys of an item.

        Raises:
            StackError: An earlier row has one of them: both rows would write one item.
        """
        self.used.add(self.key_of(item))
        if file not in self._files[-1:]:
            self._files.append(file)
        place = number * _MAX_FILES + len(self._files) - 1
        for key in self.keys:
            if not item.get(key):
                continue
            value = clean(str(item[key]))
            value = value.lower() if key == "email" else value
            value = as_slug(value) or value if key == "slug" else value
            digest = hashlib.blake2b(f"{key}={value}".encode(), digest_size=8).digest()
            first = self._rows.setdefault(int.from_bytes(digest), place)
            if first != place:
                first_number, position = divmod(first, _MAX_FILES)
                of_file = f" in {self._files[position]}" if self._files[position] else ""
                raise StackError(
                    f"Has the {key} {value!r} of row {first_number}{of_file}; leave one of the two "
                    "out."
                )

    def key_of(self, item: Mapping[str, Any]) -> str:
        """Return the name of the first key that an item has, or ""."""
        return next((key for key in self.keys if item.get(key)), "")

    def derive(self, item: dict[str, Any], values: Mapping[str, Any]) -> None:
        """Give an item a key that is made of values, numbered if several have equal ones."""
        ref = self._prefix + reference(values, self._service)
        self._derived[ref] += 1
        self.used.add(_DERIVED)
        item[_DERIVED] = ref if self._derived[ref] == 1 else f"{ref}:{self._derived[ref]}"

    def _lasting(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a row without those that may change."""
        texts = {clean_name(column): _text(value) for column, value in row.items()}
        return {
            column: text for column, text in texts.items() if text and not self._is_volatile(column)
        }

    def check_volatile(self, columns: Iterable[str]) -> None:
        """Raise ``StackError`` for patterns of ``--volatile`` that fit no column: misspelt ones.

        Args:
            columns: The columns of the files.
        """
        spellings = [(column, self._spellings(column)) for column in columns]
        unused = [
            pattern
            for pattern in self._volatile
            if pattern not in ("", *VOLATILE)
            and not any(_fits(names, pattern) for _, names in spellings)
        ]
        if unused:
            raise StackError(
                f"--volatile {', '.join(unused)}: no column has this name. The columns are "
                f"{', '.join(column for column, _ in spellings)}."
            )

    def _is_volatile(self, column: str) -> bool:
        spellings = self._spellings(column)
        return any(_fits(spellings, pattern) for pattern in self._volatile)

    def _spellings(self, column: str) -> set[str]:
        """Return the names of a column that a pattern may fit, among them the field it means."""
        fields = {self._fields[key] for key in keys_of(column) if key in self._fields}
        return {column, _plain(column), *fields}


def _fits(spellings: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in spellings)


def source_prefix(source: str) -> str:
    """Return the beginning of the references of a shop, as ``--source`` names it.

    Raises:
        StackError: The name is long.
    """
    if len(source) > MAX_SOURCE:
        raise StackError(f"--source {source}: write at most {MAX_SOURCE} characters.")
    name = clean_key(source)
    return f"{name}:" if name else ""


def reference(values: Mapping[str, Any], label: str) -> str:
    """Return a key made of values: equal values make equal keys.

    Args:
        values: The values.
        label: The text before the digest.
    """
    encoded = orjson.dumps(values, option=orjson.OPT_SORT_KEYS, default=str)
    return f"{label}:{hashlib.blake2b(encoded, digest_size=8).hexdigest()}"


def _fields_by_spelling(service: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the field that each name of a column means, also in the files of other shops."""
    meanings = {
        key_of(name): "stock" if field == AVAILABILITY else field
        for field, names in FIELD_NAMES.get(service, {}).items()
        for name in names
    }
    return meanings | {
        key_of(spelling): name
        for name, field in fields.items()
        for spelling in (name, *field["aliases"])
    }


def _plain(column: str) -> str:
    """Return the name of a column as a field would have it: "costPrice" is cost_price."""
    return "_".join(words_of(column))


def _text(value: Any) -> str:
    """Return a value of a row as text, in which a number equals its digits in a CSV file."""
    if isinstance(value, str):
        return clean(value)
    return "" if value is None else json.dumps(value, sort_keys=True, default=str)
