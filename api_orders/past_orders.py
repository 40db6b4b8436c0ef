"""Past orders, imported from another shop: stored as they were, without a change of stocks."""

import re
from decimal import Decimal
from typing import Any

from bson import Decimal128
from marshmallow import Schema, ValidationError, fields, post_load, validate
from marshmallow.experimental.context import Context

from api_orders.placement import totals
from api_orders.pricing import line_total
from api_orders.resource import MAX_LINES, MAX_QUANTITY, OrderQuery, orders
from api_orders.states import CANCELLED, DELIVERED, RETURNED
from shared.resource import Resource
from shared.schema import Moment, Money, Ref, Text, Whole

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PastLineSchema(Schema):
    """A line of a past order with its price; a returned line has a negative quantity."""

    product_id = Ref(allow_none=True)
    sku = Text(64, allow_none=True)
    name = Text(200, allow_none=True)
    quantity = Whole(-MAX_QUANTITY, MAX_QUANTITY, required=True)
    unit_price = Money(required=True)
    discount = Money(allow_none=True)

    @post_load
    def _add_total(self, line: dict[str, Any], **_: Any) -> dict[str, Any]:
        if line["quantity"] == 0:
            message = "Is 0. Send how many were sold, or a negative number for a return."
            raise ValidationError({"quantity": [message]})
        discount = line["discount"].to_decimal() if line.get("discount") else Decimal(0)
        if discount > 1:
            raise ValidationError({"discount": ["Is a fraction: send 0.25 for 25 %."]})
        price = line["unit_price"].to_decimal()
        stored = {name: value for name, value in line.items() if value is not None}
        return stored | {"total": Decimal128(line_total(price, line["quantity"], discount))}


class PastOrderSchema(Schema):
    """A past order: delivered, cancelled, or a return with negative quantities."""

    external_ref = Text(200, required=True, metadata={"example": "2019-0042"})
    placed_at = Moment(required=True, metadata={"example": "2019-03-01T10:00:00Z"})
    status = fields.String(
        load_default=DELIVERED, validate=validate.OneOf((DELIVERED, CANCELLED, RETURNED))
    )
    client_id = Ref(allow_none=True)
    note = Text(2000, allow_none=True)
    currency = fields.String(
        allow_none=True,
        validate=validate.Regexp(
            r"[A-Z]{3}\Z", error="Not a currency code. Send one such as EUR (ISO 4217)."
        ),
    )
    items = fields.List(
        fields.Nested(PastLineSchema),
        required=True,
        validate=validate.Length(1, MAX_LINES),
        metadata={"example": [{"name": "Teapot", "quantity": 2, "unit_price": 12.5}]},
    )

    @post_load
    def _add_totals(self, order: dict[str, Any], **_: Any) -> dict[str, Any]:
        stored = Context[dict[str, Any]].get()["stored"]
        if stored.get("uuid") or _was_placed_here(order.get("external_ref")):
            message = "Is the reference of an order placed here. Send only past orders."
            raise ValidationError({"external_ref": [message]})
        changed = stored | order
        sums = totals(changed["items"])
        if changed["status"] == RETURNED and sums["units"] >= 0:
            message = "Are not negative. Send negative quantities for a return."
            raise ValidationError({"items": [message]})
        history = [{"status": changed["status"], "at": changed["placed_at"]}]
        return order | sums | {"history": history}


def _was_placed_here(external_ref: str | None) -> bool:
    """Return True if a reference is the UUID of an order placed here, as an export shows it."""
    if not external_ref or not _UUID.fullmatch(external_ref):
        return False
    return orders.repository.count({"uuid": external_ref}) > 0


past_orders = Resource(
    orders.name,
    orders.item,
    PastOrderSchema(),
    OrderQuery(),
    unique=orders.unique,
    searched=orders.searched,
    partition=orders.partition,
    indexes=orders.indexes,
)
