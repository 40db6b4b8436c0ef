"""Exports of shops, saved as XLSX by a spreadsheet: the same products."""

import csv
import io

import openpyxl
import pytest

from vitrine.transfer.columns.facts import survives_as_number

SEPARATORS = {"google-merchant.tsv": "\t", "prestashop.csv": ";"}
FILES = (
    *("shopify-apparel.csv", "shopify-jewelery.csv", "shopify-template.csv", "shopify-export.csv"),
    *("woocommerce.csv", "prestashop.csv", "google-merchant.tsv", "bigcommerce.csv", "vendure.csv"),
)


def as_text(cell):
    return cell


def as_number(cell):
    # A sheet shows the number 4.0 as 4.
    text = cell.strip()
    return float(text) if survives_as_number(text) and not text.endswith(".0") else cell


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("typed", [as_text, as_number])
def test_a_table_as_xlsx_gives_the_same_products(shop, read, tmp_path, name, typed):
    text = io.StringIO(shop(name).read_text("utf-8-sig"), newline="")
    book = openpyxl.Workbook()
    for row in csv.reader(text, delimiter=SEPARATORS.get(name, ",")):
        book.active.append([typed(cell) for cell in row])
    path = tmp_path / "again.xlsx"
    book.save(path)
    again, first = read(path), read(shop(name))
    assert again.kind == first.kind
    assert again.products == first.products
    assert again.errors == first.errors
