"""Files of shops, prepared as the command does, without a stack."""

from contextlib import ExitStack

import pytest

from vitrine.transfer.shops.preparation import ShopOptions, open_source, prepare
from vitrine.transfer.sources import ReadOptions

_TYPES = {
    **dict.fromkeys(("name", "category", "brand", "tax_class"), "Text"),
    **dict.fromkeys(("sku", "external_ref", "group"), "Key"),
    **{"id": "Id", "slug": "Slug", "description": "Plain", "status": "Plain", "gtin": "Gtin"},
    **{"currency": "Currency", "price": "Money", "compare_at_price": "Money", "stock": "Whole"},
    **{"weight": "Grams", "tags": "Tags", "options": "Options", "attributes": "Attributes"},
    **{"image_urls": "ImageUrls"},
}
_ALIASES = {"name": ["title"], "stock": ["quantity"], "group": ["item_group_id"]}
FIELDS = {
    name: {"type": type, "read_only": name == "id", "aliases": _ALIASES.get(name, [])}
    for name, type in _TYPES.items()
}


class ShopFile:
    """A prepared file: its products, and the rows that cannot be read."""

    def __init__(self, prepared):
        self.prepared = prepared
        self.products, self.errors = [], []
        for _, row in prepared.source.rows():
            if isinstance(row, dict):
                self.products.append(prepared.mapping.item(row, prepared.source.has_texts))
            else:
                self.errors.append(row)

    @property
    def kind(self):
        return self.prepared.fit.format.name if self.prepared.fit else ""


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a file, or a text as one."""

    def read_file(file, format=None, **options):
        if isinstance(file, str):
            path = tmp_path / "shop.csv"
            path.write_text(file)
            file = path
        with ExitStack() as opened:
            source = open_source(opened, str(file), ReadOptions(resource="products"), format)
            return ShopFile(prepare(opened, source, FIELDS, ShopOptions(format, **options)))

    return read_file


@pytest.fixture
def shop(data_folder):
    return lambda name: data_folder / "shops" / name
