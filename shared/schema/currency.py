"""Currencies: their codes, and the decimals that their amounts may have (ISO 4217)."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, validate

from shared.config.currencies import CURRENT, WITHDRAWN
from shared.schema.fields import Plain

_NO_CODE = "Not a currency code. Send one such as EUR (ISO 4217)."
# The currencies that do not have two decimals, by the number that they have.
_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


class Currency(Plain):
    """The code of a currency, such as EUR, of today or of the past."""

    def __init__(self, **kwargs: Any):
        code = validate.Regexp(r"[A-Z]{3}\Z", error=_NO_CODE)
        super().__init__(lines=False, validate=[code, _check_code], **kwargs)


def _check_code(code: str) -> None:
    if code not in CURRENT and code not in WITHDRAWN:
        raise ValidationError(_NO_CODE)


def decimals_of(currency: str) -> int:
    """Return how many decimals the amounts in a currency have at most."""
    return next((count for count, codes in _DIGITS.items() if currency in codes.split()), 2)


def decimals_error(amount: Decimal, currency: str) -> str:
    """Return the message about an amount with too many decimals; empty if it is valid."""
    digits = decimals_of(currency)
    if not amount.is_finite() or amount == round(amount, digits):
        return ""
    allowed = f"{digits} decimals at most" if digits else "no decimals"
    return f"Has too many decimals: an amount in {currency} has {allowed}."
