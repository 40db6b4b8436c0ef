"""Conditional writes of every service: If-Match, If-None-Match, 412 and 428."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.support.services import example, on_fakes, on_real_servers


@pytest.fixture
def made(client, url, resource, serves):
    serves("create", "update", "delete")
    response = client.post(url, json=example(resource))
    assert response.status_code == 201
    return response.headers["ETag"]


def test_a_412_names_the_fields_that_differ(client, url, made, text_field):
    old = {"If-Match": made}
    client.patch(f"{url}/1", json={text_field: "Theirs"})
    refused = client.patch(f"{url}/1", json={text_field: "Ours"}, headers=old)
    assert refused.status_code == 412
    problem = refused.get_json()
    assert problem["differing"] == {text_field: {"stored": "Theirs", "sent": "Ours"}}
    assert problem["current_revision"] >= 2
    (error,) = problem["errors"]
    assert error == {"pointer": f"/{text_field}", "message": 'The stored value is "Theirs".'}
    again = {"If-Match": problem["current_etag"]}
    assert client.patch(f"{url}/1", json={text_field: "Ours"}, headers=again).status_code == 200


@on_fakes
@pytest.mark.parametrize("body", [{"nope": 1}, [], "x"])
def test_a_412_comes_before_other_errors(client, url, made, text_field, body):
    client.patch(f"{url}/1", json={text_field: "Theirs"})
    refused = client.patch(f"{url}/1", json=body, headers={"If-Match": made})
    assert refused.status_code == (412 if isinstance(body, dict) else 400)


def test_the_etag_of_a_write_is_that_of_a_read(client, url, made, text_field):
    changed = client.patch(f"{url}/1", json={text_field: "Changed"}).headers["ETag"]
    assert changed != made
    assert client.get(f"{url}/1").headers["ETag"] == changed
    same = client.patch(f"{url}/1", json={text_field: "Changed"}, headers={"If-Match": changed})
    assert (same.status_code, same.headers["ETag"]) == (200, changed)


def test_a_write_honours_if_none_match(client, url, made, text_field):
    for header in (made, "*"):
        headers = {"If-None-Match": header}
        refused = client.put(f"{url}/1", json={text_field: "X"}, headers=headers)
        assert refused.status_code == 412
        assert refused.get_json()["current_etag"] == client.get(f"{url}/1").headers["ETag"]
        assert client.delete(f"{url}/1", headers=headers).status_code == 412
    other = {"If-None-Match": '"other"'}
    assert client.put(f"{url}/1", json={text_field: "X"}, headers=other).status_code == 200


def test_a_weak_etag_is_refused_with_the_strong_one(client, url, made, text_field):
    """As a proxy makes it that compresses responses."""
    for weak in (f"W/{made}", 'W/"older"', f'W/"x", W/{made}', f'W/{made[:-1]}-gzip"'):
        for response in (
            client.patch(f"{url}/1", json={text_field: "X"}, headers={"If-Match": weak}),
            client.delete(f"{url}/1", headers={"If-Match": weak}),
        ):
            assert response.status_code == 412, weak
            detail = response.get_json()["detail"]
            assert "weak ETag W/" in detail
            assert f"its strong ETag is {made}" in detail
    both = {"If-Match": f'W/"older", {made}'}
    assert client.patch(f"{url}/1", json={text_field: "X"}, headers=both).status_code == 200


def test_if_none_match_of_a_write_compares_weakly(client, url, made, text_field):
    headers = {"If-None-Match": f"W/{made}"}
    assert client.patch(f"{url}/1", json={text_field: "X"}, headers=headers).status_code == 412


def test_a_write_honours_both_preconditions(client, url, made, text_field):
    client.patch(f"{url}/1", json={text_field: "Theirs"})
    headers = {"If-Match": made, "If-None-Match": '"other"'}
    assert client.patch(f"{url}/1", json={text_field: "Ours"}, headers=headers).status_code == 412


def test_a_put_with_if_none_match_creates_an_item_under_its_slug(client, url, resource, serves):
    serves("update")
    if not resource.slug:
        pytest.skip(f"{resource.name} have no slugs")
    only_new = {"If-None-Match": "*"}
    body = example(resource)
    made = client.put(f"{url}/my-own", json=body, headers=only_new)
    assert (made.status_code, made.headers["Location"]) == (201, f"{url}/1")
    assert made.get_json()["slug"] == "my-own"
    assert client.put(f"{url}/my-own", json=body, headers=only_new).status_code == 412
    assert client.put(f"{url}/another", json=body).status_code == 404
    for wrong in ("Not A Slug", "x--y"):
        assert client.put(f"{url}/{wrong}", json=body, headers=only_new).status_code == 422
    clash = client.put(f"{url}/one", json=body | {"slug": "two"}, headers=only_new)
    assert clash.status_code == 422
    assert clash.get_json()["errors"][0]["pointer"] == "/slug"


def test_a_put_cannot_choose_an_id(client, url, resource, serves):
    serves("update")
    response = client.put(f"{url}/17", json=example(resource), headers={"If-None-Match": "*"})
    assert response.status_code == 404
    assert f"/{resource.name}" in response.get_json()["detail"]


class TestRequired:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, require_if_match=True)

    def test_a_change_without_a_version_is_a_428(self, client, url, made, text_field):
        for response in (
            client.put(f"{url}/1", json={text_field: "X"}),
            client.patch(f"{url}/1", json={text_field: "X"}),
            client.delete(f"{url}/1"),
            client.delete(f"{url}/1?purge=true"),
            client.patch(f"{url}/1", json={}, headers={"If-None-Match": '"other"'}),
        ):
            assert response.status_code == 428
            assert "If-Match" in response.get_json()["detail"]
        assert client.get(f"{url}/1").headers["ETag"] == made

    def test_a_change_with_a_version_succeeds(self, client, url, made, text_field):
        changed = client.put(f"{url}/1", json={text_field: "X"}, headers={"If-Match": made})
        assert changed.status_code == 200
        gone = client.delete(f"{url}/1", headers={"If-Match": "*"})
        assert gone.status_code == 204

    def test_a_missing_item_is_a_404_without_a_version_too(self, client, url, made):
        assert client.patch(f"{url}/999", json={}).status_code == 404


@on_real_servers
def test_a_change_and_a_purge_of_one_version_cannot_both_succeed(
    client, url, minimal, text_field, serves
):
    serves("create", "update", "delete")
    application = client.application

    def send(method, etag, **more):
        return (
            application.test_client()
            .open(
                f"{url}/{made['id']}{more.pop('query', '')}",
                method=method,
                headers={"If-Match": etag},
                **more,
            )
            .status_code
        )

    for number in range(12):
        response = client.post(url, json=minimal(f"Item {number}"))
        made, etag = response.get_json(), response.headers["ETag"]
        with ThreadPoolExecutor() as pool:
            change = pool.submit(send, "PATCH", etag, json={text_field: "Changed"})
            purge = pool.submit(send, "DELETE", etag, query="?purge=true")
        assert (change.result(), purge.result()) in ((200, 412), (404, 204), (412, 204))
