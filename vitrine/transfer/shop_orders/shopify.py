"""Exports of Shopify: orders, a row for each line, and customers.

Only the first row of an order has the cells about the whole order.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from vitrine.errors import StackError
from vitrine.transfer.shop_orders.addresses import BILLING, SHIPPING, Columns, address, client
from vitrine.transfer.shop_orders.cells import Cells, moment
from vitrine.transfer.shop_orders.sales import (
    CANCELLED,
    DELIVERED,
    DUTY,
    KEPT,
    PAID,
    PLACED,
    PRODUCT,
    TIP,
    UNPAID,
    Line,
    Refund,
    Sale,
)
from vitrine.transfer.shop_orders.sales import SHIPPING as SHIPPING_LINE

NUMBER = ("Name",)
_TOTAL = ("Total",)
_DISCOUNT, _LINE_DISCOUNT = ("Discount Amount",), ("Lineitem discount",)
_CANCELLED_AT = ("Cancelled at", "Canceled at")
_PHONE = ("Phone",)
# Of a whole order; only its first row has those about payment.
WHOLE = (
    *(("Id",), ("Email",), ("Created at",), ("Financial Status",), ("Fulfillment Status",)),
    *(_CANCELLED_AT, ("Currency",), _TOTAL),
)
_MAX_TAXES = 5  # columns of taxes

_ADDRESS: Columns = {
    "name": (("{} Name",),),
    "company": (("{} Company",),),
    "street": (("{} Address1", "{} Address2"), ("{} Street",)),
    "postal_code": (("{} Zip",),),
    "city": (("{} City",),),
    "region": (("{} Province Name",), ("{} Province",), ("{} Province Code",)),
    "country": (("{} Country Code",), ("{} Country",)),
    "phone": (("{} Phone",),),
}
# Exports of customers have one address; the columns of older ones have no word before them.
_CUSTOMER_ADDRESS: Columns = {
    "name": (("First Name", "Last Name"),),
    "company": (("Default Address Company",), ("Company",)),
    "street": (("Default Address Address1", "Default Address Address2"), ("Address1", "Address2")),
    "postal_code": (("Default Address Zip",), ("Zip",)),
    "city": (("Default Address City",), ("City",)),
    "region": (("Default Address Province Code",), ("Province",), ("Province Code",)),
    "country": (("Default Address Country Code",), ("Country Code",), ("Country",)),
    "phone": (("Default Address Phone",), ("Phone",)),
}

_IS_PAID = {
    **dict.fromkeys(("paid", "partially_refunded", "refunded"), True),
    **dict.fromkeys(("", "pending", "authorized", "partially_paid", "expired", "voided"), False),
}
_IS_FULFILLED = {
    "fulfilled": True,
    **dict.fromkeys(("", "unfulfilled", "partial", "restocked", "pending", "open"), False),
    **dict.fromkeys(("scheduled", "on_hold", "in_progress", "request_declined"), False),
}


def sale(rows: Sequence[Mapping[str, Any]]) -> Sale:
    """Return the order of some rows.

    Raises:
        StackError: A cell cannot be read, or the rows contradict each other.
    """
    all_cells = [Cells(row) for row in rows]
    # Of the rows of an order, one has the cells about the whole order.
    first = next((cells for cells in all_cells if cells.text(_TOTAL)), all_cells[0])
    lines = list(map(_line, all_cells))
    total = first.amount(_TOTAL)
    if total is None:
        raise StackError("The order has no Total; export whole orders.")
    refunded = first.sum(("Refunded Amount",))
    status, remark = _status(first, refunded, total)
    lines += [
        Line(
            first.text(("Shipping Method",)) or "Shipping",
            first.sum(("Shipping",)),
            kind=SHIPPING_LINE,
        ),
        Line("Duties", first.sum(("Duties",)), kind=DUTY),
    ]
    return Sale(
        number=first.text(NUMBER),
        placed_at=moment(first.text(("Created at", "Paid at"))),
        status=status,
        total=total,
        total_column=_TOTAL[0],
        lines=lines,
        discounts=_discounts(first, lines, all_cells),
        discount_name=first.text(("Discount Code",)),
        taxes=(first.sum(("Taxes",)),),
        tax_lines=_taxes(first),
        refunds=(Refund(refunded),),
        currency=next(filter(None, (cells.text(("Currency",)) for cells in all_cells)), ""),
        note=first.text(("Notes",)),
        client=_client(first),
        remark=remark,
    )


def customer(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client of a row of an export of customers."""
    cells = Cells(row)
    found = address(cells, _CUSTOMER_ADDRESS, BILLING)
    name = " ".join(filter(None, (cells.text([part]) for part in ("First Name", "Last Name"))))
    email, phone = cells.text(("Email",)), cells.text(_PHONE)
    id = cells.text(("Customer ID", "id"))
    return client(email, name, phone, [found]) | ({"external_ref": id} if id and not email else {})


def _line(cells: Cells) -> Line:
    quantity, price = cells.whole(("Lineitem quantity",)), cells.sum(("Lineitem price",))
    name, sku = cells.text(("Lineitem name",)), cells.text(("Lineitem sku",))
    if name == "Tip" and not sku:
        return Line(name, price * quantity, quantity, kind=TIP)
    return Line(name, price * quantity, quantity, sku)


def _discounts(first: Cells, lines: Sequence[Line], rows: Sequence[Cells]) -> list[Decimal]:
    """Return the sums that may be taken off, the likeliest first.

    The subtotal is what is left of the prices.  A discount beyond it is one of the shipping, which
    the column Shipping may have taken off already.

    Raises:
        StackError: The subtotal does not fit the lines and their discounts.
    """
    of_order = first.sum(_DISCOUNT)
    of_lines = sum((cells.sum(_LINE_DISCOUNT) for cells in rows), Decimal(0))
    most = of_order + of_lines
    subtotal = first.amount(("Subtotal",))
    if subtotal is None:
        return [of_order, most, of_lines]
    products, tips = (_sum(lines, kind) for kind in (PRODUCT, TIP))
    for sum_of_lines in (products, products + tips):
        discount = sum_of_lines - subtotal
        if 0 <= discount <= most:
            return [discount, max(discount, of_order)]
    raise StackError(
        f"The lines are {products:f} and the discount {of_order:f}, but Subtotal is {subtotal:f}. "
        "Correct the row that is wrong."
    )


def _sum(lines: Sequence[Line], kind: str) -> Decimal:
    return sum((line.amount for line in lines if line.kind == kind), Decimal(0))


def _taxes(first: Cells) -> list[tuple[str, Decimal]]:
    """Return the name and the amount of each tax."""
    return [
        (first.text((f"Tax {number} Name",)) or "Tax", first.sum((f"Tax {number} Value",)))
        for number in range(1, _MAX_TAXES + 1)
    ]


def _status(first: Cells, refunded: Decimal, total: Decimal) -> tuple[str, str]:
    """Return the state of an order, and a remark; raise ``StackError`` if it is not known."""
    payment, fulfilment = first.text(("Financial Status",)), first.text(("Fulfillment Status",))
    for column, text, known in (
        ("Financial Status", payment, _IS_PAID),
        ("Fulfillment Status", fulfilment, _IS_FULFILLED),
    ):
        if text not in known:
            raise StackError(
                f"{column}: {text!r} is not known; write one of {', '.join(filter(None, known))}."
            )
    is_paid, is_fulfilled = _IS_PAID[payment], _IS_FULFILLED[fulfilment]
    is_given_back = refunded == total
    if first.text(_CANCELLED_AT) or payment == "voided":
        return CANCELLED, KEPT if is_paid and not is_given_back else ""
    if is_fulfilled:
        return DELIVERED, "" if is_paid else UNPAID
    if is_paid and is_given_back and total:
        return CANCELLED, ""
    return (PAID if is_paid else PLACED), ""


def _client(first: Cells) -> dict[str, Any]:
    email = first.text(("Email",))
    if not email:
        return {}
    addresses = [address(first, _ADDRESS, kind) for kind in (BILLING, SHIPPING)]
    name = first.text(("Billing Name", "Shipping Name"))
    return client(email, name, first.text((*_PHONE, "Billing Phone", "Shipping Phone")), addresses)
