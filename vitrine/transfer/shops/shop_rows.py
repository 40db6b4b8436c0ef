"""The file of a shop as rows of a plain table, with the photos and notes of its last reading."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from vitrine.errors import StackError
from vitrine.transfer.columns.field_names import PHOTO_URLS
from vitrine.transfer.columns.totals import total_of, totals_refused
from vitrine.transfer.files.copies import new_copy
from vitrine.transfer.files.csv_rows import Row
from vitrine.transfer.shops.binding import Binding
from vitrine.transfer.shops.folding import folded
from vitrine.transfer.shops.format_files import ShopFormat
from vitrine.transfer.shops.named_values import flattened, is_url
from vitrine.transfer.shops.records import record_columns, record_rows
from vitrine.transfer.shops.translation import Translator
from vitrine.transfer.sources import RowSource

_KEYS = ("external_ref", "slug", "sku", "gtin")  # fields that name one product
MAX_PHOTO_TEXT = 500  # characters that the service accepts


class ShopRows:
    """Rows of a shop's file, to be read several times; to be closed at the end.

    Attributes:
        source: The file.
        binding: Its format, bound to its columns.
        filled: The number of cells of each column.
        products: The number of products.
        photos: The number of photos with a URL, of all products.
        has_texts: The cells are texts without types.
        sends_photos: The rows have the URLs of photos, because the service fetches them.
        notes: How often something was decided that the file does not say.
    """

    def __init__(
        self,
        source: RowSource,
        format: ShopFormat,
        columns: list[str],
        sends_photos: bool,
        moment: datetime,
        currency: str = "",
    ):
        """Bind a file to its format.

        Args:
            source: The file.
            format: Its format.
            columns: Its columns.
            sends_photos: Give rows the URLs of photos.
            moment: The moment of the import, which decides about sales with dates.
            currency: The currency of amounts without one.
        """
        self._moment = moment
        self._currency = currency
        self.sends_photos = sends_photos
        self.source = source
        self._records = format.records
        if format.records:
            columns, others = record_columns(format.records, columns)
            format = replace(format, left_out=(*format.left_out, *others))
            columns = [*columns, *others]
        self.binding = Binding(format, columns, currency)
        self.path = source.path
        self.has_texts = source.has_texts
        self.size = source.size
        self.filled: Counter[str] = Counter()
        self.products = 0
        self.photos = 0
        self.notes: Counter[str] = Counter()
        self._kept = new_copy()
        self._is_kept = False

    @property
    def position(self) -> int:
        """The bytes that this reading of the file has read so far."""
        return self._kept.tell() if self._is_kept else self.source.position

    @property
    def label(self) -> str:
        """The encoding and the format of the file."""
        return self.source.label

    def close(self) -> None:
        """Delete the rows that were kept."""
        self._kept.close()

    def rows(self) -> Iterator[Row]:
        """Yield each row of a plain table; a row that cannot be read is a text.

        The first reading keeps the rows, so that the file is folded once; rows beyond the limit of
        copies are folded each time.

        Raises:
            StackError: The rest of the file cannot be read.
        """
        if self._is_kept:
            self._kept.seek(0)
            for line in self._kept:
                number, row = orjson.loads(line)
                yield number, row
            return
        self._kept.seek(0)
        self._kept.truncate()
        is_large = False
        for number, row in self._translated():
            try:
                line = orjson.dumps((number, row), option=orjson.OPT_APPEND_NEWLINE)
            except TypeError as error:
                row = f"Cannot be sent as JSON: {error}."
                line = orjson.dumps((number, row), option=orjson.OPT_APPEND_NEWLINE)
            if not is_large:
                self._kept.write(line)
                is_large = self._kept.tell() > (self.source.max_bytes or math.inf)
            yield number, row
        if is_large:
            self._kept.seek(0)
            self._kept.truncate()
        else:
            self._is_kept, self.size = True, self._kept.tell()

    def _translated(self) -> Iterator[Row]:
        """Yield the rows of a plain table, and count products and photos."""
        translator = Translator(self.binding, self._moment)
        self.notes = translator.notes
        groups: set[str] = set()
        photos: set[int] = set()
        alone = 0  # products without a group
        for one in folded(self._counted, self.binding, self.notes):
            if isinstance(one, tuple):
                yield one
                continue
            try:
                row = translator.row(one)
            except StackError as error:
                yield one.number, str(error)
                continue
            group = row.get("group")
            if group:
                groups.add(group)
            else:
                alone += 1
            self.products = alone + len(groups)
            if urls := [photo for photo in one.photos if is_url(photo)]:
                photos.update(hash((group or one.number, url)) for url in urls)
                self.photos = len(photos)
                if self.sends_photos:
                    row[PHOTO_URLS] = [_photo(url, one.photo_texts) for url in urls]
            yield one.number, row

    def _counted(self) -> Iterator[Row]:
        """Yield the rows of the file, and count the cells of each column."""
        self.filled.clear()
        rows = self.source.rows()
        if self._records:
            rows = record_rows(rows, self._records, self.notes, self._currency)
        binding = self.binding
        keys = [
            *(name for one in binding.fields if one.name in _KEYS for name in one.columns),
            *binding.header.find(binding.format.fold.key),
        ]
        for number, row in rows:
            if not isinstance(row, str) and (text := total_of(row, keys)):
                row = totals_refused(text)
            if not isinstance(row, str):
                self.filled.update(list(_columns_of_row(row)))
            yield number, row


def _photo(url: str, texts: Mapping[str, str]) -> str | dict[str, str]:
    """Return a photo as the service accepts it: its URL, with its text if it has one."""
    return {"url": url, "alt": texts[url][:MAX_PHOTO_TEXT]} if url in texts else url


def columns_of(source: RowSource) -> list[str]:
    """Return the columns of a file: its header, or those of all its rows.

    The columns of JSON are the names of nested members joined by dots, also those of lists.
    """
    if source.header:
        return list(source.header)
    columns: dict[str, None] = {}
    for _, row in source.rows():
        if not isinstance(row, str):
            columns |= _columns_of_row(row)
    return list(columns)


def _columns_of_row(row: Mapping[str, Any]) -> dict[str, None]:
    """Return the columns of a row that have a cell, also those of the objects in lists."""
    columns: dict[str, None] = {}
    for column, value in flattened(row).items():
        columns[column] = None
        for member in value if isinstance(value, list) else ():
            if isinstance(member, dict):
                columns |= dict.fromkeys(flattened({column: member}))
    return columns
