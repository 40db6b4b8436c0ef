"""A product on a real stack: its form, pictures, variants, stock, history, cache and trash."""

from io import BytesIO

import pymongo
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.drags import drag
from vitrine import stack as stacks

REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on
SHOES = {
    "color": {"type": "string", "required": True},
    "size": {"type": "integer", "min": 15, "max": 60, "unit": "EU"},
    "material": {"choices": ["leather", "textile"]},
    "vegan": {"type": "boolean"},
}
ATTRIBUTES = {"color": "red", "size": [42, 43], "laces": True, "year": 2024}


def picture(color="teal", size=(900, 600)):
    file = BytesIO()
    Image.new("RGB", size, color).save(file, "JPEG")
    return file.getvalue()


def photo(name, data):
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


@pytest.fixture(scope="module")
def shoes(stack):
    status, value = stack.request(
        "POST", "categories", "/categories", {"name": "Shoes", "attributes": SHOES}
    )
    assert status == 201, value
    return value


@pytest.fixture
def product(stack, shoes):
    body = {"name": "Sneaker", "category": "shoes", "price": 59.9, "currency": "EUR", "stock": 5}
    status, value = stack.request(
        "POST", "products", "/products", body | {"attributes": ATTRIBUTES}
    )
    assert status == 201, value
    return value


@pytest.fixture
def stored(stack, product):
    """Return the product as it is stored now."""
    return lambda: stack.get("products", f"/products/{product['id']}")


@pytest.fixture
def show(console, open_page):
    """Open the page of a product, or another one; refusals are expected."""

    def show(product, **options):
        ref = product if isinstance(product, str) else product["id"]
        page = open_page(f"{console}/products/{ref}", expected=REFUSED, **options)
        page.get_by_text("Signed in as").wait_for()
        page.get_by_role("heading", level=1).first.wait_for()
        return page

    return show


def field(page, name):
    """The input of a field in the form."""
    return page.get_by_role("form", name="Product").get_by_label(name, exact=True)


def save(page):
    page.get_by_text("Ready to save.").wait_for()
    page.keyboard.press("Control+s")


def test_a_change_is_saved_and_undone(show, product, stored):
    page = show(product)
    field(page, "Price").fill("61.50")
    field(page, "Brand").fill("Åcme")
    page.get_by_text("2 changes: Brand, Price").wait_for()
    save(page)
    page.get_by_text("Nothing has changed.").wait_for()
    assert (stored()["price"], stored()["brand"]) == (61.5, "Åcme")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    expect(field(page, "Price")).to_have_value("59.90")
    expect(field(page, "Brand")).to_have_value("")
    assert (stored()["price"], stored()["brand"]) == (59.9, None)


@pytest.mark.long
def test_the_rules_of_the_category_make_the_form(show, product, stored):
    page = show(product)
    page.get_by_text("a whole number, 15 to 60 EU").wait_for()
    for name in ("size, value 1", "size, value 2", "laces", "year", "vegan", "material"):
        assert field(page, name).count() == 1, name
    field(page, "size, value 1").fill("61")
    page.get_by_text("Must be at most 60 EU.").wait_for()
    field(page, "size, value 1").fill("41")
    field(page, "color").fill("")
    page.get_by_text("Is required in this category.").wait_for()
    field(page, "color").fill("blue")
    field(page, "material").select_option("textile")
    field(page, "vegan").select_option("yes")
    field(page, "year").fill("2025")
    page.get_by_label("Name of another attribute").fill("Sole")
    page.get_by_label("Kind of its value").select_option("number")
    page.get_by_role("button", name="Add the attribute").click()
    field(page, "Sole").fill("3.5")
    page.get_by_role("button", name="Remove size, value 2").click()
    save(page)
    page.get_by_text("Nothing has changed.").wait_for()
    assert stored()["attributes"] == {
        "color": "blue", "size": [41], "laces": True, "year": 2025, "material": "textile",
        "vegan": True, "Sole": 3.5,
    }  # fmt: skip


def test_what_the_api_refuses_stands_beside_the_field(show, stack, product):
    stack.request("POST", "products", "/products", {"name": "Other", "sku": "TAKEN-1"})
    page = show(product)
    price = field(page, "Price")
    for text, said in (("12.5.1", "Is not a number"), ("-1", "Is out of range")):
        price.fill(text)
        page.get_by_text(said).wait_for()
        assert price.get_attribute("aria-invalid") == "true"
    price.fill("60")
    field(page, "Category").fill("no such thing")
    page.get_by_text("There is no category 'no such thing'.").wait_for()
    field(page, "Category").fill("shoes")
    field(page, "SKU").fill("TAKEN-1")
    page.get_by_text("The sku 'TAKEN-1' is taken by").wait_for()
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Use TAKEN-1-2").click()
    expect(field(page, "SKU")).to_have_value("TAKEN-1-2")
    save(page)
    page.get_by_text("Nothing has changed.").wait_for()


@pytest.mark.long
def test_a_draft_survives_a_reload_and_can_be_left(show, product, stored):
    page = show(product)
    field(page, "Name").fill("Sneaker, half written")
    field(page, "Price").fill("12,")
    page.reload()
    page.get_by_text("The values that you typed before are in the form.").wait_for()
    expect(field(page, "Name")).to_have_value("Sneaker, half written")
    expect(field(page, "Price")).to_have_value("12,")
    page.get_by_role("button", name="Discard").click()
    expect(field(page, "Name")).to_have_value("Sneaker")
    page.reload()
    page.get_by_text("Nothing has changed.").wait_for()
    assert stored()["name"] == "Sneaker"


def test_two_people_change_one_field(show, product, stored):
    one, other = show(product), show(product)
    field(one, "Price").fill("70")
    field(one, "Brand").fill("Acme")
    field(other, "Price").fill("80")
    save(other)
    other.get_by_text("Nothing has changed.").wait_for()
    one.get_by_text("somebody else wrote another value since you began").wait_for()
    save(one)
    dialog = one.get_by_role("dialog")
    dialog.get_by_text("before: 59.90").wait_for()
    dialog.get_by_label("theirs: 80").check()
    dialog.get_by_role("button", name="Save the chosen values").click()
    one.get_by_text("Nothing has changed.").wait_for()
    assert (stored()["price"], stored()["brand"]) == (80, "Acme")
    expect(field(one, "Price")).to_have_value("80.00")


@pytest.mark.long
def test_two_people_change_two_fields_and_nobody_is_asked(show, product, stored):
    one, other = show(product), show(product)
    field(one, "Brand").fill("Acme")
    field(other, "Price").fill("80")
    save(other)
    other.get_by_text("Nothing has changed.").wait_for()
    save(one)
    one.get_by_text("Nothing has changed.").wait_for()
    assert (stored()["price"], stored()["brand"]) == (80, "Acme")


def test_a_new_product_is_typed_without_a_click(show):
    page = show("new")
    expect(field(page, "Name")).to_be_focused()


def test_a_new_product_is_created_once_and_undone(show, stack):
    page = show("new")
    field(page, "Name").fill("Kettle \u202bقهوة\u202c")
    field(page, "Price").fill("29.9")
    field(page, "Stock").fill("3")
    field(page, "Tags").fill("kitchen, tea")
    page.reload()
    page.get_by_text("The values that you typed before are in the form.").wait_for()
    save(page)
    page.get_by_role("region", name="History").get_by_text("created").wait_for()
    id = page.url.rpartition("/")[2]
    value = stack.get("products", f"/products/{id}")
    assert (value["price"], value["stock"], value["tags"]) == (29.9, 3, ["kitchen", "tea"])
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    page.get_by_text("moved it there").wait_for()
    assert stack.request("GET", "products", f"/products/{id}")[0] == 404
    page.get_by_role("button", name="Restore").click()
    expect(field(page, "Stock")).to_have_count(0)
    field(page, "Name").wait_for()
    assert stack.get("products", f"/products/{id}")["stock"] == 3


@pytest.mark.long
def test_a_name_that_exists_is_told(show, product):
    page = show("new")
    field(page, "Name").fill("Sneaker")
    page.get_by_text("A product with this name exists").wait_for()


@pytest.mark.long
def test_a_variant_begins_a_group(show, stack, product, stored):
    page = show(product)
    page.get_by_role("link", name="Add a variant").click()
    page.get_by_role("heading", level=1, name="New product").wait_for()
    expect(field(page, "Group")).to_have_value(product["slug"])
    page.get_by_label("Name of another option").fill("Size")
    page.keyboard.press("Enter")
    field(page, "Size").fill("44")
    save(page)
    variants = page.get_by_role("region", name="Variants")
    variants.get_by_text("44", exact=True).wait_for()
    assert stored()["group"] == product["slug"]
    variants.get_by_role("link", name="Sneaker").click()
    page.wait_for_url(f"**/products/{product['id']}")
    variants.get_by_role("link", name="44", exact=True).wait_for()


def test_stock_changes_with_a_reason(show, product, stored):
    page = show(product)
    ledger = page.get_by_role("region", name="Stock")
    ledger.get_by_label("Add or take away").fill("-3")
    ledger.get_by_label("Reason").fill("damaged")
    ledger.get_by_text("5 → 2").wait_for()
    ledger.get_by_role("button", name="Change the stock").click()
    ledger.get_by_role("row").filter(has_text="damaged").get_by_text("-3").wait_for()
    assert stored()["stock"] == 2
    ledger.get_by_label("Add or take away").fill("-9")
    ledger.get_by_label("Reason").fill("lost")
    ledger.get_by_role("button", name="Change the stock").click()
    ledger.get_by_text("Too few are in stock.").wait_for()
    expect(ledger.get_by_label("Reason")).to_have_value("lost")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    ledger.get_by_text("undo: damaged").wait_for()
    assert stored()["stock"] == 5


def test_a_change_by_hand_is_put_back(show, stack, product, stored):
    page = show(product)
    page.get_by_role("region", name="History").get_by_text("created").wait_for()
    with pymongo.MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        products = client.get_default_database().products
        products.update_one({"_id": product["id"]}, {"$set": {"price": 1, "stock": 77}})
    page.get_by_text("by hand, in MongoDB").wait_for()
    expect(field(page, "Price")).to_have_value("1.00")
    row = page.get_by_role("row").filter(has_text="by hand, in MongoDB")
    row.get_by_role("button", name="difference").click()
    page.get_by_text("before: 59.90").wait_for()
    row.get_by_role("button", name="Put back").click()
    dialog = page.get_by_role("dialog", name="Put back")
    dialog.get_by_text("then: 59.9").wait_for()
    dialog.get_by_role("button", name="Put back").click()
    dialog.wait_for(state="detached")
    expect(field(page, "Price")).to_have_value("59.90")
    assert (stored()["price"], stored()["stock"]) == (59.9, 5)


@pytest.mark.long
def test_the_cache_of_a_product_says_why(show, stack, product):
    stack.get("products", f"/products/{product['id']}")
    page = show(product)
    cache = page.get_by_role("region", name="Cache")
    cache.get_by_role("row").filter(has_text=f"product:{product['id']}").get_by_text(
        "valid", exact=True
    ).wait_for()
    field(page, "Brand").fill("Acme")
    save(page)
    page.get_by_text("Nothing has changed.").wait_for()
    cache.get_by_role("button", name="Look again").click()
    cache.get_by_text("updated by").first.wait_for()


@pytest.mark.long
def test_the_trash_and_back(show, product, stack):
    page = show(product)
    page.get_by_role("button", name="Move to the trash").click()
    page.wait_for_url("**/products")
    assert stack.request("GET", "products", f"/products/{product['id']}")[0] == 404
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("Undone:").wait_for()
    assert stack.get("products", f"/products/{product['id']}")["name"] == "Sneaker"


@pytest.mark.long
def test_pictures_are_added_ordered_described_and_removed(show, product, stack):
    page = show(product)
    panel = page.get_by_role("region", name="Pictures")
    panel.get_by_text("No pictures yet.").wait_for()
    colors = ("red", "green", "blue")
    files = [photo(f"{color}.jpg", picture(color)) for color in colors]
    panel.get_by_label("Photos").set_input_files([*files, photo("bad.jpg", b"no picture")])
    panel.get_by_text("Not a picture. Send one of").wait_for()
    expect(panel.get_by_text("ready", exact=True)).to_have_count(3)
    panel.get_by_role("button", name="Leave out bad.jpg").click()
    handle = panel.get_by_role("button", name="Move picture 1 of 3")
    handle.focus()
    page.keyboard.press("End")
    page.get_by_text("The picture is at place 3 of 3.").wait_for()
    images = f"/products/{product['id']}/images"
    order = lambda: [image["id"] for image in stack.get("products", images)["items"]]  # noqa: E731
    assert order() == [2, 3, 1]
    panel.get_by_role("button", name="Make main: picture 2").click()
    page.get_by_text("The picture is at place 1 of 3.").wait_for()
    assert order() == [3, 2, 1]
    drag(panel.locator(".frame").nth(2), panel.get_by_role("listitem").nth(1))
    page.get_by_text("The picture is at place 2 of 3.").wait_for()
    assert order() == [3, 1, 2]
    panel.get_by_label("Text of picture 1").fill("A blue square")
    page.keyboard.press("Enter")
    page.get_by_role("img", name="A blue square").wait_for()
    panel.get_by_role("button", name="Remove picture 3").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove it").click()
    expect(panel.get_by_text("ready", exact=True)).to_have_count(2)
    page.reload()
    page.get_by_role("img", name="A blue square").wait_for()


@pytest.mark.long
def test_a_picture_that_cannot_be_fetched_says_why(show, product):
    page = show(product)
    panel = page.get_by_role("region", name="Pictures")
    address = panel.get_by_label("Address of a photo")
    address.fill("ftp://shop.example/1.jpg")
    panel.get_by_role("button", name="Fetch it").click()
    panel.get_by_role("alert").wait_for()
    address.fill("http://127.0.0.1/photo.jpg")
    panel.get_by_role("button", name="Fetch it").click()
    panel.get_by_text("failed", exact=True).wait_for()
    panel.get_by_role("button", name="Retry picture 1").wait_for()
