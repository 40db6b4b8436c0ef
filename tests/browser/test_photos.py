"""Photos dropped on the products: each finds its product by SKU or name, and becomes ready."""

import base64
import time
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import expect

REFUSED = "Failed to load resource"  # Chromium's own message for each answer from 400 on
DROP = """(zone, files) => {
  const transfer = new DataTransfer();
  for (const [name, bytes] of files) {
    const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([data], name, {type: "image/jpeg"}));
  }
  for (const type of ["dragenter", "dragover", "drop"]) {
    const options = {dataTransfer: transfer, bubbles: true, cancelable: true};
    zone.dispatchEvent(new DragEvent(type, options));
  }
}"""
COUNT = 30


def picture(shade):
    file = BytesIO()
    Image.new("RGB", (1200, 800), (shade * 8 % 256, 90, 255 - shade * 8 % 256)).save(file, "JPEG")
    return file.getvalue()


def photo(name, data):
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


@pytest.fixture
def grid(console, open_page):
    """The page of all products."""
    page = open_page(f"{console}/products", expected=REFUSED)
    page.get_by_text("Signed in as").wait_for()
    return page


@pytest.mark.long
def test_thirty_photos_find_their_products(grid, stack, record_property):
    items = [{"name": f"Lamp {at}", "sku": f"LAMP-{at:02}"} for at in range(COUNT)]
    assert stack.request("POST", "products", "/products:batch", items)[0] == 207
    # By SKU in another case, by name, and by slug.
    names = [
        (f"lamp-{at:02}.jpg", f"LAMP {at}.JPG", f"lamp-{at}.jpeg")[at % 3] for at in range(COUNT)
    ]
    photos = [photo(name, picture(at)) for at, name in enumerate(names)]
    started = time.monotonic()
    grid.locator("input[type=file]").set_input_files(photos)
    ready = grid.get_by_text(f"{COUNT} of {COUNT} photos ready").first
    ready.wait_for(timeout=300_000)  # one worker on a busy machine
    record_property("seconds", round(time.monotonic() - started, 1))
    listed = stack.get("products", "/products?q=lamp&per=50&fields=sku,images")["items"]
    assert {len(item["images"]) for item in listed} == {1}
    # Once more: nothing is added.
    grid.locator("input[type=file]").set_input_files(photos[:3])
    expect(grid.get_by_text("The product has this photo already.")).to_have_count(3)
    grid.get_by_role("button", name="Clear the list").click()
    grid.get_by_role("region", name="Photos").wait_for(state="detached")


@pytest.mark.long
def test_what_matches_nothing_is_given_by_hand_or_tried_again(grid, stack):
    grid.locator("input[type=file]").set_input_files(
        [photo("IMG_4711.jpg", picture(1)), photo("kettle.jpg", b"no picture")]
    )
    row = grid.get_by_role("row").filter(has_text="IMG_4711.jpg")
    row.get_by_text("No product has this SKU or name.").wait_for()
    other = grid.get_by_role("row").filter(has_text="kettle.jpg")
    other.get_by_text("No product has this SKU or name.").wait_for()
    stack.request("POST", "products", "/products", {"name": "Kettle", "sku": "K-1"})
    row.get_by_role("textbox").fill("nothing")
    grid.keyboard.press("Enter")
    row.get_by_text("No product has the SKU, the id or the slug nothing.").wait_for()
    row.get_by_role("textbox").fill("K-1")
    grid.keyboard.press("Enter")
    row.get_by_text("ready", exact=True).wait_for()
    other.get_by_role("button", name="Retry kettle.jpg").click()
    other.get_by_text("Not a picture. Send one of").wait_for()
    assert len(stack.get("products", "/products/kettle/images")["items"]) == 1


@pytest.mark.long
def test_one_photo_of_several_variants(grid, stack):
    body = {"name": "Linen shirt", "group": "linen-shirt"}
    for size in ("S", "M"):
        stack.request("POST", "products", "/products", body | {"options": {"Size": size}})
    grid.locator("input[type=file]").set_input_files([photo("Linen shirt.jpg", picture(9))])
    expect(grid.get_by_text("ready", exact=True)).to_have_count(2)


def test_files_are_dropped_anywhere_on_the_products(grid, stack):
    stack.request("POST", "products", "/products", {"name": "Teapot", "sku": "TP-1"})
    data = base64.b64encode(picture(3)).decode()
    grid.locator(".zone").first.evaluate(DROP, [["tp-1.jpg", data]])
    grid.get_by_text("ready", exact=True).wait_for()
    assert len(stack.get("products", "/products/teapot/images")["items"]) == 1
