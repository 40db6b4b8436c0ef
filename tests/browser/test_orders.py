"""Orders on a real stack: the board, what each order allows, and what others do meanwhile."""

import re

import pytest
from playwright.sync_api import expect

from api_orders import states

REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on


@pytest.fixture
def product(stack):
    body = {"name": "Teapot", "price": 12.5, "stock": 50, "currency": "EUR"}
    status, value = stack.request("POST", "products", "/products", body)
    assert status == 201, value
    return value


@pytest.fixture
def place(stack, product):
    """Place orders of a teapot, with the actions that follow; return the last order."""

    def place(*actions, **more):
        body = {"product_id": product["id"], "quantity": 2, **more}
        status, order = stack.request("POST", "orders", "/orders", body)
        assert status == 201, order
        for action in actions:
            status, order = stack.request("POST", "orders", f"/orders/{order['id']}/{action}")
            assert status == 200, order
        return order

    return place


@pytest.fixture
def board(console, open_page):
    """Open the page of the orders, or one below it, and wait until it is live."""

    def board(path="", **options):
        page = open_page(f"{console}/orders{path}", expected=REFUSED, **options)
        page.get_by_role("heading", level=1).first.wait_for()
        page.get_by_text("Open on this machine").wait_for()
        return page

    return board


def card(page, order):
    return page.locator(f'[data-order="{order["id"]}"]')


def column(page, state):
    return page.get_by_role("region", name=re.compile(rf"^{state}\b"))


def state_of(stack, order):
    return stack.get("orders", f"/orders/{order['id']}")["status"]


@pytest.mark.long
def test_the_page_knows_what_the_service_allows(board):
    known = board().evaluate("load('orders/states.js').then((m) => ({...m}))")
    allowed = {state: states.allowed_actions(state) for state in states.STATES}
    assert known["ALLOWED"] == {state: actions for state, actions in allowed.items() if actions}
    assert sorted(known["STATES"]) == sorted(states.STATES)
    assert {name: action["target"] for name, action in known["ACTIONS"].items()} == states.ACTIONS


def test_an_order_goes_from_state_to_state_by_mouse(board, stack, place):
    order = place()
    page = board()
    for word, state in (("Pay", "paid"), ("Ship", "shipped"), ("Deliver", "delivered")):
        card(page, order).get_by_role("button", name=f"{word} order {order['id']}").click()
        column(page, state).locator(f'[data-order="{order["id"]}"]').wait_for()
        assert state_of(stack, order) == state
    expect(card(page, order).get_by_role("button")).to_have_count(0)


def test_an_order_is_moved_by_keys_after_a_question(board, stack, place):
    order = place()
    page = board()
    link = card(page, order).get_by_role("link", name=f"#{order['id']}")
    link.focus()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name=f"Pay order {order['id']}")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert state_of(stack, order) == "placed"
    page.keyboard.press("n")
    dialog.get_by_role("button", name=f"Pay order {order['id']}").click()
    # The column that it leaves may still show it for a moment.
    column(page, "paid").locator(f'[data-order="{order["id"]}"]').get_by_role("link").focus()
    page.keyboard.press("x")
    page.get_by_role("dialog", name=f"Cancel order {order['id']}").get_by_role(
        "button", name=f"Cancel order {order['id']}"
    ).click()
    page.get_by_text(f"Order {order['id']} is cancelled.").first.wait_for()
    assert state_of(stack, order) == "cancelled"


@pytest.mark.long
def test_arrows_go_from_card_to_card(board, place):
    first, second, paid = place(), place(), place("pay")
    page = board()
    card(page, paid).wait_for()
    card(page, second).get_by_role("link").focus()
    page.keyboard.press("ArrowDown")
    expect(card(page, first).get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(card(page, second).get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(column(page, "paid").locator(".order-card a").first).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_text("1 order selected").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Order").wait_for()


def test_several_orders_are_shipped_at_once(board, stack, place):
    orders = [place("pay") for _ in range(3)]
    other = place()
    page = board()
    for order in [*orders, other]:
        card(page, order).get_by_role("checkbox").check()
    page.get_by_text("4 orders selected").wait_for()
    page.get_by_role("button", name="Ship 3 of 4").click()
    dialog = page.get_by_role("dialog", name="Ship 3 orders")
    assert all(f"#{order['id']}" in dialog.inner_text() for order in orders)
    dialog.get_by_role("button", name="Ship 3 orders").click()
    page.get_by_text("3 orders are shipped.").wait_for()
    expect(page.get_by_role("region", name="Selected orders")).to_be_focused()
    for order in orders:
        column(page, "shipped").locator(f'[data-order="{order["id"]}"]').wait_for()
        assert state_of(stack, order) == "shipped"
    assert state_of(stack, other) == "placed"


@pytest.mark.long
def test_cards_stay_under_the_pointer_when_one_is_selected(board, place):
    first, second = place(), place()
    page = board()
    card(page, first).wait_for()
    before = card(page, first).bounding_box()
    card(page, second).get_by_role("checkbox").check()
    page.get_by_text("1 order selected").wait_for()
    assert card(page, first).bounding_box() == before


@pytest.mark.long
def test_shift_selects_a_range(board, place):
    orders = [place() for _ in range(3)]
    page = board()
    card(page, orders[2]).get_by_role("checkbox").click()
    card(page, orders[0]).get_by_role("checkbox").click(modifiers=["Shift"])
    page.get_by_text("3 orders selected").wait_for()
    expect(page.get_by_role("button", name="Deliver 0 of 3")).to_be_disabled()


@pytest.mark.long
def test_an_order_that_is_placed_elsewhere_appears(board, stack, place):
    page, other = board(), board()
    order = place(note="Ring twice")
    card(page, order).get_by_text("Ring twice").wait_for()
    card(other, order).get_by_role("button", name="Pay").click()
    column(page, "paid").locator(f'[data-order="{order["id"]}"]').wait_for()


def test_what_another_page_has_done_is_refused_in_words(board, stack, place):
    order = place()
    page = board(f"/{order['id']}")
    page.get_by_role("button", name=f"Pay order {order['id']}").wait_for()
    stack.request("POST", "orders", f"/orders/{order['id']}/cancel")
    pay = page.get_by_role("button", name=re.compile(f"^Pay order {order['id']}"))
    # Does nothing if the change has come already: then the button says why.
    pay.evaluate("(button) => button.click()")
    why = "An order that is cancelled cannot become paid."
    refused = page.get_by_text(why).or_(page.get_by_role("button", name=re.compile(why)))
    refused.first.wait_for()


def test_one_order_shows_lines_stock_client_and_history(board, stack, product, place):
    status, client = stack.request("POST", "clients", "/clients", {"name": "مريم"})
    assert status == 201
    order = place("pay", client_id=client["id"])
    page = board(f"/{order['id']}")
    lines = page.get_by_role("table", name="Lines of the order")
    lines.get_by_role("link", name="Teapot").wait_for()
    assert "€25.00" in lines.inner_text()
    page.get_by_role("link", name="مريم").wait_for()
    ledger = page.get_by_role("region", name="Stock")
    ledger.get_by_text("-2", exact=True).wait_for()
    assert "48 left" in ledger.inner_text()
    page.get_by_role("table", name="History").get_by_text("paid").wait_for()
    page.get_by_text("Nothing came back.").wait_for()


@pytest.mark.long
def test_the_note_is_edited_and_undone(board, stack, place):
    order = place(note="Leave it at the door")
    page = board(f"/{order['id']}")
    page.get_by_role("button", name="Note: Leave it at the door").click()
    expect(page.get_by_label("Note", exact=True)).to_be_focused()
    page.keyboard.type("Ring twice")
    page.reload()  # What was typed is still there.
    expect(page.get_by_label("Note", exact=True)).to_have_value("Ring twice")
    page.get_by_role("button", name="Save Note").click()
    page.get_by_role("button", name="Note: Ring twice").wait_for()
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="Note: Leave it at the door").wait_for()
    assert stack.get("orders", f"/orders/{order['id']}")["note"] == "Leave it at the door"


@pytest.mark.long
def test_the_query_is_in_the_address(board, place):
    place(note="purple elephants")
    page = board("?q=purple&states=placed,cancelled")
    expect(page.locator(".order-card")).to_have_count(1)
    column(page, "cancelled").get_by_text("No order.").wait_for()
    page.get_by_role("button", name="cancelled", exact=True).click()
    page.wait_for_url(re.compile(r"\?states=placed&q=purple$"))
    page.get_by_label("Find orders").fill("")
    page.wait_for_url(re.compile(r"\?states=placed$"))
    page.get_by_label("Find orders").fill("#1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/1")


def test_what_was_sold_is_a_chart_and_a_table(board, stack, place):
    place("pay")
    page = board()
    page.get_by_role("img", name=re.compile(r"Sold by day: \d+ orders? in 30 days")).wait_for()
    page.get_by_text("The same as a table").click()
    table = page.get_by_role("table", name="Sold by day")
    assert table.locator("tbody tr").count() == 30
    page.get_by_label("Sums").select_option("product")
    page.get_by_role("table", name="Sold by product").get_by_role(
        "link", name="Teapot"
    ).first.wait_for()


@pytest.mark.long
def test_an_order_that_does_not_exist_is_said_to(board):
    page = board("/999999")
    page.get_by_text("Not available.").wait_for()
    page.get_by_role("link", name="All orders").click()
    page.get_by_role("heading", level=1, name="Orders").wait_for()
