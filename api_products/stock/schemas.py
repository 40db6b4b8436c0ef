"""Schemas of the stock routes: the ledger, reservations and the stock check."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates

from api_products.stock import reservations
from shared.schema import Money, Query, Ref, Text, Timestamp, Whole
from shared.schema.text import fold

MAX_LINES = 2000  # lines of a reservation
MAX_QUANTITY = 1_000_000

# Reasons of changes that Vitrine makes itself.
_RESERVED_REASONS = ("created", "edited", "ordered", "released", "counted", "reconciled")


def _check_reason(reason: str) -> None:
    """Refuse a reason that reads like one of Vitrine's own."""
    if fold(reason) in _RESERVED_REASONS:
        raise ValidationError("Is reserved for Vitrine. Send another reason.")


class LedgerQuery(Query):
    """Query of a ledger: its page."""

    class Meta:
        """A ledger has one order and no filters."""

        exclude = ("cursor", "deleted", "facets", "ordering", "q", "shown")


class StockChangeSchema(Schema):
    """A change of a stock: by how many, and the reason."""

    change = Whole(-MAX_QUANTITY, MAX_QUANTITY, required=True, metadata={"example": -3})
    reason = Text(
        200,
        required=True,
        validate=_check_reason,
        metadata={"example": "damaged"},
    )

    @validates("change")
    def _check_not_zero(self, change: int, **_: Any) -> None:
        if change == 0:
            raise ValidationError("Is 0. Send how many to add, or a negative number to subtract.")


class LedgerEntrySchema(Schema):
    """One change of a stock, and the stock after it."""

    change = fields.Integer(allow_none=True)
    stock = fields.Integer(allow_none=True)
    reason = fields.String(allow_none=True, metadata={"example": "ordered"})
    order = fields.String(allow_none=True)
    revision = fields.Integer(allow_none=True)
    request_id = fields.String(allow_none=True)
    at = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})


class LedgerSchema(Schema):
    """A page of the changes of a stock, the latest first."""

    stock = fields.Integer(allow_none=True)
    items = fields.List(fields.Nested(LedgerEntrySchema))
    page = fields.Integer()
    per = fields.Integer()
    total = fields.Integer()


class ReservationLineSchema(Schema):
    """A product to reserve, and how many of it."""

    product_id = Ref(required=True)
    quantity = Whole(1, MAX_QUANTITY, required=True)


class ReservationRequestSchema(Schema):
    """The products that an order wants."""

    lines = fields.List(
        fields.Nested(ReservationLineSchema),
        required=True,
        validate=validate.Length(1, MAX_LINES),
        metadata={"example": [{"product_id": 1, "quantity": 2}]},
    )


class ReservedLineSchema(Schema):
    """A product as it was when it was reserved."""

    product_id = Ref()
    quantity = fields.Integer()
    name = fields.String(allow_none=True)
    sku = fields.String(allow_none=True)
    unit_price = Money(allow_none=True)
    currency = fields.String(allow_none=True)


class ReservationSchema(Schema):
    """The stock that an order holds, or held."""

    id = fields.UUID()
    state = fields.String(
        validate=validate.OneOf(reservations.STATES), metadata={"component": "ReservationState"}
    )
    lines = fields.List(fields.Nested(ReservedLineSchema))


class HeldReservationsSchema(Schema):
    """The ids of reservations that hold stock."""

    items = fields.List(fields.UUID())


class StockDriftSchema(Schema):
    """A product whose stock differs from the sum of its ledger."""

    product_id = Ref()
    name = fields.String(allow_none=True)
    stock = fields.Raw()
    ledger = fields.Raw()


class StockCheckSchema(Schema):
    """The stocks that differ from their ledger, and those that differ after the repair."""

    drift = fields.List(fields.Nested(StockDriftSchema))
    left = fields.List(fields.Nested(StockDriftSchema), metadata={"optional": True})
