"""What an order costs, in exact decimals.  Plain values in and out."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENTS = Decimal("0.01")
PLACES = Decimal("0.0001")


class MixedCurrencies(Exception):
    """The lines of an order are priced in several currencies; the text names them."""


def rounded(amount: Decimal) -> Decimal:
    """Round to four decimals, as many as a price may have, half of one up; to cents if exact.

    Every amount of an order goes through here.
    """
    exact = amount.quantize(PLACES, ROUND_HALF_UP)
    cents = exact.quantize(CENTS)
    return cents if cents == exact else exact


def line_total(unit_price: Decimal, quantity: int, discount: Decimal = Decimal(0)) -> Decimal:
    """Return what a line costs; the discount is a fraction, 0.25 for a quarter."""
    return rounded(unit_price * quantity * (1 - discount))


def total(line_totals: Iterable[Decimal]) -> Decimal:
    """Return what an order costs."""
    return rounded(sum(line_totals, Decimal(0)))


def summed(lines: Iterable[Mapping[str, Any]]) -> dict[Any, int]:
    """Return how many of each product are wanted, in the order of their first lines."""
    wanted: dict[Any, int] = {}
    for line in lines:
        wanted[line["product_id"]] = wanted.get(line["product_id"], 0) + line["quantity"]
    return wanted


def one_currency(currencies: Iterable[str | None]) -> str | None:
    """Return the currency of all lines, or raise ``MixedCurrencies``; one without is no other."""
    found = sorted({each for each in currencies if each})
    if len(found) > 1:
        raise MixedCurrencies(f"An order has one currency, not {' and '.join(found)}.")
    return found[0] if found else None
