"""Exports of real shops: what they become, and the same after other programs have saved them."""

import csv
import io
from decimal import Decimal

import pytest

SEPARATORS = {"google-merchant.tsv": "\t", "prestashop.csv": ";"}
# Of each file: its kind, products, what is sold, the sum of prices, the stock, and the photos.
FILES = {
    "shopify-apparel.csv": ("shopify", 20, 22, "1295.00", 22, 20),
    "shopify-jewelery.csv": ("shopify", 20, 23, "980.74", 20, 41),
    "shopify-template.csv": ("shopify", 3, 16, "602.99", 95, 11),
    "shopify-export.csv": ("shopify", 24, 24, "92.00", 0, 24),
    "woocommerce.csv": ("woocommerce", 15, 22, "701", 0, 26),
    "prestashop.csv": ("prestashop", 2, 2, "115.05", 1300, 4),
    "google-merchant.tsv": ("google-merchant", 6, 22, "5108.00", 0, 9),
    "bigcommerce.csv": ("bigcommerce", 10, 10, "4417.56", 206, 0),
    "vendure.csv": ("vendure", 12, 23, "13033.56", 0, 0),
}
AMOUNTS = ("Price", "price", "Weight", "Sale price", "Regular price", "Wholesale price")


def is_amount(column):
    return column.strip() in (*AMOUNTS, "Price tax excl.", "Variant Price", "Variant Grams")


def cells(path):
    """Return the rows of cells of a table."""
    text = path.read_text("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATORS.get(path.name, ","))
    return [row for row in reader if row]


def written(rows, separator, newline="\n"):
    """Return rows of cells as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=newline).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_becomes_these_products(shop, read, name):
    file = read(shop(name))
    products = file.products
    groups = {product.get("group") or str(product) for product in products}
    total = sum(Decimal(product.get("price") or 0) for product in products)
    stock = sum(product.get("stock") or 0 for product in products)
    result = (file.kind, len(groups), len(products), total, stock)
    kind, groups, sold, price, stock, photos = FILES[name]
    assert result == (kind, groups, sold, Decimal(price), stock)
    assert file.prepared.source.photos == photos
    assert file.prepared.source.products == groups
    assert not file.errors


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_file_in_another_encoding_gives_the_same(shop, read, tmp_path, name, encoding):
    path = tmp_path / name
    text = shop(name).read_text("utf-8-sig")
    try:
        path.write_bytes(text.encode(encoding))
    except UnicodeEncodeError:
        pytest.skip(f"{encoding} lacks characters of this file")
    assert read(path).products == read(shop(name)).products


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_file_with_another_separator_gives_the_same(shop, read, tmp_path, name, separator):
    path = tmp_path / "again.csv"
    path.write_text(written(cells(shop(name)), separator, "\r\n"), newline="")
    assert read(path).products == read(shop(name)).products


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_decimal_commas_gives_the_same(shop, read, tmp_path, name):
    header, *rows = cells(shop(name))
    places = [place for place, column in enumerate(header) if is_amount(column)]
    for row in rows:
        for place in places:
            row[place : place + 1] = [cell.replace(".", ",") for cell in row[place : place + 1]]
    path = tmp_path / "again.csv"
    path.write_text(written([header, *rows], ";"))
    again, first = read(path).products, read(shop(name)).products
    assert [comparable(product) for product in again] == [comparable(one) for one in first]


def comparable(product):
    """Return a product with its amounts as numbers: 49.00 is 49."""
    amounts = {
        name: Decimal(product[name])
        for name in ("price", "compare_at_price", "weight")
        if product.get(name) is not None
    }
    return product | amounts


def test_nothing_of_the_costs_is_in_a_product(shop, read):
    costs = {
        "shopify-template.csv": ("8.5",),
        "prestashop.csv": ("AppleStore", "79", "54778855"),
    }
    for name, texts in costs.items():
        products = read(shop(name)).products
        values = {
            str(value)
            for product in products
            for value in (*product.values(), *product.get("attributes", {}).values())
        }
        assert not values & set(texts), name


def test_statuses_barcodes_and_weights_of_shopify(shop, read):
    products = read(shop("shopify-template.csv")).products
    statuses = {product["external_ref"].split("/")[0]: product["status"] for product in products}
    assert statuses == {
        "example-shirt": "active",
        "example-pants": "draft",
        "example-hat": "archived",
    }
    barcodes = [one.get("gtin") or one["attributes"]["barcode"] for one in products]
    assert len(barcodes) == 16
    assert all(Decimal(product["weight"]) > 0 for product in products)
    assert products[0]["options"] == {"Color": "Green", "Size": "S"}


@pytest.mark.parametrize(
    ("name", "uncounted"),
    [
        ("shopify-apparel.csv", 0),
        ("shopify-jewelery.csv", 3),
        ("shopify-template.csv", 12),
        ("shopify-export.csv", 24),
    ],
)
def test_zeros_without_an_inventory_tracker_are_not_counted(shop, read, name, uncounted):
    products = read(shop(name)).products
    assert sum("stock" not in product for product in products) == uncounted


def test_texts_of_photos_of_shopify(shop, read):
    products = read(shop("shopify-template.csv")).products
    photos = {str(photo): photo for product in products for photo in product["image_urls"]}
    assert len(photos) == 11
    assert all(photo["alt"] and photo["url"] for photo in photos.values())


def test_prices_and_groups_of_woocommerce(shop, read):
    products = read(shop("woocommerce.csv")).products
    assert sum(bool(product.get("compare_at_price")) for product in products) == 6
    hoodie = next(product for product in products if product.get("group") == "cc-hoodie")
    assert hoodie["options"].keys() == {"Color", "Logo"}
    assert hoodie["category"] == "Clothing > Hoodies"
    assert hoodie["attributes"]["Short description"] == "This is a variable product."


def test_names_of_files_of_photos_stay_an_attribute(shop, read):
    laptop = read(shop("vendure.csv")).products[0]
    assert laptop["attributes"]["photos"] == ["derick-david-409858-unsplash.jpg"]
    assert laptop["attributes"]["category"] == ["electronics", "computers"]
    assert "stock" not in laptop, "it is not counted"
