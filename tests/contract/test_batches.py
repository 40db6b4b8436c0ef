"""Batches: the promises of every service."""

import pytest

from tests.support.services import example, on_fakes


@pytest.fixture
def batch(client, url, serves):
    serves("batch")

    def post(items, **query):
        return client.post(f"{url}:batch", json=items, query_string=query)

    return post


@pytest.fixture
def key(resource):
    """A key of the service that may be any text."""
    for name in ("external_ref", "sku"):
        if name in resource.keys:
            return name
    return pytest.skip(f"{resource.name} has no key to find items by")


def test_each_item_gets_its_own_result(batch, text_field):
    response = batch([{text_field: "Good"}, {text_field: ""}, 5, {text_field: "Also good"}])
    assert response.status_code == 207
    value = response.get_json()
    assert [each["result"] for each in value["results"]] == [
        "created",
        "failed",
        "failed",
        "created",
    ]
    assert [each["status"] for each in value["results"]] == [201, 422, 422, 201]
    assert value["results"][1]["errors"][0]["pointer"] == f"/{text_field}"
    assert value["summary"] == {"created": 2, "failed": 2}


def test_the_body_may_be_an_object_with_items(batch, text_field):
    assert batch({"items": [{text_field: "Good"}]}).get_json()["summary"] == {"created": 1}


def test_reject_all_writes_nothing_when_one_is_wrong(batch, client, url, text_field):
    response = batch([{text_field: "Good"}, {text_field: ""}], on_error="reject_all")
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["pointer"] == f"/1/{text_field}"
    assert client.get(url).get_json()["total"] == 0


def test_reject_all_writes_all_when_all_are_good(batch, client, url, text_field):
    response = batch([{text_field: "One"}, {text_field: "Two"}], on_error="reject_all")
    assert response.get_json()["summary"] == {"created": 2}
    assert client.get(url).get_json()["total"] == 2


def test_a_dry_run_reports_results_and_writes_nothing(batch, client, url, text_field):
    response = batch([{text_field: "Good"}, {text_field: ""}], dry_run="true")
    assert response.get_json()["summary"] == {"created": 1, "failed": 1}
    assert client.get(url).get_json()["total"] == 0


def test_a_repeated_batch_changes_nothing(batch, client, url, resource, key):
    items = [example(resource) | {key: "a"}]
    items = [{k: v for k, v in items[0].items() if k not in resource.unique or k == key}]
    assert batch(items, key=key).get_json()["summary"] == {"created": 1}
    before = client.get(f"{url}/1").get_json()
    assert batch(items, key=key).get_json()["summary"] == {"unchanged": 1}
    assert client.get(f"{url}/1").get_json() == before


def test_an_item_that_is_sent_as_it_was_read_is_unchanged(batch, client, url, key, text_field):
    batch([{text_field: "Bare", key: "a"}], key=key)
    shown = client.get(f"{url}/1").get_json()
    assert batch([shown], key=key).get_json()["summary"] == {"unchanged": 1}
    assert client.get(f"{url}/1").get_json() == shown


def test_an_item_with_a_stored_key_changes_only_the_fields_sent(
    batch, client, url, key, text_field
):
    batch([{text_field: "Old", key: "a"}], key=key)
    results = batch(
        [{text_field: "New", key: "a"}, {text_field: "B", key: "b"}], key=key
    ).get_json()
    assert [(each["result"], each["id"]) for each in results["results"]] == [
        ("updated", 1),
        ("created", 2),
    ]
    assert client.get(f"{url}/1").get_json()[text_field] == "New"
    assert batch([{key: "a"}], key=key).get_json()["summary"] == {"unchanged": 1}


def test_a_repeated_key_in_one_batch_is_named(batch, key, text_field):
    items = [{text_field: "One", key: "a"}, {text_field: "Two", key: "a"}]
    first, second = batch(items, key=key).get_json()["results"]
    assert (first["result"], second["result"]) == ("created", "failed")
    assert "An earlier item" in second["errors"][0]["message"]


def test_an_item_without_the_key_is_named(batch, key, text_field):
    (result,) = batch([{text_field: "One"}], key=key).get_json()["results"]
    assert (result["status"], result["errors"][0]["pointer"]) == (422, f"/{key}")


def test_a_taken_value_is_named(batch, key, text_field):
    batch([{text_field: "One", key: "a"}])
    (result,) = batch([{text_field: "Two", key: "a"}]).get_json()["results"]
    assert (result["status"], result["errors"][0]["pointer"]) == (409, f"/{key}")


def test_equal_names_get_distinct_slugs(batch, resource, text_field):
    if not resource.slug:
        pytest.skip(f"{resource.name} has no slugs")
    batch([{text_field: "Same"}])
    results = batch([{text_field: "Same"}] * 20).get_json()["results"]
    assert [each["slug"] for each in results] == [f"same-{n}" for n in range(2, 22)]


@on_fakes
@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"key": "nope"}, "key"),
        ({"on_error": "x"}, "on_error"),
        ({"dry": "1"}, "dry"),
        ({"merge": "name"}, "merge"),
    ],
)
def test_a_wrong_option_is_named(batch, query, named):
    response = batch([], **query)
    assert response.status_code == 400
    assert response.get_json()["errors"][0]["parameter"] == named


def test_a_batch_has_at_most_a_thousand_items(batch, text_field):
    assert batch([{text_field: "x"}] * 1001).status_code == 413
    assert batch("x").status_code == 400


def test_a_dry_run_names_the_item_that_has_the_name_of_a_new_one(batch, text_field):
    batch([{text_field: "Blue Pot"}, {text_field: "Red Pot"}])
    asked = [{text_field: name} for name in ("Red Pot", "Green Pot", "", "BLUE pot")]
    results = batch(asked, dry_run="true").get_json()["results"]
    assert [each.get("same_name") for each in results] == [2, None, None, 1]
    assert "same_name" not in batch(asked[:1]).get_json()["results"][0]


def test_an_item_that_gets_another_name_is_said(batch, text_field, key):
    batch([{text_field: "Pot", key: "1"}])
    change = [{key: "1", text_field: "Cup"}]
    for query in ({"dry_run": "true"}, {}):
        (result,) = batch(change, key=key, **query).get_json()["results"]
        assert result["renamed"] is True
    (result,) = batch(change, key=key).get_json()["results"]
    assert (result["result"], "renamed" in result) == ("unchanged", False)


def test_members_that_an_object_loses_are_named(client, url, resource, text_field, key):
    if "attributes" not in resource.schema.load_fields:
        pytest.skip(f"{resource.name} have no attributes")
    rule = {"type": "string"}  # Fits products and categories.
    value = (lambda text: rule) if resource.name == "categories" else str
    old = {name: value(name) for name in ("a/b", "color")}
    new = {"size": value("size")}
    client.post(url, json={text_field: "Pot", key: "1", "attributes": old})
    change = [{key: "1", "attributes": new}]
    path = f"{url}:batch?key={key}"
    for query in ("&dry_run=true", ""):
        (result,) = client.post(path + query, json=change).json["results"]
        assert sorted(result["removed"]) == ["/attributes/a~1b", "/attributes/color"]
    merge = {"content_type": "application/merge-patch+json"}
    kept = [{key: "1", "attributes": {"color": value("blue")}}]
    (result,) = client.post(path, json=kept, **merge).json["results"]
    assert "removed" not in result
    assert client.get(f"{url}/1").json["attributes"] == new | kept[0]["attributes"]


def test_one_field_may_be_merged_and_the_others_replaced(client, url, resource, text_field, key):
    if "options" not in resource.schema.load_fields:
        pytest.skip(f"{resource.name} have no options")
    objects = {"attributes": {"color": "red"}, "options": {"Color": "red", "Size": "L"}}
    client.post(url, json={text_field: "Pot", key: "1", **objects})
    change = {key: "1", "attributes": {"year": 1}, "options": {"Farbe": "rot"}}
    path = f"{url}:batch?key={key}&merge=attributes"
    (result,) = client.post(path, json=[change]).json["results"]
    assert result["removed"] == ["/options/Color", "/options/Size"]
    item = client.get(f"{url}/1").json
    assert item["attributes"] == {"color": "red", "year": 1}
    assert item["options"] == {"Farbe": "rot"}
