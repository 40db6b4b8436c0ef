"""The discount and the tax with which the lines of an order make its total.

Shops do not say whether their prices contain the tax, nor which discounts are taken off the prices
of the lines already.  The total of the order tells it, or the order is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from vitrine.errors import StackError

_ZERO = Decimal(0)
_DECIMALS = 2  # that a total has at least, even if a spreadsheet has cut its zeros off


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts of an order, as its export has them.

    Attributes:
        items: The sum of all lines of products.
        others: The sum of shipping, fees and the like.
        discounts: The sums that may be taken off, the likeliest first.
        taxes: The sums that may be added as tax, the likeliest first.
        total: The total.
        parts: All amounts that add up to the total, for their decimals.
    """

    items: Decimal
    others: Decimal
    discounts: Sequence[Decimal]
    taxes: Sequence[Decimal]
    total: Decimal
    parts: Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class Balance:
    """The amounts that make the total.

    Attributes:
        discount: The sum that is taken off.
        tax: The sum that is added as tax.
        included_tax: The tax that the prices contain; 0 if it is added.
        rounding: What the shop has rounded.
    """

    discount: Decimal
    tax: Decimal
    included_tax: Decimal
    rounding: Decimal


def balanced(amounts: Amounts, total_column: str) -> Balance:
    """Return the discount and the tax with which an order has its total.

    Raises:
        StackError: No discount and no tax of the export make the total.
    """
    found = list(_balances(amounts))
    tolerance = _tolerance(amounts)
    for balance in found:
        if not balance.rounding:
            return balance
    for balance in found:
        if abs(balance.rounding) <= tolerance:
            return balance
    likeliest = found[0]
    raise StackError(
        f"The lines are {amounts.items:f}, shipping and fees {amounts.others:f}, tax "
        f"{likeliest.tax:f} and discount {likeliest.discount:f}: together "
        f"{amounts.total - likeliest.rounding:f}, but {total_column} is {amounts.total:f}. Correct "
        "the row that is wrong."
    )


def _balances(amounts: Amounts) -> Iterator[Balance]:
    """Yield each way to make a total, the likeliest first, with what it is short of."""
    taxes = dict.fromkeys([*amounts.taxes, _ZERO])
    most = max(amounts.taxes, default=_ZERO)
    for discount in dict.fromkeys([*amounts.discounts, _ZERO]):
        for tax in taxes:
            sum = amounts.items + amounts.others - discount + tax
            yield Balance(discount, tax, _ZERO if tax else most, amounts.total - sum)


def _tolerance(amounts: Amounts) -> Decimal:
    """Return how much the shop may have rounded: half of the total's last digit for each amount
    that has more decimals than the total.
    """
    decimals = max(_decimals(amounts.total), _DECIMALS)
    finer = sum(_decimals(part) > decimals for part in amounts.parts)
    return Decimal(5).scaleb(-decimals - 1) * finer


def _decimals(amount: Decimal) -> int:
    exponent = amount.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
