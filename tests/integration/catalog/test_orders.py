"""Orders on real servers: no sale beyond the stock, and no order lost half-way."""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo import MongoClient

from tests.integration.serving.test_concurrency import at_once
from tests.support.buyers import (
    Buyers,
    assert_adds_up,
    assert_nothing_is_lost,
    is_up,
    left,
    placed,
    stock,
    unsettled,
)
from tests.support.polling import poll
from tests.support.processes import free_port, is_running, suspended_process
from tests.support.services import MEMORY
from tests.support.stack import processes_of, running_stack
from vitrine.local import embedded
from vitrine.local.processes import stop

# The proof of the whole takes a minute; each run of the suite a part of it.
CHAOS_SECONDS = float(os.environ.get("CHAOS_SECONDS", "6"))


@pytest.fixture(scope="module")
def shop():
    with running_stack("--only", "orders,products,clients,categories", JOB_WORKERS="1") as stack:
        yield stack


@pytest.mark.long
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
    poll(lambda: not unsettled(shop), what="settling")
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


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)]
)
def test_products_down_is_said_while_it_is_down_and_nothing_is_ordered(shop, how):
    (id,) = stock(shop, 1, stock=5)
    body = {"product_id": id, "quantity": 1}
    assert shop.request("POST", "orders", "/orders", body)[0] == 201
    # The supervisor would start what was killed again.
    victims = processes_of(shop, b"serve\0api_products")
    with suspended_process(shop.process.pid):
        for pid in victims:
            os.kill(pid, how)
        poll(lambda: not any(map(is_running, victims)))
        try:
            status, problem = shop.request("POST", "orders", "/orders", body)
        finally:
            for pid in victims if how == signal.SIGSTOP else ():
                os.kill(pid, signal.SIGCONT)
    assert status == 503, problem
    assert "products service" in problem["detail"]
    poll(lambda: is_up(shop, "products"))
    poll(lambda: not unsettled(shop), what="settling")
    assert left(shop, [id])[id] == 4
    assert shop.get("orders", f"/orders?product_id={id}&status=rejected")["total"] == 1
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
                with MongoClient(direct, serverSelectionTimeoutMS=90_000) as client:
                    client.admin.command("ping")
                    if host == hosts[0]:
                        client.admin.command("replSetInitiate", config)
            uri = f"mongodb://{','.join(hosts)}/vitrine?replicaSet={embedded.REPLICA_SET}"
            with MongoClient(uri, serverSelectionTimeoutMS=90_000) as client:
                assert len(poll(lambda: client.nodes if len(client.nodes) == 3 else None)) == 3
                poll(lambda: client.primary)
                yield uri, processes, client
        finally:
            for process in processes.values():
                stop(process, 3)


@pytest.mark.long
def test_a_primary_killed_under_load_loses_no_order(capsys):
    only = ("--only", "orders,products")
    with (
        three_members() as (uri, processes, client),
        running_stack(*only, JOB_WORKERS="1", MONGO_URI=uri) as shop,
    ):
        ids = stock(shop, 20, stock=500)
        with Buyers(shop, ids) as buyers:
            poll(lambda: len(buyers.orders) > 20)
            # While a member is down no index of what is there already can be made.
            indexes = client["vitrine"]["products.reservations"].index_information()
            assert "state_1__id_1" in indexes
            before = len(buyers.orders)
            processes[client.primary[1]].kill()
            poll(lambda: len(buyers.orders) > before + 50, what="orders after the election")
        assert_nothing_is_lost(shop, buyers, ids, 500)
    with capsys.disabled():
        print(f"\nprimary killed: {report(buyers)}")
