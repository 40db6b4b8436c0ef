"""Both HTTP servers under odd, slow and broken clients, byte by byte."""

import contextlib
import gzip
import os
import re
import signal
import socket
from urllib.parse import urlsplit

import orjson
import pytest
import urllib3

from tests.support.polling import poll
from tests.support.processes import descendants, is_alive
from tests.support.stack import instance, running_stack, server_of

JSON = {"Content-Type": "application/json"}
POST = "POST /products HTTP/1.1"
IS_JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def shop():
    with running_stack("--only", "products") as stack:
        for number in range(60):
            body = {"name": f"{number}", "description": "Lang und länger. " * 300}
            assert stack.request("POST", "products", "/products", body)[0] == 201
        yield stack


@pytest.fixture(scope="module", params=["gunicorn", "granian"])
def server(request):
    return request.param


@pytest.fixture(scope="module")
def url(shop, server):
    """The URL of an instance with one thread, which a slow client must not hold."""
    with instance(shop, server=server, THREADS="1") as url:
        yield url


@pytest.fixture(scope="module")
def http():
    with urllib3.PoolManager(retries=False, timeout=90) as http:
        yield http


class Client:
    """A connection, and what was read from it."""

    def __init__(self, url, source=""):
        address = urlsplit(url)
        own = (source, 0) if source else None
        self.sock = socket.create_connection((address.hostname, address.port), 30, own)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.sock.close()

    def send(self, *lines, body=b""):
        self.sock.sendall("\r\n".join((*lines, "Host: localhost", "", "")).encode("latin-1") + body)

    def read(self, has_body=True):
        """Return the status, the head and the body of the next response."""
        while b"\r\n\r\n" not in self.data:
            assert self.more(), "closed without an answer"
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length[1]) if length and has_body else 0
        while len(self.data) < size:
            assert self.more(), "closed in the middle of an answer"
        body, self.data = self.data[:size], self.data[size:]
        return int(head[9:12]), head, body

    def more(self):
        with contextlib.suppress(ConnectionResetError):
            if data := self.sock.recv(1 << 16):
                self.data += data
                return True
        return False

    def rest(self):
        """Return all bytes until the connection ends."""
        while self.more():
            pass
        return self.data


def wait_for_changes(url, http, seconds):
    """Return the first line of a request that waits for changes after the present."""
    since = http.request("GET", f"{url}/products/changes").json()["since"]
    return f"GET /products/changes?wait={seconds}&since={since} HTTP/1.1"


@pytest.fixture
def client(url):
    with Client(url) as client:
        yield client


def test_requests_in_one_packet_are_answered_in_their_order(client):
    for id in range(1, 41):
        client.send(f"GET /products/{id} HTTP/1.1")
    assert [orjson.loads(client.read()[2])["id"] for _ in range(40)] == [*range(1, 41)]


def test_a_client_that_expects_100_continue_gets_it(client):
    client.send(POST, IS_JSON, "Content-Length: 15", "Expect: 100-continue")
    assert client.read()[0] == 100
    client.sock.sendall(b'{"name":"late"}')
    assert client.read()[0] == 201


REFUSED = [
    ("POST /nope HTTP/1.1", "Content-Length: 9", 404),
    ("POST /api/v1/nope HTTP/1.1", "Transfer-Encoding: chunked", 404),
    ("POST /products/1 HTTP/1.1", "Content-Length: 9", 405),
    ("PATCH /products/1 HTTP/1.1", "Content-Length: 9\r\nContent-Encoding: gzip", 415),
    (POST, "Content-Length: 9\r\nAuthorization: Bearer nope", 401),
    (POST, "Content-Length: 9\r\nOrigin: https://evil.test", 403),
    (POST, "Content-Length: 99000000", 413),
]


@pytest.mark.parametrize(("first", "header", "status"), REFUSED)
def test_a_client_that_expects_100_continue_is_refused_before_its_body(
    client, first, header, status
):
    client.send(first, IS_JSON, header, "Expect: 100-continue")
    found, _, body = client.read()
    assert (found, orjson.loads(body)["status"]) == (status, status)


@pytest.mark.parametrize("path", ["/products/1", "/products", "/health/live", "/nope"])
def test_a_request_without_one_host_is_a_400(client, path):
    client.sock.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    assert client.read()[0] == 400


@pytest.mark.parametrize("host", ["a b", "a, b", "a/b", 'a"b'])
def test_a_host_that_is_none_is_a_400(client, host):
    client.sock.sendall(f"GET /products HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert client.read()[0] == 400


def test_a_request_of_http_1_0_needs_no_host(client):
    client.sock.sendall(b"GET /products/1 HTTP/1.0\r\n\r\n")
    assert client.read()[0] == 200


@pytest.mark.parametrize(
    ("query", "by_granian"),
    [(b"q=th\xc3\xa9", 200), (b"q=th\xe9", 400), (b"brand=\xff", 400), (b"q=a b", 400)],
)
def test_a_query_that_is_not_percent_encoded_is_not_misread(client, server, query, by_granian):
    """gunicorn refuses each; granian reads UTF-8."""
    client.sock.sendall(b"GET /products?%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % query)
    status, head, _ = client.read()
    assert status == (400 if server == "gunicorn" else by_granian)
    assert status == 400 or b"q=th%C3%A9" in head


def test_responses_without_a_body_have_no_body(client):
    client.send("HEAD /products/1 HTTP/1.1")
    status, head, _ = client.read(has_body=False)
    etag = re.search(rb"(?i)\r\netag: (\S+)", head)[1].decode()
    assert (status, b"length: 0" in head.lower()) == (200, False)
    client.send("GET /products/1 HTTP/1.1", f"If-None-Match: {etag}")
    assert client.read(has_body=False)[0] == 304
    client.send("GET /products/1 HTTP/1.1")
    assert client.read()[0] == 200
    assert client.data == b""


def test_compressed_responses_have_their_own_length(client):
    client.send("HEAD /products HTTP/1.1", "Accept-Encoding: gzip")
    status, head, _ = client.read(has_body=False)
    assert (status, b"content-encoding: gzip" in head.lower()) == (200, True)
    client.send("GET /products HTTP/1.1", "Accept-Encoding: gzip")
    status, head, body = client.read()
    assert (status, b"content-encoding: gzip" in head.lower()) == (200, True)
    client.send("GET /products HTTP/1.1")
    assert client.read()[2] == gzip.decompress(body)
    assert client.data == b""


def test_large_bodies_come_and_go_whole(url, http):
    text = "Lang und länger. " * 20_000
    lines = [{"op": "create", "value": {"name": f"Long {number}"}} for number in range(3)]
    for body in (
        orjson.dumps({"name": "Long", "description": text[:20_000]}),
        orjson.dumps({"name": "Long", "description": text}),
        orjson.dumps(lines),
    ):
        whole, pieces = (
            http.request("POST", url + "/products", body=sent, headers=JSON)
            for sent in (body, iter([body[:70_000], body[70_000:]]))
        )
        assert whole.status == pieces.status
        problems = [each.json().get("errors") for each in (whole, pieces)]
        assert problems[0] == problems[1]
    path = f"{url}/products?per=50&ordering=id"
    for _ in range(2):
        found = http.request("GET", path)
        assert len(found.data) > 200_000
        assert [each["name"] for each in found.json()["items"]][:2] == ["0", "1"]
        poll(lambda: "; hit" in http.request("GET", path).headers["Cache-Status"])


def test_bodies_that_do_not_come_hold_no_thread(url, http):
    with contextlib.ExitStack() as clients:
        for head in ("Content-Length: 50", "Content-Length: 99999", "Transfer-Encoding: chunked"):
            for _ in range(5):
                clients.enter_context(Client(url)).send(POST, IS_JSON, head, body=b"1")
        assert http.request("GET", url + "/products?per=7").status == 200
        assert http.request("POST", url + "/products", json={"name": "Quick"}).status == 201


def test_a_response_that_is_not_read_holds_no_thread(url, http):
    with contextlib.ExitStack() as clients:
        for number in range(10):
            client = clients.enter_context(Client(url))
            # Small windows, so that the response does not fit into the buffers of the system.
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(8):
                client.send(f"GET /products?per=50&page=1&price_min={number} HTTP/1.1")
        assert http.request("GET", url + "/products?per=8").status == 200
        assert http.request("POST", url + "/products", json={"name": "Unread"}).status == 201


def test_a_thousand_idle_connections_keep_nobody_out(url, http):
    with contextlib.ExitStack() as clients:
        for number in range(1000):
            client = clients.enter_context(Client(url))
            if number % 2:
                client.sock.sendall(b"GET /products HT")
        assert http.request("GET", url + "/products?per=6").status == 200
        assert http.request("POST", url + "/products", json={"name": "Room"}).status == 201


@pytest.mark.parametrize("server", ["granian"], indirect=True)
def test_an_expected_body_that_breaks_off_is_refused(url, http):
    """The part of it that came is a whole JSON text."""
    with Client(url) as client:
        client.send(POST, IS_JSON, "Transfer-Encoding: chunked", "Expect: 100-continue")
        assert client.read()[0] == 100
        client.sock.sendall(b"f\r\n" + b'{"name":"half"}' + b"\r\n")
    http.request("POST", url + "/products", json={"name": "After"})
    items = http.request("GET", url + "/products?per=100&fields=name").json()["items"]
    assert "half" not in [each["name"] for each in items]


@pytest.mark.parametrize("ends", ["with the connection", "half closed"])
def test_a_body_that_ends_before_its_length_stores_nothing(url, http, ends):
    name = f"cut {ends}"
    body = b'{"name":"%b"}' % name.encode()
    with Client(url) as client:
        client.send(POST, IS_JSON, "Content-Length: 99", body=body)
        if ends == "half closed":
            client.sock.shutdown(socket.SHUT_WR)
            client.rest()
    with Client(url) as client:
        client.send(POST, IS_JSON, "Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n" % (99, body))
    http.request("POST", url + "/products", json={"name": "After"})
    items = http.request("GET", url + "/products?per=100&fields=name").json()["items"]
    assert name not in [each["name"] for each in items]


MALFORMED = [
    b"\x16\x03\x01 TLS\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * 70_000),
    b"GET / HTTP/1.1\r\nHost: a\r\nA: %b\r\n\r\n" % (b"a" * 700_000),
    b"GET / HTTP/1.1\r\nHost: a\r\nA: b%b\r\n\r\n" % (b"\r\nA: b" * 101),
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: more\r\n\r\n",
    b"x" * 700_000,
]


@pytest.mark.parametrize("said", MALFORMED)
def test_malformed_http_is_refused_and_ends_the_connection(client, said):
    with contextlib.suppress(ConnectionError):
        client.sock.sendall(said)
    answer = client.rest()
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), answer[:200]


@pytest.mark.parametrize(
    ("header", "status"), [('If-Match: "\xe9"', 412), ("Authorization: Bearer \xe9", 401)]
)
def test_a_header_that_is_not_ascii_has_its_effect(client, header, status):
    client.send("DELETE /products/1 HTTP/1.1", header)
    assert client.read()[0] == status


@pytest.mark.parametrize(
    ("first", "header", "status"),
    [
        ("GET /products HTTP/1.1", "Host: evil.test", 400),
        ("GET /products?per=9 HTTP/1.1", "Content-Length: 9", 200),
        ("GET /products HTTP/1.1", "Authorization_: x", 200),
        ("GET /products HTTP/1.1", "X_Request_ID: forged", 200),
    ],
)
def test_odd_heads_mean_what_they_say(client, first, header, status):
    client.send(first, header)
    found, head, _ = client.read()
    assert found == status
    assert b"forged" not in head


def test_a_websocket_is_no_fault_of_the_server(client, server):
    client.send(
        "GET /products HTTP/1.1",
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    # granian answers the request as it would without an upgrade.
    assert client.read()[0] == (403 if server == "gunicorn" else 200)


def test_a_stop_answers_what_runs_and_ends_soon(shop, server, http):
    with instance(shop, server=server) as url, contextlib.ExitStack() as clients:
        idle, waits = (clients.enter_context(Client(url)) for _ in range(2))
        idle.send("GET /products/1 HTTP/1.1")
        assert idle.read()[0] == 200
        waits.send(wait_for_changes(url, http, 60))
        poll(lambda: http.request("GET", url + "/products/2").status == 200)
        master = server_of(url)
        os.kill(master, signal.SIGTERM)
        assert idle.rest() == b""
        waits.rest()
        poll(lambda: not is_alive(master), 45, "the end of the server")


def test_workers_die_with_their_master(shop, server):
    with instance(shop, server=server, workers=2) as url, Client(url) as client:
        client.send("GET /products/1 HTTP/1.1")
        assert client.read()[0] == 200
        master = server_of(url)
        workers = descendants(master)
        assert len(workers) >= 2
        os.kill(master, signal.SIGKILL)
        poll(lambda: not any(is_alive(pid) for pid in workers), what="the end of the workers")


def test_clients_that_hang_up_keep_no_place_among_those_that_wait(shop, server, http):
    with instance(shop, server=server, THREADS="4") as url:
        waits = wait_for_changes(url, http, 60)
        for _ in range(24):
            with Client(url) as client:
                client.send(waits)

        def is_free():
            with Client(url) as client:
                client.send(waits.replace("wait=60", "wait=1"))
                return client.read()[0] == 200

        assert poll(is_free, what="a place")
