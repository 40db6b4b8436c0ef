"""Orders and customers as the APIs of shops write them in JSON, turned into the rows of an export.

The members of an inner object become cells of their own: ``billing_city``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from vitrine.errors import StackError

Row = dict[str, Any]

_SHOPIFY_ORDER = {
    **{"Name": "name", "Email": "email", "Phone": "phone", "Id": "id", "Notes": "note"},
    **{"Financial Status": "financial_status", "Fulfillment Status": "fulfillment_status"},
    **{"Currency": "currency", "Subtotal": "subtotal_price", "Taxes": "total_tax"},
    **{"Total": "total_price", "Discount Amount": "total_discounts", "Created at": "created_at"},
    "Cancelled at": "cancelled_at",
}
_SHOPIFY_ADDRESS = {
    **{"Name": "name", "Company": "company", "Address1": "address1", "Address2": "address2"},
    **{"City": "city", "Zip": "zip", "Province Name": "province", "Country": "country_code"},
    "Phone": "phone",
}


def flat(document: Mapping[str, Any]) -> Row:
    """Return the members of an object and of all objects inside of it; lists are JSON in a cell."""
    row: Row = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            row |= {f"{name}_{inner}": cell for inner, cell in flat(value).items()}
        else:
            row[name] = json.dumps(value) if isinstance(value, list) else value
    return row


def flat_row(document: Mapping[str, Any]) -> list[Row]:
    """Return the one row of an object."""
    return [flat(document)]


def shopify_rows(order: Mapping[str, Any]) -> list[Row]:
    """Return the rows of an order of Shopify, in the columns of its export.

    Raises:
        StackError: An amount is not a number.
    """
    cells = flat(order)
    first = {column: cells.get(member) for column, member in _SHOPIFY_ORDER.items()}
    for kind in ("Billing", "Shipping"):
        first |= {
            f"{kind} {column}": cells.get(f"{kind.lower()}_address_{member}")
            for column, member in _SHOPIFY_ADDRESS.items()
        }
    shipping, taxes = _objects(order, "shipping_lines"), _objects(order, "tax_lines")
    first["Shipping"] = _sum(shipping, "price")
    first["Shipping Method"] = _joined(shipping, "title")
    first["Discount Code"] = _joined(_objects(order, "discount_codes"), "code")
    first["Refunded Amount"] = _sum(list(_refunds(order)), "amount")
    for number, tax in enumerate(taxes, 1):
        first |= {f"Tax {number} Name": tax.get("title"), f"Tax {number} Value": tax.get("price")}
    lines = [
        {
            "Lineitem quantity": line.get("quantity"),
            "Lineitem name": line.get("name") or line.get("title"),
            "Lineitem price": line.get("price"),
            "Lineitem sku": line.get("sku"),
        }
        for line in _objects(order, "line_items")
    ]
    if tip := _sum([order], "total_tip_received"):
        lines.append({"Lineitem quantity": 1, "Lineitem name": "Tip", "Lineitem price": tip})
    return [first | line for line in lines or [{}]]


def _refunds(order: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the payments back to the client."""
    for refund in _objects(order, "refunds"):
        for payment in _objects(refund, "transactions"):
            if payment.get("kind") == "refund" and payment.get("status", "success") == "success":
                yield payment


def _objects(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = document.get(name)
    return [v for v in values if isinstance(v, Mapping)] if isinstance(values, list) else []


def _sum(objects: Sequence[Mapping[str, Any]], name: str) -> Decimal:
    """Return the sum of a member of some objects; raise ``StackError`` if one is not a number."""
    total = Decimal(0)
    for values in objects:
        try:
            total += Decimal(str(values.get(name) or 0))
        except InvalidOperation as error:
            raise StackError(f"{name}: {values[name]!r} is not an amount.") from error
    return total


def _joined(objects: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(str(values[name]) for values in objects if values.get(name))
