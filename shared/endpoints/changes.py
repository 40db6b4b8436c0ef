"""``/products/changes``: the change feed, by long poll or by server-sent events.

A client that waits keeps a thread.  So at most half of the threads of a process wait, and a wait
ends when the client has disconnected or the process is to stop.
"""

import math
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, request, stream_with_context
from marshmallow import Schema, fields, validate

from shared.config.settings import Settings
from shared.endpoints.change_reader import NO_TOKEN, TOKEN, ChangeReader, no_streams
from shared.http import access_log
from shared.http.contract import accepts, returns
from shared.http.errors import BadRequest, ServiceUnavailable
from shared.http.json import encode
from shared.http.parameters import read_parameters
from shared.http.request_state import state
from shared.http.responses import JSON_UTF8
from shared.resource import Resource
from shared.schema.fields import Id, Timestamp, Whole
from shared.schema.serialization import Document
from shared.storage.change_stream import KINDS
from shared.storage.connections import connections

EVENTS = "text/event-stream"
QUERY_TIMEOUT_SECONDS = 60
POLL_MILLISECONDS = 500  # milliseconds until a client that has disconnected is noticed
MAX_CHANGES = 1000  # changes in one response
# Clients that wait in one process; each has one of its hundred connections to MongoDB.
MAX_WAITING = 50
HEARTBEAT_SECONDS = 10  # seconds between two events of a stream without changes
RETRY_MILLISECONDS = 2000  # milliseconds until a client connects again
UNCACHED = {"Cache-Control": "no-store"}


class _Asked(Schema):
    """The query string of a long poll; a stream has only ``since``."""

    since = fields.String(load_default="", validate=validate.Regexp(TOKEN, error=NO_TOKEN))
    wait = Whole(0, QUERY_TIMEOUT_SECONDS, strict=False, load_default=30)
    limit = Whole(1, MAX_CHANGES, strict=False, load_default=100)


class ChangeSchema(Schema):
    """One change of an item; ``fields`` are the names of the changed fields."""

    token = fields.String()
    type = fields.String(validate=validate.OneOf(sorted({*KINDS.values()})))
    id = fields.Raw(metadata={"shown": Id()})
    at = Timestamp()
    names = fields.List(fields.String(), data_key="fields", metadata={"optional": True})
    slug = fields.String(allow_none=True, metadata={"optional": True})
    item = fields.Dict(allow_none=True)


class NextSchema(Schema):
    """The address of the changes that follow."""

    next = fields.String()


class ChangesSchema(Schema):
    """Changes, and the token after the last of them."""

    changes = fields.List(fields.Nested(ChangeSchema))
    since = fields.String()
    links = fields.Nested(NextSchema)


class Feed:
    """Change feed of a resource, with a limit to the clients that wait in this process."""

    def __init__(self, resource: Resource, threads: int):
        self._resource = resource
        self._url = f"/{resource.name}/changes"
        self._limit = min(threads // 2, MAX_WAITING)
        self._places = threading.Semaphore(self._limit)

    @accepts(query=_Asked, headers=("Last-Event-ID",))
    @returns(ChangesSchema, headers=("Cache-Control",), errors=(410, 501))
    @returns(None, media=(EVENTS,))
    def show(self) -> Response:
        """Return the changes since a token, or wait for the next change.

        Without ``since`` return the current token at once.  With ``Accept: text/event-stream`` send
        every change until one side ends the stream.
        """
        if not connections().cache.leased:
            raise no_streams()
        asked = read_parameters()
        if request.accept_mimetypes.best_match(("application/json", EVENTS)) == EVENTS:
            if polls := [name for name in request.args if name != "since"]:
                raise BadRequest.parameters(
                    {name: ["Is only for long polls; leave it out of a stream."] for name in polls}
                )
            return self._stream(request.headers.get("Last-Event-ID", ""), asked["since"])
        return self._poll(asked)

    def _poll(self, asked: Mapping[str, Any]) -> Response:
        wait = asked["wait"] if request.method == "GET" else 0
        with ChangeReader(self._resource, asked["since"], asked["limit"]) as reader:
            changes, token = reader.next()
            if not asked["since"]:
                changes = []  # A client without a token reads the list next.
            elif wait and not changes:
                with self._place():
                    changes, token = _wait(reader, token, wait)
        query = urlencode(request.args.to_dict() | {"since": token})
        links = {"next": f"{self._url}?{query}"}
        body = encode({"changes": changes, "since": token, "links": links})
        return Response(body, content_type=JSON_UTF8, headers=UNCACHED)

    def _stream(self, last: str, since: str) -> Response:
        if last and not re.match(TOKEN, last):
            raise BadRequest.parameter("since", NO_TOKEN)
        with ExitStack() as stack:
            stack.enter_context(self._place())
            reader = stack.enter_context(ChangeReader(self._resource, last or since))
            response = Response(
                stream_with_context(_events(reader)),
                content_type=f"{EVENTS}; charset=utf-8",
                # Some proxies would hold events back until there are many.
                headers=UNCACHED | {"X-Accel-Buffering": "no"},
            )
            response.call_on_close(stack.pop_all().close)
        return response

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Count this client as one that waits.

        Raises:
            ServiceUnavailable: As many clients wait as may.
        """
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable(
                f"{self._limit} clients wait in this process already, which is the limit. Retry "
                "shortly, send wait=0, or give the service more THREADS or WORKERS."
            )
        try:
            yield
        finally:
            self._places.release()


def _wait(reader: ChangeReader, token: str, seconds: int) -> tuple[list[Document], str]:
    """Return the next changes, or none when the time is over, and the token after them."""
    started = time.monotonic()
    changes: list[Document] = []
    while not changes and time.monotonic() - started < seconds and _is_awaited():
        changes, token = reader.next(POLL_MILLISECONDS)
    access_log.exclude_wait(time.monotonic() - started)
    return changes, token


def _events(reader: ChangeReader) -> Iterator[bytes]:
    """Yield server-sent events (WHATWG HTML, 9.2), and a token every ten seconds as a heartbeat."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    last_sent = -math.inf
    try:
        while _is_awaited():
            changes, token = reader.next(POLL_MILLISECONDS)
            if changes:
                yield b"".join(
                    _event(change["type"], encode(change), change["token"]) for change in changes
                )
            elif time.monotonic() - last_sent >= HEARTBEAT_SECONDS:
                yield f":\nid: {token}\n\n".encode()
            else:
                continue
            last_sent = time.monotonic()
    except Exception as error:
        problem = current_app.handle_user_exception(error)
        assert isinstance(problem, Response)
        yield _event("error", problem.get_data())


def _event(name: str, data: bytes, id: str = "") -> bytes:
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


def _is_awaited() -> bool:
    """Return True while the client is connected and this process is not to stop."""
    worker = current_app.extensions.get("worker")
    if worker is not None and not worker.alive:
        return False
    client = state().client
    return client is None or client.is_connected


def init_app(app: Flask, resource: Resource, settings: Settings) -> None:
    """Serve the change feed of a resource."""
    feed = Feed(resource, settings.threads)
    app.add_url_rule(f"/{resource.name}/changes", "changes", feed.show, methods=["GET"])
