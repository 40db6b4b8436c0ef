"""Schemas of the image routes: an image, a gallery, and their changes."""

from collections.abc import Sequence

from marshmallow import Schema, ValidationError, fields, validate

from api_products.images.model import WAITING_STATES
from api_products.resource import ThumbnailSchema
from shared.schema import Text, Whole


class ImageSchema(Schema):
    """An image of a product, in any state."""

    id = Whole(1)
    state = fields.String(validate=validate.OneOf((*WAITING_STATES, "ready", "failed")))
    reason = fields.String(allow_none=True)
    sha256 = fields.String()
    width = Whole(1)
    height = Whole(1)
    color = fields.String(allow_none=True)
    alt = fields.String(allow_none=True)
    thumbnails = fields.Dict(fields.String(), fields.Nested(ThumbnailSchema), allow_none=True)


class GallerySchema(Schema):
    """The images of a product, the main one first."""

    items = fields.List(fields.Nested(ImageSchema))


class ImageChangeSchema(Schema):
    """The values of an image that clients may change."""

    alt = Text(500, allow_none=True, metadata={"example": "A blue teapot"})
    main = fields.Boolean()


def _check_distinct(numbers: Sequence[int]) -> None:
    if len(set(numbers)) < len(numbers):
        raise ValidationError("Names an image twice. Send each number once.")


class ImageOrderSchema(Schema):
    """Image numbers in the order to show the images in."""

    order = fields.List(
        Whole(1),
        required=True,
        validate=[validate.Length(1, 1000), _check_distinct],
        metadata={"example": [3, 1, 2]},
    )
