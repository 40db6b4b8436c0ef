"""Cursors: where a list goes on, whatever was inserted or deleted meanwhile (keyset paging).

A cursor holds the values that the last item shown is ordered by, its id the last of them, and a
digest of the query it belongs to.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from shared.http.errors import BadRequest

_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


def digest(query: str) -> bytes:
    """Return what binds a cursor to a query: 64 bits of its canonical text."""
    return hashlib.blake2b(query.encode(), digest_size=8).digest()


def encode(query: bytes, values: Sequence[Any]) -> str:
    """Return a cursor behind an item with these values."""
    raw = bson.encode({"q": query, "v": list(values)}, codec_options=_OPTIONS)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str, query: bytes, count: int) -> tuple[Any, ...]:
    """Return the ``count`` values in a cursor, or raise ``BadRequest``."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        found = bson.decode(raw, _OPTIONS)
        theirs, values = found["q"], found["v"]
    except (binascii.Error, ValueError, BSONError, KeyError) as error:
        raise BadRequest.parameter(
            "cursor", "Is no cursor; take it from the answer before."
        ) from error
    if theirs != query or not isinstance(values, list) or len(values) != count:
        raise BadRequest.parameter(
            "cursor", "Belongs to another query; filters and ordering stay the same all the way."
        )
    return tuple(values)
