"""Exports of WooCommerce by its common plugins: orders in three forms, and customers.

A row is a line with the cells of its order, or a whole order with its lines in one cell, or in the
cells ``line_item_1``, ``line_item_2`` and so on.  Prices of lines are without tax.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from slugify import slugify

from vitrine.errors import StackError
from vitrine.transfer.shop_orders.addresses import BILLING, SHIPPING, Columns, address, client
from vitrine.transfer.shop_orders.cells import Cells, amount_in, moment
from vitrine.transfer.shop_orders.sales import (
    CANCELLED,
    DELIVERED,
    FEE,
    KEPT,
    PAID,
    PLACED,
    Line,
    Refund,
    Sale,
)
from vitrine.transfer.shop_orders.sales import SHIPPING as SHIPPING_LINE

NUMBER = ("order_number", "Order Number", "order_id", "Order ID", "number")
_TOTAL = ("order_total", "Order Total Amount", "total")
_DATE = ("order_date", "Order Date", "date", "date_created_gmt", "date_created")
_CURRENCY = ("order_currency", "Currency")
_EMAIL = ("billing_email", "Email (Billing)", "customer_email", "user_email", "email")
_STATUS = ("status", "Order Status")
WHOLE = (_DATE, _STATUS, _EMAIL, _CURRENCY, _TOTAL)  # on which the rows of an order agree
_REFUNDED = ("refunded_total", "Order Refund Amount")
_REFUNDS = ("refund_items", "refunds")
_LINE = {
    "name": ("item_name", "Item Name", "Product Name"),
    "sku": ("item_sku", "SKU"),
    "quantity": ("item_quantity", "Quantity", "Quantity (- Refund)"),
    "subtotal": ("item_subtotal", "Order Line Subtotal"),
    "total": ("item_total", "Order Line (w/o tax)"),
    "price": ("item_price", "Item Cost"),
    "refunded": ("item_refunded",),
    "refunded_qty": ("item_refunded_qty",),
}

# In the names of columns the kind of an address stands before them, or in brackets after them.
_ADDRESS: Columns = {
    "name": (
        ("{}_first_name", "{}_last_name"),
        ("First Name ({})", "Last Name ({})"),
        ("{}_full_name",),
    ),
    "company": (("{}_company",), ("Company ({})",)),
    "street": (
        ("{}_address_1", "{}_address_2"),
        ("Address 1&2 ({})",),
        ("Address 1 ({})", "Address 2 ({})"),
    ),
    "postal_code": (("{}_postcode",), ("Postcode ({})",)),
    "city": (("{}_city",), ("City ({})",)),
    "region": (("{}_state",), ("State Name ({})",), ("State Code ({})",)),
    "country": (("{}_country",), ("Country Code ({})",)),
    "phone": (("{}_phone",), ("Phone ({})",)),
}
_ANALYTICS_ADDRESS: Columns = {
    "postal_code": (("Postal code",),),
    "city": (("City",),),
    "region": (("Region",),),
    "country": (("Country / Region",), ("Country",)),
}

_STATES = {
    **dict.fromkeys(("pending", "pending-payment", "on-hold"), PLACED),
    "processing": PAID,
    "completed": DELIVERED,
    "refunded": DELIVERED,
    **dict.fromkeys(("cancelled", "failed"), CANCELLED),
}
# Parts of a cell with several values, such as name:Mug|quantity:2.
_PART = re.compile(r"([a-z_]+):(.*)", re.DOTALL)
_NEXT_LINE = re.compile(r";(?=(?:id|name|code|rate_id|amount|date):)")


def sale(rows: Sequence[Mapping[str, Any]]) -> Sale:
    """Return the order of some rows.

    Raises:
        StackError: A cell cannot be read, or the order does not add up.
    """
    all_cells = [Cells(row) for row in rows]
    first = all_cells[0]
    total = first.amount(_TOTAL)
    if total is None:
        raise StackError(f"The order has no total; export the column {_TOTAL[0]}.")
    lines, reductions = _lines(all_cells)
    status = _status(first.text(_STATUS))
    refunds = _refunds(first, total)
    paid_back = sum((refund.amount for refund in refunds), Decimal(0))
    is_kept = status == CANCELLED and 0 < paid_back < total
    return Sale(
        number=first.text(NUMBER),
        placed_at=moment(first.text(_DATE)),
        status=status,
        total=total,
        total_column=first.column(_TOTAL),
        lines=[*lines, *_charges(first)],
        discounts=_discounts(first, reductions),
        discount_name=_codes(first),
        taxes=_taxes(first),
        refunds=refunds,
        currency=first.text(_CURRENCY),
        note=first.text(("customer_note", "Customer Note")),
        client=_client(first),
        remark=KEPT if is_kept else "",
    )


def customer(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client of a row of an export of customers."""
    cells = Cells(row)
    addresses = [address(cells, _ADDRESS, kind) for kind in (BILLING, SHIPPING)]
    if not any(addresses):
        addresses = [address(cells, _ANALYTICS_ADDRESS, BILLING)]
    names = (cells.text(("first_name",)), cells.text(("last_name",)))
    name = " ".join(filter(None, names)) or cells.text(("Name", "display_name"))
    email = cells.text(("email", "user_email", "billing_email"))
    id = cells.text(("customer_id", "ID"))
    found = client(email, name, cells.text(("billing_phone",)), addresses)
    return found | ({"external_ref": id} if id and not email else {})


def _lines(rows: Sequence[Cells]) -> tuple[list[Line], Decimal | None]:
    """Return the lines of an order, and what coupons reduce their prices by, if that is known."""
    first = rows[0]
    parts = [
        *map(_parts, first.numbered("line_item")),
        *_items("line_items", first.text(("line_items",))),
    ]
    found = [_line(cells) for cells in ([Cells(part) for part in parts] or rows)]
    reductions = [reduction for _, reduction in found]
    known = [reduction for reduction in reductions if reduction is not None]
    return [line for line, _ in found], sum(known, Decimal(0)) if len(known) == len(found) else None


def _line(cells: Cells) -> tuple[Line, Decimal | None]:
    """Return a line before coupons, and what they reduce its price by, if that is known."""
    names = {name: (*columns, name) for name, columns in _LINE.items()}
    quantity = cells.whole(names["quantity"])
    subtotal = cells.amount((*names["subtotal"], "sub_total"))
    total, price = cells.amount(names["total"]), cells.amount(names["price"])
    amount = subtotal if subtotal is not None else total
    if amount is None and price is not None:
        amount = price * quantity
    if amount is None:
        raise StackError("A line has no price; export the subtotal or the price of each item.")
    line = Line(
        cells.text(names["name"]),
        amount,
        quantity,
        cells.text(names["sku"]),
        returned=abs(cells.whole(names["refunded_qty"])),
        refunded=abs(cells.sum(names["refunded"])),
    )
    return line, subtotal - total if subtotal is not None and total is not None else None


def _items(column: str, text: str) -> list[dict[str, Any]]:
    """Return the lines in a cell: objects of JSON, or texts with a semicolon between them.

    Raises:
        StackError: The JSON is not valid.
    """
    if text.startswith("["):
        try:
            return [item for item in orjson.loads(text) if isinstance(item, dict)]
        except orjson.JSONDecodeError as error:
            raise StackError(f"{column} is not valid JSON: {error}.") from error
    return [_parts(item) for item in _NEXT_LINE.split(text) if item]


def _parts(text: str) -> dict[str, str]:
    """Return the values of a cell such as ``name:Mug|sku:M-1|quantity:2``."""
    parts: dict[str, str] = {}
    name = ""
    for part in text.split("|"):
        if match := _PART.fullmatch(part):
            name = match[1]
            parts.setdefault(name, match[2])
        elif name:
            parts[name] += f"|{part}"  # The sign stands in the value itself.
    return {name: part.strip() for name, part in parts.items()}


def _charges(first: Cells) -> Iterator[Line]:
    """Yield the lines of shipping and fees."""
    methods = _items("shipping_lines", first.text(("shipping_lines",)))
    method = first.text(("shipping_method", "Shipping Method Title")) or ", ".join(
        str(each["method_title"]) for each in methods if each.get("method_title")
    )
    shipping = first.sum(("shipping_total", "Order Shipping Amount"))
    yield Line(method or "Shipping", shipping, kind=SHIPPING_LINE)
    fees = _items("fee_items", first.text(("fee_items", "fee_lines")))
    name = Cells(fees[0]).text(("name", "title")) if len(fees) == 1 else ""
    fee = first.amount(("fee_total",))
    if fee is None:
        parts = [str(each["total"]) for each in fees if each.get("total")]
        fee = sum((amount_in("fee_lines", part) for part in parts), Decimal(0))
    yield Line(name or "Fee", fee, kind=FEE)


def _discounts(first: Cells, reductions: Decimal | None) -> list[Decimal]:
    """Return the sums that may be taken off, the likeliest first."""
    known = [] if reductions is None else [reductions]
    named = first.amount(("discount_total", "cart_discount", "Cart Discount Amount"))
    return [*known, *([] if named is None else [abs(named)])]


def _taxes(first: Cells) -> list[Decimal]:
    """Return the sums that may be added as tax: some plugins count that of shipping apart."""
    tax = first.sum(("tax_total", "Order Total Tax Amount", "total_tax"))
    of_shipping = first.sum(("shipping_tax_total", "Order Shipping Tax Amount"))
    return [tax, tax + of_shipping, tax + of_shipping + first.sum(("fee_tax_total",))]


def _codes(first: Cells) -> str:
    """Return the codes of the coupons, with commas between them."""
    names = ("coupon_items", "coupons", "coupon_lines")
    items = _items(first.column(names), first.text(names))
    codes = [str(item.get("code") or "") for item in items]
    return ", ".join(filter(None, codes)) or first.text(("Coupon Code", "Coupons Used"))


def _status(text: str) -> str:
    """Return the state of an order; raise ``StackError`` if it is not known."""
    status = _STATES.get(slugify(text).removeprefix("wc-"))
    if status is None:
        raise StackError(f"The status {text!r} is not known; write one of {', '.join(_STATES)}.")
    return status


def _refunds(first: Cells, total: Decimal) -> list[Refund]:
    """Return what was given back: each refund if the export has them, else their sum."""
    column = first.column(_REFUNDS)
    refunds = [
        Refund(abs(amount_in(column, str(amount))), moment(str(parts.get("date") or "")))
        for parts in _items(column, first.text(_REFUNDS))
        if (amount := parts.get("amount") or parts.get("total"))
    ]
    sum_of_all = first.amount(_REFUNDED)
    if not sum_of_all:
        is_refunded = slugify(first.text(_STATUS)).endswith("refunded")
        return refunds or ([Refund(total)] if is_refunded else [])
    known = sum((refund.amount for refund in refunds), Decimal(0))
    return refunds if known == abs(sum_of_all) else [Refund(abs(sum_of_all))]


def _client(first: Cells) -> dict[str, Any]:
    email = first.text(_EMAIL)
    if not email:
        return {}
    addresses = [address(first, _ADDRESS, kind) for kind in (BILLING, SHIPPING)]
    name = ""
    for names in (
        ("billing_first_name", "billing_last_name"),
        ("First Name (Billing)", "Last Name (Billing)"),
    ):
        name = name or " ".join(filter(None, (first.text([column]) for column in names)))
    return client(email, name, first.text(("billing_phone", "Phone (Billing)")), addresses)
