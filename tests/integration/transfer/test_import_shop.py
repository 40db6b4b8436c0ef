"""`vitrine import shop`: exports of real shops on a running stack, again, and taken back."""

import re
from decimal import Decimal

import pytest
from pymongo import MongoClient

from tests.support.stack import running_stack
from vitrine import stack as stacks
from vitrine.client import PAGE_SIZE

# Of each file: products, what is sold, the sum of prices, the stock, and the categories.
FILES = {
    "shopify-apparel.csv": (20, 22, "1295.00", 22, 0),
    "shopify-jewelery.csv": (20, 23, "980.74", 20, 3),
    "shopify-template.csv": (3, 16, "602.99", 95, 9),
    "shopify-export.csv": (24, 24, "92.00", 0, 4),
    "woocommerce.csv": (15, 22, "701", 0, 6),
    "prestashop.csv": (2, 2, "115.05", 1300, 1),
    "google-merchant.tsv": (6, 22, "5108.00", 0, 9),
    "bigcommerce.csv": (10, 10, "4417.56", 206, 4),
    "vendure.csv": (12, 23, "13033.56", 0, 0),
    "google-merchant.xml": (2, 2, "94.00", 0, 0),
    "dummyjson.json": (194, 194, "304599.96", 0, 24),
}
FIRST = ("shopify-apparel.csv", "woocommerce.csv", "google-merchant.tsv")
# What a document or one of its photos has of its own, though the same file made it.
OWN = {"_id", "created_at", "updated_at", "writer", "written", "since", "import"}
COSTS = {"shopify-template.csv": "8.5", "prestashop.csv": "AppleStore"}


@pytest.fixture(scope="module")
def stack():
    """A stack without workers, which would fetch the photos of products."""
    with running_stack("--only", "products,categories") as stack:
        yield stack


@pytest.fixture
def empty_stack(stack):
    """Return the stack of the module, and remove afterwards what the test has imported."""
    yield stack
    for service in ("products", "categories"):
        for item in reversed(every(stack, service)):
            stack.request("DELETE", service, f"/{service}/{item['id']}?purge=true")


def every(stack, service):
    """Return all items of a service, products of any status among them."""
    statuses = ("&status=active", "&status=draft", "&status=archived")
    items = []
    for status in statuses if service == "products" else ("",):
        link = f"/{service}?per={PAGE_SIZE}{status}"
        while link:
            answer = stack.get(service, link)
            items += answer["items"]
            link = answer["links"].get("next")
    return items


def stored(stack):
    """Return the documents of products and categories in MongoDB, by slug, without ``OWN``."""
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        db = client.get_default_database()
        names = ("products", "categories")
        return {
            name: {each["slug"]: without_own(each) for each in db[name].find()} for name in names
        }


def without_own(value):
    if isinstance(value, list):
        return [without_own(each) for each in value]
    if isinstance(value, dict):
        return {name: without_own(each) for name, each in value.items() if name not in OWN}
    return value


def import_shop(stack, *args, code=0):
    """Import; return the counts of created, updated, unchanged and failed, and the output."""
    run = stack.run("import", "shop", *map(str, args))
    assert run.returncode == code, run.stderr
    counts = re.search(
        r"([\d,]+) created, ([\d,]+) updated, ([\d,]+) unchanged, ([\d,]+) failed", run.stderr
    )
    assert counts, run.stderr
    return tuple(int(count.replace(",", "")) for count in counts.groups()), run.stderr


@pytest.mark.parametrize(
    "name",
    [name if name in FIRST else pytest.param(name, marks=pytest.mark.long) for name in FILES],
)
def test_a_shop_comes_in_stays_the_same_and_is_taken_back(empty_stack, data_folder, name):
    stack, path = empty_stack, data_folder / "shops" / name
    products, sold, price, stocks, categories = FILES[name]
    stack.request("POST", "categories", "/categories", {"name": "Own"})
    stack.request("POST", "products", "/products", {"name": "Own", "category": "own"})
    before = [every(stack, service) for service in ("products", "categories")]
    counts, said = import_shop(stack, path, "--yes")
    assert counts == (sold, 0, 0, 0), said
    items = [item for item in every(stack, "products") if item["slug"] != "own"]
    assert len({item["group"] or item["id"] for item in items}) == products
    assert sum(Decimal(str(item["price"] or 0)) for item in items) == Decimal(price)
    assert sum(item["stock"] or 0 for item in items) == stocks
    assert len(every(stack, "categories")) - 1 == categories
    values = [value for item in items for value in (*item.values(), *item["attributes"].values())]
    assert COSTS.get(name, "?") not in map(str, values)

    full = stored(stack)

    counts, said = import_shop(stack, path, "--yes")
    assert counts == (0, 0, sold, 0), said
    run = stack.run("import", "--undo")
    assert run.returncode == 0, run.stdout
    assert [every(stack, service) for service in ("products", "categories")] == before

    counts, said = import_shop(stack, path, "--yes")
    assert counts == (sold, 0, 0, 0), said
    assert stored(stack) == full


def test_the_plan_is_shown_and_nothing_is_written_without_a_yes(empty_stack, data_folder):
    path = data_folder / "shops" / "shopify-template.csv"
    run = empty_stack.run("import", "shop", str(path))
    assert run.returncode == 1
    assert "Add --yes, or run this in a terminal" in run.stderr
    assert "Shopify (it has Handle, Title, Variant Price" in run.stderr
    assert "private, not imported: Cost per item" in run.stderr
    assert "Example T-Shirt · 25 · Color Green, Size S" in run.stderr
    assert not every(empty_stack, "products")


def test_a_dry_run_validates_and_writes_nothing(empty_stack, data_folder):
    counts, _ = import_shop(empty_stack, data_folder / "shops" / "woocommerce.csv", "--dry-run")
    assert counts == (22, 0, 0, 0)
    assert not every(empty_stack, "products")
    assert not every(empty_stack, "categories")


def test_what_is_private_is_not_found(empty_stack, data_folder):
    import_shop(empty_stack, data_folder / "shops" / "prestashop.csv", "--yes")
    assert empty_stack.get("products", "/products?q=nano")["total"] == 1
    assert empty_stack.get("products", "/products?q=AppleStore")["total"] == 0


def test_two_shops_in_one_import(empty_stack, data_folder):
    files = [data_folder / "shops" / name for name in ("bigcommerce.csv", "prestashop.csv")]
    counts, said = import_shop(empty_stack, *files, "--yes", "--currency", "EUR")
    assert counts == (12, 0, 0, 0), said
    assert {item["currency"] for item in every(empty_stack, "products")} == {"EUR"}


@pytest.mark.long
def test_the_same_keys_in_two_shops_are_apart(empty_stack, tmp_path):
    path = tmp_path / "products.csv"
    head = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
    path.write_text(f"{head}tea,Tea,Size,S,,3\ntea,,,M,,4\ncup,Cup,,,CUP,5\n")
    counts, said = import_shop(empty_stack, path, "--yes", "--source", "North")
    assert counts == (3, 0, 0, 0), said
    assert "North: goes before the references" in said
    north = every(empty_stack, "products")

    path.write_text(f"{head}tea,Coffee,Size,S,,6\ntea,,,M,,7\nmug,Mug,,,CUP,8\n")
    counts, said = import_shop(empty_stack, path, "--yes", "--source", "South", code=1)
    assert counts == (2, 0, 0, 1), said
    assert "CUP" in said
    both = every(empty_stack, "products")
    assert [item for item in both if item in north] == north
    assert len({item["group"] for item in both if item["group"]}) == 2

    counts, said = import_shop(empty_stack, path, "--yes", "--source", "North", code=1)
    assert counts == (0, 2, 0, 1), said
    assert "gave products that were there another name" in said
