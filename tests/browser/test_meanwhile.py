"""Two people at one thing: what another person has saved is never lost without a question."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.stub.answers import change
from tests.browser.stub.answers_categories import BOOTS, RULES
from tests.browser.stub.answers_product import IMAGES
from tests.browser.stub.answers_shop import CLIENTS
from tests.support.polling import poll

REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on
CLIENT = "/api/clients/clients/1"
BOOTS_PATH = "/api/categories/categories/5"
PICTURES = "/api/products/products/12/images"


@pytest.fixture
def show(stub, open_page):
    def show(path, **options):
        page = open_page(stub.url + path, expected=REFUSED, **options)
        page.get_by_text("Open on this machine").wait_for()
        poll(lambda: page.wait_for_timeout(20) or stub.streams, 60, "the stream")
        return page

    return show


def writes(stub, path):
    """The bodies of the writes to a path, without dry runs."""
    return [
        json.loads(body)
        for method, seen, body in stub.seen
        if method in ("PATCH", "PUT") and seen == path
    ]


def kept(page):
    """The edits that can be undone."""
    return json.loads(page.evaluate("sessionStorage.getItem('vitrine.edits') ?? '[]'"))


def moved_address():
    """The first client after another person changed the street of the first address."""
    address = CLIENTS[0]["addresses"][0] | {"street": "Baker Street 221b"}
    return CLIENTS[0] | {"addresses": [address], "revision": 2}


def test_an_address_of_somebody_else_is_asked_about(show, stub):
    page = show("/clients/1")
    page.get_by_role("button", name="Change address 1").click()
    form = page.get_by_role("form", name="Address 1")
    form.get_by_label("Phone").fill("02 562 35 84")
    stub.answers["GET", CLIENT] = (200, moved_address(), {"ETag": '"2"'})
    stub.send("change", [change(service="clients", id=1, item=moved_address())])
    page.locator(".address").get_by_text("Baker Street 221b").wait_for()
    page.reload()
    expect(form.get_by_label("Phone")).to_have_value("02 562 35 84")
    expect(form.get_by_label("Street")).to_have_value("St James's Square 12")
    page.locator(".address").get_by_text("Baker Street 221b").wait_for()
    form.get_by_role("button", name="Save the address").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Baker Street 221b").wait_for()
    dialog.get_by_role("button", name="Keep theirs").click()
    form.get_by_text("Nothing was written").wait_for()
    assert writes(stub, CLIENT) == []


def test_an_address_goes_to_the_list_that_was_seen(show, stub):
    """The first address may be removed meanwhile; the second one must not be taken for it."""
    first, second = ({"kind": "billing", "street": street} for street in ("One", "Two"))
    stub.answers["GET", CLIENT] = (200, CLIENTS[0] | {"addresses": [first, second]})
    page = show("/clients/1")
    page.get_by_role("button", name="Change address 1").click()
    form = page.get_by_role("form", name="Address 1")
    form.get_by_label("City", exact=True).fill("Bath")
    left = CLIENTS[0] | {"addresses": [second], "revision": 2}
    stub.answers["GET", CLIENT] = (200, left, {"ETag": '"2"'})
    stub.answers["PATCH", CLIENT] = (200, left)
    stub.send("change", [change(service="clients", id=1, item=left)])
    expect(page.locator(".address")).to_have_count(1)
    form.get_by_role("button", name="Save the address").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("yours").check()
    dialog.get_by_role("button", name="Save the chosen values").click()
    page.get_by_text("Saved: addresses of Ada Lovelace.").wait_for()
    assert writes(stub, CLIENT) == [{"addresses": [first | {"city": "Bath"}, second]}]


def test_rules_of_somebody_else_are_asked_about(show, stub):
    page = show("/categories/boots")
    page.get_by_label("At most").fill("42")
    theirs = RULES | {"size": RULES["size"] | {"max": 50}}
    changed = BOOTS | {"attributes": theirs, "revision": 4}
    stub.answers["GET", "/api/categories/categories/boots"] = (200, changed)
    stub.answers["GET", BOOTS_PATH] = (200, changed, {"ETag": '"4"'})
    stub.send("change", [change(service="categories", id=5, item=changed)])
    page.get_by_text("Somebody else has saved other rules.").wait_for()
    expect(page.get_by_label("At most")).to_have_value("42")
    page.get_by_role("button", name="Save the rules").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep theirs").click()
    page.get_by_text("Nothing was written").wait_for()
    assert writes(stub, BOOTS_PATH) == []
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("At most")).to_have_value("50")


def test_rules_stay_what_they_are_in_the_rows_of_their_form(show):
    page = show("/categories")
    rows = "load('categories/rule_rows.js').then((m) => m.rulesOf(m.rowsOf({})))"
    known = {
        "memory": {"choices": [128, 256, "a lot"]},
        "size": {"type": "number", "min": 0.5, "max": 1000, "choices": [1, 2.5]},
        "lid": {"type": "boolean", "required": True},
    }
    assert page.evaluate(rows.replace("{}", json.dumps(known))) == known
    edited = """async () => {
      const { rowsOf, rulesOf } = await load("categories/rule_rows.js");
      const [memory, size] = rowsOf({memory: {choices: [128, 256]}, size: {type: "number"}});
      return rulesOf([{ ...memory, choices: "256\\nmore" }, { ...size, min: "1,5", max: "big" }]);
    }"""
    assert page.evaluate(edited) == {
        "memory": {"choices": [256, "more"]},
        "size": {"type": "number", "min": 1.5, "max": "big"},
    }


def test_a_name_that_is_being_typed_stays_when_somebody_renames(show, stub):
    page = show("/categories/boots")
    name = page.get_by_label("Name", exact=True)
    name.fill("My boots")
    changed = BOOTS | {"name": "Their boots", "revision": 4}
    stub.answers["GET", "/api/categories/categories/boots"] = (200, changed)
    stub.answers["GET", BOOTS_PATH] = (200, changed, {"ETag": '"4"'})
    stub.send("change", [change(service="categories", id=5, item=changed)])
    page.get_by_label("New category under Their boots").wait_for()
    expect(name).to_have_value("My boots")
    name.press("Enter")
    page.get_by_role("dialog").get_by_text("Their boots", exact=True).wait_for()
    assert writes(stub, BOOTS_PATH) == []


def with_text(text):
    return [IMAGES[0] | {"alt": text}, *IMAGES[1:]]


def test_the_text_of_a_picture_is_written_once_and_undone_only_if_it_is_left(show, stub):
    stub.answers["GET", f"{PICTURES}/1"] = (200, IMAGES[0])
    page = show("/products/12")
    field = page.get_by_label("Text of picture 1", exact=True)
    field.fill("A teapot with a lid")
    mine, better = with_text("A teapot with a lid"), with_text("A blue teapot with its lid")
    stub.answers["PATCH", f"{PICTURES}/1"] = (200, mine[0])
    stub.answers["GET", PICTURES] = (200, {"items": mine})
    field.press("Enter")
    page.get_by_role("heading", level=1).click()  # The field is left as well.
    page.get_by_text("Saved: text of picture 1.").wait_for()
    assert len(writes(stub, f"{PICTURES}/1")) == len(kept(page)) == 1
    stub.answers["GET", PICTURES] = (200, {"items": better})
    stub.answers["GET", f"{PICTURES}/1"] = (200, better[0])
    page.keyboard.press("Control+z")
    page.get_by_text("It stays as somebody else has left it since.").wait_for()
    assert len(writes(stub, f"{PICTURES}/1")) == 1


def test_the_text_of_a_picture_that_somebody_else_improved_is_asked_about(show, stub):
    better = with_text("A blue teapot with its lid")
    page = show("/products/12")
    stub.answers["GET", f"{PICTURES}/1"] = (200, better[0])
    field = page.get_by_label("Text of picture 1", exact=True)
    field.fill("A teapot")
    field.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("A blue teapot with its lid").wait_for()
    dialog.get_by_role("button", name="Keep theirs").click()
    dialog.wait_for(state="detached")
    assert writes(stub, f"{PICTURES}/1") == []


def test_the_order_of_pictures_is_undone_only_if_it_is_left(show, stub):
    page = show("/products/12")
    moved = [IMAGES[1], IMAGES[0], IMAGES[2]]
    stub.answers["PUT", PICTURES] = (200, {"items": moved})
    page.locator("[data-picture='1']").press("ArrowRight")
    page.get_by_text("The picture is at place 2 of 3.").wait_for()
    stub.answers["GET", PICTURES] = (200, {"items": IMAGES[::-1]})
    page.keyboard.press("Control+z")
    page.get_by_text("It stays as somebody else has left it since.").wait_for()
    assert len(writes(stub, PICTURES)) == 1


def test_what_is_typed_stays_when_the_storage_of_the_tab_is_full(show):
    page = show("/clients/1")
    page.get_by_role("button", name="City: London. Edit").click()
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    page.keyboard.type("Bath")
    expect(page.get_by_label("City", exact=True)).to_have_value("Bath")


@pytest.mark.parametrize(
    ("path", "button", "label", "url"),
    [
        ("/clients", "New client", "Name", "/api/clients/clients"),
        ("/categories", "", "New category at the top level", "/api/categories/categories"),
    ],
)
def test_a_new_item_that_is_sent_again_is_made_once(show, stub, path, button, label, url):
    page = show(path)
    keys = []
    page.on(
        "request",
        lambda sent: sent.method == "POST" and keys.append(sent.headers.get("idempotency-key")),
    )
    if button:
        page.get_by_role("button", name=button).click()
    field = page.get_by_label(label, exact=True)
    field.fill("Sugar")
    stub.answers["POST", url] = (503, {"detail": "MongoDB does not answer."}, {"Retry-After": "1"})
    field.press("Enter")
    page.get_by_text("MongoDB does not answer.").wait_for()
    stub.answers["POST", url] = (422, {"detail": "Sugar is sweet."})
    field.press("Enter")
    page.get_by_text("Sugar is sweet.").wait_for()
    field.press("Enter")
    poll(lambda: page.wait_for_timeout(20) or len(keys) == 3, 60, "the third request")
    assert keys[0]
    assert keys[0] == keys[1] != keys[2]
