"""Sheets of an XLSX workbook, copied to CSV: the cells as texts, the rows with their numbers.

A workbook is an archive, so that its unpacked size is checked before anything of it is read.
"""

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from typing import Any, BinaryIO

import openpyxl
from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from vitrine.errors import StackError
from vitrine.transfer.files.copies import check_size
from vitrine.transfer.files.header_rows import HEADER_ROWS, fullest

MAGIC = b"PK\x03\x04"
MAX_BYTES = 500_000_000  # of all parts, unpacked
MAX_TEXT_BYTES = 150_000_000  # of the texts that all sheets share, which are held in memory
MAX_RATIO = 200  # unpacked to packed, of a part above this size:
MIN_RATIO_BYTES = 10_000_000
MAX_ROWS = 1_048_576  # of a sheet, by Excel
MAX_CELLS = 16_384  # of a row, by Excel

_WORKBOOK = "xl/workbook.xml"
_SHEETS = "xl/worksheets/"
_TEXTS = "xl/sharedStrings.xml"
_FORMULA = (b"<f>", b"<f ")
_ENCRYPTED = 1  # a bit of the flags of a part
_LEADING_ZEROS = re.compile("0{2,}")  # a number format
_UNREADABLE = (
    # Errors of XML are syntax errors, those of lxml too, which openpyxl uses if it is there.
    *(zipfile.BadZipFile, InvalidFileException, SyntaxError, DefusedXmlException, KeyError),
    *(ValueError, TypeError, AttributeError, IndexError, EOFError, RuntimeError, OSError),
    *(zlib.error, ArithmeticError, AssertionError),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, the row of its header, and the other sheets with a header."""

    name: str
    header_row: int
    others: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The sheet in words."""
        row = f", header in row {self.header_row}" if self.header_row > 1 else ""
        names = ", ".join(map(repr, self.others))
        others = f"; other sheets: {names}, choose one with --sheet" if names else ""
        return f"XLSX, sheet {self.name!r}{row}{others}"


def copy_sheet(
    file: BinaryIO,
    path: str,
    copy: BinaryIO,
    chosen: str | None = None,
    header_row: int = 1,
    max_bytes: int | None = None,
) -> Sheet:
    """Copy a sheet to CSV in UTF-8, with its empty rows, and return what it is.

    Args:
        file: The workbook.
        path: Its name, for errors.
        copy: The file to write.
        chosen: The name or the number of a sheet; None takes the first one with a header.
        header_row: The first row that may be the header.
        max_bytes: The limit of the copy; None for none.

    Raises:
        StackError: The file is not a workbook, is too large, or has no such sheet or no header;
            or a formula has an error or no value.
    """
    _check_archive(file, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # About parts that hold no cells, such as rules.
            return _copied(file, path, copy, chosen, header_row, max_bytes)
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise StackError(
            f"{path} is broken and cannot be read ({reason}). Open it in a spreadsheet and save it "
            "again, or save the sheet as CSV."
        ) from error


def _check_archive(file: BinaryIO, path: str) -> None:
    """Raise ``StackError`` for an archive without a workbook, or one too large unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise StackError(f"{path} is a broken archive: {error}. Export it again.") from error
    if _WORKBOOK not in {part.filename for part in parts}:
        raise StackError(
            f"{path} is an archive or a document, and not an XLSX workbook. Unpack it and import "
            "the files in it, or save the sheet as XLSX or CSV."
        )
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise StackError(
            f"{path} is protected by a password. Save it without one, then import that file."
        )
    texts = sum(part.file_size for part in parts if part.filename == _TEXTS)
    is_bomb = any(
        part.file_size > MIN_RATIO_BYTES and part.file_size > MAX_RATIO * part.compress_size
        for part in parts
    )
    if is_bomb or texts > MAX_TEXT_BYTES or sum(part.file_size for part in parts) > MAX_BYTES:
        raise StackError(
            f"{path} is too large when it is unpacked. Save the sheet as CSV, then import that "
            "file."
        )


def _copied(
    file: BinaryIO,
    path: str,
    copy: BinaryIO,
    chosen: str | None,
    header_row: int,
    max_bytes: int | None,
) -> Sheet:
    file.seek(0)
    with closing(openpyxl.load_workbook(file, read_only=True, data_only=True)) as workbook:
        sheet, found = _chosen(workbook, path, chosen, header_row)
        formulas = None
        if _has_formulas(file):
            formulas = openpyxl.load_workbook(file, read_only=True)[sheet.title]
            formulas.reset_dimensions()
        text = io.TextIOWrapper(copy, "utf-8", newline="")
        writer = csv.writer(text)
        rows = _rows(sheet, path)
        formula_rows = formulas.iter_rows() if formulas else None
        for number, cells in enumerate(rows, 1):
            _check_values(cells, next(formula_rows, ()) if formula_rows else (), sheet.title, path)
            # The rows before the header keep their place, so that all rows keep their numbers.
            writer.writerow([_text(cell) for cell in cells] if number >= found.header_row else [""])
            check_size(copy, path, max_bytes, "as CSV")
        text.flush()
        check_size(copy, path, max_bytes, "as CSV")
        text.detach()
        return found


def _chosen(workbook: Any, path: str, chosen: str | None, first: int) -> tuple[Any, Sheet]:
    """Return the sheet to read, and what it is."""
    sheets = list(workbook.worksheets)
    if chosen is not None:
        names = [sheet.title for sheet in sheets]
        named = [sheet for sheet in sheets if sheet.title.casefold() == chosen.casefold()]
        if not named and chosen.isdecimal() and 0 < int(chosen) <= len(sheets):
            named = [sheets[int(chosen) - 1]]
        if not named:
            raise StackError(f"--sheet {chosen}: the sheets of {path} are {', '.join(names)}.")
        return named[0], Sheet(named[0].title, _header(named[0], path, first)[0] or 1)
    found = {
        sheet.title: _header(sheet, path, first)
        for sheet in sheets
        if sheet.sheet_state == "visible"
    }
    # A sheet with one text a row is a note, unless all sheets are so.
    fewest = min(2, max((texts for _, texts in found.values()), default=0)) or 1
    headers = {name: row for name, (row, texts) in found.items() if texts >= fewest}
    if not headers:
        raise StackError(f"{path} has no sheet with a header. Write the names of columns in row 1.")
    name, *others = headers
    return workbook[name], Sheet(name, headers[name], tuple(others))


def _header(sheet: Any, path: str, first: int) -> tuple[int, int]:
    """Return the row with the names of the columns and the number of its texts; 0 for none."""
    counts = {
        number: sum(isinstance(cell.value, str) and bool(cell.value.strip()) for cell in cells)
        for number, cells in islice(enumerate(_rows(sheet, path), 1), first - 1, HEADER_ROWS)
    }
    return fullest(counts)


def _rows(sheet: Any, path: str) -> Iterator[Sequence[Any]]:
    """Yield the cells of each row; a size that the file states wrongly does not matter."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if number > MAX_ROWS or len(cells) > MAX_CELLS:
            raise StackError(
                f"{path} has more rows or columns than a sheet can have. Save it as CSV."
            )
        yield cells


def _has_formulas(file: BinaryIO) -> bool:
    """Return True if a sheet has a formula, whose value may be missing."""
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if not name.startswith(_SHEETS):
                continue
            rest = b""
            with archive.open(name) as part:
                while chunk := part.read(1 << 20):
                    if any(mark in rest + chunk for mark in _FORMULA):
                        return True
                    rest = chunk[-2:]
    return False


def _check_values(cells: Sequence[Any], formulas: Sequence[Any], sheet: str, path: str) -> None:
    """Raise ``StackError`` for a cell with an error, or for a formula without a value."""
    for cell in cells:
        if cell.value is not None and cell.data_type == "e":
            raise StackError(
                f"{path}, sheet {sheet!r}: the cell {cell.coordinate} has the error {cell.value}. "
                "Correct its formula and save the file."
            )
    for cell, formula in zip(cells, formulas, strict=False):
        if cell.value is None and formula.data_type == "f":
            raise StackError(
                f"{path}, sheet {sheet!r}: the formula in {formula.coordinate} has no value. Open "
                "the file in a spreadsheet and save it."
            )


def _text(cell: Any) -> str:
    """Return the text of a cell as CSV has it: a point in decimals, a day as 2026-01-31."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _number(value, cell.number_format)
    if isinstance(value, datetime):
        is_day = value.time() == time.min
        return value.date().isoformat() if is_day else value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _number(value: float, number_format: str) -> str:
    """Return a number with the digits that a spreadsheet shows: 15, and leading zeros."""
    if isinstance(value, float):
        value = float(f"{value:.15g}")
        if not value.is_integer():
            return f"{value:.15f}".rstrip("0") if abs(value) < 1 else repr(value)
    text = str(int(value))
    return text.zfill(len(number_format)) if _LEADING_ZEROS.fullmatch(number_format) else text
