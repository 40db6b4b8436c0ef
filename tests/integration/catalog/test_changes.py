"""The change feed of a running stack: in order, whole, and with what was edited by hand."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import urllib3

from shared.storage.connections import open_mongo
from tests.support.polling import poll
from tests.support.stack import NAMES, instance, processes_of
from vitrine import stack as stacks

EVENTS = {"Accept": "text/event-stream"}
WRITERS, WRITES = 4, 80


@pytest.fixture
def db(stack):
    with open_mongo(stacks.read(stack.folder).mongo_uri, 10) as client:
        yield client["vitrine"]


@pytest.fixture
def since(stack):
    return now(stack)


def now(stack, service="products"):
    return stack.get(service, f"/{service}/changes")["since"]


def changes(stack, since, count, service="products"):
    """Return the changes since a token, as soon as there are so many, but all there are."""
    found = []
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        wait = 1 if len(found) < count else 0
        page = stack.get(service, f"/{service}/changes?since={since}&wait={wait}")
        found, since = found + page["changes"], page["since"]
        if len(found) >= count and not page["changes"]:
            break
    return found


def make(stack, **values):
    status, product = stack.request("POST", "products", "/products", {"name": "Teapot"} | values)
    assert status == 201
    return product


@contextmanager
def listening(stack, url, **headers):
    """Yield the events of a stream, as they come."""
    answer = stack._http.request("GET", url, headers=EVENTS | headers, preload_content=False)
    try:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield blocks(answer)
    finally:
        answer.close()


def blocks(answer):
    """Parse what a server-sent stream says, a block of fields at a time."""
    text = ""
    for chunk in answer.stream(amt=None):
        text += chunk.decode()
        *whole, text = text.split("\n\n")
        for block in whole:
            lines = (line.partition(":") for line in block.split("\n"))
            yield {name: value.removeprefix(" ") for name, _, value in lines}


def test_what_the_api_does_is_told_in_its_order(stack, since):
    path = f"/products/{make(stack, stock=3)['id']}"
    shown = [stack.get("products", path)]
    assert stack.request("PATCH", "products", path, {"price": 12.5})[0] == 200
    shown.append(stack.get("products", path))
    assert stack.request("PATCH", "products", path, {"price": 12.5})[0] == 200  # Changes nothing.
    assert stack.request("DELETE", "products", path)[0] == 204
    assert stack.request("POST", "products", f"{path}/restore")[0] == 200
    shown.append(stack.get("products", path))
    assert stack.request("DELETE", "products", f"{path}?purge=true")[0] == 204
    told = changes(stack, since, 5)
    assert [each["type"] for each in told] == [
        *("created", "updated", "deleted", "created", "deleted")
    ]
    assert [each["item"] for each in told if each["item"]] == shown
    assert {each["id"] for each in told} == {shown[0]["id"]}
    assert told[1]["fields"] == ["price", "updated_at", "revision"]
    assert (told[2]["slug"], told[2]["item"]) == (shown[0]["slug"], None)
    tokens = [each["token"] for each in told]
    assert tokens == sorted(tokens)
    assert changes(stack, tokens[1], 3) == told[2:]


def test_edits_by_hand_are_told_but_not_what_nobody_sees(stack, since, db):
    made = db.products.insert_one({"name": "Made by hand", "tags": ["x"]}).inserted_id
    db.products.update_one({"_id": made}, {"$set": {"name": "Changed by hand"}})
    # The follower has given it the words it is found by, which no client sees.
    poll(lambda: "+changed" in (db.products.find_one({"_id": made}).get("terms") or ()))
    db.products.update_one({"_id": made}, {"$set": {"written": "0123", "unheard_of": 1}})
    db.products.delete_one({"_id": made})
    first, second, third = changes(stack, since, 3)
    assert (first["type"], first["item"]["name"]) == ("created", "Made by hand")
    assert (second["type"], second["fields"]) == ("updated", ["name"])
    assert second["item"]["name"] == "Changed by hand"
    assert (third["type"], third["id"], third["item"]) == ("deleted", str(made), None)


@pytest.mark.parametrize("service", NAMES)
def test_every_resource_has_one(stack, service):
    product = make(stack, price=2, stock=9)["id"]
    bodies = {
        "orders": {"product_id": product, "quantity": 2},
        "games": {"title": "FIFA 25"},
    }
    since = now(stack, service)
    sent = bodies.get(service, {"name": "Teapot"})
    status, made = stack.request("POST", service, f"/{service}", sent)
    assert status == 201
    # An order is changed several times until it is placed.
    told = changes(stack, since, 1, service)
    assert (told[0]["type"], told[0]["id"]) == ("created", made["id"])
    for live in ("product_count", "all_attributes"):
        made.pop(live, None)
    assert told[-1]["item"] == made
    assert stack.get(service, "/")["links"]["changes"] == f"/{service}/changes"


def test_a_long_poll_is_answered_as_soon_as_something_happens(stack, since):
    url = f"/products/changes?since={since}&wait=60"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(stack.get, "products", url)
        assert not waiting.done()
        made = make(stack)
        answered = waiting.result(timeout=55)
    assert [each["item"] for each in answered["changes"]] == [made]
    assert answered["links"]["next"] == f"/products/changes?since={answered['since']}&wait=60"


def test_a_stream_goes_on_where_another_has_ended(stack):
    url = stack.url("products") + "/products/changes"
    with listening(stack, url) as events:
        assert next(events) == {"retry": "2000"}
        assert now(stack).rpartition("-")[2] == next(events)["id"].rpartition("-")[2]
        made = [make(stack, name=f"Teapot {number}") for number in range(3)]
        told = [next(events) for _ in made]
    assert [each["event"] for each in told] == ["created"] * 3
    assert [json.loads(each["data"])["item"] for each in told] == made
    ignored = f"{url}?since={told[2]['id']}"
    with listening(stack, ignored, **{"Last-Event-ID": told[0]["id"]}) as events:
        assert next(events) == {"retry": "2000"}
        assert [next(events), next(events)] == told[1:]


def test_a_reader_gets_every_change_once_though_the_service_is_killed(stack, since, db, kill):
    """Writes and reads meet a service that is gone, and are tried again."""
    done, told, broken = threading.Event(), [], []
    reader = threading.Thread(target=read_on, args=(stack, since, done, told, broken))
    reader.start()
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write_many, stack, number) for number in range(WRITERS)]
        poll(lambda: len(told) > WRITERS * WRITES / 4)
        for pid in processes_of(stack, b"serve\0api_products"):
            kill(pid)
        ids = [writer.result(timeout=120) for writer in writers]
    done.set()
    reader.join(120)
    assert broken  # The reader was cut off, and has gone on.
    for id in ids:
        last = db.products.find_one({"_id": id})["revision"]
        assert last >= WRITES
        seen = [each["item"]["revision"] for each in told if each["id"] == id]
        assert seen == list(range(1, last + 1))


def read_on(stack, since, done, told, broken):
    """Follow the feed until all is written and nothing more comes."""
    while True:
        is_last = done.is_set()
        try:
            page = stack.get("products", f"/products/changes?since={since}&wait=1&limit=50")
        except (urllib3.exceptions.HTTPError, AssertionError) as error:
            broken.append(error)
            continue
        told += page["changes"]
        since = page["since"]
        if is_last and not page["changes"]:
            return


def write_many(stack, writer):
    made = {}

    def is_made():
        with_key = {"Idempotency-Key": f"feed-{stack.process.pid}-{writer}"}
        made.update(answer("POST", "/products", {"name": f"Written {writer}"}, **with_key))
        return made

    def answer(*args, **headers):
        try:
            status, value = stack.request(args[0], "products", *args[1:], **headers)
        except urllib3.exceptions.HTTPError:
            return {}
        return value if status < 300 else {}

    poll(is_made)
    for price in range(1, WRITES):
        poll(lambda price=price: answer("PATCH", f"/products/{made['id']}", {"price": price}))
    return made["id"]


@pytest.mark.long
def test_only_half_of_the_threads_wait_and_not_for_those_who_hung_up(stack):
    def unless_refused(url):
        answer = stack._http.request("GET", url)
        return answer.json() if answer.status == 200 else None

    with instance(stack, WORKERS="1", THREADS="4") as url:
        feed = f"{url}/products/changes"
        since = stack._http.request("GET", feed).json()["since"]
        with listening(stack, feed) as one, listening(stack, feed) as two:
            assert next(one) == next(two) == {"retry": "2000"}
            for headers in ({}, EVENTS):
                query = "" if headers else "&wait=60"
                refused = stack._http.request(
                    "GET", f"{feed}?since={since}{query}", headers=headers
                )
                assert refused.status == 503
                assert "2 clients wait in this process" in refused.json()["detail"]
                assert refused.headers["Retry-After"] == "1"
            asked = stack._http.request("GET", f"{feed}?since={since}&wait=0")
            assert asked.status == 200
        waited = poll(lambda: unless_refused(f"{feed}?since={since}&wait=1"))
        assert waited["changes"] == []


@pytest.mark.long
@pytest.mark.parametrize("threads", [1, 2])
def test_other_requests_are_answered_while_all_wait_who_may(stack, threads):
    """Of the feed and of the live view together."""
    with instance(stack, WORKERS="1", THREADS=str(threads)) as url:
        opened = [
            stack._http.request("GET", url + path, headers=EVENTS, preload_content=False)
            for path in ("/__cache/live", "/products/changes") * 2
        ]
        places = threads // 2
        try:
            statuses = [answer.status for answer in opened]
            assert statuses == [200] * places + [503] * (len(opened) - places)
            assert stack._http.request("GET", f"{url}/health/live").status == 200
            assert stack._http.request("GET", f"{url}/products/changes").status == 200
        finally:
            for answer in opened:
                answer.close()


def test_who_waits_is_answered_at_once_when_the_service_is_told_to_stop(stack, since):
    told = threading.Event()
    with ThreadPoolExecutor() as pool:
        with instance(stack) as url:
            feed = f"{url}/products/changes?since={since}"
            polled = pool.submit(ask, f"{feed}&wait=60")
            streamed = pool.submit(ask, feed, told, **EVENTS)
            assert told.wait(90)
            assert not polled.done()
        # A server that kept them waiting was killed, and has cut them off.
        for text in (polled.result(), streamed.result()):
            assert text.startswith(('{"changes":[]', "retry: "))


def ask(url, told=None, **headers):
    """Return all of a response."""
    with urllib3.PoolManager(retries=False, timeout=70) as http:
        answer = http.request("GET", url, headers=headers, preload_content=False)
        text = ""
        for chunk in answer.stream(amt=None):
            text += chunk.decode()
            if told:
                told.set()
        return text
