"""Clocks of two hosts: how far they differ, by the header Date of a response (RFC 9110, 6.6.1)."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

TOLERATED_SECONDS = 5  # between two clocks; Date has whole seconds, and a response takes some time
_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def clock_difference(headers: Mapping[str, str]) -> float:
    """Return the seconds by which this clock is ahead of the sender's; 0 if they nearly agree.

    Args:
        headers: The headers of a response that has just arrived.
    """
    try:
        seconds = time.time() - parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return 0.0
    return seconds if abs(seconds) > TOLERATED_SECONDS else 0.0


def in_words(seconds: float) -> str:
    """Return a duration in its largest unit, such as ``1 hour``."""
    amount = abs(seconds)
    fitting_units = (unit for unit in _UNITS if round(amount / unit[1], 1) >= 1)
    unit, size = next(fitting_units, _UNITS[-1])
    count = round(amount / size)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def clocks_differ(difference: float) -> str:
    """Return the clause that tells an operator about a ``clock_difference``."""
    direction = "ahead" if difference > 0 else "behind"
    return (
        f"the clocks of the two hosts differ by {in_words(difference)}, this one is {direction}; "
        "synchronize both by NTP"
    )
