"""Backups are complete, and entries cached after a backup are stale after its restore."""

import shutil
import subprocess
import sys

import pytest

from tests.api_products.images.test_images import picture
from tests.integration.catalog.test_images import outcome, upload
from tests.support.polling import poll
from tests.support.services import ROOT
from tests.support.stack import Stack, stack_folder

PATHS = ("/products/1", "/products/pot", "/products", "/products?q=pot")


@pytest.fixture(scope="module")
def stack():
    with stack_folder() as folder:
        stack = Stack(folder, {"JOB_WORKERS": "1"})
        try:
            stack.up("--only", "products,categories")
            yield stack
        finally:
            stack.down()


@pytest.fixture(scope="module", autouse=True)
def pot(stack):
    """A product of the stack, with the id 1."""
    body = {"name": "Pot", "price": 1, "stock": 5}
    assert stack.request("POST", "products", "/products", body)[0] == 201


def back_up(stack, to):
    script = [sys.executable, "scripts/backup.py", str(to)]
    options = {"cwd": ROOT, "env": stack.env, "capture_output": True, "text": True}
    return subprocess.run(script, timeout=300, check=False, **options)


def end(stack):
    assert stack.run("stop").returncode == 0
    stack.process.wait(60)


def prices(stack, path):
    """Return the prices in a response, and its Cache-Status."""
    answer = stack._http.request("GET", stack.url("products") + path)
    assert answer.status == 200, answer.data
    value = answer.json()
    return [item["price"] for item in value.get("items", [value])], answer.headers["Cache-Status"]


def test_a_backup_of_a_running_stack_is_complete(stack, tmp_path):
    stack.request("POST", "products", "/products/1/stock", {"change": -2, "reason": "damaged"})
    upload(stack, "/products/1", picture())
    assert outcome(stack, "/products/1")["state"] == "ready"
    stack.request("POST", "products", "/products", {"name": "Lid"})
    stack.request("DELETE", "products", "/products/2")
    poll(lambda: stack.get("products", "/products/2/history")["total"] == 2)

    made = back_up(stack, tmp_path / "backup")
    assert (made.returncode, "bytes, in" in made.stdout) == (0, True), made.stderr
    assert "exists" in back_up(stack, tmp_path / "backup").stderr

    paths = ("/products", "/products/1/stock", "/products?deleted=only", "/products/2/history")
    before = [stack.get("products", path) for path in paths]
    thumbnail = stack.get("products", "/products/1")["images"][0]["thumbnails"]["small"]["webp"]
    with stack_folder() as folder:
        shutil.copytree(tmp_path / "backup", folder)
        restored = Stack(folder)
        try:
            restored.up("--only", "products")
            assert [restored.get("products", path) for path in paths] == before
            file = restored._http.request("GET", restored.url("products") + thumbnail)
            assert file.data[:4] == b"RIFF"
            assert restored.request("POST", "products", "/products", {"name": "New"})[1]["id"] == 3
            assert restored.run("doctor").returncode == 0
        finally:
            restored.down()


@pytest.mark.long
def test_entries_cached_after_a_backup_are_stale_after_its_restore(stack):
    """Redis keeps entries of a state that the restored MongoDB never had."""
    end(stack)
    shutil.copytree(stack.folder / "mongodb", stack.folder / "older")
    stack.up("--only", "products,categories")
    assert stack.request("PATCH", "products", "/products/1", {"price": 2})[0] == 200
    for path in PATHS:
        poll(lambda path=path: prices(stack, path)[1].startswith("vitrine; hit"))
    assert {prices(stack, path)[0][-1] for path in PATHS} == {2}
    end(stack)

    shutil.rmtree(stack.folder / "mongodb")
    (stack.folder / "older").rename(stack.folder / "mongodb")
    stack.up("--only", "products,categories")
    for path in PATHS * 3:
        assert prices(stack, path)[0][-1] == 1
    poll(lambda: prices(stack, "/products/1")[1].startswith("vitrine; hit"))
    assert prices(stack, "/products/1")[0] == [1]
