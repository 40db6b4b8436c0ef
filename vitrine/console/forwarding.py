"""Forwarding: requests of pages go to a service, and its responses come back.

The service is one of a fixed table.  The target is the path as the client sent it, never a URL.
Headers pass by two lists; all others stay here.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from threading import BoundedSemaphore
from typing import IO, Any
from urllib.parse import unquote

from flask import Response
from urllib3 import BaseHTTPResponse
from werkzeug.datastructures import Headers

from shared.http.errors import BadRequest, NotFound, ServiceUnavailable
from vitrine.console.services import Services

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
PART_BYTES = 1 << 16  # of a body, at most
MAX_FORWARDED = 16  # requests that are at the services at the same time
REQUEST_HEADERS = (
    "Accept",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Import-ID",
    "Last-Event-ID",
    "Prefer",
    "X-Request-ID",
)
RESPONSE_HEADERS = (
    "Allow",
    "Cache-Control",
    "Cache-Status",
    "Content-Length",
    "Content-Type",
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Server-Timing",
    "X-Request-ID",
)
# Printable ASCII but for the backslash, which some programs take for a slash, and the #.
_TARGET = re.compile(r"/[!-\"$-\[\]-~]*")


def target_of(raw: str, prefix: str) -> str:
    """Return the path and the query string that a request has for its service.

    Args:
        raw: The target of the request, as the client sent it.
        prefix: The beginning of the path, which names the service.

    Raises:
        BadRequest: It is a URL, or its path has parts that lead elsewhere.
    """
    rest = raw[len(prefix) :] if raw.startswith(f"{prefix}/") else ""
    path = rest.partition("?")[0]
    leads_elsewhere = {".", ".."} & set(re.split(r"[/\\]", _decoded(path)))
    if not _TARGET.fullmatch(rest) or path.startswith("//") or leads_elsewhere:
        raise BadRequest(
            "The path after the service must be that of a service: without //, . or .. and "
            "percent-encoded, such as /api/products/products/12."
        )
    return rest


def _decoded(path: str) -> str:
    """Return a path without percent-encoding, even if it was encoded several times."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return path


class Forwarding:
    """Passes requests on, some at a time, so that services that hang leave threads for the pages.

    Args:
        services: The services.
    """

    def __init__(self, services: Services):
        self._services = services
        self._places = BoundedSemaphore(MAX_FORWARDED)

    def forward(
        self,
        service: str,
        method: str,
        target: str,
        sent: Headers,
        authorization: str,
        body: IO[bytes] | None,
    ) -> Response:
        """Pass a request on to a service, and return its response.

        Args:
            service: The name of a service.
            method: The HTTP method.
            target: The path and the query string for the service, see ``target_of``.
            sent: The headers of the request.
            authorization: The Authorization header for the service; empty for none.
            body: The body of the request; None if it has none.

        Raises:
            BadRequest: The client does not send all of the body.
            NotFound: No service has this name.
            ServiceUnavailable: As many requests are at the services as may.
            Unreachable: The service does not answer.
        """
        if service not in self._services:
            names = ", ".join(self._services)
            raise NotFound(f"There is no service {service[:100]}. The services are {names}.")
        headers = _headers(sent, authorization, body is not None)
        with ExitStack() as place:
            self._take_place(place)
            parts = None if body is None else body_parts(body)
            response = self._services.open(service, method, target, headers, parts)
            answer = _answer(response)
            answer.call_on_close(place.pop_all().close)
        return answer

    def _take_place(self, place: ExitStack) -> None:
        """Count a request until the end of a block."""
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable(
                f"{MAX_FORWARDED} requests wait for the services already, which is the limit. "
                "Retry in 1 s."
            )
        place.callback(self._places.release)


def _headers(sent: Headers, authorization: str, has_body: bool) -> dict[str, str]:
    """Return the headers with which a request goes to its service."""
    headers = {name: value for name in REQUEST_HEADERS if (value := sent.get(name))}
    headers |= {"Authorization": authorization} if authorization else {}
    length = sent.get("Content-Length")
    return headers | ({"Content-Length": length} if has_body and length else {})


def body_parts(body: IO[bytes]) -> Iterator[bytes]:
    """Yield the parts of a body as they come.

    Raises:
        BadRequest: The client is silent, or has left.
    """
    while True:
        try:
            part = body.read(PART_BYTES)
        except OSError as error:
            raise BadRequest("The body is not complete. Send all of it again.") from error
        if not part:
            return
        yield part


def _answer(response: BaseHTTPResponse) -> Response:
    """Return the response of a service as one of the console."""
    shown = {name: value for name in RESPONSE_HEADERS if (value := response.headers.get(name))}
    shown.setdefault("Cache-Control", "no-store")
    if response.closed:
        response.release_conn()  # It has no body, as a 304.
    parts = response.stream(PART_BYTES, decode_content=False)
    answer = Response(parts, response.status, shown)
    # A body that was not read to its end ends the connection as well.
    answer.call_on_close(response.close)
    return answer


def has_body(environ: Mapping[str, Any]) -> bool:
    """Return True if a request has a body."""
    return environ.get("CONTENT_LENGTH") not in (None, "", "0") or (
        "HTTP_TRANSFER_ENCODING" in environ
    )
