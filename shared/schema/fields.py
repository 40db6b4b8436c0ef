"""Marshmallow fields for values with rules of their own.

Dumping never fails: a document edited by hand may hold anything, and is shown as it is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bson import Decimal128, ObjectId
from marshmallow import ValidationError, fields, validate

from shared.http.json import MAX_WHOLE, plain_number
from shared.schema.attribute_rules import ATTRIBUTE_NAME
from shared.schema.slugs import MAX_SLUG, RESERVED, SLUG

MAX_MONEY = Decimal(10) ** 10
MAX_ATTRIBUTES = 100
MAX_EMAIL = 254  # RFC 5321
MAX_ATTRIBUTE_TEXT = 10_000

MAX_ATTRIBUTE_LIST = 100

_AMOUNT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d", re.ASCII)
_REF = re.compile(r"[1-9]\d{0,14}|[0-9a-fA-F]{24}", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)


def as_stored(
    field: fields.Field[Any], value: Any, attr: str | None, obj: Any, **kwargs: Any
) -> Any:
    """Show a value as it is: what ``_serialize`` is for a field whose values JSON has."""
    return value


class Id(fields.Field[Any]):
    """The id: an integer from 1, or 24 hexadecimal digits for a document made by hand."""

    def __init__(self) -> None:
        super().__init__(attribute="_id", dump_only=True, metadata={"example": 1})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            return int(value)  # As a hand edit may have left it.
        return str(value) if isinstance(value, ObjectId) else value


class Ref(fields.Field[Any]):
    """The id of an item of another service: an integer from 1, or 24 hexadecimal digits."""

    default_error_messages = {"invalid": "Not an id such as 1."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | str:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WHOLE:
            return value
        if isinstance(value, str) and _REF.fullmatch(value):
            return int(value) if len(value) < 24 else value.lower()
        raise self.make_error("invalid")

    _serialize = as_stored


class Text(fields.String):
    """A text of 1 to ``longest`` characters that is not all blank, kept exactly as sent."""

    default_error_messages = {
        "blank": "Is blank.",
        "long": "Has more than {longest} characters.",
    }

    def __init__(self, longest: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > self.longest:
            raise self.make_error("long", longest=self.longest)
        if not text.strip():
            raise self.make_error("blank")
        return text

    _serialize = as_stored


class Plain(fields.String):
    """A text of any length, also an empty one."""

    _serialize = as_stored


class Slug(Text):
    """Lowercase ASCII words joined by hyphens, neither only digits nor reserved."""

    default_error_messages = {
        "invalid_slug": "Use lowercase letters and digits joined by single hyphens.",
        "digits": "Has only digits, which would read as an id.",
        "reserved": "Is the address of something else.",
    }

    def __init__(self, **kwargs: Any):
        super().__init__(MAX_SLUG, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        slug = super()._deserialize(value, attr, data, **kwargs)
        if not SLUG.fullmatch(slug):
            raise self.make_error("invalid_slug")
        if slug.isdigit():
            raise self.make_error("digits")
        if slug in RESERVED:
            raise self.make_error("reserved")
        return slug


class Whole(fields.Integer):
    """A whole number from ``low`` to ``high``; a text of digits counts when not ``strict``."""

    def __init__(
        self, low: int = -MAX_WHOLE, high: int = MAX_WHOLE, strict: bool = True, **kwargs: Any
    ):
        super().__init__(strict=strict, validate=validate.Range(low, high), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and not _WHOLE.fullmatch(value.strip()):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)

    _serialize = as_stored


class Flag(fields.Boolean):
    """True or false as a query parameter; 1 and 0 as well."""

    truthy = {"true", "1"}
    falsy = {"false", "0"}
    default_error_messages = {"invalid": "Is true or false."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        text = value.lower() if isinstance(value, str) else value
        return super()._deserialize(text, attr, data, **kwargs)


class Money(fields.Field[Any]):
    """An amount: a number or decimal string in, Decimal128 in the database, a number out.

    Not negative, below 10,000,000,000, with at most four decimals, so that it is exact as a
    double and so as a JSON number.
    """

    default_error_messages = {
        "invalid": "Not an amount such as 12.50.",
        "range": "Must be from 0 to less than 10,000,000,000.",
        "decimals": "Has more than four decimals.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal128:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self.make_error("invalid")
        text = str(value).strip()
        if not _AMOUNT.fullmatch(text):
            raise self.make_error("invalid")
        amount = Decimal(text)
        if not 0 <= amount < MAX_MONEY:
            raise self.make_error("range")
        exact = amount.quantize(Decimal("0.0001"))
        if exact != amount:
            raise self.make_error("decimals")
        cents = amount.quantize(Decimal("0.01"))
        return Decimal128(abs(cents if cents == exact else exact))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Decimal128):
            return value
        return plain_number(value)


class Timestamp(fields.Field[Any]):
    """A moment kept by the service: ISO 8601 in UTC with milliseconds."""

    def __init__(self) -> None:
        super().__init__(dump_only=True, metadata={"example": "2026-01-31T09:30:00.000Z"})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return timestamp(value)


class Revision(fields.Raw):
    """How often an item was written, which the service counts."""

    def __init__(self) -> None:
        super().__init__(dump_only=True, metadata={"example": 1, "shown": fields.Integer()})


def timestamp(value: Any) -> Any:
    """Return a moment as ISO 8601 in UTC with milliseconds, and anything else as it is."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Moment(fields.Field[Any]):
    """A moment as ISO 8601, in UTC unless it says otherwise; a mere day is its first moment.

    With ``end``, a mere day is its last millisecond, so that a range holds the days it names.
    """

    default_error_messages = {"invalid": "Not a day or moment such as 2026-01-31 or {example}."}

    def __init__(self, end: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.end = end

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        text = value.strip() if isinstance(value, str) and value.isascii() else ""
        try:
            found = datetime.fromisoformat(text)
            moment = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
            if self.end and _DAY.fullmatch(text):
                moment += timedelta(days=1, milliseconds=-1)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid", example="2026-01-31T09:30:00Z") from error
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return timestamp(value)


class Birthday(Text):
    """A day in the past, as "29/10/2001" or "2001-10-29", kept as it was written."""

    default_error_messages = {"invalid_day": "Not a day such as 29/10/2001 or 2001-10-29."}

    def __init__(self, **kwargs: Any):
        super().__init__(10, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        pattern = "%d/%m/%Y" if "/" in text else "%Y-%m-%d"
        try:
            day = datetime.strptime(text, pattern).date()
        except ValueError as error:
            raise self.make_error("invalid_day") from error
        if len(text) != 10 or not text.isascii() or day > date.today():
            raise self.make_error("invalid_day")
        return text


class Email(fields.Email):
    """An email address, kept in lowercase, so that one address is one value."""

    def __init__(self, **kwargs: Any):
        super().__init__(validate=validate.Length(max=MAX_EMAIL), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        return text.strip().lower()

    _serialize = as_stored


class Attributes(fields.Field[Any]):
    """An object of named texts, numbers, booleans, or lists of these.

    Names have 1 to 64 characters, none of them ``.``, ``$`` or NUL.
    """

    default_error_messages = {"invalid": "Not an object of attributes."}

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self.make_error("invalid")
        errors = {name: [wrong] for name, each in value.items() if (wrong := _wrong(name, each))}
        if len(value) > MAX_ATTRIBUTES:
            errors["_schema"] = [f"Has more than {MAX_ATTRIBUTES} attributes."]
        if errors:
            raise ValidationError(errors)
        return {name: each for name, each in value.items() if each is not None}

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return {} if value is None else value


def _wrong(name: str, value: Any) -> str:
    """Say what is wrong with an attribute, if anything."""
    if not ATTRIBUTE_NAME.fullmatch(name) or name.endswith(("__gte", "__lte")):
        return (
            "A name has 1 to 64 characters, no outer blanks, no . or $, "
            "and does not end in __gte or __lte."
        )
    if isinstance(value, list) and len(value) > MAX_ATTRIBUTE_LIST:
        return f"Has more than {MAX_ATTRIBUTE_LIST} values."
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, (dict, list)):
            return "Not a text, number, boolean or list of these."
        if isinstance(each, str) and len(each) > MAX_ATTRIBUTE_TEXT:
            return f"Has more than {MAX_ATTRIBUTE_TEXT} characters."
        if isinstance(each, int) and abs(each) > MAX_WHOLE:
            return f"Is beyond the whole numbers JSON keeps exact ({MAX_WHOLE})."
        if isinstance(each, float) and abs(each) > 1e300:
            return "Is too large."
    return ""
