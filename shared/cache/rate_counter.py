"""Rate-limit counters in Redis, shared by all instances of a service."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis import Redis

from shared.cache.redis_client import Command
from shared.cache.redis_topology import exchange


class RateCounter(NamedTuple):
    """Rate-limit counter shared by all instances: its key, and the seconds of its window.

    The window begins with the first request that is counted, and is never prolonged.
    """

    key: str
    seconds: int


class Count(NamedTuple):
    """Requests in the window of a rate-limit counter, and the seconds until it ends."""

    number: int
    seconds: float


UNCOUNTED = Count(0, 0.0)  # the count while Redis does not answer


def count_commands(counter: RateCounter) -> tuple[Command, Command]:
    """Return the commands that count one request."""
    return ("INCRBY", counter.key, 1), ("PTTL", counter.key)


def count_of(counter: RateCounter, number: Any, milliseconds: Any) -> tuple[Count, Command]:
    """Read the replies to ``count_commands``.

    Returns:
        The count, and the command that Redis needs to put its key right, empty if it needs none.
    """
    if isinstance(number, Exception):
        # The key holds no number, or Redis has no memory left to count.
        is_foreign = "WRONGTYPE" in str(number) or "not an integer" in str(number)
        return UNCOUNTED, ("DEL", counter.key) if is_foreign else ()
    if milliseconds < 0:
        # The counter is new, or the process that counted first died before this command.
        return Count(number, float(counter.seconds)), ("EXPIRE", *counter)
    return Count(number, milliseconds / 1000), ()


def count_all(redis: Redis, counters: Sequence[RateCounter]) -> list[Count]:
    """Count one request under each of several counters in one round trip."""
    commands = [command for counter in counters for command in count_commands(counter)]
    replies = exchange(redis, commands)
    counted = [
        count_of(counter, number, milliseconds)
        for counter, number, milliseconds in zip(counters, replies[::2], replies[1::2], strict=True)
    ]
    if corrections := [correction for _, correction in counted if correction]:
        exchange(redis, corrections)
    return [count for count, _ in counted]
