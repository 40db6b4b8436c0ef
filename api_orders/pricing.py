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
    """Return the currency of all lines, ignoring lines without one.

    Raise ``MixedCurrencies`` for several.
    """
    distinct = sorted({currency for currency in currencies if currency})
    if len(distinct) > 1:
        raise MixedCurrencies(
            f"The products have prices in {' and '.join(distinct)}. Place an order for each "
            "currency."
        )
    return distinct[0] if distinct else None
