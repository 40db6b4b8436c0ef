"""Counts requests in blocks, for answers that need Redis for nothing else.

A process takes a thousandth of what is left of an allowance at once, and hands it out by itself.
Nobody ever has more than the allowance: what a block still has when its window is over is lost to
the others.  Of an allowance of fewer than 2,000 requests every single one is counted in Redis.
"""

import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

PARTS = 1000  # A block is this part of what is left.
MAX_BLOCKS = 10_000


class Counter(NamedTuple):
    """What is counted: under which key, in windows of how many seconds, of how much, how many."""

    key: str
    seconds: int
    amount: int
    more: int = 1


@dataclass(slots=True)
class _Block:
    number: int
    left: int
    until: float


class Blocks:
    """The blocks that this process has taken; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: dict[str, _Block] = {}

    def take(self, counter: Counter) -> tuple[int, float] | None:
        """Count one more in a block, and return the number and the seconds until its window ends.

        None when there is none left, so that Redis has to count.
        """
        now = time.monotonic()
        with self._lock:
            block = self._blocks.get(counter.key)
            if block is None or now >= block.until or not block.left:
                return None
            block.left -= 1
            return block.number - block.left, block.until - now

    def next(self, counter: Counter) -> Counter:
        """Return what Redis is asked to count next: one request, and a block for those to come."""
        with self._lock:
            block = self._blocks.get(counter.key)
            if block is None or time.monotonic() >= block.until:
                return counter  # How much is left in this window is not known yet.
            return counter._replace(more=max(1, (counter.amount - block.number) // PARTS))

    def fill(self, counter: Counter, number: int, seconds: float) -> tuple[int, float]:
        """Keep what Redis has counted as a block, and return what the first of it is.

        The number is 0 when Redis could not count.
        """
        if not number:
            return number, seconds
        with self._lock:
            if len(self._blocks) >= MAX_BLOCKS:
                self._blocks.clear()
            until = time.monotonic() + seconds
            self._blocks[counter.key] = _Block(number, counter.more - 1, until)
        return number - counter.more + 1, seconds
