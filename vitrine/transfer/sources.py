"""Rows of a file: CSV, JSON or JSON lines, plain or compressed, read with little memory."""

import csv
import gzip
import io
import json
import lzma
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

import ijson

from vitrine.errors import StackError

FORMATS = ("jsonl", "json", "csv")
STDIN = "-"
_DECOMPRESSORS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
csv.field_size_limit(10_000_000)  # characters of a cell

# A row's number, from 1, and the row, or a text that says why it cannot be read.
Row = tuple[int, dict[str, Any] | str]


class RowSource:
    """File of rows, to be used in ``with``; ``position`` and ``size`` are in bytes on disk."""

    def __init__(self, path: str, format: str | None):
        """Open a file.

        Args:
            path: The file, or ``-`` for stdin.
            format: One of ``FORMATS``; None if the file's ending names it.

        Raises:
            StackError: The file cannot be opened, or its format is unknown.
        """
        self._path = path
        if Path(path).is_dir():
            raise StackError(f"{path} is a folder; name its files, such as {Path(path) / '*.csv'}.")
        suffixes = [suffix.lower() for suffix in Path(path).suffixes]
        compression = suffixes[-1] if suffixes and suffixes[-1] in _DECOMPRESSORS else ""
        ending = ((suffixes[-2:-1] if compression else suffixes[-1:]) or [""])[0]
        self.format = format or {".ndjson": "jsonl"}.get(ending, ending.lstrip("."))
        if self.format not in FORMATS:
            raise StackError(
                f"The format of {path} is not known. Say --format with one of {', '.join(FORMATS)}."
            )
        try:
            self._raw = sys.stdin.buffer if path == STDIN else Path(path).open("rb")  # noqa: SIM115
        except OSError as error:
            raise StackError(f"{path} cannot be read: {error.strerror}.") from error
        self.size = Path(path).stat().st_size if path != STDIN else None
        self._file: BinaryIO = _DECOMPRESSORS[compression](self._raw) if compression else self._raw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._raw.close()

    @property
    def position(self) -> int:
        """The bytes read so far; 0 for stdin."""
        return self._raw.tell() if self.size is not None else 0

    def rows(self) -> Iterator[Row]:
        """Yield each row with its number, or with a text that says why it cannot be read.

        Raises:
            StackError: The rest of the file cannot be read.
        """
        reader = {"jsonl": _json_lines, "json": _json_array, "csv": _csv_rows}[self.format]
        try:
            yield from reader(self._file)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise StackError(f"{self._path} cannot be decompressed: {error}.") from error
        except UnicodeDecodeError as error:
            raise StackError(
                f"{self._path} is not UTF-8; convert it first, such as by iconv -f LATIN1 -t UTF-8."
            ) from error
        except (ijson.JSONError, csv.Error) as error:
            raise StackError(f"{self._path} is not {self.format}: {error}.") from error


def _json_lines(file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, _json_object(line)


def _json_object(line: bytes) -> dict[str, Any] | str:
    """Return the object in a line, or a text that says why there is none."""
    try:
        # Unlike faster parsers, json keeps a number of 30 digits, so that its field is named.
        value = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return f"Not JSON: {error.msg} at column {error.colno}"
    except ValueError as error:
        return f"Not JSON: {error}"
    return value if isinstance(value, dict) else "Not a JSON object."


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is not a number")


def _json_array(file: BinaryIO) -> Iterator[Row]:
    """Yield the objects of an array, or of the array ``items`` in one object."""
    first = file.read(1)
    while first.isspace():
        first = file.read(1)
    whole = io.BufferedReader(_PrefixedFile(first, file))
    prefix = "items.item" if first == b"{" else "item"
    number = 0
    for number, value in enumerate(ijson.items(whole, prefix, use_float=True), 1):
        yield number, value if isinstance(value, dict) else "Not a JSON object."
    if not number and first == b"{":
        raise StackError('The file holds one object: write an array, or {"items": [...]}.')


class _PrefixedFile(io.RawIOBase):
    """A file with some bytes put back at its start."""

    def __init__(self, start: bytes, file: BinaryIO):
        self._start, self._file = start, file

    def readable(self) -> bool:
        """Return True: ``io.BufferedReader`` asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, first the bytes that were put back."""
        data = self._start or self._file.read(len(buffer))
        self._start = b""
        buffer[: len(data)] = data
        return len(data)


def _csv_rows(file: BinaryIO) -> Iterator[Row]:
    """Yield the rows of CSV with a header; cells stay texts, and empty cells are left out.

    Some programs write texts with commas without quotes, so that a row has too many cells.  In such
    a row, a cell that begins with a blank is joined to the cell before it.
    """
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        yield from _named_cells(csv.reader(text, strict=True))
    finally:
        text.detach()


def _named_cells(reader: Iterator[list[str]]) -> Iterator[Row]:
    header = next(reader, [])
    for number, cells in enumerate(reader, 1):
        if not cells:
            continue
        if len(cells) > len(header):
            cells = _joined_cells(cells)
        if len(cells) > len(header):
            yield number, f"Has {len(cells)} cells, but the header has {len(header)}."
        else:
            yield number, {name: cell for name, cell in zip(header, cells, strict=False) if cell}


def _joined_cells(cells: list[str]) -> list[str]:
    """Join each cell that begins with a blank to the cell before it."""
    joined: list[str] = []
    for cell in cells:
        if joined and cell.startswith(" "):
            joined[-1] += "," + cell
        else:
            joined.append(cell)
    return joined
