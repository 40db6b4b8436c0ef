"""Lists while a shop is busy: they arrive, keep their pages, and follow the address."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.stub import answers
from tests.browser.stub.answers import change
from tests.browser.stub.answers_categories import PATH as CATEGORIES
from tests.browser.stub.answers_categories import category
from tests.browser.stub.answers_product import PATH as PRODUCT
from tests.browser.stub.answers_products import item
from tests.support.polling import poll

REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on
READ = """async () => {
  const { repeatable } = await load("use_ask.js");
  let shown = 0;
  let answer;
  const again = repeatable(() => new Promise((resolve) => {
    answer = () => resolve({ seconds: 0, show: () => (shown += 1) });
  }));
  again.read();
  for (let at = 0; at < 6; at += 1) {
    again.read();  // Something changes during each reading.
    answer();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return shown;
}"""


@pytest.fixture
def show(stub, open_page):
    def show(path, **options):
        page = open_page(stub.url + path, expected=REFUSED, **options)
        page.get_by_text("Open on this machine").wait_for()
        until(page, lambda: stub.streams, "the stream")
        return page

    return show


@pytest.fixture
def answer(monkeypatch):
    """Have the stub answer a path by a function of the query."""
    return lambda path, found: monkeypatch.setitem(answers.ANSWERS, ("GET", path), found)


def until(page, check, what):
    """Poll while the page goes on; Playwright's events come only inside its own calls."""
    poll(lambda: page.wait_for_timeout(20) or check(), 60, what)


def numbered(query, items, per):
    """A page by its number, as lists without links have it."""
    at = int(query.get("page", ["1"])[0])
    assert int(query["per"][0]) <= 100, "the services allow 100"
    return {
        "items": items[(at - 1) * per : at * per],
        "page": at,
        "per": per,
        "total": len(items),
    }


def by_cursor(query, items, per):
    """A page by its cursor, which is the place of its first item."""
    at = int(query.get("cursor", ["0"])[0])
    is_last = at + per >= len(items)
    return {
        "items": items[at : at + per],
        "page": 1,
        "per": per,
        "total": len(items),
        "total_is": "exact",
        "next_cursor": None if is_last else str(at + per),
        "links": {"self": "/"},
    }


@pytest.mark.long
def test_a_reading_that_is_late_each_time_is_shown_all_the_same(show):
    assert show("/clients").evaluate(READ) == 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "label", "link"),
    [("/orders", "Find orders", "Orders"), ("/clients", "Find clients", "Clients")],
)
def test_a_field_that_searches_follows_the_address(show, path, label, link):
    page = show(f"{path}?q=teapot")
    field = page.get_by_label(label)
    expect(field).to_have_value("teapot")
    page.get_by_role("navigation").get_by_role("link", name=link).first.click()
    page.wait_for_url(re.compile(rf"{path}$"))
    expect(field).to_have_value("")
    page.go_back()
    expect(field).to_have_value("teapot")
    field.fill("cup")
    page.wait_for_url(re.compile(r"\?q=cup$"))
    expect(field).to_have_value("cup")


def test_the_chart_of_sales_has_every_day_of_two_currencies(show, answer):
    today = datetime.now(UTC).date()
    sums = [
        {"day": str(today - timedelta(days=ago)), "currency": currency, "orders": 1, "units": 1,
         "total": 10}
        for ago in range(88, -1, -1)
        for currency in ("EUR", "USD")
    ]  # fmt: skip
    whole = [{"currency": name, "orders": 89, "units": 89, "total": 890} for name in ("EUR", "USD")]
    answer("/api/orders/orders/stats", lambda query: numbered(query, sums, 100) | {"sums": whole})
    page = show("/orders")
    page.get_by_role("combobox", name="Days").select_option("90")
    page.get_by_role("img", name="Sold by day: 89 orders in 90 days").wait_for()


@pytest.mark.long
@pytest.mark.parametrize(
    ("part", "caption"),
    [("history", "Changes, the latest first"), ("stock", "Changes of the stock, the latest first")],
)
def test_more_of_a_long_past_is_read_page_by_page(show, answer, part, caption):
    moments = [f"2026-11-30T09:{at // 60:02}:{at % 60:02}.000Z" for at in range(250, 0, -1)]
    past = {
        "history": [
            {"at": at, "type": "updated", "by": "maria", "request_id": None, "fields": ["price"],
             "revision": {"from": 1, "to": 2}, "changes": {}}
            for at in moments
        ],
        "stock": [
            {"change": 1, "stock": 1, "reason": "counted", "order": None, "revision": number,
             "request_id": None, "at": at}
            for number, at in enumerate(moments)
        ],
    }[part]  # fmt: skip
    answer(f"{PRODUCT}/{part}", lambda query: numbered(query, past, 20))
    page = show("/products/12")
    table = page.get_by_role("table", name=caption)
    panel = page.get_by_role("region").filter(has=table)
    for count in (20, 40, 60):
        expect(table.locator("tbody tr")).to_have_count(count)
        panel.get_by_role("button", name="Show more").click()
    expect(table.locator("tbody tr")).to_have_count(80)


def test_open_branches_keep_their_pages_when_something_changes(show, stub, answer):
    tops = [category(100 + at, f"Top{at}") for at in range(130)]
    answer(f"{CATEGORIES}?root", lambda query: by_cursor(query, tops, 100))
    page = show("/categories")
    items = page.get_by_role("treeitem")
    expect(items).to_have_count(100)
    page.get_by_role("button", name="More at the top").click()
    expect(items).to_have_count(130)
    before = stub.count("GET", f"{CATEGORIES}?per=100")
    tops[120] = tops[120] | {"name": "Renamed"}
    stub.send("change", [change(service="categories", id=220, item=tops[120])])
    items.filter(has_text="Renamed").wait_for()
    expect(items).to_have_count(130)
    assert stub.count("GET", f"{CATEGORIES}?per=100") > before


def test_a_category_that_has_moved_is_shown_at_its_new_place_only(show, stub, answer):
    tops = [category(1, "Sport")]
    answer(f"{CATEGORIES}?root", lambda query: by_cursor(query, tops, 100))
    page = show("/categories/boots")
    boots = page.locator("[role=treeitem][data-slug=boots]")
    expect(boots).to_have_attribute("aria-level", "2")
    tops.append(category(5, "Boots"))
    # The branch that the category has left cannot be read.
    stub.answers["GET", f"{CATEGORIES}?parent"] = (503, {"detail": "Too busy."})
    stub.send("change", [change(service="categories", id=5, item=tops[1])])
    expect(boots).to_have_attribute("aria-level", "1")
    expect(boots).to_have_count(1)


@pytest.mark.long
def test_a_flood_leaves_the_rows_that_are_shown(show, stub, answer):
    rows = [item(at, f"Cup {at}") | {"revision": 2} for at in range(120)]
    answer("/api/products/products", lambda query: by_cursor(query, rows, 50))
    page = show("/products")
    shown = page.locator("tbody tr")
    page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
    until(page, lambda: shown.count() >= 100, "the second page")
    rows[70] = rows[70] | {"name": "Mug", "revision": 3}
    stub.send("dropped", [{"count": 900, "where": "console"}])
    shown.filter(has_text="Mug").wait_for()
    assert shown.count() >= 100


def test_the_rows_are_asked_for_before_the_modules_of_the_page_are_there(stub, open_page, answer):
    rows = [item(0, "Cup"), item(1, "Pot")]
    answer("/api/products/products", lambda query: by_cursor(query, rows, 50))
    held = []
    page = open_page()
    page.route(re.compile(r"/js/products/list\.js"), lambda route: held.append(route))
    page.goto(f"{stub.url}/products?brand=Acme", wait_until="commit")
    asked = "/api/products/products?brand=Acme&per=50"
    until(page, lambda: held and stub.count("GET", asked), "the early request")
    held[0].continue_()
    page.locator("tbody tr").filter(has_text="Cup").wait_for()
    assert stub.count("GET", asked) == 1


def test_a_change_that_comes_late_shows_no_older_value(show, stub, answer):
    rows = [item(0, "Cup") | {"revision": 5}, item(1, "Pot") | {"revision": 5}]
    answer("/api/products/products", lambda query: by_cursor(query, rows, 50))
    page = show("/products")
    page.locator("tbody tr").filter(has_text="Cup").wait_for()
    old, new = rows[0] | {"name": "Old", "revision": 4}, rows[1] | {"name": "New", "revision": 6}
    stub.send("change", [change(id=1, item=old), change(id=2, item=new)])
    page.locator("tbody tr").filter(has_text="New").wait_for()
    assert page.locator("tbody tr").filter(has_text="Cup").is_visible()
