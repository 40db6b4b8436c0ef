"""Responses: JSON with strong ETags, 204, 304, and the headers that browsers need."""

from typing import Any

from flask import Response, request

from shared.http.json import digest, encode

JSON_UTF8 = "application/json; charset=utf-8"
# Private, and revalidated each time: an unchanged response then costs a 304.
CACHE_CONTROL = "private, no-cache"
# Security headers for browsers (OWASP's list for APIs): a response never shows as a page.
SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)


def respond(value: Any, status: int = 200, etag: str = "") -> Response:
    """Return a JSON response with a strong ETag.

    Args:
        value: The value to encode.
        status: The HTTP status.
        etag: The ETag; by default the digest of the encoded bytes.
    """
    encoded = encode(value)
    response = Response(encoded, status, content_type=JSON_UTF8)
    response.set_etag(etag or digest(encoded))
    return response


def empty() -> Response:
    """Return a 204, without a body and a content type."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def secure(response: Response) -> Response:
    """Add the security headers that a response does not set itself."""
    for name, value in SECURITY:
        response.headers.setdefault(name, value)
    return response


def conditional(response: Response) -> Response:
    """Turn a response into a 304 if the client has this body already (RFC 9110)."""
    if "HTTP_IF_NONE_MATCH" in request.environ or "HTTP_IF_MODIFIED_SINCE" in request.environ:
        response.make_conditional(request)
    return response
