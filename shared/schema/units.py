"""Units: numbers with a unit in one spelling, so that ``1 TB`` finds ``1000GB``.

The table is all there is to a unit: its spellings, and the unit it is converted to.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

# The spellings of a unit, the unit in search terms, and how many of these it is.
UNITS: tuple[tuple[tuple[str, ...], str, Decimal], ...] = (
    (("tb", "terabyte", "terabytes"), "gb", Decimal(1000)),
    (("gb", "gig", "gigabyte", "gigabytes", "go"), "gb", Decimal(1)),
    (('"', "''", "”", "′′", "in", "inch", "inches", "zoll", "pouces"), "inch", Decimal(1)),
    (("ft", "foot", "feet"), "ft", Decimal(1)),
    (("cm",), "mm", Decimal(10)),
    (("mm",), "mm", Decimal(1)),
    (("ghz",), "mhz", Decimal(1000)),
    (("mhz",), "mhz", Decimal(1)),
    (("kw",), "w", Decimal(1000)),
    (("w", "watt", "watts"), "w", Decimal(1)),
    (("kg",), "g", Decimal(1000)),
    (("g", "gr", "gram", "grams"), "g", Decimal(1)),
    (("l", "litre", "litres", "liter", "liters"), "ml", Decimal(1000)),
    (("cl",), "ml", Decimal(10)),
    (("ml",), "ml", Decimal(1)),
)
_BY_SPELLING = {
    spelling: (unit, factor) for spellings, unit, factor in UNITS for spelling in spellings
}
_SPELLINGS = "|".join(map(re.escape, sorted(_BY_SPELLING, key=len, reverse=True)))
_QUANTITY = re.compile(rf"(?<![\w.,])(\d{{1,7}}(?:[.,]\d{{1,3}})?)[ -]?({_SPELLINGS})(?!\w)")


def is_unit(word: str) -> bool:
    """Return True for a spelling of a unit."""
    return word in _BY_SPELLING


def quantities(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each number with a unit in a folded text: its start, its end, and its search term.

    The term is the same for all spellings: ``2000gb`` for "2 TB", "2tb" and "2000 GB".
    """
    for match in _QUANTITY.finditer(text):
        unit, factor = _BY_SPELLING[match[2]]
        number = Decimal(match[1].replace(",", ".")) * factor
        yield match.start(), match.end(), f"{number.normalize():f}{unit}"
