"""The change feed and the history without change streams, and the URL of the feed."""

import pytest


@pytest.mark.parametrize("path", ["/changes", "/1/history", ":imports", ":imports/x"])
def test_a_mongodb_without_change_streams_is_named(client, url, path):
    answer = client.get(f"{url}{path}")
    assert answer.status_code == 501
    assert answer.json["detail"] == "This MongoDB has no change streams: they need a replica set."
    assert "Cache-Status" not in answer.headers


def test_no_item_can_have_the_url_of_the_feed(client, url, resource, minimal):
    if not resource.slug:
        pytest.skip(f"{resource.name} have no slugs")
    made = client.post(url, json=minimal("Changes"))
    assert made.json["slug"] == f"{resource.item}-changes"
    assert client.get(f"{url}/{resource.item}-changes").json == made.json
    refused = client.patch(f"{url}/{made.json['id']}", json={"slug": "changes"})
    assert refused.status_code == 422
    assert refused.json["errors"] == [
        {"pointer": "/slug", "message": "Is reserved for another URL; send another slug."}
    ]


@pytest.mark.parametrize("view", ["list_history", "list_imports", "list_import_effects"])
def test_the_history_needs_the_scope_to_read(client, view):
    assert client.application.view_functions[view].scope == "read"
