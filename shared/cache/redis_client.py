"""A client of one Redis that asks several things in one round trip, at little more than its cost.

A pipeline of redis-py takes as long again as the round trip itself, and every cached answer waits
for one.  Here several commands go out in one packet, over connections that redis-py has opened.
"""

import builtins
import select
import socket
import struct
from functools import lru_cache
from typing import Any, cast

from hiredis import PushNotification, Reader, pack_command
from redis import ConnectionError, Redis, ResponseError, SSLConnection, TimeoutError

Command = tuple[str | bytes | int, ...]

_READ_BYTES = 1 << 16
# What a cached answer asks is asked again and again.
_REPEATED = frozenset(("INCRBY", "PTTL", "MGET"))


def pack(command: Command) -> bytes:
    """Return a command as Redis reads it (RESP)."""
    return _remembered(command) if command[0] in _REPEATED else _packed(command)


def _packed(command: Command) -> bytes:
    return cast(bytes, pack_command(cast(Any, command)))


_remembered = lru_cache(maxsize=2048)(_packed)


class Server(Redis):
    """A client that has connections of its own for ``exchange``; all else is redis-py's."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        # The last one used comes first, so that there are no more than were ever used at once.
        self._idle: list[_Line] = []

    def exchange(self, *commands: Command, once: bool = False) -> list[Any]:
        """Send commands, and return what Redis answers to each, its errors too.

        Those that must never come in twice go ``once``.  Raise ``RedisError`` when Redis does not
        answer.
        """
        packed = b"".join([pack(each) for each in commands])
        try:
            line = self._idle.pop()
        except IndexError:
            line = _Line(self)
        try:
            was_open = line.is_open and not (once and line.is_cut())
            return line.ask(packed, len(commands))
        except ConnectionError:
            if once or not was_open:
                raise
            # Redis has hung up since the last time, as it does when it is started again.
            return line.ask(packed, len(commands))
        finally:
            self._idle.append(line)

    def close(self) -> None:
        """Close what is not in use."""
        while self._idle:
            self._idle.pop().close()
        super().close()

    def new_connection(self, **options: Any) -> Any:
        """Return a connection of redis-py's that nobody else has; it is not open yet."""
        pool = self.connection_pool
        return pool.connection_class(**{**pool.connection_kwargs, **options})

    @property
    def has_tls(self) -> bool:
        """Whether what is said is encrypted."""
        return issubclass(self.connection_pool.connection_class, SSLConnection)

    @property
    def seconds(self) -> float | None:
        """For how long an answer is waited for, for ever when it is None."""
        return cast("float | None", self.connection_pool.connection_kwargs.get("socket_timeout"))


class _Line:
    """A connection, opened at its first use and again after anything went wrong with it."""

    def __init__(self, server: Server):
        self._connection = server.new_connection()
        self._seconds = server.seconds
        self._socket: Any = None
        self._reader = Reader(replyError=ResponseError)

    @property
    def is_open(self) -> bool:
        """Whether it was open when it was used last."""
        return self._socket is not None

    def ask(self, packed: bytes, count: int) -> list[Any]:
        """Send what is packed and return so many answers; close the line when that fails."""
        try:
            if self._socket is None:
                self._open()
            self._socket.sendall(packed)
            answers: list[Any] = []
            while len(answers) < count:
                answer = self._reader.gets()
                if answer is False:
                    self._feed()
                elif not isinstance(answer, PushNotification):
                    answers.append(answer)
            return answers
        except (BlockingIOError, builtins.TimeoutError) as error:
            self.close()
            raise TimeoutError("Redis does not answer in time") from error
        except OSError as error:
            self.close()
            raise ConnectionError(f"Redis cannot be reached: {error}") from error
        except BaseException:
            self.close()
            raise

    def _feed(self) -> None:
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionResetError("it has hung up")
        self._reader.feed(data)

    def _open(self) -> None:
        self._connection.connect()
        # A timeout of Python's costs a further call of the system, and a turn of the interpreter's
        # lock, each time that something is sent or received; the kernel's own costs nothing.
        self._socket = self._connection._sock
        self._socket.settimeout(None)
        if self._seconds:
            limit = struct.pack("ll", int(self._seconds), int(self._seconds % 1 * 1e6))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def is_cut(self) -> bool:
        """Whether Redis has hung up, for it says nothing unasked; if so, close it as well."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        is_cut = bool(poll.poll(0))
        if is_cut:
            self.close()
        return is_cut

    def close(self) -> None:
        """Close the line until its next use."""
        self._socket = None
        self._reader = Reader(replyError=ResponseError)
        self._connection.disconnect()
