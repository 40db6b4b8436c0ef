"""JSON request bodies, parsed strictly.

Duplicate keys, ``NaN``, NUL characters, lone surrogates and deep nesting are refused, and the
message names the place.  So are bodies with more values, and objects with more members, than any
request needs, because each of them takes time.  The code that uses the parsed value can rely on
this.
"""

import codecs
import json
import re
from collections import Counter
from typing import Any

from shared.http.errors import BadRequest, ContentTooLarge

MAX_DEPTH = 32  # levels of nesting
MAX_VALUES = 200_000  # a batch of 1,000 items with all fields and 100 attributes each
MAX_MEMBERS = 1_000  # of one object

# A text, even one that does not end: else each quote in it would be tried as the start of another.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def parse(raw: bytes) -> Any:
    """Return the JSON value in a body, or raise ``BadRequest`` with the correction.

    A byte order mark before the JSON is ignored, as RFC 8259 allows.
    """
    raw = raw.removeprefix(codecs.BOM_UTF8)
    _check_number_of_values(raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not UTF-8 at byte {error.start}. Send it as UTF-8; in PowerShell: "
            '-ContentType "application/json; charset=utf-8".'
        ) from error
    if not text.strip():
        raise BadRequest("The body is empty. Send JSON.")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column "
            f"{error.colno}. Correct it there."
        ) from error
    except (RecursionError, ValueError) as error:
        if isinstance(error, RecursionError):
            raise _too_deep() from error
        # Python refuses to parse an integer of thousands of digits.
        raise BadRequest(
            "The JSON in the body has a number that is too long. Send it as text."
        ) from error
    _check_depth(value)
    if "\\u" in text:
        _check_texts(value)  # Only an escape can stand for these characters.
    return value


def _check_number_of_values(raw: bytes) -> None:
    """Refuse too many values, before they are made: each but the first follows a sign."""
    if _count_signs(raw) < MAX_VALUES:
        return  # Even with the signs inside texts.
    # Each value has two texts at most, its key and itself.  This count is quick: finding hundreds
    # of thousands of texts keeps all other threads waiting.
    least = (raw.count(b'"') - raw.count(b'\\"')) // 4
    if least > MAX_VALUES:
        raise _too_many(f"at least {least:,}")
    bare = _TEXT.sub(b"0", raw)
    number = 1 + _count_signs(bare) - bare.count(b"[]") - bare.count(b"{}")
    if number > MAX_VALUES:
        raise _too_many(f"{number:,}")


def _too_many(number: str) -> ContentTooLarge:
    return ContentTooLarge(
        f"The JSON in the body has {number} values, and at most {MAX_VALUES:,} are allowed. Send "
        "several requests."
    )


def _count_signs(raw: bytes) -> int:
    return sum(raw.count(sign) for sign in (b",", b"[", b"{"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:
        raise BadRequest(
            f"An object in the JSON has {len(pairs):,} members, and at most {MAX_MEMBERS:,} are "
            "allowed. Send fewer."
        )
    value = dict(pairs)
    if len(value) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise BadRequest(f"The key {key!r} occurs twice in one object. Send it once.")
    return value


def _refuse_constant(name: str) -> None:
    raise BadRequest(f"{name} is not a JSON number. Send a number or null.")


def _too_deep() -> BadRequest:
    return BadRequest(f"The JSON in the body is nested too deep. Send at most {MAX_DEPTH} levels.")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise _too_deep()


def _check_texts(value: Any, *steps: str | int) -> None:
    """Check each text; ``steps`` lead to the value, and are joined only for a message."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key, *steps, ascii(key)[1:-1])
            _check_texts(inner, *steps, key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_texts(inner, *steps, index)
    elif isinstance(value, str):
        _check_text(value, *steps)


def _check_text(text: str, *steps: str | int) -> None:
    if "\0" in text:
        content = "a NUL character"
    elif any("\ud800" <= character <= "\udfff" for character in text):
        content = "half of a surrogate pair"
    else:
        return
    at = "".join(f"/{step}" for step in steps)
    errors = [{"pointer": at, "message": f"Contains {content}; remove it."}]
    raise BadRequest(f"The text at {at} contains {content}. Remove it.", errors)
