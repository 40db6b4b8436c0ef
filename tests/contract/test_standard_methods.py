"""Items of every service.  A new ``api_*`` folder is found and tested without a change here."""

from datetime import UTC, datetime

import pytest
from bson import Decimal128, Int64, MinKey, ObjectId, Regex, Timestamp

from tests.support.services import example, on_fakes, on_real_servers, path_of

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"


def test_an_empty_collection_is_an_empty_page(client, url):
    response = client.get(url)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == JSON
    assert response.get_json() == {
        "items": [],
        "page": 1,
        "per": 20,
        "total": 0,
        "total_is": "exact",
        "next_cursor": None,
        "links": {"self": f"{url}?page=1&per=20"},
    }


def test_location_is_the_url_of_a_created_item(client, url, resource, serves):
    serves("create")
    created = client.post(url, json=example(resource))
    assert created.status_code == 201
    assert path_of(created.headers["Location"]) == f"{url}/1"
    fetched = client.get(created.headers["Location"])
    assert fetched.get_json() == created.get_json()
    assert fetched.headers["ETag"] == created.headers["ETag"]


def test_ids_count_from_1_without_gaps(client, url, minimal, serves):
    serves("create", "batch")
    ids = [client.post(url, json=minimal(f"Item {number}")).get_json()["id"] for number in range(3)]
    assert client.post(url, json=minimal("")).status_code == 422
    batch = client.post(f"{url}:batch", json=[minimal("Fourth"), minimal("Fifth")])
    ids += [each["id"] for each in batch.get_json()["results"]]
    assert ids == [1, 2, 3, 4, 5]


def test_every_field_of_the_example_comes_back(client, url, resource, serves):
    serves("create")
    body = example(resource)
    created = client.post(url, json=body).get_json()
    assert holds(created, body)


def holds(whole, part):
    """Return True if a JSON value holds all of another one."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], part[name]) for name in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return whole == part


def test_a_field_without_a_value_is_null(client, url, resource, minimal, serves):
    serves("create")
    created = client.post(url, json=minimal("Bare")).get_json()
    assert set(created) == set(resource.names)


@pytest.mark.parametrize("verb", ["put", "patch"])
def test_a_partial_update_keeps_the_other_fields(client, url, resource, text_field, verb, serves):
    serves("create", "update")
    before = client.post(url, json=example(resource)).get_json()
    changed = getattr(client, verb)(f"{url}/1", json={text_field: "Changed"})
    assert changed.status_code == 200
    after = changed.get_json()
    assert after == before | {
        text_field: "Changed",
        "revision": before["revision"] + 1,
        "updated_at": after["updated_at"],
    }
    assert client.get(f"{url}/1").get_json() == after


def test_a_response_is_a_valid_request(client, url, resource, serves):
    serves("create", "update")
    answered = client.post(url, json=example(resource)).get_json()
    again = client.put(f"{url}/1", json=answered)
    assert again.status_code == 200
    assert again.get_json() == answered  # Nothing changed, so not even the revision did.


def test_an_item_of_any_list_is_a_valid_request(client, url, resource, serves):
    """The trash, searches and collapsed lists show members that items do not have elsewhere."""
    serves("create", "update")
    client.post(url, json=example(resource))
    (shown,) = client.get(url).get_json()["items"]
    of_lists = {"deleted_at": None, "missing_words": ["red"], "variants": {"count": 2}}
    response = client.put(f"{url}/1", json=shown | of_lists)
    assert response.status_code == 200, response.get_json()
    assert response.get_json()["revision"] == shown["revision"]


def test_null_empties_an_optional_field(client, url, resource, serves):
    serves("create", "update")
    fields = resource.schema.load_fields
    optional = [name for name in example(resource) if fields[name].allow_none]
    client.post(url, json=example(resource))
    changed = client.patch(f"{url}/1", json=dict.fromkeys(optional))
    assert changed.status_code == 200
    assert all(changed.get_json()[name] in (None, {}, []) for name in optional)


def test_a_merge_patch_removes_members_that_are_null(client, url, resource, serves):
    serves("create", "update")
    fields = resource.schema.load_fields
    optional = next(name for name in example(resource) if fields[name].allow_none)
    client.post(url, json=example(resource))
    changed = client.patch(
        f"{url}/1",
        data=f'{{"{optional}": null}}',
        content_type="application/merge-patch+json",
    )
    assert changed.status_code == 200
    assert changed.get_json()[optional] in (None, {})


def test_a_deleted_item_is_gone_until_it_is_restored(client, url, resource, serves):
    serves("create", "delete", "restore")
    created = client.post(url, json=example(resource)).get_json()
    assert client.delete(f"{url}/1").status_code == 204
    assert client.get(f"{url}/1").status_code == 404
    assert client.delete(f"{url}/1").status_code == 404
    assert client.get(url).get_json()["total"] == 0
    restored = client.post(f"{url}/1/restore")
    assert restored.status_code == 200
    # An order that is deleted is cancelled.
    volatile = ("revision", "updated_at", *(("status", "history") if url == "/orders" else ()))
    assert {k: v for k, v in restored.get_json().items() if k not in volatile} == {
        k: v for k, v in created.items() if k not in volatile
    }
    assert client.get(f"{url}/1").get_json() == restored.get_json()
    assert client.post(f"{url}/1/restore").status_code == 404


def test_a_purged_item_cannot_be_restored(client, url, resource, serves):
    serves("create", "delete", "restore")
    client.post(url, json=example(resource))
    assert client.delete(f"{url}/1").status_code == 204
    assert client.delete(f"{url}/1?purge=true").status_code == 204
    assert client.post(f"{url}/1/restore").status_code == 404
    assert client.delete(f"{url}/1?purge=true").status_code == 404


def test_a_purge_by_slug_removes_one_item(client, url, resource, minimal, serves):
    serves("create", "delete", "restore")
    if not resource.slug:
        pytest.skip(f"{resource.name} has no slugs")
    for _ in range(2):
        client.post(url, json=minimal("Twin"))
        client.delete(f"{url}/twin")
    assert client.delete(f"{url}/twin?purge=true").status_code == 204
    assert client.post(f"{url}/2/restore").status_code == 404
    assert client.post(f"{url}/1/restore").status_code == 200


def test_a_misspelt_parameter_stops_a_write(client, url, resource, serves):
    serves("create", "update", "delete")
    client.post(url, json=example(resource))
    for refused in (
        client.delete(f"{url}/1?purg=true"),
        client.patch(f"{url}/1?force=1", json={}),
        client.post(f"{url}?dry_run=1", json=example(resource)),
    ):
        assert refused.status_code == 400
    assert client.get(url).get_json()["total"] == 1


def test_a_write_is_visible_in_a_list_read_before(client, url, resource, serves):
    serves("create")
    assert client.get(url).get_json()["total"] == 0
    client.post(url, json=example(resource))
    assert client.get(url).get_json()["total"] == 1


def test_every_write_renews_the_generations_of_its_tags(client, url, resource, redis, serves):
    serves("create", "update", "delete")
    names = [f"{resource.name}:generation:{tag}" for tag in ("all", "1")]
    seen = [redis.mget(names)]
    for write in (
        lambda: client.post(url, json=example(resource)),
        lambda: client.patch(f"{url}/1", json={next(iter(example(resource))): "Other"}),
        lambda: client.delete(f"{url}/1"),
    ):
        assert write().status_code < 300
        seen.append(redis.mget(names))
    assert all(new is not None for tokens in seen[1:] for new in tokens)
    assert len({tokens[0] for tokens in seen}) == len(seen)


def test_reads_and_writes_survive_a_dead_redis(client, url, resource, redis, monkeypatch, serves):
    serves("create")
    from redis import ConnectionError

    def down(*args, **kwargs):
        raise ConnectionError("Redis is down")

    monkeypatch.setattr(redis, "execute_command", down)
    assert client.post(url, json=example(resource)).status_code == 201
    assert client.get(f"{url}/1").status_code == 200
    assert client.get("/__ping/redis").status_code == 503


class TestConditional:
    def test_an_unchanged_item_is_a_304(self, client, url, resource, serves):
        serves("create")
        etag = client.post(url, json=example(resource)).headers["ETag"]
        unchanged = client.get(f"{url}/1", headers={"If-None-Match": etag})
        assert (unchanged.status_code, unchanged.data) == (304, b"")
        assert not etag.startswith("W/")

    def test_a_request_without_an_etag_never_gets_a_304(self, client, url):
        assert client.get(url).status_code == client.get(url).status_code == 200

    def test_an_old_etag_stops_a_write_and_names_the_new_one(
        self, client, url, resource, text_field, serves
    ):
        serves("create", "update", "delete")
        old = {"If-Match": client.post(url, json=example(resource)).headers["ETag"]}
        first = client.patch(f"{url}/1", json={text_field: "First"}, headers=old)
        assert first.status_code == 200
        for refused in (
            client.patch(f"{url}/1", json={text_field: "Second"}, headers=old),
            client.delete(f"{url}/1", headers=old),
        ):
            assert refused.status_code == 412
            assert refused.get_json()["current_etag"] == first.headers["ETag"]
            assert refused.headers["ETag"] == first.headers["ETag"]
        assert client.get(f"{url}/1").get_json()[text_field] == "First"

    @pytest.mark.parametrize(
        ("header", "status"), [('""', 412), ('"nope"', 412), (",", 400), ('"', 400), ("", 400)]
    )
    def test_every_write_honours_every_if_match(
        self, client, url, resource, header, status, serves
    ):
        serves("create", "update", "delete", "restore")
        created = client.post(url, json=example(resource))
        headers = {"If-Match": header}
        assert client.patch(f"{url}/1", json={}, headers=headers).status_code == status
        assert client.delete(f"{url}/1", headers=headers).status_code == status
        assert client.delete(f"{url}/1?purge=true", headers=headers).status_code == status
        right = {"If-Match": created.headers["ETag"]}
        assert client.delete(f"{url}/1", headers=right).status_code == 204
        assert client.post(f"{url}/1/restore", headers=headers).status_code == status
        assert client.delete(f"{url}/1?purge=true", headers=headers).status_code == status
        refused = client.post(f"{url}/1/restore", headers={"If-Match": '"nope"'})
        right = {"If-Match": refused.headers["ETag"]}
        assert client.post(f"{url}/1/restore", headers=right).status_code == 200

    def test_a_star_matches_any_version(self, client, url, resource, text_field, serves):
        serves("create", "update")
        client.post(url, json=example(resource))
        star = {"If-Match": "*"}
        assert client.patch(f"{url}/1", json={text_field: "X"}, headers=star).status_code == 200


class TestMadeByHand:
    @pytest.mark.by_hand
    def test_a_bare_document_is_readable_listable_and_editable(
        self, client, url, resource, db, text_field, serves
    ):
        serves("update")
        made = db[resource.name].insert_one({text_field: "Made by hand"}).inserted_id
        listed = client.get(url).get_json()["items"]
        assert [each["id"] for each in listed] == [str(made)]
        assert client.get(f"{url}/{made}").get_json()[text_field] == "Made by hand"
        changed = client.put(f"{url}/{made}", json={text_field: "Edited"})
        assert changed.status_code == 200
        after = changed.get_json()
        assert (after[text_field], after["revision"]) == ("Edited", 1)
        assert after["created_at"]
        assert after["updated_at"]

    def test_ids_given_by_hand_are_not_given_again(
        self, client, url, resource, db, text_field, minimal, serves
    ):
        serves("create")
        db[resource.name].insert_one({"_id": 1, text_field: "Made by hand"})
        created = client.post(url, json=minimal("Made by us"))
        assert (created.status_code, created.get_json()["id"]) == (201, 2)

    @pytest.mark.by_hand
    def test_an_invalid_document_does_not_break_its_list(self, client, url, resource, db):
        nonsense = {name: {"odd": [1]} for name in resource.schema.load_fields}
        db[resource.name].insert_one({"_id": 7, **nonsense})
        assert client.get(f"{url}/7").status_code == 200
        assert client.get(url).get_json()["total"] == 1

    @on_real_servers  # The fake does not know these types.
    @pytest.mark.parametrize(
        "odd",
        [
            Decimal128("1.5"),
            Decimal128("NaN"),
            Decimal128("1E+6000"),
            ObjectId(),
            b"bytes",
            Regex("x"),
            Timestamp(1, 1),
            MinKey(),
            Int64(2**62),
            datetime(2026, 1, 1, tzinfo=UTC),
        ],
        ids=lambda odd: type(odd).__name__,
    )
    @pytest.mark.by_hand
    def test_a_value_of_any_type_is_shown_and_replaced(
        self, client, url, resource, db, odd, text_field, serves
    ):
        serves("update")
        for number, name in enumerate(resource.schema.load_fields, 1):
            db[resource.name].insert_one({"_id": number, text_field: "Odd", name: odd})
        assert client.get(f"{url}?per=100").status_code == 200
        for number in range(1, len(resource.schema.load_fields) + 1):
            assert client.get(f"{url}/{number}").status_code == 200
            changed = client.patch(f"{url}/{number}", json={text_field: f"Even {number}"})
            assert changed.status_code == 200, changed.get_json()

    @pytest.mark.by_hand
    def test_nulls_in_place_of_lists_and_numbers_do_no_harm(
        self, client, url, resource, db, text_field, serves
    ):
        serves("update", "delete", "restore")
        kept = ("slug", "old_slugs", "revision", "created_at", "terms", "ancestors", "attributes")
        db[resource.name].insert_one({"_id": 1, text_field: "Nulls"} | dict.fromkeys(kept))
        assert client.patch(f"{url}/1", json={text_field: "Changed"}).status_code == 200
        assert client.delete(f"{url}/1").status_code == 204
        assert client.post(f"{url}/1/restore").status_code == 200

    @pytest.mark.by_hand
    def test_a_revision_that_is_too_large_starts_again(
        self, client, url, resource, db, text_field, serves
    ):
        serves("update")
        db[resource.name].insert_one({"_id": 1, text_field: "X", "revision": Int64(2**63 - 1)})
        assert client.patch(f"{url}/1", json={text_field: "Y"}).get_json()["revision"] == 1

    @pytest.mark.by_hand
    def test_an_object_id_is_an_id_for_every_method(
        self, client, url, resource, db, text_field, serves
    ):
        serves("delete", "restore")
        made = db[resource.name].insert_one({text_field: "Made by hand"}).inserted_id
        assert client.delete(f"{url}/{made}").status_code == 204
        assert client.post(f"{url}/{made}/restore").status_code == 200
        assert client.delete(f"{url}/{made}?purge=true").status_code == 204
        assert client.get(f"{url}/{made}").status_code == 404


@on_fakes
class TestPaths:
    @pytest.mark.parametrize("prefix", ["", "/api", "/v1", "/api/v1"])
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_every_spelling_answers_without_a_redirect(
        self, client, url, resource, prefix, slash, serves
    ):
        serves("create", "update", "delete")
        created = client.post(f"{prefix}{url}{slash}", json=example(resource))
        assert created.status_code == 201
        item = f"{prefix}{url}/{created.get_json()['id']}{slash}"
        assert client.get(item).status_code == 200
        assert client.put(item, json=example(resource)).status_code == 200
        assert client.delete(item).status_code == 204

    @pytest.mark.parametrize(
        "path",
        [
            "/nope",
            "{url}/nope",
            "{url}/0",
            "{url}/" + "9" * 40,
            "{url}/1/nope",
            "/api/api",
            "{url}//1",
        ],
    )
    def test_missing_things_are_problem_documents(self, client, url, path):
        response = client.get(path.format(url=url))
        assert response.status_code == 404
        assert response.headers["Content-Type"] == PROBLEM
        assert response.get_json()["status"] == 404

    def test_a_wrong_method_is_a_problem_that_names_the_allowed_ones(self, client, url):
        response = client.delete(url)
        assert response.status_code == 405
        assert response.headers["Content-Type"] == PROBLEM
        assert "GET" in response.headers["Allow"]

    def test_a_reserved_word_has_the_methods_of_its_own_route(self, client, url):
        assert client.options(f"{url}/changes").allow == {"GET", "HEAD", "OPTIONS"}
        for method in ("PUT", "PATCH", "DELETE"):
            response = client.open(f"{url}/changes", method=method, json={"name": "x"})
            assert response.status_code == 405, response.text

    def test_a_request_id_is_returned_or_created(self, client, url):
        assert client.get(url, headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
        made = client.get(url, headers={"X-Request-ID": "a b\tc"}).headers["X-Request-ID"]
        assert len(made) == 32
        problem = client.get("/nope", headers={"X-Request-ID": "abc-2"}).get_json()
        assert problem["request_id"] == "abc-2"

    def test_health_reports_each_connection(self, client):
        for path in (
            "/health/",
            "/health",
            "/health/live",
            "/health/ready",
            "/__ping/redis",
            "/metrics",
        ):
            assert client.get(path).status_code == 200
        assert "latency_ms" in client.get("/__ping/redis").get_json()
        assert "latency_ms" in client.get("/health/ready").get_json()["mongodb"]

    def test_the_root_describes_the_fields(self, client, resource):
        described = client.get("/").get_json()
        assert described["service"] == resource.name
        assert set(described["fields"]) == set(resource.showable)
