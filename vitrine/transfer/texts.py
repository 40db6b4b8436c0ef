"""Texts in files, by the rule of the services: NFC, without blanks around them."""

from functools import lru_cache
from math import isfinite, isnan
from typing import Any

from shared.schema.text import clean

TOO_DEEP = "Is nested too deep."
TOO_LONG = "Is a number of more than 64 bits; write a smaller one, or a text in quotes."


@lru_cache(maxsize=10_000)
def clean_name(text: str) -> str:
    """Return the name of a column: on one line, with single blanks."""
    return " ".join(clean(text).split())


def clean_value(value: Any) -> Any:
    """Return a value of JSON with its texts, also the names of members, trimmed.

    Raises:
        ValueError: A text has half a character, or a number is too large for JSON or is NaN.
    """
    if isinstance(value, str):
        return clean(_encodable(value))
    if isinstance(value, list):
        return [clean_value(item) for item in value]
    if isinstance(value, dict):
        return {clean_name(_encodable(name)): clean_value(item) for name, item in value.items()}
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("NaN is not a number" if isnan(value) else "a number is too large")
    return value


def long_number(value: Any, place: str = "") -> str:
    """Return the place of a whole number that JSON cannot send, such as ``attributes/size``.

    It is empty if there is none.  The services read numbers of up to 64 bits.
    """
    if isinstance(value, int):
        return place if not -(2**63) <= value < 2**64 else ""
    if isinstance(value, dict):
        pairs = ((str(name), inner) for name, inner in value.items())
    elif isinstance(value, list):
        pairs = ((str(number), inner) for number, inner in enumerate(value, 1))
    else:
        return ""
    return next(filter(None, (long_number(v, f"{place}/{n}".strip("/")) for n, v in pairs)), "")


def clean_row(row: dict[str, Any]) -> dict[str, Any] | str:
    """Return a row with its texts trimmed, or a text that says why it cannot be sent."""
    try:
        cleaned: dict[str, Any] = clean_value(row)
    except ValueError as error:
        return f"Cannot be read: {error}."
    except RecursionError:
        return TOO_DEEP
    return cleaned


def _encodable(text: str) -> str:
    """Return a text, or raise ``ValueError`` if it has half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text[error.start]!r} is half a character") from error
    return text
