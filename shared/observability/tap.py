"""Tap: notes on requests, writes and changes, published live in Redis while a client watches.

A watcher sets the key ``products:tap`` for five seconds, again and again.  Each process of the
service looks for it about once a second.  While the key is there, the process publishes its notes
in the channel of the same name, ten times a second.

No person reads thousands of lines a second, so each process notes a bounded number of cache hits
and counts the others.  Every miss, write and error is noted.
"""

import json
import threading
import time
from collections import deque
from typing import Any

import orjson
from redis import Redis
from redis.exceptions import RedisClusterException, RedisError

WATCHED_SECONDS = 5  # seconds that a watcher sets the key for
LOOK_SECONDS = 1.0  # seconds between two looks for the key
PUBLISH_SECONDS = 0.1  # seconds between two batches
MAX_NOTES = 500  # notes in a batch; further ones are dropped and counted
MAX_HITS = 50  # hits that a process notes at once; further ones are counted
HITS_A_BATCH = 5  # hits that may be noted again after each batch

Note = dict[str, Any]


def key_of(service: str) -> str:
    """Return the key that a watcher of a service sets, which is its channel as well."""
    return f"{service}:tap"


class Tap:
    """Notes of this process.

    ``on`` is True while a client watches.  Look at it before a note is made: that is all the tap
    costs at other times.
    """

    def __init__(self) -> None:
        self.on = False
        self._notes: deque[Note] = deque()
        self._dropped = 0
        self._room = MAX_HITS
        # Hits that were not noted, of which so many were published.  The first only grows, so that
        # nothing is lost that is counted while a batch is made.
        self._hits = 0
        self._sent_hits = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, redis: Redis, service: str) -> None:
        """Look for watchers from now on, in a thread of its own.

        Args:
            redis: The Redis of the cache; its calls must give up soon.
            service: The name of the service.
        """
        self._stopped.clear()
        self._thread = threading.Thread(
            target=self._run, args=(redis, key_of(service)), name="tap", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop looking for watchers, and forget what was not published."""
        self._stopped.set()
        if self._thread:
            self._thread.join()
        self._forget()

    def note(self, note: Note) -> None:
        """Publish a note with the next batch, or count it as dropped."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append(note)
        else:
            self._dropped += 1  # Two threads may count at once: it is a lower bound.

    def takes_hit(self) -> bool:
        """Return True if a hit is to be noted; count it otherwise."""
        if self._room > 0:
            self._room -= 1
            return True
        self._hits += 1
        return False

    def _run(self, redis: Redis, key: str) -> None:
        looked_at = -LOOK_SECONDS
        while not self._stopped.wait(PUBLISH_SECONDS if self.on else LOOK_SECONDS):
            try:
                if time.monotonic() - looked_at >= LOOK_SECONDS:
                    looked_at = time.monotonic()
                    self.on = bool(redis.exists(key))
                self._publish(redis, key)
            except (RedisError, RedisClusterException, OSError):
                self._forget()  # No client can watch.

    def _publish(self, redis: Redis, key: str) -> None:
        """Send the notes of the last tenth of a second to those who watch."""
        notes = [self._notes.popleft() for _ in range(len(self._notes))]
        dropped, self._dropped = self._dropped, 0
        counted = self._hits
        hits, self._sent_hits = counted - self._sent_hits, counted
        self._room = min(MAX_HITS, self._room + HITS_A_BATCH)
        if notes or dropped or hits:
            redis.publish(key, _encode({"dropped": dropped, "hits": hits, "notes": notes}))

    def _forget(self) -> None:
        self.on = False
        self._notes.clear()
        self._dropped = 0
        self._sent_hits = self._hits


def _encode(batch: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(batch, default=str)
    except TypeError:
        # A text holds half of a surrogate pair, which UTF-8 cannot encode and readers refuse.
        return json.dumps(batch, default=str, ensure_ascii=False).encode(errors="replace")


# The tap of this process, which has one service.
TAP = Tap()
