"""The row of a table with the names of its columns, which may stand below a title or notes."""

from collections.abc import Mapping, Sequence
from functools import cache

from vitrine.transfer.columns.amounts import is_amount
from vitrine.transfer.columns.field_names import FIELD_NAMES, key_of, keys_of
from vitrine.transfer.columns.header_words import sign_words

HEADER_ROWS = 20  # among which the header is looked for


def fullest(counts: Mapping[int, int]) -> tuple[int, int]:
    """Return the row of the header and the number of its texts; 0 for none.

    It is the first row with more than half of the texts that the fullest row has: titles and notes
    above it have fewer.

    Args:
        counts: The number of texts of each row, by its number.
    """
    most = max(counts.values(), default=0)
    return next(((row, count) for row, count in counts.items() if 2 * count > most), (0, 0))


def header_row(rows: Sequence[Sequence[str]]) -> int:
    """Return the number of the row with the header of CSV; 1 if it is the first one with a cell.

    CSV does not tell texts from names of columns, so that a row below the first one is the header
    only if it cannot be a row of data.
    """
    first = rows[:HEADER_ROWS]
    row, _ = fullest({number: len(_texts(cells)) for number, cells in enumerate(first, 1)})
    above = [filled for cells in first[: row - 1] if (filled := _filled(cells))]
    if not row or not above or any(map(_has_known, above)):
        return 1
    header = _filled(first[row - 1])
    is_full = all(len(filled) == 1 or 2 * len(filled) < len(header) for filled in above)
    are_names = len(header) > 1 and len({*map(key_of, header)}) == len(header)
    # A blank after a comma is part of a text that is written without quotes.
    is_joined = any(cell.startswith(" ") for cell in first[row - 1][1:])
    if not is_full or not are_names or any(map(is_amount, header)):
        return 1
    return row if _has_known(header) or not is_joined else 1


def _filled(cells: Sequence[str]) -> list[str]:
    return [text for cell in cells if (text := cell.strip())]


def _texts(cells: Sequence[str]) -> list[str]:
    return [text for text in _filled(cells) if not is_amount(text)]


def _has_known(cells: Sequence[str]) -> bool:
    """Return True if a cell is a name of a column."""
    return any(not _known().isdisjoint(keys_of(cell)) for cell in cells)


@cache
def _known() -> frozenset[str]:
    """Return the spellings of all names of columns that are known."""
    tables = FIELD_NAMES.values()
    names = [name for table in tables for names in table.values() for name in names]
    fields = [field for table in tables for field in table]
    return frozenset(map(key_of, (*names, *fields, *sign_words("order"))))
