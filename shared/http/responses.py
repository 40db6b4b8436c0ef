"""JSON responses with strong ETags."""

import hashlib
import time
from typing import Any

import orjson
from bson import Decimal128
from flask import Response, request

from shared.cache.entry import Lookup
from shared.schema.fields import plain_number

JSON = "application/json; charset=utf-8"
# Private, and asked again each time: an unchanged answer then costs a 304.
CACHE_CONTROL = "private, no-cache"
# What a browser is told of every answer (OWASP's list for APIs): it is no page, and shows nowhere.
SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
# The headers of an answer that are stored with it.
STORED = ("Link", "Vary", "Preference-Applied")


def respond(value: Any, status: int = 200, etag: str = "") -> Response:
    """Answer JSON with a strong ETag, by default one of its bytes."""
    encoded = encode(value)
    response = Response(encoded, status, content_type=JSON)
    response.set_etag(etag or digest(encoded))
    return response


def empty() -> Response:
    """Answer 204, with nothing and so of no type."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


class Clock:
    """Takes the time of each step of an answer, for ``Server-Timing`` (W3C)."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._laps: list[str] = []

    def lap(self, step: str) -> None:
        """Note the milliseconds since the last lap under the name of a step."""
        now = time.perf_counter()
        self._laps.append(f"{step};dur={(now - self._last) * 1000:.2f}")
        self._last = now

    def tell(self, response: Response) -> Response:
        """Put the laps into the header of a response."""
        response.headers["Server-Timing"] = ", ".join(self._laps)
        return response


def extra_headers(response: Response) -> dict[str, str]:
    """Return the headers that belong to a body and are stored with it."""
    return {name: response.headers[name] for name in STORED if name in response.headers}


def stored(hit: Lookup) -> Response:
    """Answer what the cache holds, as it was answered when it was stored."""
    response = Response(hit.body, 200, dict(hit.head["headers"]), content_type=JSON)
    response.set_etag(hit.head["etag"])
    response.headers["Cache-Status"] = hit.status()
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response


def encode(value: Any) -> bytes:
    """Return JSON in UTF-8."""
    return orjson.dumps(value, _shown)


def _shown(value: Any) -> Any:
    """Return what JSON shows of a value that only a hand edit puts where it is."""
    return plain_number(value) if isinstance(value, Decimal128) else str(value)


def digest(encoded: bytes) -> str:
    """Return the strong ETag of a body: 128 bits of BLAKE2 (RFC 7693) in hexadecimal."""
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()


def secure(response: Response) -> Response:
    """Tell browsers what ``SECURITY`` says, unless the answer says otherwise."""
    for name, value in SECURITY:
        response.headers.setdefault(name, value)
    return response


def conditional(response: Response) -> Response:
    """Answer 304 instead when the client says it has this very body (RFC 9110)."""
    if "HTTP_IF_NONE_MATCH" in request.environ or "HTTP_IF_MODIFIED_SINCE" in request.environ:
        response.make_conditional(request)
    return response
