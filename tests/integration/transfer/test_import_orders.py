"""Past orders from real data sets: every total is the one of the data set."""

import csv
import re
from datetime import datetime
from decimal import Decimal

import pytest
from bson import Decimal128

from shared.storage.connections import open_mongo
from vitrine import stack

SOLD = {"$max": ["$items.total", Decimal128("0")]}

_COUNTS = re.compile(
    r"([\d,]+) orders: (?:would be )?([\d,]+) created, ([\d,]+) updated, ([\d,]+) unchanged, "
    r"([\d,]+) failed"
)


@pytest.fixture(scope="module")
def shop(emptied_stack):
    return emptied_stack


def run_import(shop, *args):
    """Import; return the counts of all, created, updated, unchanged, failed, and the output."""
    done = shop.run("import", "orders", *map(str, args), timeout=300)
    match = _COUNTS.search(done.stderr)
    assert match, done.stderr + done.stdout
    return tuple(int(count.replace(",", "")) for count in match.groups()), done.stderr


def sums(shop, query=""):
    """Return the sums of all orders that a query selects."""
    (row,) = shop.get("orders", f"/orders/stats?by=day&{query}")["sums"]
    return row


@pytest.mark.long
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
    all_orders = sums(shop)
    assert (all_orders["orders"], all_orders["total"]) == (830, 1265793.0395)
    (order,) = shop.get("orders", "/orders?external_ref=10248")["items"]
    assert (order["status"], order["total"], order["placed_at"][:10]) == (
        "delivered",
        440,
        "1996-07-04",
    )
    assert order["items"][0]["name"] == "Queso Cabrales"
    client = shop.get("clients", f"/clients/{order['client_id']}")
    assert client["external_ref"] == "VINET"


def test_no_stock_changes_and_an_export_is_imported_as_unchanged(shop, tmp_path):
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
    count = shop.get("orders", "/orders")["total"]
    for format in ("jsonl", "csv"):
        whole = tmp_path / f"all.{format}"
        assert shop.run("export", "orders", str(whole)).returncode == 0
        counts, _ = run_import(shop, whole)
        assert counts == (count, 0, 0, count, 0)
    before = sums(shop)
    body = {"product_id": made["id"], "quantity": 1}
    placed = shop.request("POST", "orders", "/orders", body)[1]
    assert shop.run("export", "orders", str(whole)).returncode == 0
    counts, said = run_import(shop, whole)
    assert counts[3:] == (count, 1)
    assert "Is the reference of an order placed here" in said
    shop.request("DELETE", "orders", f"/orders/{order['id']}?purge=true")
    assert run_import(shop, whole)[0][1:4] == (1, 0, count - 1)
    shop.request("DELETE", "orders", f"/orders/{placed['id']}?purge=true")
    assert sums(shop, "to=2020-01-01") == before


@pytest.mark.long
def test_a_shop_of_some_days(shop, unpack):
    files = sorted(
        (unpack("orders/uci-online-retail-by-day-2010-12_2011-06.tar.xz")).rglob("*.csv")
    )
    files, rows = files[:4], []
    for file in files:
        rows += csv.DictReader(file.read_text().splitlines())
    count = len({row["InvoiceNo"] for row in rows})
    assert run_import(shop, *files, "--create-clients")[0] == (count, count, 0, 0, 0)
    all_orders = sums(shop, "from=2010-12-01")
    totals = [Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in rows]
    assert all_orders["total"] == float(sum(totals))
    assert all_orders["units"] == sum(int(row["Quantity"]) for row in rows)
    returned = {row["InvoiceNo"] for row in rows if row["InvoiceNo"].startswith("C")}
    assert shop.get("orders", "/orders?status=returned&per=1")["total"] == len(returned) > 20
    clients = shop.get("orders", "/orders/stats?by=client&from=2010-12-01&per=1")
    assert clients["total"] == len({row["CustomerID"] for row in rows})
    with open_mongo(stack.read(shop.folder).mongo_uri, 30) as client:
        groups = client["vitrine"]["orders"].aggregate(
            [
                {"$match": {"placed_at": {"$gte": datetime(2010, 12, 1)}}},
                {"$unwind": "$items"},
                {"$group": {"_id": "$items.sku", "all": {"$sum": 1}, "sold": {"$sum": SOLD}}},
            ]
        )
        by_sku = {group["_id"]: group for group in groups}
    assert len(by_sku) == len({row["StockCode"] for row in rows})
    assert sum(group["all"] for group in by_sku.values()) == len(rows)
    sold = sum(group["sold"].to_decimal() for group in by_sku.values())
    assert sold == sum(total for total in totals if total > 0)
    by_product = shop.get("orders", "/orders/stats?by=product&from=2010-12-01&per=3")
    assert by_product["sums"][0]["total"] == float(sum(totals))
    # Unchanged orders are not written.
    assert run_import(shop, *files[:3])[0][3:] == (counts_of(files[:3]), 0)


def counts_of(files):
    """Return the number of invoices in some files."""
    lines = (file.read_text().splitlines() for file in files)
    return len({row["InvoiceNo"] for part in lines for row in csv.DictReader(part)})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("quantity,price\n1,2\n", "row 2: Has no order number; say --map external_ref=COLUMN."),
        ("invoice,date,qty,price\nA1,2020-01-01,1,x\n", "row 2, price: Is not an amount"),
        ("invoice,date,qty,price\nA1,soon,1,1\n", "row 2, date: Is not a day or moment"),
        ("invoice,qty,price\nA1,1,1\n", "No column is placed_at; say --map placed_at=COLUMN. The"),
        ("invoice,date,qty,price\nA1,2020-01-01,1,1\nA1,2020-01-01,0,1\n", "row 3, qty: Is 0"),
        ("invoice,date,qty,price\nC1,2020-01-01,1,1\n", "Are not negative"),
        ("invoice,date,qty,price,discount\nA1,2020-01-01,1,1,20\n", "Is a fraction"),
    ],
)
def test_mistakes_are_named_by_row_and_order(shop, tmp_path, text, error):
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    counts, said = run_import(shop, file)
    assert counts[4] == 1
    assert error in said


def test_the_orders_of_two_shops_stay_apart(shop, tmp_path):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("invoice,date,description,qty,price\nZ1,2024-01-05,Cup,2,3.5\n")
    other.write_text("invoice,date,description,qty,price\nZ1,2024-03-01,Pot,1,9\n")
    assert run_import(shop, one)[0] == (1, 1, 0, 0, 0)
    counts, said = run_import(shop, other)
    assert counts == (1, 0, 0, 0, 1)
    assert "--source SHOP" in said
    assert run_import(shop, other, "--source", "north")[0] == (1, 1, 0, 0, 0)
    assert run_import(shop, other, "--source", "north")[0] == (1, 0, 0, 1, 0)
    assert run_import(shop, one)[0] == (1, 0, 0, 1, 0)
    for ref, total in (("Z1", 7), ("north:Z1", 9)):
        (order,) = shop.get("orders", f"/orders?external_ref={ref}")["items"]
        assert order["total"] == total


def test_options_that_do_not_fit_are_named(shop, tmp_path):
    file, twice, turkish = (tmp_path / name for name in ("x.csv", "twice.csv", "turkish.csv"))
    file.write_text("a\n1\n")
    twice.write_text("a,b\n1,2\n1,3\n")
    turkish.write_bytes("invoice\nKırmızı\n".encode("cp1254"))
    for args, error in (
        (("products", file, "--join", "a=b"), "--join is for orders"),
        (("clients", file, "--create-clients"), "--create-clients is for orders"),
        (("orders", file, "--join", "nothing"), "write FILE=COLUMN"),
        (("orders", file, "--join", f"{file}=b"), "has a column b"),
        (("orders", file, "--join", f"{twice}=a"), "have the same a"),
        (("orders", file, "--key", "sku"), "--key is not for orders"),
        (("orders", tmp_path), "is a folder"),
        (("orders", turkish), "--encoding windows-1254 reads 'Kırmızı'"),
        (("order", file), "No service order runs here, only"),
    ):
        done = shop.run("import", *map(str, args))
        assert done.returncode == 1
        assert error in done.stderr
