"""``/__cache/live``: the notes of the service's processes, as server-sent events.

The notes say of each request who sent it and what the cache answered, of each write what it has
invalidated, and of each change that the follower sees who made it.  ``shared.observability.tap``
publishes them while a client watches.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import orjson
from flask import Flask, Response, current_app, stream_with_context
from redis import TimeoutError
from redis.client import PubSub

from shared.cache.redis_topology import REDIS_ERRORS
from shared.endpoints.places import Place, Places, is_awaited
from shared.http import auth
from shared.http.contract import returns
from shared.http.errors import ServiceUnavailable
from shared.http.json import encode
from shared.http.responses import EVENTS, event_stream, server_sent_event
from shared.observability import tap
from shared.resource import Resource
from shared.storage.connections import connections

MAX_WAITING_NOTES = 2000  # notes that wait for a slow client; older ones are dropped and counted
SET_SECONDS = 2.0  # seconds between two times at which the key of the tap is set
POLL_SECONDS = 0.25  # seconds until a client that has disconnected is noticed
HEARTBEAT_SECONDS = 10  # seconds between two comments of a stream without notes


class Live:
    """Live view of a service; clients that watch have one of the ``places``."""

    def __init__(self, resource: Resource, places: Places):
        self._service = resource.name
        self._places = places

    @auth.requires(auth.ADMIN)
    @returns(None, media=(EVENTS,))
    def show(self) -> Response:
        """Send what the service does, live, until one side ends the stream.

        An event ``notes`` has an array of notes: requests with the verdict of the cache, writes
        with the generations that they have renewed, and changes that the follower has seen, also
        those that were made outside of the API. Each process notes a bounded number of cache hits;
        an event ``hits`` has the number of the others. An event ``dropped`` has the number of notes
        that were left out, because there were too many.
        """
        with ExitStack() as stack:
            place = stack.enter_context(self._places.hold())
            key = tap.key_of(self._service)
            try:
                redis: Any = connections().redis
                subscription = stack.enter_context(redis.pubsub())
                subscription.subscribe(key)
                _ask(key)
            except REDIS_ERRORS as error:
                raise ServiceUnavailable(
                    "Redis cannot be reached, and notes pass through it. Send the request later."
                ) from error
            response = event_stream(stream_with_context(_events(Notes(subscription), key, place)))
            response.call_on_close(stack.pop_all().close)
        return response


class Notes:
    """The notes that come through Redis for one client.

    A server that dies may leave the connection open, on which nothing comes any more.
    """

    def __init__(self, subscription: PubSub):
        self._subscription = subscription
        self._is_answer_due = False

    def read(self) -> tuple[list[Any], int, int]:
        """Return the notes that have come, and the numbers of hits not noted and of notes dropped.

        A client that reads slowly gets fewer notes, and Redis does not have to keep them.
        """
        notes: list[Any] = []
        hits = dropped = 0
        message = self._subscription.get_message(timeout=POLL_SECONDS)
        while message:
            self._is_answer_due = False  # An answer to a ping is a message as well.
            if message["type"] == "message":
                batch = orjson.loads(message["data"])
                notes += batch["notes"]
                hits += batch.get("hits", 0)  # Processes of the release before have none.
                dropped += batch["dropped"]
            surplus = max(0, len(notes) - MAX_WAITING_NOTES)
            del notes[:surplus]
            dropped += surplus
            message = self._subscription.get_message(timeout=0)
        return notes, hits, dropped

    def check(self) -> None:
        """Ask Redis for an answer, which is to come before the next call.

        Raises:
            TimeoutError: Nothing has come since the call before.
        """
        if self._is_answer_due:
            raise TimeoutError("Redis does not answer on the connection that brings notes")
        self._is_answer_due = True
        self._subscription.ping()


def _ask(key: str) -> None:
    """Ask all processes of the service to publish their notes, for some seconds."""
    connections().redis.set(key, 1, ex=tap.WATCHED_SECONDS)


def _events(notes: Notes, key: str, place: Place) -> Iterator[bytes]:
    """Yield the notes as they are published; comments keep the connection open."""
    yield b":\n\n"
    sent = asked = time.monotonic()
    try:
        while is_awaited(place):
            if time.monotonic() - asked >= SET_SECONDS:
                asked = time.monotonic()
                _ask(key)
            found, hits, dropped = notes.read()
            if hits:
                yield server_sent_event("hits", encode({"count": hits}))
            if dropped:
                yield server_sent_event("dropped", encode({"count": dropped}))
            if found:
                yield server_sent_event("notes", encode(found))
            if not (hits or dropped or found):
                if time.monotonic() - sent < HEARTBEAT_SECONDS:
                    continue
                notes.check()
                yield b":\n\n"
            sent = time.monotonic()
    except REDIS_ERRORS as error:
        text = f"Redis has ended the stream ({type(error).__name__}). Open it again."
        problem = current_app.handle_user_exception(ServiceUnavailable(text))
        assert isinstance(problem, Response)
        yield server_sent_event("error", problem.get_data().rstrip())


def init_app(app: Flask, resource: Resource, places: Places) -> None:
    """Serve the live view of a resource."""
    view = Live(resource, places)
    app.add_url_rule("/__cache/live", "watch_cache", view.show, methods=["GET"])
