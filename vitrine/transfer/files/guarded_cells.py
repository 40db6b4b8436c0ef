"""Cells that no spreadsheet misreads: written with an apostrophe, and read as they were.

A spreadsheet runs a cell that begins like a formula, and turns ``00123`` into a number.  So such a
text is written with an apostrophe before it, as people write it themselves, and an import takes
that apostrophe off again.
"""

import re
from typing import Any

import orjson

ATTRIBUTE = "attr."  # before the name of an attribute in a header

_GUARD = "'"
_BOOLEANS = {"true": True, "false": False}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Texts that a spreadsheet or an import would read as a number, a day, a boolean or a list.
_VALUE = re.compile(r"[\d.,/: -]+(E[+-]?\d+)?|true|false|\[.*", re.IGNORECASE | re.DOTALL)


def guarded(text: str) -> str:
    """Return a text with an apostrophe before it if a program would misread it."""
    return _GUARD + text if _needs_guard(text) else text


def unguarded(text: str) -> str:
    """Return a text without the apostrophe that ``guarded`` puts before it."""
    is_guarded = text.startswith(_GUARD) and _needs_guard(text[1:])
    return text[1:] if is_guarded else text


def _needs_guard(text: str) -> bool:
    bare = text.lstrip(_GUARD)
    return not bare or bare.startswith(_FORMULA) or bool(_VALUE.fullmatch(bare))


def cell_value(column: str, cell: str) -> Any:
    """Return the value of a cell of CSV.

    The cells of attributes are read as an export has written them: a number, a boolean, a list or a
    text.  All others are texts.  A spreadsheet saves ``true`` as ``TRUE``.
    """
    if not column.startswith(ATTRIBUTE):
        return unguarded(cell)
    if cell.casefold() in _BOOLEANS:
        return _BOOLEANS[cell.casefold()]
    try:
        value = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return unguarded(cell)
    return unguarded(cell) if isinstance(value, (dict, str)) or value is None else value
