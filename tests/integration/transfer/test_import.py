"""`vitrine import` and `export` of real catalogs on a running stack."""

import csv
import json
import lzma
import re
from collections import Counter

import orjson
import pytest
from pymongo import MongoClient

from tests.support.stack import Stack, running_stack, stack_folder
from vitrine import stack as stacks
from vitrine.client import PAGE_SIZE


@pytest.fixture(scope="module")
def stack():
    """Return a stack for this module alone, because imports fill it."""
    with running_stack("--only", "products,clients,categories") as stack:
        yield stack


@pytest.fixture(scope="module")
def other():
    """Return a stack without a catalog, for tests that count all items or add a service."""
    with running_stack(
        *("--only", "products,categories,games", "--with", "examples/api_games")
    ) as other:
        yield other


def run_import(stack, *args, code=0, **options):
    """Import; return the counts of all, created, updated, unchanged, failed, and the output."""
    run = stack.run("import", *map(str, args), timeout=300, **options)
    assert run.returncode == code, run.stderr
    counts = re.search(
        r"([\d,]+) rows: (?:would be )?([\d,]+) created, ([\d,]+) updated, ([\d,]+) unchanged, "
        r"([\d,]+) failed",
        run.stderr,
    )
    assert counts, run.stderr
    return tuple(int(number.replace(",", "")) for number in counts.groups()), run.stderr


def every(stack, service, query=""):
    """Return all items of a service by walking its pages."""
    items, link = [], f"/{service}?per={PAGE_SIZE}&{query}"
    while link:
        answer = stack.get(service, link)
        items += answer["items"]
        link = answer["links"].get("next")
    return items


def test_importing_a_parts_catalog_again_changes_nothing(stack, unpack):
    # The small files and one larger one; all 25 files take half a minute each time.
    folder = unpack("catalog/pcparts-2025-07-23-jsonl.tar.xz") / "jsonl"
    small = [path for path in folder.glob("*.jsonl") if path.stat().st_size < 38_000]
    files = sorted([*small, folder / "cpu.jsonl"])
    assert len(files) > 8
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    for expected in ("created", "unchanged"):
        totals = Counter()
        for file in files:
            args = ("--set", f"category={file.stem}", "--create-categories")
            (count, created, updated, unchanged, failed), _ = run_import(
                stack, "products", file, *args
            )
            totals += Counter(rows=count, created=created, unchanged=unchanged)
            assert (updated, failed) == (0, 0)
        assert totals["rows"] == totals[expected]
        assert totals["rows"] == len(rows) > 2_000

    uri = stacks.read(stack.folder).mongo_uri
    with MongoClient(uri) as client:
        stored = list(client["vitrine"]["products"].find({}, {"slug": 1, "name": 1, "price": 1}))
    assert len({each["slug"] for each in stored}) == len(rows)
    assert Counter(each["name"] for each in stored) == Counter(row["name"] for row in rows)
    assert sum("price" not in each for each in stored) == sum(row["price"] is None for row in rows)
    assert all(str(each["price"]) != "0" for each in stored if "price" in each)
    lines = (folder / "cpu.jsonl").read_text().splitlines()
    assert stack.get("products", "/products?category=cpu&per=1")["total"] == len(lines)
    assert stack.run("doctor").returncode == 0


def test_an_older_snapshot_updates_its_items(stack, unpack):
    file = unpack("catalog/pcparts-2023-07-05-json.tar.xz") / "json" / "cpu.json"
    args = ("products", file, "--set", "category=cpu", "--create-categories")
    (rows, created, updated, unchanged, failed), _ = run_import(stack, *args, "--dry-run")
    before = stack.get("products", "/products?category=cpu&per=1")["total"]
    assert (rows, failed) == (len(json.loads(file.read_text())), 0)
    assert created + updated + unchanged == rows
    assert run_import(stack, *args)[0] == (rows, created, updated, unchanged, 0)
    assert stack.get("products", "/products?category=cpu&per=1")["total"] == before + created
    assert run_import(stack, *args)[0] == (rows, 0, 0, rows, 0)


@pytest.mark.long
def test_a_tree_of_4584_categories_is_built_whole(stack, data_folder):
    file = data_folder / "catalog" / "bestbuy-categories.json.xz"
    records = json.loads(lzma.decompress(file.read_bytes()))
    args = ("categories", file, "--map", "external_ref=id")
    counts, said = run_import(stack, *args, code=1)
    # 139 parents occur only in paths; one name is null.
    assert counts == (4584 + 139, 4583 + 139, 0, 0, 1)
    assert "row 3980, name: Is null; send a value." in said
    assert "left out: subCategories (no such field)" in said

    stored = every(stack, "categories", "fields=slug,name,external_ref,parent,path")
    slugs = {each["external_ref"]: each["slug"] for each in stored if each["external_ref"]}
    by_slug = {each["slug"]: each for each in stored}
    for record in records:
        if record["name"]:
            category = by_slug[slugs[record["id"]]]
            assert category["path"] == [slugs[step["id"]] for step in record["path"]]
            assert category["name"] == record["name"].strip()


@pytest.mark.long
def test_a_magento_export_with_html_and_several_categories_a_cell(stack, unpack):
    folder = unpack("catalog/magento-luma-fixtures.tar.xz") / "magento"
    file = folder / "ConfigurableSampleData" / "fixtures" / "products.csv"
    with file.open(newline="") as opened:
        rows = {row["sku"]: row for row in csv.DictReader(opened)}
    maps = ("--map", "category=categories", "--map", "stock=qty", "--map", "slug=url_key")
    args = (
        "products",
        file,
        *maps,
        "--key",
        "sku",
        "--create-categories",
        "--attributes",
        "weight",
    )
    assert run_import(stack, *args)[0] == (1994, 1994, 0, 0, 0)
    assert run_import(stack, *args)[0] == (1994, 0, 0, 1994, 0)
    (hoodie,) = stack.get("products", "/products?sku=MH01-XS-Black")["items"]
    row = rows["MH01-XS-Black"]
    assert hoodie["description"] == row["description"]
    assert (hoodie["slug"], hoodie["stock"]) == (row["url_key"], 100)
    assert hoodie["price"] == float(row["price"])
    assert hoodie["attributes"]["categories"] == row["categories"].split(",")
    names = [stack.get("categories", f"/categories/{s}")["name"] for s in hoodie["category_path"]]
    assert "/".join(names) == max(row["categories"].split(","), key=lambda path: path.count("/"))


def test_contacts_become_clients(stack, data_folder):
    file = data_folder / "orders" / "algolia-contacts.json.xz"
    args = ("clients", file, "--map", "name=join(' ', [firstname, lastname])")
    counts, said = run_import(stack, *args)
    assert counts == (500, 500, 0, 0, 0)
    (left_out,) = [line for line in said.splitlines() if line.startswith("left out: ")]
    assert all(name in left_out for name in ("Note", "address", "company"))
    assert run_import(stack, *args)[0] == (500, 0, 0, 500, 0)
    assert (
        stack.get("clients", "/clients?email=essie@vaill.com")["items"][0]["name"] == "Essie Vaill"
    )


def test_northwind_customers_with_unquoted_commas(stack, unpack):
    file = unpack("orders/northwind.tar.xz") / "northwind" / "customers.csv"
    maps = ("--map", "name=CompanyName", "--map", "external_ref=CustomerID", "--null", "NULL")
    assert run_import(stack, "clients", file, *maps)[0] == (91, 91, 0, 0, 0)
    assert run_import(stack, "clients", file, *maps)[0] == (91, 0, 0, 91, 0)
    (berglund,) = stack.get("clients", "/clients?q=berglund+lulea")["items"]
    assert (berglund["external_ref"], berglund["city"]) == ("BERGS", "Luleå")


@pytest.mark.long
@pytest.mark.parametrize(
    ("service", "format"),
    [("clients", "jsonl"), ("clients", "json"), ("clients", "csv"), ("categories", "jsonl")],
)
def test_an_export_is_imported_as_unchanged(stack, tmp_path, service, format):
    body = {"name": 'Crépin, "the; second" 🐔', "external_ref": f"export {format}"}
    assert stack.request("POST", service, f"/{service}", body)[0] == 201
    file = tmp_path / f"export.{format}"
    assert stack.run("export", service, str(file)).returncode == 0
    count = len(every(stack, service, "fields=id"))
    assert run_import(stack, service, file)[0] == (count, 0, 0, count, 0)


def test_a_tree_of_names_and_parents_is_built_and_rebuilt(other, tmp_path):
    file = tmp_path / "tree.csv"
    file.write_text("name,parent\nEarbuds,headphones\nHeadphones,Audio\nAudio,Sound & more\n")
    with file.open("a") as opened:
        opened.write("Headphones,Video\nVideo,\nSound & more,\n")
    assert run_import(other, "categories", file)[0] == (6, 6, 0, 0, 0)
    assert run_import(other, "categories", file)[0] == (6, 0, 0, 6, 0)
    paths = {tuple(each["path"]) for each in every(other, "categories")}
    assert ("sound-more", "audio", "headphones-2", "earbuds") in paths
    assert other.run("export", "categories", str(tmp_path / "x.jsonl")).returncode == 0
    for slug in ("earbuds", "headphones-2", "audio", "sound-more", "headphones", "video"):
        url = f"/categories/{slug}?purge=true"
        assert other.request("DELETE", "categories", url)[0] == 204
    assert run_import(other, "categories", tmp_path / "x.jsonl")[0] == (6, 6, 0, 0, 0)
    assert {tuple(each["path"]) for each in every(other, "categories")} == paths


def test_an_export_rebuilds_an_empty_store(other, tmp_path):
    bodies = [
        {"name": "Tea 🍵", "sku": "T-1", "price": "12.50", "stock": 0, "description": 'a\n"b",c'},
        {"name": "Tea 🍵", "attributes": {"color": "red", "sizes": [1, 2.5, "x"], "on": False}},
    ]
    for body in bodies:
        assert other.request("POST", "products", "/products", body)[0] == 201
    kept = ("created_at", "updated_at", "revision")
    before = [{k: v for k, v in each.items() if k not in kept} for each in every(other, "products")]
    for format in ("jsonl", "json", "csv"):
        file = tmp_path / f"all.{format}"
        assert other.run("export", "products", str(file)).returncode == 0
        for number in (1, 2):
            ref = before[number - 1]["slug"]
            assert other.request("DELETE", "products", f"/products/{ref}?purge=true")[0] == 204
        assert run_import(other, "products", file)[0] == (2, 2, 0, 0, 0)
        after = every(other, "products")
        drop = ("id", *kept)
        assert [{k: v for k, v in each.items() if k not in drop} for each in after] == [
            {k: v for k, v in each.items() if k not in drop} for each in before
        ]
        assert run_import(other, "products", file)[0] == (2, 0, 0, 2, 0)


def test_an_export_has_drafts_and_at_its_end_archived_products(other, tmp_path):
    statuses = ("archived", "draft", "active")
    made = [
        other.request("POST", "products", "/products", {"name": status, "status": status})
        for status in statuses
    ]
    file = tmp_path / "all.jsonl"
    assert other.run("export", "products", str(file)).returncode == 0
    rows = [orjson.loads(line) for line in file.read_text().splitlines()]
    shown = [row["status"] for row in rows if row["name"] in statuses]
    assert shown == ["draft", "active", "archived"]
    for _, product in made:
        path = f"/products/{product['id']}?purge=true"
        assert other.request("DELETE", "products", path)[0] == 204


def test_a_dry_run_names_the_first_errors_by_row_and_column(stack, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("Title,Unit price,Qty on hand\nGood,5,1\nBad,cheap,1\n,5,1\nWorse,5,many\n")
    maps = ("--map", "price=Unit price", "--map", "stock=Qty on hand")
    log = tmp_path / "errors.jsonl"
    counts, said = run_import(stack, "products", file, *maps, "--dry-run", "--errors", log, code=1)
    assert counts == (4, 1, 0, 0, 3)
    assert "row 3, Unit price: Is not an amount; send one such as 12.50." in said
    assert "row 5, Qty on hand: Is not a whole number; send one such as 5." in said
    assert [orjson.loads(line)["row"] for line in log.read_text().splitlines()] == [3, 4, 5]
    path = "/products?q=good+worse"
    assert stack.request("GET", "products", path, Prefer="search=exact")[1]["total"] == 0


def test_rows_that_cannot_be_sent_fail_alone(stack, tmp_path):
    deep = "[" * 40 + "]" * 40
    file = tmp_path / "bad.jsonl"
    lines = ['{"name": "Fine 1"}', '{"name": "a\\u0000b"}', f'{{"name": "x", "deep": {deep}}}']
    lines += ['{"name": "x", "big": 123456789012345678901234567890}', '{"name": "Fine 2"}']
    file.write_text("\n".join(lines))
    counts, said = run_import(stack, "products", file, code=1)
    assert counts == (5, 3, 0, 0, 2), said
    named = [f"row {number}" in said for number in (1, 2, 3, 4, 5)]
    assert named == [False, True, False, True, False]
    assert "deep (nested too deep)" in said


def test_each_row_is_found_by_the_key_it_has(stack, tmp_path):
    file = tmp_path / "keys.jsonl"
    rows = ({"name": "A", "email": "a@keys.org"}, {"name": "B", "external_ref": "keys-b"})
    file.write_text("\n".join(json.dumps(row) for row in (*rows, {"name": "C"})))
    counts, said = run_import(stack, "clients", file, code=1)
    assert counts == (3, 2, 0, 0, 1)
    assert "row 3: Has no external_ref or email, by which items are found" in said
    assert run_import(stack, "clients", file, code=1)[0] == (3, 0, 0, 2, 1)


def test_a_dry_run_creates_no_category(stack, tmp_path):
    file = tmp_path / "new.jsonl"
    file.write_text('{"name": "Dry", "category": "Brand new"}')
    args = ("products", file, "--create-categories")
    assert run_import(stack, *args, "--dry-run")[0] == (1, 1, 0, 0, 0)
    assert stack.get("categories", "/categories?name=brand+new")["total"] == 0
    assert run_import(stack, *args)[0] == (1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--key", "foo"), "has no key 'foo'; it has slug, sku, external_ref"),
        (("--key", "sku"), "row 2: Has no sku, by which items are found."),
        (("--map", "stock=Qty on Hand"), "Nothing in the file for --map stock=Qty on Hand"),
        (("--map", "stock=[["), "Nothing in the file for --map stock=[["),
        (("--attributes", "colour"), "Nothing in the file for --attributes colour"),
        (("--map", "nope=x"), "write FIELD="),
    ],
)
def test_a_misspelt_option_is_named(stack, tmp_path, options, error):
    file = tmp_path / "odd.csv"
    file.write_text("name,Qty on hand\nX,5\n")
    run = stack.run("import", "products", str(file), "--dry-run", *options)
    assert error in run.stderr


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("none.json", '{"products": []}', "The file has no rows."),
        ("none.jsonl", "", "The file has no rows."),
        ("none.csv", "name\n", "The file has no rows."),
        ("none.csv", "", "The file has no rows."),
    ],
)
def test_a_file_without_rows_is_reported(stack, tmp_path, name, text, error):
    (tmp_path / name).write_text(text)
    run = stack.run("import", "products", str(tmp_path / name))
    assert (run.returncode, error in run.stderr) == (1, True)


@pytest.mark.parametrize(
    ("resource", "header", "fits"),
    [
        ("products", "Order number,Customer,Title,City", "orders"),
        ("products", "Name,Email,Financial Status,Lineitem name,Lineitem price", "orders"),
        ("categories", "Title,SKU,Price", "products"),
        ("clients", "Name,SKU,Price", "products"),
    ],
)
def test_a_table_of_another_resource_is_refused(stack, tmp_path, resource, header, fits):
    file = tmp_path / "other.csv"
    file.write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    run = stack.run("import", resource, str(file))
    assert run.returncode == 1
    assert f"vitrine import {fits}" in run.stderr.splitlines()[-1]
    assert "created" not in run.stderr


def test_the_feed_of_a_shop_in_utf_16_is_imported_and_said_in_one_block(
    other, data_folder, tmp_path
):
    feed = (data_folder / "shops" / "google-merchant.tsv").read_text()
    file = tmp_path / "feed.txt"
    file.write_text(feed, encoding="utf-16")
    counts, said = run_import(
        other, "products", file, "--create-categories", "--key", "slug", code=1
    )
    assert counts == (22, 0, 0, 0, 22), "the feed has no slug, and nothing is written"
    assert "rows 2, 3, 4 and 19 more: Has no slug" in said
    counts, said = run_import(other, "products", file, "--create-categories")
    assert counts == (22, 22, 0, 0, 0)
    assert said.splitlines()[:2] == [
        "UTF-16, separated by tabs",
        "22 rows; filled: name 22 (from title), sku 0, price 22, stock 0, description 22, "
        "brand 22, gtin 22, category 22 (from product_type)",
    ]
    products = every(other, "products", "brand=Northridge")
    assert products
    assert {product["currency"] for product in products} == {"EUR"}
    paths = {tuple(product["category_path"]) for product in products}
    assert all(path[0] == "apparel" and len(path) == 3 for path in paths)
    assert run_import(other, "products", file)[0] == (22, 0, 0, 22, 0)


def test_the_rules_of_a_category_decide_the_types_of_cells(other, tmp_path):
    rules = {
        "code": {"type": "string"},
        "version": {"type": "string"},
        "pages": {"type": "integer"},
        "isbn": {"type": "string", "required": True},
    }
    body = {"name": "Manuals", "attributes": rules}
    assert other.request("POST", "categories", "/categories", body)[0] == 201
    file = tmp_path / "books.csv"
    file.write_text(
        "sku,name,category,code,version,pages,zip,isbn\n"
        "M-1,One,Manuals,5901234123457,2,100,02138,9780306406157\n"
        "M-2,Two,manuals,5901234123458,3,50,10115,9783161484100\n"
        "M-3,Three,,5901234123459,4,x,1,9781861972712\n"
    )
    assert run_import(other, "products", file)[0] == (3, 3, 0, 0, 0)
    found = {
        sku: other.get("products", f"/products?sku={sku}")["items"][0]["attributes"]
        for sku in ("M-1", "M-2", "M-3")
    }
    isbn = {"isbn": found["M-1"].pop("isbn")}  # The category has it; it is the gtin as well.
    assert isbn == {"isbn": "9780306406157"}
    assert other.get("products", "/products?gtin=9780306406157")["total"] == 1
    assert found["M-1"] == {"code": "5901234123457", "version": "2", "pages": 100, "zip": "02138"}
    assert found["M-2"]["zip"] == "10115"
    assert found["M-3"] == {"code": 5901234123459, "version": 4, "pages": "x", "zip": "1"}


def test_a_file_that_is_not_certain_writes_nothing(stack, tmp_path):
    for name, content, error in (
        ("a.csv", b"sku,Title,name\nNOT-1,a,b\n", "'Title' and 'name' both mean name"),
        ("b.csv", b"sku,name,price,price\nNOT-1,a,1,2\n", "both named 'price'"),
        ("c.csv", b"sku,name,price\nNOT-1,a,1.299\n", "Say --decimal . or --decimal ,"),
        ("d.csv", "sku,name\nNOT-1,Kırmızı\n".encode("cp1254"), "--encoding windows-1254"),
        ("e.csv", b"a,b;c\nNOT-1,2;3\n", "Say --separator"),
    ):
        (tmp_path / name).write_bytes(content)
        refused = stack.run("import", "products", str(tmp_path / name))
        assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (1, 1)
        assert error in refused.stderr
    assert stack.get("products", "/products?sku=NOT-1")["total"] == 0


def test_an_export_that_cannot_be_written_leaves_nothing(stack, tmp_path):
    failed = stack.run("export", "products", str(tmp_path / "no" / "x.jsonl"))
    assert (failed.returncode, len(failed.stderr.strip().splitlines())) == (1, 1)
    assert "cannot be written: No such file or directory" in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_any_service_can_be_imported_into(other, tmp_path):
    file = tmp_path / "games.jsonl"
    file.write_text('{"title": "Zelda", "year": 2023}\n{"title": "FIFA", "price": {"eur": 70}}')
    args = ("games", file, "--map", "price=price.eur")
    assert run_import(other, *args)[0] == (2, 2, 0, 0, 0)
    assert run_import(other, *args)[0] == (2, 0, 0, 2, 0)
    assert other.get("games", "/games/2")["price"] == 70


def test_stdin_is_imported_too(stack):
    lines = '{"name": "From stdin", "sku": "STDIN-1"}\n'
    assert run_import(stack, "products", "-", "--format", "jsonl", input=lines)[0][1] == 1


def test_a_service_that_is_down_is_named(tmp_path):
    with stack_folder() as folder:
        file = tmp_path / "a.jsonl"
        file.write_text('{"name": "x"}')
        failed = Stack(folder).run("import", "clients", str(file))
    assert failed.returncode == 1
    assert "clients does not answer at http://127.0.0.1:" in failed.stderr
    assert "vitrine up" in failed.stderr
