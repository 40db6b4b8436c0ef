"""Places of clients that wait for changes or watch, shared out fairly among the clients.

Each holds a thread until its request ends.  So all of them together may hold half of the threads of
a process, and one thread at least is left for other requests.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from shared.http.allowance import client_key
from shared.http.errors import ServiceUnavailable
from shared.http.request_state import ANONYMOUS, state

# Clients that wait in one process; many of them have one of its hundred connections to MongoDB.
MAX_WAITING = 50
MAX_ENDING = 0.5  # places that may be ending at once, as a part of all places


class Place:
    """The place of one waiting client; ``is_lost`` is True after another client has got it."""

    def __init__(self, client: str):
        self.client = client
        self.is_lost = False


def is_awaited(place: Place) -> bool:
    """Return True while the client is connected, has its place and may read, and there is time."""
    principal = state().principal
    if place.is_lost or (principal and 0 < principal.expires <= time.time()):
        return False
    worker = current_app.extensions.get("worker")
    if worker is not None and not worker.alive:
        return False
    client = state().client
    return client is None or client.is_connected


class Places:
    """Places of clients that wait in this process.

    If all are taken, the client that has most of them loses its oldest one to a client with fewer.
    So a single client cannot keep others out.

    Args:
        limit: The number of places.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self._lock = threading.Lock()
        self._held: list[Place] = []  # the oldest first
        self._ending = 0  # lost places whose threads still run

    @classmethod
    def of_threads(cls, threads: int) -> "Places":
        """Return the places of a process that has a number of threads; none if it has one."""
        return cls(min(threads // 2, MAX_WAITING))

    @contextmanager
    def hold(self, instead: str = "") -> Iterator[Place]:
        """Hold a place for the caller of the current request.

        Args:
            instead: What the caller may do without a place, such as ``send wait=0``.

        Raises:
            ServiceUnavailable: As many clients wait as may.
        """
        current = state()
        with self.take(client_key(current.principal or ANONYMOUS, current.environ)) as place:
            if place is None:
                raise ServiceUnavailable(self._refusal(instead))
            yield place

    @contextmanager
    def take(self, client: str) -> Iterator[Place | None]:
        """Hold a place for a client; None if there is none, and no client with many more."""
        with self._lock:
            place = self._find(client)
        if place is None:
            yield None
            return
        try:
            yield place
        finally:
            with self._lock:
                if place.is_lost:
                    self._ending -= 1
                else:
                    self._held.remove(place)

    def _refusal(self, instead: str) -> str:
        """Return the sentences of a 503."""
        if not self.limit:
            also = f"{instead[:1].upper()}{instead[1:]}, or give" if instead else "Give"
            return (
                "No client can wait in this process, because THREADS=1 leaves no thread for other "
                f"requests. {also} the service THREADS=2 or more."
            )
        also = f"{instead}, " if instead else ""
        who = "1 client waits" if self.limit == 1 else f"{self.limit} clients wait"
        return (
            f"{who} in this process already, which is the limit. Retry "
            f"shortly, {also}or give the service more THREADS or WORKERS."
        )

    def _find(self, client: str) -> Place | None:
        if len(self._held) >= self.limit and not self._free_one(client):
            return None
        place = Place(client)
        self._held.append(place)
        return place

    def _free_one(self, newcomer: str) -> bool:
        """Take the oldest place from the client with the most.

        Return False if the newcomer would then have as many: the two would evict each other.
        """
        counts = Counter(place.client for place in self._held)
        if not counts or self._ending >= self.limit * MAX_ENDING:
            return False
        greatest, number = counts.most_common(1)[0]
        if counts[newcomer] + 1 >= number:
            return False
        lost = next(place for place in self._held if place.client == greatest)
        self._held.remove(lost)
        lost.is_lost = True
        self._ending += 1
        return True
