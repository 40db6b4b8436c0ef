"""Dates of a sale in the cells of a shop, and whether a moment is within them.

Shops write dates in many forms.  One such as ``3/4/26`` has two meanings; it is refused only if
these differ for the moment in question.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from itertools import product
from typing import Any

from vitrine.errors import StackError

_NUMBERS = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:,?\s+(\d.*))?")
_NO_DATE = re.compile(r"[0 :./-]*")
_SECONDS = re.compile(r"\d{9,11}")
MAX_SHOWN = 40  # characters of a cell without a date
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_ZONE = re.compile(r"\s+(?=[+-]\d\d:?\d\d$|Z$)|\s*UTC$")


def is_within(
    cell: Callable[[str], Any], since: str, until: str, during: str, moment: datetime
) -> bool:
    """Return True if a moment is within the dates of a row; a row without dates has no limits.

    A date without a time is the whole day, and a time without a zone is in UTC.

    Args:
        cell: Returns the cell of a column, or None.
        since: The column of the first moment, or an empty text.
        until: The column of the last one, or an empty text.
        during: The column of both with a slash between them, or an empty text.
        moment: The moment, with a zone.

    Raises:
        StackError: A cell has no date, or one with two meanings that decide differently.
    """
    limits = [(column, _text(cell(column)), column == until) for column in (since, until) if column]
    if during:
        first, _, last = _text(cell(during)).partition("/")
        limits += [(during, first.strip(), False), (during, last.strip(), True)]
    return all(_is_kept(*limit, moment) for limit in limits if limit[1])


def _is_kept(column: str, text: str, is_last: bool, moment: datetime) -> bool:
    """Return True if a moment is not before the first, or not after the last moment."""
    answers = {
        _is_until(moment, limit) if is_last else moment >= _with_zone(limit)
        for limit in (*_iso(text), *_numbers(text))
    }
    if len(answers) == 1:
        return answers.pop()
    reason = "may be two dates" if answers else "is not a date"
    shown = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
    raise StackError(f"{column}: {shown!r} {reason}; write one such as 2026-12-24.")


def _is_until(moment: datetime, last: datetime) -> bool:
    """Return True if a moment is not after the last one, or the last day."""
    if not last.tzinfo and last.time() == time.min:
        return moment.astimezone(UTC).date() <= last.date()
    return moment <= _with_zone(last)


def _with_zone(limit: datetime) -> datetime:
    return limit if limit.tzinfo else limit.replace(tzinfo=UTC)


def _iso(text: str) -> Iterator[datetime]:
    """Yield the meaning of a text in the form of ISO 8601, or of seconds since 1970."""
    if _SECONDS.fullmatch(text):
        yield datetime.fromtimestamp(int(text), UTC)
        return
    try:
        yield datetime.fromisoformat(_ZONE.sub("", text))
    except ValueError:
        return


def _numbers(text: str) -> Iterator[datetime]:
    """Yield the meanings of a text such as ``12/24/26, 10:00 AM`` or ``24.12.2026``."""
    match = _NUMBERS.fullmatch(text)
    if not match:
        return
    first, sign, second, year, clock = match.groups()
    orders = [(second, first)] if sign == "." else {(first, second), (second, first)}
    for (month, day), form in product(orders, _TIMES if clock else ("",)):
        whole = f"{year if len(year) == 4 else '20' + year}-{month}-{day} {clock or ''}".strip()
        try:
            yield datetime.strptime(whole, f"%Y-%m-%d {form}".strip())
        except ValueError:
            continue


def _text(value: Any) -> str:
    """Return the text of a cell; a date of zeros is none."""
    text = "" if value is None else " ".join(str(value).split())
    return "" if _NO_DATE.fullmatch(text) else text
