"""How often a write is tried again when others are faster, and how it makes room for them."""

import random
import time
from collections.abc import Iterator

ATTEMPTS = 30
MAX_WAIT = 0.05  # seconds


def attempts() -> Iterator[int]:
    """Yield 0, 1, 2 … for each attempt; before all but the first two, wait a random moment."""
    for number in range(ATTEMPTS):
        if number > 1:
            time.sleep(random.uniform(0, min(0.002 * number, MAX_WAIT)))
        yield number
