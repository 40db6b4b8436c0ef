"""Edits and their undo on a real stack: what all pages share."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

# Edits a field as a page does that has shown a product with these values.
EDIT = """async ({id, before, after, label, etag}) => {
  const {edit} = await load("edits/edit.js");
  void edit({service: "products", path: `/products/${id}`, before, after, label, etag}); }"""
BATCH = """async ({items, id}) => {
  const {ask} = await load("api.js");
  const {remember} = await load("edits/undo.js");
  const url = "/api/products/products:batch?key=slug";
  const reply = await ask(url, {method: "POST", body: items, headers: {"Import-ID": id}});
  remember({label: "prices of 3 products", batch: {service: "products", path: "/products", id}});
  return reply.value.summary; }"""


@pytest.fixture
def product(stack):
    status, value = stack.request(
        "POST", "products", "/products", {"name": "Teapot", "price": 12.5, "stock": 3}
    )
    assert status == 201, value
    return value


@pytest.fixture
def page(console, open_page):
    page = open_page(f"{console}/products", expected=r"503 .*/stream$|4[12]2 ")
    page.get_by_text("Open on this machine").wait_for()
    return page


@pytest.fixture
def edit(page, product):
    """Edit the product in the page, and wait until the page says that it is saved."""

    def edit(before, after, label="price of Teapot", is_saved=True):
        values = {"id": product["id"], "before": before, "after": after, "label": label}
        page.evaluate(EDIT, values)
        if is_saved:
            page.get_by_role("status").get_by_text(f"Saved: {label}.").wait_for()

    return edit


@pytest.fixture
def stored(stack, product):
    """Return some fields of the product as the API shows them."""

    def stored(*names):
        value = stack.get("products", f"/products/{product['id']}")
        return tuple(value.get(name) for name in names)

    return stored


@pytest.fixture
def write(stack, product):
    """Change the product as another client."""

    def write(**values):
        path = f"/products/{product['id']}"
        status, value = stack.request("PATCH", "products", path, values)
        assert status == 200, value

    return write


def test_an_edit_is_undone_by_a_key(page, edit, stored):
    edit({"price": 12.5}, {"price": 14})
    assert stored("price") == (14,)
    assert page.get_by_role("button", name="Undo: price of Teapot").is_visible()
    page.keyboard.press("Control+z")
    page.get_by_text("Undone: price of Teapot.").wait_for()
    assert stored("price") == (12.5,)
    page.get_by_role("button", name="Undo: price of Teapot").wait_for(state="detached")
    page.keyboard.press("Control+z")
    page.get_by_text("There is nothing to undo in this tab.").wait_for()


@pytest.mark.long
def test_edits_of_one_item_are_undone_one_after_the_other_and_after_a_reload(page, edit, stored):
    edit({"price": 12.5}, {"price": 14})
    edit({"name": "Teapot"}, {"name": "Kettle"}, "name of Teapot")
    edit({"price": 14}, {"price": None}, "another price of Teapot")
    page.reload()
    page.get_by_role("button", name="Undo: another price of Teapot").click()
    page.get_by_text("Undone: another price of Teapot.").wait_for()
    assert stored("price", "name") == (14, "Kettle")
    page.get_by_role("button", name="Undo: name of Teapot").click()
    page.get_by_role("button", name="Undo: price of Teapot").click()
    page.get_by_text("Undone: price of Teapot.").wait_for()
    assert stored("price", "name") == (12.5, "Teapot")
    assert page.get_by_role("dialog").count() == 0


def test_the_message_of_an_edit_undoes_it(page, edit, stored):
    edit({"price": 12.5}, {"price": 14})
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    page.get_by_text("Undone: price of Teapot.").wait_for()
    assert stored("price") == (12.5,)


@pytest.mark.long
def test_another_field_of_somebody_else_is_no_conflict(page, edit, stored, write):
    write(brand="Acme")
    edit({"price": 12.5}, {"price": 14})
    write(brand="Other")
    page.keyboard.press("Control+z")
    page.get_by_text("Undone: price of Teapot.").wait_for()
    assert stored("price", "brand") == (12.5, "Other")


@pytest.mark.parametrize(("choice", "price"), [("theirs", 13), ("yours", 14)])
def test_a_conflict_is_decided_field_by_field(page, edit, stored, write, choice, price):
    write(price=13, name="Pot")
    before = {"price": 12.5, "stock": 3, "name": "Teapot"}
    edit(before, {"price": 14, "stock": 5, "name": "Kettle"}, "Teapot", is_saved=False)
    dialog = page.get_by_role("dialog", name="Teapot was changed by somebody else meanwhile")
    field = dialog.get_by_role("group", name="price")
    field.get_by_text("before: 12.50").wait_for()
    assert dialog.get_by_role("group").count() == 2  # The stock is as it was read.
    # Enter at once loses nothing: no value is chosen beforehand.
    expect(dialog.get_by_role("button", name="Save the chosen values")).to_be_disabled()
    expect(dialog.get_by_role("radio", checked=True)).to_have_count(0)
    field.get_by_label(f"{choice}: {price}").check()
    expect(dialog.get_by_role("button", name="Save the chosen values")).to_be_disabled()
    dialog.get_by_label("theirs: Pot").check()
    dialog.get_by_role("button", name="Save the chosen values").click()
    page.get_by_text("Saved: Teapot.").wait_for()
    assert stored("price", "stock", "name") == (price, 5, "Pot")
    page.keyboard.press("Control+z")
    page.get_by_text("Undone: Teapot.").wait_for()
    assert stored("price", "stock", "name") == (13, 3, "Pot")


def test_two_pages_that_edit_one_field_meet_in_the_dialog(page, edit, stored, console, product):
    second = page.context.new_page()
    second.goto(f"{console}/products")
    second.get_by_text("Open on this machine").wait_for()
    edit({"price": 12.5}, {"price": 14})
    values = {"id": product["id"], "before": {"price": 12.5}, "after": {"price": 20}}
    second.evaluate(EDIT, values | {"label": "price"})
    dialog = second.get_by_role("dialog")
    dialog.get_by_label("theirs: 14").wait_for()
    dialog.get_by_label("yours: 20").check()
    dialog.get_by_role("button", name="Save the chosen values").click()
    second.get_by_text("Saved: price.").wait_for()
    assert stored("price") == (20,)
    page.keyboard.press("Control+z")  # of what the second page has changed since
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("theirs: 20").wait_for()
    dialog.get_by_role("button", name="Keep theirs").click()
    page.get_by_text("stays as somebody else has left it since.").wait_for()
    assert stored("price") == (20,)
    page.get_by_role("button", name="Undo: price of Teapot").wait_for(state="detached")


def test_a_refused_edit_is_not_remembered(page, edit, stored):
    edit({"price": 12.5}, {"price": 14})
    refused = """async (id) => {
      const {edit} = await load("edits/edit.js");
      const reply = await edit({service: "products", path: `/products/${id}`, label: "broken",
        before: {price: 14}, after: {price: -1}});
      return [reply.ok, reply.error, reply.value.errors[0].pointer]; }"""
    ok, error, pointer = page.evaluate(refused, stored("id")[0])
    assert not ok
    assert error
    assert pointer == "/price"
    assert page.get_by_role("button", name="Undo: price of Teapot").is_visible()


@pytest.mark.long
@pytest.mark.parametrize("is_kept", [True, False])
def test_many_edits_are_one_and_what_was_changed_since_is_asked_about(page, stack, is_kept):
    new = [
        {"name": f"Cup {at}", "slug": f"cup-{is_kept}-{at}".lower(), "price": at}
        for at in (1, 2, 3)
    ]
    status, value = stack.request("POST", "products", "/products:batch", new)
    assert status == 207, value
    items = [{"slug": each["slug"], "price": each["price"] + 10} for each in new]
    assert page.evaluate(BATCH, {"items": items, "id": f"console-{uuid4().hex}"}) == {"updated": 3}
    stack.request("PATCH", "products", f"/products/{new[1]['slug']}", {"price": 50})
    page.reload()
    page.get_by_role("button", name="Undo: prices of 3 products").wait_for()
    page.keyboard.press("Control+z")
    dialog = page.get_by_role("dialog", name="1 value changed since")
    dialog.get_by_label("theirs: 50").wait_for()
    dialog.get_by_role("group", name="price of Cup 2").wait_for()
    if is_kept:
        dialog.get_by_role("button", name="Keep theirs").click()
        page.get_by_text("1 item had changed since, and stays as somebody else left it.").wait_for()
    else:
        dialog.get_by_label("as before: 2").check()
        dialog.get_by_role("button", name="Save the chosen values").click()
        page.get_by_text("Undone: prices of 3 products.").wait_for()
    prices = [stack.get("products", f"/products/{each['slug']}")["price"] for each in new]
    assert prices == [1, 50 if is_kept else 2, 3]
    expect(page.get_by_role("button", name="Undo: prices of 3 products")).to_have_count(0)


@pytest.mark.long
def test_a_value_that_changes_while_one_is_asked_is_asked_about_again(page, stack, product):
    items = [{"slug": product["slug"], "price": 20}]
    assert page.evaluate(BATCH, {"items": items, "id": f"console-{uuid4().hex}"}) == {"updated": 1}
    path = f"/products/{product['slug']}"
    stack.request("PATCH", "products", path, {"price": 50})
    page.keyboard.press("Control+z")
    dialog = page.get_by_role("dialog", name="1 value changed since")
    dialog.get_by_label("theirs: 50").wait_for()
    dialog.get_by_text("after your edit: 20").wait_for()
    stack.request("PATCH", "products", path, {"price": 60})
    dialog.get_by_label("as before: 12.50").check()
    dialog.get_by_role("button", name="Save the chosen values").click()
    dialog.get_by_label("theirs: 60").wait_for()
    assert stack.get("products", path)["price"] == 60
    dialog.get_by_label("as before: 12.50").check()
    dialog.get_by_role("button", name="Save the chosen values").click()
    page.get_by_text("Undone: prices of 3 products.").wait_for()
    assert stack.get("products", path)["price"] == 12.5
