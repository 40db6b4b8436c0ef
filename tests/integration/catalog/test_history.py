"""The history on a running stack: complete and without duplicates, even after kills."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.storage.connections import open_mongo
from tests.support.polling import poll
from tests.support.stack import NAMES, process_of
from vitrine import stack as stacks

WRITERS, WRITES = 3, 60


def history(stack, service, id):
    """Return all that has happened to an item, the first first."""
    found, url = [], f"/{service}/{id}/history?per=100"
    while url:
        page = stack.get(service, url)
        found += page["items"]
        url = page["links"].get("next")
    return found[::-1]


@pytest.fixture
def db(stack):
    with open_mongo(stacks.read(stack.folder).mongo_uri, 10) as client:
        yield client["vitrine"]


def test_every_change_is_told_once_though_the_follower_is_killed(stack, db, kill):
    entries = db["products.history"]

    def write(number):
        _, made = stack.request("POST", "products", "/products", {"name": f"Written {number}"})
        path = f"/products/{made['id']}"
        for stock in range(1, WRITES):
            assert stack.request("PATCH", "products", path, {"stock": stock})[0] == 200
        return made["id"]

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, number) for number in range(WRITERS)]
        for _ in range(2):
            known = entries.estimated_document_count()
            poll(lambda known=known: entries.estimated_document_count() > known + WRITES / 3)
            kill(process_of(stack, b"shared\0follow\0", b"api_products"))
        ids = [each.result(timeout=60) for each in writers]
    for id in ids:
        poll(lambda id=id: len(history(stack, "products", id)) >= WRITES, what="a whole history")
        told = history(stack, "products", id)
        assert [each["revision"]["to"] for each in told] == list(range(1, WRITES + 1))
        assert [each["changes"]["stock"]["to"] for each in told[1:]] == list(range(1, WRITES))
        assert {each["by"] for each in told} == {"anonymous"}


@pytest.mark.parametrize("service", NAMES)
def test_every_service_has_one(stack, db, service):
    _, product = stack.request("POST", "products", "/products", {"name": "P", "price": 2})
    bodies = {"orders": {"product_id": product["id"], "quantity": 2}, "games": {"title": "FIFA 25"}}
    sent = bodies.get(service, {"name": "Teapot"})
    status, made = stack.request("POST", service, f"/{service}", sent, **{"X-Request-ID": "first"})
    assert status == 201
    # An order is changed several times until it is placed.
    told = poll(lambda: reached(history(stack, service, made["id"]), made["revision"]))
    assert [each["revision"]["to"] for each in told] == list(range(1, made["revision"] + 1))
    assert {(each["by"], each["request_id"]) for each in told} == {("anonymous", "first")}
    last = {name: change["to"] for each in told for name, change in each["changes"].items()}
    assert last.items() <= made.items()
    db[service].delete_one({"_id": made["id"]})
    gone = poll(lambda: [e for e in history(stack, service, made["id"]) if e["type"] == "deleted"])
    assert gone[0]["by"] == "outside the API"


def reached(told, revision):
    return told if told and told[-1]["revision"]["to"] == revision else None
