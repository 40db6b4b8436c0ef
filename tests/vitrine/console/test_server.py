"""The server of the console ends connections whose clients are silent, so that threads are free."""

import socket
import subprocess
import sys

import pytest

from tests.support.polling import poll
from vitrine.console import server
from vitrine.local.processes import free_port, stop

# One second, so that the test need not wait for fifteen.
SERVE = """
import sys
from shared.config.settings import Settings
from vitrine.console import server
server.READ_SECONDS = server.SEND_SECONDS = 1
server.serve(Settings(), {"products": "http://127.0.0.1:9"}, sys.argv[1])
"""


def test_a_connection_has_the_limits_of_its_listener(monkeypatch):
    monkeypatch.setattr(server, "READ_SECONDS", 1)
    with (
        server.listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _ = listener.accept()
        with accepted:
            accepted.setblocking(True)
            with pytest.raises(BlockingIOError):
                accepted.recv(1)


@pytest.mark.real
def test_silent_clients_hold_no_threads(tmp_path):
    place = f"127.0.0.1:{free_port(5600)}"
    address = ("127.0.0.1", int(place.rpartition(":")[2]))
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, place], env={"DATA_DIR": str(tmp_path)}
    )
    try:

        def connect():
            try:
                return socket.create_connection(address, 60)
            except OSError:
                return None

        poll(connect, what="the console").close()
        head = b"POST /api/products/products HTTP/1.1\r\nHost: localhost\r\nX-Console: 1\r\n"
        for text in (head, head + b"Content-Length: 9\r\n\r\n{"):
            count = 60  # more than there are threads
            clients = [connect() for _ in range(count)]
            for client in clients:
                client.sendall(text)
            with connect() as reader:
                reader.sendall(b"GET /session HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert b" 200 " in reader.recv(100)
            for client in clients:
                client.close()
    finally:
        stop(process, 10)
