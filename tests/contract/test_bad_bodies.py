"""Bad bodies: every service names the place of the error and writes nothing."""

import gzip
import json
import re
import tracemalloc
from io import BytesIO

import pytest

from shared.http import json_body
from shared.http.json_body import MAX_MEMBERS, MAX_VALUES
from tests.support.services import example, on_fakes

pytestmark = on_fakes
JSON = "application/json"


@pytest.fixture(autouse=True)
def nothing_is_written(client, url, resource, db):
    yield
    assert list(db[resource.name].find()) == []


@pytest.mark.parametrize(
    ("raw", "status", "told"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "not valid JSON"),
        (b"[]", 400, "object"),
        (b'"text"', 400, "object"),
        (b'{"a": NaN}', 400, "NaN"),
        (b'{"a": Infinity}', 400, "Infinity"),
        (b'{"a": 1, "a": 2}', 400, "'a' occurs twice"),
        (b'{"a": {"b": 1, "b": 2}}', 400, "'b' occurs twice"),
        ('{"a": "é"}'.encode("latin-1"), 400, "charset=utf-8"),
        (b"\xff\xfe{\x00}\x00", 400, "UTF-8"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, 400, "nested"),
        (b"[" * 100_000, 400, "JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", 400, "JSON"),
        (b'{"a": "\\u0000"}', 400, "/a contains a NUL"),
        (b'{"a": ["x", "\\ud800"]}', 400, "/a/1 contains half"),
        (b'{"a\\u0000": 1}', 400, "NUL"),
        (b'{"a": "' + b"x" * 10_000_000 + b'"}', 413, ""),
        (b'{"a": [' + b"0," * MAX_VALUES + b"0]}", 413, "at most 200,000 are allowed"),
        (b"[" + b"{}," * MAX_VALUES + b"{}]", 413, "at most 200,000 are allowed"),
        (b"[" + b'{"a":"\\""},' * (2 * MAX_VALUES) + b"0]", 413, "at least 400,000 values"),
        (json.dumps(dict.fromkeys(map(str, range(1001)))).encode(), 400, "1,001 members"),
        (b'{"a": [' + b"[]," * (MAX_VALUES - 9) + b"0]}", 422, "/a: Unknown field"),
        (b'{"a": "' + b"[,{" * MAX_VALUES + b'"}', 422, "/a: Unknown field"),
        (b'{"a": "' + b'\\",' * MAX_VALUES + b'"}', 422, "/a: Unknown field"),
        (b"[" + b"," * MAX_VALUES + b'"' + b'\\"' * 3_000_000, 413, "at most 200,000"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else None,
)
def test_a_bad_body_is_refused_with_the_reason(client, url, serves, raw, status, told):
    serves("create")
    response = client.post(url, data=raw, content_type=JSON)
    assert response.status_code == status
    assert told in response.get_json()["detail"]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd, gzip", "x"])
def test_a_body_in_a_coding_is_refused_by_its_name(client, url, serves, coding):
    serves("create")
    body = gzip.compress(b'{"name": "A"}')
    for kind in (JSON, "multipart/form-data; boundary=x"):
        headers = {"Content-Encoding": coding}
        response = client.post(url, data=body, content_type=kind, headers=headers)
        assert response.status_code == 415
        assert f"Content-Encoding {coding}" in response.get_json()["detail"]
        assert response.headers["Accept-Encoding"] == "identity"


def test_a_byte_order_mark_before_the_json_is_ignored(client, url, serves):
    serves("create")
    for raw, reason in ((b'\xef\xbb\xbf{"a": 1}', "Unknown field"), (b"\xef\xbb\xbf", "empty")):
        refused = client.post(url, data=raw, content_type=JSON)
        assert reason in refused.get_json()["detail"]


def test_a_chunked_body_is_limited_too(client, url, serves):
    serves("create")
    body = BytesIO(b'{"a": "' + b"x" * 10_000_000 + b'"}')
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    response = client.post(url, input_stream=body, content_type=JSON, environ_overrides=environ)
    assert response.status_code == 413


def test_a_repeated_key_among_many_is_found(client, url, serves):
    serves("create")
    pairs = ",".join(f'"k{n}": 1' for n in range(MAX_MEMBERS - 1))
    response = client.post(url, data=f'{{{pairs}, "k5": 2}}', content_type=JSON)
    assert (response.status_code, "'k5' occurs twice" in response.get_json()["detail"]) == (
        400,
        True,
    )


def test_twenty_errors_are_told_and_the_others_counted(client, url, serves):
    serves("create")
    refused = client.post(url, json={f"x{number}": 1 for number in range(400)})
    assert refused.status_code == 422
    assert len(refused.get_json()["errors"]) == 20
    assert re.search(r"\(and (39\d|40\d) more\)", refused.get_json()["detail"])


def test_an_item_of_a_batch_has_at_most_twenty_errors(client, url, serves):
    serves("batch")
    items = [{f"x{number}": 1 for number in range(30)}] * 3
    results = client.post(f"{url}:batch", json=items).get_json()["results"]
    assert [len(each["errors"]) for each in results] == [20] * 3
    refused = client.post(f"{url}:batch?on_error=reject_all", json=items).get_json()
    assert len(refused["errors"]) == 20


@pytest.mark.long
def test_a_batch_keeps_only_the_errors_that_it_shows(client, url, serves):
    """All errors of a few batches at once took more memory than a process may have."""
    serves("batch")
    item = {f"x{number}": 1 for number in range(600)}
    body = json.dumps([item] * 100)
    client.post(f"{url}:batch", data=body, content_type=JSON)
    tracemalloc.start()
    try:
        json_body.parse(body.encode())
        _, parsed = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        client.post(f"{url}:batch", data=body, content_type=JSON)
        _, answered = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answered < 4 * parsed


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_accepted_so_that_no_web_page_can_post(
    client, url, resource, content_type, serves
):
    serves("create")
    response = client.post(url, data=b'{"name": "x"}', content_type=content_type)
    assert response.status_code == 415
    assert "Content-Type: application/json" in response.get_json()["detail"]


@pytest.mark.parametrize(
    "body",
    [{"nope": 1}, {"$set": {}}, {"a.b": 1}, {"__proto__": {}}, {"constructor": 1}, {"_id": 5}],
)
def test_unknown_fields_are_named(client, url, resource, body, serves):
    serves("create")
    response = client.post(url, json=example(resource) | body)
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["pointer"] == f"/{next(iter(body))}"


def test_the_nearest_field_is_suggested(client, url, resource, text_field, serves):
    serves("create")
    response = client.post(url, json=example(resource) | {text_field[:-1]: "x"})
    assert f"did you mean {text_field}?" in response.get_json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "value", [{"$ne": None}, {"$gt": ""}, ["x"], True, 5, "", "  ", "x" * 2001]
)
def test_a_name_of_the_wrong_type_is_named(client, url, text_field, minimal, value, serves):
    serves("create")
    response = client.post(url, json=minimal(value))
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["pointer"] == f"/{text_field}"


def test_a_missing_required_field_is_named(client, url, resource, serves):
    serves("create")
    response = client.post(url, json={})
    assert response.status_code == 422
    required = {name for name, field in resource.schema.load_fields.items() if field.required}
    assert {error["pointer"] for error in response.get_json()["errors"]} == {
        f"/{name}" for name in required
    }


def test_every_mistake_is_named_at_once(client, url, resource, serves):
    serves("create")
    body = {name: [[]] for name in example(resource)}
    response = client.post(url, json=body)
    named = {error["pointer"].split("/")[1] for error in response.get_json()["errors"]}
    assert named == set(body)
