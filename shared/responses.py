"""JSON responses with strong ETags."""

import hashlib
from typing import Any

import orjson
from bson import Decimal128
from flask import Response, request

from shared.fields import plain_number

JSON = "application/json; charset=utf-8"


def respond(value: Any, status: int = 200, etag: str = "") -> Response:
    """Answer JSON with a strong ETag, by default one of its bytes."""
    encoded = encode(value)
    response = Response(encoded, status, content_type=JSON)
    response.set_etag(etag or digest(encoded))
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


def conditional(response: Response) -> Response:
    """Answer 304 instead when the client says it has this very body (RFC 9110)."""
    response.make_conditional(request)
    return response
