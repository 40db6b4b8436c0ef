"""Cells as values of fields, by the type of the field; the service validates them."""

import re
from decimal import Decimal
from typing import Any

import orjson
from slugify import slugify

from shared.schema.text import clean_key
from vitrine.errors import StackError
from vitrine.transfer.columns import words
from vitrine.transfer.columns.amounts import currencies_beside, currency_code, read_amount
from vitrine.transfer.columns.units import MAX_DIGITS, in_grams, with_weight_unit

_TEXT_TYPES = (
    *("Text", "Key", "Plain", "String", "Slug", "Email", "Birthday"),
    *("Currency", "Gtin", "Reference"),
)
# Those whose values are JSON in a cell.
_JSON_TYPES = (
    *("Attributes", "AttributeSchemas", "Dict", "List", "Boolean"),
    *("Options", "Tags", "PhotoUrls", "Addresses"),
)
OBJECT_TYPES = (*_JSON_TYPES, "Reference")  # whose objects stay whole
_EXACT_TYPES = ("Money", "Grams")  # with decimals
AMOUNT_TYPES = (*_EXACT_TYPES, "Whole")
_CLEAN_KEYS = ("external_ref", "slug", "sku", "email", "gtin")  # without a leading apostrophe
_SEPARATOR = re.compile(r"[,;|\n]")  # between tags in a cell without JSON
_BETWEEN_URLS = re.compile(r"[,;|\s]+(?=https?://)", re.IGNORECASE)  # as URLs may have commas
_CODE = re.compile(r"[A-Za-z]{3}")  # of a currency, in any case
_KEYS = (*_CLEAN_KEYS, "group", "client")  # that no truth value can be
# A number that a spreadsheet has shortened, such as 1.23E+11.
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,}", re.IGNORECASE)
_TRUTHS = ("true", "false")
_GTIN = re.compile(r"\d{8}|\d{12,14}", re.ASCII)


def is_wrong_gtin(value: Any) -> bool:
    """Return True for a value that is not a GTIN, by its length or its check digit."""
    if value is None:
        return False
    text = clean_key(str(value))
    if not _GTIN.fullmatch(text):
        return True
    # From the right, the digits weigh 1, 3, 1, 3 and so on, and the check digit makes tens.
    return sum(int(sign) * (1, 3)[place % 2] for place, sign in enumerate(reversed(text))) % 10 > 0


def check_whole(value: Any, column: str, *, is_key: bool = False) -> None:
    """Check that a cell has the text that its author wrote.

    Args:
        value: The cell.
        column: Its column, for errors.
        is_key: It names one item, as an SKU does.

    Raises:
        StackError: A spreadsheet has made another value of it.
    """
    if not isinstance(value, str):
        return
    if _SHORTENED.fullmatch(value):
        raise StackError(
            f"{column}: {value!r} is a number that a spreadsheet has shortened, so that digits are "
            "lost. Format the column as text there, write the whole number, and save it again."
        )
    if is_key and value.casefold() in _TRUTHS:
        raise StackError(
            f"{column}: {value!r} is a truth value of a spreadsheet. Format the column as text "
            "there, and write what it was."
        )


def field_value(name: str, field_type: str, value: Any, mark: str, column: str) -> Any:
    """Return the value of a field.

    Args:
        name: The field.
        field_type: Its type.
        value: The cell.
        mark: The decimal mark of amounts; empty if it is not known.
        column: The column of the cell, which may name a unit.

    Raises:
        StackError: A spreadsheet has damaged the cell, or it is an amount in two currencies.
    """
    if field_type in _TEXT_TYPES:
        check_whole(value, column or name, is_key=name in _KEYS)
    is_truth = isinstance(value, bool)  # which the service refuses
    if name == "group" and field_type == "Key" and isinstance(value, (str, int)) and not is_truth:
        return slugify(str(value))  # The service keeps groups in this form.
    if name in _CLEAN_KEYS and isinstance(value, str):
        return clean_key(value)
    if field_type == "Grams":
        return _grams(value, mark, column)
    if field_type in AMOUNT_TYPES:
        if isinstance(value, str) and (signs := currencies_beside(value)):
            raise StackError(
                f"{column or name}: {value!r} has two currencies, {' and '.join(signs)}; write one."
            )
        return _amount(name, field_type, value, mark)
    if not isinstance(value, str):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return str(value) if is_number and field_type in _TEXT_TYPES else value
    if field_type in _JSON_TYPES:
        return _parsed(value, field_type)
    if field_type == "Currency":
        return _currency(value)
    return value


def _currency(text: str) -> str:
    """Return the code of a currency: of ``usd``, ``Euro`` and ``€``; another text stays."""
    if _CODE.fullmatch(text):
        return text.upper()
    return currency_code(text) or currency_code(text.lower()) or text


def _grams(value: Any, mark: str, column: str) -> Any:
    """Return a weight in grams; a text that is none stays, so that the service names it."""
    if isinstance(value, str):
        number, unit = with_weight_unit(value)
        if number:
            return in_grams(read_amount(number, mark).number, f"({unit})") or value
        return in_grams(read_amount(value, mark).number, column) or value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return in_grams(str(value), column) if is_number else value


def _amount(name: str, field_type: str, value: Any, mark: str) -> Any:
    """Return the number in a cell; a text that is none stays, so that the service names it."""
    if isinstance(value, str):
        if name == "stock" and not value.isdigit() and words.availability(value) is False:
            return 0
        text = value.removesuffix("+") if name == "stock" else value
        number = read_amount(text, mark).number
        if field_type in _EXACT_TYPES:
            return number or value
        exact = Decimal(number or "NaN")
        if not exact.is_finite() or exact.adjusted() >= MAX_DIGITS or exact % 1:
            return value
        value = int(exact)
    if isinstance(value, float) and value.is_integer() and field_type == "Whole":
        value = int(value)
    is_oversold = name == "stock" and isinstance(value, (int, float)) and value < 0
    return 0 if is_oversold else value


def _parsed(text: str, field_type: str) -> Any:
    """Return the JSON in a cell; tags and URLs may stand there without it, as in "sale, new"."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    if field_type == "Tags" and not isinstance(value, list):
        return [tag.strip() for tag in _SEPARATOR.split(text) if tag.strip()]
    if field_type == "PhotoUrls" and isinstance(value, str):
        return [url.strip() for url in _BETWEEN_URLS.split(text) if url.strip()]
    return value
