"""Pictures on a whole stack: real workers, real files, real deaths."""

import json
import os
import signal

import pytest

from tests.api_products.test_images import picture
from tests.integration.conftest import poll, process_of, running_stack


@pytest.fixture(scope="module")
def stack():
    with running_stack("--only", "products,categories") as stack:
        yield stack


@pytest.fixture
def product(stack):
    return f"/products/{stack.request('POST', 'products', '/products', {'name': 'Pot'})[1]['id']}"


def upload(stack, product, data):
    answer = stack._http.request(
        "POST", stack.url("products") + f"{product}/images", fields={"image": ("x", data)}
    )
    return answer.status, answer.json()


def outcome(stack, product, seconds=20):
    """Wait until no image of a product waits; return the last one."""

    def ended():
        image = stack.get("products", f"{product}/images")["items"][-1]
        return image if image["state"] in ("ready", "failed") else None

    return poll(ended, seconds)


def test_an_upload_is_soon_ready(stack, product):
    status, value = upload(stack, product, picture())
    assert (status, value["items"][0]["state"]) == (202, "queued")
    image = outcome(stack, product)
    assert image["state"] == "ready"
    path = image["thumbnails"]["small"]["webp"]
    assert stack._http.request("GET", stack.url("products") + path).data[:4] == b"RIFF"


@pytest.mark.parametrize("folder", ["images", "hostile_images"])
def test_real_pictures_become_what_their_manifest_says(stack, product, data_folder, folder, capsys):
    outcomes = {}
    for each in json.loads((data_folder / folder / "manifest.json").read_bytes()):
        data = (data_folder / folder / each["file"]).read_bytes()
        status, _ = upload(stack, product, data)
        assert status in (202, 413, 415, 422), each["file"]
        state = outcome(stack, product)["state"] if status == 202 else status
        outcomes.setdefault((each["expected"], state), []).append(each["file"])
        if each["expected"] in ("accept", "accept_strip"):
            assert state == "ready", each["file"]
        if each["expected"] == "reject":
            assert status != 202, each["file"]
    with capsys.disabled():
        print(f"\n{folder}:", {key: len(names) for key, names in outcomes.items()})
    assert stack.get("products", product)["name"] == "Pot"


def test_a_worker_that_is_killed_loses_no_picture(stack, product):
    worker = process_of(stack, b"shared.worker")
    os.kill(worker, signal.SIGKILL)
    for color in ("red", "green", "blue"):
        assert upload(stack, product, picture(color))[0] == 202
    poll(
        lambda: all(
            each["state"] == "ready" for each in stack.get("products", f"{product}/images")["items"]
        ),
        30,
    )
