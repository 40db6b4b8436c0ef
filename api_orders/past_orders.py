"""Past orders, imported from another shop: stored as they were, without a change of stocks."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bson import Decimal128
from marshmallow import Schema, ValidationError, fields, post_load, validate
from marshmallow.experimental.context import Context

from api_orders import line_kinds, states
from api_orders.placement import totals
from api_orders.pricing import line_total, rounding
from api_orders.resource import MAX_LINES, MAX_QUANTITY, OrderQuery, orders
from shared.resource import Resource
from shared.schema import Currency, Key, Moment, Money, Ref, Text, Whole
from shared.storage.connections import settings

# The states in which an order may be imported.  An open one holds no stock.
PAST_STATES = (
    *(states.PLACED, states.PAID, states.SHIPPED),
    *(states.DELIVERED, states.CANCELLED, states.RETURNED),
)
_ONE_DAY = timedelta(days=1)
_OTHER_ORDER = (
    "Is the reference of another order, which is stored already: of another day, or of another "
    "client in another currency. Send the orders of each shop with references of their own, such "
    "as SHOP:1001; `vitrine import` makes them with --source SHOP."
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _check_past(placed_at: datetime) -> None:
    """Refuse a day that is still to come; clocks and time zones may differ by a day."""
    if placed_at > datetime.now(UTC) + _ONE_DAY:
        raise ValidationError(f"Is in the future: {placed_at:%Y-%m-%d}. Send the day of the order.")


class PastOrderLineSchema(Schema):
    """A line of a past order; a return has a negative quantity, a correction a negative price.

    The ``total`` is the quantity times the unit price, but for what the price rounds away.
    """

    kind = fields.String(
        load_default=line_kinds.PRODUCT,
        validate=validate.OneOf(line_kinds.KINDS),
        metadata={"component": "OrderLineKind"},
    )
    product_id = Ref(allow_none=True)
    sku = Key(64, allow_none=True)
    name = Text(allow_none=True)
    quantity = Whole(-MAX_QUANTITY, MAX_QUANTITY, required=True)
    unit_price = Money(signed=True, required=True)
    discount = Money(allow_none=True)
    total = Money(signed=True, allow_none=True)

    @post_load
    def _add_total(self, line: dict[str, Any], **_: Any) -> dict[str, Any]:
        quantity, price = line["quantity"], line["unit_price"].to_decimal()
        if quantity == 0:
            message = "Is 0. Send how many were sold, or a negative number for a return."
            raise ValidationError({"quantity": [message]})
        if fault := line_kinds.fault(line["kind"], line, price):
            raise ValidationError({fault[0]: [fault[1]]})
        discount = line["discount"].to_decimal() if line.get("discount") else Decimal(0)
        if discount > 1:
            raise ValidationError({"discount": ["Is a fraction: send 0.25 for 25 %."]})
        total = line_total(price, quantity, discount)
        if sent := line.get("total"):
            if abs(sent.to_decimal() - total) > rounding(quantity):
                message = (
                    f"Is not the quantity times the unit price: send {total}, or leave it out."
                )
                raise ValidationError({"total": [message]})
            total = sent.to_decimal()
        stored = {name: value for name, value in line.items() if value is not None}
        if stored["kind"] == line_kinds.PRODUCT:
            del stored["kind"]
        return stored | {"total": Decimal128(total)}


class PastOrderSchema(Schema):
    """A past order: over, still open, or a return with negative quantities."""

    external_ref = Key(200, required=True, metadata={"example": "2019-0042"})
    placed_at = Moment(
        required=True, validate=_check_past, metadata={"example": "2019-03-01T10:00:00Z"}
    )
    status = fields.String(
        load_default=states.DELIVERED,
        validate=validate.OneOf(PAST_STATES),
        metadata={"component": "PastOrderStatus"},
    )
    client_id = Ref(allow_none=True)
    note = Text(2000, lines=True, allow_none=True)
    currency = Currency(allow_none=True)
    included_tax = Money(
        signed=True,
        allow_none=True,
        metadata={"description": "The tax that the prices contain, if no line is of that kind."},
    )
    items = fields.List(
        fields.Nested(PastOrderLineSchema),
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
        if _is_other(stored, order):
            raise ValidationError({"external_ref": [_OTHER_ORDER]})
        sums = totals(changed["items"])
        is_return = sums["units"] < 0 or sums["total"].to_decimal() < 0
        if changed["status"] == states.RETURNED and not is_return:
            message = "Are not negative. Send negative quantities for a return."
            raise ValidationError({"items": [message]})
        if not stored and (default := settings().currency):
            order.setdefault("currency", default)
        return order | sums | {"history": _history(stored, changed)}


def _is_other(stored: dict[str, Any], order: dict[str, Any]) -> bool:
    """Return True if an order is not the stored one with its number: shops count from 1 alike.

    The day of an order stays, even if another export has its time in another time zone.  On the
    same days, an order of another client in another currency is another one.
    """
    before, now = stored.get("placed_at"), order.get("placed_at")
    if isinstance(before, datetime) and isinstance(now, datetime) and abs(now - before) > _ONE_DAY:
        return True
    names = ("client_id", "currency")
    pairs = [(stored.get(name), order.get(name)) for name in names]
    return all(None not in pair and pair[0] != pair[1] for pair in pairs)


def _history(stored: dict[str, Any], changed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the history of a past order: its one state, unless it was moved on here.

    Raises:
        ValidationError: It was moved on here, and is sent with another state.
    """
    steps = stored.get("history")
    if not isinstance(steps, list) or len(steps) < 2:
        return [{"status": changed["status"], "at": changed["placed_at"]}]
    if stored.get("status") != changed["status"]:
        message = (
            f"Is {changed['status']}, and since its import the order became {stored.get('status')} "
            "here. Leave the order out, or send that."
        )
        raise ValidationError({"status": [message]})
    return steps


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
