"""A spreadsheet (XLSX) with a row for each item.

Texts are cells of the type text, which no program runs as a formula or turns into a number or a
day, so that numbers of articles keep their zeros.  A column ``attr.NAME`` has the texts of an
attribute as they are, or with an apostrophe if an import would read a number or a boolean.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from vitrine.errors import StackError
from vitrine.transfer.columns.plan import OPTION
from vitrine.transfer.exports.cells import kept, kept_value
from vitrine.transfer.exports.item_store import Item, ItemStore, explained
from vitrine.transfer.exports.references import CategoryPaths, PhotoAddresses
from vitrine.transfer.files.guarded_cells import ATTRIBUTE, cell_value, guarded

MAX_ROWS = 1_048_576  # of a sheet, by Excel, with the header
MAX_COLUMNS = 16_384
MAX_TEXT = 32_767  # characters of a cell
_TEXT_FORMAT = "@"  # shown, and edited, as it was typed
_ERROR = "#"  # such as #REF!
_SPREAD = {"options": OPTION, "attributes": ATTRIBUTE}  # objects with a column for each member
_PHOTOS = "image_urls"


def write_workbook(
    store: ItemStore,
    path: Path,
    names: Sequence[str],
    categories: CategoryPaths,
    photos: PhotoAddresses,
) -> int:
    """Write items to a file; return their number.

    Args:
        store: The items.
        path: The file.
        names: The fields.
        categories: The names of categories.
        photos: The URLs of photos.

    Raises:
        StackError: A sheet or a cell cannot hold the items.
    """
    columns = [*_columns(store, names)]
    if store.count >= MAX_ROWS or len(columns) > MAX_COLUMNS:
        raise StackError(
            f"A sheet holds {MAX_ROWS - 1:,} products in {MAX_COLUMNS:,} columns, and these are "
            f"{store.count:,} in {len(columns):,}. Export them with --format google, or as CSV."
        )
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Products")
    sheet.freeze_panes = "A2"
    try:
        sheet.append([_cell(sheet, column, "") for column in columns])
        for item in store.items():
            with explained([item]):
                values, label = dict(_values(item, categories, photos)), _label(item)
            sheet.append([_cell(sheet, values.get(name), f"{name} of {label}") for name in columns])
    finally:
        sheet.close()
    book.save(path)
    return store.count


def _columns(store: ItemStore, names: Sequence[str]) -> Iterator[str]:
    """Yield the names of the columns: of fields, then of options and attributes."""
    yield from (name for name in names if name not in _SPREAD and name != _PHOTOS)
    yield _PHOTOS
    for field, prefix in _SPREAD.items():
        yield from (prefix + name for name in store.names.get(field, {}))


def _values(
    item: Item, categories: CategoryPaths, photos: PhotoAddresses
) -> Iterator[tuple[str, Any]]:
    """Yield the cells of an item with their columns."""
    for name, value in item.items():
        if name == "category":
            yield name, kept(" > ".join(categories.names(value)))
        elif name == "attributes":
            yield from ((ATTRIBUTE + key, _attribute(key, each)) for key, each in value.items())
        elif name == "options":
            yield from ((OPTION + key, kept_value(each)) for key, each in value.items())
        elif name != _PHOTOS:
            yield name, kept_value(value)
    if addresses := photos.of(item):
        with_text = {each["url"]: each for each in item.get(_PHOTOS, ()) if each.get("alt")}
        yield _PHOTOS, orjson.dumps([with_text.get(url, url) for url in addresses]).decode()


def _attribute(name: str, value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    is_misread = isinstance(value, str) and cell_value(ATTRIBUTE + name, value) != value
    return f"'{value}" if is_misread else value


def _cell(sheet: Any, value: Any, place: str) -> Any:
    """Return the cell of a value; a text is neither a formula nor an error."""
    if not isinstance(value, str):
        return value
    if len(value) > MAX_TEXT:
        raise StackError(
            f"The {place} has {len(value):,} characters, and a cell of a spreadsheet holds "
            f"{MAX_TEXT:,}. Export the products as CSV, or with another --format."
        )
    value = ILLEGAL_CHARACTERS_RE.sub("", value)
    if guarded(value) == value and not value.startswith(_ERROR):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    cell.number_format = _TEXT_FORMAT
    return cell


def _label(item: Mapping[str, Any]) -> str:
    return str(item.get("sku") or item["slug"])
