"""Ordering rules: if a product can be ordered, and how many.  Pure functions on products."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

UNKNOWN, NOT_FOR_SALE, SHORT = "unknown", "not_for_sale", "short"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a line cannot be ordered.

    ``why`` is one of the constants above; ``left`` is the stock, if that is too small.
    """

    why: str
    message: str
    left: int | None = None


def is_tracked(product: Mapping[str, Any]) -> bool:
    """Return True if orders reduce the stock of a product."""
    return product.get("stock") is not None


def refusal(
    product: Mapping[str, Any] | None, id: int | str, price: Any, quantity: int
) -> Refusal | None:
    """Return why a quantity of a product cannot be ordered, or None if it can.

    Args:
        product: The stored product, or None if it does not exist.
        id: The id that was ordered.
        price: The price as an amount, or None if the product has no valid price.
        quantity: How many are ordered.
    """
    if product is None:
        return Refusal(UNKNOWN, f"There is no product {id}.")
    name, status, stock = str(product.get("name")), product.get("status"), product.get("stock")
    if status not in (None, "active"):
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale: its status is {status}.")
    if price is None:
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale: it has no price.")
    if not isinstance(product.get("currency"), str | None):
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale: its currency is not a text.")
    if stock is None:
        return None
    if isinstance(stock, bool) or not isinstance(stock, (int, float)) or not isfinite(stock):
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale: its stock is not a number.")
    if stock < quantity:
        left = max(0, int(stock))
        return Refusal(SHORT, f"{name}: {quantity} wanted, {left or 'none'} left.", left)
    return None
