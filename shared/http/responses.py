"""Responses: JSON with strong ETags, 204, 304, and the headers that browsers need."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from flask import Response
from werkzeug.http import parse_etags, unquote_etag

from shared.http.json import digest, encode
from shared.http.request_state import Answer, Middleware, RequestState

JSON_UTF8 = "application/json; charset=utf-8"
# Private, and revalidated each time: an unchanged response then costs a 304.
CACHE_CONTROL = "private, no-cache"
# Security headers for browsers (OWASP's list for APIs): a response never shows as a page.
SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
_OF_A_BODY = ("Content-Type", "Content-Length")


class Content(NamedTuple):
    """Content of a response: a body of JSON, and what depends on it.

    Args:
        body: The encoded JSON.
        etag: The strong ETag of the body, without its quotes.
        headers: Further headers that belong to the body.
        status: The HTTP status.
    """

    body: bytes
    etag: str
    headers: Mapping[str, str] = MappingProxyType({})
    status: int = 200

    @classmethod
    def of(cls, value: Any, etag: str = "", **more: Any) -> "Content":
        """Return a value as content; its ETag is by default the digest of the encoded bytes."""
        encoded = encode(value)
        return cls(encoded, etag or digest(encoded), **more)

    def all_headers(self) -> list[tuple[str, str]]:
        """Return the headers that describe the body, and those that belong to it."""
        return [
            ("Content-Type", JSON_UTF8),
            ("Content-Length", str(len(self.body))),
            ("ETag", f'"{self.etag}"'),
            *self.headers.items(),
        ]

    def response(self) -> Response:
        """Return a response of Flask with this content."""
        return Response(self.body, self.status, self.all_headers())


def respond(value: Any, status: int = 200) -> Response:
    """Return a value as a response with JSON and a strong ETag."""
    return Content.of(value, status=status).response()


def empty() -> Response:
    """Return a 204, without a body and a content type."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


class SecurityHeaders(Middleware):
    """Adds the security headers that a response does not set itself."""

    def after(self, state: RequestState, answer: Answer) -> None:
        """Add the missing headers."""
        names = {name for name, _ in answer.headers}
        answer.headers += [header for header in SECURITY if header[0] not in names]


class NotModified(Middleware):
    """Turns the answer to a read into a 304 if the client has this body already (RFC 9110)."""

    def after(self, state: RequestState, answer: Answer) -> None:
        """Compare ``If-None-Match`` with the ETag, weakly."""
        sent = state.environ.get("HTTP_IF_NONE_MATCH")
        if not sent or answer.status != 200 or not state.reads:
            return
        etag = next((value for name, value in answer.headers if name == "ETag"), "")
        if etag and (sent == etag or parse_etags(sent).contains_weak(unquote_etag(etag)[0])):
            answer.status = 304
            answer.headers = [each for each in answer.headers if each[0] not in _OF_A_BODY]
            close = getattr(answer.body, "close", None)
            if close:
                close()
            answer.body = []
