"""Values of items as the texts of a shop's file, by the rules that read them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson

from vitrine.transfer.files.guarded_cells import guarded, unguarded
from vitrine.transfer.shops.format_files import FieldRule

GRAMS = {"": Decimal(1), "g": Decimal(1), "kg": Decimal(1000)}


def amount_text(value: Any, currency: str = "") -> str:
    """Return an amount with two decimals, or four if it needs more, and with its currency.

    With three decimals, "1.299" would be read as a thousand and more.
    """
    amount = Decimal(str(value))
    exact = amount.quantize(Decimal("0.01"))
    text = str(exact if exact == amount else amount.quantize(Decimal("0.0001")))
    return f"{text} {currency}".rstrip()


def weight_text(value: Any, unit: str) -> str:
    """Return a weight in grams as a number of another unit."""
    text = f"{Decimal(str(value)) / GRAMS[unit]:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def list_text(texts: Iterable[str], sign: str) -> str:
    r"""Return texts between signs; a sign within a text becomes ``\,``, as an import reads it."""
    between = f" {sign} " if sign == ">" else f"{sign} "
    return between.join(text.replace(sign, "\\" + sign) for text in texts)


def category_text(names: Iterable[str], rule: FieldRule) -> str:
    """Return the path of a category; a sign within a name becomes ``\\>`` or ``\\,``."""
    path = list_text(names, rule.path or ">")
    for sign in rule.separator:
        path = path.replace(sign, "\\" + sign)
    return path


def kept(text: str) -> str:
    """Return a text, with one more apostrophe before it if an import takes one off."""
    return f"'{text}" if unguarded(text) != text else text


def kept_value(value: Any) -> Any:
    """Return a value as an import reads it again: objects and lists are JSON, texts are kept."""
    if isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    return kept(value) if isinstance(value, str) else value


def attribute_text(value: Any) -> str:
    """Return the value of an attribute as an import reads a column ``attr.NAME``, with its type."""
    return guarded(value) if isinstance(value, str) else orjson.dumps(value).decode()
