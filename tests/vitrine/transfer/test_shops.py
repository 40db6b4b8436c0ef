"""Files of shops as they come, and encoded again as other programs write them."""

import csv
import io

import openpyxl
import pytest

from vitrine.transfer.columns.facts import survives_as_number
from vitrine.transfer.columns.field_names import FIELD_NAMES
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.sources import ReadOptions, RowSource

_TYPES = {
    **dict.fromkeys(("name", "sku", "external_ref", "category", "brand"), "Text"),
    **{"id": "Id", "slug": "Slug", "description": "Plain", "currency": "Plain", "status": "Plain"},
    **{"price": "Money", "stock": "Whole", "attributes": "Attributes"},
}
FIELDS = {
    name: {
        "type": type,
        "read_only": name == "id",
        "aliases": {"name": ["title"], "stock": ["quantity"]}.get(name, []),
    }
    for name, type in _TYPES.items()
}
PRESTASHOP = ("price=Price tax excl.", "sku=Reference #", "slug=URL rewritten")
FILES = {
    "google-merchant.tsv": (),
    "dummyjson.json": (),
    "prestashop.csv": PRESTASHOP,
    "bigcommerce.csv": (),
}
TABLES = [name for name in FILES if not name.endswith("json")]
AMOUNTS = ("price", "Price", "Price tax excl.", "Wholesale price")


@pytest.fixture
def shop(data_folder):
    return lambda name: data_folder / "shops" / name


def items(path, maps=(), **options):
    """Return the items of a file, read as the import of products reads it."""
    mapping = RowMapping(FIELDS, maps, (), (), None, FIELD_NAMES["products"])
    with RowSource(str(path), ReadOptions(**options)) as source:
        mapping.meet(source.header)
        for _, row in source.rows():
            assert isinstance(row, dict), row
            mapping.survey(row)
        mapping.decide()
        return [mapping.item(row, source.has_texts) for _, row in source.rows()]


def cells(path):
    """Return the rows of cells of a table."""
    separator = {"google-merchant.tsv": "\t", "prestashop.csv": ";"}.get(path.name, ",")
    text = path.read_text("utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]


def written(rows, separator, newline="\n"):
    """Return rows of cells as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=newline).writerows(rows)
    return text.getvalue()


def test_a_feed_of_google_merchant(shop):
    products = items(shop("google-merchant.tsv"))
    assert len(products) == 22
    assert sum(float(product["price"]) for product in products) == 5108
    assert {product["currency"] for product in products} == {"EUR"}
    assert products[0]["name"] == "Glacier Pro Men's Ski Jacket — Black, Size M"
    assert products[0]["category"] == "Apparel > Outerwear > Ski & Snowboard Jackets"
    assert products[0]["attributes"]["color"] == "Black"
    assert not any("stock" in product for product in products)  # All of them are "in stock".


def test_an_array_of_objects(shop):
    products = items(shop("dummyjson.json"))
    assert len(products) == 194
    assert products[0]["attributes"] == {"tags": ["Beauty", "Mascara"]}
    assert all(product["name"] and product["price"] for product in products)


def test_a_file_of_prestashop_with_maps(shop):
    nano, shuffle = items(shop("prestashop.csv"), PRESTASHOP)
    assert (nano["name"], nano["price"], nano["stock"]) == ("iPod Nano", "49", 800)
    assert (shuffle["price"], shuffle["status"], shuffle["sku"]) == ("66.05", "active", "92458845")
    assert nano["category"] == "Home, iPods"
    assert nano["brand"] == "Apple Computer, Inc"
    texts = str([nano, shuffle])
    assert "AppleStore" not in texts, "a supplier is private"
    assert "79" not in texts, "a cost is private"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig", "utf-16-le"])
def test_a_file_in_another_encoding_gives_the_same(shop, tmp_path, name, encoding):
    text = shop(name).read_text("utf-8-sig")
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    assert items(path, FILES[name]) == items(shop(name), FILES[name])


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_file_with_another_separator_gives_the_same(shop, tmp_path, name, separator, newline):
    path = tmp_path / "again.csv"
    path.write_text(written(cells(shop(name)), separator, newline), newline="")
    assert items(path, FILES[name]) == items(shop(name), FILES[name])


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("separator", [",", ";"])
def test_a_file_with_a_decimal_comma_gives_the_same(shop, tmp_path, name, separator):
    header, *rows = cells(shop(name))
    places = [header.index(column) for column in AMOUNTS if column in header]
    for row in rows:
        for place in places:
            row[place] = row[place].replace(".", ",")
    path = tmp_path / "again.csv"
    path.write_text(written([header, *rows], separator))
    assert items(path, FILES[name]) == items(shop(name), FILES[name])


def test_a_spreadsheet_that_all_of_it_was_done_to(shop, tmp_path):
    rows = [["sep=;"], *cells(shop("bigcommerce.csv")), [""] * 9, []]
    path = tmp_path / "again.txt"
    path.write_bytes(written(rows, ";", "\r\n").encode("utf-16"))
    assert items(path) == items(shop("bigcommerce.csv"))


@pytest.mark.parametrize("name", ["vendure.csv", "shopify-export.csv"])
def test_columns_that_are_lined_up_with_blanks(shop, name):
    with RowSource(str(shop(name))) as source:
        rows = [row for _, row in source.rows()]
    assert len(rows) in (23, 24)
    assert all(text == text.strip() for row in rows for pair in row.items() for text in pair)


@pytest.mark.parametrize(
    "name", ["shopify-apparel.csv", "shopify-jewelery.csv", "woocommerce.csv", "vendure.csv"]
)
def test_the_other_files_are_read_without_a_bad_row(shop, name):
    assert items(shop(name))


def test_the_costs_of_a_shop_are_in_no_item(shop):
    rows = cells(shop("shopify-template.csv"))
    assert "Cost per item" in rows[0]
    products = items(shop("shopify-template.csv"))
    names = {name.casefold() for product in products for name in product.get("attributes", ())}
    assert not any("cost" in name for name in names)
    statuses = {product["name"]: product["status"] for product in products if "name" in product}
    assert sorted(statuses.values()) == ["active", "archived", "draft"]


def test_a_feed_in_xml(shop):
    products = items(shop("google-merchant.xml"))
    assert [product["name"] for product in products] == [
        "Миноксидил 2% за жени – 125 мл",
        "Миноксидил 5% за мъже – 125 мл",
    ]
    assert [(product["price"], product["currency"]) for product in products] == [
        ("47.00", "BGN")
    ] * 2


@pytest.mark.parametrize("name", TABLES)
def test_a_table_as_xlsx_gives_the_same(shop, tmp_path, name):
    book = openpyxl.Workbook()
    for row in cells(shop(name)):
        book.active.append(row)
    path = tmp_path / "again.xlsx"
    book.save(path)
    assert items(path, FILES[name]) == items(shop(name), FILES[name])


@pytest.mark.parametrize("name", TABLES)
def test_numbers_of_a_table_as_numbers_of_xlsx_give_the_same(shop, tmp_path, name):
    book = openpyxl.Workbook()
    header, *rows = cells(shop(name))
    book.active.append(header)
    for row in rows:
        typed = [float(cell) if survives_as_number(cell) else cell for cell in row]
        book.active.append(typed)
    path = tmp_path / "again.xlsx"
    book.save(path)
    assert items(path, FILES[name]) == items(shop(name), FILES[name])
