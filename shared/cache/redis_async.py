"""Client of one Redis server for an event loop: all requests share one connection.

The commands that requests send in one turn of the loop go out in one packet.  So many round trips
cost little more than one, and the more there is to do, the cheaper each of them becomes.
"""

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from hiredis import Reader
from redis import ConnectionError, RedisError, ResponseError, TimeoutError

from shared.cache.redis_client import ASK_RUN, Command, Replies, Server, mark_in, pack


class AsyncServer:
    """Client that connects at its first use, and again after every failure."""

    def __init__(self, server: Server):
        self._options = server.get_connection_kwargs()
        self._stream: _Stream | None = None
        self._opening: asyncio.Task[_Stream] | None = None

    async def exchange(self, *commands: Command) -> Replies:
        """Send commands in one round trip, and return the reply to each; errors are replies, too.

        Raises:
            RedisError: Redis does not answer.
        """
        stream = self._stream
        if stream is None or not stream.is_open:
            stream = await self._open()
        if not stream.is_open:
            # Redis has closed the connection between its opening and this turn.
            raise ConnectionError("Redis has closed the connection")
        return await stream.send(commands)

    def close(self) -> None:
        """Close the connection until its next use; requests that wait get an error."""
        if self._stream is not None:
            self._stream.end(ConnectionError("the connection was closed"))

    async def _open(self) -> "_Stream":
        """Open a connection, one for all requests that wait for it."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._connect())
        return await self._opening

    async def _connect(self) -> "_Stream":
        options, loop = self._options, asyncio.get_running_loop()
        stream = _Stream(options.get("socket_timeout"), loop)
        try:
            async with asyncio.timeout(options.get("socket_connect_timeout")):
                if path := options.get("path"):
                    await loop.create_unix_connection(lambda: stream, path)
                else:
                    host, port = options.get("host", "localhost"), options.get("port", 6379)
                    await loop.create_connection(lambda: stream, host, port)
        except OSError as error:
            raise ConnectionError(f"Redis cannot be reached: {error}") from error
        *logins, run = await stream.send((*_handshake(options), ASK_RUN))
        for reply in logins:
            if isinstance(reply, Exception):
                refusal = ConnectionError(f"Redis refuses the connection: {reply}")
                stream.end(refusal)
                raise refusal from reply
        stream.mark = mark_in(run)
        self._stream = stream
        return stream


def _handshake(options: Mapping[str, Any]) -> tuple[Command, ...]:
    """Return the commands that log in and choose a database."""
    commands: list[Command] = []
    if password := options.get("password"):
        user = options.get("username")
        commands.append(("AUTH", *([user] if user else []), password))
    if database := options.get("db"):
        commands.append(("SELECT", database))
    return tuple(commands)


@dataclass(slots=True, eq=False)
class _Request:
    """The replies that a request waits for: how many, and since when."""

    count: int
    replies: "asyncio.Future[Replies]"
    sent: float = math.inf


class _Stream(asyncio.Protocol):
    """Open connection; once it is closed it stays closed."""

    def __init__(self, seconds: float | None, loop: asyncio.AbstractEventLoop) -> None:
        self._seconds = seconds
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._reader = Reader(replyError=ResponseError)
        self._packed: list[bytes] = []
        self._replies = Replies()
        self._waiting: deque[_Request] = deque()
        self._unsent: list[_Request] = []
        self._is_watched = False
        self.mark = b""

    @property
    def is_open(self) -> bool:
        """Return True if commands can be sent."""
        return self._transport is not None

    def send(self, commands: tuple[Command, ...]) -> "asyncio.Future[Replies]":
        """Send commands at the end of this turn of the loop."""
        request = _Request(len(commands), self._loop.create_future())
        self._waiting.append(request)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(request)
        self._packed += [pack(command) for command in commands]
        if self._seconds and not self._is_watched:
            self._is_watched = True
            self._loop.call_later(self._seconds, self._watch, self._seconds)
        return request.replies

    def _flush(self) -> None:
        packed, self._packed = self._packed, []
        unsent, self._unsent = self._unsent, []
        now = self._loop.time()
        for request in unsent:
            request.sent = now
        if self._transport is not None:
            self._transport.write(b"".join(packed))

    def _watch(self, seconds: float) -> None:
        """Close the connection when the request that waits longest has waited so many seconds."""
        self._is_watched = bool(self._waiting)
        if self._waiting:
            first = self._waiting[0]
            left = min(seconds, first.sent + seconds - self._loop.time())
            if left > 0:
                self._loop.call_later(left, self._watch, seconds)
            else:
                # It may be this loop that is late: replies that have come are read in the next
                # turn.
                self._loop.call_soon(self._loop.call_soon, self._give_up, first, seconds)

    def _give_up(self, first: "_Request", seconds: float) -> None:
        if self._waiting and self._waiting[0] is first:
            self.end(TimeoutError("Redis does not answer in time"))
        else:
            self._watch(seconds)

    def end(self, error: RedisError) -> None:
        """Close the connection, and fail all requests that wait with an error."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        while self._waiting:
            replies = self._waiting.popleft().replies
            if not replies.done():
                replies.set_exception(error)

    # The methods of asyncio.Protocol, which the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport of the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the requests that wait, because Redis has closed the connection."""
        reason = f": {error}" if error else ""
        self.end(ConnectionError(f"Redis has closed the connection{reason}"))

    def data_received(self, data: bytes) -> None:
        """Hand replies to the requests that wait for them."""
        self._reader.feed(data)
        while self._waiting:
            reply = self._reader.gets()
            if reply is False:
                return
            self._replies.append(reply)
            request = self._waiting[0]
            if len(self._replies) == request.count:
                self._waiting.popleft()
                self._replies.mark = self.mark
                if not request.replies.done():
                    request.replies.set_result(self._replies)
                self._replies = Replies()
