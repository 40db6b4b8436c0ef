"""Units in the names of columns, ``Weight (kg)`` and ``Price [USD]``, and of weights in cells.

An amount without its unit would be stored a thousand times too small, so a column of amounts with a
unit that is not known here is refused.
"""

import re
from decimal import Decimal
from functools import lru_cache

from vitrine.errors import StackError
from vitrine.transfer.columns.amounts import currency_code
from vitrine.transfer.columns.header_words import says_tax, words_of

_IN_BRACKETS = re.compile(r"\(([^)]*)\)|\[([^]]*)\]")
_PLACES = Decimal("0.0001")  # as many as the services keep
MAX_DIGITS = 18  # of a number before its decimal mark; the services accept fewer
_GRAMS = {
    **dict.fromkeys(
        ("g", "gr", "gram", "grams", "gramm", "gramme", "grammes", "gramos", "grammi"), Decimal(1)
    ),
    **dict.fromkeys(("kg", "kgs", "kilo", "kilogram", "kilograms", "kilogramm"), Decimal(1000)),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), Decimal("453.59237")),
    **dict.fromkeys(("oz", "ounce", "ounces"), Decimal("28.349523125")),
}
_WITH_UNIT = re.compile(r"([^A-Za-z]*\d)\s*([A-Za-z]+)\.?")  # such as 850 g


@lru_cache(maxsize=1000)
def unit_in(column: str) -> str:
    """Return the text in brackets in the name of a column."""
    return " ".join("".join(texts).strip() for texts in _IN_BRACKETS.findall(column)).strip()


def check_unit(column: str, field: str, field_type: str) -> None:
    """Raise ``StackError`` if a column of amounts has a unit that is not known."""
    unit = unit_in(column)
    if field_type == "Grams" and unit and not grams(column):
        known = "kg, g, lb and oz are"
    elif field_type == "Money" and unit and not currency_of(column) and not says_tax(column):
        known = "codes of currencies such as EUR are"
    else:
        return
    raise StackError(
        f"The column {column!r}: the unit {unit!r} is not known, {known}. Say --map "
        f"{field}='{column}' to take its numbers as they are, or --map 'attr.{field}={column}' to "
        "keep it as an attribute."
    )


def grams(column: str) -> Decimal | None:
    """Return how many grams the unit in the name of a column is; None if it has no such unit.

    The unit stands in brackets, or is the last word, as in ``weight_kg`` and ``Gewicht in kg``.
    """
    return _GRAMS.get(weight_unit(column).casefold().rstrip("."))


def weight_unit(column: str) -> str:
    """Return the text in brackets in the name of a column, or the unit of weight at its end."""
    words = words_of(column)
    is_unit = len(words) > 1 and words[-1] in _GRAMS
    return unit_in(column) or (words[-1] if is_unit else "")


def with_weight_unit(text: str) -> tuple[str, str]:
    """Return the number and the unit in a cell such as ``2,5 kg``; two empty texts for another."""
    match = _WITH_UNIT.fullmatch(text.strip())
    return (match[1], match[2]) if match and match[2].casefold() in _GRAMS else ("", "")


def currency_of(column: str) -> str:
    """Return the code of the currency in the name of a column, or an empty text."""
    return currency_code(unit_in(column))


def in_grams(number: str, column: str) -> str:
    """Return a weight in grams, from a column that may name another unit."""
    factor = grams(column)
    if not number or not factor or factor == 1:
        return number
    if Decimal(number).adjusted() >= MAX_DIGITS:
        return number  # The service refuses it in any unit.
    weight = (Decimal(number) * factor).quantize(_PLACES).normalize()
    return f"{weight:f}"
