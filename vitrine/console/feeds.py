"""Feeds: threads that read the streams of the services while a page watches the console.

Each service has two streams: its changes, and the notes of its tap.  Notes of several processes
come in batches, so they are held for a quarter of a second and then put in order: a read is judged
after the write that made it a miss.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from secrets import token_hex
from typing import Any

import orjson
import urllib3

from shared.http.errors import ApiError
from shared.http.responses import EVENTS
from vitrine.console.access import Callers
from vitrine.console.hub import Hub
from vitrine.console.reasons import Memory, Note, in_order, is_incomplete
from vitrine.console.services import Services

log = logging.getLogger(__name__)

HELD_SECONDS = 0.25  # seconds that notes are held until they are put in order
# Seconds that a change waits for the note that says who has made it, and a read for that of the
# write that made it a miss: a process that is busy sends its notes late.
AUTHOR_SECONDS = 1.5
TURN_SECONDS = 0.1  # seconds between two batches for pages
QUIET_SECONDS = 25.0  # seconds without a byte after which a stream is broken; one comes every 10
RETRY_SECONDS = 1.0  # seconds until a stream is opened again
ABSENT_SECONDS = 30.0  # seconds until a stream is asked for again that a service does not have
MAX_HELD = 5000  # notes, and changes, that wait; further ones are dropped and counted
MAX_SHOWN = 500  # events of one topic in a turn; the older ones are dropped and counted
# The id of the console's own requests, which pages do not show.  No client can guess it, to hide
# its requests as well.
REQUEST_ID = f"console-{token_hex(8)}"
# The changes after a token are gone: MongoDB has removed them, or does not know the token.
GONE = (400, 410)
Json = dict[str, Any]
Event = tuple[str, str, bytes]  # its name, its id and its data


class Feeds:
    """The streams of all services.

    Args:
        services: The services.
        hub: The hub that gets the events.
        memory: The memory of the notes.
        callers: The callers with whose rights the services are asked.
    """

    def __init__(
        self,
        services: Services,
        hub: Hub,
        memory: Memory,
        callers: Callers,
    ):
        self._services = services
        self._hub = hub
        self._memory = memory
        self._callers = callers
        self._threads: dict[str, threading.Thread] = {}
        self._states: dict[tuple[str, str], str] = {}
        # What has come and is not published, with the time of its arrival.  The clocks of the
        # services may differ from that of the console.
        self._notes: list[tuple[float, Json]] = []
        self._changes: list[tuple[float, Json]] = []
        self._unexplained: list[tuple[float, Note]] = []  # reads whose write was not noted yet
        self._hits: Counter[str] = Counter()  # hits of each service that have no note
        self._lock = threading.Lock()

    def follow(self) -> None:
        """Start the threads that do not run; they end some time after the last page has left.

        What has happened since they ended is unknown, so pages that come back get a ``reset``.
        """
        runs: dict[str, Callable[[], None]] = {"turns": self._take_turns}
        for service in self._services:
            runs[f"{service} tap"] = partial(self._read_tap, service)
            runs[f"{service} changes"] = partial(self._read_changes, service)
        with self._lock:
            ended = {name for name, thread in self._threads.items() if not thread.is_alive()}
            for name in ended | (runs.keys() - self._threads.keys()):
                thread = threading.Thread(target=runs[name], name=name, daemon=True)
                self._threads[name] = thread
                thread.start()
        if ended:
            self._hub.publish("reset", {})

    def states(self) -> list[Json]:
        """Return the state of each source, as events tell it."""
        return [_state(*source, problem) for source, problem in list(self._states.items())]

    # Read.

    def _read_tap(self, service: str) -> None:
        while self._hub.is_watched:
            for name, _, data in self._events(service, "tap", "/__cache/live"):
                if name == "dropped":
                    count = orjson.loads(data)["count"]
                    self._hub.publish("dropped", {"count": count, "where": service})
                elif name == "hits":
                    self._count_hits(service, orjson.loads(data)["count"])
                elif name == "notes":
                    self._hold(self._notes, orjson.loads(data), service)

    def _read_changes(self, service: str) -> None:
        last = ""
        while self._hub.is_watched:
            path = f"/{service}/changes"
            for name, id, data in self._events(service, "changes", path, last):
                last = id or last
                if name == "error":
                    if last and orjson.loads(data).get("status") in GONE:
                        last = ""
                        self._hub.publish("reset", {})
                elif name:
                    change = {"service": service, **orjson.loads(data)}
                    self._hold(self._changes, [change], service)

    def _hold(self, held: list[tuple[float, Json]], found: list[Json], service: str) -> None:
        """Keep what has come until it is due; tell what is too much."""
        now = time.monotonic()
        with self._lock:
            kept = found[: max(0, MAX_HELD - len(held))]
            held += [(now, each) for each in kept]
        if dropped := len(found) - len(kept):
            self._hub.publish("dropped", {"count": dropped, "where": service})

    def _count_hits(self, service: str, count: int) -> None:
        with self._lock:
            self._hits[service] += count

    def _events(self, service: str, source: str, path: str, last: str = "") -> Iterator[Event]:
        """Yield the events of one connection; after its end, wait until the next may begin."""
        authorization = self._callers.authorization()
        if authorization is None:  # The last page has left, and its rights with it.
            self._wait(RETRY_SECONDS)
            return
        headers = {"Accept": EVENTS, "Authorization": authorization, "X-Request-ID": REQUEST_ID}
        headers |= {"Last-Event-ID": last} if last else {}
        pause = RETRY_SECONDS
        try:
            response = self._services.open(service, "GET", path, headers, seconds=QUIET_SECONDS)
        except ApiError as error:
            self._tell(service, source, str(error))
        else:
            try:
                if response.status == 200:
                    self._tell(service, source)
                    yield from self._until_left(events_of(response))
                else:
                    is_missing = response.status in (404, 501)
                    pause = ABSENT_SECONDS if is_missing else RETRY_SECONDS
                    self._tell(service, source, _detail(response))
                    if response.status == 401:
                        self._callers.refuse(authorization)
                    yield "error", "", orjson.dumps({"status": response.status})
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                self._tell(service, source, f"The stream has ended: {type(error).__name__}.")
            finally:
                response.close()
        self._wait(pause)

    def _until_left(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            if not self._hub.is_watched:
                return
            yield event

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._hub.is_watched and time.monotonic() < until:
            time.sleep(RETRY_SECONDS / 2)

    def _tell(self, service: str, source: str, problem: str = "") -> None:
        """Publish that a source is up, or why it is down, when that has changed."""
        if self._states.get((service, source)) == problem:
            return
        self._states[service, source] = problem
        self._hub.publish("source", _state(service, source, problem))

    # Publish.

    def _take_turns(self) -> None:
        """Publish what has come, some times a second, in the order of its time."""
        while self._hub.is_watched:
            time.sleep(TURN_SECONDS)
            try:
                self._publish(time.monotonic())
            except Exception:
                log.exception("The notes of a moment are lost")

    def _publish(self, now: float) -> None:
        with self._lock:
            due = [note for came, note in self._notes if came <= now - HELD_SECONDS]
            self._notes[:] = [each for each in self._notes if each[0] > now - HELD_SECONDS]
            hits, self._hits = self._hits, Counter()
        requests, notes, dropped = [], [], 0
        for service in hits:
            self._memory.leave_hits_out(service)
        for note in in_order(due):
            because = self._memory.add(note)
            if note["kind"] != "request":
                notes.append(note)
            elif is_incomplete(because):
                self._unexplained.append((now, note))
            else:
                requests.append({**note, "because": because})
        for topic, found in (
            ("note", notes),
            ("change", self._due_changes(now)),
            ("request", self._explained(now) + requests),
            ("hits", [{"service": name, "count": count} for name, count in hits.items()]),
        ):
            visible = [each for each in found if each.get("id") != REQUEST_ID]
            dropped += max(0, len(visible) - MAX_SHOWN)
            if visible:
                self._hub.publish(topic, visible[-MAX_SHOWN:])
        if dropped:
            self._hub.publish("dropped", {"count": dropped, "where": "console"})

    def _explained(self, now: float) -> list[Json]:
        """Return the reads whose write has been noted by now, and those that waited long enough."""
        before, self._unexplained = self._unexplained[-MAX_HELD:], []
        due = []
        for came, read in before:
            because = self._memory.late_reason(read)
            if is_incomplete(because) and came > now - AUTHOR_SECONDS:
                self._unexplained.append((came, read))
            else:
                due.append({**read, "because": because})
        return due

    def _due_changes(self, now: float) -> list[Json]:
        """Return the changes whose author is known, and those that have waited long enough."""
        with self._lock:
            came_before, self._changes[:] = list(self._changes), []
        due, waiting = [], []
        for came, change in came_before:
            known = self._memory.author_of(change["token"])
            if known is None and came > now - AUTHOR_SECONDS:
                waiting.append((came, change))
                continue
            note = known or {}
            author = {"by": note.get("by"), "request_id": note.get("id") or None}
            due.append(change | author | {"outside": note.get("outside")})
        with self._lock:
            self._changes[:0] = waiting
        return due


def events_of(response: urllib3.BaseHTTPResponse) -> Iterator[Event]:
    """Yield the server-sent events of a response (WHATWG HTML, 9.2), and comments without a name.

    Raises:
        HTTPError: The connection breaks, or is silent for too long.
    """
    rest = b""
    for part in response.stream(decode_content=True):
        *blocks, rest = (rest + part).split(b"\n\n")
        for block in blocks:
            lines = [line.partition(b": ") for line in block.split(b"\n")]
            fields = {name: value for name, _, value in lines}
            name = fields.get(b"event", b"").decode()
            yield name, fields.get(b"id", b"").decode(), fields.get(b"data", b"")


def _state(service: str, source: str, problem: str) -> Json:
    """Return the event of the state of a source."""
    state = "down" if problem else "up"
    return {"service": service, "source": source, "state": state, "detail": problem}


def _detail(response: urllib3.BaseHTTPResponse) -> str:
    """Return the sentence of a refusal."""
    try:
        return str(orjson.loads(response.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return f"It answers {response.status}."
