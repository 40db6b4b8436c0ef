"""A client of one Redis that asks several things in one round trip, at little more than its cost.

A pipeline of redis-py takes as long again as the round trip itself, and every cached answer waits
for one.  Here redis-py's connections are used as they are: several commands go out in one packet.
"""

from collections.abc import Sequence
from typing import Any, cast

from hiredis import pack_command
from redis import ConnectionError, Redis, ResponseError

Command = tuple[str | bytes | int, ...]


class Server(Redis):
    """A client that has connections of its own for ``exchange``; all else is redis-py's."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        # The last one used comes first, so that there are no more than were ever used at once.
        self._idle: list[Any] = []  # redis-py's connections have hardly any types.

    def exchange(self, *commands: Command, once: bool = False) -> list[Any]:
        """Send commands, and return what Redis answers to each, its errors too.

        Those that must never come in twice go ``once``.  Raise ``RedisError`` when Redis does not
        answer.
        """
        packed = [b"".join([pack_command(cast(Any, each)) for each in commands])]
        try:
            connection, is_new = self._idle.pop(), False
        except IndexError:
            connection, is_new = self.connection_pool.make_connection(), True
        try:
            if once and not is_new:
                _see_to(connection)
            return _ask(connection, packed, len(commands))
        except ConnectionError:
            if is_new or once:
                raise
            # Redis has hung up since the last time, as it does when it is started again.
            return _ask(connection, packed, len(commands))
        finally:
            self._idle.append(connection)

    def close(self) -> None:
        """Close what is not in use."""
        while self._idle:
            self._idle.pop().disconnect()
        super().close()


def _see_to(connection: Any) -> None:
    """Close a connection that Redis has hung up, so that it is opened again for the next use."""
    try:
        is_broken = connection.can_read()  # Nobody has asked for anything.
    except ConnectionError:
        is_broken = True
    if is_broken:
        connection.disconnect()


def _ask(connection: Any, packed: Sequence[bytes], count: int) -> list[Any]:
    """Return the answers; a connection that fails is closed, and opened again when it is used."""
    connection.send_packed_command(packed)
    answers: list[Any] = []
    for _ in range(count):
        try:
            answers.append(connection.read_response())
        except ResponseError as error:
            answers.append(error)
    return answers
