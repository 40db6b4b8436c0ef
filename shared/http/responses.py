"""JSON responses with strong ETags."""

from typing import Any

from flask import Response, request

from shared.http.json import digest, encode

JSON = "application/json; charset=utf-8"
# Private, and asked again each time: an unchanged answer then costs a 304.
CACHE_CONTROL = "private, no-cache"
# What a browser is told of every answer (OWASP's list for APIs): it is no page, and shows nowhere.
SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)


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
