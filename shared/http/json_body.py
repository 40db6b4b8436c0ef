"""Request bodies: JSON that is exactly what it seems.

Duplicate keys, numbers that are none, NUL characters, lone surrogates and deep nesting are
refused here, with the place named, so that nothing behind has to think of them.
"""

import json
from collections import Counter
from typing import Any

from shared.http.errors import BadRequest

MAX_DEPTH = 32


def parse(raw: bytes) -> Any:
    """Return the JSON value in a body or raise ``BadRequest`` that says what to change."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not UTF-8 at byte {error.start}. Send it as UTF-8; in PowerShell: "
            '-ContentType "application/json; charset=utf-8".'
        ) from error
    if not text.strip():
        raise BadRequest("The body is empty; send JSON.")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    except (RecursionError, ValueError) as error:
        # ValueError: Python refuses to read an integer of thousands of digits.
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise BadRequest(f"The body is not JSON we take: {reason}.") from error
    _check(value, escapes="\\u" in text)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise BadRequest(f"The key {twice!r} occurs twice in one object.")
    return value


def _no_number(name: str) -> None:
    raise BadRequest(f"{name} is not a JSON number.")


def _check(value: Any, escapes: bool) -> None:
    """Bound the depth; where ``\\u`` escapes occur, look at every string as well."""
    level = [("", value)]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        below: list[tuple[str, Any]] = []
        for at, item in level:
            if isinstance(item, dict):
                if escapes:
                    for key in item:
                        _check_text(f"{at}/{ascii(key)[1:-1]}", key)
                below += [(f"{at}/{key}", inner) for key, inner in item.items()]
            elif isinstance(item, list):
                below += [(f"{at}/{index}", inner) for index, inner in enumerate(item)]
            elif escapes and isinstance(item, str):
                _check_text(at, item)
        level = below
    if level:
        raise BadRequest(f"The body is nested more than {MAX_DEPTH} deep.")


def _check_text(at: str, text: str) -> None:
    if "\0" in text:
        wrong = "a NUL character"
    elif any("\ud800" <= character <= "\udfff" for character in text):
        wrong = "half of a surrogate pair"
    else:
        return
    errors = [{"pointer": at, "message": f"Contains {wrong}."}]
    raise BadRequest(f"The text at {at} contains {wrong}.", errors)
