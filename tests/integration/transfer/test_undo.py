"""`vitrine import --undo`, `--missing` and exports that come back, on a running stack."""

import csv
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.support.polling import poll
from tests.support.services import ROOT
from tests.support.stack import process_of

PRODUCTS = (
    "sku,name,color,size,stock,category\nA1,Shirt,red,L,5,Clothes/Shirts\nA2,Hat,blue,S,3,Clothes\n"
)
CLIENTS = "email,name,city\nann@example.org,Ann,Rome\nbob@example.org,Bob,Paris\n"
CATEGORIES = "path,name,description\n,Tools,For all\nTools,Saws,Sharp\nTools/Saws,Small saws,\n"


@pytest.fixture(scope="module")
def stack(emptied_stack):
    return emptied_stack


@pytest.fixture(autouse=True)
def _empty(stack):
    """Begin each test without items that are not in the trash."""
    for service in ("orders", "products", "clients", "categories"):
        while items := stack.get(service, f"/{service}?per=100")["items"]:
            for item in items:
                stack.request("DELETE", service, f"/{service}/{item['id']}")


@pytest.fixture
def file(tmp_path):
    def file(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path

    return file


@pytest.fixture
def run(stack):
    """Run an import; return all that it has printed."""

    def run(*args, code=0):
        done = stack.run("import", *map(str, args), timeout=300)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    return run


@pytest.fixture
def state(stack):
    """Return all that is exported of all services."""

    def state():
        services = ("products", "clients", "categories", "orders")
        return {name: stack.run("export", name, "-").stdout for name in services}

    return state


def id_of(said):
    return re.search(r"vitrine import --undo (\S+)` takes", said)[1]


@pytest.mark.parametrize(
    ("resource", "text", "options"),
    [
        ("products", PRODUCTS, ["--create-categories"]),
        pytest.param("clients", CLIENTS, [], marks=pytest.mark.long),
        pytest.param("categories", CATEGORIES, [], marks=pytest.mark.long),
    ],
)
def test_import_undo_and_import_again_end_in_the_state_of_before(
    run, state, file, resource, text, options
):
    empty = state()
    path = file("x.csv", text)
    said = run(resource, path, *options)
    full, id = state(), id_of(said)
    assert full != empty
    said = run("--undo", id)
    assert "moved to the trash" in said
    assert f"`vitrine import --undo undo-{id}` brings it back." in said
    assert state() == empty
    assert "nothing to do" in run("--undo", id)
    again = id_of(run(resource, path, *options))
    assert state() == full
    run("--undo", again)
    assert "restored" in run("--undo", f"undo-{again}")
    assert state() == full


@pytest.mark.long
@pytest.mark.parametrize("end", [".jsonl", ".json", ".csv"])
def test_an_export_changes_nothing_when_it_is_imported(run, stack, state, file, tmp_path, end):
    run("products", file("x.csv", PRODUCTS), "--create-categories")
    run("clients", file("c.csv", CLIENTS))
    before = state()
    for service in ("categories", "clients", "products"):
        exported = tmp_path / f"{service}{end}"
        stack.run("export", service, exported)
        said = run(service, exported)
        assert " 0 created, 0 updated" in said
        assert "--undo" not in said
    assert state() == before


def test_changes_are_put_back_except_what_was_changed_since(run, stack, file):
    run("products", file("a.csv", PRODUCTS), "--create-categories")
    one, two = (stack.get("products", f"/products?sku={s}")["items"][0] for s in ("A1", "A2"))
    long = "Long. " * 2000
    text = (
        f"sku,price,stock,ean,color,description\nA1,5,20,x1,green,{long}\nA2,7,30,x2,black,{long}\n"
    )
    id = id_of(run("products", file("b.csv", text)))
    path = f"/products/{two['id']}"
    changed = {"price": 9, "attributes": {"size": "S", "ean": "x2", "color": "pink", "own": 1}}
    assert stack.request("PATCH", "products", path, changed)[0] == 200
    order = {"product_id": one["id"], "quantity": 2}
    assert stack.request("POST", "orders", "/orders", order)[0] == 201
    would = run("--undo", id, "--dry-run", code=1)
    assert "2 would be put back" in would
    said = run("--undo", id, code=1)
    assert "2 put back" in said
    assert "Changed since, and left as it is: 3" in said
    assert f"products/{one['id']} stock: is 18 (anonymous" in said
    assert f"products/{two['id']} price: is 9 (anonymous" in said
    assert f'products/{two["id"]} attributes/color: is "pink"' in said
    now = stack.get("products", f"/products/{one['id']}")
    assert (now["price"], now["stock"], now["description"]) == (None, 18, None)
    assert now["attributes"] == one["attributes"]
    now = stack.get("products", path)
    assert (now["price"], now["stock"]) == (9, 3)
    assert now["attributes"] == {"size": "S", "color": "pink", "own": 1}


def test_stock_that_was_sold_is_not_put_back_and_the_product_stays(run, stack, file):
    id = id_of(run("products", file("a.csv", "sku,name,price,stock\nS1,Cup,2,9\nS2,Pot,3,9\n")))
    (cup,) = stack.get("products", "/products?sku=S1")["items"]
    stack.request("POST", "orders", "/orders", {"product_id": cup["id"], "quantity": 4})
    said = run("--undo", code=1)
    assert f"Import {id}: 1 moved to the trash." in said
    assert f"products/{cup['id']} stock: is 5" in said
    assert [each["sku"] for each in stack.get("products", "/products")["items"]] == ["S1"]


def test_past_orders_and_their_clients_are_taken_back(run, state, file):
    text = "invoice,date,customer,description,qty,price\n1,2024-01-05,C7,Cup,2,3.5\n"
    before = state()
    id = id_of(run("orders", file("o.csv", text), "--create-clients"))
    assert json.loads(state()["orders"])["external_ref"] == "1"
    said = run("--undo", id)
    assert "2 moved to the trash" in said
    assert state() == before


def test_imports_are_listed_the_latest_first(run, stack, file):
    first = id_of(run("products", file("a.csv", PRODUCTS), "--create-categories"))
    second = id_of(run("clients", file("c.csv", CLIENTS)))
    poll(lambda: second in stack.run("imports").stdout)
    text = stack.run("imports").stdout
    assert text.index(second) < text.index(first)
    assert "products: 2 created" in text
    assert "categories: 2 created" in text
    assert len(stack.run("imports", "--number", "1").stdout) < len(text)


@pytest.mark.parametrize("id", ["20200101-000000-none", "a/b", "x.csv", "é"])
def test_an_unknown_import_is_refused(run, id):
    assert "vitrine imports" in run("--undo", id, code=1)


def test_an_undo_has_no_resource(run, file):
    assert "leave out the RESOURCE" in run("--undo", "x", "products", "x.csv", code=2)


def test_a_killed_import_and_a_killed_undo_are_taken_back(run, stack, state, file):
    rows = "".join(f"K{n},Item {n},{n}\n" for n in range(6000))
    path = file("many.csv", f"sku,name,size\n{rows}")
    empty = state()

    def killed(*args, when):
        process = subprocess.Popen(
            [sys.executable, "-m", "vitrine", "import", *map(str, args)],
            cwd=ROOT,
            env=stack.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        poll(when)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def count():
        return stack.get("products", "/products?per=1")["total"]

    killed("products", path, when=lambda: count() >= 1000)
    os.kill(process_of(stack, b"shared\0follow\0", b"api_products"), signal.SIGKILL)
    assert poll(count) < 6000
    killed("--undo", when=lambda: count() < 900)
    left = poll(count)
    assert 0 < left < 1000
    assert "moved to the trash" in run("--undo")
    assert state() == empty


def test_attributes_are_merged_unless_they_are_to_be_replaced(run, stack, file):
    run("products", file("a.csv", "sku,name,color,size\nA1,Shirt,red,L\n"))
    said = run("products", file("b.csv", "sku,price,ean\nA1,5,x1\n"))
    assert "1 updated" in said
    (shirt,) = stack.get("products", "/products?sku=A1")["items"]
    assert shirt["attributes"] == {"color": "red", "size": "L", "ean": "x1"}
    said = run("products", file("b.csv", "sku,ean\nA1,x1\n"), "--replace-attributes", "--dry-run")
    assert "Attributes would be removed: color (1), size (1)" in said
    run("products", file("b.csv", "sku,ean\nA1,x1\n"), "--replace-attributes")
    assert stack.get("products", "/products/shirt")["attributes"] == {"ean": "x1"}


def test_options_are_replaced_while_attributes_are_merged(run, stack, file):
    row = {"sku": "A1", "name": "Shirt", "group": "shirt", "attributes": {"year": 1}}
    for options in ({"Color": "red", "Size": "L"}, {"Farbe": "rot", "Größe": "L"}):
        run("products", file("a.jsonl", json.dumps(row | {"options": options})))
        row["attributes"] = {"origin": "Rome"}
    (shirt,) = stack.get("products", "/products?sku=A1")["items"]
    assert shirt["options"] == {"Farbe": "rot", "Größe": "L"}
    assert shirt["attributes"] == {"year": 1, "origin": "Rome"}


def test_the_path_of_a_category_is_put_back_with_it(run, stack, file):
    run("products", file("a.csv", PRODUCTS), "--create-categories")
    id = id_of(run("products", file("b.csv", "sku,category\nA1,Clothes\n")))
    assert "1 would be put back" in run("--undo", id, "--dry-run")
    run("--undo", id)
    (shirt,) = stack.get("products", "/products?sku=A1")["items"]
    assert shirt["category_path"] == ["clothes", "shirts"]


def test_a_key_that_is_twice_in_the_files_names_both_rows(run, stack, file):
    rows = "".join(f"S{n},Item {n}\n" for n in range(1200))
    first = file("a.csv", f"sku,name\n{rows}S0,Other\n")
    second = file("b.csv", "sku,name\nS1,Another\n")
    for created, unchanged in ((1200, 0), (0, 1200)):
        said = run("products", first, second, code=1)
        assert f"{created:,} created, 0 updated, {unchanged:,} unchanged, 2 failed" in said
        assert re.search(r"a\.csv: row 120\d: Has the sku 'S0' of row [12] in \S*a\.csv;", said)
        assert re.search(r"b\.csv: row [12]: Has the sku 'S1' of row [23] in \S*a\.csv;", said)
    assert stack.get("products", "/products?sku=S0")["items"][0]["name"] == "Item 0"


def test_a_file_without_keys_is_found_again_with_other_options(run, file):
    path = file("a.csv", "Title,colour,Unit cost\nCup,red,5\nPot,blue,6\n")
    assert "2 created" in run("products", path)
    said = run("products", path, "--map", "brand=colour", "--set", "status=draft")
    assert "0 created, 2 updated" in said
    other = file("b.csv", "Title,colour,Unit cost,new\nCup,red,5,1\nPot,blue,6,2\nPan,red,1,3\n")
    said = run("products", other, "--dry-run")
    assert "3 of 3 would be new, and 2 of these have the names of products" in said


def test_the_id_of_another_shop_finds_items_again(run, stack, file):
    said = run("products", file("a.csv", "ID,Title,colour\n17,Cup,red\n18,Pot,blue\n"))
    assert "Column ID is kept as external_ref" in said
    said = run("products", file("b.csv", "id,Title,colour\n17,New cup,red\n"))
    assert "0 created, 1 updated" in said
    (cup,) = stack.get("products", "/products?external_ref=17")["items"]
    assert cup["name"] == "New cup"


@pytest.mark.parametrize(
    ("action", "unlisted", "done"),
    [("archive", 1, "archived"), ("trash", 0, "moved to the trash")],
)
def test_what_a_file_no_longer_has_is_removed_and_comes_back(
    run, stack, state, file, action, unlisted, done
):
    stack.request("POST", "products", "/products", {"name": "By hand"})
    run("products", file("a.csv", "sku,name,brand\nA1,Cup,X\nA2,Pot,X\nA3,Pan,Y\n"))
    before = state()
    less = file("b.csv", "sku,name,brand\nA1,Cup,X\n")
    assert "2 products that the file no longer has would be" in run(
        *("products", less, "--missing", action, "--dry-run")
    )
    assert state() == before
    said = run("products", less, "--missing", action, "--among", "brand=X")
    assert f"1 products that the file no longer has were {done}" in said
    names = [each["name"] for each in stack.get("products", "/products")["items"]]
    assert sorted(names) == ["By hand", "Cup", "Pan"]
    assert stack.get("products", "/products?status=archived")["total"] == unlisted
    run("--undo", id_of(said))
    assert {k: sorted(v.splitlines()) for k, v in state().items()} == {
        k: sorted(v.splitlines()) for k, v in before.items()
    }


def test_a_wrong_filter_of_missing_items_is_refused_before_the_first_row(run, stack, file):
    rows = file("a.csv", "sku,name\nA1,Cup\n")
    assert "brnd" in run("products", rows, "--missing", "trash", "--among", "brnd=X", code=1)
    assert stack.get("products", "/products")["total"] == 0


def test_nothing_is_missing_if_a_row_fails(run, stack, file):
    run("products", file("a.csv", "sku,name\nA1,Cup\nA2,Pot\n"))
    for text in ("sku,name,price\nA1,Cup,free\n", "sku,name\n"):
        said = run("products", file("b.csv", text), "--missing", "trash", code=1)
        assert "Nothing was looked for with --missing" in said
    assert stack.get("products", "/products")["total"] == 2
    assert "clients cannot be archived" in run(
        *("clients", file("c.csv", CLIENTS), "--missing", "archive"), code=1
    )


@pytest.mark.long
def test_an_export_for_spreadsheets_is_read_as_the_very_same(run, stack, state, tmp_path):
    product = {
        "name": "=HYPERLINK(1)",
        "sku": "00123",
        "description": "-5 degrees\nand more",
        "price": 5,
        "attributes": {
            **{"zip": "007", "size": 7, "temp": -10, "on": True, "text": "true"},
            **{"tags": ["a", 2], "Cost per item": "5", "Published": False, "name": "x"},
        },
    }
    stack.request("POST", "products", "/products", product)
    stack.request("POST", "products", "/products", {"name": "'=x", "attributes": {"zip": 7}})
    before = state()
    path = tmp_path / "x.csv"
    assert stack.run("export", "products", path, "--for", "spreadsheet").returncode == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert rows[0]["name"] == "'=HYPERLINK(1)"
    assert rows[0]["sku"] == "'00123"
    assert rows[0]["attr.temp"] == "-10"
    assert "2 unchanged" in run("products", path)
    assert state() == before
    for item in stack.get("products", "/products")["items"]:
        stack.request("DELETE", "products", f"/products/{item['id']}")
    assert "2 created" in run("products", path)
    assert state() == before
    refused = stack.run("export", "products", tmp_path / "x.json", "--for", "spreadsheet")
    assert (refused.returncode, "writes CSV" in refused.stderr) == (1, True)
