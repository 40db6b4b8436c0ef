"""Marshmallow fields: ids, texts, slugs, numbers, money, moments and attributes.

Dumping never fails: a document edited by hand may hold any value, and the value is shown as it is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bson import Decimal128, ObjectId
from marshmallow import ValidationError, fields, validate

from shared.http.json import MAX_WHOLE, plain_number
from shared.schema.attribute_rules import ATTRIBUTE_NAME, INVALID_ATTRIBUTE_NAME
from shared.schema.html_text import text_of
from shared.schema.slugs import MAX_SLUG, RESERVED, SLUG, as_slug
from shared.schema.text import clean, clean_key, refused_in

MAX_NAME = 255  # characters
MAX_MONEY = Decimal(10) ** 10
MAX_EMAIL = 254  # characters (RFC 5321)
MAX_NAMES = 100  # in one query parameter
MAX_ATTRIBUTES = 100  # of one item
MAX_ATTRIBUTE_TEXT = 10_000  # characters
MAX_ATTRIBUTE_LIST = 100  # values of one attribute
MAX_ATTRIBUTE_NUMBER = 1e300

# The validator of texts that have the form of a slug.
IS_SLUG = validate.Regexp(
    rf"{SLUG.pattern}\Z",
    error="Is not a slug; send lowercase letters and digits joined by hyphens.",
)

_AMOUNT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d", re.ASCII)
_REF = re.compile(r"[1-9]\d{0,14}|[0-9a-fA-F]{24}", re.ASCII)
_WHOLE = re.compile(r"(-?\d{1,20})(?:\.0{1,20})?", re.ASCII)


def as_stored(
    field: fields.Field[Any], value: Any, attr: str | None, obj: Any, **kwargs: Any
) -> Any:
    """Return a stored value unchanged: the ``_serialize`` of fields whose values JSON has."""
    return value


MAX_SHOWN = 60  # characters of a value in a message


class _Messages:
    """Error messages that replace marshmallow's own: the mistake, then what to send."""

    default_error_messages: dict[str, str | list[Any] | dict[Any, Any]] = {
        "required": "Is missing; send a value.",
        "null": "Is null; send a value.",
    }


def whole(value: Any) -> Any:
    """Return a whole number that JSON writes with a fraction, 5.0, as an int; others unchanged."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Id(fields.Field[Any]):
    """The id of an item: an integer from 1, or 24 hexadecimal digits if it was made by hand."""

    def __init__(self) -> None:
        super().__init__(attribute="_id", dump_only=True, metadata={"example": 1})

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        value = whole(value)  # An edit by hand may leave a float.
        return str(value) if isinstance(value, ObjectId) else value


class Ref(_Messages, fields.Field[Any]):
    """The id of an item of another service: an integer from 1, or 24 hexadecimal digits."""

    default_error_messages = {"invalid": "Is not an id; send one such as 1."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | str:
        value = clean_key(value) if isinstance(value, str) else whole(value)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WHOLE:
            return value
        if isinstance(value, str) and _REF.fullmatch(value):
            return int(value) if len(value) < 24 else value.lower()
        raise self.make_error("invalid")

    _serialize = as_stored


class Plain(_Messages, fields.String):
    """A text of any length and any number of lines, even an empty one, in NFC and trimmed."""

    default_error_messages = {
        "invalid": "Is not a text; send a JSON string.",
        "control": "Contains {place}; remove it.",
    }

    def __init__(self, lines: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.lines = lines

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = self._clean(super()._deserialize(value, attr, data, **kwargs))
        if place := refused_in(text, self.lines):
            raise self.make_error("control", place=place)
        return text

    def _clean(self, text: str) -> str:
        return clean(text)

    _serialize = as_stored


class TextOf(fields.Raw):
    """The text of another field that may hold HTML, in answers that ``fields=`` asks for it."""

    def __init__(self, source: str):
        self.source = source
        super().__init__(
            dump_only=True,
            metadata={
                "on_request": True,
                "reads": (source,),
                "shown": fields.String(allow_none=True),
                "optional": True,
                "instead": f"send {source}",
                "description": f"The text of `{source}` without HTML; only if `fields` names it.",
            },
        )

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        text = obj.get(self.source)
        return text_of(text) if isinstance(text, str) else text


class Text(Plain):
    """A text of 1 to ``longest`` characters, not only blanks, in NFC and trimmed.

    It has one line, as names have, unless ``lines``.
    """

    default_error_messages = {
        "blank": "Is blank; send some text.",
        "long": "Has more than {longest} characters; send a shorter text.",
    }

    def __init__(self, longest: int = MAX_NAME, lines: bool = False, **kwargs: Any):
        super().__init__(lines, **kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if len(text) > self.longest:
            raise self.make_error("long", longest=self.longest)
        if not text:
            raise self.make_error("blank")
        return text


class Key(Text):
    """A text that identifies an item, such as an SKU: no two keys differ by what is invisible."""

    def _clean(self, text: str) -> str:
        return clean_key(text)


class Names(_Messages, fields.Field[Any]):
    """A query parameter with several names between commas: each once, in the order sent."""

    default_error_messages = {"many": "Has {count} names; send at most {most}."}

    def __init__(self, metadata: Mapping[str, Any] | None = None):
        super().__init__(metadata={**(metadata or {}), "joined": True})

    def _deserialize(
        self, value: str, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(filter(None, map(clean_key, value.split(",")))))
        if len(names) > MAX_NAMES:
            raise self.make_error("many", count=len(names), most=MAX_NAMES)
        return names


class Members(fields.Dict):
    """An object whose names are cleaned; errors point at the members that were sent."""

    default_error_messages = {"twice": "Has one name twice, but for blanks; send it once."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            members = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            # marshmallow nests the messages under "key" or "value", which the body does not have.
            messages = {name: next(iter(each.values())) for name, each in error.messages.items()}
            raise ValidationError(messages) from error
        if len(members) < len(value):
            raise self.make_error("twice")
        return members


class Slug(Text):
    """A slug: lowercase ASCII words joined by hyphens, neither only digits nor reserved.

    Another text is made into one: ``Red_Mug`` becomes ``red-mug``.
    """

    default_error_messages = {
        "invalid_slug": "Has no letters for a slug; send lowercase letters and digits joined by "
        "hyphens.",
        "digits": "Has only digits, like an id; send a slug with a letter.",
        "reserved": "Is reserved for another URL; send another slug.",
    }

    def __init__(self, **kwargs: Any):
        super().__init__(MAX_SLUG, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        slug = as_slug(super()._deserialize(value, attr, data, **kwargs))
        if not slug:
            raise self.make_error("invalid_slug")
        if slug.isdigit():
            raise self.make_error("digits")
        if slug in RESERVED:
            raise self.make_error("reserved")
        return slug


class Whole(_Messages, fields.Integer):
    """A whole number from ``low`` to ``high``; 5.0 is 5, as in JSON Schema.

    Unless ``strict``, a text of such a number is valid as well, as in a query string.
    """

    default_error_messages = {"invalid": "Is not a whole number; send one such as 5."}

    def __init__(
        self, low: int = -MAX_WHOLE, high: int = MAX_WHOLE, strict: bool = True, **kwargs: Any
    ):
        limits = validate.Range(low, high, error="Is out of range; send {min} to {max}.")
        super().__init__(strict=strict, validate=limits, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        value = clean(value) if isinstance(value, str) else whole(value)
        if isinstance(value, str):
            if not (match := _WHOLE.fullmatch(value)):
                raise self.make_error("invalid", input=value)
            value = match[1]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)

    _serialize = as_stored


class Truth(_Messages, fields.Boolean):
    """A field that is true or false; texts such as yes and no are valid as well."""

    default_error_messages = {"invalid": "Is {input!r}, neither true nor false; send one of them."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        shown = value[:MAX_SHOWN] if isinstance(value, str) else value
        return super()._deserialize(shown, attr, data, **kwargs)


class Flag(_Messages, fields.Boolean):
    """A query parameter that is true or false; 1 and 0 are valid as well."""

    truthy = {"true", "1"}
    falsy = {"false", "0"}
    default_error_messages = {"invalid": "Is neither true nor false; send one of them."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        text = clean(value).lower() if isinstance(value, str) else value
        return super()._deserialize(text, attr, data, **kwargs)


class Money(_Messages, fields.Field[Any]):
    """An amount of money: loaded from a number or text, stored as Decimal128, dumped as a number.

    It is not negative unless ``signed``, is less than 10,000,000,000 and has at most four decimals,
    so that it is exact as a JSON number.
    """

    default_error_messages = {
        "invalid": "Is not an amount; send one such as 12.50.",
        "range": "Is out of range; send 0 or more, and less than 10,000,000,000.",
        "signed": "Is out of range; send less than 10,000,000,000, above or below zero.",
        "decimals": "Has more than four decimals; send at most four.",
    }

    def __init__(self, signed: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.signed = signed

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal128:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self.make_error("invalid")
        text = clean(str(value))
        if not _AMOUNT.fullmatch(text):
            raise self.make_error("invalid")
        amount = Decimal(text)
        # Arithmetic would fail with an amount of a million digits.
        is_too_large = bool(amount) and amount.adjusted() >= MAX_MONEY.adjusted()
        if is_too_large or (amount < 0 and not self.signed):
            raise self.make_error("signed" if self.signed else "range")
        exact = amount.quantize(Decimal("0.0001"))
        if exact != amount:
            raise self.make_error("decimals")
        cents = amount.quantize(Decimal("0.01"))
        return Decimal128((cents if cents == exact else exact) + 0)  # of -0 it makes 0

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Decimal128):
            return value
        return plain_number(value)


class Timestamp(fields.Field[Any]):
    """A moment that the service records: ISO 8601 in UTC with milliseconds."""

    def __init__(self, metadata: Mapping[str, Any] | None = None) -> None:
        example = {"example": "2026-01-31T09:30:00.000Z"}
        super().__init__(dump_only=True, metadata=example | dict(metadata or {}))

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return timestamp(value)


class Uuid(fields.UUID):
    """A UUID (RFC 9562), stored and compared as text in small letters."""

    default_error_messages = {
        "invalid_uuid": "Is not a UUID; send one such as 0191b2a3-4c5d-4e6f-8a9b-0c1d2e3f4a5b."
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return str(super()._deserialize(value, attr, data, **kwargs))


class Revision(fields.Raw):
    """The number of writes of an item, counted by the service."""

    def __init__(self) -> None:
        super().__init__(dump_only=True, metadata={"example": 1, "shown": fields.Integer()})


def timestamp(value: Any) -> Any:
    """Return a moment as ISO 8601 in UTC with milliseconds, and any other value unchanged."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Moment(_Messages, fields.Field[Any]):
    """A moment in ISO 8601, in UTC unless it has an offset.  A day means its first moment.

    With ``end``, a day means its last millisecond, so that a range includes the days it names.
    """

    default_error_messages = {
        "invalid": "Is not a day or moment; send one such as 2026-01-31 or {example}."
    }

    def __init__(self, end: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.end = end

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        text = clean(value) if isinstance(value, str) else ""
        text = text if text.isascii() else ""
        try:
            parsed = datetime.fromisoformat(text)
            moment = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
            if self.end and _DAY.fullmatch(text):
                moment += timedelta(days=1, milliseconds=-1)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid", example="2026-01-31T09:30:00Z") from error
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return timestamp(value)


class Birthday(Text):
    """A day in the past, as "29/10/2001" or "2001-10-29", stored as it was sent."""

    default_error_messages = {
        "invalid_day": "Is not a day in the past; send one such as 29/10/2001 or 2001-10-29."
    }

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


class Email(_Messages, fields.Email):
    """An email address, stored in lowercase, so that two spellings of an address are one value."""

    default_error_messages = {
        "invalid": "Is not an email address; send one such as ada@example.org."
    }

    def __init__(self, **kwargs: Any):
        super().__init__(validate=validate.Length(max=MAX_EMAIL), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        return clean_key(text).lower()

    _serialize = as_stored


class Attributes(_Messages, fields.Field[Any]):
    """An object of named texts, numbers and booleans, or lists of these.

    A name has 1 to 64 characters without ``.``, ``$`` and control characters.  Names and texts are
    in NFC and trimmed.
    """

    default_error_messages = {"invalid": 'Is not an object; send one such as {{"color": "red"}}.'}

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self.make_error("invalid")
        attributes: dict[str, Any] = {}
        errors: dict[str, list[str]] = {}
        for spelling, sent in value.items():
            name, attribute = clean_key(str(spelling)), _clean_attribute(sent)
            message = _attribute_error(name, attribute)
            if name in attributes:
                message = f"Means {name!r}, which is sent as well; send one."
            if message:
                errors[spelling] = [message]
            attributes[name] = attribute
        if len(value) > MAX_ATTRIBUTES:
            errors["_schema"] = [f"Has more than {MAX_ATTRIBUTES} attributes; send fewer."]
        if errors:
            raise ValidationError(errors)
        return {name: item for name, item in attributes.items() if item is not None}

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return {} if value is None else value


def clean_value(value: Any) -> Any:
    """Return one value of an attribute as it is stored: texts clean, 5.0 as 5."""
    if isinstance(value, str):
        return clean(value)
    return whole(value) if isinstance(value, float) and abs(value) <= MAX_WHOLE else value


def _clean_attribute(attribute: Any) -> Any:
    return [*map(clean_value, attribute)] if isinstance(attribute, list) else clean_value(attribute)


def _attribute_error(name: str, value: Any) -> str:
    """Return the message about an attribute, or an empty text if it is valid."""
    if not ATTRIBUTE_NAME.fullmatch(name) or name.endswith(("__gte", "__lte")):
        return INVALID_ATTRIBUTE_NAME
    if isinstance(value, list) and len(value) > MAX_ATTRIBUTE_LIST:
        return f"Has more than {MAX_ATTRIBUTE_LIST} values; send fewer."
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, (dict, list)):
            return "Is not an attribute; send a text, number, boolean or list of these."
        if isinstance(item, str) and len(item) > MAX_ATTRIBUTE_TEXT:
            return f"Has more than {MAX_ATTRIBUTE_TEXT} characters; send a shorter text."
        if isinstance(item, str) and (place := refused_in(item, lines=True)):
            return f"Contains {place}; remove it."
        if isinstance(item, int) and abs(item) > MAX_WHOLE:
            return f"Is beyond the whole numbers that JSON keeps exact; send at most {MAX_WHOLE}."
        if isinstance(item, float) and abs(item) > MAX_ATTRIBUTE_NUMBER:
            return f"Is too large; send at most {MAX_ATTRIBUTE_NUMBER:g}."
    return ""
