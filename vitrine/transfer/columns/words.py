"""Texts in columns about availability and publication, and what each means."""

import re
from typing import Any

from vitrine.transfer.columns.header_words import cell_texts, plain, says_hidden

_TOTAL = cell_texts("total")
_ERROR = cell_texts("error")
_YES, _NO = cell_texts("yes"), cell_texts("no")
_AVAILABLE = _YES | cell_texts("available")
_UNAVAILABLE = _NO | cell_texts("unavailable")
_STATUSES = {
    **dict.fromkeys(_YES | cell_texts("active"), "active"),
    **dict.fromkeys(_NO | cell_texts("draft"), "draft"),
    **dict.fromkeys(cell_texts("archived"), "archived"),
}
# Of several columns that say whether a product is published, the strictest counts.
STRICTNESS = ("active", "draft", "archived")

_SIGNS = re.compile(r"(?<!^)[\s_-]+")
_SWITCH = re.compile(r"([01])[.,]00?")  # 1.0, as some spreadsheets write 1


def _plain(value: Any) -> str:
    """Return a text to be looked up; a boolean or a number becomes its text."""
    text = plain(str(value).strip())
    text = text.removeprefix("https://schema.org/").removeprefix("http://schema.org/")
    text = _SIGNS.sub(" ", text).rstrip(".!")
    switch = _SWITCH.fullmatch(text)
    return switch[1] if switch else text


def is_error(text: str) -> bool:
    """Return True for a text such as #N/A, by which a spreadsheet says that a formula failed."""
    return plain(text) in _ERROR


def is_total(text: str) -> bool:
    """Return True for a text such as "Total:", which a row of totals has."""
    return _plain(text.rstrip(" :=")) in _TOTAL


def is_switch(text: str) -> bool:
    """Return True for 0 and 1, which may say no and yes."""
    return _plain(text) in ("0", "1")


def availability(value: Any) -> bool | None:
    """Return whether a text says that a product can be bought; None if it is not understood."""
    text = _plain(value)
    if text in _AVAILABLE:
        return True
    return False if text in _UNAVAILABLE else None


def status(value: Any, column: str = "") -> str | None:
    """Return the status that a text means; None if it is not understood.

    Args:
        value: The text.
        column: Its column: in one such as "Hidden", yes makes a draft.
    """
    text = _plain(value)
    if text in _YES | _NO and says_hidden(column):
        return "draft" if text in _YES else "active"
    return _STATUSES.get(text)
