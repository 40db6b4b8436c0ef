"""Kinds of order lines, and what a line of each kind may hold: pure rules.

Only past orders have lines of other kinds than products.  A stored line of a product has no kind,
as all lines had before there were kinds.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

PRODUCT, SHIPPING, TAX, DISCOUNT = "product", "shipping", "tax", "discount"
FEE, TIP, DUTY, REFUND, ROUNDING = "fee", "tip", "duty", "refund", "rounding"

KINDS = (PRODUCT, SHIPPING, TAX, DISCOUNT, FEE, TIP, DUTY, REFUND, ROUNDING)
# The kinds whose prices are never above zero: they reduce the total of a sale.
REDUCING = (DISCOUNT, REFUND)
# The fields that name the product of a line.
_OF_PRODUCTS = ("product_id", "sku")


def fault(kind: str, line: Mapping[str, Any], unit_price: Decimal) -> tuple[str, str] | None:
    """Return a field of a line that does not fit its kind, and the message; None if all fit."""
    if kind == PRODUCT:
        return None
    if names := [name for name in _OF_PRODUCTS if line.get(name) is not None]:
        return names[0], f"Is for lines of products; leave it out of the kind {kind}."
    if kind in REDUCING and unit_price > 0:
        return (
            "unit_price",
            f"Is above zero, and the kind {kind} reduces the total; send -{unit_price}.",
        )
    return None


def units(lines: Iterable[Mapping[str, Any]]) -> int:
    """Return how many pieces of products some lines have; a returned piece is negative."""
    return sum(line["quantity"] for line in lines if line.get("kind", PRODUCT) == PRODUCT)
