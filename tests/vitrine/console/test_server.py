"""Clients of the console that are slow, silent or gone hold no thread that a page needs."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.polling import poll
from tests.support.processes import free_port
from vitrine.console.forwarding import MAX_FORWARDED
from vitrine.local.processes import stop

SERVE = """
import sys
from shared.config.settings import Settings
from vitrine.console import asgi, server
asgi.BODY_SECONDS = asgi.SEND_SECONDS = int(sys.argv[3])
server.serve(Settings(), {"products": sys.argv[2]}, sys.argv[1])
"""
COUNT = 100  # clients of an attack, more than there are threads
GET = b"GET /session HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/products/products HTTP/1.1\r\nHost: localhost\r\nX-Console: 1\r\n"
LONG = b"Content-Length: 1000000\r\n\r\n" + b" " * 100_000
# What each client sends at first, and then again and again.
SLOW = {
    "nothing": (b"", b""),
    "a head without an end": (GET, b"X-A: b\r\n"),
    "a header a byte at a time": (GET + b"X-A: ", b"a"),
    "a head that is too large": (GET + b"X-A: " + b"a" * 100_000, b"a"),
    "a body a byte at a time": (POST + b"Content-Length: 9000\r\n\r\n{", b" "),
    "a chunk at a time": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "the beginning of a long body": (POST + LONG, b""),
    "a stream": (b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
}

pytestmark = pytest.mark.real


class Server:
    """A console, and connections to it."""

    def __init__(self, port):
        self.port = port
        self.opened = ExitStack()

    def connect(self, text=b""):
        client = self.opened.enter_context(
            socket.create_connection(("127.0.0.1", self.port), timeout=60)
        )
        client.sendall(text)
        return client

    def ask(self, text=GET + b"\r\n"):
        """Return the first bytes of a response, or fail after a minute."""
        with self.connect(text) as client:
            return client.recv(2000)


@contextmanager
def serving(tmp_path, upstream, seconds):
    """Serve a console that waits this long for slow clients."""
    server = Server(free_port())
    process = server.process = subprocess.Popen(
        [sys.executable, "-c", SERVE, f"127.0.0.1:{server.port}", upstream.url, str(seconds)],
        env={"DATA_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]},
    )

    def answers():
        try:
            return b" 200 " in server.ask()
        except OSError:
            return False

    try:
        with server.opened:
            poll(answers, what="the console")
            yield server
    finally:
        stop(process, 10)


@pytest.fixture
def server(tmp_path, upstream):
    with serving(tmp_path, upstream, 2) as server:
        yield server


@pytest.fixture
def patient_server(tmp_path, upstream):
    """A console that would wait for an hour: a thread that is held does not come free."""
    with serving(tmp_path, upstream, 3600) as server:
        yield server


@pytest.mark.long
@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_hold_no_thread(patient_server, kind):
    server = patient_server
    first, more = SLOW[kind]
    clients = [server.connect() for _ in range(COUNT)]
    is_over = threading.Event()

    def send():
        text = first
        while not is_over.wait(0.1):
            for client in clients:
                client.settimeout(0)
                try:
                    client.send(text)
                except OSError:  # It was refused, or does not read.
                    continue
            text = more

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(20):
            assert b" 200 " in server.ask()
            is_over.wait(0.05)
    finally:
        is_over.set()
        sender.join()


def test_a_body_that_does_not_come_is_refused(server):
    answer = server.ask(POST + b"Content-Length: 9\r\n\r\n{")
    assert b" 400 " in answer
    assert b"The body is not complete." in answer


def test_a_websocket_is_refused(server):
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    assert b" 403 " in server.ask(GET + upgrade + key)


def test_a_long_body_is_passed_on_part_by_part(server, upstream):
    upstream.answers["/products"] = (201, {}, {})
    body = b"x" * 3_000_000
    head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    answer = server.ask(head + body)
    assert b" 201 " in answer
    assert upstream.requests[-1][3] == body


def test_clients_that_do_not_read_leave_their_places(tmp_path, upstream):
    upstream.answers["/products"] = (200, {}, b"x" * 20_000_000)
    upstream.answers["/short"] = (200, {}, {})
    get = b"GET /api/products/%s HTTP/1.1\r\nHost: localhost\r\n\r\n"

    # On a busy machine, the first are not to leave before the last have come.
    with serving(tmp_path, upstream, 10) as server:

        def status():
            return server.ask(get % b"short").split()[1]

        for _ in range(MAX_FORWARDED):
            server.connect(get % b"products")
        poll(lambda: status() == b"503", what="the places to be taken")
        poll(lambda: status() == b"200", what="a free place")


def test_a_target_of_another_host_is_not_passed_on(server, upstream):
    target = b"GET http://evil.test/api/products/products HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = server.ask(target)
    assert b" 404 " in answer
    assert not [path for _, path, *_ in upstream.requests if "evil" in path]


def test_a_stop_ends_streams_and_removes_the_files_of_imports(server, tmp_path):
    stream = server.connect(SLOW["a stream"][0])
    assert b" 200 " in stream.recv(100)
    head = b"POST /imports?name=a.csv HTTP/1.1\r\nHost: localhost\r\nX-Console: 1\r\n"
    assert b" 201 " in server.ask(head + b"Content-Length: 8\r\n\r\nname\r\nA\n")
    assert list(tmp_path.glob("vitrine-imports-*"))
    server.process.terminate()
    assert server.process.wait(10) == 0
    while stream.recv(1 << 16):
        pass
    assert not list(tmp_path.glob("vitrine-imports-*"))
