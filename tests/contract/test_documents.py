"""Documents made by hand, in every service, on a real MongoDB: the fakes lack $jsonSchema."""

import pytest

from tests.support.services import example, on_real_servers

pytestmark = on_real_servers


@pytest.fixture
def check(client, url):
    return lambda: client.get(f"{url}:documents").get_json()


def totals(found):
    return {what: kind["total"] for what, kind in found.items() if kind["total"]}


def test_the_service_lists_its_checks(client, url):
    assert client.get("/").get_json()["checks"][0] == f"{url}:documents"


def test_documents_of_the_service_have_no_faults(client, url, resource, check):
    assert client.post(url, json=example(resource)).status_code == 201
    assert totals(check()) == {}


def test_a_document_made_by_hand_is_completed(client, url, resource, db, check):
    body = example(resource)
    required = {n: body[n] for n, field in resource.schema.load_fields.items() if field.required}
    db[resource.name].insert_one({"_id": 5, **required})
    assert totals(check()) == {"lacking": 1}
    assert client.post(f"{url}:documents").get_json()["lacking"]["mends"] == 1
    assert totals(check()) == {}
    assert client.get(f"{url}/5").get_json()["revision"] == 1


def test_a_key_that_an_earlier_version_stored_is_cleaned_once(
    client, url, minimal, resource, db, check
):
    """No request finds it as it is; a key that another document has stays for people to decide."""
    for key in ("AB 12", "7"):
        assert client.post(url, json=minimal(key) | {"external_ref": key}).status_code == 201
    db[resource.name].update_one({"external_ref": "7"}, {"$set": {"external_ref": "'0042"}})
    (case,) = check()["broken"]["cases"]
    assert "requests ask for '0042'" in case["why"]
    assert check()["broken"]["mends"] == 1
    assert client.post(f"{url}:documents").get_json()["broken"]["mends"] == 1
    assert totals(check()) == {}
    assert db[resource.name].count_documents({"external_ref": "0042"}) == 1
    db[resource.name].update_one({"external_ref": "0042"}, {"$set": {"external_ref": "AB  12"}})
    assert client.post(f"{url}:documents").get_json()["broken"]["mends"] == 0
    assert check()["broken"]["total"] == 1


def test_a_document_without_a_required_field_is_reported(client, url, resource, db, check):
    db[resource.name].insert_one({"_id": 5})
    (case,) = check()["broken"]["cases"]
    assert case["path"] == f"{url}/5"
    assert "is missing" in case["why"]
    assert client.post(f"{url}:documents").get_json()["broken"]["mends"] == 0
