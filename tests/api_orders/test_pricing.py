"""Cost of an order: exact, and rounded in one place."""

from decimal import Decimal

import pytest

from api_orders import pricing, states


@pytest.mark.parametrize(
    ("price", "quantity", "discount", "cost"),
    [
        ("12.50", 2, "0", "25.00"),
        ("0.10", 3, "0", "0.30"),
        ("33.61", 100, "0", "3361.00"),
        ("0.0125", 3, "0", "0.0375"),
        ("14.40", 5, "0.15", "61.20"),
        ("2.5", 7, "0.05", "16.625"),
        ("0.0001", 1, "0.5", "0.0001"),
        ("0.0003", 1, "0.5", "0.0002"),
        ("4.25", -3, "0", "-12.75"),
        ("0", 5, "0", "0.00"),
    ],
)
def test_a_line_costs_price_times_quantity_less_its_discount(price, quantity, discount, cost):
    total = pricing.line_total(Decimal(price), quantity, Decimal(discount))
    assert total == Decimal(cost)
    assert -total.as_tuple().exponent in (2, 4)


def test_a_total_of_many_is_exact():
    assert pricing.order_total([Decimal("0.10")] * 1000) == Decimal("100.00")
    assert pricing.order_total([]) == 0


def test_lines_of_one_product_are_one():
    lines = [(2, 1), (1, 5), (2, 3)]
    given = [{"product_id": id, "quantity": quantity} for id, quantity in lines]
    assert list(pricing.quantities_by_product(given).items()) == [(2, 4), (1, 5)]


def test_an_order_has_one_currency():
    assert pricing.one_currency([None, None]) is None
    assert pricing.one_currency(["EUR", "EUR"]) == "EUR"
    with pytest.raises(pricing.MixedCurrencies, match="have no currency"):
        pricing.one_currency(["EUR", None, "EUR"])
    with pytest.raises(pricing.MixedCurrencies, match="EUR and USD"):
        pricing.one_currency(["USD", "EUR"])


def test_every_refusal_names_the_state_and_its_actions():
    for state in states.STATES:
        for target in states.STATES:
            if not states.allows(state, target):
                assert state in states.refusal(state, target)
    assert "pay and cancel" in states.refusal("placed", "shipped")
    assert "last state" in states.refusal("delivered", "cancelled")
