"""The gunicorn worker: connections it keeps and closes, slow clients, and malformed requests."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.polling import poll
from tests.support.processes import free_port, is_alive
from tests.support.services import ROOT
from vitrine.local.processes import stop

LARGE = 1 << 22


@contextlib.contextmanager
def serving(app, **env):
    """Serve with gunicorn; yields its process and its port."""
    port = free_port()
    args = [
        "-c",
        "python:shared.server.gunicorn_conf",
        "-b",
        f"127.0.0.1:{port}",
        f"tests.support.served:{app}",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *args],
        cwd=ROOT,
        env=os.environ | {"THREADS": "2", "WORKERS": "1", "AUTH_MODE": "open"} | env,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), Client(port) as client:
                assert client.ask("GET /name?up HTTP/1.1") == (200, "keep-alive", b"up")
                break
            assert time.monotonic() < end
        yield process, port
    finally:
        stop(process, 5)


class Client:
    """A connection, and the bytes received on it that were not read yet."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, first, *lines, body=b""):
        head = "\r\n".join((first, "Host: localhost", *lines, "", ""))
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(head.encode("latin-1") + body)

    def read(self):
        """Return the status, the header Connection and the body of the next response."""
        while b"\r\n\r\n" not in self.data:
            assert self.more(), "closed without an answer"
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        length = int((re.search(rb"\r\nContent-Length: (\d+)", head) or [b"", b"0"])[1])
        while len(self.data) < length:
            assert self.more(), "closed in the middle of an answer"
        body, self.data = self.data[:length], self.data[length:]
        kept = re.search(rb"\r\nConnection: ([a-z-]+)", head)
        return int(head[9:12]), kept and kept[1].decode(), body

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

    def ask(self, *lines, body=b""):
        self.send(*lines, body=body)
        return self.read()


@pytest.fixture(scope="module")
def patient():
    with serving("patient") as (_, port):
        yield port


@pytest.fixture(scope="module")
def hasty():
    with serving("hasty") as (_, port):
        yield port


@pytest.fixture
def client(patient):
    with Client(patient) as client:
        yield client


LENGTH, CHUNKED = f"Content-Length: {LARGE}", "Transfer-Encoding: chunked"
LAST = {
    "a large body that is not read": ("/unread", LENGTH, b"x" * LARGE),
    "a body that is not read and never arrives": ("/unread", LENGTH, b"x"),
    "chunks that are not read": ("/unread", CHUNKED, b"100000\r\n" + b"x" * 1_048_576),
    "chunks that are none": ("/refused", CHUNKED, b"zz\r\n"),
    "malformed chunks that are not read": ("/unread", CHUNKED, b"zz\r\n"),
    "a client that wants no more": ("/unread", "Connection: close", b""),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", LAST)
def test_the_last_response_of_a_connection_says_so(client, case, method):
    path, header, body = LAST[case]
    client.send(f"{method} {path} HTTP/1.1", header, body=body)
    status, kept, _ = client.read()
    assert status in (400, 415)
    assert kept == "close"
    assert client.rest() == b""


def test_an_error_is_the_last_response(client):
    status, kept, body = client.ask("GET /broken HTTP/1.1")
    assert (status, kept) == (500, "close")
    assert b"internal" in body
    assert client.rest() == b""


KEPT = {
    "no body": ("/unread", "X-Some: thing", b""),
    "a body that was read": ("/body", "Content-Length: 10", b"x" * 10),
    "a small body that is not read": ("/unread", "Content-Length: 9999", b"x" * 9999),
    "chunks that were read": ("/body", CHUNKED, b"2\r\nab\r\n0\r\n\r\n"),
    "chunks that are not read": ("/unread", CHUNKED, b"2\r\nab\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("case", KEPT)
def test_a_connection_is_kept_for_the_next_request(client, case):
    path, header, body = KEPT[case]
    for _ in range(3):
        assert client.ask(f"POST {path} HTTP/1.1", header, body=body)[1] == "keep-alive"
    assert client.ask("GET /name?after HTTP/1.1") == (200, "keep-alive", b"after")


def test_requests_in_one_packet_are_answered_in_their_order(client):
    heads = "".join(f"GET /name?{n} HTTP/1.1\r\nHost: localhost\r\n\r\n" for n in range(300))
    client.sock.sendall(heads.encode() + b"POST /body HTTP/1.1\r\nContent-Le")
    assert [client.read()[2] for _ in range(300)] == [b"%d" % n for n in range(300)]
    client.sock.sendall(b"ngth: 4\r\n\r\nbo")
    client.sock.sendall(b"dyGET /name?last HTTP/1.1\r\n\r\n")
    assert client.read()[2] == b"body"
    assert client.read()[2] == b"last"


def test_a_client_that_expects_100_continue_gets_it(client):
    client.send("POST /body HTTP/1.1", "Content-Length: 4", "Expect: 100-continue")
    assert client.read()[0] == 100
    client.sock.sendall(b"come")
    assert client.read() == (200, "keep-alive", b"come")


def test_a_half_closed_connection_still_gets_the_response(client):
    client.send("POST /body HTTP/1.1", "Content-Length: 4", body=b"come")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read()[2] == b"come"
    assert client.rest() == b""


def test_a_response_of_unknown_length_is_chunked_or_ends_the_connection(client, patient):
    client.send("GET /stream HTTP/1.1", "Connection: close")
    head, _, chunks = client.rest().partition(b"\r\n\r\n")
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert chunks == b"3\r\none\r\n249F0\r\n" + b"two" * 50_000 + b"\r\n0\r\n\r\n"
    with Client(patient) as old:
        old.send("GET /stream HTTP/1.0")
        head, _, body = old.rest().partition(b"\r\n\r\n")
        assert body == b"one" + b"two" * 50_000
        assert b"chunked" not in head
        assert b"\r\nConnection: close" in head


def test_responses_without_a_body_have_no_body(client):
    client.send("HEAD /name?four HTTP/1.1")
    client.send("GET /nothing HTTP/1.1")
    client.send("GET /name?last HTTP/1.1", "Connection: close")
    first, second, third, body = client.rest().split(b"\r\n\r\n")
    assert b"\r\nContent-Length: 4" in first
    assert b"204 No Content\r\n" in second
    assert b"Content-Length" not in second
    assert b"chunked" not in first + second
    assert (third[:15], body) == (b"HTTP/1.1 200 OK", b"last")


@pytest.mark.parametrize(
    "header",
    ["X/a%0d%0aSet-Cookie:%20b", "X/a%0aY", "X/a%0dY", "X/a%00", "X%0d%0aY/a", "X%20Y/a", "X:/a"],
)
def test_a_malformed_header_of_the_application_is_not_sent(client, header):
    status, kept, body = client.ask(f"GET /header/{header} HTTP/1.1")
    assert (status, kept) == (500, "close")
    assert b"Cookie" not in body + client.rest()


def test_the_application_cannot_set_headers_of_the_connection(client):
    assert client.ask("GET /header/Connection/close HTTP/1.1")[1] == "keep-alive"
    client.send("GET /header/X/%C3%A9%09b HTTP/1.1", "Connection: close")
    assert "\r\nX: Ã©\tb\r\n".encode("latin-1") in client.rest()


NO_HTTP = {
    b"\r\n\r\n\r\n": 400,
    b"GET / HTTP/9.9\r\n\r\n": 400,
    b"GET / HTTP/1.1\nHost: a\r\n\r\n": 400,
    b"GET /%b HTTP/1.1\r\n\r\n" % (b"a" * 9000): 414,
    b"GET / HTTP/1.1\r\nA: %b\r\n\r\n" % (b"a" * 9000): 431,
    b"GET / HTTP/1.1\r\nA: b%b\r\n\r\n" % (b"\r\nA: b" * 101): 431,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: more\r\n\r\n": 501,
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
    b"x" * 70_000: 414,
}


@pytest.mark.parametrize("said", NO_HTTP)
def test_malformed_http_gets_a_problem_and_ends_the_connection(client, said):
    client.sock.sendall(said)
    status, kept, body = client.read()
    assert (status, kept) == (NO_HTTP[said], "close")
    assert b'"status":%d' % status in body
    assert client.rest() == b""


def test_heads_are_collected_and_timed_while_all_threads_are_busy(hasty, tmp_path):
    with contextlib.ExitStack() as clients:
        *busy, half = (clients.enter_context(Client(hasty)) for _ in range(7))
        for each in busy[:2]:
            each.send(f"GET /slow?{tmp_path}/done HTTP/1.1")
        for each in busy[2:]:
            each.send("GET /name?queued HTTP/1.1")
        half.sock.sendall(b"GET /name HT")
        assert half.read()[:2] == (408, "close")
        for each in busy:
            assert not select.select([each.sock], [], [], 0)[0]
        (tmp_path / "done").touch()
        assert [each.read()[2] for each in busy] == [b"slow"] * 2 + [b"queued"] * 4


def test_a_missing_body_and_an_unread_response_block_no_other_client(hasty):
    with contextlib.ExitStack() as clients:
        unsaid, unheard = (
            [clients.enter_context(Client(hasty)) for _ in range(2)] for _ in range(2)
        )
        for each in unsaid:
            each.send("POST /refused HTTP/1.1", "Content-Length: 9", body=b"x")
        for each in unsaid:
            assert each.read()[1] == "close"
        for each in unheard:
            each.send("GET /large HTTP/1.1")
        with Client(hasty) as other:
            assert other.ask("GET /name?other HTTP/1.1")[2] == b"other"


def test_a_worker_that_is_stopped_ends_its_requests_and_closes(tmp_path):
    with serving("patient") as (process, port), contextlib.ExitStack() as clients:
        slow, idle, late = (clients.enter_context(Client(port)) for _ in range(3))
        for each in (idle, late):
            assert each.ask("GET /name?idle HTTP/1.1")[1] == "keep-alive"
        slow.send(f"GET /slow?{tmp_path}/done HTTP/1.1")
        assert idle.ask("GET /name?begun HTTP/1.1")[0] == 200
        process.send_signal(signal.SIGTERM)
        poll(lambda: late.ask("GET /name?late HTTP/1.1") == (200, "close", b"late"))
        (tmp_path / "done").touch()
        assert slow.read() == (200, "close", b"slow")
        assert idle.rest() == b""
        assert process.wait(15) == 0


def test_an_idle_connection_is_closed_and_workers_die_with_their_master(hasty):
    with serving("patient", WORKERS="2") as (process, port), Client(port) as client:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        poll(lambda: len(children.read_text().split()) == 2, 10, "two workers")
        workers = children.read_text().split()
        assert client.ask("GET /name?one HTTP/1.1")[0] == 200
        process.kill()
        assert client.rest() == b""
        poll(lambda: not any(is_alive(int(pid)) for pid in workers), 5, "the end of the workers")
    with Client(hasty) as client:
        assert client.rest() == b""
