"""Responses: JSON with strong ETags, 204, 304, and the headers that browsers need."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from flask import Response
from werkzeug.http import parse_etags, unquote_etag

from shared.http.json import digest, encode_line
from shared.http.request_state import Answer, Middleware, RequestState

JSON_UTF8 = "application/json; charset=utf-8"
EVENTS = "text/event-stream"
# Private, and revalidated each time: an unchanged response then costs a 304.
REVALIDATED = "private, no-cache"
UNCACHED = "no-store"
# Headers about the client that a request came from, which a shared cache would show to others.
_OF_ONE_CLIENT = ("RateLimit", "RateLimit-Policy")
# Security headers for browsers (OWASP's list for APIs): a response never shows as a page.
SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
_OF_A_BODY = ("Content-Type", "Content-Length", "Content-Encoding")


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
        encoded = encode_line(value)
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


class CacheControl(Middleware):
    """Says which caches may keep a response, unless the response says so itself.

    Args:
        public_seconds: Seconds for which shared caches may keep a response that is the same for
            all readers without a token; 0 for not at all.
    """

    def __init__(self, public_seconds: int):
        self._public = f"public, max-age=0, s-maxage={public_seconds}" if public_seconds else ""

    def after(self, state: RequestState, answer: Answer) -> None:
        """Add ``Cache-Control`` if it is missing."""
        if self._public and _is_public(state, answer):
            self._share(answer)
        elif state.lookup and answer.status in (200, 304):
            # A list or an item, which was looked up before Flask; its headers are known.
            answer.headers.append(("Cache-Control", REVALIDATED))
        else:
            names = {name for name, _ in answer.headers}
            if "Cache-Control" not in names:
                is_content = "ETag" in names and answer.status < 400 and state.reads
                answer.headers.append(("Cache-Control", REVALIDATED if is_content else UNCACHED))

    def _share(self, answer: Answer) -> None:
        """Let shared caches keep an answer, for clients that send no token."""
        headers = [header for header in answer.headers if header[0] not in _OF_ONE_CLIENT]
        if not any(name == "Vary" and "Authorization" in value for name, value in headers):
            headers.append(("Vary", "Authorization"))
        answer.headers = [*headers, ("Cache-Control", self._public)]


def _is_public(state: RequestState, answer: Answer) -> bool:
    """Return True for a cached list or item that is the same for all readers without a token."""
    caller = state.principal
    return (
        bool(state.cache)
        and answer.status in (200, 304)
        and not state.is_uncacheable
        and caller is not None
        and not (caller.key or caller.scopes)
        and not any(name == "Cache-Control" for name, _ in answer.headers)
    )


def is_known(state: RequestState, answer: Answer) -> bool:
    """Return True if a client that reads has the body of an answer, by a weak comparison."""
    sent = state.environ.get("HTTP_IF_NONE_MATCH")
    if not sent or answer.status != 200 or not state.reads:
        return False
    etag = next((value for name, value in answer.headers if name == "ETag"), "")
    return bool(etag) and (sent == etag or parse_etags(sent).contains_weak(unquote_etag(etag)[0]))


class NotModified(Middleware):
    """Turns the answer to a read into a 304 if the client has this body already (RFC 9110)."""

    def after(self, state: RequestState, answer: Answer) -> None:
        """Compare ``If-None-Match`` with the ETag."""
        if is_known(state, answer):
            answer.status = 304
            answer.headers = [each for each in answer.headers if each[0] not in _OF_A_BODY]
            close = getattr(answer.body, "close", None)
            if close:
                close()
            answer.body = []


def server_sent_event(name: str, data: bytes, id: str = "") -> bytes:
    """Return a server-sent event (WHATWG HTML, 9.2); ``data`` is one line."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


def event_stream(events: Iterable[bytes]) -> Response:
    """Return a response that sends server-sent events as they come."""
    return Response(
        events,
        content_type=f"{EVENTS}; charset=utf-8",
        # Some proxies would hold events back until there are many.
        headers={"X-Accel-Buffering": "no"},
    )
