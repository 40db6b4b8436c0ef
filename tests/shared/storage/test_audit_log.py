"""The audit log, as a follower writes it and as the API shows it."""

import threading
import time
from dataclasses import replace

import pytest

from api_products.resource import products as resource
from shared.schema.mongo_schema import json_schema
from shared.storage.audit_log import AuditLog
from shared.workers.follower import Follower
from tests.support.polling import poll
from tests.support.services import on_real_servers

pytestmark = [on_real_servers, pytest.mark.leased, pytest.mark.usefixtures("own_apps")]

OUTSIDE = "outside the API"


@pytest.fixture
def follow(db, redis, products):
    """Run followers until the test ends; return a function that ends one."""
    running = []

    def start():
        history = AuditLog(db["products.history"], resource.origins)
        validator = json_schema(resource.schema)
        follower = Follower(resource.repository, validator, db, redis, 60, history)
        thread = threading.Thread(target=follower.run)
        thread.start()
        running.append((follower, thread))
        poll(lambda: redis.exists("products:generation") and db.followers.find_one())
        return lambda: end(follower, thread)

    def end(follower, thread):
        follower.stopping = True
        thread.join()

    yield start
    for each in running:
        end(*each)


@pytest.fixture
def entries(products, db):
    """Return the history of a product, after every change has an entry."""
    marks = iter(range(1_000_000, 1_000_100))

    def entries(ref=1, **query):
        mark = next(marks)
        db.products.insert_one({"_id": mark})
        poll(lambda: db["products.history"].find_one({"item": mark}))
        answer = products.get(f"/products/{ref}/history", query_string={"per": 100, **query})
        assert answer.status_code == 200, answer.json
        return answer.json["items"]

    return entries


def summary(items):
    """Return the kind, author and revisions of each entry, the oldest first."""
    return [
        (each["type"], each["by"], each["revision"]["from"], each["revision"]["to"])
        for each in reversed(items)
    ]


def make(products, **values):
    answer = products.post("/products", json={"name": "Teapot", **values})
    assert answer.status_code == 201, answer.json
    return answer.json


def test_every_write_has_an_entry_with_author_time_fields_and_revisions(products, follow, entries):
    follow()
    made = make(products, price=12.5)
    products.patch("/products/1", json={"price": 9}, headers={"X-Request-ID": "mine"})
    products.patch("/products/1", json={"price": 9})  # Changes nothing.
    products.delete("/products/1")
    products.post("/products/1/restore", json={"slug": "pot"})
    items = entries()
    assert summary(items) == [
        ("created", "anonymous", None, 1),
        ("updated", "anonymous", 1, 2),
        ("deleted", "anonymous", 2, None),
        ("restored", "anonymous", None, 3),
    ]
    restored, deleted, updated, created = items
    assert (updated["request_id"], updated["fields"]) == ("mine", ["price"])
    assert updated["changes"] == {"price": {"from": 12.5, "to": 9}}
    assert abs(time.time() - _seconds(updated["at"])) < 60
    assert created["changes"]["name"] == {"from": None, "to": "Teapot"}
    assert deleted["changes"]["price"] == {"from": 9, "to": None}
    assert restored["changes"]["slug"] == {"from": None, "to": "pot"}
    shown = {name: change["to"] for name, change in created["changes"].items()}
    assert shown.items() <= made.items()
    assert not shown.keys() & {"id", "revision", "created_at", "updated_at"}


def _seconds(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone


def test_an_entry_keeps_the_tokens_that_invalidated_the_cache(products, follow, entries, db, redis):
    """So a generation leads to the change that renewed it."""
    follow()
    make(products, price=1)
    products.patch("/products/1", json={"price": 2})
    products.get("/products/1")
    written = db.products.find_one({"_id": 1})["written"]
    entries()
    history = db["products.history"]
    (updated,) = history.find({"written": written})
    assert (updated["kind"], updated["item"]) == ("updated", 1)
    db.products.update_one({"_id": 1}, {"$set": {"price": 3}})
    entries()
    token = redis.get("products:generation:1").decode()
    (by_hand,) = history.find({"renewed": token, "item": 1})
    assert (by_hand["by"], by_hand["fields"]) == (None, ["price"])
    assert "written" not in by_hand
    assert {"written_1", "renewed_1"} <= set(history.index_information())


def test_a_change_by_hand_has_no_author(products, follow, entries, db):
    follow()
    make(products, stock=1)
    db.products.update_one({"_id": 1}, {"$set": {"stock": 7}})
    products.patch("/products/1", json={"stock": 8})
    db.products.replace_one({"_id": 1}, db.products.find_one() | {"name": "Kettle"})
    db.products.delete_one({"_id": 1})
    items = entries()
    assert summary(items) == [
        ("created", "anonymous", None, 1),
        ("updated", OUTSIDE, 1, 1),
        ("updated", "anonymous", 1, 2),
        ("updated", OUTSIDE, 2, 2),
        ("deleted", OUTSIDE, 2, None),
    ]
    assert items[0]["changes"]["name"] == {"from": "Kettle", "to": None}
    assert items[1]["changes"] == {"name": {"from": "Teapot", "to": "Kettle"}}
    assert items[3]["changes"] == {"stock": {"from": 1, "to": 7}}
    assert {each["request_id"] for each in items if each["by"] == OUTSIDE} == {None}


def test_a_copy_made_by_hand_has_no_author(products, follow, entries, db):
    """A copy under another id, or put back, has the mark of its original."""
    follow()
    make(products)
    kept = db.products.find_one({"_id": 1})
    db.products.insert_one(kept | {"_id": 2, "slug": "copy"})
    db.products.delete_one({"_id": 1})
    db.products.insert_one(kept)
    assert summary(entries(2)) == [("created", OUTSIDE, None, 1)]
    assert [each["by"] for each in entries(1)] == [OUTSIDE, OUTSIDE, "anonymous"]
    products.patch("/products/1", json={"stock": 1})
    db.products.delete_one({"_id": 1})
    entries()
    db.products.insert_one(kept)
    assert entries(1)[0]["by"] == OUTSIDE


def test_a_change_of_hidden_fields_has_no_entry(products, follow, entries, db):
    follow()
    db.products.insert_one({"_id": 1, "name": "Made by hand"})
    poll(lambda: db.products.find_one({"_id": 1}).get("terms"))
    db.products.update_one({"_id": 1}, {"$set": {"written": "0123", "unheard_of": 1}})
    assert summary(entries()) == [("created", OUTSIDE, None, None)]


def write_by_batch(products):
    assert products.post("/products:batch?key=slug", json=[{"slug": "teapot", "price": 2}])
    assert products.post("/products:batch", json=[{"name": "Other"}]).status_code == 207


def write_stock(products):
    products.post("/products/1/stock", json={"change": 2, "reason": "found"})


def reserve(products):
    url = "/products/reservations/7f4df7a0-3f1c-4a8b-8a70-0f3c5a1b2c3d"
    assert products.put(url, json={"lines": [{"product_id": 1, "quantity": 2}]}).status_code == 200
    assert products.delete(url).status_code == 204


def mend_stock(products):
    products.application.extensions["connections"].db.products.update_one(
        {"_id": 1}, {"$set": {"stock": 90}}
    )
    assert products.post("/products:stock").status_code == 200


def mend_documents(products):
    products.application.extensions["connections"].db.products.update_one(
        {"_id": 1}, {"$set": {"price": "12.50"}, "$unset": {"created_at": ""}}
    )
    assert products.post("/products:documents").status_code == 200


@pytest.mark.parametrize(
    ("write", "by_hand"),
    [
        (write_by_batch, 0),
        (write_stock, 0),
        (reserve, 0),
        (mend_stock, 1),
        (mend_documents, 1),
    ],
)
def test_all_ways_to_write_leave_a_mark(products, follow, entries, write, by_hand):
    follow()
    make(products, price=1, stock=5)
    write(products)
    items = entries()
    assert [each["by"] for each in items].count(OUTSIDE) == by_hand
    ours = [each for each in reversed(items) if each["by"] != OUTSIDE]
    assert [each["revision"]["to"] for each in ours] == list(range(1, len(ours) + 1))
    assert len(ours) >= 2
    assert all(each["request_id"] for each in ours)


def test_products_that_follow_a_category_have_an_entry(products, categories, follow, entries):
    categories.post("/categories", json={"name": "Games"})
    follow()
    make(products, category="games")
    categories.patch("/categories/1", json={"slug": "play"}, headers={"X-Request-ID": "move"})
    moved, _ = entries()
    assert moved["request_id"] == "move"
    assert moved["changes"]["category"] == {"from": "games", "to": "play"}
    assert moved["by"] != OUTSIDE


def test_long_values_are_shortened(products, follow, entries, db):
    follow()
    make(products, description="x" * 90_000)
    db.products.update_one({"_id": 1}, {"$set": {"attributes": {"a": ["y" * 99] * 999}}})
    products.patch("/products/1", json={"description": "short"})
    shortened, nested, _ = entries()
    assert shortened["changes"] == {"description": {"from": "x" * 500 + "…", "to": "short"}}
    assert nested["changes"]["attributes"]["to"].endswith("…")
    assert len(nested["changes"]["attributes"]["to"]) < 600
    assert all(len(str(each)) < 10_000 for each in db["products.history"].find())


def test_a_purge_erases_the_values_and_keeps_the_entries(products, follow, entries, db):
    stop = follow()
    make(products, name="A person's name")
    products.patch("/products/1", json={"description": "Lives in Brussels"})
    entries()
    stop()
    products.patch("/products/1", json={"brand": "Told after the purge"})
    products.delete("/products/1?purge=true", headers={"X-Request-ID": "last"})
    follow()
    items = entries()
    assert summary(items) == [
        ("created", "anonymous", None, 1),
        ("updated", "anonymous", 1, 2),
        ("updated", "anonymous", 2, 3),
        ("purged", "anonymous", 3, None),
    ]
    assert items[0]["request_id"] == "last"
    assert [each["fields"] for each in items[:3]] == [[], ["brand"], ["description"]]
    assert [each["changes"] for each in items] == [None] * 4
    stored = str(list(db["products.history"].find()))
    assert not any(each in stored for each in ("person", "Brussels", "Told after"))


def test_a_purge_from_the_trash_erases_the_values_too(products, follow, entries):
    follow()
    make(products)
    products.delete("/products/1")
    entries()
    products.delete("/products/1?purge=true")
    items = entries()
    assert [each["type"] for each in items] == ["purged", "deleted", "created"]
    assert [each["changes"] for each in items] == [None] * 3


def test_an_event_that_is_read_again_has_one_entry(products, follow, entries, db):
    stop = follow()
    start = db.followers.find_one()
    make(products)
    products.patch("/products/1", json={"stock": 1})
    before = entries()
    stop()
    db.followers.replace_one({"_id": "products"}, start)
    follow()
    follow()
    assert entries() == before


def test_changes_without_a_follower_get_entries_later(products, follow, entries):
    follow()()
    make(products)
    follow()
    assert summary(entries()) == [("created", "anonymous", None, 1)]


def test_a_change_without_stored_images_has_an_incomplete_entry(products, follow, entries, db):
    make(products, price=1)
    stop = follow()
    stop()
    db.command("collMod", "products", changeStreamPreAndPostImages={"enabled": False})
    products.patch("/products/1", json={"price": 2})
    db.products.update_one({"_id": 1}, {"$set": {"price": 3}})
    db.products.delete_one({"_id": 1})
    follow()
    items = entries()
    assert summary(items) == [
        ("updated", "anonymous", None, 2),
        ("updated", OUTSIDE, None, None),
        ("deleted", "unknown", None, None),
    ]
    assert [each["fields"] for each in items] == [[], ["price"], ["price"]]
    assert [each["changes"] for each in items] == [None] * 3


def test_the_history_is_found_by_id_and_every_slug(products, follow, entries, db):
    follow()
    make(products)
    assert len(entries("teapot")) == 1
    products.patch("/products/1", json={"slug": "pot"})
    assert len(entries("pot")) == 2
    products.delete("/products/1")
    assert len(entries("pot")) == len(entries(1)) == 3
    products.delete("/products/1?purge=true")
    assert len(entries(1)) == 4
    for ref in ("pot", "99", "9" * 30, "no such thing"):
        assert products.get(f"/products/{ref}/history").status_code == 404
    made = db.products.insert_one({"name": "By hand"}).inserted_id
    db.products.delete_one({"_id": made})
    assert len(entries(made)) == 2


def test_a_history_comes_in_pages(products, follow, entries):
    follow()
    make(products, stock=0)
    for stock in range(1, 5):
        products.patch("/products/1", json={"stock": stock})
    every = entries()
    first = products.get("/products/1/history?per=2")
    assert first.json["items"] == every[:2]
    assert (first.json["total"], first.json["total_is"]) == (5, "exact")
    second = products.get(first.json["links"]["next"]).json
    assert second["items"] == every[2:4]
    assert "next" not in products.get("/products/1/history?per=2&page=3").json["links"]
    uncounted = products.get("/products/1/history", headers={"Prefer": "count=none"})
    assert uncounted.json["total"] is None
    refused = products.get("/products/1/history?fields=at&q=x&deleted=only&cursor=x")
    assert [each["parameter"] for each in refused.json["errors"]] == [
        *("fields", "q", "deleted", "cursor")
    ]


@pytest.mark.parametrize("days", [7, 0])
class TestExpiry:
    @pytest.fixture
    def settings(self, settings, days):
        return replace(settings, history_days=days)

    def test_mongodb_removes_old_documents(self, products, db, days):
        index = db["products.history"].index_information().get("at_1", {})
        assert index.get("expireAfterSeconds") == (days * 86_400 or None)
