"""Orders of the past, from another shop's books: stored as they were, touching no stock."""

import re
from decimal import Decimal
from typing import Any

from bson import Decimal128
from marshmallow import Schema, ValidationError, fields, post_load, validate
from marshmallow.experimental.context import Context

from api_orders.placement import sums
from api_orders.pricing import line_total
from api_orders.resource import MAX_LINES, MAX_QUANTITY, OrderQuery, orders
from api_orders.states import CANCELLED, DELIVERED, RETURNED
from shared.resource import Resource
from shared.schema.fields import Moment, Money, Ref, Text, Whole

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class HistoricLineSchema(Schema):
    """A line with the price it had; what came back has a negative quantity."""

    product_id = Ref(allow_none=True)
    sku = Text(64, allow_none=True)
    name = Text(200, allow_none=True)
    quantity = Whole(-MAX_QUANTITY, MAX_QUANTITY, required=True)
    unit_price = Money(required=True)
    discount = Money(allow_none=True)

    @post_load
    def _add_up(self, line: dict[str, Any], **_: Any) -> dict[str, Any]:
        if line["quantity"] == 0:
            raise ValidationError({"quantity": ["Is none at all."]})
        discount = line["discount"].to_decimal() if line.get("discount") else Decimal(0)
        if discount > 1:
            raise ValidationError({"discount": ["Is a fraction: 0.25 for a quarter."]})
        price = line["unit_price"].to_decimal()
        kept = {name: value for name, value in line.items() if value is not None}
        return kept | {"total": Decimal128(line_total(price, line["quantity"], discount))}


class HistoricOrderSchema(Schema):
    """An order that is over: delivered, cancelled, or a return of negative quantities."""

    external_ref = Text(200, required=True, metadata={"example": "2019-0042"})
    placed_at = Moment(required=True, metadata={"example": "2019-03-01T10:00:00Z"})
    status = fields.String(
        load_default=DELIVERED, validate=validate.OneOf((DELIVERED, CANCELLED, RETURNED))
    )
    client_id = Ref(allow_none=True)
    note = Text(2000, allow_none=True)
    currency = fields.String(
        allow_none=True,
        validate=validate.Regexp(r"[A-Z]{3}\Z", error="Not a code such as EUR (ISO 4217)."),
    )
    items = fields.List(
        fields.Nested(HistoricLineSchema),
        required=True,
        validate=validate.Length(1, MAX_LINES),
        metadata={"example": [{"name": "Teapot", "quantity": 2, "unit_price": 12.5}]},
    )

    @post_load
    def _complete(self, order: dict[str, Any], **_: Any) -> dict[str, Any]:
        stored = Context[dict[str, Any]].get()["stored"]
        if stored.get("uuid") or _is_ours(order.get("external_ref")):
            raise ValidationError({"external_ref": ["Is that of an order placed here."]})
        after = stored | order
        total = sums(after["items"])
        if after["status"] == RETURNED and total["units"] >= 0:
            raise ValidationError({"items": ["Are not negative, as those of a return are."]})
        steps = [{"status": after["status"], "at": after["placed_at"]}]
        return order | total | {"history": steps}


def _is_ours(ref: str | None) -> bool:
    """Whether an order that was placed here is exported under this reference."""
    if not ref or not _UUID.fullmatch(ref):
        return False
    return orders.repository.count({"uuid": ref}) > 0


history = Resource(
    orders.name,
    orders.item,
    HistoricOrderSchema(),
    OrderQuery(),
    unique=orders.unique,
    searched=orders.searched,
    partition=orders.partition,
    indexes=orders.indexes,
)
