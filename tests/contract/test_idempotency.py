"""``Idempotency-Key`` on the POSTs of every service."""

from datetime import timedelta

import pytest

from shared.storage import documents, trash
from shared.storage.retries import DocumentChanged
from tests.support.services import example, on_fakes, on_real_servers

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest.fixture
def body(resource, serves):
    serves("create")
    return example(resource)


@pytest.fixture
def records(db, resource):
    return db[f"{resource.name}.idempotency"]


def test_a_repeated_request_gets_its_response_again_and_runs_once(client, url, body):
    first = client.post(url, json=body, headers=KEY)
    again = client.post(url, json=body, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert client.get(url).get_json()["total"] == 1


def test_an_error_of_the_client_is_stored_too(client, url, body):
    body |= {"nope": 1}
    first = client.post(url, json=body, headers=KEY)
    again = client.post(url, json=body, headers=KEY)
    assert (first.status_code, again.status_code) == (422, 422)
    assert again.headers["Content-Type"].startswith("application/problem+json")
    assert again.headers["Idempotency-Replayed"] == "true"


def test_another_request_with_the_key_is_refused(client, url, body, text_field):
    client.post(url, json=body, headers=KEY)
    for other in (
        client.post(url, json=body | {text_field: "Other"}, headers=KEY),
        client.post(f"{url}?x=1", json=body, headers=KEY),
        client.post(f"{url}/1/restore", headers=KEY),
    ):
        assert other.status_code == 422
        assert "Idempotency-Key" in other.get_json()["detail"]
    assert client.get(url).get_json()["total"] == 1


def test_another_key_is_another_request(client, url, body):
    for key in ("a", "b"):
        assert client.post(url, json=body, headers={"Idempotency-Key": key}).status_code in (
            201,
            409,  # A value of the example may have to be unique.
        )


@on_fakes
@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_an_invalid_key_is_refused(client, url, body, key):
    response = client.post(url, json=body, headers={"Idempotency-Key": key})
    assert response.status_code == 400
    assert "Idempotency-Key" in response.get_json()["detail"]


def test_a_running_request_is_not_run_again(client, url, body, records):
    client.post(url, json=body, headers=KEY)
    records.update_one({}, {"$set": {"state": "running", "until": later(5)}})
    busy = client.post(url, json=body, headers=KEY)
    assert (busy.status_code, busy.headers["Retry-After"]) == (409, "1")
    assert "still running" in busy.get_json()["detail"]


def test_the_record_of_a_killed_process_is_taken_over(client, url, body, records):
    refused = client.post(url, json=body | {"nope": 1}, headers=KEY)
    assert refused.status_code == 422
    records.update_one({}, {"$set": {"state": "running", "until": later(-1)}})
    again = client.post(url, json=body | {"nope": 1}, headers=KEY)
    assert (again.status_code, "Idempotency-Replayed" in again.headers) == (422, False)


def test_an_error_of_the_server_is_not_stored(client, url, body, records, transport, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError

    resource = client.application.extensions["resource"]
    with monkeypatch.context() as broken:
        broken.setattr(type(resource.schema), "load", fail)
        assert client.post(url, json=body, headers=KEY).status_code == 500
    assert (records.find_one() or {}).get("state") != "done"
    assert client.post(url, json=body, headers=KEY).status_code == 201


def test_a_response_with_retry_after_is_not_stored(client, url, body, monkeypatch, serves):
    serves("create", "delete", "restore")
    client.post(url, json=body)
    client.delete(f"{url}/1")

    def crowd(*args, **kwargs):
        raise DocumentChanged("item")

    with monkeypatch.context() as crowded:
        crowded.setattr(trash, "restore", crowd)
        busy = client.post(f"{url}/1/restore", headers=KEY)
        assert (busy.status_code, busy.headers["Retry-After"]) == (409, "1")
    assert client.post(f"{url}/1/restore", headers=KEY).status_code == 200


@pytest.mark.parametrize("state", ["running", "done"])
def test_an_invalid_record_is_replaced(client, url, body, records, state):
    for name in ("fingerprint", "token", "until", "state", "body", "status"):
        records.delete_many({})
        first = client.post(url, json=body | {"nope": 1}, headers=KEY)
        for odd in (None, 5, "x", ["x"]):
            records.update_one({}, {"$set": {"state": state, "until": later(-1), name: odd}})
            again = client.post(url, json=body | {"nope": 1}, headers=KEY)
            assert (again.status_code, again.data[:20]) == (422, first.data[:20])


@on_real_servers
@pytest.mark.parametrize("mode", ["reject_failed", "reject_all"])
def test_a_batch_avoids_ids_given_by_hand(
    client, url, resource, db, minimal, text_field, serves, mode
):
    serves("batch")
    db[resource.name].insert_one({"_id": 1, text_field: "Made by hand"})
    path = f"{url}:batch?on_error={mode}"
    for _ in range(2):
        answer = client.post(path, json=[minimal("A"), minimal("B")], headers=KEY)
        assert (answer.status_code, answer.get_json()["summary"]) == (207, {"created": 2})
    assert client.get(url).get_json()["total"] == 3


def test_records_are_kept_for_a_day(client, url, body, records):
    client.post(url, json=body, headers=KEY)
    assert later(86_000) < records.find_one()["expires"] < later(86_500)
    (ttl,) = [each for each in records.index_information().values() if "expireAfterSeconds" in each]
    assert (ttl["key"], ttl["expireAfterSeconds"]) == ([("expires", 1)], 0)


def test_other_methods_ignore_the_header(client, url, body, serves):
    serves("update")
    client.post(url, json=body)
    for _ in range(2):
        answer = client.patch(f"{url}/1", json={}, headers=KEY)
        assert "Idempotency-Replayed" not in answer.headers


def test_every_post_honours_it(client):
    """The second response to the same request is a replay, on every route."""
    rules = [rule for rule in client.application.url_map.iter_rules() if "POST" in rule.methods]
    assert rules
    for number, rule in enumerate(rules):
        values = {"ref": "1", "number": 1, "action": "pay", "import_id": "x"}
        values["id"] = "0" * 8 + "-0000-0000-0000-" + "0" * 12
        with client.application.test_request_context():
            path = rule.build({name: values[name] for name in rule.arguments})[1]
        headers = {"Idempotency-Key": f"post-{number}"}
        first = client.post(path, json={}, headers=headers)
        again = client.post(path, json={}, headers=headers)
        assert again.status_code == first.status_code
        assert ("Idempotency-Replayed" in again.headers) == (first.status_code < 500), path


def later(seconds):
    return documents.now() + timedelta(seconds=seconds)


def test_a_purge_removes_the_stored_responses(client, url, resource, db, serves):
    serves("create", "delete")
    body, key = example(resource), {"Idempotency-Key": "kept"}
    item = client.post(url, json=body, headers=key).location
    client.post(url, json=body, headers={"Idempotency-Key": "refused"})
    assert client.delete(f"{item}?purge=true").status_code == 204
    about = db[f"{resource.name}.idempotency"].find({"about": int(item.rpartition("/")[2])})
    assert list(about) == []
    again = client.post(url, json=body, headers=key)
    assert "Idempotency-Replayed" not in again.headers
    assert again.location != item
