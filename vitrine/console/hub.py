"""Hub of events: a memory of the last ones, and a bounded queue for each client that watches."""

import math
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import Any, NamedTuple

import orjson

from shared.http.errors import ServiceUnavailable
from shared.http.responses import server_sent_event

TOPICS = (
    "request",
    "hits",
    "note",
    "change",
    "sample",
    "job",
    "fuzz",
    "source",
    "dropped",
    "reset",
)
ALWAYS = ("source", "dropped", "reset")  # A client must know what it misses, for any choice.
MAX_WATCHERS = 24
MAX_EVENTS = 1000  # events that are remembered, for clients that come back
MAX_BYTES = 16_000_000  # bytes of the events that are remembered
MAX_QUEUE = 500  # events that wait for one client; older ones are dropped and counted
MAX_QUEUE_BYTES = 4_000_000  # bytes of the events that wait for one client
MAX_DIGITS = 20  # of the number of an event
QUIET_SECONDS = 10.0  # seconds without an event until a comment keeps the connection open
LINGER_SECONDS = 30.0  # seconds without a watcher after which nothing is followed
RETRY_SECONDS = 10  # seconds to wait for a place


class Event(NamedTuple):
    """An event: its number in this run of the console, its topic, and its data as JSON."""

    number: int
    topic: str
    data: bytes


class Events:
    """The last events, within a number and a number of bytes; one that is larger is not kept."""

    def __init__(self, most: int, most_bytes: int):
        self._most, self._most_bytes = most, most_bytes
        self._events: deque[Event] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Event) -> int:
        """Add an event; return the number of events that had to go."""
        self._events.append(event)
        self._bytes += len(event.data)
        gone = 0
        while len(self._events) > self._most or self._bytes > self._most_bytes:
            self._bytes -= len(self._events.popleft().data)
            gone += 1
        return gone

    def take(self) -> list[Event]:
        """Return all events, and forget them."""
        events = list(self._events)
        self._events.clear()
        self._bytes = 0
        return events


class Watcher:
    """Queue of one client; of too many events, the oldest are dropped."""

    def __init__(self, topics: Collection[str]):
        self._topics = topics
        self._events = Events(MAX_QUEUE, MAX_QUEUE_BYTES)
        self._dropped = 0
        self._changed = threading.Condition()
        self.is_closed = False

    @property
    def has_dropped(self) -> bool:
        """True if events were dropped since the last were taken."""
        return bool(self._dropped)

    def offer(self, event: Event) -> None:
        """Put an event at the end of the queue."""
        if event.topic not in self._topics:
            return
        with self._changed:
            self._dropped += self._events.add(event)
            self._changed.notify()

    def take(self, seconds: float = QUIET_SECONDS) -> tuple[list[Event], int]:
        """Wait for events; return all that are there, and the number that was dropped."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._dropped or self.is_closed, seconds)
            dropped, self._dropped = self._dropped, 0
            return self._events.take(), dropped

    def close(self) -> None:
        """End the stream of the client."""
        with self._changed:
            self.is_closed = True
            self._changed.notify()


class Hub:
    """The events of all topics, numbered from 1 in each run of the console."""

    def __init__(self) -> None:
        self._run = token_hex(4)
        self._number = 0
        self._memory = Events(MAX_EVENTS, MAX_BYTES)
        self._watchers: set[Watcher] = set()
        self._left_at = -LINGER_SECONDS
        self._lock = threading.Lock()

    @property
    def is_watched(self) -> bool:
        """True while a client watches, and for some seconds afterwards."""
        return bool(self._watchers) or time.monotonic() - self._left_at < LINGER_SECONDS

    @property
    def last_id(self) -> str:
        """The id of the last event."""
        return f"{self._run}-{self._number}"

    def publish(self, topic: str, data: Any) -> None:
        """Send an event to all who watch its topic."""
        encoded = orjson.dumps(data, default=str)
        with self._lock:
            self._number += 1
            event = Event(self._number, topic, encoded)
            self._memory.add(event)
            for watcher in self._watchers:
                watcher.offer(event)

    @contextmanager
    def watch(self, topics: Collection[str], since: str = "") -> Iterator[tuple[Watcher, bool]]:
        """Watch some topics in a block.

        Args:
            topics: The topics.
            since: The id of the last event that the client has; empty for new events only.

        Yields:
            The queue, which has the events since, and False if some of them are forgotten.

        Raises:
            ServiceUnavailable: As many clients watch as may.
        """
        watcher = Watcher(topics)
        with self._lock:
            if len(self._watchers) >= MAX_WATCHERS:
                error = ServiceUnavailable(
                    f"{MAX_WATCHERS} pages watch the console already, which is the limit. Close "
                    f"one, or retry in {RETRY_SECONDS} s."
                )
                error.headers["Retry-After"] = str(RETRY_SECONDS)
                raise error
            is_whole = self._replay(watcher, since)
            self._watchers.add(watcher)
        try:
            yield watcher, is_whole
        finally:
            with self._lock:
                self._watchers.discard(watcher)
                self._left_at = time.monotonic()

    def stream(
        self,
        watcher: Watcher,
        is_whole: bool,
        hello: Any,
        sources: Iterable[Any] = (),
        expires: float = math.inf,
    ) -> Iterator[bytes]:
        """Yield server-sent events for a watcher until its token has expired.

        Args:
            watcher: The queue of the client.
            is_whole: False if the client has missed events.
            hello: The data of the first event.
            sources: The data of an event for the present state of each source.
            expires: The end of the client's token, in seconds since 1970.
        """
        yield server_sent_event("hello", orjson.dumps(hello))
        for source in sources:
            yield server_sent_event("source", orjson.dumps(source))
        if not is_whole:
            yield server_sent_event("reset", b"{}")
        while time.time() < expires and not watcher.is_closed:
            events, dropped = watcher.take()
            if dropped:
                count = orjson.dumps({"count": dropped, "where": "console"})
                yield server_sent_event("dropped", count)
            yield (
                b"".join(
                    server_sent_event(event.topic, event.data, f"{self._run}-{event.number}")
                    for event in events
                )
                or b":\n\n"
            )

    def close(self) -> None:
        """End all streams, because the console stops."""
        with self._lock:
            for watcher in self._watchers:
                watcher.close()

    def _replay(self, watcher: Watcher, since: str) -> bool:
        """Put the events after one into a queue; return False if some are forgotten."""
        if not since:
            return True
        run, _, number = since.partition("-")
        if run != self._run or not number.isdecimal() or len(number) > MAX_DIGITS:
            return False
        missed = [event for event in self._memory if event.number > int(number)]
        for event in missed:
            watcher.offer(event)
        return len(missed) == self._number - int(number) and not watcher.has_dropped
