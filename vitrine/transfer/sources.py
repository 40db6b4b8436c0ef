"""Rows of a file: CSV, JSON or JSON lines, plain or compressed, read in flat memory."""

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
_PACKED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
csv.field_size_limit(10_000_000)

Row = tuple[int, dict[str, Any] | str]


class Source:
    """A file of rows, to be used in ``with``; ``position`` and ``size`` are bytes, as stored."""

    def __init__(self, path: str, format: str | None):
        self._path = path
        if Path(path).is_dir():
            raise StackError(f"{path} is a folder; name its files, such as {Path(path) / '*.csv'}.")
        suffixes = [suffix.lower() for suffix in Path(path).suffixes]
        packed = suffixes[-1] if suffixes and suffixes[-1] in _PACKED else ""
        named = (suffixes[-2:-1] if packed else suffixes[-1:]) or [""]
        self.format = format or {".ndjson": "jsonl"}.get(named[0], named[0].lstrip("."))
        if self.format not in FORMATS:
            raise StackError(f"What is in {path}? Say --format {', '.join(FORMATS)}.")
        try:
            self._raw = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115
        except OSError as error:
            raise StackError(f"{path} cannot be read: {error.strerror}.") from error
        self.size = Path(path).stat().st_size if path != "-" else None
        self._file: BinaryIO = _PACKED[packed](self._raw) if packed else self._raw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._raw.close()

    @property
    def position(self) -> int:
        """How many bytes of the file were read."""
        return self._raw.tell() if self.size is not None else 0

    def rows(self) -> Iterator[Row]:
        """Yield row numbers from 1 with the row, or with what is wrong with it.

        Raise ``StackError`` where the rest of the file cannot be read.
        """
        reader = {"jsonl": _json_lines, "json": _json_array, "csv": _csv}[self.format]
        try:
            yield from reader(self._file)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise StackError(f"The file cannot be unpacked: {error}.") from error
        except UnicodeDecodeError as error:
            raise StackError(
                f"{self._path} is not UTF-8; convert it first, such as by iconv -f LATIN1 -t UTF-8."
            ) from error
        except (ijson.JSONError, csv.Error) as error:
            raise StackError(f"The file is not {self.format}: {error}.") from error


def _json_lines(file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, _object(line)


def _object(line: bytes) -> dict[str, Any] | str:
    try:
        # Unlike faster readers this one keeps a number of 30 digits, to be refused by name.
        value = json.loads(line, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        return f"Not JSON: {error.msg} at column {error.colno}"
    except ValueError as error:
        return f"Not JSON: {error}"
    return value if isinstance(value, dict) else "Not a JSON object."


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _json_array(file: BinaryIO) -> Iterator[Row]:
    """Read an array, or one object that holds the array as ``items``."""
    first = file.read(1)
    while first.isspace():
        first = file.read(1)
    rest = io.BufferedReader(_Prefixed(first, file))
    prefix = "items.item" if first == b"{" else "item"
    number = 0
    for number, value in enumerate(ijson.items(rest, prefix, use_float=True), 1):
        yield number, value if isinstance(value, dict) else "Not a JSON object."
    if not number and first == b"{":
        raise StackError('The file holds one object: neither an array, nor {"items": [...]}.')


class _Prefixed(io.RawIOBase):
    """A file with some bytes put back at its start."""

    def __init__(self, start: bytes, file: BinaryIO):
        self._start, self._file = start, file

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, first from the bytes put back."""
        data = self._start or self._file.read(len(buffer))
        self._start = b""
        buffer[: len(data)] = data
        return len(data)


def _csv(file: BinaryIO) -> Iterator[Row]:
    """Read CSV with a header; cells keep their text, empty ones are left out.

    Where commas inside unquoted texts make a row too long, a cell that begins with a blank is
    put back behind the one before it.
    """
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        yield from _records(csv.reader(text, strict=True))
    finally:
        text.detach()


def _records(reader: Iterator[list[str]]) -> Iterator[Row]:
    header = next(reader, [])
    for number, cells in enumerate(reader, 1):
        if not cells:
            continue
        if len(cells) > len(header):
            cells = _rejoined(cells)
        if len(cells) > len(header):
            yield number, f"Has {len(cells)} cells, the header {len(header)}."
        else:
            yield number, {name: cell for name, cell in zip(header, cells, strict=False) if cell}


def _rejoined(cells: list[str]) -> list[str]:
    whole: list[str] = []
    for cell in cells:
        if whole and cell.startswith(" "):
            whole[-1] += "," + cell
        else:
            whole.append(cell)
    return whole
