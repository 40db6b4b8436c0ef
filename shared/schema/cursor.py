"""Cursors: the place where the next page of a list begins (keyset paging).

A cursor holds the values by which the last item shown is ordered, the last of them its id, and a
digest of its query.  So items that are inserted or deleted meanwhile do not shift the next page.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import bson
from bson import Code, DBRef
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from shared.http.errors import BadRequest

# Levels of nesting of a value, which only a hand edit can store.  MongoDB refuses a query with 200.
MAX_LEVELS = 100

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
        raise _not_valid() from error
    if bound != query or not isinstance(values, list) or len(values) != count:
        raise BadRequest.parameter(
            "cursor",
            "Belongs to another query; keep the filters and the ordering of the first page.",
        )
    if _is_too_deep(values):
        raise _not_valid()
    return tuple(values)


def _not_valid() -> BadRequest:
    return BadRequest.parameter("cursor", "Is not valid; use next_cursor of the previous page.")


def _is_too_deep(values: Sequence[Any]) -> bool:
    level: list[Any] = list(values)
    for _ in range(MAX_LEVELS):
        level = [inner for value in level for inner in _members(value)]
        if not level:
            return False
    return True


def _members(value: Any) -> Iterable[Any]:
    """Return the values that a value of BSON contains."""
    if isinstance(value, DBRef):
        value = value.as_doc()
    elif isinstance(value, Code):
        value = value.scope
    return value.values() if isinstance(value, Mapping) else value if type(value) is list else ()
