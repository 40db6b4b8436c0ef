"""Rows of a file: CSV, XLSX, JSON, XML or a page, plain or compressed, or at an address of the web.

A file is looked at when it is opened: its format, its encoding and its separator are certain, or
the file is refused, before its first row is read.  The rows may then be read several times.
"""

import csv
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import ijson

from vitrine.errors import StackError
from vitrine.transfer.files import encodings, workbooks
from vitrine.transfer.files.addresses import Limits, download, is_address
from vitrine.transfer.files.copies import DECOMPRESSORS, check_size, copied, new_copy, unpacked
from vitrine.transfer.files.csv_rows import Row, csv_header, csv_rows, sample_dialect
from vitrine.transfer.files.dialects import Dialect, separator_of
from vitrine.transfer.files.json_rows import fault_of, json_lines, json_rows
from vitrine.transfer.files.kinds import (
    FORMATS,
    LABELS,
    TEXT_FORMATS,
    check_readable,
    declared_encoding,
    ending_of,
    format_of,
)
from vitrine.transfer.files.linked_data import is_linked_data, linked_rows
from vitrine.transfer.files.xml_rows import xml_rows

__all__ = ["FORMATS", "STDIN", "ReadOptions", "RowSource"]

STDIN = "-"
_MAGIC = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\x00": ".xz"}
_START_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options about the reading of files; None lets the file decide.

    Attributes:
        format: One of ``FORMATS``.
        encoding: A character encoding, by any of its names.
        separator: The character between two cells of CSV.
        resource: What is imported, such as products; empty if that is not known.
        sheet: The name or the number of a sheet of XLSX; None takes the first one with a header.
        header_row: The row of a table with the header.
        max_bytes: The limit of each copy: unpacked, in UTF-8, or of a sheet; None for the usual
            one.
    """

    format: str | None = None
    encoding: str | None = None
    separator: str | None = None
    resource: str = ""
    sheet: str | None = None
    header_row: int = 1
    max_bytes: int | None = None


class RowSource:
    """File of rows, to be used in ``with``; ``position`` and ``size`` are in bytes.

    Attributes:
        rows_read: The number of rows that the last reading has read.
    """

    def __init__(self, path: str, options: ReadOptions | str | None = None):
        """Look at a file.

        Args:
            path: The file, its address, or ``-`` for stdin.
            options: What is known about the file, or its format alone.

        Raises:
            StackError: The file cannot be opened, or its format or encoding is not certain.
        """
        if not isinstance(options, ReadOptions):
            options = ReadOptions(options)
        self.path = path
        self.rows_read = 0
        self.max_bytes = options.max_bytes
        self._resource = options.resource
        self.header: list[str] = []  # the names of the columns of CSV
        self._copy: BinaryIO | None = None
        self._file: BinaryIO | None = None
        self._dialect: Dialect | None = None
        self._sheet: workbooks.Sheet | None = None
        self._is_linked_data = False
        self._encoding = encodings.named("utf-8")
        try:
            with _explained(path, options.format or "text"):
                self._open(options)
        except StackError:
            self.close()
            raise

    def _open(self, options: ReadOptions) -> None:
        """Find format, encoding and dialect; copy what cannot be read again as UTF-8."""
        with ExitStack() as opened:
            if is_address(self.path):
                fetched = download(self.path, options.resource)
                file, ending = self._kept(fetched.file), fetched.ending
            else:
                file = opened.enter_context(_opened(self.path))
                ending = ending_of(self.path, tuple(DECOMPRESSORS))
            file = self._readable_again(file)
            start = _start(file)
            check_readable(start, self.path)
            if start.startswith(workbooks.MAGIC):
                file = self._copied_sheet(file, options)
            elif options.sheet is not None:
                raise StackError(f"--sheet is for XLSX, and {self.path} is text; leave it out.")
            else:
                file = self._decoded(file, start, options.encoding)
            self.size = file.seek(0, io.SEEK_END)
            file.seek(0)
            self._find_format(file, ending, options)

    def _kept(self, copy: BinaryIO) -> BinaryIO:
        """Keep a copy of the file instead of the one before it."""
        self.close()
        self._copy = copy
        return copy

    def _readable_again(self, raw: BinaryIO) -> BinaryIO:
        """Return a file that is not compressed and can be read several times."""
        named = Path(self.path).suffix.lower() if not is_address(self.path) else ""
        max_bytes = Limits().bytes if is_address(self.path) else self.max_bytes
        if self.path == STDIN or not raw.seekable():
            raw = self._kept(copied(raw))
        compression = _compression(_start(raw), named)
        return self._kept(unpacked(raw, compression, self.path, max_bytes)) if compression else raw

    def _copied_sheet(self, file: BinaryIO, options: ReadOptions) -> BinaryIO:
        """Return a sheet of a workbook as CSV."""
        with ExitStack() as on_error:
            copy = on_error.enter_context(new_copy())
            self._sheet = workbooks.copy_sheet(
                file, self.path, copy, options.sheet, options.header_row, options.max_bytes
            )
            copy.seek(0)
            on_error.pop_all()
        return self._kept(copy)

    def _decoded(self, file: BinaryIO, start: bytes, chosen: str | None) -> BinaryIO:
        """Return a file of text in UTF-8."""
        if chosen:
            self._encoding = encodings.named(chosen)
        else:
            self._encoding = encodings.detect(file, self.path, declared_encoding(start))
        file.seek(0)
        if self._encoding.name == "utf-8":
            return file
        return self._kept(_recoded(file, self._encoding, self.path, self.max_bytes))

    def _find_format(self, file: BinaryIO, ending: str, options: ReadOptions) -> None:
        """Find the format of a file in UTF-8 or of a sheet, and the columns of a table."""
        start = _start(file, encodings.CHUNK_BYTES)
        if self._sheet:
            self.format, self._dialect = "xlsx", Dialect(",")
        else:
            self.format = options.format or format_of(self.path, ending, start)
        if self.format == "xlsx" and not self._sheet:
            raise StackError(f"{self.path} is not XLSX. Leave out --format, or name the right one.")
        if self.format == "json":
            self._is_linked_data = is_linked_data(file)
        if self.format == "csv":
            separator = separator_of(options.separator) if options.separator else None
            self._dialect = sample_dialect(file, separator, self.path, options.header_row)
            file.seek(0)
        if self._dialect:
            self.header = csv_header(file, self._dialect)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the copy of the file, if there is one."""
        if self._copy:
            self._copy.close()

    @property
    def position(self) -> int:
        """The bytes that this reading of the file has read so far."""
        return self._file.tell() if self._file and not self._file.closed else 0

    @property
    def has_texts(self) -> bool:
        """True if the cells are texts without types, as those of tables are."""
        return self.format in TEXT_FORMATS

    @property
    def label(self) -> str:
        """The encoding and the format of the file, such as ``UTF-16, separated by tabs``."""
        if self._sheet:
            return self._sheet.label
        if self._dialect:
            return f"{self._encoding.label}, separated by {self._dialect.label}"
        format = "JSON-LD" if self._is_linked_data else LABELS[self.format]
        return f"{self._encoding.label}, {format}"

    def rows(self) -> Iterator[Row]:
        """Yield each row with its number, or with a text that says why it cannot be read.

        A row of CSV has the number that a spreadsheet shows; a row of JSON lines, that of its line.

        Raises:
            StackError: The rest of the file cannot be read.
        """
        with _explained(self.path, self.format):
            self._file = self._copy or _opened(self.path)
            try:
                self._file.seek(0)
                self.rows_read = 0
                for row in self._read(self._file):
                    self.rows_read += 1
                    yield row
            except ijson.JSONError as error:
                fault = fault_of(self._file, error)
                raise StackError(f"{self.path} is not {self.format}: {fault}.") from error
            finally:
                if self._file is not self._copy:
                    self._file.close()

    def _read(self, file: BinaryIO) -> Iterator[Row]:
        if self._dialect:
            return csv_rows(file, self._dialect)
        if self.format == "jsonl":
            return json_lines(file)
        if self.format == "xml":
            return xml_rows(file, self.path, self._resource)
        if self.format == "html" or self._is_linked_data:
            return linked_rows(file, self.path, is_page=self.format == "html")
        return json_rows(file, self.path, self._resource)


@contextmanager
def _explained(path: str, format: str) -> Iterator[None]:
    """Turn the exceptions of the libraries into a ``StackError`` that names the file."""
    try:
        yield
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise StackError(f"{path} cannot be decompressed: {error}.") from error
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeError as error:
        raise StackError(
            f"{path} is not valid text in this encoding ({error}). Name the right one with "
            "--encoding, such as --encoding windows-1252."
        ) from error
    except (ijson.JSONError, csv.Error) as error:
        # Without a drawing of the place, and without a number of a million digits.
        reason = str(error).partition("\n")[0][:200]
        raise StackError(f"{path} is not {format}: {reason}.") from error


def _opened(path: str) -> BinaryIO:
    if path == STDIN:
        return sys.stdin.buffer
    if Path(path).is_dir():
        raise StackError(f"{path} is a folder; name its files, such as {Path(path) / '*.csv'}.")
    return Path(path).open("rb")


def _start(file: BinaryIO, size: int = _START_BYTES) -> bytes:
    """Return the first bytes of a file, and go back to its start."""
    start = file.read(size)
    file.seek(0)
    return start


def _compression(start: bytes, named: str) -> str:
    """Return the ending of the compression of a file, by its first bytes or by its name."""
    found = next((ending for magic, ending in _MAGIC.items() if start.startswith(magic)), "")
    return found or (named if named in DECOMPRESSORS else "")


def _recoded(
    file: BinaryIO, encoding: encodings.Encoding, path: str, max_bytes: int | None
) -> BinaryIO:
    """Return a copy of a file in UTF-8; raise ``StackError`` if it is larger than the limit."""
    text = io.TextIOWrapper(file, encoding.name, newline="")
    with ExitStack() as on_error:
        copy = on_error.enter_context(new_copy())
        try:
            while chunk := text.read(encodings.CHUNK_BYTES):
                copy.write(chunk.encode())
                check_size(copy, path, max_bytes, "in UTF-8")
        finally:
            text.detach()
        copy.seek(0)
        on_error.pop_all()
        return copy
