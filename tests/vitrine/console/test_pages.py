"""The page and its files: kept by browsers for good, compressed, and asked for all at once."""

import gzip
import re
import sys

import pytest

from vitrine.console.app import build_app

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", "%2e%2e/secret.txt", "none.js", "..", "", "%00", "a%00.js", "x" * 300],
)
def test_no_file_outside_of_the_folder_is_served(client, base, name):
    for address in (f"{base}{name}", f"/static/{name}"):
        answer = client.get(address)
        assert answer.status_code == 404
        assert b"not for pages" not in answer.data


def test_a_file_of_this_version_is_kept_for_good(client, base):
    answer = client.get(f"{base}a.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for other in ("/static/a.js", "/static/0123456789abcdef/a.js"):
        missing = client.get(other)
        assert (missing.status_code, missing.headers["Cache-Control"]) == (404, "no-store")


def test_another_file_is_another_version(settings, folder, base):
    (folder / "a.js").write_text("export const a = 2;\n")
    page = build_app(settings, {}, folder).test_client().get("/").text
    assert f'"{base}' not in page
    assert '"/static/' in page


def test_the_page_is_asked_for_each_time(client):
    first = client.get("/products")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/products", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_page_names_the_modules_that_it_needs(client, base):
    def named(path):
        return re.findall(f'<link rel="modulepreload" href="{base}([^"]+)"', client.get(path).text)

    assert named("/products") == ["js/pages/products.js", "js/all.js", "a.js"]
    assert named("/products/12") == ["js/pages/products.js", "js/one.js", "a.js"]
    assert named("/orders") == []


@pytest.mark.parametrize(
    ("accept", "coding", "read"),
    [
        (None, None, bytes),
        ("", None, bytes),
        ("identity", None, bytes),
        ("gzip;q=0", None, bytes),
        ("gzip", "gzip", gzip.decompress),
        ("gzip, deflate, br, zstd", "zstd", zstd.decompress),
    ],
)
def test_a_file_is_compressed_for_clients_that_accept_it(client, base, accept, coding, read):
    headers = {} if accept is None else {"Accept-Encoding": accept}
    answer = client.get(f"{base}js/one.js", headers=headers)
    assert read(answer.data).startswith(b"export const one")
    assert answer.headers.get("Content-Encoding") == coding
    assert "Accept-Encoding" in answer.headers["Vary"]
    plain = client.get(f"{base}js/one.js").headers["ETag"]
    assert (answer.headers["ETag"] == plain) is (coding is None)
    small = client.get(f"{base}a.js", headers=headers)
    assert (small.data, small.headers.get("Content-Encoding")) == (b"export const a = 1;\n", None)
