"""``/products/changes``: the change feed, by long poll or by server-sent events.

A client that waits keeps a thread.  So at most half of the threads of a process wait.  A wait
ends when the client has disconnected, when a client with fewer waits needs the place, and when the
process is to stop.
"""

import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, request, stream_with_context
from marshmallow import Schema, fields, validate

from shared.endpoints.change_reader import NO_TOKEN, TOKEN, ChangeReader, no_streams
from shared.endpoints.places import Place, Places, is_awaited
from shared.http import access_log
from shared.http.contract import accepts, returns
from shared.http.errors import BadRequest
from shared.http.json import encode, encode_line
from shared.http.parameters import read_parameters
from shared.http.request_state import state
from shared.http.responses import EVENTS, JSON_UTF8, event_stream, server_sent_event
from shared.resource import Resource
from shared.schema.fields import Id, Timestamp, Whole
from shared.schema.serialization import Document
from shared.storage.change_stream import BATCH_SIZE, KINDS
from shared.storage.connections import connections

QUERY_TIMEOUT_SECONDS = 60
POLL_MILLISECONDS = 500  # milliseconds until a client that has disconnected is noticed
MAX_CHANGES = 1000  # changes in one response
INSTEAD = "send wait=0"  # what a client may do that finds no place to wait
HEARTBEAT_SECONDS = 10  # seconds between two events of a stream without changes
RETRY_MILLISECONDS = 2000  # milliseconds until a client connects again


class _Asked(Schema):
    """The query string of a long poll; a stream has only ``since``."""

    since = fields.String(load_default="", validate=validate.Regexp(TOKEN, error=NO_TOKEN))
    wait = Whole(0, QUERY_TIMEOUT_SECONDS, strict=False, load_default=30)
    limit = Whole(1, MAX_CHANGES, strict=False, load_default=100)


class ChangeSchema(Schema):
    """One change of an item; ``fields`` are the names of the changed fields."""

    token = fields.String()
    type = fields.String(
        validate=validate.OneOf(sorted({*KINDS.values()})), metadata={"component": "ChangeType"}
    )
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
    """Change feed of a resource; clients that wait have one of the ``places``."""

    def __init__(self, resource: Resource, places: Places):
        self._resource = resource
        self._url = f"/{resource.name}/changes"
        self._places = places

    @accepts(query=_Asked, headers=("Last-Event-ID",))
    @returns(ChangesSchema, errors=(410, 501))
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
        with self._read(asked["since"], asked["limit"]) as reader:
            changes, token = reader.next()
            if not asked["since"]:
                changes = []  # A client without a token reads the list next.
            elif wait and not changes:
                with self._places.hold(INSTEAD) as place:
                    changes, token = _wait(reader, token, wait, place)
        query = urlencode(request.args.to_dict() | {"since": token})
        links = {"next": f"{self._url}?{query}"}
        body = encode_line({"changes": changes, "since": token, "links": links})
        return Response(body, content_type=JSON_UTF8)

    def _stream(self, last: str, since: str) -> Response:
        if last and not re.match(TOKEN, last):
            raise BadRequest.parameter("since", NO_TOKEN)
        with ExitStack() as stack:
            place = stack.enter_context(self._places.hold(INSTEAD))
            reader = stack.enter_context(self._read(last or since))
            response = event_stream(stream_with_context(_events(reader, place)))
            response.call_on_close(stack.pop_all().close)
        return response

    def _read(self, since: str, size: int = BATCH_SIZE) -> ChangeReader:
        """Return a reader of the changes that the caller sees."""
        sees_hidden = self._resource.sees_hidden(state().principal)
        return ChangeReader(self._resource, since, size, sees_hidden)


def _wait(
    reader: ChangeReader, token: str, seconds: int, place: Place
) -> tuple[list[Document], str]:
    """Return the next changes, or none when the time is over, and the token after them."""
    started = time.monotonic()
    changes: list[Document] = []
    while not changes and time.monotonic() - started < seconds and is_awaited(place):
        changes, token = reader.next(POLL_MILLISECONDS)
    access_log.exclude_wait(time.monotonic() - started)
    return changes, token


def _events(reader: ChangeReader, place: Place) -> Iterator[bytes]:
    """Yield server-sent events (WHATWG HTML, 9.2), and a token every ten seconds as a heartbeat."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    last_sent = -math.inf
    try:
        while is_awaited(place):
            changes, token = reader.next(POLL_MILLISECONDS)
            if changes:
                yield b"".join(
                    server_sent_event(change["type"], encode(change), change["token"])
                    for change in changes
                )
            elif time.monotonic() - last_sent >= HEARTBEAT_SECONDS:
                yield f":\nid: {token}\n\n".encode()
            else:
                continue
            last_sent = time.monotonic()
    except Exception as error:
        problem = current_app.handle_user_exception(error)
        assert isinstance(problem, Response)
        yield server_sent_event("error", problem.get_data().rstrip())


def init_app(app: Flask, resource: Resource, places: Places) -> None:
    """Serve the change feed of a resource."""
    feed = Feed(resource, places)
    app.add_url_rule(f"/{resource.name}/changes", "list_changes", feed.show, methods=["GET"])
