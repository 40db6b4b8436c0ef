"""Prices and counts as people write them: ``1.299,00``, ``$1,299.00``, ``12.50 USD``, ``10+``.

One cell may not tell whether ``1.299`` is a little more than one or a little more than a thousand.
The cells of a file tell it together, or an option does.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from price_parser import Price

# A number with its separators, and the texts before and after it.
_PARTS = re.compile(r"(\D*?)(-?(?:\d[\d.,'’\s]*\d|\d|[.,]\d+))(\D*)")
_PLAIN = re.compile(r"-?\d+(?:\.(?:\d{1,2}|\d{4,}))?")
_GROUPED = re.compile(r"\d{1,3}(?:[.,'’\s]\d{3})+")
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}([.,])\d{3}")
_CODE = re.compile(r"[A-Z]{3}")

# Members of an object that is an amount.
_NUMBER_MEMBERS = ("amount", "value")
_CODE_MEMBERS = ("currency", "currencyCode", "currency_code")

# Currencies of signs that price-parser finds; signs of several currencies are left out.
_CURRENCIES = {
    **{"€": "EUR", "EURO": "EUR", "£": "GBP", "$": "USD", "US$": "USD", "CA$": "CAD"},
    **{"C$": "CAD", "AU$": "AUD", "A$": "AUD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD"},
    **{"R$": "BRL", "MX$": "MXN", "ZŁ": "PLN", "KČ": "CZK", "₽": "RUB", "РУБ": "RUB"},
    **{"РУБ.": "RUB", "₹": "INR", "₺": "TRY", "₩": "KRW", "₪": "ILS", "₴": "UAH", "฿": "THB"},
    **{"₫": "VND", "₱": "PHP", "₦": "NGN", "ЛВ": "BGN", "ЛВ.": "BGN", "ГРН": "UAH"},
}
# Signs that other currencies have as well, which a column of currencies then names.
_SHARED_SIGNS = {
    "$": frozenset(
        {
            *("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU"),
            *("BRL", "JMD", "TTD", "BBD", "BSD", "BZD", "BMD", "FJD", "NAD", "DOP", "XCD", "LRD"),
        }
    ),
    "£": frozenset({"GBP", "EGP", "FKP", "GIP", "LBP", "SHP", "SSP", "SDG", "SYP"}),
    "₩": frozenset({"KRW", "KPW"}),
    "₱": frozenset({"PHP", "CUP"}),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as text that the service accepts, with its currency.

    Attributes:
        number: Such as ``1299.00``, or an empty text if it cannot be read.
        currency: A code such as EUR, or an empty text.
        unknown_currency: The sign of a currency without a code here.
    """

    number: str
    currency: str = ""
    unknown_currency: str = ""


@dataclass(slots=True)
class AmountFacts:
    """Facts about the amounts of a file: decimal marks and currencies."""

    marks: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)  # codes, or signs without a code
    ambiguous: str = ""  # the first amount that may be read in two ways

    def add(self, text: str, named: str = "") -> None:
        """Add one cell.

        Args:
            text: The cell.
            named: The currency in the name of its column, which a sign such as $ stands for.
        """
        if _PLAIN.fullmatch(text):
            if "." in text:
                self.marks["."] += 1
            return
        parts = _PARTS.fullmatch(text)
        if not parts:
            return
        currency, is_known = _currency(f"{parts[1]} {parts[3]}")
        if is_known and currency:
            self.currencies[named or _code(currency) or currency] += 1
        number = parts[2].lstrip("-")
        if mark := decimal_mark(number):
            self.marks[mark] += 1
        elif _AMBIGUOUS.fullmatch(number):
            self.ambiguous = self.ambiguous or text

    @property
    def mark(self) -> str:
        """The decimal mark of the file; empty if nothing tells it."""
        return next(iter(self.marks)) if len(self.marks) == 1 else ""


def decimal_mark(number: str) -> str:
    """Return the decimal mark that a number shows; empty if it may be either or has none."""
    signs = [sign for sign in number if sign in ".,"]
    if not signs:
        return ""
    last, other = signs[-1], "." if signs[-1] == "," else ","
    if len(set(signs)) == 2:
        return last
    if len(signs) > 1:
        return other  # It groups thousands.
    if re.search(r"['’\s]", number):
        return last  # The thousands are grouped otherwise.
    return "" if _AMBIGUOUS.fullmatch(number) else last


def read_amount(text: str, mark: str) -> Amount:
    """Return the amount in a text.

    Args:
        text: The text of a cell.
        mark: The decimal mark of the file; empty if it is not known.
    """
    if _PLAIN.fullmatch(text) and mark != ",":
        return Amount(text)
    parts = _PARTS.fullmatch(text)
    if not parts:
        return Amount("")
    currency, is_known = _currency(f"{parts[1]} {parts[3]}")
    if not is_known:
        return Amount("")
    code = _code(currency)
    is_negative = parts[2].startswith("-")
    number = parts[2].lstrip("-").replace("’", "'")
    own_mark = decimal_mark(number)
    chosen = own_mark or mark
    if not _is_regular(number, chosen):
        return Amount("")
    price = Price.fromstring(number, decimal_separator=chosen or None)
    if price.amount is None:
        return Amount("")
    return Amount(
        f"{'-' if is_negative else ''}{price.amount:f}", code, currency if not code else ""
    )


def _is_regular(number: str, mark: str) -> bool:
    """Return True if separators stand where thousands are grouped, and one mark at most."""
    if not mark:
        return number.isdigit() or bool(
            _GROUPED.fullmatch(number) and not re.search("[.,]", number)
        )
    whole, _, decimals = number.partition(mark)
    if mark in decimals or (decimals and not decimals.isdigit()):
        return False
    return not whole or whole.isdigit() or bool(_GROUPED.fullmatch(whole))


@lru_cache(maxsize=1000)
def _currency(around: str) -> tuple[str, bool]:
    """Return the sign of the currency around a number, and True if there is nothing else."""
    text = around.strip()
    if not text:
        return "", True
    if text in ("-", "–", "+"):
        return "", False
    sign = Price.fromstring(text).currency or ""
    rest = text.replace(sign, "", 1).strip() if sign else text
    # "USD $12.50" has a code and a sign.
    if sign and rest in ("$", "€", "£", "¥"):
        rest = ""
    return sign, bool(sign) and not rest


def currency_code(sign: str) -> str:
    """Return the code of a currency by its code or sign; empty if a text is neither."""
    currency, is_known = _currency(sign)
    return _code(currency) if is_known else ""


def money_of(value: Mapping[str, Any]) -> tuple[Any, str] | None:
    """Return the amount and the currency of an object such as ``{"amount": 5, "currency": "EUR"}``.

    None if it is another object.
    """
    numbers = [name for name in _NUMBER_MEMBERS if name in value]
    codes = [name for name in _CODE_MEMBERS if name in value]
    if len(numbers) != 1 or len(value) != len(numbers) + len(codes) or len(codes) > 1:
        return None
    number, code = value[numbers[0]], value[codes[0]] if codes else ""
    is_known = isinstance(number, (int, float, str)) and not isinstance(number, bool)
    return (number, code) if is_known and isinstance(code, str) else None


def is_amount(text: str) -> bool:
    """Return True for a number, also with separators and a currency."""
    parts = _PARTS.fullmatch(text)
    return parts is not None and _currency(f"{parts[1]} {parts[3]}")[1]


def currencies_beside(text: str) -> tuple[str, ...]:
    """Return the currencies beside an amount if they differ: those of ``€5 $``, not ``$5 CAD``."""
    parts = None if _PLAIN.fullmatch(text) else _PARTS.fullmatch(text)
    words = f"{parts[1]} {parts[3]}".split() if parts else []
    signs = [word for word in words if currency_code(word)]
    differ = any(not _may_be_same(signs[0], sign) for sign in signs[1:])
    return tuple(signs) if differ else ()


def _may_be_same(one: str, other: str) -> bool:
    """Return True if two signs or codes may stand for one currency."""
    codes = {_code(one), _code(other)}
    shared = (_SHARED_SIGNS.get(one, frozenset()), _SHARED_SIGNS.get(other, frozenset()))
    return len(codes) == 1 or any(codes <= known for known in shared)


def contradicts(text: str, code: str) -> bool:
    """Return True if a currency, alone or beside an amount, cannot be the one with a code."""
    parts = _PARTS.fullmatch(text)
    sign = _currency(f"{parts[1]} {parts[3]}" if parts else text)[0]
    if sign in _SHARED_SIGNS:
        return code not in _SHARED_SIGNS[sign]
    return bool(sign) and _code(sign) not in ("", code)


def _code(sign: str) -> str:
    """Return the code of a currency's sign; empty if several currencies have it."""
    upper = sign.strip().upper()
    return upper if _CODE.fullmatch(upper) else _CURRENCIES.get(upper, "")
