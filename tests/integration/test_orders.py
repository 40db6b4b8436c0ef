"""Orders on real servers: no sale beyond the stock, and no order lost half-way."""

import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import urllib3
from pymongo import MongoClient

from tests.integration.test_concurrency import at_once
from tests.support.polling import poll
from tests.support.processes import free_port
from tests.support.services import MEMORY
from tests.support.stack import processes_of, running_stack
from vitrine import stack as stacks
from vitrine.local import embedded
from vitrine.local.processes import stop

# The proof of the whole takes a minute; each run of the suite a part of it.
CHAOS_SECONDS = float(os.environ.get("CHAOS_SECONDS", "6"))


@pytest.fixture(scope="module")
def shop():
    with running_stack("--only", "orders,products,clients,categories", JOB_WORKERS="1") as stack:
        yield stack


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


def test_the_commands_of_the_earlier_shop_work(shop):
    (id,) = stock(shop, 1, stock=5)
    status, order = shop.request("POST", "orders", "/orders", {"product_id": id, "quantity": 2})
    assert (status, order["status"], order["total"]) == (201, "placed", 19.98)
    assert shop.get("orders", "/orders")["total"] >= 1
    assert shop.get("products", f"/products/{id}")["stock"] == 3


def test_50_buyers_of_one_unit_make_one_order(shop):
    (id,) = stock(shop, 1, stock=1)

    def buy(number):
        return insist(shop, "orders", "/orders", {"product_id": id, "quantity": 1})[0]

    assert Counter(at_once(50, buy)) == {201: 1, 409: 49}
    assert shop.get("products", f"/products/{id}")["stock"] == 0
    assert shop.get("orders", f"/orders?product_id={id}&status=placed")["total"] == 1
    assert_adds_up(shop)


def test_200_orders_of_scarce_products_sell_no_more_than_there_is(shop):
    ids = stock(shop, 20, stock=12)

    def buy(number):
        chosen = random.Random(number).sample(ids, number % 3 + 1)
        items = [{"product_id": id, "quantity": number % 2 + 1} for id in chosen]
        return insist(shop, "orders", "/orders", {"items": items})[0]

    with ThreadPoolExecutor(32) as pool:
        statuses = Counter(pool.map(buy, range(200)))
    assert set(statuses) <= {201, 409}
    assert statuses[201] > 50
    held, rest = placed(shop, ids), left(shop, ids)
    assert {id: held[id] + rest[id] for id in ids} == dict.fromkeys(ids, 12)
    assert min(rest.values()) >= 0
    assert_adds_up(shop)


def insist(shop, service, path, body=None, key=None):
    """Post until it is not too crowded, with a key so that it is done once."""
    headers = {"Idempotency-Key": key or str(uuid4())}
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        status, value = shop.request("POST", service, path, body, **headers)
        if status != 503 and not (status == 409 and "try again" in value["detail"]):
            break
    return status, value


def test_buying_cancelling_and_editing_at_once_adds_up(shop):
    (id,) = stock(shop, 1, stock=30)

    def act(number):
        if number % 4 == 3:
            body = {"change": 2, "reason": "found"}
            return insist(shop, "products", f"/products/{id}/stock", body)[0] == 200
        status, order = insist(shop, "orders", "/orders", {"product_id": id, "quantity": 1})
        if status == 201 and number % 2:
            return insist(shop, "orders", f"/orders/{order['id']}/cancel")[0] == 200
        return status in (201, 409)

    assert all(at_once(40, act))
    # A cancellation that meets a crowd gives the stock back a little later.
    poll(lambda: not unsettled(shop), 30, "settling")
    assert left(shop, [id])[id] + placed(shop, [id])[id] == 50
    assert_adds_up(shop)


def test_one_key_sent_by_many_at_once_is_one_order(shop):
    (id,) = stock(shop, 1, stock=30)
    key = str(uuid4())

    def buy(number):
        body = {"product_id": id, "quantity": 1}
        return insist(shop, "orders", "/orders", body, key)

    answers = at_once(20, buy)
    assert {status for status, _ in answers} <= {201, 409}
    ids = {value["id"] for status, value in answers if status == 201}
    assert len(ids) == 1
    assert left(shop, [id])[id] == 29


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_products_down_is_said_while_it_is_down_and_nothing_is_ordered(shop, how):
    (id,) = stock(shop, 1, stock=5)
    body = {"product_id": id, "quantity": 1}
    assert shop.request("POST", "orders", "/orders", body)[0] == 201
    # The supervisor would start what was killed again.
    victims = processes_of(shop, b"serve\0api_products")
    os.kill(shop.process.pid, signal.SIGSTOP)
    for pid in victims:
        os.kill(pid, how)
    try:
        status, problem = shop.request("POST", "orders", "/orders", body)
    finally:
        os.kill(shop.process.pid, signal.SIGCONT)
        for pid in victims if how == signal.SIGSTOP else ():
            os.kill(pid, signal.SIGCONT)
    assert status == 503, problem
    assert "products service" in problem["detail"]
    poll(lambda: is_up(shop, "products"), 30)
    poll(lambda: not unsettled(shop), 60, "settling")
    assert left(shop, [id])[id] == 4
    assert shop.get("orders", f"/orders?product_id={id}&status=rejected")["total"] == 1
    assert_adds_up(shop)


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

    def __init__(self, shop, ids):
        self.shop = shop
        self.ids = ids
        self.orders = {}
        self.refused = self.again = self.cancelled = 0
        self.problems = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(8)]

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
                elif status == 409:
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


def assert_nothing_is_lost(shop, buyers, ids, before):
    for service in ("orders", "products"):
        poll(lambda service=service: is_up(shop, service), 60, f"{service} to come back")
    poll(lambda: not unsettled(shop), 60, "settling")
    assert buyers.problems == []
    for id, lines in buyers.orders.items():
        order = shop.get("orders", f"/orders/{id}")
        assert order["status"] == "placed"
        assert {each["product_id"]: each["quantity"] for each in order["items"]} == lines
    # Nothing was ordered twice by those who asked again.
    assert shop.get("orders", "/orders?status=placed&per=1")["total"] == len(buyers.orders)
    held, rest = placed(shop, ids), left(shop, ids)
    assert {id: held[id] + rest[id] for id in ids} == dict.fromkeys(ids, before)
    assert_adds_up(shop)


def test_processes_killed_at_random_lose_double_and_drift_nothing(capsys):
    with running_stack("--only", "orders,products", JOB_WORKERS="1") as shop:
        ids = stock(shop, 20, stock=500)
        kills = Counter()
        with Buyers(shop, ids) as buyers:
            deadline = time.monotonic() + CHAOS_SECONDS
            chance = random.Random(7)
            while time.monotonic() < deadline or len(kills) < 3:
                time.sleep(chance.uniform(0.2, 1.5))
                word = chance.choice([b"serve\0api_orders", b"serve\0api_products", b"mongod"])
                found = processes_of(shop, word)
                if found:
                    # Any of a service's processes: its master takes the workers along.
                    os.kill(chance.choice(found), signal.SIGKILL)
                    kills[word.decode()] += 1
            poll(lambda: len(buyers.orders) > 20, 90, "orders after the last kill")
        assert_nothing_is_lost(shop, buyers, ids, 500)
    with capsys.disabled():
        print(f"\n{dict(kills)} killed: {report(buyers)}")


def report(buyers):
    return (
        f"{len(buyers.orders)} orders placed, {buyers.cancelled} cancelled, {buyers.refused} "
        f"refused, asked again {buyers.again} times"
    )


@contextmanager
def three_members():
    """A replica set of three; yields its URI and its processes by port."""
    processes = {}
    with tempfile.TemporaryDirectory(prefix="vitrine-test-", dir=MEMORY) as folder:
        try:
            for _ in range(3):
                port = free_port()
                log = Path(folder, f"{port}.log")
                processes[port] = embedded.start_mongod(Path(folder, str(port)), port, log)
            hosts = [f"127.0.0.1:{port}" for port in processes]
            members = [{"_id": number, "host": host} for number, host in enumerate(hosts)]
            settings = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 300}
            config = {"_id": embedded.REPLICA_SET, "members": members, "settings": settings}
            for host in reversed(hosts):  # All of them must be there before one makes the set.
                direct = f"mongodb://{host}/?directConnection=true"
                with MongoClient(direct, serverSelectionTimeoutMS=30_000) as client:
                    client.admin.command("ping")
                    if host == hosts[0]:
                        client.admin.command("replSetInitiate", config)
            uri = f"mongodb://{','.join(hosts)}/vitrine?replicaSet={embedded.REPLICA_SET}"
            with MongoClient(uri, serverSelectionTimeoutMS=20_000) as client:
                assert len(poll(lambda: client.nodes if len(client.nodes) == 3 else None, 20)) == 3
                poll(lambda: client.primary, 20)
                yield uri, processes, client
        finally:
            for process in processes.values():
                stop(process, 3)


def test_a_primary_killed_under_load_loses_no_order(capsys):
    only = ("--only", "orders,products")
    with (
        three_members() as (uri, processes, client),
        running_stack(*only, JOB_WORKERS="1", MONGO_URI=uri) as shop,
    ):
        ids = stock(shop, 20, stock=500)
        with Buyers(shop, ids) as buyers:
            poll(lambda: len(buyers.orders) > 20, 30)
            # While a member is down no index of what is there already can be made.
            indexes = client["vitrine"]["products.reservations"].index_information()
            assert "state_1__id_1" in indexes
            before = len(buyers.orders)
            processes[client.primary[1]].kill()
            poll(lambda: len(buyers.orders) > before + 50, 60, "orders after the election")
        assert_nothing_is_lost(shop, buyers, ids, 500)
    with capsys.disabled():
        print(f"\nprimary killed: {report(buyers)}")
