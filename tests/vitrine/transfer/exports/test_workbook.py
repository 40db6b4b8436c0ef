"""Spreadsheets: what an import reads again, and nothing that a program runs."""

from contextlib import closing

import openpyxl
import pytest

from tests.vitrine.transfer.exports.shop import CATEGORIES, POT, PRODUCTS
from vitrine.errors import StackError
from vitrine.transfer.exports import workbook
from vitrine.transfer.exports.item_store import ItemStore
from vitrine.transfer.exports.references import CategoryPaths, PhotoAddresses
from vitrine.transfer.files.guarded_cells import cell_value

NAMES = [
    *("slug", "sku", "gtin", "name", "description", "price", "stock", "category", "tags", "group"),
    *("options", "attributes", "status"),
]


@pytest.fixture
def rows(tmp_path):
    """Write items to a spreadsheet; return its rows, each by column."""

    def write(*items, base_url=""):
        path = tmp_path / "products.xlsx"
        with ItemStore(items) as store:
            photos = PhotoAddresses(base_url)
            count = workbook.write_workbook(store, path, NAMES, CategoryPaths(CATEGORIES), photos)
        assert count == len(items)
        with closing(openpyxl.load_workbook(path, read_only=True)) as book:
            header, *rows = book.active.iter_rows()
        names = [cell.value for cell in header]
        return [dict(zip(names, cells, strict=False)) for cells in rows]

    return write


def test_each_product_has_a_row_with_options_and_attributes(rows):
    pot, draft, *_ = rows(*PRODUCTS)
    values = {name: cell.value for name, cell in pot.items() if cell.value is not None}
    assert values == {
        "slug": "red-pot",
        "sku": "007",
        "gtin": "4006381333931",
        "name": "=Red pot",
        "description": POT["description"],
        "price": 12.5,
        "stock": 0,
        "category": "Kitchen > Pots > Pans, Lids",
        "tags": '["gift","red, round"]',
        "status": "active",
        "image_urls": '["https://old.example/pot.jpg"]',
        "attr.zip": "00123",
        "attr.size": 7,
        "attr.new": True,
        "attr.colors": '["red","5"]',
        "attr.note": "@x",
    }
    assert draft["options.Size"].value == "S"
    assert draft["group"].value == "shirt"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "#REF!"]
)
def test_no_text_is_a_formula(rows, text):
    item = POT | {"name": text, "brand": text, "attributes": {"=a": text}}
    (row,) = rows(item)
    for name in ("name", "attr.=a"):
        assert row[name].data_type == "s"
        assert row[name].value.removeprefix("'") == text
        assert row[name].number_format == "@"


@pytest.mark.parametrize("text", ["007", "1.50", "1E5", "2024-01-05", "TRUE", "'quoted", "_x0041_"])
def test_numbers_of_articles_stay_texts(rows, text):
    (row,) = rows(POT | {"sku": text})
    assert row["sku"].value == text
    assert row["sku"].data_type == "s"


@pytest.mark.parametrize(
    "value", ["5", 5, "true", True, "[1]", [1, "a"], "'5", "'=1", "null", "00123", "=1", 0.5]
)
def test_attributes_keep_their_types(rows, value):
    (row,) = rows(POT | {"attributes": {"a": value}})
    cell = row["attr.a"].value
    read = cell_value("attr.a", cell) if isinstance(cell, str) else cell
    assert (read, type(read)) == (value, type(value))


def test_a_text_that_no_cell_holds_is_refused_and_named(rows):
    with pytest.raises(StackError, match=r"The description of 007 has 40,000 characters"):
        rows(POT | {"description": "x" * 40_000})


def test_more_products_than_a_sheet_holds_are_refused(rows, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_ROWS", 2)
    with pytest.raises(StackError, match="A sheet holds 1 products"):
        rows(POT, POT)


def test_uploaded_photos_have_a_url_under_the_address_of_the_shop(rows):
    (row,) = rows(POT, base_url="https://shop.example/api/v1/")
    assert row["image_urls"].value == (
        '["https://old.example/pot.jpg","https://shop.example/api/v1/media/ab/large.jpeg"]'
    )
