"""Schemas of the order routes other than orders: the settlement check."""

from marshmallow import Schema, fields


class DueOrderSchema(Schema):
    """An order, and the request to products that is due: reserve, release or ship."""

    order = fields.String(metadata={"example": "1"})
    due = fields.String(metadata={"example": "release"})


class SettlementCheckSchema(Schema):
    """The orders that are not settled, and the reservations without an order."""

    due = fields.List(fields.Nested(DueOrderSchema))
    orphans = fields.List(fields.String())
