"""``/products/changes``: what has changed since a token, by long poll or server-sent events.

Who waits here keeps a thread.  So only half of the threads of a process are for that, and nobody
goes on waiting who has hung up, or when the process is told to stop.
"""

import math
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, request, stream_with_context
from marshmallow import Schema, fields, validate

from shared.config.settings import Settings
from shared.endpoints.change_reader import NO_TOKEN, TOKEN, Changelog, no_streams
from shared.http import access_log
from shared.http.contract import accepts, returns
from shared.http.errors import BadRequest, ServiceUnavailable
from shared.http.json import encode
from shared.http.parameters import read_parameters
from shared.http.responses import JSON
from shared.resource import Resource
from shared.schema.fields import Id, Timestamp, Whole
from shared.schema.serialization import Document
from shared.storage.change_stream import KINDS
from shared.storage.connections import connections

EVENTS = "text/event-stream"
QUERY_TIMEOUT_SECONDS = 60
POLL_MILLISECONDS = 500  # How long it takes to notice that nobody waits any more.
MOST_CHANGES = 1000
# Each who waits has one of the hundred connections of a process to MongoDB.
MOST_WAITING = 50
HEARTBEAT_SECONDS = 10
RETRY_MILLISECONDS = 2000
UNCACHED = {"Cache-Control": "no-store"}


class _Asked(Schema):
    """The query string of a long poll; that of a stream has only ``since``."""

    since = fields.String(load_default="", validate=validate.Regexp(TOKEN, error=NO_TOKEN))
    wait = Whole(0, QUERY_TIMEOUT_SECONDS, strict=False, load_default=30)
    limit = Whole(1, MOST_CHANGES, strict=False, load_default=100)


class ChangeSchema(Schema):
    """What has become of one item; ``fields`` are those that have changed."""

    token = fields.String()
    type = fields.String(validate=validate.OneOf(sorted({*KINDS.values()})))
    id = fields.Raw(metadata={"shown": Id()})
    at = Timestamp()
    names = fields.List(fields.String(), data_key="fields", metadata={"optional": True})
    slug = fields.String(allow_none=True, metadata={"optional": True})
    item = fields.Dict(allow_none=True)


class NextSchema(Schema):
    """Where to go on."""

    next = fields.String()


class ChangesSchema(Schema):
    """What has changed, and the token to go on from."""

    changes = fields.List(fields.Nested(ChangeSchema))
    since = fields.String()
    links = fields.Nested(NextSchema)


class Feed:
    """The changes of a resource, and the places for those who wait for more in this process."""

    def __init__(self, resource: Resource, threads: int):
        self._resource = resource
        self._url = f"/{resource.name}/changes"
        self._most = min(threads // 2, MOST_WAITING)
        self._places = threading.Semaphore(self._most)

    @accepts(query=_Asked, headers=("Last-Event-ID",))
    @returns(ChangesSchema, headers=("Cache-Control",), errors=(410, 501))
    @returns(None, media=(EVENTS,))
    def show(self) -> Response:
        """Answer what has changed since a token, or wait for the next change.

        Without ``since`` answer the token of now, at once.  With ``Accept: text/event-stream``
        tell every change until one side ends it.
        """
        if not connections().cache.leased:
            raise no_streams()
        asked = read_parameters()
        if request.accept_mimetypes.best_match(("application/json", EVENTS)) == EVENTS:
            if polls := [name for name in request.args if name != "since"]:
                raise BadRequest.parameters({name: ["Is for long polls only."] for name in polls})
            return self._stream(request.headers.get("Last-Event-ID", ""), asked["since"])
        return self._poll(asked)

    def _poll(self, asked: Mapping[str, Any]) -> Response:
        wait = asked["wait"] if request.method == "GET" else 0
        with Changelog(self._resource, asked["since"], asked["limit"]) as changelog:
            changes, token = changelog.next()
            if not asked["since"]:
                changes = []  # Whoever begins now reads the list after this.
            elif wait and not changes:
                with self._place():
                    changes, token = _wait(changelog, token, wait)
        query = urlencode(request.args.to_dict() | {"since": token})
        links = {"next": f"{self._url}?{query}"}
        body = encode({"changes": changes, "since": token, "links": links})
        return Response(body, content_type=JSON, headers=UNCACHED)

    def _stream(self, last: str, since: str) -> Response:
        if last and not re.match(TOKEN, last):
            raise BadRequest.parameter("since", NO_TOKEN)
        with ExitStack() as stack:
            stack.enter_context(self._place())
            changelog = stack.enter_context(Changelog(self._resource, last or since))
            response = Response(
                stream_with_context(_tell(changelog)),
                content_type=f"{EVENTS}; charset=utf-8",
                # Some proxies would keep the events back until there are many.
                headers=UNCACHED | {"X-Accel-Buffering": "no"},
            )
            response.call_on_close(stack.pop_all().close)
        return response

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Take one of the places, or raise ``ServiceUnavailable`` when all are taken."""
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable(
                f"{self._most} clients wait in this process, which is all that may; ask again "
                "shortly, ask with wait=0, or give the service more THREADS or WORKERS."
            )
        try:
            yield
        finally:
            self._places.release()


def _wait(changelog: Changelog, token: str, seconds: int) -> tuple[list[Document], str]:
    """Return the first changes to come, or none when the time is over, and the token."""
    started = time.monotonic()
    changes: list[Document] = []
    while not changes and time.monotonic() - started < seconds and _is_awaited():
        changes, token = changelog.next(POLL_MILLISECONDS)
    access_log.exclude_wait(time.monotonic() - started)
    return changes, token


def _tell(changelog: Changelog) -> Iterator[bytes]:
    """Yield server-sent events (WHATWG HTML, 9.2), and now and then a token, as a heartbeat."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    spoken = -math.inf
    try:
        while _is_awaited():
            changes, token = changelog.next(POLL_MILLISECONDS)
            if changes:
                yield b"".join(
                    _event(each["type"], encode(each), each["token"]) for each in changes
                )
            elif time.monotonic() - spoken >= HEARTBEAT_SECONDS:
                yield f":\nid: {token}\n\n".encode()
            else:
                continue
            spoken = time.monotonic()
    except Exception as error:
        problem = current_app.handle_user_exception(error)
        assert isinstance(problem, Response)
        yield _event("error", problem.get_data())


def _event(name: str, data: bytes, id: str = "") -> bytes:
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


def _is_awaited() -> bool:
    """Whether the client is still there, and this process has not been told to stop."""
    worker = current_app.extensions.get("worker")
    if worker is not None and not worker.alive:
        return False
    if client := request.environ.get("vitrine.client"):
        return bool(client.is_there)
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return True
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except (BlockingIOError, ValueError):
        return True  # Nothing to read, or TLS, which cannot be looked into.
    except OSError:
        return False


def init_app(app: Flask, resource: Resource, settings: Settings) -> None:
    """Serve the changes of a resource."""
    feed = Feed(resource, settings.threads)
    app.add_url_rule(f"/{resource.name}/changes", "changes", feed.show, methods=["GET"])
