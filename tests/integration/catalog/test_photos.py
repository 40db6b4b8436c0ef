"""Photos by URL on a whole stack: real workers, their deaths, imports and their undo."""

import json
import os
import re
import signal

import pytest

from tests.api_products.images.test_images import picture
from tests.support.photo_server import PhotoServer, Reply
from tests.support.polling import poll
from tests.support.stack import processes_of, running_stack

COLORS = ("red", "green", "blue", "white", "black")


@pytest.fixture(scope="module")
def server():
    with PhotoServer() as server:
        for color in COLORS:
            server.replies[f"/{color}"] = Reply(picture(color), headers={"ETag": f'"{color}"'})
        server.replies["/inner"] = Reply(
            status=302, headers={"Location": f"http://localhost:{server.port}/red"}
        )
        yield server


@pytest.fixture(scope="module")
def stack(server):
    only = ("--only", "products,categories")
    with running_stack(*only, JOB_WORKERS="2", PHOTO_HOSTS="127.0.0.1") as stack:
        yield stack


@pytest.fixture(autouse=True)
def _empty(stack, server):
    server.requests.clear()
    while items := stack.get("products", "/products?per=100")["items"]:
        for item in items:
            stack.request("DELETE", "products", f"/products/{item['id']}?purge=true")


@pytest.fixture
def make(stack, server):
    def make(*names):
        body = {"name": "Pot", "image_urls": [f"{server.url}/{name}" for name in names]}
        return f"/products/{stack.request('POST', 'products', '/products', body)[1]['id']}"

    return make


def images(stack, path):
    return stack.get("products", f"{path}/images")["items"]


def ended(stack, path, seconds=90):
    """Wait until no image of a product waits; return their states."""

    def states():
        found = [image["state"] for image in images(stack, path)]
        return found if set(found) <= {"ready", "failed"} else None

    return poll(states, seconds)


def test_photos_are_soon_ready_and_private_hosts_are_refused(stack, server, make):
    path = make("red", "none", "inner")
    assert ended(stack, path) == ["ready", "failed", "failed"]
    reasons = [image["reason"] for image in images(stack, path)]
    assert reasons[0] is None
    assert "404" in reasons[1]
    assert "The host localhost has an address that is not public." in reasons[2]
    assert server.paths().count("/red") == 1


@pytest.mark.long
@pytest.mark.parametrize("folder", ["images", "hostile_images"])
def test_real_photos_become_what_their_manifest_says(stack, server, make, data_folder, folder):
    manifest = json.loads((data_folder / folder / "manifest.json").read_bytes())
    for photo in manifest:
        data = (data_folder / folder / photo["file"]).read_bytes()
        server.replies[f"/{photo['file']}"] = Reply(data, headers={"Content-Type": "image/png"})
    path = make(*(photo["file"] for photo in manifest))
    ended(stack, path, 120)
    found = images(stack, path)
    assert len(found) == len(manifest)
    for photo, image in zip(manifest, found, strict=True):
        if photo["expected"] in ("accept", "accept_strip"):
            assert image["state"] == "ready", (photo["file"], image["reason"])
        if photo["expected"] == "reject":
            assert (image["state"], bool(image["reason"])) == ("failed", True), photo["file"]


def test_a_worker_that_is_killed_loses_no_photo_and_makes_none_twice(stack, server, make):
    server.replies["/slow"] = Reply(picture("cyan"), pause="body")
    path = make("slow", *COLORS)
    poll(lambda: "/slow" in server.paths())
    for pid in processes_of(stack, b"shared\0work\0api_products"):
        os.kill(pid, signal.SIGKILL)
    server.replies["/slow"] = Reply(picture("cyan"))
    assert ended(stack, path) == ["ready"] * 6
    found = images(stack, path)
    assert [image["id"] for image in found] == [1, 2, 3, 4, 5, 6]
    assert len({image["sha256"] for image in found}) == 6


def test_an_import_brings_photos_and_its_undo_takes_them_away(stack, server, tmp_path):
    file = tmp_path / "shop.csv"
    file.write_text(
        f'sku,name,image_urls\nA,Pot,{server.url}/red\nB,Pan,"{server.url}/green,{server.url}/blue"\n'
    )
    stack.request("POST", "products", "/products", {"name": "Pot", "sku": "A"})
    done = stack.run("import", "products", file, "--key", "sku")
    assert done.returncode == 0, done.stderr
    pot, pan = (stack.get("products", f"/products?sku={sku}")["items"][0]["id"] for sku in "AB")
    assert ended(stack, f"/products/{pan}") == ["ready"] * 2
    assert ended(stack, f"/products/{pot}") == ["ready"]
    again = stack.run("import", "products", file, "--key", "sku")
    assert "2 unchanged" in again.stdout + again.stderr
    undone = stack.run("import", "--undo")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert images(stack, f"/products/{pot}") == []
    assert stack.request("GET", "products", f"/products/{pan}")[0] == 404
    once_more = stack.run("import", "--undo")
    assert "nothing to do" in once_more.stdout + once_more.stderr
    id = re.search(r"`vitrine import --undo (undo-\S+)`", undone.stdout + undone.stderr)[1]
    back = stack.run("import", "--undo", id)
    assert back.returncode == 0, back.stdout + back.stderr
    assert ended(stack, f"/products/{pot}") == ["ready"]
    assert ended(stack, f"/products/{pan}") == ["ready"] * 2


def test_an_import_may_leave_photos_out(stack, server, tmp_path):
    file = tmp_path / "shop.csv"
    file.write_text(f"sku,name,image_urls\nA,Pot,{server.url}/red\n")
    done = stack.run("import", "products", file, "--no-images")
    assert done.returncode == 0, done.stderr
    (product,) = stack.get("products", "/products?sku=A")["items"]
    assert product["image_urls"] == []
    assert product["attributes"] == {}


def test_failed_photos_are_listed_and_fetched_again(stack, server, make):
    path = make("late")
    assert ended(stack, path) == ["failed"]
    listed = stack.run("images", "list")
    assert f"{path}/images/1 {server.url}/late: 127.0.0.1 has answered 404." in listed.stdout
    status, job = stack.request("GET", "products", f"/jobs/image-{path.rpartition('/')[2]}-1")
    assert (status, job["state"], "has answered 404." in job["problem"]) == (200, "finished", True)
    server.replies["/late"] = Reply(picture("pink"), headers={"ETag": '"late"'})
    assert "failed images that are fetched again: 1" in stack.run("images", "retry").stdout
    assert ended(stack, path) == ["ready"]
    revision = stack.get("products", path)["revision"]
    stack.run("images", "retry", "--state", "ready")
    poll(lambda: server.paths().count("/late") == 3)
    assert ended(stack, path) == ["ready"]
    assert stack.get("products", path)["revision"] > revision
    assert "failed images: 0" in stack.run("images", "list").stdout


@pytest.mark.long
def test_a_host_that_does_not_answer_is_one_line_of_the_log(stack, server, make):
    def said():
        logs = (stack.folder / "logs").glob("products*.log")
        return [
            line for log in logs for line in log.read_text().splitlines() if "/busy" not in line
        ]

    before = set(said())
    server.replies["/busy"] = Reply(status=503)
    path = make("busy")
    failed = "make_thumbnails failed: 127.0.0.1 has answered 503."
    poll(lambda: any(failed in line for line in said()))
    server.replies["/busy"] = Reply(picture())
    assert ended(stack, path, 200) == ["ready"]  # The second attempt may have come before.
    new = set(said()) - before
    assert not any("Traceback" in line or "  File " in line for line in new)
    assert any(failed in line for line in new)
