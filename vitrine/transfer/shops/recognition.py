"""Recognition of the kind of a shop's file by its columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vitrine.errors import StackError
from vitrine.transfer.shops.binding import Header
from vitrine.transfer.shops.format_files import ShopFormat
from vitrine.transfer.shops.records import columns_read

MAX_SPELLINGS = 3  # of a missing column that are named


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a file fits a format.

    Attributes:
        format: The format.
        found: The columns by which it is recognised.
        missing: Those that the file lacks.
        known: The number of columns of the file that the format names.
        total: The number of its columns.
    """

    format: ShopFormat
    found: tuple[str, ...]
    missing: tuple[str, ...]
    known: int
    total: int


def fit(format: ShopFormat, columns: Iterable[str]) -> Fit:
    """Return how well the columns of a file fit a format."""
    header = Header(columns, format.aliases)
    found, missing = [], []
    for spellings in format.recognise.all:
        columns = header.find(spellings)
        if columns:
            found.append(columns[0])
        else:
            missing.append(" or ".join(spellings[:MAX_SPELLINGS]))
    if format.records:
        known = tuple(columns_read(format.records, header.columns))
    else:
        known = header.find(pattern for pattern in format.patterns() if "*" not in pattern)
    return Fit(format, tuple(found), tuple(missing), len(known), len(header.columns))


def recognise(columns: Iterable[str], formats: Sequence[ShopFormat], path: str) -> Fit | None:
    """Return the format that a file fits best; None if it fits none.

    Args:
        columns: The columns of the file.
        formats: The formats that are known.
        path: The name of the file, for errors.

    Raises:
        StackError: The file fits two formats equally well.
    """
    columns = list(columns)
    header = Header(columns)
    fits = [
        one
        for one in (fit(format, columns) for format in formats)
        if not one.missing and not header.find(one.format.recognise.none)
    ]
    best = max((one.known for one in fits), default=0)
    winners = [one for one in fits if one.known == best]
    if len(winners) > 1:
        titles = " and ".join(one.format.title for one in winners)
        options = " or ".join(f"--format {one.format.name}" for one in winners)
        raise StackError(f"{path} fits {titles} equally well. Say {options}.")
    return winners[0] if winners else None


def nearest(columns: Iterable[str], formats: Sequence[ShopFormat]) -> Fit | None:
    """Return the format of which a file has most, and half at least, of the columns it needs."""
    columns = list(columns)
    fits = [fit(format, columns) for format in formats]
    fits = [one for one in fits if len(one.found) >= len(one.missing)]
    return max(fits, key=lambda one: (-len(one.missing), one.known), default=None)
