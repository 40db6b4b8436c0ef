"""Recognition of the exports of shops, and files of other forms."""

import pytest

from tests.support.shop_exports import (
    SHOPIFY_CUSTOMERS,
    SHOPIFY_ORDER,
    SHOPIFY_ORDERS,
    WOO_CUSTOMERS,
    WOO_LINES,
    WOO_ORDERS,
    WOO_WORDS,
    columns,
    table,
)
from vitrine.transfer.shop_orders.exports import ExportRows, by_resource, recognised

OLD_SHOPIFY_CUSTOMERS = columns(
    "First Name,Last Name,Email,Accepts Email Marketing,Company,Address1,Address2,City,Province,"
    "Province Code,Country,Country Code,Zip,Phone,Accepts SMS Marketing,Total Spent,Total Orders,"
    "Tags,Note,Tax Exempt"
)
WOO_CUSTOMERS_WITH_ADDRESSES = columns(
    "customer_id,first_name,last_name,email,billing_first_name,billing_last_name,billing_phone,"
    "billing_city,total_spent"
)


@pytest.mark.parametrize(
    ("header", "label"),
    [
        (SHOPIFY_ORDERS, "orders of Shopify"),
        (SHOPIFY_CUSTOMERS, "clients of Shopify"),
        (OLD_SHOPIFY_CUSTOMERS, "clients of Shopify"),
        (WOO_ORDERS, "orders of WooCommerce"),
        (WOO_LINES, "orders of WooCommerce"),
        (WOO_WORDS, "orders of WooCommerce"),
        (WOO_CUSTOMERS, "clients of WooCommerce"),
        (WOO_CUSTOMERS_WITH_ADDRESSES, "clients of WooCommerce"),
    ],
)
def test_an_export_is_recognised_by_its_columns(header, label):
    assert recognised(header).label == label
    assert recognised([name.upper() for name in reversed(header)]).label == label


@pytest.mark.parametrize(
    "header",
    [
        ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice"],
        ["name", "email", "phone", "city"],
        ["first_name", "last_name", "email", "addresses"],
        ["external_ref", "placed_at", "status", "items"],
        # Orders of BigCommerce.
        ["Order ID", "Billing First Name", "Billing Last Name", "Billing Email", "Product Details"],
        # Orders without their lines, which are not customers.
        [name for name in WOO_ORDERS if not name.startswith("line_item")],
    ],
)
def test_other_files_are_read_as_they_are(header):
    assert recognised(header) is None


def test_rows_of_another_file_pass(tmp_path):
    file = tmp_path / "lines.csv"
    file.write_text("invoice,qty\n1,2\n")
    with ExportRows(str(file)) as source:
        assert source.header == ["invoice", "qty"]
        assert list(source.rows()) == [(2, {"invoice": "1", "qty": "2"})]
        assert list(source.notes) == []


def test_files_are_grouped_by_resource(tmp_path):
    texts = {"products": ["name", "price"], "orders": WOO_LINES, "clients": SHOPIFY_CUSTOMERS}
    files = [tmp_path / f"{name}.csv" for name in texts]
    for file, header in zip(files, texts.values(), strict=True):
        file.write_text(table(header, []))
    products, orders, clients = map(str, files)
    assert by_resource([products, orders, "-", clients]) == {
        "": [products, "-"],
        "orders": [orders],
        "clients": [clients],
    }


def test_a_file_whose_first_row_is_no_header_may_be_one_of_products(tmp_path):
    file = tmp_path / "feed.csv"
    file.write_text("# Required,# Required\nid,title\n")
    assert by_resource([str(file)]) == {"": [str(file)]}


def test_a_row_without_a_number_is_named(read):
    rows, source = read(SHOPIFY_ORDERS, {"Email": "ada@example.org"})
    assert rows == [(2, "Has no order number.")]
    assert source.label == "orders of Shopify, UTF-8, separated by commas"


def test_rows_are_counted_by_the_table_and_not_by_its_lines_or_orders(read):
    first = {"Name": "#1", "Total": "5", "Notes": "one\ntwo\nthree", "Lineitem quantity": "1"}
    line = {"Name": "#1", "Lineitem quantity": "1", "Lineitem price": "5"}
    _, source = read(SHOPIFY_ORDERS, first | {"Lineitem price": "0"}, line, {})
    assert source.rows_read == 2


@pytest.mark.parametrize("column", ["Name", "Lineitem sku", "Billing Phone"])
def test_a_number_that_a_spreadsheet_has_shortened_fails_its_order(read, column):
    rows, _ = read(SHOPIFY_ORDERS, SHOPIFY_ORDER | {column: "1.23E+11"})
    ((number, text),) = rows
    assert number == 2
    assert f"{column}: '1.23E+11' is a number that a spreadsheet has shortened" in text


@pytest.mark.parametrize(
    ("header", "city", "column"),
    [
        (SHOPIFY_CUSTOMERS, "Default Address City", "Default Address Phone"),
        (WOO_CUSTOMERS_WITH_ADDRESSES, "billing_city", "billing_phone"),
    ],
)
def test_such_a_number_fails_its_client(read, header, city, column):
    ((_, text),), _ = read(header, {city: "Gent", column: "1.23E+11"})
    assert f"{column}: '1.23E+11' is a number that a spreadsheet has shortened" in text
