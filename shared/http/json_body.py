"""JSON request bodies, parsed strictly.

Duplicate keys, ``NaN``, NUL characters, lone surrogates and deep nesting are refused, and the
message names the place.  The code that uses the parsed value can rely on this.
"""

import json
from collections import Counter
from typing import Any

from shared.http.errors import BadRequest

MAX_DEPTH = 32  # levels of nesting


def parse(raw: bytes) -> Any:
    """Return the JSON value in a body, or raise ``BadRequest`` with the correction."""
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
    _check(value, escapes="\\u" in text)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise BadRequest(f"The key {key!r} occurs twice in one object. Send it once.")
    return value


def _refuse_constant(name: str) -> None:
    raise BadRequest(f"{name} is not a JSON number. Send a number or null.")


def _too_deep() -> BadRequest:
    return BadRequest(f"The JSON in the body is nested too deep. Send at most {MAX_DEPTH} levels.")


def _check(value: Any, escapes: bool) -> None:
    """Bound the depth; where ``\\u`` escapes occur, check every string as well."""
    level = [("", value)]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        next_level: list[tuple[str, Any]] = []
        for at, item in level:
            if isinstance(item, dict):
                if escapes:
                    for key in item:
                        _check_text(f"{at}/{ascii(key)[1:-1]}", key)
                next_level += [(f"{at}/{key}", inner) for key, inner in item.items()]
            elif isinstance(item, list):
                next_level += [(f"{at}/{index}", inner) for index, inner in enumerate(item)]
            elif escapes and isinstance(item, str):
                _check_text(at, item)
        level = next_level
    if level:
        raise _too_deep()


def _check_text(at: str, text: str) -> None:
    if "\0" in text:
        content = "a NUL character"
    elif any("\ud800" <= character <= "\udfff" for character in text):
        content = "half of a surrogate pair"
    else:
        return
    errors = [{"pointer": at, "message": f"Contains {content}; remove it."}]
    raise BadRequest(f"The text at {at} contains {content}. Remove it.", errors)
