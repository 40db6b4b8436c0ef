"""Readers of a fuzz run: connections that a server closes, and responses that break the promise."""

import socket
import time
from contextlib import contextmanager
from threading import Thread

import orjson
import pytest

from vitrine.fuzz.documents import FuzzDocument, FuzzNamespace
from vitrine.fuzz.readers import Reader, ReadPlan


@contextmanager
def server(body, reads_per_connection=1_000_000, length=None):
    """Serve one body for every GET, and close each connection after some reads."""
    listener = socket.create_server(("127.0.0.1", 0))
    head = f"HTTP/1.1 200 OK\r\nCache-Status: vitrine; hit\r\nContent-Length: {length or len(body)}"

    def serve(connection):
        with connection:
            for _ in range(reads_per_connection):
                if not connection.recv(65536):
                    return
                connection.sendall(head.encode() + b"\r\n\r\n" + body)
                if length:
                    return

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            Thread(target=serve, args=(connection,), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read(url, namespace, floor=0, ceiling=0):
    """Read a client document for a second; return the results."""
    document = FuzzDocument(0, "clients", 1, "")
    until = time.monotonic() + 1
    reader = Reader(ReadPlan(namespace, [document], {"clients": [url]}, until, [floor], [ceiling]))
    reader.run()
    return reader.results


@pytest.fixture
def namespace(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return FuzzNamespace()


def body(namespace, version):
    """Return a body that is good for a document and for a list of it."""
    document = {"name": namespace.name(0, version)}
    return orjson.dumps(document | {"items": [document]})


def test_a_connection_that_the_server_closed_is_opened_again(namespace):
    with server(body(namespace, 0), reads_per_connection=3) as url:
        results = read(url, namespace)
    assert results.hits == len(results.seconds) > 3
    assert (results.failed, results.violations) == ([], [])


def test_an_older_version_is_a_violation(namespace):
    with server(body(namespace, 1)) as url:
        results = read(url, namespace, floor=2, ceiling=3)
    assert "at version 1, which is not from 2 to 3" in results.violations[0].text


def test_a_body_that_is_cut_is_a_failed_read(namespace):
    with server(body(namespace, 0), length=500) as url:
        results = read(url, namespace)
    assert "IncompleteRead" in results.failed[0]
    assert not results.seconds


def test_a_server_that_is_down_is_a_failed_read(namespace):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    results = read(url, namespace)
    assert "ConnectionRefusedError" in results.failed[0]
