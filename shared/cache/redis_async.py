"""One connection to Redis for all requests of an event loop.

What they ask in one turn of the loop goes out in one packet, so that many round trips cost little
more than one: the more there is to do, the cheaper each of them becomes.
"""

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

from hiredis import PushNotification, Reader
from redis import ConnectionError, RedisError, ResponseError, TimeoutError

from shared.cache.redis_client import Command, Server, pack


class Pipeline:
    """Asks one server of Redis; connected at its first use, and again after anything went wrong."""

    def __init__(self, server: Server):
        self._server = server
        self._stream: _Stream | None = None
        self._opening: asyncio.Task[_Stream] | None = None

    async def ask(self, *commands: Command) -> list[Any]:
        """Send commands, and return what Redis answers to each, its errors too.

        Raise ``RedisError`` when Redis does not answer.
        """
        stream = self._stream
        if stream is None or not stream.is_open:
            stream = await self._open()
        if not stream.is_open:
            # Redis has hung up between the connection's opening and this turn.
            raise ConnectionError("Redis has hung up")
        return await stream.ask(commands)

    def close(self) -> None:
        """Close the connection until its next use; whoever waits is told."""
        if self._stream is not None:
            self._stream.end(ConnectionError("it was closed"))

    async def _open(self) -> "_Stream":
        """Open a connection, one for all who wait for it."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._connect())
        return await self._opening

    async def _connect(self) -> "_Stream":
        loop = asyncio.get_running_loop()
        connection = self._server.new_connection()
        # redis-py waits for the network, which is not for the loop.
        await loop.run_in_executor(None, connection.connect)
        connection._sock.setblocking(False)
        stream = self._stream = _Stream(connection, self._server.seconds, loop)
        try:
            await loop.create_connection(lambda: stream, sock=connection._sock)
        except OSError as error:
            connection.disconnect()
            raise ConnectionError(f"Redis has hung up: {error}") from error
        return stream


@dataclass(slots=True, eq=False)
class _Asked:
    """How many answers somebody waits for, and since when."""

    count: int
    answers: "asyncio.Future[list[Any]]"
    sent: float = math.inf


class _Stream(asyncio.Protocol):
    """An open connection; once it is closed it stays so."""

    def __init__(
        self, connection: Any, seconds: float | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._connection = connection
        self._seconds = seconds
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._reader = Reader(replyError=ResponseError)
        self._packed: list[bytes] = []
        self._answers: list[Any] = []
        self._waiting: deque[_Asked] = deque()
        self._unsent: list[_Asked] = []
        self._is_watched = False

    @property
    def is_open(self) -> bool:
        """Whether anything can be asked."""
        return self._transport is not None

    def ask(self, commands: tuple[Command, ...]) -> "asyncio.Future[list[Any]]":
        """Send commands at the end of this turn."""
        asked = _Asked(len(commands), self._loop.create_future())
        self._waiting.append(asked)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(asked)
        self._packed += [pack(each) for each in commands]
        if self._seconds and not self._is_watched:
            self._is_watched = True
            self._loop.call_later(self._seconds, self._watch, self._seconds)
        return asked.answers

    def _flush(self) -> None:
        packed, self._packed = self._packed, []
        unsent, self._unsent = self._unsent, []
        now = self._loop.time()
        for each in unsent:
            each.sent = now
        if self._transport is not None:
            self._transport.write(b"".join(packed))

    def _watch(self, seconds: float) -> None:
        """See that whoever waits longest does not wait too long."""
        self._is_watched = bool(self._waiting)
        if self._waiting:
            first = self._waiting[0]
            left = min(seconds, first.sent + seconds - self._loop.time())
            if left > 0:
                self._loop.call_later(left, self._watch, seconds)
            else:
                # It may be this loop that is late: what has come is read in the next turn.
                self._loop.call_soon(self._loop.call_soon, self._give_up, first, seconds)

    def _give_up(self, first: "_Asked", seconds: float) -> None:
        if self._waiting and self._waiting[0] is first:
            self.end(TimeoutError("Redis does not answer in time"))
        else:
            self._watch(seconds)

    def end(self, error: RedisError) -> None:
        """Close it, and tell all who wait why there is no answer."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
            self._connection.disconnect()
        while self._waiting:
            answers = self._waiting.popleft().answers
            if not answers.done():
                answers.set_exception(error)

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Take note that Redis has hung up."""
        self.end(ConnectionError(f"Redis has hung up: {error}" if error else "Redis has hung up"))

    def data_received(self, data: bytes) -> None:
        """Hand answers to those who wait for them."""
        self._reader.feed(data)
        while self._waiting:
            answer = self._reader.gets()
            if answer is False:
                return
            if isinstance(answer, PushNotification):
                continue
            self._answers.append(answer)
            asked = self._waiting[0]
            if len(self._answers) == asked.count:
                self._waiting.popleft()
                if not asked.answers.done():
                    asked.answers.set_result(self._answers)
                self._answers = []
