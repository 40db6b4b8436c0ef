"""History of photos by URL, as a follower writes it, and the undo of the import that brought them.

The jobs run here, not in workers, so that a test can stop between two of their writes.
"""

import threading
from dataclasses import replace

import bson
import pytest

from api_products import jobs
from api_products.images import processing
from api_products.resource import products as resource
from shared.schema.mongo_schema import json_schema
from shared.storage.audit_log import AuditLog
from shared.workers.follower import Follower
from tests.api_products.images.test_images import picture
from tests.support.photo_server import PhotoServer, Reply
from tests.support.polling import poll
from tests.support.services import on_real_servers

pytestmark = [on_real_servers, pytest.mark.leased, pytest.mark.usefixtures("own_apps", "followed")]

ID = "20260131-093000-k3fd"
PART = {"Import-ID": ID}
BYTES_OF_A_PHOTO = 4000  # of the history, at most


@pytest.fixture
def settings(settings):
    return replace(settings, photo_hosts="127.0.0.1")


@pytest.fixture
def followed(db, redis, products):
    history = AuditLog(db["products.history"], resource.origins)
    follower = Follower(resource.repository, json_schema(resource.schema), db, redis, 60, history)
    thread = threading.Thread(target=follower.run)
    thread.start()
    poll(lambda: redis.exists("products:generation") and db.followers.find_one())
    yield
    follower.stopping = True
    thread.join()


@pytest.fixture
def server():
    with PhotoServer() as server:
        server.replies = {
            f"/{number}": Reply(picture(f"#0000{number:02x}"), headers={"ETag": f'"{number}"'})
            for number in range(1, 11)
        }
        yield server


@pytest.fixture
def bring(products, server):
    """Return a function that brings a product with the photos of some numbers in an import."""

    def bring(*numbers):
        urls = [f"{server.url}/{number}" for number in numbers]
        body = {"name": "Pot", "sku": "P", "image_urls": urls}
        answer = products.post("/products:batch?key=sku", json=[body], headers=PART)
        assert answer.status_code == 207, answer.text

    return bring


@pytest.fixture
def fetch(products):
    """Return a function that runs the job of each of these images."""

    def fetch(*numbers):
        with products.application.app_context():
            for number in numbers:
                jobs.make_thumbnails("1", number)

    return fetch


@pytest.fixture
def effect(products):
    """Return a function that answers what the import did to the product."""

    def effect(id=ID):
        (found,) = products.get(f"/products:imports/{id}").get_json()["items"]
        return found

    return effect


@pytest.fixture
def undo(products, effect):
    """Return a function that sends the request that undoes the import; it returns the status."""

    def undo():
        asked = effect()["undo"]
        headers = {"If-Match": asked["if_match"], "Import-ID": f"undo-{ID}"}
        return products.open(
            asked["path"], method=asked["method"], json=asked["body"], headers=headers
        ).status_code

    return undo


def test_the_history_of_photos_grows_with_their_number(db, bring, fetch, effect):
    bring(*range(1, 11))
    fetch(*range(1, 11))
    assert effect()["undo"]["method"] == "DELETE"
    entries = list(db["products.history"].find({"item": 1}))
    assert sum(len(bson.encode(entry)) for entry in entries) < 10 * BYTES_OF_A_PHOTO


def test_the_history_has_every_revision_and_shows_the_image_that_changed(products, bring, fetch):
    bring(1, 2)
    fetch(1, 2)
    products.get(f"/products:imports/{ID}")  # Answers when the history is complete.
    items = products.get("/products/1/history").get_json()["items"]
    assert [entry["revision"]["to"] for entry in items] == [5, 4, 3, 2, 1]
    assert [entry["fields"] for entry in items[:4]] == [["images"], [], ["images"], []]
    assert [entry["import_id"] for entry in items] == [ID, None, ID, None, ID]
    shown = items[0]["changes"]["images"]["to"]
    assert "/2" in (shown[:200] if isinstance(shown, str) else shown[0]["url"])


@pytest.mark.parametrize("fetched", [(), (1,), (1, 2)])
def test_a_new_product_is_taken_back_however_many_photos_are_there(
    products, bring, fetch, undo, fetched
):
    bring(1, 2)
    fetch(*fetched)
    assert undo() == 204
    assert products.get("/products/1").status_code == 404


def test_a_product_is_taken_back_after_its_photo_failed_and_was_fetched_again(
    products, server, bring, fetch, undo
):
    reply = server.replies.pop("/1")
    bring(1, 2)
    fetch(1, 2)
    assert products.get("/products/1/images/1").get_json()["state"] == "failed"
    server.replies["/1"] = reply
    assert products.post("/products/1/images/1/fetch").status_code == 202
    fetch(1)
    assert products.get("/products/1/images/1").get_json()["state"] == "ready"
    assert undo() == 204


def test_a_photo_that_was_there_and_is_fetched_again_was_changed_since(
    products, server, bring, fetch, effect
):
    bring(1)
    fetch(1)
    server.replies["/1"] = server.replies["/2"]
    products.post("/products/1/images/1/fetch")
    fetch(1)
    assert {kept["pointer"] for kept in effect()["kept"]} == {"/images", "/image_urls"}


def test_photos_are_taken_back_while_one_is_fetched(
    products, server, bring, fetch, effect, monkeypatch
):
    products.post("/products", json={"name": "Pot", "sku": "P", "image_urls": [f"{server.url}/1"]})
    fetch(1)
    bring(1, 2, 3)
    fetch(2)
    found = []
    monkeypatch.setattr(
        processing, "process", lambda image: found.append(effect()) or {"state": "ready"}
    )
    fetch(3)
    assert found[0]["kept"] == []
    assert found[0]["undo"]["body"] == {"image_urls": [{"url": f"{server.url}/1", "alt": None}]}


def test_photos_that_an_import_removed_come_back(products, server, bring, fetch, undo):
    products.post("/products", json={"name": "Pot", "sku": "P", "image_urls": [f"{server.url}/1"]})
    fetch(1)
    bring(2)
    fetch(2)
    assert undo() == 200
    assert products.get("/products/1").get_json()["image_urls"] == [
        {"url": f"{server.url}/1", "alt": None}
    ]


def test_what_an_undo_together_leaves_is_a_request_for_the_item_as_it_is_now(products, server):
    """The order of photos stays when they are set, so that of before is asked for in vain."""
    one, two = (f"{server.url}/{number}" for number in (1, 2))
    products.post("/products", json={"name": "Pot", "image_urls": [one, two]})
    for changes in ({"name": "Pan", "image_urls": [two]}, {"image_urls": [two, one]}):
        products.patch("/products/1", json=changes, headers=PART)
    sent = {"Import-ID": f"undo-{ID}"}
    (left,) = products.post(f"/products:imports/{ID}", headers=sent).get_json()["items"]
    assert products.get("/products/1").get_json()["name"] == "Pot"
    assert (left["done"], list(left["undo"]["body"])) == (False, ["image_urls"])
    match = {"If-Match": left["undo"]["if_match"]}
    answer = products.patch("/products/1", json=left["undo"]["body"], headers=sent | match)
    assert answer.status_code == 200, answer.text


def test_a_photo_that_was_added_by_hand_while_others_are_fetched_stays(
    products, server, bring, fetch, effect
):
    bring(1, 2)
    fetch(1)
    products.post("/products/1/images", json={"url": f"{server.url}/3"})
    fetch(2, 3)
    found = effect()
    assert found["undo"] is None
    assert {kept["pointer"] for kept in found["kept"]} == {"/images", "/image_urls"}


def test_without_the_first_entry_the_values_are_unknown(db, bring, fetch, effect):
    """History that is older than HISTORY_DAYS is removed, that of a job of an import later."""
    bring(1, 2)
    fetch(1, 2)
    effect()
    db["products.history"].delete_one({"item": 1, "kind": "created"})
    found = effect()
    assert found["undo"] is None
    assert "does not have its values" in found["kept"][0]["message"]
