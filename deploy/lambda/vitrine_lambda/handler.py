"""Lambda handler: turns events into requests to a service, and its responses into results.

apig-wsgi knows the formats of events and results.  This module adds the work that a web server does
elsewhere: a client address that cannot be forged, a path without the stage of the API, each header
once, and an end to long requests before Lambda ends the function.
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
from shared.http.responses import EVENTS
from vitrine_lambda import parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_SECONDS = 25  # seconds of the longest response; API Gateway gives up after 29
SPARE_SECONDS = 3  # seconds to send the response before Lambda ends the function


class RequestTimer:
    """Time left for the present request; stands in for the worker of a web server."""

    _end = 0.0

    def begin(self, context: Any) -> None:
        """Start the time of a request, given its Lambda context."""
        left = context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
        self._end = time.monotonic() + min(MAX_SECONDS, left)

    @property
    def alive(self) -> bool:
        """Return True while there is time left."""
        return time.monotonic() < self._end


class Handler:
    """Answers events of API Gateway, function URLs and load balancers with a service's app."""

    def __init__(self, app: Flask):
        self.app = app
        self._timer = app.extensions["worker"] = RequestTimer()
        self._respond = make_lambda_handler(self._serve, binary_support=True)

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request; raise ``ValueError`` for an event of another kind."""
        if not isinstance(event.get("requestContext"), dict):
            raise ValueError(
                "The event is not an HTTP request. Call the function through API Gateway, "
                "a function URL or a load balancer."
            )
        self._timer.begin(context)
        return self._respond(_without_underscores(event), context)

    def _serve(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        sent_headers: dict[str, str] = {}

        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            sent_headers.update(_join_repeated(headers))
            return start_response(status, list(sent_headers.items()), error)

        chunks = self.app(_correct(environ), start)
        if sent_headers.get("Content-Type", "").startswith(EVENTS):
            return ClosingIterator(_until_first_event(chunks), getattr(chunks, "close", None))
        return chunks


def build(service: str) -> Handler:
    """Return the handler of a service, with settings of the environment and the Parameter Store.

    Raise ``SettingsError`` for a setting whose value is wrong, or not allowed on Lambda.
    """
    parameters.load(os.environ)
    settings = Settings.from_env()
    if settings.auth_mode == "open":
        raise SettingsError("AUTH_MODE=open is for one machine only. Set AUTH_MODE=token.")
    if service == "products" and not settings.media_url:
        raise SettingsError(
            "MEDIA_URL is not set, and files of a function do not last. Set MEDIA_URL to a bucket, "
            "such as s3://bucket/prefix."
        )
    _remove_lambda_log_handler()
    app = import_module(f"api_{service}.app").create_app(settings=settings)
    return Handler(app)


def _remove_lambda_log_handler() -> None:
    """Log in the format of the services: the handler of Lambda leaves their fields out."""
    root = logging.getLogger()
    for log_handler in list(root.handlers):
        if type(log_handler).__module__.startswith("awslambdaric"):
            root.removeHandler(log_handler)


def _without_underscores(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without headers such as ``X_Forwarded_For``.

    WSGI would mistake them for the header with hyphens.
    """
    headers = {
        kind: {name: value for name, value in (event[kind] or {}).items() if "_" not in name}
        for kind in ("headers", "multiValueHeaders")
        if kind in event
    }
    return {"headers": {}} | event | headers


def _correct(environ: "WSGIEnvironment") -> "WSGIEnvironment":
    """Change the environment that apig-wsgi makes into the one that a web server would make."""
    # A load balancer that checks the health sends no Host.
    environ["HTTP_HOST"] = environ.get("HTTP_HOST") or "localhost"
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
    """Return the client's address as the gateway reports it, or "" for a load balancer's check.

    A load balancer appends it to ``X-Forwarded-For``, where the client may have sent others.
    """
    context = event["requestContext"]
    source = context.get("http") or context.get("identity") or {}
    return str(source.get("sourceIp") or forwarded.rpartition(",")[2].strip())


def _join_repeated(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return each header once (RFC 9110, 5.3), because most gateways pass on only the last of two.

    The services set no cookies, which could not be joined.
    """
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _until_first_event(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a stream of events up to the first chunk with an event.

    Lambda sends a response only once it has ended.  The client then reconnects by itself, with the
    id of the last event it received.
    """
    for chunk in chunks:
        yield chunk
        if b"event: " in chunk:
            return
