"""Every page: opens without an error, is accessible, works by keyboard, and fits its window."""

import os
import re
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import SCREENS, pages_of
from tests.browser.stub.answers import change, story
from tests.browser.stub.answers_product import LONG
from tests.browser.stub.server import Stub
from tests.support.polling import poll

PAGES = {
    "overview": ("/", "Overview"),
    "cache": ("/cache", "Cache"),
    "changes": ("/changes", "Changes"),
    "jobs": ("/jobs", "Jobs"),
    "trace": ("/trace/77ab19c04d2e4f55", "Trace"),
    "doctor": ("/doctor", "Doctor"),
    "categories": ("/categories/boots", "Categories"),
    "import": ("/import", "Import"),
    "import-one": ("/import?id=20261130-140000-abcd", "Import"),
    "orders": ("/orders", "Orders"),
    "order": ("/orders/19", "Order 19"),
    "clients": ("/clients", "Clients"),
    "client": ("/clients/1", "Ada Lovelace"),
    "settings": ("/settings", "Settings"),
    "products": ("/products?collapse=group&category=kitchen-accessories", "Products"),
    "product": ("/products/12", LONG),
}
RUN = {
    "state": "done", "seconds": 30, "elapsed": 30.0, "reads": 12_480, "hits": 9120, "writes": 3102,
    "hand_writes": 402, "stale": 0, "failed": 0, "problems": [], "started_by": "maria",
    "started_at": 1_796_021_234.1,
}  # fmt: skip
PICTURES = os.environ.get("PICTURES")  # a folder for the pictures of docs/console.md
SHOWN = {
    ("cache", "light"),
    ("products", "light"),
    ("overview", "light"),
    ("trace", "light"),
    ("doctor", "dark"),
}
# Elements whose text is cut off: they are wider inside than outside, and hide the rest.
CUT = """() => [...document.querySelectorAll("body *")].filter((node) =>
  node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX !== "visible"
  && !node.closest(".hidden, caption, thead, .plot") && node.clientWidth > 1
  && !(node.matches("input") && node.value) /* What is typed scrolls. */
).map((node) => node.outerHTML.slice(0, 160))"""
# Hints of empty fields that are longer than the field.
CUT_HINTS = """() => [...document.querySelectorAll("input[placeholder]")].filter((node) => {
  const style = getComputedStyle(node), pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const room = node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return !node.value && node.clientWidth && pen.measureText(node.placeholder).width > room + 1;
}).map(({placeholder}) => placeholder)"""
# Notes each text of a chart that is drawn beyond its edges.
WATCH_LABELS = """() => {
  const fill = CanvasRenderingContext2D.prototype.fillText;
  window.cutLabels = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const {actualBoundingBoxLeft: left, actualBoundingBoxRight: right} = this.measureText(text);
    const {a: scale, e: shift} = this.getTransform();
    const ends = [shift + (x - left) * scale, shift + (x + right) * scale];
    const isCut = ends[0] < 0 || ends[1] > this.canvas.width;
    if (isCut && this.canvas.isConnected) window.cutLabels.push([text, ...ends]);
    fill.call(this, text, x, y);
  };
}"""
# Draws charts of two widths and lengths that end at each third of a minute of half an hour.
DRAW_CHARTS = """async () => {
  const [{h, render}, {Chart}] = await Promise.all([import("preact"), load("parts/chart.js")]);
  for (const [width, seconds] of [[330, 900], [330, 60], [1000, 900]]) {
    const box = document.body.appendChild(document.createElement("div"));
    box.style.width = `${width}px`;
    for (let end = 1764500000; end < 1764501800; end += 20) {
      const samples = [{at: end, seconds: 1, hit: 100000, miss: 0, stale: 0, bypass: 0}];
      render(h(Chart, {samples, seconds, title: "Reads"}), box);
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
  }
}"""
# Modules that were loaded, and those that the page has named at its beginning.
MODULES = """() => [
  performance.getEntriesByType("resource")
    .filter(({startTime}) => startTime < performance.getEntriesByName("ready")[0].startTime)
    .map(({name}) => name)
    .filter((name) => name.endsWith(".js")),
  [...document.querySelectorAll("link[rel=modulepreload]")].map(({href}) => href),
].map((names) => [...new Set(names)].sort())"""
# Cells of one row that lie upon each other.
OVERLAPS = """() => [...document.querySelectorAll("tbody tr")].flatMap((row) => {
  const boxes = [...row.children].map((cell) => cell.getBoundingClientRect());
  return boxes.filter((one, at) => boxes.some((other, next) => next > at && one.width && other.width
    && one.left < other.right - 1 && other.left < one.right - 1
    && one.top < other.bottom - 1 && other.top < one.bottom - 1)).map(() => row.innerText);
})"""
FOCUSED = """() => { const node = document.activeElement, style = getComputedStyle(node);
  return {at: [...document.querySelectorAll("*")].indexOf(node), tag: node.tagName,
    text: (node.getAttribute("aria-label") || node.textContent).trim(),
    outline: style.outlineStyle !== "none"}; }"""


@pytest.fixture(scope="module", params=PAGES)
def shown(request, browser):
    """The name of a page, and the page, opened once for all tests of it."""
    with Stub() as stub, pages_of(browser) as open_page:
        page = _show(stub, open_page, request.param)
        page.evaluate(WATCH_LABELS)
        yield request.param, page


@pytest.fixture
def show(stub, open_page):
    """Open a page of a stack in which something happens."""
    return partial(_show, stub, open_page)


def _show(stub, open_page, name):
    SCREENS.mkdir(parents=True, exist_ok=True)
    path, title = PAGES[name]
    stub.answers["GET", "/fuzz"] = (200, RUN)
    page = open_page(stub.url + path)
    page.get_by_role("heading", level=1, name=title).wait_for()
    page.wait_for_function("performance.getEntriesByName('ready').length")
    page.get_by_text("Signed in as").wait_for()
    while not stub.streams:
        page.wait_for_timeout(20)
    stub.send("request", story())
    stub.send("change", [change(), change(outside=True, by="outside the API", request_id=None)])
    _fill(page, name)
    return page


def _fill(page, name):
    """Open what a page shows only when it is asked to, and wait for what comes late."""
    if name in ("overview", "changes", "product"):
        page.get_by_text("by hand, in MongoDB").first.wait_for()
    if name == "cache":
        page.get_by_text("an edit in MongoDB itself").first.wait_for()
        page.get_by_text("a write invalidated the entry").first.wait_for()
    if name == "changes":
        page.get_by_role("button", name="difference: products 12").nth(0).click()
        page.get_by_text("13.75").wait_for()
    if name == "jobs":
        page.get_by_text("ImageUnreadable").wait_for()
    if name == "orders":
        page.get_by_role("checkbox", name="Select order 21").click()
        page.get_by_text("1 order selected").wait_for()
        page.get_by_role("img", name="Sold by day: 6 orders in 30 days").wait_for()
        page.get_by_text("Ada Lovelace").first.wait_for()
    if name == "order":
        page.get_by_text("ordered").nth(1).wait_for()
        page.get_by_text("R-15").wait_for()
        page.get_by_text("maria", exact=True).last.wait_for()
    if name == "clients":
        page.get_by_role("link", name="Ada Lovelace").wait_for()
    if name == "client":
        page.get_by_role("button", name="Add an address").click()
        page.get_by_label("Postal code").wait_for()
        page.get_by_role("button", name="Phone: 02 562 35 84").click()
        page.get_by_text("Paris").wait_for()
        page.get_by_role("link", name="#21").wait_for()
    if name == "settings":
        page.get_by_text("The folder in which").wait_for()
    if name == "product":
        page.get_by_label("Price", exact=True).fill("12.5.1")
        for text in ("Is not a number", "0.1 to 5 l", "answered 404", "ordered", "for a very long"):
            page.get_by_text(text).first.wait_for()
    if name == "trace":
        page.get_by_text("PUT /products/reservations").wait_for()
    if name == "categories":
        page.get_by_label("At most").fill("42")
        page.get_by_text("3 products would not fit.").wait_for()
        page.get_by_text("Moves under way.").wait_for()
    if name == "import":
        page.get_by_role("link", name="products_export.csv").wait_for()
        page.get_by_role("button", name="Undo").first.wait_for()
    if name == "import-one":
        page.get_by_text("3 rows would be refused.").wait_for()
    if name == "doctor":
        page.get_by_role("button", name="Check", exact=True).click()
        page.get_by_text("documents that do not fit the schema").wait_for()
    if name == "products":
        page.get_by_role("button", name="3 variants of Linen shirt").click()
        page.get_by_text("Size: M").wait_for()
        page.get_by_role("checkbox", name="Select Teapot").check()
        page.get_by_text("12,345 entries").wait_for()
        page.get_by_text("1 product selected").wait_for()
        page.get_by_role("button", name="Brand 0").wait_for()


def _take_small_picture(page, name):
    """Write a picture for the documents, in few colours so that it is small."""
    page.set_viewport_size({"width": 1280, "height": 940 if name == "cache" else 760})
    page.wait_for_timeout(150)
    with Image.open(BytesIO(page.screenshot())) as image:
        small = image.convert("RGB").quantize(192, dither=Image.Dither.NONE)
    small.save(Path(PICTURES, f"{name}.png"), optimize=True)


def test_a_page_names_its_modules(shown):
    """Else the browser waits for modules one after the other, or loads some that it needs not."""
    _, page = shown
    loaded, named = page.evaluate(MODULES)
    assert loaded == named


def test_tab_goes_through_a_page_in_its_order(shown):
    _, page = shown
    seen = []
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    for _ in range(150):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if seen and focused["at"] == seen[-1]["at"]:
            continue  # day, month and year of a date
        if focused["tag"] == "BODY" or (seen and focused["at"] <= seen[-1]["at"]):
            break
        seen.append(focused)
    assert seen[0]["text"] == "Skip to the content"
    assert [each for each in seen if not each["outline"]] == []
    names = [each["text"] for each in seen]
    assert {"Overview", "Cache", "Changes", "Jobs", "Trace", "Doctor"} <= set(names)
    count = page.evaluate(
        "[...document.querySelectorAll('button:not(:disabled), a[href], input, select')]"
        # Within a grid, arrows go from cell to cell.
        ".filter((node) => node.checkVisibility() && !node.closest('td[tabindex]')).length"
    )
    assert len(seen) >= count


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_a_page_is_accessible_and_fits(shown, find_faults, theme):
    name, page = shown
    page.emulate_media(color_scheme=theme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        # Until the chart has its new width.
        page.wait_for_function("(n) => document.documentElement.scrollWidth <= n", arg=width)
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=SCREENS / f"{name}-{width}-{theme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not page.evaluate(CUT)
        assert not page.evaluate(CUT_HINTS)
        assert not page.evaluate("cutLabels")
        assert not page.evaluate(OVERLAPS)
        assert not find_faults(page)
    if PICTURES and (name, theme) in SHOWN:
        _take_small_picture(page, name)


@pytest.mark.parametrize(
    ("name", "button", "title"),
    [
        ("overview", "Keys", "Keys"),
        ("products", "Edit …", "Edit 1 product"),
        *(
            pytest.param(*each, marks=pytest.mark.long)
            for each in (
                ("cache", "Purge", "Purge the cache"),
                ("doctor", "Mend", "Mend documents"),
                ("categories", "To the top level", "Move Boots"),
                ("categories", "Delete", "Delete Boots"),
                ("import", "Undo", "Undo an import"),
                ("orders", "Cancel order 20", "Cancel order 20"),
                ("clients", "New client", "New client"),
                ("client", "Remove for good", "Remove client 1 for good"),
                ("products", "Columns", "Columns"),
            )
        ),
    ],
)
def test_a_dialog_is_accessible_and_keeps_the_focus(show, find_faults, name, button, title):
    page = show(name)
    opener = page.get_by_role("button", name=button).first
    opener.click()
    dialog = page.get_by_role("dialog", name=title)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.screenshot(path=SCREENS / f"dialog-{name}-{width}.png")
        assert not page.evaluate(CUT)
        assert not find_faults(page)
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement.closest('dialog') || document.activeElement === document.body"
        )
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    expect(opener).to_be_focused()


@pytest.mark.long
def test_no_label_of_a_chart_is_cut_at_any_time_of_day(show):
    page = show("overview")
    page.evaluate(WATCH_LABELS)
    page.evaluate(DRAW_CHARTS)
    assert page.evaluate("cutLabels") == []


@pytest.mark.long
def test_only_a_page_with_a_chart_reads_the_samples(show, stub):
    def asked():
        return [path for _, path, _ in stub.seen if path == "/samples"]

    page = show("products")
    page.get_by_role("grid", name="Products").wait_for()
    poll(lambda: stub.streams)
    assert not asked()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.get_by_role("img", name="Reads per second").wait_for()
    poll(asked)
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.get_by_role("heading", level=1, name="Cache").wait_for()
    assert len(asked()) == 1


@pytest.mark.long
@pytest.mark.parametrize("path", ["/", "/orders"])
def test_a_browser_that_names_no_known_language_shows_all_but_the_chart(stub, open_page, path):
    page = open_page()
    own = "Object.defineProperty(Navigator.prototype, 'language', {get: () => 'en-US@posix'})"
    page.add_init_script(own)
    page.goto(stub.url + path)
    page.get_by_role("heading", level=1).first.wait_for()
    page.get_by_text("Open on this machine").wait_for()
    page.get_by_role("img", name=re.compile("^Reads|^Sold by day")).first.wait_for()
    assert not page.get_by_text("Not loaded").count()


def test_keys_lead_to_each_page(show):
    page = show("overview")
    keys = {"c": "Cache", "h": "Changes", "j": "Jobs", "t": "Trace", "d": "Doctor", "o": "Overview"}
    for key, title in keys.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.get_by_role("heading", level=1, name=title).wait_for()
        page.wait_for_function("(title) => document.title === title", arg=f"{title} · Vitrine")
    page.go_back()
    page.get_by_role("heading", level=1, name="Doctor").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_slash_goes_to_the_filter_and_p_pauses(show, stub):
    page = show("cache")
    page.keyboard.press("/")
    page.keyboard.type("orders")
    rows = page.get_by_role("table", name="Requests, the newest first").locator("tbody tr")
    rows.nth(0).get_by_text("POST /orders").wait_for()
    assert rows.count() == 1
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.locator("h1").click()
    page.keyboard.press("p")
    stub.send("hits", [{"service": "products", "count": 1200}])
    page.get_by_text("paused; 1,200 more hits, only counted").wait_for()
    before = rows.count()
    stub.send("request", story())
    page.wait_for_timeout(600)  # more than one rendering
    assert rows.count() == before
    page.keyboard.press("p")
    page.wait_for_function("(n) => document.querySelectorAll('tbody tr').length > n", arg=before)


def test_an_unknown_page_names_the_others(stub, open_page):
    page = open_page(f"{stub.url}/cache")
    page.get_by_role("heading", name="Cache").wait_for()
    page.evaluate("history.pushState(null, '', '/nothing'); dispatchEvent(new Event('popstate'))")
    page.get_by_text("This page does not exist.").wait_for()


@pytest.mark.long
def test_a_file_that_is_dropped_beside_its_place_leaves_the_page_as_it_is(stub, open_page):
    page = open_page(f"{stub.url}/import")
    page.get_by_role("button", name="Choose files").wait_for()
    is_kept = page.locator("nav").first.evaluate("""(node) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["name"], "shop.csv"));
      const kinds = ["dragover", "drop"];
      const options = {bubbles: true, cancelable: true, dataTransfer};
      return kinds.map((kind) => !node.dispatchEvent(new DragEvent(kind, options))); }""")
    assert is_kept == [True, True]
    assert not stub.count("POST", "/imports")


def test_a_page_is_small(stub, open_page):
    """A page without a build must not become heavy: the bytes of its files together."""
    page = open_page(stub.url)
    page.get_by_text("Signed in as").wait_for()
    size = page.evaluate(
        "performance.getEntriesByType('resource').filter(({name}) => name.includes('/static/'))"
        ".reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0)"
    )
    assert 50_000 < size < 130_000
