"""Buyers: clients that order all the time, and a count of what became of their orders."""

import random
import threading
import time
from collections import Counter
from typing import NamedTuple
from uuid import uuid4

import urllib3
from pymongo import MongoClient

from tests.support.polling import poll
from vitrine import stack as stacks


def stock(shop, count, **product):
    """Make so many products; return their ids."""
    items = [{"name": f"Scarce {n} {uuid4()}", "price": "9.99", **product} for n in range(count)]
    _, value = shop.request("POST", "products", "/products:batch", items)
    return [each["id"] for each in value["results"]]


def placed(shop, ids):
    """Return how many of each product orders hold, read from their lists."""
    found = Counter()
    for id in ids:
        page = f"/orders?product_id={id}&per=100&fields=items,status"
        while page:
            answer = shop.get("orders", page)
            for order in answer["items"]:
                if order["status"] in ("placed", "paid", "shipped", "delivered"):
                    for line in order["items"]:
                        found[line["product_id"]] += line["quantity"] * (line["product_id"] == id)
            page = answer["links"].get("next")
    return found


def left(shop, ids):
    return {id: shop.get("products", f"/products/{id}")["stock"] for id in ids}


def assert_adds_up(shop):
    done = shop.run("reconcile")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("0 ") >= 3


def is_up(shop, service):
    """Return True if a service is ready; a killed one is restarted shortly."""
    try:
        return shop.request("GET", service, "/health/ready")[0] == 200
    except urllib3.exceptions.HTTPError:
        return False


def unsettled(shop):
    """How many orders have something due."""
    with MongoClient(stacks.read(shop.folder).mongo_uri) as client:
        return client["vitrine"]["orders"].count_documents({"due": {"$gt": ""}})


class Buyers:
    """Clients that buy all the time, and ask again with the same key until they know."""

    def __init__(self, shop, ids, clients=8):
        self.shop = shop
        self.ids = ids
        self.orders = {}
        self.refused = self.again = self.cancelled = 0
        self.problems = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number):
        chance = random.Random(number)
        while not self._stopping.is_set():
            chosen = chance.sample(self.ids, chance.randint(1, 3))
            items = [{"product_id": id, "quantity": chance.randint(1, 2)} for id in chosen]
            status, value = self._until_known("/orders", {"items": items})
            with self._lock:
                if status == 201:
                    self.orders[value["id"]] = {
                        each["product_id"]: each["quantity"] for each in items
                    }
                elif status == 409 and "Too few are in stock" in value["detail"]:
                    self.refused += 1
                else:
                    self.problems.append((status, value))
            if status == 201 and chance.random() < 0.2:
                status, value = self._until_known(f"/orders/{value['id']}/cancel", None)
                with self._lock:
                    if status == 200:
                        del self.orders[value["id"]]
                        self.cancelled += 1
                    else:
                        self.problems.append((status, value))

    def _until_known(self, path, body):
        """Send a request until it is answered for good; return the answer."""
        headers = {"Idempotency-Key": str(uuid4())}
        deadline = time.monotonic() + 60
        while True:
            try:
                status, value = self.shop.request("POST", "orders", path, body, **headers)
                running = status == 409 and "still running" in value["detail"]
                if status < 500 and not running:
                    return status, value
            except urllib3.exceptions.HTTPError as error:
                status, value = 0, str(error)
            if time.monotonic() > deadline:
                return status, value
            with self._lock:
                self.again += 1
            time.sleep(0.1)


class Audit(NamedTuple):
    """Numbers of acknowledged orders that are lost, of orders too many, and of wrong stocks."""

    lost: int
    doubled: int
    drift: int


def audit(shop, buyers, ids, before):
    """Compare the answers to buyers with what is there, after everything is settled.

    Each of the products ``ids`` had the stock ``before``.
    """
    for service in ("orders", "products"):
        poll(lambda service=service: is_up(shop, service), what=f"{service} to come back")
    poll(lambda: not unsettled(shop), what="settling")
    lost = sum(not _is_there(shop, id, lines) for id, lines in buyers.orders.items())
    # Nothing was ordered twice by those who asked again.
    path = "/orders?status=placed&per=1"
    total = shop.request("GET", "orders", path, Prefer="count=exact")[1]["total"]
    held, rest = placed(shop, ids), left(shop, ids)
    drift = sum(held[id] + rest[id] != before for id in ids)
    return Audit(lost, total + lost - len(buyers.orders), drift)


def _is_there(shop, id, lines):
    order = shop.get("orders", f"/orders/{id}")
    stored = {each["product_id"]: each["quantity"] for each in order["items"]}
    return (order["status"], stored) == ("placed", lines)


def assert_nothing_is_lost(shop, buyers, ids, before):
    assert audit(shop, buyers, ids, before) == (0, 0, 0)
    assert buyers.problems == []
    assert_adds_up(shop)
