"""The change feed as readers see it that see no drafts."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from shared.http.tokens import Tokens
from tests.support.services import on_real_servers

pytestmark = [on_real_servers, pytest.mark.leased, pytest.mark.usefixtures("own_apps")]

SECRET = "0123456789abcdef0123456789abcdef"
FEED = "/products/changes"


@pytest.fixture
def settings(settings):
    return replace(settings, auth_mode="token", secret_key=SECRET)


@pytest.fixture
def editor(settings):
    token = Tokens(settings).mint("ann", ["products:read", "products:write"], 60)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def client(make_client, db):
    client = make_client("api_products")
    keep_images(db, True)
    return client


def keep_images(db, enabled):
    db.command("collMod", "products", changeStreamPreAndPostImages={"enabled": enabled})


@pytest.fixture
def send(client, editor):
    def send(method, path, **body):
        answer = client.open(path, method=method, json=body, headers=editor)
        assert answer.status_code < 300, answer.json
        return answer

    return send


def now(client):
    return client.get(FEED).json["since"]


def changes(client, since, **headers):
    answer = client.get(FEED, query_string={"since": since, "wait": 0}, headers=headers)
    assert answer.status_code == 200, answer.json
    return answer.json["changes"]


def kinds(found):
    return [(each["type"], each["id"]) for each in found]


def test_a_draft_begins_and_ends_unseen(client, send, editor):
    since = now(client)
    send("POST", "/products", name="Secretkettle", status="draft")
    send("PATCH", "/products/1", name="Secretpot", price=3)
    send("DELETE", "/products/1")
    assert changes(client, since) == []
    seen = kinds(changes(client, since, **editor))
    assert seen == [("created", 1), ("updated", 1), ("deleted", 1)]


def test_a_product_that_becomes_a_draft_is_deleted_and_later_created(client, send, editor):
    since = now(client)
    send("POST", "/products", name="Teapot")
    send("PATCH", "/products/1", status="draft", name="Secretpot", slug="secretpot")
    send("PATCH", "/products/1", price=3)
    send("PATCH", "/products/1", status="active", name="Newpot")
    send("PATCH", "/products/1", status="archived")
    found = changes(client, since)
    assert kinds(found) == [("created", 1), ("deleted", 1), ("created", 1), ("updated", 1)]
    assert (found[1]["slug"], found[1]["item"]) == ("teapot", None)
    assert found[2]["item"]["name"] == "Newpot"
    assert "fields" not in found[2]
    assert (found[3]["fields"], found[3]["item"]["status"]) == (
        ["status", "updated_at", "revision"],
        "archived",
    )
    assert "Secret" not in json.dumps(found)
    seen = kinds(changes(client, since, **editor))
    assert seen == [("created", 1), *[("updated", 1)] * 4]


def test_a_stream_of_events_names_no_draft(client, send, editor):
    since = now(client)
    send("POST", "/products", name="Secretkettle", status="draft")
    send("POST", "/products", name="Teapot")
    workers = client.application.extensions
    for headers, shown in (({}, 1), (editor, 2)):
        events = client.get(
            f"{FEED}?since={since}", headers={"Accept": "text/event-stream", **headers}
        ).iter_encoded()
        assert next(events).startswith(b"retry")
        sent = next(events)
        workers["worker"] = SimpleNamespace(alive=False)
        assert list(events) == []
        del workers["worker"]
        assert sent.count(b"event: created") == shown
        assert (b"Secretkettle" in sent) == (shown == 2)


def test_of_old_changes_the_present_document_decides(client, send, db):
    keep_images(db, False)
    send("POST", "/products", name="Teapot")
    send("POST", "/products", name="Kettle")
    since = now(client)
    send("PATCH", "/products/1", price=1)
    send("PATCH", "/products/2", price=1)
    send("PATCH", "/products/2", name="Secretkettle", slug="secretkettle", status="draft")
    found = changes(client, since)
    assert kinds(found) == [("updated", 1), ("deleted", 2)]
    send("DELETE", "/products/2")
    assert kinds(changes(client, since)) == [("updated", 1), ("deleted", 2)]
    assert "ecret" not in json.dumps(found)


def test_the_history_of_a_draft_needs_the_scope(client, send, editor):
    send("POST", "/products", name="Secretkettle", status="draft")
    assert client.get("/products/1/history").status_code == 401
    assert client.get("/products/1/history", headers=editor).status_code == 200
