"""JSON of responses: encodes values, and makes ETags of the encoded bytes."""

import hashlib
from decimal import Decimal
from typing import Any

import orjson
from bson import Decimal128

MAX_WHOLE = 2**53 - 1  # the largest whole number that every JSON parser keeps exact
# Sign and exponent bits of a Decimal128 >= 0 with up to four decimals -> its scale.
_SCALES = {6176 - decimals: 10**decimals for decimals in range(5)}
_EXACT_DIGITS = 10**15  # a number below it is exact as a double


def encode(value: Any) -> bytes:
    """Return JSON in UTF-8."""
    return orjson.dumps(value, _fallback)


def encode_line(value: Any) -> bytes:
    """Return JSON in UTF-8 with a newline at its end, as the body of a response.

    Without it, a shell would show its prompt in the last line of the response.
    """
    return orjson.dumps(value, _fallback, orjson.OPT_APPEND_NEWLINE)


def _fallback(value: Any) -> Any:
    """Return the JSON value of a type that only an edit by hand can leave in MongoDB."""
    return plain_number(value) if isinstance(value, Decimal128) else str(value)


def digest(encoded: bytes) -> str:
    """Return the strong ETag of a body: 128 bits of BLAKE2 (RFC 7693) in hexadecimal."""
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()


def plain_number(value: Decimal128) -> int | float | str:
    """Return a decimal as a number, or as text if JSON has no number for it."""
    bits: int = int.from_bytes(value.bid, "little")
    scale: int = _SCALES.get(bits >> 113, 0)
    digits: int = bits & (1 << 113) - 1
    if scale and digits < _EXACT_DIGITS:
        return digits / scale if digits % scale else digits // scale
    amount = value.to_decimal()
    if not amount.is_finite() or abs(amount) > MAX_WHOLE:
        return str(amount)
    if amount == amount.to_integral_value():
        return int(amount)
    return float(amount) if Decimal(repr(float(amount))) == amount else str(amount)
