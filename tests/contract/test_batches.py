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
    [({"key": "nope"}, "key"), ({"on_error": "x"}, "on_error"), ({"dry": "1"}, "dry")],
)
def test_a_wrong_option_is_named(batch, query, named):
    response = batch([], **query)
    assert response.status_code == 400
    assert response.get_json()["errors"][0]["parameter"] == named


def test_a_batch_has_at_most_a_thousand_items(batch, text_field):
    assert batch([{text_field: "x"}] * 1001).status_code == 413
    assert batch("x").status_code == 400
