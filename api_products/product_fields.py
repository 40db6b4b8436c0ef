"""Marshmallow fields of a product: trade item numbers, tags, photos, options and weights."""

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from api_products.images.model import images_of
from api_products.images.sources import MAX_PHOTOS, clean_url, photos_to_json
from shared.schema import Key, Money, Plain, Text
from shared.schema.fields import Members, as_stored

MAX_TAGS = 100  # of one product
MAX_TAG = 100  # characters
MAX_OPTIONS = 10  # of one product
MAX_OPTION = 100  # characters of the name of an option, and of its value

_GTIN = re.compile(r"\d{8}|\d{12,14}", re.ASCII)


class Gtin(Key):
    """A Global Trade Item Number (EAN, UPC, ISBN-13): a text, because leading zeros count.

    It has 8, 12, 13 or 14 digits, of which the last one is the check digit.
    """

    default_error_messages = {
        "digits": "Is not a GTIN; send a text of 8, 12, 13 or 14 digits.",
        "check": "Is not a GTIN: the last digit of {number} would be {right}; check the digits.",
    }

    def __init__(self, **kwargs: Any):
        super().__init__(14, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        if not _GTIN.fullmatch(number):
            raise self.make_error("digits")
        if number[-1] != (right := _check_digit(number[:-1])):
            raise self.make_error("check", number=number, right=right)
        return number


def _check_digit(digits: str) -> str:
    """Return the check digit of GS1 for the other digits of a number."""
    # From the right, the digits weigh 3, 1, 3, 1 and so on.
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


class Tags(fields.List[Any]):
    """A list of texts, each of them once."""

    default_error_messages = {"invalid": 'Is not a list; send one such as ["sale", "new"].'}

    def __init__(self, **kwargs: Any):
        most = validate.Length(max=MAX_TAGS, error="Has more than {max} tags; send fewer.")
        super().__init__(Text(MAX_TAG), validate=most, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        tags = super()._deserialize(value, attr, data, **kwargs)
        return list(dict.fromkeys(tags))

    _serialize = as_stored


class PhotoUrl(Plain):
    """The URL of a photo, of http or https and without a password."""

    def __init__(self, **kwargs: Any):
        super().__init__(lines=False, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return clean_url(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class PhotoSchema(Schema):
    """A photo by URL, and the text for readers who do not see it."""

    url = PhotoUrl(required=True, metadata={"example": "https://shop.example/kettle.jpg"})
    alt = Text(500, allow_none=True, metadata={"example": "A blue kettle"})


class PhotoUrls(fields.List[Any]):
    """The photos that a product has by URL: objects, or texts if there is nothing but the URL.

    They are stored among the images of the product, and shown from there.
    """

    default_error_messages = {
        "invalid": 'Is not a list; send one such as ["https://shop.example/kettle.jpg"].'
    }

    def __init__(self, most: int = MAX_PHOTOS, **kwargs: Any):
        length = validate.Length(max=most, error="Has more than {max} photos; send fewer.")
        super().__init__(fields.Nested(PhotoSchema), validate=length, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            value = [{"url": photo} if isinstance(photo, str) else photo for photo in value]
        return super()._deserialize(value, attr, data, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[Any]:
        return photos_to_json(images_of(obj))


class Options(Members):
    """The options of a variant: an object of texts, such as ``{"Size": "L"}``."""

    default_error_messages = {"invalid": 'Is not an object; send one such as {{"Size": "L"}}.'}

    def __init__(self, **kwargs: Any):
        most = validate.Length(max=MAX_OPTIONS, error="Has more than {max} options; send fewer.")
        # MongoDB reads a name that begins with $ as an operator.
        name = validate.Regexp(r"[^$\0][^\0]*\Z", error="Begins with $ or has NUL; rename it.")
        super().__init__(Key(MAX_OPTION, validate=name), Text(MAX_OPTION), validate=most, **kwargs)

    _serialize = as_stored


class Grams(Money):
    """A weight in grams, with four decimals at most: as exact as an amount of money."""

    default_error_messages = {
        "invalid": "Is not a weight; send grams, such as 250 or 12.5.",
        "range": "Is out of range; send grams: 0 or more, and less than 10,000,000,000.",
    }
