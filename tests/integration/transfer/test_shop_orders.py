"""Orders and clients of Shopify and WooCommerce, imported into a real stack and taken back."""

import csv
import json
import re
from decimal import Decimal

import openpyxl
import pytest

from tests.support.polling import poll
from tests.support.shop_exports import (
    SHOPIFY_CUSTOMERS,
    SHOPIFY_ORDER,
    SHOPIFY_ORDERS,
    WOO_ORDER,
    WOO_ORDERS,
    table,
)

_COUNTS = re.compile(
    r"([\d,]+) (?:orders|rows): ([\d,]+) created, ([\d,]+) updated, ([\d,]+) unchanged, "
    r"([\d,]+) failed"
)
BILLING = {
    **{"Billing Name": "Ada Lovelace", "Billing Address1": "Rue Haute 7", "Billing Zip": "'1000"},
    **{"Billing City": "Brussels", "Billing Country": "BE"},
}
SHOPIFY_ROWS = [
    SHOPIFY_ORDER
    | BILLING
    | {"Subtotal": "43.50", "Taxes": "10.19", "Total": "58.69", "Discount Amount": "4.00"},
    {"Name": "#1001", "Lineitem quantity": "1", "Lineitem name": "Cup", "Lineitem price": "7.50"},
    SHOPIFY_ORDER
    | {"Name": "#1002", "Id": "2", "Taxes": "7.81", "Email": "bob@example.org"}
    | {"Financial Status": "partially_refunded", "Refunded Amount": "12.34"},
    SHOPIFY_ORDER | {"Name": "#1003", "Id": "3", "Fulfillment Status": "unfulfilled", "Email": ""},
    SHOPIFY_ORDER
    | {"Name": "#1004", "Id": "4", "Financial Status": "refunded", "Refunded Amount": "45.00"},
    SHOPIFY_ORDER | {"Name": "#1005", "Id": "5", "Total": "46.00"},
]


@pytest.fixture(scope="module")
def shop(emptied_stack):
    return emptied_stack


def run_import(shop, resource, file, *args):
    """Import; return the counts of all, created, updated, unchanged, failed, and the output."""
    done = shop.run("import", resource, str(file), *args)
    match = _COUNTS.search(done.stderr)
    assert match, done.stderr + done.stdout
    return tuple(int(count.replace(",", "")) for count in match.groups()), done.stderr


def stored(shop):
    """Return all orders by their references."""
    return {
        order["external_ref"]: order for order in shop.get("orders", "/orders?per=100")["items"]
    }


def test_shopify_comes_in_exact_comes_again_unchanged_and_goes(shop, tmp_path):
    customers, file = tmp_path / "customers.csv", tmp_path / "orders_export.csv"
    ada = {"First Name": "Ada", "Last Name": "Lovelace", "Email": "ada@example.org"}
    ada |= {"Default Address City": "Brussels", "Default Address Country Code": "BE"}
    customers.write_text(table(SHOPIFY_CUSTOMERS, [ada]))
    file.write_text(table(SHOPIFY_ORDERS, SHOPIFY_ROWS))
    assert run_import(shop, "clients", customers)[0] == (1, 1, 0, 0, 0)
    assert run_import(shop, "clients", customers)[0] == (1, 0, 0, 1, 0)

    # Five orders, of which one does not add up, and the returns of two.
    counts, said = run_import(shop, "orders", file, "--create-clients")
    assert counts == (7, 6, 0, 0, 1)
    assert "orders of Shopify, UTF-8, separated by commas" in said
    assert "row 7: Order #1005: The lines are 40.00" in said
    assert "orders with the tax in their prices, and so without a line of tax: 1 (#1002)" in said
    orders = stored(shop)
    for row in csv.DictReader(file.read_text().splitlines()):
        if row["Total"] and row["Name"] != "#1005":
            assert Decimal(str(orders[row["Name"]]["total"])) == Decimal(row["Total"])
    states = {ref: order["status"] for ref, order in orders.items()}
    assert states == {
        **{"#1001": "delivered", "#1002": "delivered", "#1002-R1": "returned"},
        **{"#1003": "paid", "#1004": "delivered", "#1004-R1": "returned"},
    }
    assert orders["#1002"]["included_tax"] == 7.81
    (sums,) = shop.get("orders", "/orders/stats")["sums"]
    assert (sums["total"], sums["units"]) == (136.35, 7)
    client = shop.get("clients", f"/clients/{orders['#1001']['client_id']}")
    assert (client["email"], len(client["addresses"])) == ("ada@example.org", 1)

    assert run_import(shop, "orders", file, "--create-clients")[0] == (7, 0, 0, 6, 1)
    whole = tmp_path / "all.jsonl"
    assert shop.run("export", "orders", str(whole)).returncode == 0
    assert run_import(shop, "orders", whole)[0] == (6, 0, 0, 6, 0)
    assert shop.run("doctor").returncode == 0

    (latest,) = re.findall(r"import --undo (\S+?)`", said)
    undone = shop.run("import", "--undo", latest)
    assert undone.returncode == 0, undone.stderr
    assert stored(shop) == {}
    assert shop.get("clients", "/clients?email=bob@example.org")["total"] == 0
    assert shop.get("clients", "/clients?email=ada@example.org")["total"] == 1


def test_woocommerce_with_the_addresses_of_its_clients(shop, tmp_path):
    file = tmp_path / "woo.csv"
    address = {
        **{"billing_first_name": "Cleo", "billing_last_name": "Bold", "billing_city": "Gent"},
        **{"billing_address_1": "Kade 1", "billing_postcode": "9000", "billing_country": "BE"},
        **{"shipping_city": "Brugge", "shipping_country": "BE"},
        "billing_email": "cleo@example.org",
    }
    rows = [
        WOO_ORDER | address | {"tax_total": "9.45", "order_total": "54.45"},
        WOO_ORDER
        | address
        | {"order_number": "502", "order_id": "502", "status": "processing"}
        | {"refund_items": "amount:5.00|date:2025-08-09 10:00:00"},
    ]
    file.write_text(table(WOO_ORDERS, rows))
    assert run_import(shop, "orders", file)[0] == (3, 0, 0, 0, 3)
    counts, _ = run_import(shop, "orders", file, "--create-clients")
    assert counts == (3, 3, 0, 0, 0)
    orders = stored(shop)
    assert {ref: order["total"] for ref, order in orders.items()} == {
        **{"501": 54.45, "502": 45, "502-R1": -5},
    }
    id = orders["501"]["client_id"]
    client = shop.get("clients", f"/clients/{id}")
    assert (client["name"], client["city"]) == ("Cleo Bold", "Gent")
    assert [each["kind"] for each in client["addresses"]] == ["billing", "shipping"]
    assert client["addresses"][0]["street"] == "Kade 1"
    assert run_import(shop, "orders", file)[0] == (3, 0, 0, 3, 0)

    for name, format in (("all.csv", ()), ("sheet.csv", ("--for", "spreadsheet"))):
        exported = str(tmp_path / name)
        assert shop.run("export", "clients", exported, *format).returncode == 0
        assert run_import(shop, "clients", exported, "--key", "email")[0][3:] == (2, 0)

    # A client who is forgotten leaves no address, and the orders keep their amounts.
    def history():
        return shop.get("clients", f"/clients/{id}/history")["items"]

    poll(history)
    assert shop.request("DELETE", "clients", f"/clients/{id}?purge=true")[0] == 204
    poll(lambda: history()[0]["type"] == "purged")
    assert "Kade" not in str(history())
    assert shop.get("orders", "/orders?external_ref=501")["items"][0]["total"] == 54.45


def test_an_export_of_another_resource_is_named(shop, tmp_path):
    file = tmp_path / "orders_export.csv"
    file.write_text(table(SHOPIFY_ORDERS, [SHOPIFY_ORDER]))
    done = shop.run("import", "clients", str(file))
    assert done.returncode == 1
    assert "has orders of Shopify; write `vitrine import orders`" in done.stderr


def test_a_shop_comes_in_as_a_whole(shop, tmp_path):
    """Products, clients and orders, in one command, however the files are named."""
    texts = {
        "a.csv": table(SHOPIFY_ORDERS, [SHOPIFY_ORDER | BILLING]),
        "b.csv": table(SHOPIFY_CUSTOMERS, [{"First Name": "Ada", "Email": "ada@example.org"}]),
        "c.csv": "name,sku,price\nTeapot,T-1,20\n",
    }
    files = [tmp_path / name for name in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text)
    shop.empty()
    refused = shop.run("import", "shop", *files)
    assert refused.returncode == 1
    assert "Add --yes" in refused.stderr
    done = shop.run("import", "shop", *files, "--yes")
    assert done.returncode == 0, done.stderr
    assert shop.get("products", "/products?sku=T-1")["total"] == 1
    (order,) = shop.get("orders", "/orders")["items"]
    client = shop.get("clients", f"/clients/{order['client_id']}")
    # The client is the one of the export of customers, which comes in before the orders.
    assert (client["name"], client["addresses"]) == ("Ada", None)
    again = shop.run("import", "shop", *files, "--yes")
    assert again.stderr.count("1 unchanged, 0 failed") == 3, again.stderr
    # All of it is one import, which is undone as a whole.
    (id,) = re.findall(r"`vitrine import --undo (\S+)` takes", done.stderr)
    assert "--undo" not in again.stderr
    undone = shop.run("import", "--undo", id)
    assert undone.returncode == 0, undone.stdout
    for service in ("products", "clients", "orders"):
        assert shop.get(service, f"/{service}")["total"] == 0


def test_the_clients_of_two_shops_with_one_number_stay_apart(shop, tmp_path):
    order = SHOPIFY_ORDER | {"Email": ""}
    for source, name in (("north", "Ada"), ("south", "Bob")):
        customers, orders = tmp_path / "customers.csv", tmp_path / "orders.csv"
        customers.write_text(
            table(SHOPIFY_CUSTOMERS, [{"Customer ID": "70", "First Name": name, "Email": ""}])
        )
        orders.write_text(table(SHOPIFY_ORDERS, [order]))
        done = shop.run("import", "shop", customers, orders, "--yes", "--source", source)
        assert done.returncode == 0, done.stderr
        (client,) = shop.get("clients", f"/clients?external_ref={source}:70")["items"]
        assert client["name"] == name
    assert shop.run("import", "--undo").returncode == 0
    (ada,) = shop.get("clients", "/clients?external_ref=north:70")["items"]
    assert ada["name"] == "Ada"


def test_the_options_of_a_shop_are_for_all_of_its_files(shop, tmp_path):
    """A sheet by its name, a currency for orders without one, and one file of errors."""
    orders = [
        SHOPIFY_ORDER | {"Name": "#2001", "Id": "9", "Currency": ""},
        SHOPIFY_ORDER | {"Name": "#2002", "Id": "8", "Currency": "USD"},
        SHOPIFY_ORDER | {"Name": "#2003", "Id": "7", "Total": "46.00"},
    ]
    books = {
        "orders": table(SHOPIFY_ORDERS, orders),
        "clients": table(SHOPIFY_CUSTOMERS, [{"First Name": "Eve", "Email": "no address"}]),
    }
    for name, text in books.items():
        book = openpyxl.Workbook()
        book.active.append(["Month", "Visits"])
        sheet = book.create_sheet("Export")
        for row in csv.reader(text.splitlines()):
            sheet.append(row)
        book.save(tmp_path / f"{name}.xlsx")
    errors = tmp_path / "errors.jsonl"
    files = [str(tmp_path / f"{name}.xlsx") for name in books]
    options = ("--sheet", "Export", "--currency", "CHF", "--errors", str(errors), "--yes")
    done = shop.run("import", "shop", *files, *options)
    assert done.returncode == 1, done.stderr
    currencies = {ref: order["currency"] for ref, order in stored(shop).items()}
    assert (currencies["#2001"], currencies["#2002"]) == ("CHF", "USD")
    lines = [json.loads(line) for line in errors.read_text().splitlines()]
    assert [line["resource"] for line in lines] == ["clients", "orders"]
    assert done.stderr.count("takes this import back") == 1
    assert shop.run("import", "--undo").returncode == 0
    assert not {"#2001", "#2002"} & stored(shop).keys()
