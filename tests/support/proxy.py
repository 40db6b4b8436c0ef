"""A TCP proxy that a test can cut, or point at another server."""

import contextlib
import socket
import threading


class Proxy:
    """Forwards connections on ``port`` to ``target``, or drops them while that is None."""

    def __init__(self, target):
        self.target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def switch(self, target):
        """Drop every connection; those to come go to another port, or nowhere for None."""
        self.target = target
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.switch(None)
        self._server.close()

    def _accept(self):
        while True:
            try:
                ours, _ = self._server.accept()
            except OSError:
                return
            target = self.target
            try:
                theirs = socket.create_connection(("127.0.0.1", target)) if target else None
            except OSError:
                theirs = None
            if theirs is None:
                ours.close()
                continue
            for one, other in ((ours, theirs), (theirs, ours)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.add(one)
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()
            if self.target != target:
                self.switch(self.target)

    def _pump(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.discard(one)
        one.close()
