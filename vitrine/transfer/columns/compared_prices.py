"""The price to compare with: one that is not above the price is left out.

Shops keep such prices, and show none then.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from vitrine.transfer.columns.units import MAX_DIGITS

COMPARED = "compare_at_price"
NOT_ABOVE = "prices to compare with are not above the price and are left out"


def leave_out_compared(item: dict[str, Any]) -> bool:
    """Clear the price to compare with unless it is above the price; return True if it is lost.

    0.00 is lost without a word: it says that there is none.
    """
    price, compared = amount_of(item.get("price")), amount_of(item.get(COMPARED))
    if compared is None or (compared > price if price is not None else compared):
        return False
    item[COMPARED] = None
    return bool(compared)


def amount_of(value: Any) -> Decimal | None:
    """Return the amount of a price; None for none, and for one that the service refuses."""
    try:
        amount = None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    if amount is None or not amount.is_finite() or amount.adjusted() >= MAX_DIGITS:
        return None
    return amount
