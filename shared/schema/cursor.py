"""Cursors: the place where the next page of a list begins (keyset paging).

A cursor holds the values by which the last item shown is ordered, the last of them its id, and a
digest of its query.  So items that are inserted or deleted meanwhile do not shift the next page.
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
    """Return the digest that binds a cursor to a query: 64 bits of its canonical text."""
    return hashlib.blake2b(query.encode(), digest_size=8).digest()


def encode(query: bytes, values: Sequence[Any]) -> str:
    """Return the cursor for the page after an item with these values."""
    raw = bson.encode({"q": query, "v": list(values)}, codec_options=_OPTIONS)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str, query: bytes, count: int) -> tuple[Any, ...]:
    """Return the values in a cursor.

    Args:
        text: The cursor.
        query: The digest of the query it is used in.
        count: How many values it must have.

    Raises:
        BadRequest: The cursor is not valid, or belongs to another query.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        content = bson.decode(raw, _OPTIONS)
        bound, values = content["q"], content["v"]
    except (binascii.Error, ValueError, BSONError, KeyError) as error:
        raise BadRequest.parameter(
            "cursor", "Is not valid; use next_cursor of the previous page."
        ) from error
    if bound != query or not isinstance(values, list) or len(values) != count:
        raise BadRequest.parameter(
            "cursor",
            "Belongs to another query; keep the filters and the ordering of the first page.",
        )
    return tuple(values)
