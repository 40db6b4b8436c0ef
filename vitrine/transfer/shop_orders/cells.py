"""Cells of one row, found by the names of their columns, and read as amounts, numbers and times."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from vitrine.errors import StackError
from vitrine.transfer.columns.amounts import read_amount
from vitrine.transfer.columns.cells import check_whole
from vitrine.transfer.columns.field_names import key_of

# A time as shops write it: "2025-10-07 09:50:26 +0200".
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?: ?([+-]\d\d):?(\d\d)| ?(?:Z|UTC))?"
)
_POINT = "."
MAX_DIGITS = 10  # of an amount before its decimal mark, by the services

Names = tuple[str, ...]  # of one column, in the exports of different plugins and years


class Cells:
    """The cells of a row; case, blanks and punctuation of the names of columns do not matter."""

    def __init__(self, row: Mapping[str, Any]):
        texts = ((column, _text(value)) for column, value in row.items())
        self._cells = {key_of(column): (column, text) for column, text in texts if text}

    def text(self, names: Iterable[str]) -> str:
        """Return the first cell that is filled among some columns, or an empty text.

        Raises:
            StackError: It is a number that a spreadsheet has shortened.
        """
        column, text = self._first(names)
        check_whole(text, column)
        return text

    def column(self, names: Iterable[str]) -> str:
        """Return the name of the first column with a filled cell, or an empty text."""
        return self._first(names)[0]

    def amount(self, names: Iterable[str]) -> Decimal | None:
        """Return the amount in the first filled cell, None without one.

        Raises:
            StackError: The cell holds something else.
        """
        column, text = self._first(names)
        return amount_in(column, text) if text else None

    def sum(self, names: Iterable[str]) -> Decimal:
        """Return the amount in the first filled cell, 0 without one; raise as ``amount`` does."""
        return self.amount(names) or Decimal(0)

    def whole(self, names: Iterable[str]) -> int:
        """Return the whole number in the first filled cell, 0 without one.

        Raises:
            StackError: The cell holds something else.
        """
        number = self.sum(names)
        if number % 1:
            raise StackError(f"{self.column(names)}: {number} is not a whole number of pieces.")
        return int(number)

    def numbered(self, prefix: str) -> Iterator[str]:
        """Yield the filled cells of the columns ``PREFIX 1``, ``PREFIX 2`` and so on."""
        number = 1
        while found := self._cells.get(key_of(f"{prefix} {number}")):
            yield found[1]
            number += 1

    def _first(self, names: Iterable[str]) -> tuple[str, str]:
        """Return the column and the text of the first filled cell; empty texts without one."""
        for name in names:
            if found := self._cells.get(key_of(name)):
                return found
        return "", ""


def check_same(rows: Sequence[tuple[int, Mapping[str, Any]]], columns: Iterable[Names]) -> None:
    """Check that the rows of one order agree on the cells about the whole order.

    Args:
        rows: The rows with their numbers.
        columns: The columns of these cells.  Rows may leave them empty.

    Raises:
        StackError: Two rows contradict each other.
    """
    all_cells = [(number, Cells(row)) for number, row in rows]
    for names in columns:
        first: tuple[int, str] | None = None
        for number, cells in all_cells:
            if not (text := cells.text(names)):
                continue
            first = first or (number, text)
            if text.casefold() != first[1].casefold():
                raise StackError(
                    f"{cells.column(names)} is {first[1]!r} in row {first[0]} and {text!r} in row "
                    f"{number}. Correct one of the two, or give each order a number of its own."
                )


def amount_in(column: str, text: str) -> Decimal:
    """Return the amount in a text; raise ``StackError`` if it is something else or too large."""
    number = read_amount(text, _POINT).number
    if not number:
        raise StackError(f"{column}: {text!r} is not an amount; write one such as 12.50.")
    amount = Decimal(number)
    if amount.adjusted() >= MAX_DIGITS:
        raise StackError(f"{column}: {text!r} is too large; write less than {10**MAX_DIGITS:,}.")
    return amount


def moment(text: str) -> str:
    """Return a time in ISO 8601; a text of another form stays, so that the service names it."""
    match = _TIME.fullmatch(text)
    if not match:
        return text
    offset = f"{match[3]}:{match[4]}" if match[3] else ""
    return f"{match[1]}T{match[2]}{offset}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return "" if value is None or isinstance(value, (dict, list)) else str(value)
