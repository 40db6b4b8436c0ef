"""Client of one Redis server that sends several commands in one round trip.

A pipeline of redis-py takes about as long as the round trip itself, and every cached response waits
for one.  ``Server.exchange`` packs the commands into one packet and reads their replies in order.
``shared.cache.redis_async`` does the same in an event loop.
"""

import re
from functools import lru_cache
from typing import Any, cast

from hiredis import pack_command
from redis import ConnectionError, Redis, ResponseError, SSLConnection

from shared.cache.keys import mark_of

Command = tuple[str | bytes | int, ...]

ASK_RUN: Command = ("INFO", "server")  # asked on each new connection
_RUN_ID = re.compile(rb"^run_id:(\w+)", re.MULTILINE)


class Replies(list[Any]):
    """Replies to commands, and the mark of the run of Redis that gave them.

    The mark is empty if it is unknown.
    """

    __slots__ = ("mark",)

    def __init__(self, mark: bytes = b""):
        super().__init__()
        self.mark = mark


def mark_in(reply: Any) -> bytes:
    """Return the mark of a run of Redis from its reply to ``ASK_RUN``; empty if it is unknown."""
    match = _RUN_ID.search(reply) if isinstance(reply, bytes) else None
    return mark_of(match[1].decode()).encode() if match else b""


# The commands of a hit: the same ones come again and again, and hold no body.
_REPEATED = frozenset(("INCRBY", "PTTL", "MGET"))


def pack(command: Command) -> bytes:
    """Return a command in the protocol of Redis (RESP)."""
    return _pack_once(command) if command[0] in _REPEATED else _pack(command)


def _pack(command: Command) -> bytes:
    return cast(bytes, pack_command(cast(Any, command)))


_pack_once = lru_cache(maxsize=2048)(_pack)


class Server(Redis):
    """Client with connections of its own for ``exchange``; all other calls are redis-py's."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        # The last connection used is the next one used, so that as few as possible are open.
        self._idle: list[_Link] = []

    def exchange(self, *commands: Command, once: bool = False) -> Replies:
        """Send commands in one round trip, and return the reply to each; errors are replies, too.

        Args:
            commands: The commands, in the order in which Redis is to run them.
            once: Do not send the commands again when the connection breaks.

        Raises:
            RedisError: Redis does not answer.
        """
        packed = [b"".join([pack(command) for command in commands])]
        try:
            link = self._idle.pop()
        except IndexError:
            link = _Link(self.connection_pool.connection_class(**self.get_connection_kwargs()))
        connection = link.connection
        if once and connection.is_connected:
            _close_if_broken(connection)
        was_open = connection.is_connected
        try:
            return link.exchange(packed, len(commands))
        except ConnectionError:
            if once or not was_open:
                raise
            # Redis has closed the connection since its last use, as it does at a restart.
            return link.exchange(packed, len(commands))
        finally:
            self._idle.append(link)

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().connection.disconnect()
        super().close()

    @property
    def has_tls(self) -> bool:
        """Return True if the connections are encrypted."""
        return issubclass(self.connection_pool.connection_class, SSLConnection)


class _Link:
    """Connection, and the mark of the run of Redis that it was opened to."""

    __slots__ = ("connection", "mark")

    def __init__(self, connection: Any):
        self.connection = connection
        self.mark = b""

    def exchange(self, packed: list[bytes], count: int) -> Replies:
        """Send packed commands, and return so many replies."""
        if not self.connection.is_connected:
            self.mark = mark_in(_exchange(self.connection, [pack(ASK_RUN)], Replies(), 1)[0])
        return _exchange(self.connection, packed, Replies(self.mark), count)


def _exchange(connection: Any, packed: list[bytes], replies: Replies, count: int) -> Replies:
    try:
        connection.send_packed_command(packed)
        while len(replies) < count:
            try:
                replies.append(connection.read_response())
            except ResponseError as error:
                replies.append(error)
    except BaseException:
        # Replies that are still to come must not be read as those to the next commands.
        connection.disconnect()
        raise
    return replies


def _close_if_broken(connection: Any) -> None:
    try:
        is_broken = connection.can_read()  # Redis sends nothing that was not asked for.
    except ConnectionError:
        is_broken = True
    if is_broken:
        connection.disconnect()
