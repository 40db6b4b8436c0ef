"""Errors of the change feed, and changes whose documents MongoDB has dropped."""

import json
import time
from dataclasses import replace

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tests.support.services import on_real_servers

pytestmark = [on_real_servers, pytest.mark.leased, pytest.mark.usefixtures("own_apps")]

FEED = "/products/changes"


@pytest.fixture
def products(make_client, db):
    """The products service, with documents kept as they were before their changes."""
    client = make_client("api_products")
    keep_images(db, True)
    return client


def keep_images(db, enabled):
    db.command("collMod", "products", changeStreamPreAndPostImages={"enabled": enabled})


def now(client, url=FEED):
    answer = client.get(url)
    assert answer.status_code == 200, answer.json
    assert answer.json["changes"] == []
    return answer.json["since"]


def changes(client, since, url=FEED):
    answer = client.get(url, query_string={"since": since, "wait": 0, "limit": 1000})
    assert answer.status_code == 200, answer.json
    return answer.json["changes"]


def test_what_is_wrong_with_a_query_is_named(products):
    asked = {"since": "yesterday", "wait": "61", "limit": "0"}
    answer = products.get(FEED, query_string=asked)
    assert answer.status_code == 400
    assert [each["parameter"] for each in answer.json["errors"]] == ["since", "wait", "limit"]
    assert products.get(f"{FEED}?since=").status_code == 400
    assert (
        products.get(f"{FEED}?wait=1&wait=2").json["errors"][0]["message"]
        == "Sent twice; send it once."
    )
    assert "did you mean since?" in products.get(f"{FEED}?sinse=1").json["detail"]
    events = {"Accept": "text/event-stream"}
    only = products.get(f"{FEED}?wait=1", headers=events).json["errors"]
    assert only == [
        {"parameter": "wait", "message": "Is only for long polls; leave it out of a stream."}
    ]
    assert products.get(FEED, headers=events | {"Last-Event-ID": "7"}).status_code == 400


@pytest.mark.parametrize("data", ["82" + "0" * 60, "AB" * 20, "826B02092900000001"])
def test_a_token_that_mongodb_does_not_take_is_named(products, data):
    collection = now(products).rpartition("-")[2]
    answer = products.get(FEED, query_string={"since": f"{data}-{collection}"})
    assert answer.status_code == 400
    assert answer.json["errors"] == [
        {
            "parameter": "since",
            "message": "Is not a token of this feed; send since of the previous response.",
        }
    ]


def test_a_token_of_another_collection_is_refused(products, make_client):
    other = now(make_client("api_clients"), "/clients/changes")
    answer = products.get(FEED, query_string={"since": other})
    assert answer.status_code == 410
    assert answer.json["title"] == "Gone"
    products.post("/products", json={"name": "Teapot"})
    assert [each["type"] for each in changes(products, answer.json["since"])] == ["created"]


@pytest.mark.parametrize("end", ["drop", "rename"])
def test_a_collection_that_ended_is_gone_for_good(products, db, end):
    since = now(products)
    if end == "drop":
        db.products.drop()
        db.create_collection("products")
    else:
        db.others.insert_one({"name": "Of another collection"})
        db.others.rename("products", dropTarget=True)
    for headers in ({}, {"Accept": "text/event-stream"}):
        answer = products.get(FEED, query_string={"since": since}, headers=headers)
        assert answer.status_code == 410
        assert changes(products, answer.json["since"]) == []


def test_a_stream_tells_what_was_before_the_end_of_its_collection_then_the_end(products, db):
    stream = products.get(FEED, headers={"Accept": "text/event-stream"}).iter_encoded()
    assert next(stream) == b"retry: 2000\n\n"
    assert next(stream).startswith(b":\nid: ")
    db.products.insert_one({"name": "The last one"})
    db.products.drop()
    told = b"".join(stream).decode()
    assert told.index("event: created") < told.index("event: error")
    problem = json.loads(told.rpartition("data: ")[2])
    assert problem["status"] == 410
    assert problem["since"]
    db.create_collection("products")


def test_changes_that_fell_off_the_oplog_are_gone(products, monkeypatch):
    since = now(products)
    run = Database.command

    def forgetful(database, command, *args, **options):
        # An oplog keeps 990 megabytes at the least, so MongoDB's answer is given for it.
        if "resumeAfter" in str(command):
            raise OperationFailure("Resume of change stream was not possible", code=286)
        return run(database, command, *args, **options)

    monkeypatch.setattr(Database, "command", forgetful)
    answer = products.get(FEED, query_string={"since": since})
    assert answer.status_code == 410
    assert "has removed the changes" in answer.json["detail"]
    assert answer.json["links"]["next"] == f"{FEED}?since={answer.json['since']}"


def test_a_change_too_large_to_be_told_is_gone(products, db):
    since = now(products)
    db.products.insert_one({"_id": 1, "description": "x" * 6_000_000})
    db.products.update_one({"_id": 1}, {"$set": {"description": "y" * 6_000_000}})
    answer = products.get(FEED, query_string={"since": since})
    assert answer.status_code == 410
    assert "too large" in answer.json["detail"]


def test_what_mongodb_did_not_keep_is_not_made_up(products, db):
    products.post("/products", json={"name": "Teapot", "attributes": {"color": "red"}})
    keep_images(db, False)
    since = now(products)
    db.products.update_one({"_id": 1}, {"$set": {"terms": ["hidden"]}})
    db.products.update_one({"_id": 1}, {"$set": {"attributes.color": "blue", "x": 1}})
    db.products.update_one({"_id": 1}, {"$unset": {"name": ""}})
    db.products.replace_one({"_id": 1}, {"name": "Pot"})
    db.products.delete_one({"_id": 1})
    first, second, third, gone = changes(products, since)
    assert (first["type"], first["fields"], first["item"]) == ("updated", ["attributes"], None)
    assert (second["fields"], second["item"]) == (["name"], None)
    assert third["item"]["name"] == "Pot"
    assert {"id", "name", "price"} <= set(third["fields"])
    assert (gone["type"], gone["id"], gone["slug"]) == ("deleted", 1, None)


def test_an_answer_has_as_many_changes_as_asked_for_and_a_link_to_the_next(products, db):
    since = now(products)
    db.products.insert_many([{"_id": number} for number in range(1, 8)])
    url, found = f"{FEED}?since={since}&limit=3&wait=0", []
    while page := products.get(url).json["changes"]:
        found.append([each["id"] for each in page])
        url = products.get(url).json["links"]["next"]
    assert found == [[1, 2, 3], [4, 5, 6], [7]]


def test_an_empty_answer_means_that_nothing_else_has_happened(products, db):
    db.products.insert_one({"_id": 1, "name": "Teapot"})
    since = now(products)
    for number in range(30):
        db.products.update_one({"_id": 1}, {"$set": {"terms": [str(number)]}})
    db.products.update_one({"_id": 1}, {"$set": {"name": "Pot"}})
    asked = {"since": since, "wait": 0, "limit": 10}
    (change,) = products.get(FEED, query_string=asked).json["changes"]
    assert change["fields"] == ["name"]


def test_what_was_acknowledged_is_in_the_next_answer(products):
    since = now(products)
    for number in range(1, 21):
        products.post("/products", json=example_product(number))
        (change,) = changes(products, since)
        assert change["item"] == products.get(f"/products/{number}").json
        since = change["token"]


def example_product(number):
    return {"name": f"Teapot {number}", "price": number}


def test_waiting_is_not_counted_as_work(products, capsys, caplog):
    since = now(products)
    started = time.monotonic()
    with caplog.at_level("INFO", "vitrine.access"):
        answer = products.get(FEED, query_string={"since": since, "wait": 1})
    ended = time.monotonic()
    assert answer.json["changes"] == []
    assert answer.headers["Cache-Control"] == "no-store"
    logged = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert logged["ms"] < (ended - started - 0.9) * 1000


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json, text/event-stream", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("*/*, text/event-stream", "text/event-stream"),
    ],
)
def test_a_stream_is_for_who_asks_for_one(products, accept, kind):
    answer = products.head(FEED, headers={"Accept": accept})
    assert answer.mimetype == kind


def test_head_does_not_wait(products):
    since = now(products)
    assert products.head(FEED, query_string={"since": since, "wait": 60}).status_code == 200
    for _ in range(20):  # More than there are places.
        products.head(FEED, headers={"Accept": "text/event-stream"})
    assert products.get(FEED, query_string={"since": since, "wait": 1}).status_code == 200


class TestWithFewThreads:
    """Clients of the feed and those of ``/__cache/live`` share half of the threads."""

    @pytest.fixture
    def settings(self, settings, threads):
        return replace(settings, threads=threads)

    @pytest.mark.parametrize("threads", [1])
    @pytest.mark.parametrize("url", [f"{FEED}?since=", FEED, "/__cache/live"])
    def test_one_thread_lets_nobody_wait(self, products, url):
        events = {} if "since" in url else {"Accept": "text/event-stream"}
        refused = products.get(url.replace("since=", f"since={now(products)}"), headers=events)
        assert refused.status_code == 503
        assert "THREADS=2" in refused.json["detail"]
        assert products.get(FEED).status_code == 200

    @pytest.mark.parametrize("threads", [2])
    def test_two_threads_let_one_client_wait(self, products):
        since = now(products)
        with products.get("/__cache/live", buffered=False) as watched:
            assert watched.status_code == 200
            for url in (f"{FEED}?since={since}", "/__cache/live"):
                refused = products.get(url)
                assert refused.status_code == 503
                assert "1 client waits" in refused.json["detail"]
            assert changes(products, since) == []
        assert products.get(f"{FEED}?since={since}&wait=1").status_code == 200
