"""Rows of CSV, with their numbers in a spreadsheet: the header is row 1, empty rows count."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Any, BinaryIO

from shared.schema.text import clean
from vitrine.errors import StackError
from vitrine.transfer.files.dialects import SAMPLE_LINES, Dialect, detect
from vitrine.transfer.files.guarded_cells import cell_value
from vitrine.transfer.texts import clean_name

csv.field_size_limit(10_000_000)  # characters of a cell
MAX_COLUMNS = 16_384  # as many as a workbook has

# A row's number and the row, or a text that says why it cannot be read.
Row = tuple[int, dict[str, Any] | str]
_NUMBER = re.compile(r"\s*[^\w\s]*\d")  # also an amount, such as " $12"
_END = "\0end"  # a row after the last one, by which an open quote is found


def sample_dialect(
    file: BinaryIO, separator: str | None, path: str, header_row: int = 1
) -> Dialect:
    """Return the dialect of a UTF-8 file, by its rows from the header on."""
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        lines = list(islice(text, header_row - 1, SAMPLE_LINES))
        dialect = detect(lines, separator, path)
        return replace(dialect, header_row=header_row) if header_row > 1 else dialect
    finally:
        text.detach()


def csv_rows(file: BinaryIO, dialect: Dialect) -> Iterator[Row]:
    """Yield the rows of CSV with a header; empty cells are left out.

    Cells stay texts, all but those of attributes in an export.

    Some programs write texts with commas without quotes, so that a row has too many cells.  In such
    a row, a cell that begins with a blank is joined to the cell before it, if that is certain.
    """
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        if dialect.has_declaration:
            next(text, "")
        records = islice(_records(text, dialect), dialect.header_row - 1, None)
        yield from _named_cells(records, dialect.separator)
    finally:
        text.detach()


def csv_header(file: BinaryIO, dialect: Dialect) -> list[str]:
    """Return the names of the columns of a CSV file; those without a name are left out."""
    text = io.TextIOWrapper(file, "utf-8", newline="")
    try:
        if dialect.has_declaration:
            next(text, "")
        records = islice(_records(text, dialect), dialect.header_row - 1, None)
        return [name for name in _header(records) if name]
    finally:
        text.detach()


def _records(text: io.TextIOWrapper, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row with its number; raise ``csv.Error`` with a line or row."""
    padded = dialect.has_padded_quotes
    # Only the lenient reader accepts blanks after a quote; it also accepts a quote without an end,
    # and texts after one.
    reader = csv.reader(
        chain(_without_texts_after_quotes(text, dialect.separator), [_END]) if padded else text,
        delimiter=dialect.separator,
        skipinitialspace=padded,
        strict=not padded,
    )
    try:
        for number, cells in enumerate(reader, 1):
            if padded and cells and cells[-1].endswith(_END):
                if cells != [_END]:
                    raise csv.Error(f"the quote in row {number} has no end")
                return
            yield number, cells
    except csv.Error as error:
        if padded:
            raise
        raise csv.Error(f"{error} in line {reader.line_num}; a quote may be lost") from error


def _without_texts_after_quotes(lines: Iterable[str], separator: str) -> Iterator[str]:
    """Yield lines; raise ``csv.Error`` if a text follows the quote at the end of a cell.

    An earlier quote is lost then, and cells or whole rows would become one.
    """
    # What may follow a part of a line: the start of a cell, a text in quotes, or their end.
    is_start, is_quoted, is_ended = True, False, False
    for number, line in enumerate(lines, 1):
        for sign in line:
            if is_quoted:
                is_quoted, is_ended = sign != '"', sign == '"'
            elif sign == separator or sign in "\r\n":
                is_start, is_ended = True, False
            elif sign == '"' and (is_start or is_ended):
                is_quoted, is_start, is_ended = True, False, False
            elif is_ended and sign != " ":
                raise csv.Error(f"a text follows a quote in line {number}; a quote may be lost")
            elif sign != " ":
                is_start = False
        yield line


def _named_cells(records: Iterator[tuple[int, list[str]]], separator: str) -> Iterator[Row]:
    header = _header(records)
    width = len(header)
    for number, raw_cells in records:
        cells = raw_cells
        if len(cells) > width and separator == ",":
            cells = _joined_cells(cells, width)
        values = [clean(cell) for cell in cells]
        if not any(values):
            continue
        if any(values[width:]):
            yield number, f"Has {len(values)} cells, but the header has {width}."
            continue
        yield (
            number,
            {
                name or f"column {position}": cell_value(name, value)
                for position, (name, value) in enumerate(zip(header, values, strict=False), 1)
                if value
            },
        )


def _header(records: Iterator[tuple[int, list[str]]]) -> list[str]:
    """Return the first row with a cell."""
    for _, cells in records:
        header = [clean_name(cell) for cell in cells]
        if any(header):
            _check_header(header)
            return header
    return []


def _check_header(header: list[str]) -> None:
    """Raise ``StackError`` for too many columns, or if two have one name.

    The cells of one of these would be lost.
    """
    if len(header) > MAX_COLUMNS:
        raise StackError(
            f"The file has {len(header):,} columns, and at most {MAX_COLUMNS:,} are read, as many "
            "as a spreadsheet has. Remove some, or name another --separator."
        )
    positions: dict[str, int] = {}
    for position, name in enumerate(header, 1):
        if name and (first := positions.setdefault(name, position)) != position:
            raise StackError(
                f"Columns {first} and {position} are both named {name!r}. Rename or remove "
                "one of them."
            )


def _joined_cells(cells: list[str], width: int) -> list[str]:
    """Join each cell that begins with a blank to the cell before it, if it is a part of a text.

    A row in which that is not certain stays as it is: one with too many such cells, or with two
    numbers in a row, of which one may be an amount.
    """
    if not any(cell.strip() for cell in cells[width:]):
        return cells  # One separator too many at the end.
    parts = [cell for cell in cells[1:] if cell.startswith(" ")]
    numbers = [bool(_NUMBER.match(cell)) for cell in cells]
    has_amount = any(
        cell.startswith(" ") and number and after
        for cell, number, after in zip(cells, numbers, [*numbers[1:], True], strict=True)
    )
    if len(cells) - len(parts) != width or has_amount:
        return cells
    joined: list[str] = []
    for cell in cells:
        if joined and cell.startswith(" "):
            joined[-1] += "," + cell
        else:
            joined.append(cell)
    return joined
