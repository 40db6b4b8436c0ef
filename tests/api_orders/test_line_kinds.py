"""Kinds of order lines: which fields they may have, and how pieces are counted."""

from decimal import Decimal

import pytest

from api_orders import line_kinds


@pytest.mark.parametrize("kind", line_kinds.KINDS)
def test_only_a_product_has_an_sku(kind):
    fault = line_kinds.fault(kind, {"sku": "T-1"}, Decimal(-1))
    assert (fault and fault[0]) == (None if kind == "product" else "sku")


@pytest.mark.parametrize("kind", line_kinds.KINDS)
def test_a_reduction_is_not_above_zero(kind):
    fault = line_kinds.fault(kind, {}, Decimal("1.50"))
    assert (fault and fault[0]) == ("unit_price" if kind in ("discount", "refund") else None)
    assert line_kinds.fault(kind, {}, Decimal(0)) is None
    assert not fault or "send -1.50" in fault[1]


def test_pieces_are_those_of_products():
    lines = [{"quantity": 2}, {"quantity": -1, "kind": "product"}, {"quantity": 1, "kind": "tax"}]
    assert line_kinds.units(lines) == 1
