"""ASGI application around the Flask app of the console: a thread works only while work is there.

An event loop reads the head and the beginning of the body of each request, and sends each response
whose length is known.  So a slow client holds no thread.  A thread reads the rest of a long body,
and sends the events of a stream as they come.  The number of such bodies is limited, and a client
that is too slow is disconnected.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask

from shared.http.errors import BadRequest, ServiceUnavailable
from shared.http.request_state import FAULT, build_environ

BODY_SECONDS = 15  # that a client has for the body of its request, and more by its length
SEND_SECONDS = 15  # that a client has to read a part of a response, and more by its length
BYTES_PER_SECOND = 50_000
BEGIN_BYTES = 1 << 16  # of a body, which the loop reads before a thread is used
WHOLE_BYTES = 1 << 20  # of a response, which the loop sends after the thread has left
MAX_LONG_BODIES = 8  # that threads read at the same time

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Head = tuple[int, list[tuple[bytes, bytes]]]


class ClientLeft(ConnectionError):
    """The client has closed the connection, or does not read its response."""


class AsgiConsole:
    """The console as an ASGI application (ASGI 3.0).

    Args:
        app: The Flask app.
        threads: The number of requests that are worked on, and streams that are sent, at once.
    """

    def __init__(self, app: Flask, threads: int):
        self._app = app
        self._threads = ThreadPoolExecutor(threads, "request")
        self._long_bodies = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # The server refuses the handshake with a 403.
            return
        if scope["type"] != "http":
            raise ValueError(f"Only HTTP is served here, not {scope['type']}.")
        loop = asyncio.get_running_loop()
        environ = build_environ(scope) | _target(scope)
        body = environ["wsgi.input"] = Body(receive, loop)
        try:
            await body.read_to(BEGIN_BYTES)
        except OSError:
            environ[FAULT] = BadRequest("The body is not complete. Send all of it again.")
        with contextlib.ExitStack() as place:
            if not body.is_over and FAULT not in environ:
                self._take_place(environ, place)
            reply = Reply(send, receive if body.is_over else None, loop)
            try:
                await loop.run_in_executor(self._threads, self._run, environ, reply)
                await reply.send_rest()
            except ClientLeft:
                pass  # Without an end of the response, the server closes the connection.
            finally:
                reply.close()

    def close(self) -> None:
        """End all streams, so that the process can end."""
        self._app.extensions["console"].hub.close()

    def _take_place(self, environ: Message, place: contextlib.ExitStack) -> None:
        """Count a long body until the end of a block; else refuse its request."""
        if self._long_bodies >= MAX_LONG_BODIES:
            environ[FAULT] = ServiceUnavailable(
                f"{MAX_LONG_BODIES} long bodies are being read, which is the limit. Retry in 1 s."
            )
            return
        self._long_bodies += 1
        place.callback(self._leave_place)

    def _leave_place(self) -> None:
        self._long_bodies -= 1

    def _run(self, environ: Message, reply: "Reply") -> None:
        """Have Flask answer a request; in a thread."""
        parts = self._app.wsgi_app(environ, reply.start)
        try:
            reply.send_parts(parts)
        finally:
            if close := getattr(parts, "close", None):
                close()


class Body:
    """The body of a request, as ``wsgi.input``: the loop reads its beginning, a thread the rest.

    Args:
        receive: Returns the next message of the client.
        loop: The event loop.
    """

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop):
        self._receive, self._loop = receive, loop
        self._bytes = bytearray()
        self._length = 0  # that has come
        self._began = loop.time()
        self.is_over = False

    async def read_to(self, length: int) -> None:
        """Read until this number of bytes wait, or to the end.

        Raises:
            TimeoutError: The client is too slow.
            ConnectionError: The client has left.
        """
        while not self.is_over and len(self._bytes) < length:
            until = self._began + BODY_SECONDS + self._length / BYTES_PER_SECOND
            async with asyncio.timeout_at(until):
                message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            part = message.get("body", b"")
            self._bytes += part
            self._length += len(part)
            self.is_over = not message.get("more_body", False)

    def read(self, size: int = -1) -> bytes:
        """Return this number of bytes, or all; fewer at the end only.

        Raises:
            OSError: The client is too slow, or has left.
        """
        length = sys.maxsize if size is None or size < 0 else size
        if not self.is_over and len(self._bytes) < length:
            asyncio.run_coroutine_threadsafe(self.read_to(length), self._loop).result()
        part = bytes(self._bytes[:length])
        del self._bytes[:length]
        return part


class Reply:
    """The response to one request: its parts are sent as they come, or all after the thread left.

    Args:
        send: Sends a message to the client.
        receive: Returns when the client has left; None while its body is read.
        loop: The event loop.
    """

    def __init__(self, send: Send, receive: Receive | None, loop: asyncio.AbstractEventLoop):
        self._send, self._loop = send, loop
        self._left = loop.create_task(_disconnected(receive)) if receive else None
        self._head: Head = (500, [])
        self._is_begun = False
        self._whole: bytes | None = None

    def start(
        self, status: str, headers: list[tuple[str, str]], error: Any = None, /
    ) -> Callable[[bytes], object]:
        """Take the head of the response; this is ``start_response`` (PEP 3333)."""
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        self._head = int(status.split(maxsplit=1)[0]), pairs
        return _no_writer

    def send_parts(self, parts: Iterable[bytes]) -> None:
        """Send a body, or leave it to the loop if its length is known and not large; in a thread.

        Raises:
            ClientLeft: The client has left, or does not read.
        """
        length = dict(self._head[1]).get(b"content-length", b"")
        if length.isdigit() and int(length) <= WHOLE_BYTES:
            self._whole = b"".join(parts)
            return
        for part in parts:
            asyncio.run_coroutine_threadsafe(self._send_part(part), self._loop).result()

    async def send_rest(self) -> None:
        """Send what the thread has left: the whole response, or its end.

        Raises:
            ClientLeft: The client has left, or does not read.
        """
        await self._send_part(self._whole or b"", has_more=False)

    def close(self) -> None:
        """Stop watching the client."""
        if self._left:
            self._left.cancel()

    async def _send_part(self, part: bytes, has_more: bool = True) -> None:
        if self._left and self._left.done():
            raise ClientLeft
        try:
            async with asyncio.timeout(SEND_SECONDS + len(part) / BYTES_PER_SECOND):
                if not self._is_begun:
                    self._is_begun = True
                    status, headers = self._head
                    start = {"type": "http.response.start", "status": status, "headers": headers}
                    await self._send(start)
                body = {"type": "http.response.body", "body": part, "more_body": has_more}
                await self._send(body)
        except TimeoutError as error:
            raise ClientLeft from error


def _no_writer(_part: bytes) -> None:
    raise NotImplementedError("Flask returns the parts of a body.")


async def _disconnected(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _target(scope: Message) -> Message:
    """Return the target of a request as it was sent: its bytes are passed on."""
    path, query = (scope[name].decode("latin-1") for name in ("raw_path", "query_string"))
    return {
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "RAW_URI": f"{path}?{query}" if query else path,
    }
