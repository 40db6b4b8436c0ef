"""Categories on a real stack: the tree by mouse and by keys, moves with their preview, rules."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.drags import drag
from tests.support.polling import poll

TREE = (("Sport", None), ("Shoes", None), ("Boots", "shoes"), ("Clogs", "shoes"))


@pytest.fixture
def tree(stack):
    """A new tree with two products, without what the tests before have left."""
    for kind in ("products", "categories"):
        while items := stack.get(kind, f"/{kind}?per=100")["items"]:
            for item in items:
                query = "?products=detach" if kind == "categories" else ""
                stack.request("DELETE", kind, f"/{kind}/{item['id']}{query}")
    for name, parent in TREE:
        status, value = stack.request(
            "POST",
            "categories",
            "/categories",
            {"name": name, "slug": name.lower(), "parent": parent},
        )
        assert status == 201, value
    for size in (41, 46):
        body = {"name": f"Boot {size}", "category": "boots", "attributes": {"size": size}}
        status, value = stack.request("POST", "products", "/products", body)
        assert status == 201, value


@pytest.fixture
def open_tree(console, open_page, tree):
    def open_tree(path="/categories", **options):
        page = open_page(console + path, **options)
        page.get_by_role("treeitem").first.wait_for()
        page.get_by_text("Open on this machine").wait_for()
        return page

    return open_tree


def item(page, name):
    return page.get_by_role("treeitem").filter(has_text=name)


def parent_of(stack, slug):
    return stack.get("categories", f"/categories/{slug}")["parent"]


def test_a_move_by_keys_is_shown_before_it_is_made_and_undone(open_tree, stack):
    page = open_tree()
    item(page, "Shoes").focus()
    page.keyboard.press("ArrowRight")
    item(page, "Boots").wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Alt+ArrowLeft")  # Boots, out of Shoes
    dialog = page.get_by_role("dialog", name="Move Boots")
    dialog.get_by_text("products move").wait_for()
    assert dialog.get_by_text("2", exact=True).is_visible()
    dialog.get_by_text("cached").wait_for()
    assert parent_of(stack, "boots") == "shoes"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    page.locator("[role=treeitem][aria-level='1']").filter(has_text="Boots").wait_for()
    assert parent_of(stack, "boots") is None
    poll(
        lambda: stack.get("products", "/products?category=boots")["total"] == 2, 60, "the products"
    )
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    page.get_by_text(re.compile("^Undone: move of Boots")).wait_for()
    assert parent_of(stack, "boots") == "shoes"
    page.locator("[role=treeitem][aria-level='2']").filter(has_text="Boots").wait_for()


def test_a_move_by_the_field_is_undone_by_a_key(open_tree, stack):
    page = open_tree()
    item(page, "Shoes").click()
    page.get_by_role("combobox", name="Move Shoes under …").fill("sport")
    page.get_by_role("option", name="Sport").wait_for()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Move Shoes")
    dialog.get_by_role("button", name="Move", exact=True).click()
    page.get_by_text("Saved: move of Shoes").wait_for()
    expect(page.locator("[role=treeitem][data-slug=shoes]")).to_be_focused()
    page.keyboard.press("Control+z")
    page.get_by_text(re.compile("^Undone: move of Shoes")).wait_for()
    assert parent_of(stack, "shoes") is None


def test_a_category_is_dragged_under_another_with_what_would_not_fit(open_tree, stack):
    rules = {"attributes": {"size": {"type": "integer", "max": 42, "unit": "EU"}}}
    status, _ = stack.request("PATCH", "categories", "/categories/sport", rules)
    assert status == 200
    page = open_tree()
    drag(item(page, "Shoes"), item(page, "Sport"))
    dialog = page.get_by_role("dialog", name="Move Shoes")
    dialog.get_by_text("1 product would not fit.").wait_for()
    assert dialog.get_by_text("Must be at most 42 EU.").is_visible()
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")
    assert parent_of(stack, "shoes") is None
    drag(item(page, "Shoes"), item(page, "Sport"))
    dialog.get_by_text("1 product would not fit.").wait_for()
    dialog.get_by_role("button", name="Move", exact=True).click()
    dialog.wait_for(state="detached")
    assert parent_of(stack, "shoes") == "sport"
    # The page of the category says which, and a list shows them.
    page.wait_for_url("**/categories/shoes")
    unfit = page.get_by_role("region", name="Products that do not fit the rules")
    unfit.get_by_text(re.compile(r"^1 of \d+ products does not fit\.$")).wait_for()
    unfit.get_by_role("link", name="those above 42 EU").click()
    page.get_by_role("grid", name="Products").wait_for()
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.long
def test_rules_say_how_many_products_would_not_fit_and_a_draft_survives(open_tree, stack):
    page = open_tree("/categories/boots", expected="422")
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_label("Attribute", exact=True).fill("size")
    page.get_by_label("Type").select_option("integer")
    page.get_by_label("At most").fill("42")
    page.get_by_text("1 product would not fit.").wait_for()
    page.reload()
    page.get_by_text("1 product would not fit.").wait_for()
    page.get_by_label("At most").fill("big")
    page.get_by_text("Not a number").first.wait_for()
    page.get_by_label("At most").fill("46")
    page.get_by_text("All 2 products would fit as before.").wait_for()
    page.get_by_role("button", name="Save the rules").click()
    page.get_by_text("Saved: rules of Boots").wait_for()
    saved = stack.get("categories", "/categories/boots")["attributes"]
    assert saved == {"size": {"type": "integer", "max": 46}}
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    page.get_by_text(re.compile("^Undone: rules of Boots")).wait_for()
    assert stack.get("categories", "/categories/boots")["attributes"] == {}


def test_one_is_found_renamed_made_and_deleted(open_tree, stack):
    page = open_tree(expected="404")  # It reads what it shows again, until it is gone.
    page.keyboard.press("/")
    page.keyboard.type("clog")
    page.get_by_role("option").filter(has_text="Clogs").wait_for()
    page.keyboard.press("Enter")
    page.locator("[role=treeitem][aria-selected=true]").filter(has_text="Clogs").wait_for()
    page.locator("[role=treeitem][aria-selected=true]").focus()
    page.get_by_label("Name", exact=True).wait_for()
    page.keyboard.press("F2")
    page.keyboard.type("Wooden clogs")
    page.keyboard.press("Enter")
    page.get_by_text("Saved: name of Clogs").wait_for()
    item(page, "Wooden clogs").wait_for()
    page.get_by_label("New category under Wooden clogs").fill("Kids")
    page.keyboard.press("Enter")
    page.get_by_text("Saved: new category Kids").wait_for()
    page.locator("[role=treeitem][aria-selected=true]").filter(has_text="Kids").focus()
    page.keyboard.press("Delete")
    page.get_by_role("dialog", name="Delete Kids").get_by_role("button", name="Delete").click()
    page.get_by_text("Saved: removal of Kids").wait_for()
    assert stack.get("categories", "/categories?q=kids")["total"] == 0
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("Control+z")
    page.get_by_text(re.compile("^Undone: removal of Kids")).wait_for()
    assert stack.get("categories", "/categories?q=kids")["total"] == 1


def test_a_category_with_products_asks_where_they_go(open_tree, stack):
    page = open_tree("/categories/boots", expected="409|404")  # As above, until it is gone.
    page.get_by_role("button", name="Delete …").click()
    dialog = page.get_by_role("dialog", name="Delete Boots")
    dialog.get_by_role("button", name="Delete").click()
    dialog.get_by_text("2 products belong to it.").wait_for()
    dialog.get_by_role("combobox").fill("clog")
    dialog.get_by_role("option").filter(has_text="Clogs").click()
    dialog.get_by_role("button", name="Move and delete").click()
    dialog.wait_for(state="detached")
    poll(
        lambda: stack.get("products", "/products?category=clogs")["total"] == 2, 60, "the products"
    )


@pytest.mark.long
def test_two_people_see_each_other_and_decide_about_one_name(open_tree, console, open_page, stack):
    page = open_tree("/categories/clogs")
    other = open_page(f"{console}/categories/clogs", expected="412")
    other.get_by_label("Name", exact=True).wait_for()
    page.get_by_label("Name", exact=True).fill("Clogs of maria")
    page.keyboard.press("Enter")
    page.get_by_text("Saved: name of Clogs").wait_for()
    item(other, "Clogs of maria").wait_for()
