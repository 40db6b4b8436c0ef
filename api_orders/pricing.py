"""Order prices in exact decimals: pure rules."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENTS = Decimal("0.01")
PLACES = Decimal("0.0001")


class MixedCurrencies(Exception):
    """The lines of an order have several currencies; the text names them."""


def round_amount(amount: Decimal) -> Decimal:
    """Round half up to four decimals, as many as a price may have; to two if that is exact.

    Every amount of an order is rounded here.
    """
    exact = amount.quantize(PLACES, ROUND_HALF_UP)
    cents = exact.quantize(CENTS)
    return cents if cents == exact else exact


def line_total(unit_price: Decimal, quantity: int, discount: Decimal = Decimal(0)) -> Decimal:
    """Return the price of a line; the discount is a fraction, 0.25 for a quarter."""
    return round_amount(unit_price * quantity * (1 - discount))


def rounding(quantity: int) -> Decimal:
    """Return how far a line's total may be from its quantity times its price.

    A third of 10.00 has more decimals than a price may have: 3 at 3.3333 may be 10.00.
    """
    return abs(quantity) * PLACES / 2


def order_total(line_totals: Iterable[Decimal]) -> Decimal:
    """Return the price of an order."""
    return round_amount(sum(line_totals, Decimal(0)))


def quantities_by_product(lines: Iterable[Mapping[str, Any]]) -> dict[Any, int]:
    """Return the quantity of each product, in the order of their first lines."""
    quantities: dict[Any, int] = {}
    for line in lines:
        quantities[line["product_id"]] = quantities.get(line["product_id"], 0) + line["quantity"]
    return quantities


def one_currency(currencies: Iterable[str | None]) -> str | None:
    """Return the currency of all lines, None if no line has one.

    Raise ``MixedCurrencies`` for several, and for lines with and without one.
    """
    distinct = {currency or "" for currency in currencies}
    named = sorted(distinct - {""})
    if len(named) > 1:
        raise MixedCurrencies(
            f"The products have prices in {' and '.join(named)}. Place an order for each currency."
        )
    if len(distinct) > 1:
        raise MixedCurrencies(
            f"Some products have prices in {named[0]}, and others have no currency. Set the "
            "currency of each product, or the setting CURRENCY."
        )
    return named[0] if named else None
