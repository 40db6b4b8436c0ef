"""Products as the file of another program: a spreadsheet, or the file of a shop."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer.exports.cells import GRAMS
from vitrine.transfer.exports.item_store import Item, ItemStore
from vitrine.transfer.exports.references import CategoryPaths, PhotoAddresses
from vitrine.transfer.exports.shop_rows import WrittenRows
from vitrine.transfer.exports.workbook import write_workbook
from vitrine.transfer.shops.format_files import SUFFIX, ShopFormat, known_formats, read_format

SPREADSHEET = "spreadsheet"
_PARENT_ID = "id:{ID}"
PHOTO_FIELDS = ("images",)  # read-only fields of products that photos are in


def shop_formats() -> Mapping[str, ShopFormat]:
    """Return the formats of shops that can be written, by their names in an export."""
    return {
        format.export.name or format.name: format
        for format in known_formats()
        if format.export is not None
    }


def shop_format(name: str) -> ShopFormat:
    """Return the format with a name, or the one in a TOML file of one's own.

    Raises:
        StackError: The format is not known, or only read.
    """
    if name.endswith(SUFFIX):
        format = read_format(Path(name))
    elif (known := shop_formats().get(name)) is not None:
        format = known
    else:
        raise StackError(
            f"--format {name}: write one of {', '.join((SPREADSHEET, *shop_formats()))}, or the "
            "path of a TOML file."
        )
    _check_is_written(format)
    return format


def _check_is_written(format: ShopFormat) -> None:
    """Raise ``StackError`` for a format that cannot be written; names what to change."""
    fold, rules = format.fold, format.export
    if rules is None:
        raise StackError(f"The format {format.name} is only read: it has no table [export].")
    if fold.children or fold.each or fold.below or fold.has_parents or fold.first_is_parent:
        wrong = "its rows fold in a way that is only read; use fold.key, fold.parent or fold.group"
    elif fold.parent and _PARENT_ID not in fold.parent_names:
        wrong = f"fold.parent_names needs {_PARENT_ID}, by which variants name their product"
    elif fold.parent and not {"sku", "status"} <= format.fields.keys():
        wrong = "the row of a product needs the fields sku and status"
    elif len(rules.availability) != 2:
        wrong = "export.availability needs two texts: for what can be bought, and what cannot"
    elif format.fields.get("weight") and format.fields["weight"].unit not in GRAMS:
        wrong = f"fields.weight.unit must be one of {', '.join(filter(None, GRAMS))}"
    else:
        return
    raise StackError(f"The format {format.name} cannot be written: {wrong}.")


class ProductExport:
    """An export of products for another program.

    Args:
        client: The products service.
        categories: The categories service.
        base_url: The address of the shop, under which its photos are; empty if it is not known.

    Attributes:
        notes: What the file does not hold, in sentences.
    """

    def __init__(self, client: Client, categories: Client, base_url: str):
        self._client = client
        query = {"ordering": "id", "fields": "slug,name,path"}
        self._categories = CategoryPaths(categories.items("/categories", **query))
        self._photos = PhotoAddresses(base_url)
        self._base_url = base_url.rstrip("/")
        self.notes: list[str] = []

    def write_workbook(self, items: Iterator[Item], path: Path, names: list[str]) -> int:
        """Write a spreadsheet; return the number of products.

        Raises:
            StackError: A sheet or a cell cannot hold the products.
        """
        with ItemStore(items) as store:
            count = write_workbook(store, path, names, self._categories, self._photos)
        self._note_photos()
        return count

    def write_shop_file(self, items: Iterator[Item], file: TextIO, format: ShopFormat) -> int:
        """Write the file of a shop; return the number of products."""
        rules = format.export
        assert rules is not None
        address = f"{self._base_url}/products/{{slug}}" if self._base_url else ""
        with ItemStore(items) as store:
            rows = WrittenRows(format, store, self._categories, self._photos, address)
            writer = csv.DictWriter(file, rows.columns(), delimiter=rules.separator, restval="")
            writer.writeheader()
            writer.writerows(rows.rows())
            count = rows.count
        self.notes += [f"{number:,} products {text}." for text, number in rows.notes.items()]
        if rules.link and not address:
            self.notes.append(f"The column {rules.link} is empty: say --base-url, or PUBLIC_URL.")
        self._note_photos()
        return count

    def _note_photos(self) -> None:
        if self._photos.without:
            self.notes.append(
                f"{self._photos.without:,} uploaded photos are left out: say with --base-url, or "
                "in PUBLIC_URL, under which address the shop is reached."
            )
