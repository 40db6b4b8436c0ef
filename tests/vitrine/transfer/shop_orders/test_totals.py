"""The discount and the tax that make a total, and the lines that add up to it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shop_exports import total
from vitrine.errors import StackError
from vitrine.transfer.shop_orders.sales import Line, Refund, Sale, past_orders
from vitrine.transfer.shop_orders.totals import Amounts, balanced

CENTS = st.integers(0, 10**7).map(lambda number: Decimal(number).scaleb(-2))


def amounts(total, discounts=(), taxes=(), items="40", others="5", parts=()):
    numbers = [list(map(Decimal, texts)) for texts in (discounts, taxes, parts)]
    return Amounts(Decimal(items), Decimal(others), *numbers[:2], Decimal(total), numbers[2])


@pytest.mark.parametrize(
    ("total", "discount", "tax", "included"),
    [("45", 0, 0, 7), ("52", 0, 7, 0), ("48", 4, 7, 0), ("41", 4, 0, 7)],
)
def test_the_total_tells_discount_and_tax(total, discount, tax, included):
    balance = balanced(amounts(total, ["4"], ["7"]), "Total")
    assert (balance.discount, balance.tax, balance.included_tax) == (discount, tax, included)
    assert balance.rounding == 0


def test_a_total_that_nothing_makes_is_refused_with_the_sum():
    with pytest.raises(StackError, match=r"together 48\.00, but Total is 45\.01\. Correct the row"):
        balanced(amounts("45.01", ["4"], ["7"]), "Total")


def test_a_shop_may_round_as_much_as_its_amounts_are_finer():
    balance = balanced(amounts("45.00", items="39.996", parts=["39.996"]), "Total")
    assert balance.rounding == Decimal("0.004")
    for items in ("39.99", "39.9901"):
        with pytest.raises(StackError):
            balanced(amounts("45.00", items=items, parts=[items]), "Total")


@given(
    st.lists(st.tuples(st.integers(1, 99), CENTS), min_size=1, max_size=5),
    *(CENTS, CENTS, CENTS, st.booleans()),
)
def test_the_lines_are_the_total_to_the_cent(lines, shipping, tax, discount, is_included):
    sold = [Line("Mug", amount, quantity, "M") for quantity, amount in lines]
    sold.append(Line("Post", shipping, kind="shipping"))
    paid = sum(line.amount for line in sold) - discount + (0 if is_included else tax)
    if paid < 0:
        return
    sale = Sale("1", "2025-01-01", "delivered", paid, "Total", sold, [discount], [tax])
    sale.refunds = [Refund(paid)]
    orders = list(past_orders(sale))
    assert total(orders[0]) == paid
    assert sum(map(total, orders)) == 0
