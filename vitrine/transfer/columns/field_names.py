"""Names of columns that mean a field, in the files of shops and spreadsheets.

Case, blanks, accents and punctuation do not matter: "In stock?" is ``in stock``.  If several
columns of a file mean one field, the one whose name stands first in the table is read.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from vitrine.transfer.columns.header_words import (
    Names,
    field_names,
    plain,
    says_tax,
    words_of,
)

__all__ = [
    "AVAILABILITY",
    "FIELD_NAMES",
    "PHOTO_NAMES",
    "PHOTO_URLS",
    "PUBLICATION",
    "Names",
    "key_of",
    "keys_of",
    "words_of",
]

# Not fields of a product: they become its stock and its status, beside other columns.
AVAILABILITY = "availability"
PUBLICATION = "publication"

PHOTO_URLS = "image_urls"  # the field of products with the URLs of photos
_PHOTO = "photo"
_LINKS = ("", " in", " en")
_UNITS = ("kg", "g", "lb", "lbs", "oz")


def _with_units(field: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of a field, those of weights also as in ``weight_kg`` and "Gewicht in kg"."""
    if field != "weight":
        return names
    united = (f"{name}{link} {unit}" for name in names for unit in _UNITS for link in _LINKS)
    return tuple(dict.fromkeys((*names, *united)))


FIELD_NAMES: Mapping[str, Names] = {
    resource: {
        field: _with_units(field, names) for field, names in fields.items() if field != _PHOTO
    }
    for resource, fields in field_names().items()
}
# Only the import of a shop fetches the photos that such columns name.
PHOTO_NAMES: Names = {PHOTO_URLS: field_names()["products"][_PHOTO]}

_IN_BRACKETS = re.compile(r"\([^)]*\)|\[[^]]*\]")
_SIGNS = re.compile(r"[\W_]+")


@lru_cache(maxsize=10_000)
def keys_of(column: str) -> tuple[str, ...]:
    """Return the spellings by which a column is found: whole, and without "(0/1)" and the like."""
    whole = _key(column)
    # "Price (excl. VAT)" is not the price.
    short = "" if says_tax(column) else _key(_IN_BRACKETS.sub(" ", column))
    return (whole, short) if short else (whole,)


def key_of(name: str) -> str:
    """Return the spelling by which a name of a table is found."""
    return keys_of(name)[0]


def _key(text: str) -> str:
    return "".join(plain(_SIGNS.sub(" ", text)).split())
