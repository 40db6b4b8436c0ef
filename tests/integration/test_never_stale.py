"""Random writes, by the API and straight into MongoDB, against many readers at once."""

import random
import threading
import time

import pytest
from pymongo import MongoClient

from tests.integration.conftest import poll, running_stack
from vitrine import stack as stacks

SECONDS = 12
PRODUCTS = 8
BY_HAND_SECONDS = 1.0


@pytest.fixture
def stack():
    with running_stack("--only", "products,categories") as stack:
        yield stack


class History:
    """What was acknowledged of each product, and since when it must be seen."""

    def __init__(self):
        self._floors = {}
        self.violations = []
        self.reads = self.hits = self.writes = 0

    def wrote(self, id, price, seen_from):
        self._floors[id] = [*self._floors.get(id, [])[-20:], (seen_from, price)]
        self.writes += 1

    def floor(self, id, moment):
        """The least price a read that starts now may answer."""
        return max((p for since, p in self._floors.get(id, []) if since <= moment), default=0)

    def check(self, id, floor, price, status):
        if price < floor:
            self.violations.append((id, floor, price, status))


def test_no_read_is_older_than_what_was_acknowledged_before_it(stack):
    for name in ("Left", "Right"):
        stack.request("POST", "categories", "/categories", {"name": name})
    ids = []
    for number in range(PRODUCTS):
        body = {"name": f"P{number}", "price": 0, "category": ("left", "right")[number % 2]}
        ids.append(stack.request("POST", "products", "/products", body)[1]["id"])
    poll(lambda: "hit" in _get(stack, f"/products/{ids[0]}")[1])
    history = History()
    stop = time.monotonic() + SECONDS
    client = MongoClient(stacks.read(stack.folder).mongo_uri)

    def write(mine, by_hand):
        price = 0
        while time.monotonic() < stop:
            price += 1
            id = random.choice(mine)
            if by_hand:
                client["vitrine"].products.update_one({"_id": id}, {"$set": {"price": price}})
                history.wrote(id, price, time.monotonic() + BY_HAND_SECONDS)
                time.sleep(0.05)
            else:
                status, _ = stack.request("PATCH", "products", f"/products/{id}", {"price": price})
                assert status == 200
                history.wrote(id, price, time.monotonic())
                time.sleep(random.uniform(0, 0.05))

    def read():
        while time.monotonic() < stop:
            started = time.monotonic()
            floors = {id: history.floor(id, started) for id in ids}
            id = random.choice(ids)
            category = random.choice(("left", "right"))
            path = random.choice(
                (f"/products/{id}", "/products?per=50", f"/products?category={category}&per=50")
            )
            value, status = _get(stack, path)
            history.reads += 1
            history.hits += "; hit" in status
            for each in value.get("items", [value]):
                history.check(each["id"], floors[each["id"]], each["price"], status)

    threads = [threading.Thread(target=read) for _ in range(6)]
    threads += [threading.Thread(target=write, args=(ids[0:2], False))]
    threads += [threading.Thread(target=write, args=(ids[2:4], False))]
    threads += [threading.Thread(target=write, args=(ids[4:6], True))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with client:
        stored = {each["_id"]: each["price"] for each in client["vitrine"].products.find()}
    rate = history.hits / history.reads
    print(f"{history.reads} reads, {history.writes} writes, {rate:.0%} hits")
    assert history.violations == []
    assert history.reads > 1000
    assert rate > 0.2
    deadline = time.monotonic() + BY_HAND_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)
    listed = {each["id"]: each["price"] for each in _get(stack, "/products?per=50")[0]["items"]}
    assert {id: float(str(price)) for id, price in stored.items()} == listed


def _get(stack, path):
    answer = stack._http.request("GET", stack.url("products") + path)
    assert answer.status == 200, answer.data
    return answer.json(), answer.headers["Cache-Status"]
