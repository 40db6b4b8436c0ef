"""Clients and settings on a real stack: edits where values stand, and the removal for good."""

import json
import re
from itertools import count

import pytest
from playwright.sync_api import expect

from tests.browser.stub.answers_shop import CLIENTS, history
from vitrine import stack as stacks

REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on
numbers = count(1)


@pytest.fixture
def client(stack):
    number = next(numbers)
    body = {
        "name": f"Ada Lovelace {number}",
        "email": f"ada{number}@example.org",
        "city": "London",
        "addresses": [{"kind": "billing", "street": "St James's Square 12", "country": "GB"}],
    }
    status, value = stack.request("POST", "clients", "/clients", body)
    assert status == 201, value
    return value


@pytest.fixture
def show(console, open_page):
    def show(path, **options):
        page = open_page(console + path, expected=REFUSED, **options)
        page.get_by_role("heading", level=1).first.wait_for()
        page.get_by_text("Open on this machine").wait_for()
        return page

    return show


def read(stack, client):
    return stack.get("clients", f"/clients/{client['id']}")


def row(page, client):
    return page.get_by_role("row").filter(
        has=page.get_by_role("link", name=client["name"], exact=True)
    )


def begin(page, name, value):
    """Begin to edit a value of a page, and wait until it can be typed."""
    page.get_by_role("button", name=f"{name}: {value}. Edit").click()
    expect(page.get_by_label(name, exact=True)).to_be_focused()


def test_a_value_is_edited_in_the_list_by_keys_and_undone(show, stack, client):
    page = show(f"/clients?q={client['email']}")
    cell = row(page, client).get_by_role("button", name=f"City of {client['name']}: London. Edit")
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label(f"City of {client['name']}", exact=True)).to_be_focused()
    page.keyboard.type("Bath")
    page.keyboard.press("Enter")
    row(page, client).get_by_role("button", name=f"City of {client['name']}: Bath. Edit").wait_for()
    assert read(stack, client)["city"] == "Bath"
    page.locator("h1").click()
    page.keyboard.press("Control+z")
    cell.wait_for()
    assert read(stack, client)["city"] == "London"


@pytest.mark.long
def test_a_refusal_stands_beside_the_value_and_what_was_typed_stays(show, stack, client):
    page = show(f"/clients/{client['id']}")
    begin(page, "Email", client["email"])
    page.keyboard.type("nowhere")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("email").first.wait_for()
    page.reload()
    expect(page.get_by_label("Email", exact=True)).to_have_value("nowhere")
    page.get_by_label("Email", exact=True).press("Escape")
    page.get_by_role("button", name=f"Email: {client['email']}. Edit").wait_for()


@pytest.mark.long
def test_two_people_edit_one_value(show, stack, client):
    page, other = show(f"/clients/{client['id']}"), show(f"/clients/{client['id']}")
    begin(page, "City", "London")
    page.keyboard.type("Bath")
    begin(other, "City", "London")
    other.keyboard.type("York")
    other.keyboard.press("Enter")
    other.get_by_role("button", name="City: York. Edit").wait_for()
    page.get_by_role("button", name="Save City").click()  # The focus and what was typed are there.
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("York").first.wait_for()
    dialog.get_by_label("yours: Bath").check()
    dialog.get_by_role("button", name=re.compile("^Save")).click()
    page.get_by_role("button", name="City: Bath. Edit").wait_for()
    other.get_by_role("button", name="City: Bath. Edit").wait_for()
    assert read(stack, client)["city"] == "Bath"


@pytest.mark.long
def test_a_change_of_another_field_leaves_what_is_typed(show, stack, client):
    page = show(f"/clients/{client['id']}")
    begin(page, "City", "London")
    page.keyboard.type("Ba")
    stack.request("PATCH", "clients", f"/clients/{client['id']}", {"phone": "02 562 35 84"})
    page.get_by_role("button", name="Phone: 02 562 35 84. Edit").wait_for()
    page.keyboard.type("th")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="City: Bath. Edit").wait_for()
    assert read(stack, client)["phone"] == "02 562 35 84"


def test_addresses_are_added_changed_and_removed(show, stack, client):
    page = show(f"/clients/{client['id']}")
    page.get_by_role("button", name="Add an address").click()
    page.get_by_label("City", exact=True).fill("Paris")
    page.get_by_label("Country, two letters").fill("XX")
    page.get_by_role("button", name="Save the address").click()
    page.get_by_role("alert").get_by_text("country").first.wait_for()
    page.get_by_label("Country, two letters").fill("fr")
    page.get_by_role("button", name="Save the address").click()
    page.locator(".address").get_by_text("Paris").wait_for()
    assert read(stack, client)["addresses"][1]["country"] == "FR"
    page.get_by_role("button", name="Remove address 1").click()
    expect(page.locator(".address")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(page.locator(".address")).to_have_count(2)


def test_a_new_client_is_made_and_goes_to_the_trash_and_back(show, stack):
    page = show("/clients")
    page.get_by_role("button", name="New client").click()
    dialog = page.get_by_role("dialog", name="New client")
    dialog.get_by_label("Name").fill("Γιώργος")
    dialog.get_by_label("Email").fill("giorgos@example.org")
    dialog.get_by_role("button", name="Create").click()
    page.get_by_role("heading", level=1, name="Γιώργος").wait_for()
    page.get_by_role("button", name="Move to the trash").click()
    page.get_by_text("Γιώργος is in the trash.").wait_for()
    page.get_by_role("checkbox", name="trash").check()
    page.get_by_role("button", name="Restore Γιώργος").click()
    page.get_by_text("Γιώργος is back.").wait_for()
    page.get_by_role("checkbox", name="trash").uncheck()
    page.get_by_role("link", name="Γιώργος").wait_for()


def test_a_client_is_shown_whole_and_removed_for_good(show, stack, client):
    path = f"/clients/{client['id']}"
    stack.request("POST", "products", "/products", {"name": "Teapot", "price": 12.5})
    placed = stack.request(
        "POST", "orders", "/orders", {"product_id": 1, "quantity": 1, "client_id": client["id"]}
    )
    assert placed[0] == 201, placed
    page = show(path)
    begin(page, "City", "London")
    page.keyboard.type("Bath")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="City: Bath. Edit").wait_for()
    page.get_by_role("button", name="Show all that is stored").click()
    page.get_by_role("button", name="Download as a file").wait_for()
    stored = json.loads(page.get_by_label("All that is stored").inner_text())
    assert stored["client"]["email"] == client["email"]
    assert stored["orders"][0]["id"] == placed[1]["id"]
    page.get_by_role("button", name="Remove for good").click()
    dialog = page.get_by_role("dialog", name=f"Remove client {client['id']} for good")
    sure = dialog.get_by_role("button", name="Remove for good")
    dialog.get_by_label("Type the name to confirm").fill("somebody else")
    expect(sure).to_be_disabled()
    dialog.get_by_label("Type the name to confirm").fill(client["name"])
    sure.click()
    page.get_by_text(f"Client {client['id']} was removed for good.").wait_for()
    assert stack.request("GET", "clients", path)[0] == 404
    assert stack.get("orders", f"/orders/{placed[1]['id']}")["client_id"] == client["id"]
    assert client["name"] not in page.evaluate("JSON.stringify({...sessionStorage})")
    history = stack.get("clients", f"{path}/history")["items"]
    assert client["email"] not in json.dumps(history)
    page = show(path)
    page.get_by_text("it was removed for good").wait_for()
    page.get_by_role("link", name=f"#{placed[1]['id']}").wait_for()


@pytest.mark.long
def test_a_client_far_down_in_the_trash_is_not_said_to_be_removed(stub, open_page):
    path = "/api/clients/clients/7"
    (entry,) = history({"name": ("Ada", None)})["items"]
    stub.answers["GET", path] = (404, {"detail": "There is no client 7."})
    stub.answers["GET", f"{path}/history"] = (200, {"items": [entry | {"type": "deleted"}]})
    page = open_page(f"{stub.url}/clients/7", expected=REFUSED)
    page.get_by_text("In the trash.", exact=True).wait_for()
    assert page.get_by_role("button", name="Restore").is_enabled()
    assert page.get_by_text("there never was one").count() == 0


@pytest.mark.long
def test_a_removal_forgets_the_edits_of_this_client_alone(stub, open_page):
    step = {"service": "clients", "method": "PATCH", "body": {}, "etag": ""}
    edits = [
        {"label": path, "steps": [step | {"path": path}]} for path in ("/clients/10", "/clients/1")
    ]
    page = open_page(stub.url)
    page.evaluate("(edits) => sessionStorage.setItem('vitrine.edits', edits)", json.dumps(edits))
    stub.answers["DELETE", "/api/clients/clients/1"] = (200, {})
    page.goto(f"{stub.url}/clients/1")
    page.get_by_role("button", name="Remove for good").click()
    page.get_by_label("Type the name to confirm").fill(CLIENTS[0]["name"])
    with page.expect_request(lambda request: request.method == "DELETE") as removal:
        page.get_by_role("dialog").get_by_role("button", name="Remove for good").click()
    page.get_by_text("Client 1 was removed for good.").wait_for()
    assert removal.value.headers["if-match"] == "*"
    left = json.loads(page.evaluate("sessionStorage.getItem('vitrine.edits')"))
    assert [edit["label"] for edit in left] == ["/clients/10"]


def test_the_settings_show_limits_and_addresses_without_secrets(show, stack):
    page = show("/settings")
    running = stacks.read(stack.folder)
    page.get_by_text("vitrine status --secrets").wait_for()
    page.get_by_role("table", name="Settings").get_by_text("TRASH_DAYS").wait_for()
    text = page.locator("main").inner_text()
    password = re.search(r"//[^:]*:([^@]+)@", running.mongo_uri)
    assert "mongodb://127.0.0.1:" in text
    assert not password or password[1] not in text
    assert stack.url("orders") in text
    page.get_by_label("Filter").fill("trash")
    expect(page.get_by_role("table", name="Settings").locator("tbody tr")).to_have_count(1)
