"""Edits when something is not well: late and lost answers, refusals, odd keyboards."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.stub.answers_products import ITEMS, LIST
from tests.support.polling import poll

REFUSED = "Failed to load resource"  # Chromium's own message for each answer that is not good
LIST_PATH = "/api/products/products"
FIRST, SECOND, COUNTED = ITEMS[0], ITEMS[1], ITEMS[3]


@pytest.fixture
def show(stub, open_page):
    for item in ITEMS:
        stub.answers["GET", f"{LIST_PATH}/{item['id']}"] = (200, item, {"ETag": '"1"'})

    def show(query=""):
        page = open_page(f"{stub.url}/products{query}", expected=REFUSED)
        page.get_by_role("grid", name="Products").wait_for()
        return page

    return show


def cell(page, item, column):
    return page.locator(f"tr:has([aria-label='Select {item['name']}']) td[data-column={column}]")


def hold(page, method, path):
    """Keep requests back; return the list of them, to be answered by the test."""
    held = []

    def note(route):
        if route.request.method == method:
            held.append(route)
        else:
            route.continue_()

    page.route(lambda url: path in url, note)
    return held


def until(page, check):
    poll(lambda: page.wait_for_timeout(20) or check(), 60, "a request")


def type_into_two_cells(page):
    """Save one cell, whose answer does not come yet, and type into another one."""
    held = hold(page, "PATCH", f"{LIST_PATH}/1")
    cell(page, FIRST, "price").dblclick()
    page.get_by_label("Price of Teapot").fill("20")
    cell(page, SECOND, "price").dblclick()
    page.get_by_label(f"Price of {SECOND['name']}").fill("30")
    until(page, lambda: held)
    return held[0]


@pytest.mark.long
def test_a_late_answer_leaves_the_cell_in_which_one_types(show):
    page = show()
    late = type_into_two_cells(page)
    late.fulfill(json=FIRST | {"price": 20}, headers={"ETag": '"2"'})
    page.get_by_text("Saved: price of Teapot.").wait_for()
    expect(cell(page, FIRST, "price")).to_contain_text("20")
    second = page.get_by_label(f"Price of {SECOND['name']}")
    assert second.input_value() == "30"
    page.reload()
    expect(second).to_have_value("30")


def test_a_late_refusal_is_told_and_what_was_typed_is_kept(show):
    page = show()
    late = type_into_two_cells(page)
    late.fulfill(status=409, json={"detail": "The price is fixed."})
    page.get_by_text("Price of Teapot is not saved. The price is fixed.").wait_for()
    assert page.get_by_label(f"Price of {SECOND['name']}").input_value() == "30"
    page.get_by_role("button", name="Open the cell").click()
    expect(page.get_by_label("Price of Teapot")).to_have_value("20")


def test_a_draft_is_not_saved_over_what_came_meanwhile(show, stub):
    page = show()
    cell(page, FIRST, "price").dblclick()
    field = page.get_by_label("Price of Teapot")
    field.fill("20")
    other = FIRST | {"price": 13}
    items = [other if item is FIRST else item for item in LIST["items"]]
    stub.answers["GET", LIST_PATH] = (200, LIST | {"items": items})
    stub.answers["GET", f"{LIST_PATH}/1"] = (200, other, {"ETag": '"2"'})
    page.reload()
    expect(field).to_have_value("20")
    field.press("Enter")
    dialog = page.get_by_role("dialog", name="Price of Teapot was changed by somebody else")
    dialog.get_by_text("before: 12.5").wait_for()
    dialog.get_by_label("theirs: 13").wait_for()
    assert stub.count("PATCH", LIST_PATH) == 0


@pytest.mark.parametrize("typed", ["-3", "−3"])  # The second one is a minus of typographers.
def test_a_change_of_the_stock_counts_once(show, typed):
    page = show()
    held = hold(page, "POST", "/stock")
    name = COUNTED["name"]
    cell(page, COUNTED, "stock").dblclick()
    page.get_by_label(f"Stock of {name}", exact=True).fill(typed)
    reason = page.get_by_label(f"Why the stock of {name} changes")
    reason.fill("damaged")
    reason.press("Enter")
    until(page, lambda: held)
    held[0].abort()
    page.get_by_role("alert").get_by_text("The console does not answer.").wait_for()
    page.reload()
    reason.press("Enter")
    until(page, lambda: len(held) == 2)
    first, again = (route.request for route in held)
    assert json.loads(first.post_data) == {"change": -3, "reason": "damaged"}
    assert again.post_data == first.post_data
    assert again.headers["idempotency-key"] == first.headers["idempotency-key"]
    held[1].fulfill(json=COUNTED | {"stock": 0})
    page.get_by_text(f"Saved: stock of {name}.").wait_for()
    for at in (2, 3):
        page.get_by_role("button", name=f"Undo: stock of {name}").click()
        until(page, lambda at=at: len(held) == at + 1)
        held[at].abort()
        page.get_by_text("Not undone: stock").wait_for()
    undone, again = (route.request for route in held[2:])
    assert json.loads(undone.post_data)["change"] == 3
    assert again.headers["idempotency-key"] == undone.headers["idempotency-key"]
    assert undone.headers["idempotency-key"] != first.headers["idempotency-key"]


def test_an_undo_that_is_refused_does_not_block_those_before_it(show, stub):
    page = show()
    steps = "{service: 'products', method: 'PATCH', path: `/products/${id}`, body: {}, etag: ''}"
    page.evaluate(
        "async () => { const {remember} = await load('edits/undo.js');"
        f" for (const id of [1, 2]) remember({{label: `edit ${{id}}`, steps: [{steps}]}}); }}"
    )
    stub.answers["PATCH", f"{LIST_PATH}/1"] = (200, FIRST)
    stub.answers["PATCH", f"{LIST_PATH}/2"] = (409, {"detail": "It never works."})
    page.keyboard.press("Control+z")
    page.get_by_text("Not undone: edit 2. It never works.").wait_for()
    page.get_by_role("button", name="Leave it out").click()
    page.get_by_text("It stays as it is: edit 2.").wait_for()
    page.keyboard.press("Control+z")
    page.get_by_text("Undone: edit 1.").wait_for()


@pytest.mark.long
def test_the_undo_of_a_bulk_edit_outlives_a_lost_answer(show):
    page = show()
    writes = []

    def answer(route):
        result = {"index": 0, "status": 200, "id": 1}
        body, is_try = json.loads(route.request.post_data), "dry_run" in route.request.url
        if is_try:
            result["result"] = "unchanged" if body[0]["price"] == 12.5 else "updated"
        else:
            writes.append(body)
            if len(writes) == 1:
                return route.abort()  # It was carried out, and the answer was lost.
            result["result"] = "unchanged"
        return route.fulfill(json={"results": [result], "summary": {}})

    page.route(re.compile(":batch"), answer)
    page.get_by_role("checkbox", name="Select Teapot").check()
    page.get_by_role("button", name="Edit …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Percent").fill("10")
    dialog.get_by_role("button", name="Show what would change").click()
    dialog.get_by_role("button", name="Change 1 product").click()
    page.get_by_text("1 product changed.").wait_for()
    assert [each["price"] for (each,) in writes] == [13.75, 13.75]
    expect(page.get_by_role("button", name="Undo: prices +10 %")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize("is_ours", [True, False])
def test_an_undo_whose_answer_was_lost_is_not_somebody_elses_change(show, stub, is_ours):
    page = show()
    item = ITEMS[0]
    results = [{"index": 0, "status": 200, "id": item["id"], "result": "updated"}]
    batch = {"results": results, "summary": {}}
    page.route(re.compile(":batch"), lambda route: route.fulfill(json=batch))
    page.get_by_role("checkbox", name="Select Teapot").check()
    page.get_by_role("button", name="Edit …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Percent").fill("10")
    dialog.get_by_role("button", name="Show what would change").click()
    dialog.get_by_role("button", name="Change 1 product").click()
    page.get_by_text("1 product changed.").wait_for()
    body = {"price": item["price"] if is_ours else 1}
    undo = {"method": "PATCH", "path": f"/products/{item['id']}", "body": body, "if_match": '"2"'}
    effect = {"id": item["id"], "undo": undo, "done": False, "kept": []}
    writes = []

    def answer(route):
        if route.request.method != "PATCH":
            return route.fallback()
        writes.append(route.request.post_data)
        return route.abort() if len(writes) == 1 else route.fulfill(status=412, json={})

    page.route(re.compile(f"{LIST_PATH}/{item['id']}$"), answer)
    page.route(re.compile(":imports/"), lambda route: route.fulfill(json={"items": [effect]}))
    page.keyboard.press("Control+z")
    if is_ours:
        page.get_by_text("Undone: prices +10 % of 1 product.").wait_for()
    else:
        page.get_by_text("1 item had changed since").wait_for()
    assert len(writes) == 2


def test_products_are_restored_as_one_and_the_refused_stays_selected(show, stub):
    page = show("?deleted=only")
    for item in ITEMS[:3]:
        answer = (200, item, {"ETag": '"2"'})
        stub.answers["POST", f"{LIST_PATH}/{item['id']}/restore"] = answer
        page.get_by_role("checkbox", name=f"Select {item['name']}").check()
    problem = {"detail": "The SKU is taken.", "field": "sku", "suggestion": "TP-101-2"}
    stub.answers["POST", f"{LIST_PATH}/2/restore"] = (409, problem)
    page.get_by_role("button", name="Restore 3 products").click()
    page.get_by_text(f"{SECOND['name']} is not restored. The SKU is taken.").wait_for()
    expect(page.get_by_role("button", name="Undo: 2 products out of the trash")).to_be_visible()
    expect(page.get_by_role("button", name="Restore 1 product")).to_be_visible()
    stub.answers["POST", f"{LIST_PATH}/2/restore"] = (200, SECOND, {"ETag": '"2"'})
    page.get_by_role("button", name="Restore it as TP-101-2").click()
    page.get_by_text(f"Restored: {SECOND['name']}.").wait_for()
    expect(page.get_by_role("button", name="Restore 0 products")).to_be_disabled()


def test_a_search_that_is_typed_does_not_follow_to_another_page(show):
    page = show()
    address = page.evaluate(
        """async () => {
          const field = document.querySelector("input[type=search]");
          field.value = "tea";
          field.dispatchEvent(new Event("input", {bubbles: true}));
          document.querySelector("a[href='/products/1']").click();
          await new Promise((resolve) => setTimeout(resolve, 500));
          return location.pathname + location.search; }"""
    )
    assert address == "/products/1"


def test_a_product_has_the_focus_and_the_title_of_the_tab(show):
    page = show()
    page.get_by_role("link", name="Open Teapot").click()
    page.get_by_role("heading", level=1, name="Teapot").wait_for()
    expect(page).to_have_title("Teapot · Products · Vitrine")
    expect(page.locator("#main")).to_be_focused()
    page.go_back()
    expect(page).to_have_title("Products · Vitrine")


def test_keys_are_heard_in_every_layout(show):
    page = show()
    press = """([key, code, ctrlKey]) => document.body.dispatchEvent(
      new KeyboardEvent("keydown", {key, code, ctrlKey, bubbles: true}))"""
    page.evaluate(press, ["я", "KeyZ", True])
    page.get_by_text("There is nothing to undo in this tab.").wait_for()
    page.evaluate(press, [";", "KeyZ", True])  # Dvorak
    for key, code in (("п", "KeyG"), ("о", "KeyJ")):
        page.evaluate(press, [key, code, False])
    page.get_by_role("heading", level=1, name="Jobs").wait_for()


@pytest.mark.parametrize("field", ["select", "input type=file"])
def test_a_field_without_an_undo_of_its_own_leaves_it_to_the_page(show, field):
    """As the file that was chosen for an import, which has the focus when it is done."""
    page = show()
    page.evaluate(
        """([name, type]) => {
          const field = document.createElement(name);
          if (type) field.type = "file";
          document.querySelector("main").append(field);
          field.focus(); }""",
        field.split(),
    )
    page.keyboard.press("Control+z")
    page.get_by_text("There is nothing to undo in this tab.").wait_for()


def test_a_dialog_that_the_browser_closes_is_over(show):
    page = show()
    columns = page.get_by_role("button", name="Columns")
    for _ in range(2):
        columns.click()
        page.get_by_role("dialog", name="Columns").wait_for()
        page.evaluate("document.querySelector('dialog').close()")
        page.locator("dialog").wait_for(state="detached")
