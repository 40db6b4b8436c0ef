"""Faulty bodies, heads and clients with granian."""

import contextlib
import socket
from urllib.parse import urlsplit

import orjson
import pytest
import urllib3

from tests.support.polling import poll
from tests.support.stack import instance, running_stack


@pytest.fixture(scope="module")
def shop():
    with running_stack("--only", "products", SERVER="granian", WORKERS="2") as stack:
        yield stack


def status_of_cache(shop, path):
    return shop._http.request("GET", shop.url("products") + path).headers["Cache-Status"]


def test_large_bodies_come_and_go_whole(shop):
    url = shop.url("products")
    text = "Lang und länger. " * 20_000
    lines = [{"op": "create", "value": {"name": f"Long {number}"}} for number in range(3)]
    json = {"Content-Type": "application/json"}
    for body in (
        orjson.dumps({"name": "Long", "description": text[:20_000]}),
        orjson.dumps({"name": "Long", "description": text}),
        orjson.dumps(lines),
    ):
        whole, pieces = (
            shop._http.request("POST", url + "/products", body=sent, headers=json)
            for sent in (body, iter([body[:70_000], body[70_000:]]))
        )
        assert whole.status == pieces.status
        problems = [each.json().get("errors") for each in (whole, pieces)]
        assert problems[0] == problems[1]
    for number in range(60):
        shop.request(
            "POST", "products", "/products", {"name": f"{number}", "description": text[:5000]}
        )
    path = "/products?per=50&ordering=-id"
    for _ in range(2):
        found = shop._http.request("GET", shop.url("products") + path)
        assert len(found.data) > 200_000
        assert [each["name"] for each in found.json()["items"]][:2] == ["59", "58"]
        poll(lambda: "; hit" in status_of_cache(shop, path))


def test_bodies_that_do_not_come_hold_no_thread(shop):
    heads = ["Content-Length: 50", "Content-Length: 100000", "Transfer-Encoding: chunked"]
    json = "POST /products HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with (
        instance(shop, server="granian", THREADS="1") as url,
        urllib3.PoolManager(retries=False, timeout=30) as http,
        contextlib.ExitStack() as clients,
    ):
        address = urlsplit(url)
        for head in heads * 5:
            client = socket.create_connection((address.hostname, address.port), 30)
            clients.enter_context(client).sendall(f"{json}{head}\r\n\r\n".encode() + b"1")
        assert http.request("GET", url + "/products?per=7").status == 200
        made = http.request("POST", url + "/products", json={"name": "Quick"})
        assert made.status == 201


def raw(url, request):
    """The status of an answer to a request, byte by byte, and all of the answer."""
    address = urlsplit(url)
    said = b""
    with socket.create_connection((address.hostname, address.port), 30) as client:
        client.sendall(request)
        while b"\r\n\r\n" not in said and (more := client.recv(65536)):
            said += more
    return int(said[9:12] or 0), said


POST = b"POST /products HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For: \xe9, 1.2.3.4", 'If-Match: "\xe9"', "Authorization: Bearer \xe9"]
)
def test_no_header_is_left_out(shop, header):
    request = (
        POST + header.encode("latin-1") + b"\r\nContent-Length: 15\r\n\r\n" + b'{"name":"evil"}'
    )
    status, said = raw(shop.url("products"), request)
    assert (status, b"not ASCII" in said) == (400, True)
    get = b"GET /products HTTP/1.1\r\nHost: localhost\r\n" + header.encode("latin-1") + b"\r\n\r\n"
    assert raw(shop.url("products"), get)[0] == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET http://localhost/products HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET http://evil.test/products HTTP/1.1\r\nHost: localhost\r\n\r\n", 403),
        (b"GET /products HTTP/1.1\r\nHost: evil.test\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /products?q=\xe2\x82\xac HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /products?per=9 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n", 200),
    ],
)
def test_odd_heads_mean_what_they_say(shop, head, status):
    found, said = raw(shop.url("products"), head)
    assert found == status
    assert status == 200 or b"application/problem+json" in said


def test_a_body_that_ends_before_its_length_is_refused(shop):
    address = urlsplit(shop.url("products"))
    with socket.create_connection((address.hostname, address.port), 30) as client:
        client.sendall(POST + b'Content-Length: 99\r\n\r\n{"name":"cut"}')
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    names = [each["name"] for each in shop.get("products", "/products?per=100")["items"]]
    assert "cut" not in names


def test_who_has_hung_up_keeps_no_place_among_those_who_wait(shop):
    address = urlsplit(shop.url("products"))
    wait = b"GET /products/changes?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(24):
        with socket.create_connection((address.hostname, address.port), 30) as client:
            client.sendall(wait)

    def is_free():
        return shop.request("GET", "products", "/products/changes?wait=0")[0] == 200

    assert poll(is_free, 60, "a place")
