"""Cached responses of every service: equal to fresh ones, and never stale."""

import json
import re
from itertools import product
from unittest import mock

import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS

from shared.cache.keys import new_token, root_of
from shared.chain.cached_reads import MAX_TARGETS, CachedReads
from tests.support.services import example, on_fakes

PREFERENCES = ({}, {"Prefer": "count=exact"}, {"Prefer": "count=none"})
DIFFER = ("Cache-Status", "Server-Timing", "X-Request-ID", "Date")


@pytest.fixture
def item(client, url, resource, serves):
    serves("create", "update")
    return client.post(url, json=example(resource)).get_json()


def paths(resource, url, item):
    found = [f"{url}/{item['id']}", f"{url}/{item['id']}?fields=id", url, f"{url}?per=1&page=2"]
    found += [f"{url}?fields=id", f"{url}?q=x", f"{url}?ordering=-id&limit=5"]
    return found + ([f"{url}/{item['slug']}"] if resource.slug else [])


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_a_hit_equals_its_miss_except_for_cache_status(client, url, resource, item, verb):
    asked = product(paths(resource, url, item), PREFERENCES)
    for path, headers in asked:
        made = client.open(path, method=verb, headers=headers)
        again = client.open(path, method=verb, headers=headers)
        assert "hit; ttl=" in again.headers["Cache-Status"], path
        assert (again.status_code, again.data) == (made.status_code, made.data)
        kept = [{k: v for k, v in each.headers if k not in DIFFER} for each in (made, again)]
        assert kept[0] == kept[1], path


def test_a_response_has_server_timing(client, url):
    made, hit = (client.get(url).headers["Server-Timing"] for _ in range(2))
    assert re.fullmatch(r"cache;dur=[\d.]+, make;dur=[\d.]+", made)
    assert re.fullmatch(r"cache;dur=[\d.]+", hit)


def test_a_hit_is_a_304_only_for_a_matching_etag(client, url, resource, item):
    for path in paths(resource, url, item):
        etag = client.get(path).headers["ETag"]
        for asked in (etag, f'"x", {etag}', f"W/{etag}", "*"):
            unchanged = client.get(path, headers={"If-None-Match": asked})
            assert (unchanged.status_code, unchanged.data) == (304, b"")
            assert unchanged.headers["ETag"] == etag
        assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_every_spelling_of_one_query_is_one_entry(client, url):
    spellings = ("?per=5&page=1", "?page=1&limit=5", "/?page_size=5", "?per_page=5&page=1")
    client.get(f"{url}?page=1&per=5")
    for spelling in spellings:
        assert "; hit; " in client.get(f"/api{url}{spelling}").headers["Cache-Status"]


def test_a_write_is_seen_by_the_next_read_of_everything(client, url, resource, item, text_field):
    for path in paths(resource, url, item):
        client.get(path)
    assert client.patch(f"{url}/{item['id']}", json={text_field: "Seen"}).status_code == 200
    assert client.get(f"{url}/{item['id']}").get_json()[text_field] == "Seen"
    assert client.get(url).get_json()["items"][0][text_field] == "Seen"
    if resource.slug:
        assert client.get(f"{url}/{item['slug']}").get_json()[text_field] == "Seen"
    client.delete(f"{url}/{item['id']}")
    assert client.get(f"{url}/{item['id']}").status_code == 404
    assert client.get(url).get_json()["total"] == 0


@on_fakes
def test_matches_are_counted_once_for_all_pages_until_a_write(client, url, resource, item, redis):
    connections = client.application.extensions["connections"]
    for service in (resource.name, *resource.depends):
        redis.set(root_of(service), new_token())
    connections.cache.leased = True  # As if a follower had renewed the roots.
    connections = type(connections)
    counting = mock.patch.object(
        connections, "count_now", autospec=True, side_effect=connections.count_now
    )
    counts = 2 if resource.visibility else 1  # with the items that are not listed
    with counting as count:
        for page in ("", "?per=1", "?per=1&page=2", "?ordering=-id"):
            assert client.get(url + page).get_json()["total"] == 1
        # Categories have products counted, too.
        assert [call.args[1] for call in count.mock_calls].count(resource.name) == counts
        client.delete(f"{url}/{item['id']}")
        count.reset_mock()
        assert [client.get(url + page).get_json()["total"] for page in ("", "?per=1")] == [0, 0]
        assert [call.args[1] for call in count.mock_calls].count(resource.name) == counts


def test_every_spelling_of_an_id_has_one_key(client, url, resource, item):
    client.get(f"{url}/1")
    key = f'key="{resource.item}:1"'
    assert key in client.get(f"{url}/01").headers["Cache-Status"]
    client.patch(f"{url}/1", json={})
    for ref in ("1", "01", "0001"):
        assert client.get(f"{url}/{ref}").get_json()["id"] == 1


@pytest.mark.by_hand
def test_an_object_id_is_one_tag_in_capitals_too(client, url, resource, db, text_field, serves):
    serves("update")
    made = ObjectId("65a1b2c3d4e5f60718293a4b")
    db[resource.name].insert_one({"_id": made, text_field: "By hand"})
    refs = (str(made), str(made).upper())
    for ref in refs:
        client.get(f"{url}/{ref}")
    assert client.patch(f"{url}/{made}", json={text_field: "Edited"}).status_code == 200
    assert [client.get(f"{url}/{ref}").get_json()[text_field] for ref in refs] == ["Edited"] * 2


def test_errors_are_never_cached(client, url, redis):
    for path in (f"{url}?nope=1", f"{url}/nope", f"{url}/99", f"{url}?page=0", "/nope"):
        for _ in range(2):
            response = client.get(path)
            assert response.status_code in (400, 404)
            assert "Cache-Status" not in response.headers
    assert [key for key in redis.keys("*") if b"generation" not in key] == []


def test_each_hit_has_a_request_id_of_its_own(client, url):
    client.get(url)
    assert client.get(url, headers={"X-Request-ID": "mine"}).headers["X-Request-ID"] == "mine"
    assert len(client.get(url).headers["X-Request-ID"]) == 32


def test_entries_are_readable_json_under_documented_keys(client, url, resource, item, redis):
    client.get(f"{url}/1")
    client.get(f"{url}?limit=5&page=2")
    client.get(f"{url}?q=a+b")
    names = {key.decode() for key in redis.keys("*") if b"generation" not in key}
    search = next(name for name in names if ":search:" in name)
    assert names == {
        f"{resource.item}:1",
        f"{resource.name}:list:page=2:per=5",
        search,
    }
    assert json.loads(redis.get(search))["query"] == "page=1&per=20&q=a+b"


def test_an_entry_is_explained_and_a_prefix_is_purged(
    client, url, resource, item, text_field, redis, caplog
):
    client.get(f"{url}/1")
    client.get(url)
    client.get(f"{url}?q=x")
    prefixes = (f"{resource.item}:", f"{resource.name}:list:", f"{resource.name}:search:")
    assert client.get("/__cache").get_json() == {"entries": dict.fromkeys(prefixes, 1)}

    listed = f"{resource.name}:list:page=1:per=20"
    shown = client.get("/__cache", query_string={"key": listed}).get_json()
    assert (shown["counts"], shown["head"]["tag"]) == (True, "all")
    client.patch(f"{url}/1", json={text_field: "Other"})
    shown = client.get("/__cache", query_string={"key": listed}).get_json()
    assert (shown["counts"], shown["why"]) == (False, "generation")
    shown = client.get("/__cache", query_string={"key": f"{resource.item}:99"}).get_json()
    assert shown["counts"] is False

    purged = client.delete("/__cache", query_string={"prefix": f"{resource.name}:list:"})
    assert purged.get_json() == {"prefix": f"{resource.name}:list:", "purged": 1}
    assert "1 entries purged by prefix" in caplog.text
    assert redis.exists(listed) == 0
    for prefix in ("", "*", f"{resource.name}:generation", "other:", f"{resource.name}:"):
        refused = client.delete("/__cache", query_string={"prefix": prefix})
        assert refused.status_code == 400
    assert client.delete("/__cache?prefix=" + f"{resource.item}:*").get_json()["purged"] == 0
    assert client.get("/__cache?key=other:1").status_code == 404


@on_fakes
@pytest.mark.parametrize("package", ["api_products"], indirect=True)
def test_the_memory_for_urls_is_bounded(client, resource):
    app = client.application
    cache, limits = app.extensions["connections"].cache, app.extensions["limits"]
    reads = CachedReads(app, resource, cache, limits)
    for number in range(MAX_TARGETS + 5):
        reads._find_target(f"/{resource.name}", f"page={number + 1}", "", True)
    assert reads._find_target.cache_info().currsize == MAX_TARGETS


def test_a_write_that_changes_nothing_invalidates_too(client, url, db, resource, item, text_field):
    """Another request may have written it and been killed before it could invalidate the cache."""
    path = f"{url}/{item['id']}"
    for each in (path, url):
        client.get(each)
        assert "hit" in client.get(each).headers["Cache-Status"]
    db[resource.name].update_one({"_id": item["id"]}, {"$set": {text_field: "Committed"}})
    assert client.patch(path, json={text_field: "Committed"}).status_code == 200
    assert client.get(path).get_json()[text_field] == "Committed"
    assert client.get(url).get_json()["items"][0][text_field] == "Committed"


def test_a_batch_that_changes_nothing_invalidates_too(
    client, url, db, resource, item, serves, text_field
):
    serves("batch")
    key = next((each for each in resource.keys if item.get(each)), None)
    if key is None:
        pytest.skip(f"{resource.name} are known by nothing but their ids")
    client.get(url)
    db[resource.name].update_one({"_id": item["id"]}, {"$set": {text_field: "Committed"}})
    body = [{key: item[key], text_field: "Committed"}]
    assert client.post(f"{url}:batch?key={key}", json=body).status_code == 207
    assert client.get(url).get_json()["items"][0][text_field] == "Committed"


def test_unknown_http_methods_share_one_metric(client, url):
    for number in range(3):
        client.open(url, method=f"FOO{number}")
    metrics = client.get("/metrics").text
    assert 'method="other"' in metrics
    assert "FOO" not in metrics


def test_an_impossible_date_is_shown_and_breaks_nothing(client, url, db, resource, item):
    far = DatetimeMS(253_402_300_800_000_000)
    db[resource.name].update_one({"_id": item["id"]}, {"$set": {"created_at": far}})
    for path in (f"{url}/{item['id']}?fields=created_at,id", f"{url}?ordering=id"):
        assert client.get(path).status_code == 200
