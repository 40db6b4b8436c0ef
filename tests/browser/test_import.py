"""Import on a real stack: a file dropped, its columns, a dry run, the import, its undo."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.stub.answers_imports import ID, IMPORT, REPORT
from tests.support.polling import poll

SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Product Category,Published,Option1 Name,Option1 Value,Variant SKU,\
Variant Price,Variant Inventory Qty,Cost per item
linen-{n},Linen {n},<p>Light.</p>,Acme,Apparel > Shirts {n},true,Size,S,LS-{n}-S,39.00,4,12.50
linen-{n},,,,,,,M,LS-{n}-M,41.00,0,12.50
bag-{n},Bag {n} <script>,,Acme,Apparel > Bags {n},true,Title,Default Title,BAG-{n},19.00,7,6.00
"""
BAD = """\
name,sku,price,gtin
Kettle,{n}-1,12.50,
Pot,{n}-2,-3,
Mug,{n}-3,-4,
Cup,{n}-4,9,4006381333931
"""
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: "text/csv"}));
  for (const kind of ["dragover", "drop"]) document.querySelector("main h1").dispatchEvent(
    new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data}));
}"""


@pytest.fixture
def open_import(console, open_page):
    def open_import(**options):
        page = open_page(f"{console}/import", **options)
        page.get_by_role("button", name="Choose files").wait_for()
        page.get_by_text("Open on this machine").wait_for()
        return page

    return open_import


def choose(page, *files):
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "text/csv", "buffer": text.encode()} for name, text in files]
    )


def names(stack, word):
    return {item["name"] for item in stack.get("products", f"/products?q={word}")["items"]}


def imports(stack):
    """The ids of the imports that the history of the products knows."""
    return {each["id"] for each in stack.get("products", "/products:imports?per=100")["items"]}


def test_a_shop_is_dropped_tried_imported_and_taken_back(open_import, stack):
    page = open_import()
    page.evaluate(DROP, ["products_export.csv", SHOPIFY.format(n=1)])
    page.get_by_text("Recognised: it has Handle, Title").wait_for()
    mapping = page.get_by_role("table", name="What the columns of products_export.csv become")
    row = mapping.get_by_role("row").filter(has_text="Cost per item")
    row.get_by_text("private: costs").wait_for()
    assert mapping.get_by_role("row").filter(has_text="Variant Price").get_by_text("39.00").count()
    first = page.locator(".first")
    assert first.get_by_text("Bag 1 <script>").is_visible()
    assert first.get_by_text("Size S").is_visible()

    page.get_by_role("button", name="Dry run").click()
    page.get_by_text("Every row would be accepted.").wait_for()
    assert names(stack, "linen") == set()

    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("Imported. Ctrl+Z takes all of it back.").wait_for()
    assert names(stack, "linen") == {"Linen 1"}

    page.reload()
    page.get_by_text("Imported. Ctrl+Z takes all of it back.").wait_for()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    page.get_by_text(re.compile("^Undone: .*moved to the trash")).wait_for()
    assert names(stack, "linen") == set()
    assert stack.get("categories", "/categories?root=true")["total"] == 0


def test_refused_rows_are_told_by_reason_and_place_and_the_rest_comes_in(open_import, stack):
    page = open_import()
    choose(page, ("prices.csv", BAD.format(n="B")))
    page.get_by_text("Its columns say what they are.").wait_for()
    page.get_by_role("button", name="Dry run").click()
    page.get_by_text("2 rows would be refused.").wait_for()
    expect(page.get_by_role("button", name="Dry run")).to_be_focused()  # It was disabled meanwhile.
    errors = page.get_by_role("table", name="Refused rows of products")
    row = errors.get_by_role("row").filter(has_text="price")
    assert row.get_by_text("rows 3, 4").is_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("Imported. Ctrl+Z").wait_for()
    assert names(stack, "kettle") == {"Kettle"}
    page.locator("#main").get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text(re.compile("^Undone: ")).first.wait_for()


def test_a_value_that_was_changed_since_stays_and_is_listed(open_import, stack):
    page = open_import()
    choose(page, ("cups.csv", "name,sku,price\nBowl,K-1,5\n"))
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("Imported. Ctrl+Z").wait_for()
    (bowl,) = stack.get("products", "/products?sku=K-1")["items"]
    status, _ = stack.request("PATCH", "products", f"/products/{bowl['id']}", {"stock": 3})
    assert status == 200
    page.locator("#main").get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("1 value had changed since, and stayed").first.wait_for()
    assert stack.get("products", f"/products/{bowl['id']}")["stock"] == 3


def test_the_page_follows_the_undo_of_its_import(open_import):
    page = open_import()
    choose(page, ("pans.csv", "name,sku,price\nPan,P-1,5\n"))
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("Imported. Ctrl+Z").wait_for()
    begun = []  # and not over before the page has shown it

    def answer(route):
        response = route.fetch()
        if route.request.method == "POST":
            begun.append(route.request.url)
        elif begun:
            return route.fulfill(response=response, json=response.json() | {"state": "undoing"})
        return route.fulfill(response=response)

    page.route(re.compile("/imports/"), answer)
    undo = page.locator("#main").get_by_role("button", name="Undo", exact=True)
    undo.click()
    page.locator("#main").get_by_text("Taking the import back.").wait_for()
    expect(undo).to_be_disabled()
    begun.clear()
    page.get_by_text(re.compile("^Undone: ")).first.wait_for()
    page.unroute_all(behavior="ignoreErrors")


def test_the_options_of_the_command_line_read_the_files_again(open_import):
    page = open_import()
    choose(page, ("semi.csv", "name;sku;price\nTeapot;O-1;12,50\n"), ("b.csv", "name\nPlate\n"))
    page.get_by_role("table", name="What the columns of b.csv become").wait_for()
    page.get_by_text("amounts have a decimal comma").wait_for()
    page.get_by_label("Currency of the prices").fill("EUR")
    page.get_by_label("Sign between cells").fill(";")
    page.get_by_role("button", name="Read again").click()
    page.get_by_text("€12.50").wait_for()
    page.get_by_label("Kind of file").select_option("shopify")
    page.get_by_role("button", name="Read again").click()
    page.get_by_text("semi.csv is not of Shopify: it lacks").wait_for()


def test_a_bad_file_says_what_is_wrong_and_another_may_follow(open_import):
    page = open_import()
    choose(page, ("photo.csv", "\0\1\2"))
    page.get_by_text("Not imported.").wait_for()
    page.get_by_role("link", name="All imports").click()
    page.get_by_role("table", name="Imports begun here").get_by_text("photo.csv").wait_for()
    page.get_by_role("button", name="Remove photo.csv").click()
    page.get_by_text("The files are removed.").wait_for()
    choose(page, ("good.csv", "name\nSpoon\n"))
    page.get_by_text("The first products will be").wait_for()


def test_an_import_goes_on_when_its_page_is_closed(open_import, stack, console, open_page):
    page = open_import()
    rows = "".join(f"Item {at},M-{at},{at}\n" for at in range(1, 1501))
    choose(page, ("many.csv", f"name,sku,price\n{rows}"))
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text(re.compile("This goes on if you leave|Imported")).first.wait_for()
    address = page.url
    page.close()
    again = open_page(address)
    again.get_by_text("Imported. Ctrl+Z").wait_for()
    assert stack.get("products", "/products?sku=M-1500")["total"] == 1


def test_an_import_of_the_command_line_is_listed_and_taken_back(open_import, stack, tmp_path):
    file = tmp_path / "spoons.csv"
    file.write_text("name,sku\nSpoon,SP-1\nFork,SP-2\n")
    known = imports(stack)
    assert stack.run("import", "products", file).returncode == 0
    poll(lambda: imports(stack) - known, 60, "the import in the history")
    (id,) = imports(stack) - known
    page = open_import()
    earlier = page.get_by_role("table", name="Earlier imports, the latest first")
    earlier.get_by_role("button", name=f"Undo {id}").click()
    dialog = page.get_by_role("dialog", name="Undo an import")
    dialog.get_by_text("products: 2 created").wait_for()
    dialog.get_by_role("button", name="Undo it").click()
    page.get_by_text(re.compile("^Undone: import")).wait_for()
    assert stack.get("products", "/products?sku=SP-1")["total"] == 0


def test_an_import_that_the_console_has_forgotten_is_told(console, open_page):
    page = open_page(f"{console}/import?id=20200101-000000-abcd", expected="404")
    page.get_by_text("the console was started again").wait_for()


def test_an_undo_tells_values_and_refusals_apart(stub, open_page):
    """An import that reports no change can be taken back, too: it may have written more."""
    run = {"reports": [REPORT], "seconds": 0.4}
    one = IMPORT | {"state": "done", "done": run, "changes": 0}
    stub.answers["GET", f"/imports/{ID}"] = (200, one)
    page = open_page(f"{stub.url}/import?id={ID}")
    page.get_by_text("No row had to change.").wait_for()
    undone = {
        "is_known": True,
        "done": {"moved to the trash": 2},
        "kept": ["products/1 price: is 3; imported 2, before 1"],
        "left": 1,
        "refused": ["categories/4: It has products.", "categories/5: It has products."],
        "refusals": 2,
        "hidden": ["The token does not have the scope orders:write."],
    }
    stub.answers["POST", f"/imports/{ID}/undo"] = (202, one | {"state": "undoing"})
    stub.answers["GET", f"/imports/{ID}"] = (200, one | {"state": "undone", "undone": undone})
    page.locator("#main").get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("2 requests were refused; the page of the import says why.").wait_for()
    page.get_by_text("Undone: 2 moved to the trash.").wait_for()
    for title, line in (
        ("1 value had changed since, and stayed as it is:", "products/1 price"),
        ("2 requests of the undo were refused:", "categories/5: It has products."),
        ("Left out, because you may not undo there:", "orders:write"),
    ):
        page.locator("#main").get_by_text(title, exact=True).wait_for()
        page.locator("#main").get_by_text(line).first.wait_for()


def test_another_file_is_read_with_the_options_of_the_import(stub, open_page):
    known = IMPORT | {"options": IMPORT["options"] | {"currency": "EUR"}}
    stub.answers["POST", f"/imports/{ID}/files"] = (201, known)
    stub.answers["POST", f"/imports/{ID}/plan"] = (202, known)
    page = open_page(f"{stub.url}/import?id={ID}")
    page.get_by_role("button", name="Dry run").wait_for()
    with page.expect_response(lambda response: response.url.endswith("/plan")):
        choose(page, ("clients.csv", "name\nAda\n"))
    (body,) = (body for method, path, body in stub.seen if path == f"/imports/{ID}/plan")
    assert json.loads(body)["currency"] == "EUR"


def test_an_undo_ends_with_a_sentence_when_the_console_is_gone(stub, open_page):
    stub.answers["POST", f"/imports/{ID}/undo"] = (202, IMPORT)
    stub.answers["GET", f"/imports/{ID}"] = (503, {"detail": "Not now."})
    page = open_page(f"{stub.url}/import", expected="Failed to load resource")
    taken = f"load('imports/take_back.js').then((m) => m.takeBack('{ID}'))"
    assert "The console does not answer." in page.evaluate(taken)["error"]
