"""The form of a product when something is not well: nothing that was typed is lost."""

import pytest
from playwright.sync_api import expect

from tests.browser.stub.answers_product import LONG, PATH, PRODUCT

REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on


@pytest.fixture
def show(stub, open_page):
    def show(token="", path="/products/12"):
        page = open_page(f"{stub.url}{path}{token and f'#token={token}'}", expected=REFUSED)
        page.get_by_role("heading", level=1, name=LONG).wait_for()
        page.get_by_text("0.1 to 5 l").wait_for()
        return page

    return show


def brand(page):
    return page.get_by_role("form", name="Product").get_by_label("Brand", exact=True)


def write(page, text):
    brand(page).fill(text)
    page.get_by_text("Ready to save.").wait_for()
    page.keyboard.press("Control+s")


def test_a_reader_sees_and_changes_nothing(show, stub):
    stub.tokens = {"reader": ["products:read"]}
    page = show("reader")
    assert brand(page).evaluate("(input) => input.readOnly")
    for name in ("Add pictures", "Move to the trash", "Change the stock"):
        button = page.get_by_role("button", name=name)
        assert button.is_disabled()
        assert "products:write" in button.get_attribute("title")
    page.get_by_text("This needs a token with the scope products:write.").first.wait_for()
    assert page.get_by_role("button", name="Put back").count() == 0


def test_a_write_that_meets_an_outage_stays_in_the_form(show, stub):
    page = show()
    stub.answers["PATCH", PATH] = (
        503,
        {"detail": "MongoDB does not answer."},
        {"Retry-After": "3"},
    )
    write(page, "Other")
    page.get_by_text("MongoDB does not answer. Retry in 3 s.").wait_for()
    page.reload()
    expect(brand(page)).to_have_value("Other")
    changed = PRODUCT | {"brand": "Other", "revision": 8}
    stub.answers["PATCH", PATH] = (200, changed, {"ETag": '"8"'})
    stub.answers["GET", PATH] = (200, changed, {"ETag": '"8"'})
    page.get_by_text("Ready to save.").wait_for()
    page.keyboard.press("Control+s")
    page.get_by_text("Nothing has changed.").wait_for()
    page.get_by_text("revision 8").wait_for()


def test_a_token_that_expires_while_one_types_loses_nothing(show, stub):
    stub.tokens = {"good": ["admin"], "new": ["admin"]}
    changed = PRODUCT | {"brand": "Other", "revision": 8}
    stub.answers["PATCH", PATH] = (200, changed, {"ETag": '"8"'})
    page = show("good")
    brand(page).fill("Other")  # What is typed while the dialog is open would go into the dialog.
    del stub.tokens["good"]
    dialog = page.get_by_role("dialog", name="Sign in")
    dialog.get_by_label("Token").fill("new")
    dialog.get_by_role("button", name="Sign in").click()
    dialog.wait_for(state="detached")
    expect(brand(page)).to_have_value("Other")
    stub.answers["GET", PATH] = (200, PRODUCT, {"ETag": '"7"'})
    page.get_by_text("Ready to save.").wait_for()
    page.keyboard.press("Control+s")
    page.get_by_text("Nothing has changed.").wait_for()
    assert stub.count("PATCH", PATH) == 1


def test_what_the_api_says_elsewhere_is_not_lost(show, stub):
    """An error without a field of the form is a sentence below it."""
    page = show()
    errors = [{"pointer": "/image_urls/0", "message": "Is not an address."}]
    stub.answers["PATCH", PATH] = (422, {"detail": "1 value is not valid.", "errors": errors})
    write(page, "Other")
    page.get_by_text("Is not an address.").first.wait_for()


def test_a_product_that_is_not_there_says_so(stub, open_page):
    stub.answers["GET", "/api/products/products/99"] = (404, {"detail": "There is no product 99."})
    page = open_page(f"{stub.url}/products/99", expected=REFUSED)
    page.get_by_text("There is no product with this id or slug.").wait_for()
