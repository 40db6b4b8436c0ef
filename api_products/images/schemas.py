"""Schemas of the image routes: an image, a gallery, and their changes."""

from collections.abc import Sequence

from marshmallow import Schema, ValidationError, fields, validate

from api_products.images.model import WAITING_STATES
from api_products.resource import ThumbnailSchema
from shared.schema import Text, Whole

STATES = (*WAITING_STATES, "ready", "failed")


class ImageSchema(Schema):
    """An image of a product, in any state."""

    id = Whole(1)
    state = fields.String(
        validate=validate.OneOf(STATES),
        metadata={"component": "ImageState"},
    )
    reason = fields.String(allow_none=True)
    url = fields.String(allow_none=True, metadata={"example": "https://shop.example/kettle.jpg"})
    sha256 = fields.String(allow_none=True)
    width = Whole(1, allow_none=True)
    height = Whole(1, allow_none=True)
    color = fields.String(allow_none=True)
    alt = fields.String(allow_none=True)
    thumbnails = fields.Dict(fields.String(), fields.Nested(ThumbnailSchema), allow_none=True)


class GallerySchema(Schema):
    """The images of a product, the main one first."""

    items = fields.List(fields.Nested(ImageSchema))


class ImageOfProductSchema(ImageSchema):
    """An image, and the id of its product, or the slug if the id is not valid."""

    product = fields.String(metadata={"example": "1"})


class ImagesOfProductsSchema(Schema):
    """Images of several products, and the cursor of the next ones."""

    items = fields.List(fields.Nested(ImageOfProductSchema))
    next_cursor = fields.String(allow_none=True)


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
