"""Items on disk: any number of them in little memory, the variants of one thing together.

A file that names its columns first needs all names before the first row.  A shop's file has the
variants of one thing below each other, while the service lists items by id.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from types import TracebackType
from typing import Any

import orjson

from vitrine.errors import StackError

Item = dict[str, Any]

# An item without a group has a group of its own, by its place.
_TABLE = """
CREATE TABLE items (place INTEGER PRIMARY KEY, family TEXT, first INTEGER, item BLOB);
CREATE INDEX families ON items (family) WHERE family IS NOT NULL;
"""
_ADD = """
INSERT INTO items VALUES (:place, :family,
    COALESCE((SELECT first FROM items WHERE family = :family ORDER BY place LIMIT 1), :place),
    :item)
"""


@contextmanager
def explained(items: Sequence[Item]) -> Iterator[None]:
    """Turn errors of values that only a hand edit can have stored into ``StackError``."""
    try:
        yield
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        names = ", ".join(str(item.get("slug") or item.get("name")) for item in items)
        raise StackError(
            f"A value of {names[:200]} cannot be exported, because it was edited by hand "
            f"({type(error).__name__}: {error}). `vitrine doctor --fix` repairs it, or names it."
        ) from error


class ItemStore:
    """Items that were read once, in a file that disappears at the end of the ``with`` block.

    Args:
        items: The items.

    Attributes:
        count: The number of items.
        names: The names of the members of each object that items have, in the order of the items.
        longest: The largest number of members that each object has, and of elements of each list.
    """

    def __init__(self, items: Iterable[Item]):
        # With an empty name, SQLite makes a file of its own and removes it.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLE)
        self.count = 0
        self.names: dict[str, dict[str, None]] = {}
        self.longest: dict[str, int] = {}
        self._database.execute("BEGIN")
        for item in items:
            self._add(item)
        self._database.execute("CREATE INDEX order_of_rows ON items (first, place)")

    def __enter__(self) -> "ItemStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def _add(self, item: Item) -> None:
        for name, value in item.items():
            if isinstance(value, (dict, list)):
                self.longest[name] = max(self.longest.get(name, 0), len(value))
            if isinstance(value, dict):
                self.names.setdefault(name, {}).update(dict.fromkeys(value))
        values = {"place": self.count, "family": item.get("group"), "item": orjson.dumps(item)}
        self._database.execute(_ADD, values)
        self.count += 1

    def has_group(self, name: str) -> bool:
        """Return True if an item has this group."""
        query = "SELECT 1 FROM items WHERE family = ? LIMIT 1"
        return self._database.execute(query, [name]).fetchone() is not None

    def items(self) -> Iterator[Item]:
        """Yield the items in their order."""
        with closing(self._database.execute("SELECT item FROM items ORDER BY place")) as rows:
            yield from (orjson.loads(item) for (item,) in rows)

    def families(self) -> Iterator[list[Item]]:
        """Yield the items of each group together, where its first one stands; others alone."""
        query = "SELECT first, item FROM items ORDER BY first, place"
        with closing(self._database.execute(query)) as rows:
            for _, family in groupby(rows, key=lambda row: row[0]):
                yield [orjson.loads(item) for _, item in family]
