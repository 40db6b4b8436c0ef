"""Counts requests in blocks, for answers that need Redis for nothing else.

A process takes a thousandth of what is left of an allowance at once, and hands it out by itself.
Nobody ever has more than the allowance: what a block still has when its window is over is lost to
the others.  Of an allowance of fewer than 2,000 requests every single one is counted in Redis.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

PARTS = 1000  # A block is this part of what is left.
MAX_BLOCKS = 10_000


class Counter(NamedTuple):
    """What one request is counted under: the key, the seconds of a window, and what it allows."""

    key: str
    seconds: int
    amount: int


@dataclass(slots=True)
class _Block:
    number: int
    left: int
    until: float


# Counts so many more under a key that lives for so many seconds: see ``cluster.count``.
Count = Callable[[str, int, int], tuple[int, float]]


class Blocks:
    """The blocks that this process has taken; safe for threads."""

    def __init__(self, count: Count):
        self._count = count
        self._lock = threading.Lock()
        self._blocks: dict[str, _Block] = {}

    def count(self, counter: Counter) -> tuple[int, float]:
        """Count one more, and return the number of requests and the seconds until the window ends.

        The number is 0 when a block is needed and cannot be had.
        """
        now = time.monotonic()
        with self._lock:
            block = self._blocks.get(counter.key)
            if block and now < block.until:
                if block.left:
                    block.left -= 1
                    return block.number - block.left, block.until - now
                size = max(1, (counter.amount - block.number) // PARTS)
            else:
                size = 1  # How much is left in this window is not known yet.
        number, seconds = self._count(counter.key, counter.seconds, size)
        if not number:
            return number, seconds
        with self._lock:
            if len(self._blocks) >= MAX_BLOCKS:
                self._blocks.clear()
            self._blocks[counter.key] = _Block(number, size - 1, now + seconds)
        return number - size + 1, seconds
