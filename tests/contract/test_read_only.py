"""Members that a request cannot use: every service refuses them by name, and writes nothing.

What a client has read may be sent back.
"""

import pytest

from tests.support.services import example, on_fakes

pytestmark = on_fakes


@pytest.fixture
def item(client, url, resource, serves):
    serves("create")
    return client.post(url, json=example(resource)).get_json()


def refused(response, *pointers):
    assert response.status_code == 422, response.get_json()
    errors = {error["pointer"]: error["message"] for error in response.get_json()["errors"]}
    assert set(errors) == set(pointers), errors
    return errors


def test_options_of_a_batch_belong_into_the_query_string(client, url, resource, serves):
    serves("batch")
    body = {"items": [example(resource)], "dry_run": True, "on_error": "reject_all", "colour": 1}
    errors = refused(client.post(f"{url}:batch", json=body), "/dry_run", "/on_error", "/colour")
    assert f"{url}:batch?dry_run=VALUE" in errors["/dry_run"]
    assert errors["/colour"] == "Unknown member; leave it out."
    assert client.get(url).get_json()["total"] == 0


def test_a_body_where_none_is_read_is_refused(client, url, item, serves):
    serves("delete")
    errors = refused(client.delete(f"{url}/1", json={"purge": True, "why": "x"}), "/purge", "/why")
    assert "?purge=VALUE" in errors["/purge"]
    for body in (b'["x"]', b'"x"'):
        response = client.delete(f"{url}/1", data=body, content_type="application/json")
        assert response.status_code == 400, body
    assert client.delete(f"{url}/1", data=b"x=1").status_code == 400
    assert client.delete(f"{url}/1", json={}).status_code == 204


def test_a_new_item_has_no_read_only_members(client, url, resource, serves):
    serves("create")
    new = example(resource) | {"id": 7, "created_at": "2020-01-01T00:00:00.000Z"}
    errors = refused(
        client.post(url, json=new | {"deleted_at": 1}),
        *(f"/{name}" for name in ("id", "created_at", "deleted_at")),
    )
    assert errors["/id"] == "Is read-only; leave it out."
    refused(client.post(url, json=new | {"x": 1}), "/id", "/created_at", "/x")
    assert client.get(url).get_json()["total"] == 0
    # Clients with typed objects send null.
    nulls = {"id": None, "revision": None}
    assert client.post(url, json=example(resource) | nulls).status_code == 201


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_item_may_be_sent_back_as_it_was_read(client, url, item, serves, method):
    serves("update")
    change = getattr(client, method)
    for _ in range(2):
        assert change(f"{url}/1", json=item).status_code == 200
    (listed,) = client.get(url).get_json()["items"]
    assert change(f"{url}/1", json=listed | {"missing_words": []}).status_code == 200
    # An earlier reading has other values.
    assert client.get(f"{url}/1").get_json()["id"] == 1
    earlier = item | {"updated_at": "2020-01-01T00:00:00.000Z", "revision": 0}
    errors = change(f"{url}/1", json=earlier).get_json()["errors"]
    assert {"/revision", "/updated_at"} <= {error["pointer"] for error in errors}


def test_the_same_change_may_be_sent_twice(client, url, item, serves, text_field):
    serves("update")
    change = item | {text_field: "Another"}
    for _ in range(2):
        assert client.put(f"{url}/1", json=change).get_json()[text_field] == "Another"


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", 7), ("revision", 99), ("revision", True), ("revision", "1"), ("created_at", None)],
)
def test_a_read_only_member_cannot_be_changed(client, url, item, serves, name, value):
    serves("update")
    refused(client.patch(f"{url}/1", json={name: value}), f"/{name}")
    assert client.patch(f"{url}/1", json={name: item[name]}).status_code == 200
    assert client.get(f"{url}/1").get_json() == item


def test_members_of_lists_are_accepted_beside_a_revision_alone(client, url, item, serves):
    serves("update")
    refused(client.patch(f"{url}/1", json={"deleted_at": "x"}), "/deleted_at")
    sent = {"deleted_at": "x", "revision": item["revision"]}
    assert client.patch(f"{url}/1", json=sent).status_code == 200


def test_an_item_of_the_trash_may_be_sent_back(client, url, item, serves, text_field):
    serves("restore")
    client.delete(f"{url}/1")
    (deleted,) = client.get(f"{url}?deleted=only").get_json()["items"]
    restored = client.post(f"{url}/1/restore", json=deleted | {text_field: "Again"})
    assert (restored.status_code, restored.get_json()[text_field]) == (200, "Again")
