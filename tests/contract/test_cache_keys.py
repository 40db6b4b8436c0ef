"""``/__cache``: pages of keys, counts before a purge, and the change that made an entry stale."""

import pytest

from tests.support.services import example, on_fakes


@pytest.fixture
def redis(stores):
    return stores[2]


def pages(client, prefix, count):
    """Return all keys of a prefix, page by page."""
    found, query = [], {"prefix": prefix, "count": count}
    while True:
        page = client.get("/__cache", query_string=query).json
        found += page["entries"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def test_keys_come_by_pages_with_their_validity(client, url, resource):
    for per in range(1, 31):
        client.get(f"{url}?per={per}")
    entries = pages(client, f"{resource.name}:list:", 10)
    assert len({entry["key"] for entry in entries}) == 30
    for entry in entries:
        assert (entry["counts"], entry["state"], entry["why"]) == (True, "hit", "")
        assert entry["ttl"] > 0
        assert entry["bytes"] > 0
        assert entry["tag"] == "all"
    client.post(url, json=example(resource))
    after = pages(client, f"{resource.name}:list:", 10)
    assert {(entry["counts"], entry["why"], entry["part"]) for entry in after} == {
        (False, "generation", "tag")
    }


@on_fakes
def test_what_is_no_entry_is_listed_as_such(client, resource, redis):
    key = f"{resource.name}:list:mine"
    redis.set(key, "nonsense")
    redis.lpush(f"{resource.name}:list:other", "a list")
    (entry,) = pages(client, f"{resource.name}:list:", 100)
    assert (entry["key"], entry["state"], entry["why"]) == (key, "miss", "undecodable")


@on_fakes
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"prefix": "other:"}, "prefix"),
        ({"cursor": "0-1"}, "cursor"),
        ({"cursor": "x", "prefix": "{item}:"}, "cursor"),
        ({"cursor": f"0-{2**64}", "prefix": "{item}:"}, "cursor"),
        ({"cursor": "1-0", "prefix": "{item}:"}, "cursor"),
        ({"count": "5", "prefix": "{item}:"}, "count"),
    ],
)
def test_a_wrong_page_is_refused(client, resource, query, name):
    filled = {key: value.format(item=resource.item) for key, value in query.items()}
    refused = client.get("/__cache", query_string=filled)
    assert refused.status_code == 400
    assert refused.json["errors"][0]["parameter"] == name


def test_a_purge_counts_first(client, url, resource):
    for per in (1, 2, 3):
        client.get(f"{url}?per={per}")
    prefix = f"{resource.name}:list:"
    counted = client.delete("/__cache", query_string={"prefix": prefix, "dry_run": "1"}).json
    assert counted == {"prefix": prefix, "purged": 3, "dry_run": True}
    assert len(pages(client, prefix, 100)) == 3
    purged = client.delete("/__cache", query_string={"prefix": prefix}).json
    assert purged == {"prefix": prefix, "purged": 3}
    assert pages(client, prefix, 100) == []
