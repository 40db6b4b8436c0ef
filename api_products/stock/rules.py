"""Whether a product can be ordered, and how many of it.  Pure rules on stored products."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

UNKNOWN, NOT_FOR_SALE, SHORT = "unknown", "not_for_sale", "short"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line cannot be had: one of the words above, and how many are left of it."""

    why: str
    message: str
    left: int | None = None


def is_tracked(product: Mapping[str, Any]) -> bool:
    """Whether what is sold of a product is taken from its stock."""
    return product.get("stock") is not None


def refusal(
    product: Mapping[str, Any] | None, id: int | str, price: Any, wanted: int
) -> Refusal | None:
    """Say why so many of a product cannot be had, or return None when they can."""
    if product is None:
        return Refusal(UNKNOWN, f"There is no product {id}.")
    name, status, stock = str(product.get("name")), product.get("status"), product.get("stock")
    if status not in (None, "active"):
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale, being {status}.")
    if price is None:
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale: it has no price.")
    if not isinstance(product.get("currency"), str | None):
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale: its currency is not a text.")
    if stock is None:
        return None
    if isinstance(stock, bool) or not isinstance(stock, (int, float)) or not isfinite(stock):
        return Refusal(NOT_FOR_SALE, f"{name} is not for sale: its stock is not a number.")
    if stock < wanted:
        left = max(0, int(stock))
        there = f"{left} left" if left else "none left"
        return Refusal(SHORT, f"{name}: {wanted} wanted, {there}.", left)
    return None
