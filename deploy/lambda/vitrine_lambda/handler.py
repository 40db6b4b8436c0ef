"""One service behind one function: events come in, and what it answers goes out.

apig-wsgi knows the shapes of events and answers.  What is added here is what the services rely on
and what their own server sees to elsewhere: an address that nobody can forge, a path without the
stage of the API, each header once, and an end to whoever waits.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from apig_wsgi import make_lambda_handler
from flask import Flask
from werkzeug.wsgi import ClosingIterator

from shared.config.settings import Settings, SettingsError
from shared.endpoints.changes import EVENTS
from vitrine_lambda import parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LONGEST_SECONDS = 25  # API Gateway gives a request up after 29.
SPARE_SECONDS = 3  # for an answer to get out before Lambda ends its function


class Remaining:
    """How long the request may wait that is being answered; stands in for a server's worker."""

    _end = 0.0

    def begin(self, context: Any) -> None:
        """Begin with a request, given its context of Lambda."""
        left = context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
        self._end = time.monotonic() + min(LONGEST_SECONDS, left)

    @property
    def alive(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self._end


class Handler:
    """Answers the events of API Gateway, of function URLs and of load balancers with an app."""

    def __init__(self, app: Flask):
        self.app = app
        self._remaining = app.extensions["worker"] = Remaining()
        self._answer = make_lambda_handler(self._serve, binary_support=True)

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request; raise ``ValueError`` for an event that is none."""
        if not isinstance(event.get("requestContext"), dict):
            raise ValueError(
                "This event is no request of API Gateway, a function URL or a load balancer."
            )
        self._remaining.begin(context)
        return self._answer(_unambiguous(event), context)

    def _serve(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        told: dict[str, str] = {}

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            told.update(_joined(headers))
            return start_response(status, list(told.items()), error)

        chunks = self.app(_mended(environ), start)
        if told.get("Content-Type", "").startswith(EVENTS):
            return ClosingIterator(_until_told(chunks), getattr(chunks, "close", None))
        return chunks


def build(service: str) -> Handler:
    """Return the handler of a service, as the environment and the Parameter Store say.

    Raise ``SettingsError`` for a setting with a wrong value, or with one that is none for Lambda.
    """
    parameters.load(os.environ)
    settings = Settings.from_env()
    if settings.auth_mode == "open":
        raise SettingsError("AUTH_MODE=open is for one machine only; set AUTH_MODE=token.")
    if service == "products" and not settings.media_url:
        raise SettingsError(
            "MEDIA_URL must say where pictures are kept, such as s3://bucket/prefix: the disk of a "
            "function does not last."
        )
    _take_over_the_log()
    app = import_module(f"api_{service}.app").create_app(settings=settings)
    return Handler(app)


def _take_over_the_log() -> None:
    """Let lines go out as the services make them: Lambda's own handler leaves their fields out."""
    root = logging.getLogger()
    for each in list(root.handlers):
        if type(each).__module__.startswith("awslambdaric"):
            root.removeHandler(each)


def _unambiguous(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without headers that would pass for others: ``X_Forwarded_For`` for one."""
    known = {
        kind: {name: value for name, value in (event[kind] or {}).items() if "_" not in name}
        for kind in ("headers", "multiValueHeaders")
        if kind in event
    }
    return {"headers": {}} | event | known


def _mended(environ: "WSGIEnvironment") -> "WSGIEnvironment":
    """Return what apig-wsgi makes of an event as a server of ours would have made it."""
    event, context = environ["apig_wsgi.full_event"], environ["apig_wsgi.context"]
    for name, value in environ.items():
        if isinstance(value, str) and not value.isascii():
            environ[name] = value.encode(errors="replace").decode("latin-1")  # PEP 3333
    stage = f"/{event['requestContext'].get('stage') or '$default'}"
    path = unquote_to_bytes(event.get("rawPath") or event.get("path") or "").decode("latin-1")
    environ["PATH_INFO"] = path.removeprefix(stage) if f"{path}/".startswith(f"{stage}/") else path
    environ["REMOTE_ADDR"] = _address(event, environ.get("HTTP_X_FORWARDED_FOR", ""))
    environ["CONTENT_TYPE"] = environ.get("HTTP_CONTENT_TYPE", "")
    environ.setdefault("HTTP_X_REQUEST_ID", context.aws_request_id)
    return environ


def _address(event: dict[str, Any], forwarded: str) -> str:
    """Return who asks, as told by who passed the request on; nothing for a check of its own.

    A load balancer tells it only as the last one in a list, which the client may have begun.
    """
    asked = event["requestContext"]
    known = asked.get("http") or asked.get("identity") or {}
    return str(known.get("sourceIp") or forwarded.rpartition(",")[2].strip())


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return each header once (RFC 9110, 5.3): of two, most gateways would pass on only the last.

    No service sets cookies, which could not be joined.
    """
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _until_told(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a stream of events up to the first ones: an answer goes out whole, when it has ended.

    Whoever listens comes back by itself, with the id of the last event it was told.
    """
    for chunk in chunks:
        yield chunk
        if b"event: " in chunk:
            return
