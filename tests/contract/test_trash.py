"""Trash of every service: it is listed, reserves no values, and is emptied."""

from dataclasses import replace

import pytest

from tests.support.services import on_fakes, on_real_servers


@pytest.fixture
def deleted(client, url, minimal, serves):
    """Three items; the third was deleted first, then the second."""
    serves("create", "delete", "restore")
    for number in (1, 2, 3):
        assert client.post(url, json=minimal(f"Item {number}")).status_code == 201
    for number in (3, 2):
        assert client.delete(f"{url}/{number}").status_code == 204


def test_the_trash_is_listed_the_latest_first(client, url, deleted):
    response = client.get(f"{url}?deleted=only")
    assert response.status_code == 200
    answer = response.get_json()
    assert [each["id"] for each in answer["items"]] == [2, 3]
    assert all(each["deleted_at"].endswith("Z") for each in answer["items"])
    assert (answer["total"], answer["total_is"]) == (2, "exact")
    assert "hit" not in response.headers["Cache-Status"]
    assert client.get(url).get_json()["total"] == 1


def test_the_trash_has_pages_and_shows_the_fields_asked_for(client, url, deleted):
    first = client.get(f"{url}?deleted=only&per=1&fields=id").get_json()
    assert list(first["items"][0]) == ["id", "deleted_at"]
    assert client.get(f"{url}?deleted=only&fields=deleted_at,id").status_code == 200
    assert client.get(f"{url}?fields=deleted_at").status_code == 400
    assert "prev" not in first["links"]
    second = client.get(first["links"]["next"]).get_json()
    assert [each["id"] for each in second["items"]] == [3]
    assert "next" not in second["links"]


def test_the_trash_takes_filters_and_words(client, url, resource, deleted, minimal, text_field):
    def ids(query):
        answer = client.get(f"{url}?deleted=only&{query}")
        assert answer.status_code == 200, answer.get_json()
        assert answer.get_json()["total"] == len(answer.get_json()["items"])
        return [each["id"] for each in answer.get_json()["items"]]

    assert ids("q=item") == [2, 3]
    assert ids("q=item+3") == [3]
    assert ids("q=nothing") == []
    if "external_ref" in resource.query.fields:
        assert client.patch(f"{url}/1", json={"external_ref": "Ä-1"}).status_code == 200
        client.delete(f"{url}/1")
        assert ids("external_ref=A%CC%88-1%20") == [1]
        assert ids("external_ref=A-1") == []
    first = client.get(f"{url}?deleted=only&q=item&per=1").get_json()
    second = client.get(first["links"]["next"]).get_json()
    assert second["items"][0]["id"] != first["items"][0]["id"]


def test_a_restored_or_purged_item_is_not_listed(client, url, deleted):
    assert client.post(f"{url}/3/restore").status_code == 200
    assert [each["id"] for each in client.get(f"{url}?deleted=only").get_json()["items"]] == [2]
    assert client.delete(f"{url}/2?purge=true").status_code == 204
    assert client.get(f"{url}?deleted=only").get_json()["items"] == []


@on_fakes
@pytest.mark.parametrize(
    "query",
    ["deleted=yes", "deleted=only&ordering=id", "deleted=only&facets=status", "deleted=only&x=y"],
)
def test_the_trash_has_one_order_and_no_facets(client, url, query):
    response = client.get(f"{url}?{query}")
    assert response.status_code == 400
    assert response.get_json()["errors"][0]["parameter"] == query.split("&")[-1].partition("=")[0]


def test_a_conflict_names_field_value_owner_and_a_free_one(client, url, resource, minimal, serves):
    serves("create", "delete", "restore")
    known = [name for name in resource.keys if name in resource.schema.load_fields]
    for number, name in enumerate(known):
        value = f"taken-{number}@example.org" if name == "email" else f"taken-{number}"
        mine = client.post(url, json=minimal(f"Mine {number}") | {name: value}).get_json()
        refused = client.post(url, json=minimal(f"Other {number}") | {name: value})
        assert refused.status_code == 409
        problem = refused.get_json()
        assert (problem["field"], problem["value"]) == (name, value)
        assert (problem["owner"], problem["owner_in_trash"]) == (f"{url}/{mine['id']}", False)
        assert problem["errors"][0]["pointer"] == f"/{name}"
        assert problem.get("suggestion") == (None if name == "email" else f"{value}-2")
        # In the trash it reserves no value; when it is restored, its value is taken.
        assert client.delete(f"{url}/{mine['id']}").status_code == 204
        assert client.post(url, json=minimal(f"Other {number}") | {name: value}).status_code == 201
        back = client.post(f"{url}/{mine['id']}/restore")
        assert back.status_code == 409
        assert back.get_json()["field"] == name
        if offered := back.get_json().get("suggestion"):
            restored = client.post(f"{url}/{mine['id']}/restore", json={name: offered})
            assert (restored.status_code, restored.get_json()[name]) == (200, offered)


def test_an_id_taken_by_hand_meanwhile_is_a_conflict(client, url, resource, db, deleted):
    db[resource.name].insert_one({"_id": 2, "name": "By hand"})
    refused = client.post(f"{url}/2/restore")
    assert refused.status_code == 409
    assert (refused.get_json()["field"], refused.get_json()["value"]) == ("id", 2)


@on_real_servers
@pytest.mark.parametrize("days", [7, 0])
class TestExpiry:
    @pytest.fixture
    def settings(self, settings, days):
        return replace(settings, trash_days=days)

    def test_mongodb_removes_old_documents(self, client, resource, db, days):
        index = db[f"{resource.name}.trash"].index_information().get("deleted_at_1", {})
        assert index.get("expireAfterSeconds") == (days * 86_400 or None)


@pytest.mark.by_hand
def test_an_odd_document_in_the_trash_is_listed(client, url, resource, db):
    db[f"{resource.name}.trash"].insert_one({"name": "By hand"})
    (listed,) = client.get(f"{url}?deleted=only").get_json()["items"]
    assert (listed["id"], listed["deleted_at"]) == (None, None)
