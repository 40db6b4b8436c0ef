"""An order of another shop, turned into a past order and its returns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from vitrine.errors import StackError
from vitrine.transfer.shop_orders.totals import Amounts, balanced

PRODUCT, SHIPPING, TAX, DISCOUNT = "product", "shipping", "tax", "discount"
FEE, TIP, DUTY, REFUND, ROUNDING = "fee", "tip", "duty", "refund", "rounding"
PLACED, PAID, DELIVERED = "placed", "paid", "delivered"
CANCELLED, RETURNED = "cancelled", "returned"

# Remarks about orders.
UNPAID = "orders that are delivered and were not paid"
KEPT = "cancelled orders of which not all that was paid was given back"
WITH_TAX = "orders with the tax in their prices, and so without a line of tax"

_ZERO = Decimal(0)
_PLACES = Decimal("0.0001")  # of an amount in Vitrine


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order.

    Attributes:
        name: The name of the product, or the kind of shipping and the like.
        amount: The price of all pieces together.
        quantity: The number of pieces.
        sku: The SKU of a product; empty for none.
        kind: The kind, such as ``PRODUCT``.
        returned: The number of pieces that were returned.
        refunded: The amount that was refunded for them.
    """

    name: str
    amount: Decimal
    quantity: int = 1
    sku: str = ""
    kind: str = PRODUCT
    returned: int = 0
    refunded: Decimal = _ZERO

    def negated(self) -> "Line":
        """Return the line of a return of all pieces."""
        return replace(self, amount=-self.amount, quantity=-self.quantity)

    def item(self) -> dict[str, Any]:
        """Return the line as the orders service reads it."""
        amount = _rounded(self.amount)
        price = _rounded(amount / self.quantity)
        item: dict[str, Any] = {"quantity": self.quantity, "unit_price": f"{price:f}"}
        if price * self.quantity != amount:
            item["total"] = f"{amount:f}"
        if self.kind != PRODUCT:
            item["kind"] = self.kind
        return item | {k: v for k, v in (("name", self.name), ("sku", self.sku)) if v}


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that was given back for an order, and the time if the export has it."""

    amount: Decimal
    at: str = ""


@dataclass(slots=True)
class Sale:
    """An order of another shop.

    Attributes:
        number: The order number.
        placed_at: The time of the order.
        status: Its state in Vitrine.
        total: Its total, as the export has it.
        total_column: The column of the total.
        lines: Its lines, but for tax and discount.
        discounts: The sums that may be taken off, the likeliest first.
        taxes: The sums that may be added as tax, the likeliest first.
        tax_lines: The taxes by name and amount, if the export has them.
        discount_name: The code of the discount.
        refunds: What was given back.
        currency: The currency; empty if the export does not name it.
        note: The note of the client.
        client: The client; empty for none.
        remark: What the states of Vitrine do not tell of it, to be reported; empty for nothing.
    """

    number: str
    placed_at: str
    status: str
    total: Decimal
    total_column: str
    lines: list[Line] = field(default_factory=list)
    discounts: Sequence[Decimal] = ()
    taxes: Sequence[Decimal] = ()
    tax_lines: Sequence[tuple[str, Decimal]] = ()
    discount_name: str = ""
    refunds: Sequence[Refund] = ()
    currency: str = ""
    note: str = ""
    client: dict[str, Any] = field(default_factory=dict)
    remark: str = ""


def past_orders(sale: Sale) -> Iterator[dict[str, Any]]:
    """Yield an order and its returns, as the orders service reads them.

    The returns of a cancelled order are cancelled too, because it counts as not sold.  They come
    nevertheless: an earlier import may have brought one in as ``returned``.

    Raises:
        StackError: The lines do not add up to the total, or more was refunded than paid.
    """
    lines, included_tax = _balanced_lines(sale)
    if not lines:
        raise StackError("The order has no lines.")
    common = {"currency": sale.currency, "client": sale.client}
    order = {"external_ref": sale.number, "placed_at": sale.placed_at, "status": sale.status}
    tax = {"included_tax": float(included_tax)} if included_tax else {}
    yield _filled(order | common | {"note": sale.note} | tax | {"items": _items(lines)})
    refunds = [refund for refund in sale.refunds if refund.amount]
    refunded = sum((refund.amount for refund in refunds), _ZERO)
    if refunded > sale.total:
        raise StackError(f"{refunded:f} was refunded, but {sale.total_column} is {sale.total:f}.")
    status = CANCELLED if sale.status == CANCELLED else RETURNED
    is_whole = len(refunds) == 1 and refunded == sale.total
    for number, refund in enumerate(refunds, 1):
        back = [line.negated() for line in lines] if is_whole else _part(refund, lines, refunds)
        tax = {"included_tax": -float(included_tax)} if included_tax and is_whole else {}
        order = {
            "external_ref": f"{sale.number}-R{number}",
            "placed_at": refund.at or sale.placed_at,
            "status": status,
        }
        yield _filled(order | common | tax | {"items": _items(back)})


def _balanced_lines(sale: Sale) -> tuple[list[Line], Decimal]:
    """Return all lines of an order, with tax and discount, and the tax that its prices contain."""
    lines = [line for line in sale.lines if line.quantity and (line.amount or line.kind == PRODUCT)]
    products = sum((line.amount for line in lines if line.kind == PRODUCT), _ZERO)
    everything = sum((line.amount for line in lines), _ZERO)
    amounts = Amounts(
        products,
        everything - products,
        sale.discounts,
        sale.taxes,
        sale.total,
        [*(line.amount for line in lines), *sale.discounts[:1], *sale.taxes[:1]],
    )
    balance = balanced(amounts, sale.total_column)
    lines += _tax_lines(sale, balance.tax)
    if balance.discount:
        lines.append(Line(sale.discount_name or "Discount", -balance.discount, kind=DISCOUNT))
    # Each line is rounded to the decimals of Vitrine, and together they are the total.
    rounding = sale.total - sum((_rounded(line.amount) for line in lines), _ZERO)
    if rounding:
        lines.append(Line("Rounding", rounding, kind=ROUNDING))
    return lines, balance.included_tax


def _tax_lines(sale: Sale, tax: Decimal) -> list[Line]:
    """Return a line for each tax, if these are the tax of the order, else one for all."""
    named = [(name, amount) for name, amount in sale.tax_lines if amount]
    if not tax:
        return []
    if sum((amount for _, amount in named), _ZERO) == tax:
        return [Line(name, amount, kind=TAX) for name, amount in named]
    return [Line("Tax", tax, kind=TAX)]


def _part(refund: Refund, lines: Sequence[Line], refunds: Sequence[Refund]) -> list[Line]:
    """Return the lines of a return of a part: the pieces, if the export has them, and the rest."""
    pieces = [
        replace(line, amount=-line.refunded, quantity=-line.returned)
        for line in lines
        if line.returned and line.kind == PRODUCT
    ]
    rest = -refund.amount - sum((line.amount for line in pieces), _ZERO)
    if len(refunds) > 1 or rest > 0:
        pieces, rest = [], -refund.amount
    return pieces + ([Line("Refund", rest, kind=REFUND)] if rest else [])


def _items(lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [line.item() for line in lines]


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _rounded(amount: Decimal) -> Decimal:
    exact = amount.quantize(_PLACES, ROUND_HALF_UP)
    cents = exact.quantize(Decimal("0.01"))
    return cents if cents == exact else exact
