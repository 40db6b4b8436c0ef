"""A category with many products moves, and the processes that move it are killed half-way."""

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3
from pymongo import MongoClient

from shared.schema.derived import Derived
from shared.storage.documents import new_document
from tests.support.polling import poll
from tests.support.stack import processes_of, running_stack
from vitrine import stack as stacks

COUNT = 8_000


@pytest.fixture
def shop():
    """A stack with a worker, and a category of many products below another one."""
    with running_stack("--only", "products,categories", JOB_WORKERS="1") as shop:
        for name, parent in (("Old", None), ("New", None), ("Lamps", "old")):
            body = {"name": name, "parent": parent}
            assert shop.request("POST", "categories", "/categories", body)[0] == 201
        with MongoClient(stacks.read(shop.folder).mongo_uri) as client:
            values = {"name": "Lamp", "category": "lamps", "category_path": ["old", "lamps"]}
            lamps = (
                new_document(values, number, "0" * 16, Derived()) for number in range(1, COUNT + 1)
            )
            client["vitrine"]["products"].insert_many(lamps, ordered=False)
        yield shop


def total(shop, slug):
    """Return the number of products of a category, None while the service is down."""
    path = f"/products?category={slug}&per=1"
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        return shop.request("GET", "products", path, Prefer="count=exact")[1]["total"]


@pytest.mark.long
def test_products_follow_whoever_is_killed_on_the_way(shop):
    assert poll(lambda: total(shop, "old") == COUNT, what="the list of all lamps")
    move = ("PATCH", "categories", "/categories/lamps", {"parent": "new"})
    with (
        ThreadPoolExecutor(1) as pool,
        MongoClient(stacks.read(shop.folder).mongo_uri) as client,
    ):
        lamps = client["vitrine"]["products"]
        moved = pool.submit(shop.request, *move)
        poll(lambda: lamps.count_documents({"category_path": "new"}), what="the first to follow")
        for word in (b"serve\0api_products", b"shared\0work\0"):
            for pid in processes_of(shop, word, b"api_products"):
                os.kill(pid, signal.SIGKILL)
        # The move itself is made; the products follow later.
        assert moved.result()[0] == 200
    assert poll(lambda: total(shop, "new") == COUNT, what="the new list")
    assert total(shop, "old") == 0
    (lamp,) = shop.get("products", "/products?category=new&per=1&ordering=-id")["items"]
    assert (lamp["category"], lamp["category_path"]) == ("lamps", ["new", "lamps"])
