"""Compressed responses of every service: the same bytes, with other ETags."""

import gzip
import sys
from dataclasses import replace

import pytest

from shared.http import compression
from tests.support.services import example

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DECODE = {"gzip": gzip.decompress, "zstd": zstd.decompress}
ACCEPTS = {"Accept-Encoding": "gzip"}


@pytest.fixture
def item(client, url, resource, serves):
    serves("create", "update")
    return client.post(url, json=example(resource))


@pytest.fixture
def paths(item, url, monkeypatch):
    """The URLs of an item and of a list, which are compressed though they are small."""
    monkeypatch.setattr(compression, "MIN_BYTES", 1)
    return f"{url}/{item.get_json()['id']}", url, f"{url}?per=5"


@pytest.mark.parametrize("coding", DECODE)
def test_hits_and_misses_are_compressed_alike(client, paths, coding):
    for path in paths:
        for _ in range(2):
            compressed = client.get(path, headers={"Accept-Encoding": coding})
            assert compressed.headers["Content-Encoding"] == coding
            assert "Accept-Encoding" in compressed.headers.getlist("Vary")
            assert int(compressed.headers["Content-Length"]) == len(compressed.data)
        plain = client.get(path)
        assert "Content-Encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers.getlist("Vary")
        assert DECODE[coding](compressed.data) == plain.data
        assert compressed.headers["ETag"] == f'{plain.headers["ETag"][:-1]}-{coding}"'


def test_a_client_that_has_a_compressed_body_gets_a_304(client, paths):
    for path in paths:
        etag = client.get(path, headers=ACCEPTS).headers["ETag"]
        again = client.get(path, headers={**ACCEPTS, "If-None-Match": etag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
        assert "Content-Encoding" not in again.headers
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_a_head_has_the_headers_of_its_get_but_for_the_length(client, paths):
    for path in paths:
        got, head = (client.open(path, method=verb, headers=ACCEPTS) for verb in ("GET", "HEAD"))
        for name in ("ETag", "Content-Encoding", "Content-Type"):
            assert head.headers[name] == got.headers[name]
        assert head.data == b""
        assert "Content-Length" not in head.headers


def test_a_write_accepts_the_etag_of_a_compressed_item(client, paths, item, text_field):
    sent = {"If-Match": f'{item.headers["ETag"][:-1]}-gzip"'}
    changed = client.patch(paths[0], json={text_field: "Other"}, headers=sent)
    assert changed.status_code == 200
    refused = client.patch(paths[0], json={text_field: "Another"}, headers=sent)
    assert refused.status_code == 412


def test_a_refused_write_is_compressed_though_its_etag_was_sent(client, paths, item, text_field):
    """Only a read is answered with a 304."""
    etag = f'{item.headers["ETag"][:-1]}-gzip"'
    sent = {**ACCEPTS, "If-None-Match": etag}
    refused = client.put(paths[0], json={text_field: "Other"}, headers=sent)
    assert (refused.status_code, refused.headers["Content-Encoding"]) == (412, "gzip")
    assert int(refused.headers["Content-Length"]) == len(refused.data)
    assert b"has changed since you read it" in gzip.decompress(refused.data)


def test_small_bodies_stay_plain(client):
    answer = client.get("/health/live", headers=ACCEPTS)
    assert len(answer.data) < compression.MIN_BYTES
    assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" not in answer.headers.getlist("Vary")


def test_the_openapi_document_is_a_fifth_as_long(client):
    plain = client.get("/openapi.json").data
    answer = client.get("/openapi.json", headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert zstd.decompress(answer.data) == plain
    assert len(answer.data) < len(plain) / 5


class TestTurnedOff:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, compression=False)

    def test_no_response_is_compressed(self, client):
        answer = client.get("/openapi.json", headers=ACCEPTS)
        assert "Content-Encoding" not in answer.headers
        assert "Accept-Encoding" not in answer.headers.getlist("Vary")
