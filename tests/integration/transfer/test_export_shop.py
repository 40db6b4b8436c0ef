"""`vitrine export --format`: what an import reads again, into the same shop and an empty one."""

import json

import openpyxl
import pytest

from tests.support.stack import running_stack
from tests.vitrine.transfer.exports.shop import CATEGORIES, PRODUCTS
from vitrine.client import PAGE_SIZE

COMMANDS = {
    "shopify": ("products.csv", "shop"),
    "woocommerce": ("products.csv", "shop"),
    "google": ("products.tsv", "shop"),
    "spreadsheet": ("products.xlsx", "products"),
}
# Fields that the service makes anew.
OWN = ("id", "created_at", "updated_at", "revision", "images")


@pytest.fixture(scope="module")
def stack():
    """A stack without workers, which would fetch the photos of products."""
    with running_stack("--only", "products,categories") as stack:
        yield stack


def every(stack, service):
    """Return all items of a service by slug, products of any status among them."""
    statuses = ("&status=active", "&status=draft", "&status=archived")
    items = {}
    for status in statuses if service == "products" else ("",):
        link = f"/{service}?per={PAGE_SIZE}{status}"
        while link:
            answer = stack.get(service, link)
            items |= {item["slug"]: item for item in answer["items"]}
            link = answer["links"].get("next")
    return items


def without_own(items):
    return {
        slug: {name: value for name, value in item.items() if name not in OWN}
        for slug, item in items.items()
    }


def empty(stack):
    for service in ("products", "categories"):
        for item in reversed(every(stack, service).values()):
            stack.request("DELETE", service, f"/{service}/{item['id']}?purge=true")


def run(stack, *args):
    done = stack.run(*map(str, args))
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def shop(stack, tmp_path):
    """Return the stack with the made-up shop, without categories whose names have signs."""
    names = {each["slug"]: each for each in CATEGORIES}
    products = [
        {name: value for name, value in item.items() if name not in ("id", "images")}
        for item in PRODUCTS
    ]
    for item in products:
        path = names[item["category"]]["path"] if "category" in item else []
        item |= {"category": [slug.title() for slug in path]} if path else {}
        item |= {"category": " > ".join(item["category"])} if path else {}
    file = tmp_path / "shop.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in products))
    run(stack, "import", "products", file, "--create-categories")
    yield stack
    empty(stack)


@pytest.mark.parametrize("format", COMMANDS)
def test_an_export_comes_back_as_it_was(shop, tmp_path, format):
    name, command = COMMANDS[format]
    path = tmp_path / name
    before = every(shop, "products")
    run(shop, "export", "products", path, "--format", format)
    sold = {
        slug for slug, item in before.items() if format != "google" or item["status"] == "active"
    }
    options = ["--yes"] if command == "shop" else ["--create-categories"]
    said = run(shop, "import", command, path, *options)
    assert f"0 created, 0 updated, {len(sold)} unchanged, 0 failed" in said
    assert every(shop, "products") == before

    empty(shop)
    said = run(shop, "import", command, path, *options)
    assert f"{len(sold)} created, 0 updated, 0 unchanged, 0 failed" in said
    made = without_own(every(shop, "products"))
    assert made == {slug: item for slug, item in without_own(before).items() if slug in sold}


def test_a_file_is_written_whole_or_not_at_all(shop, tmp_path):
    path = tmp_path / "products.xlsx"
    path.write_text("as it was")
    done = shop.run("export", "products", str(tmp_path / "none" / "products.xlsx"))
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    run(shop, "export", "products", path)
    assert openpyxl.load_workbook(path).active.max_row == len(PRODUCTS) + 1
    assert not list(tmp_path.glob("*.part"))


def test_wrong_formats_are_refused_in_a_sentence(shop, tmp_path):
    for args, text in {
        ("products", "x.pdf"): "The ending of x.pdf names no format. Say --format with one of",
        ("products", "--format", "amazon"): "--format amazon: write one of spreadsheet, google",
        ("products", "--format", "google", "--base-url", "shop"): "--base-url shop must start",
        ("categories", "x.csv", "--format", "shopify"): "--format shopify is for products.",
        ("products", "--format", "spreadsheet"): "A spreadsheet needs a FILE",
    }.items():
        done = shop.run("export", *args)
        assert done.returncode == 1
        assert text in done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["shopify-jewelery.csv", "shopify-template.csv", "woocommerce.csv", "vendure.csv"]
)
def test_a_real_shop_goes_out_and_stays_the_same(stack, data_folder, tmp_path, name):
    run(stack, "import", "shop", data_folder / "shops" / name, "--yes")
    before = every(stack, "products")
    try:
        for format, (file, command) in COMMANDS.items():
            run(stack, "export", "products", tmp_path / file, "--format", format)
            options = ["--yes"] if command == "shop" else []
            said = run(stack, "import", command, tmp_path / file, *options)
            assert "0 created, 0 updated" in said, said
            assert every(stack, "products") == before, format
    finally:
        empty(stack)
