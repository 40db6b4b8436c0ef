"""Orders of the past, from real books: every total is the one the books have."""

import csv
import re
from datetime import datetime
from decimal import Decimal

import pytest
from bson import Decimal128

from shared.storage.connections import open_mongo
from tests.integration.conftest import running_stack
from vitrine import stack

SOLD = {"$max": ["$items.total", Decimal128("0")]}

_COUNTS = re.compile(
    r"([\d,]+) orders: (?:would be )?([\d,]+) created, ([\d,]+) updated, ([\d,]+) unchanged, "
    r"([\d,]+) failed"
)


@pytest.fixture(scope="module")
def shop():
    with running_stack("--only", "orders,clients,products") as stack:
        yield stack


def run_import(shop, *args):
    """Import orders; return the counts of all, created, updated, unchanged, failed."""
    done = shop.run("import", "orders", *map(str, args), timeout=300)
    found = _COUNTS.search(done.stderr)
    assert found, done.stderr + done.stdout
    return tuple(int(each.replace(",", "")) for each in found.groups()), done.stderr


def sums(shop, query=""):
    (found,) = shop.get("orders", f"/orders/stats?by=day&{query}")["sums"]
    return found


def test_northwind(shop, unpack):
    folder = unpack("orders/northwind.tar.xz") / "northwind"
    joins = [
        f"--join={folder / 'orders.csv'}=OrderID",
        f"--join={folder / 'products.csv'}=ProductID",
    ]
    args = (folder / "order-details.csv", *joins, "--null", "NULL")
    counts, said = run_import(shop, *args)
    assert counts == (830, 0, 0, 0, 830)
    assert "--create-clients creates the missing clients" in said
    counts, said = run_import(shop, *args, "--create-clients", "--dry-run")
    assert counts == (830, 830, 0, 0, 0)
    assert run_import(shop, *args, "--create-clients")[0] == (830, 830, 0, 0, 0)
    assert run_import(shop, *args, "--create-clients")[0] == (830, 0, 0, 830, 0)
    assert shop.run("doctor").returncode == 0
    found = sums(shop)
    assert (found["orders"], found["total"]) == (830, 1265793.0395)
    (order,) = shop.get("orders", "/orders?external_ref=10248")["items"]
    assert (order["status"], order["total"], order["placed_at"][:10]) == (
        "delivered",
        440,
        "1996-07-04",
    )
    assert order["items"][0]["name"] == "Queso Cabrales"
    client = shop.get("clients", f"/clients/{order['client_id']}")
    assert client["external_ref"] == "VINET"


def test_no_stock_is_touched_and_what_was_exported_is_imported(shop, tmp_path):
    _, made = shop.request("POST", "products", "/products", {"name": "P", "price": 1, "stock": 3})
    file = tmp_path / "past.jsonl"
    file.write_text(
        f'{{"external_ref": "past", "placed_at": "2001-02-03", "items": '
        f'[{{"product_id": {made["id"]}, "quantity": 2, "unit_price": 1.5}}]}}\n'
    )
    assert run_import(shop, file)[0] == (1, 1, 0, 0, 0)
    assert shop.get("products", f"/products/{made['id']}")["stock"] == 3
    (order,) = shop.get("orders", f"/orders?product_id={made['id']}")["items"]
    assert (order["total"], order["placed_at"]) == (3, "2001-02-03T00:00:00.000Z")
    for format in ("jsonl", "csv"):
        whole = tmp_path / f"all.{format}"
        assert shop.run("export", "orders", str(whole)).returncode == 0
        counts, _ = run_import(shop, whole)
        assert counts == (831, 0, 0, 831, 0)
    before = sums(shop)
    body = {"product_id": made["id"], "quantity": 1}
    placed = shop.request("POST", "orders", "/orders", body)[1]
    assert shop.run("export", "orders", str(whole)).returncode == 0
    counts, said = run_import(shop, whole)
    assert counts[3:] == (831, 1)
    assert "Must be one of: delivered, cancelled, returned" in said
    for order in shop.get("orders", "/orders?per=100")["items"]:
        shop.request("DELETE", "orders", f"/orders/{order['id']}?purge=true")
    assert run_import(shop, whole)[0][1:4] == (100, 0, 731)
    shop.request("DELETE", "orders", f"/orders/{placed['id']}?purge=true")
    assert sums(shop, "to=2020-01-01") == before


def test_a_shop_of_some_days(shop, unpack):
    files = sorted(
        (unpack("orders/uci-online-retail-by-day-2010-12_2011-06.tar.xz")).rglob("*.csv")
    )
    files, rows = files[:4], []
    for file in files:
        rows += csv.DictReader(file.read_text().splitlines())
    count = len({row["InvoiceNo"] for row in rows})
    assert run_import(shop, *files, "--create-clients")[0] == (count, count, 0, 0, 0)
    found = sums(shop, "from=2010-12-01")
    totals = [Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in rows]
    assert found["total"] == float(sum(totals))
    assert found["units"] == sum(int(row["Quantity"]) for row in rows)
    returned = {row["InvoiceNo"] for row in rows if row["InvoiceNo"].startswith("C")}
    assert shop.get("orders", "/orders?status=returned&per=1")["total"] == len(returned) > 20
    clients = shop.get("orders", "/orders/stats?by=client&from=2010-12-01&per=1")
    assert clients["total"] == len({row["CustomerID"] for row in rows})
    with open_mongo(stack.read(shop.folder).mongo_uri, 30) as client:
        found = client["vitrine"]["orders"].aggregate(
            [
                {"$match": {"placed_at": {"$gte": datetime(2010, 12, 1)}}},
                {"$unwind": "$items"},
                {"$group": {"_id": "$items.sku", "all": {"$sum": 1}, "sold": {"$sum": SOLD}}},
            ]
        )
        by_sku = {each["_id"]: each for each in found}
    assert len(by_sku) == len({row["StockCode"] for row in rows})
    assert sum(each["all"] for each in by_sku.values()) == len(rows)
    sold = sum(each["sold"].to_decimal() for each in by_sku.values())
    assert sold == sum(total for total in totals if total > 0)
    by_product = shop.get("orders", "/orders/stats?by=product&from=2010-12-01&per=3")
    assert by_product["sums"][0]["total"] == float(sum(totals))
    # What was not changed is not written.
    assert run_import(shop, *files[:3])[0][3:] == (counts_of(files[:3]), 0)


def counts_of(files):
    """How many invoices are in some files."""
    lines = (file.read_text().splitlines() for file in files)
    return len({row["InvoiceNo"] for each in lines for row in csv.DictReader(each)})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("quantity,price\n1,2\n", "row 1: Has no order number; say --map external_ref=COLUMN."),
        ("invoice,date,qty,price\nA1,2020-01-01,1,x\n", "row 1, price: Is not an amount"),
        ("invoice,date,qty,price\nA1,soon,1,1\n", "row 1, date: Is not a day or moment"),
        ("invoice,qty,price\nA1,1,1\n", "field. Say --map placed_at=COLUMN. (order A1)"),
        ("invoice,date,qty,price\nA1,2020-01-01,1,1\nA1,2020-01-01,0,1\n", "row 2, qty: Is none"),
        ("invoice,date,qty,price\nC1,2020-01-01,1,1\n", "Are not negative"),
        ("invoice,date,qty,price,discount\nA1,2020-01-01,1,1,20\n", "Is a fraction"),
    ],
)
def test_mistakes_are_named_by_row_and_invoice(shop, tmp_path, text, told):
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    counts, said = run_import(shop, file)
    assert counts[4] == 1
    assert told in said


def test_options_that_do_not_fit_are_named(shop, tmp_path):
    file, twice, latin = (tmp_path / name for name in ("x.csv", "twice.csv", "latin.csv"))
    file.write_text("a\n1\n")
    twice.write_text("a,b\n1,2\n1,3\n")
    latin.write_bytes("invoice\né\n".encode("latin-1"))
    for args, told in (
        (("products", file, "--join", "a=b"), "--join is for orders"),
        (("clients", file, "--create-clients"), "--create-clients is for orders"),
        (("orders", file, "--join", "nothing"), "write FILE=COLUMN"),
        (("orders", file, "--join", f"{file}=b"), "has a column b"),
        (("orders", file, "--join", f"{twice}=a"), "have the same a"),
        (("orders", file, "--key", "sku"), "--key is not for orders"),
        (("orders", tmp_path), "is a folder"),
        (("orders", latin), "iconv"),
        (("order", file), "No service order runs here, only"),
    ):
        done = shop.run("import", *map(str, args))
        assert done.returncode == 1
        assert told in done.stderr
