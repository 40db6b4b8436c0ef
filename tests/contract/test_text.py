"""Texts in every service: cleaned by one rule on every way in."""

import pytest

from shared.schema.fields import Email, Key
from tests.support.services import on_fakes


@pytest.fixture
def keys(resource):
    """The unique fields that clients send, other than email addresses."""
    fields = resource.schema.load_fields
    return [name for name in resource.unique if isinstance(fields[name], Key)]


def test_keys_are_keys(resource):
    for name in resource.unique:
        assert isinstance(resource.schema.load_fields[name], (Key, Email)), name


@pytest.mark.parametrize("sent", [" Cafe\u0301\u00a0", "\ufeffCafé\u200b", "Café\r\n"])
def test_names_are_composed_and_trimmed(client, url, minimal, serves, text_field, sent):
    serves("create", "update")
    made = client.post(url, json=minimal(sent)).get_json()
    assert made[text_field] == "Café"
    again = client.put(f"{url}/1", json={text_field: sent}).get_json()
    assert again["revision"] == made["revision"]
    assert client.get(f"{url}?q=cafe").get_json()["total"] == 1


@on_fakes
@pytest.mark.parametrize("sent", ["a\x07b", "a\x9fb", "\u200b\u2060", " \u00a0"])
def test_texts_that_cannot_be_cleaned_are_refused(client, url, minimal, serves, text_field, sent):
    serves("create")
    refused = client.post(url, json=minimal(sent))
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == f"/{text_field}"


def test_keys_that_look_alike_are_one_key(client, url, minimal, serves, resource, keys):
    serves("create", "batch")
    for name in keys:
        key = f"Ä-{name}"
        made = client.post(url, json=minimal("One") | {name: key})
        assert (made.status_code, made.get_json()[name]) == (201, key)
        for alike in (f" {key}\u00a0", f"A\u0308-{name}", f"Ä\u200b-{name}", f"'{key}"):
            clash = client.post(url, json=minimal("Two") | {name: alike})
            assert (clash.status_code, clash.get_json()["field"]) == (409, name)
            if name in resource.query.fields:
                listed = client.get(url, query_string={name: alike})
                assert [each[name] for each in listed.get_json()["items"]] == [key]
            if resource.name != "orders":  # Batches of orders are past orders.
                batch = client.post(
                    f"{url}:batch?key={name}", json=[minimal("One") | {name: alike}]
                )
                assert batch.get_json()["summary"] == {"unchanged": 1}


def test_every_spelling_of_a_list_parameter_is_one_entry(client, url):
    client.get(f"{url}?fields=id,created_at&ordering=-id")
    for spelling in (
        "fields=id&fields=created_at&sort=-id",
        "fields[]=id&fields[]=created_at&ordering=-id",
        "fields=id,%20created_at&ordering=%20-id",
    ):
        answer = client.get(f"{url}?{spelling}")
        assert answer.status_code == 200
        assert "; hit; " in answer.headers["Cache-Status"], spelling


def test_every_spelling_of_an_attribute_is_one_entry(client, url, resource):
    if not resource.query.attributes:
        pytest.skip(f"{resource.name} have no attributes to filter by")
    client.get(f"{url}?attr.color=red&attr.size__gte=2")
    for spelling in (
        "attr[color]=red&attr[size][gte]=2",
        "attr[color]=%20red&attr[size__gte]=2",
        "attr[size]__gte=2&attr%5Bcolor%5D=red",
    ):
        assert "; hit; " in client.get(f"{url}?{spelling}").headers["Cache-Status"], spelling
