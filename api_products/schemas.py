"""What routes of products take and give, besides products."""

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates

from api_products.images import model
from api_products.resource import ThumbnailSchema
from api_products.stock import reservations
from shared.endpoints.document_checks import KindSchema
from shared.schema.fields import Money, Ref, Text, Timestamp, Whole
from shared.schema.query import Query

MAX_LINES = 1000  # of a reservation
MAX_QUANTITY = 1_000_000

# Reasons that nobody else gives.
_OURS = ("created", "edited", "ordered", "released", "counted", "reconciled")


class LedgerQuery(Query):
    """Which page of a ledger."""

    class Meta:
        """A ledger has one order, and is not narrowed."""

        exclude = ("cursor", "deleted", "facets", "ordering", "q", "shown")


class StockChangeSchema(Schema):
    """By how many a stock changes, and why."""

    change = Whole(-MAX_QUANTITY, MAX_QUANTITY, required=True, metadata={"example": -3})
    reason = Text(
        200,
        required=True,
        validate=validate.NoneOf(_OURS, error="Is said by Vitrine."),
        metadata={"example": "damaged"},
    )

    @validates("change")
    def _check(self, change: int, **_: Any) -> None:
        if change == 0:
            raise ValidationError("Changes nothing.")


class WantedSchema(Schema):
    """So many of a product."""

    product_id = Ref(required=True)
    quantity = Whole(1, MAX_QUANTITY, required=True)


class ReservingSchema(Schema):
    """What an order wants."""

    lines = fields.List(
        fields.Nested(WantedSchema),
        required=True,
        validate=validate.Length(1, MAX_LINES),
        metadata={"example": [{"product_id": 1, "quantity": 2}]},
    )


class EntrySchema(Schema):
    """One change of a stock, and what was there after it."""

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
    items = fields.List(fields.Nested(EntrySchema))
    page = fields.Integer()
    per = fields.Integer()
    total = fields.Integer()


class ReservedLineSchema(Schema):
    """A product as it was when it was reserved."""

    product_id = Ref()
    quantity = fields.Integer()
    name = fields.String(allow_none=True)
    sku = fields.String(allow_none=True)
    unit_price = Money(allow_none=True)
    currency = fields.String(allow_none=True)


class ReservationSchema(Schema):
    """What an order holds, or held."""

    id = fields.UUID()
    state = fields.String(validate=validate.OneOf(reservations.STATES))
    lines = fields.List(fields.Nested(ReservedLineSchema))


class HeldSchema(Schema):
    """The ids of reservations."""

    items = fields.List(fields.UUID())


class DriftSchema(Schema):
    """A product whose stock is not what its ledger says."""

    product_id = Ref()
    name = fields.String(allow_none=True)
    stock = fields.Raw()
    ledger = fields.Raw()


class DriftsSchema(Schema):
    """The stocks that are not what the ledger says, and those left so."""

    drift = fields.List(fields.Nested(DriftSchema))
    left = fields.List(fields.Nested(DriftSchema), metadata={"optional": True})


def _check_once(numbers: Sequence[int]) -> None:
    if len(set(numbers)) < len(numbers):
        raise ValidationError("Names an image twice.")


class OrderSchema(Schema):
    """The numbers of images in the order to bring them into."""

    order = fields.List(
        Whole(1),
        required=True,
        validate=[validate.Length(1, 1000), _check_once],
        metadata={"example": [3, 1, 2]},
    )


class ImageChangeSchema(Schema):
    """What may be changed of an image."""

    alt = Text(500, allow_none=True, metadata={"example": "A blue teapot"})
    main = fields.Boolean()


class SchemaChangeSchema(Schema):
    """What some categories ask for now, and are to ask for."""

    categories = fields.List(fields.String(), required=True)
    before = fields.Dict(required=True)
    after = fields.Dict(required=True)


class SchemaChangesSchema(Schema):
    """Changes of attribute schemas, in a category and below it."""

    category = fields.String(required=True, metadata={"example": "kitchen"})
    changes = fields.List(
        fields.Nested(SchemaChangeSchema),
        required=True,
        metadata={
            "example": [
                {"categories": ["tea"], "before": {}, "after": {"color": {"required": True}}}
            ]
        },
    )


class ImageSchema(Schema):
    """An image of a product, whatever has become of it."""

    id = Whole(1)
    state = fields.String(validate=validate.OneOf((*model.WAITING, "ready", "failed")))
    reason = fields.String(allow_none=True)
    sha256 = fields.String()
    width = Whole(1)
    height = Whole(1)
    color = fields.String(allow_none=True)
    alt = fields.String(allow_none=True)
    thumbnails = fields.Dict(fields.String(), fields.Nested(ThumbnailSchema), allow_none=True)


class ImagesSchema(Schema):
    """The images of a product, the main one first."""

    items = fields.List(fields.Nested(ImageSchema))


class QueuedSchema(Schema):
    """A job that was queued, and whom it will tell."""

    job = fields.String()
    state = fields.String(metadata={"example": "queued"})
    to = fields.List(fields.String())


class LeftSchema(Schema):
    """How many categories have moved whose products do not follow yet."""

    left = fields.Integer(metadata={"example": 0})


class FilesSchema(Schema):
    """What is not as it should be among files and images."""

    orphans = fields.Nested(KindSchema)
    missing = fields.Nested(KindSchema)
    lost = fields.Nested(KindSchema)
    stuck = fields.Nested(KindSchema)


class PlacesSchema(Schema):
    """What is not as it should be among the categories of products."""

    astray = fields.Nested(KindSchema)
    misplaced = fields.Nested(KindSchema)
