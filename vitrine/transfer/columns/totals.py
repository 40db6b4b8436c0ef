"""Rows of totals at the end of a table, or in it: one text such as "Total", and numbers."""

from collections.abc import Collection, Mapping
from typing import Any

from vitrine.transfer.columns import words
from vitrine.transfer.columns.amounts import is_amount


def total_of(cells: Mapping[str, Any], keys: Collection[str]) -> str:
    """Return the text of a row of totals, and an empty text for any other row.

    Args:
        cells: The cells of the row by their columns.
        keys: The columns that name one item; a row with a number there is an item.
    """
    text = ""
    has_number = False
    for column, value in cells.items():
        if value is None or value == "":
            continue
        if isinstance(value, (int, float)) or (isinstance(value, str) and is_amount(value)):
            if column in keys or isinstance(value, bool):
                return ""
            has_number = True
        elif text or not isinstance(value, str) or not words.is_total(value):
            return ""
        else:
            text = value
    return text if has_number else ""


def totals_refused(text: str) -> str:
    """Return why a row of totals is refused, by its text."""
    return (
        f"Is a row of totals: {text!r} is its only text beside numbers. Remove the row; if it is "
        "none, write its SKU or another key."
    )
