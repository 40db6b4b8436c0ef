"""ASGI application of a service: cached reads in the event loop, all other requests in threads.

A hit is little work and a wait for Redis.  Waiting threads take turns at the interpreter, which
costs more than the work.  The loop avoids these turns, and sends the look-ups of all its requests
to Redis together (``shared.cache.redis_async``).

The body of a request is read before a thread is used, so that a slow client holds no thread.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache, partial
from importlib import import_module
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask

from shared.cache.redis_async import AsyncServer
from shared.cache.redis_client import Server
from shared.chain.chain import Chain
from shared.chain.expectations import is_refused
from shared.config.settings import Settings
from shared.config.startup import read_settings
from shared.http.auth import Auth
from shared.http.errors import BadRequest
from shared.http.request_state import (
    CLIENT,
    FAULT,
    Answer,
    RequestState,
    begin,
    build_environ,
)
from shared.observability.tap import TAP
from shared.resource.caching import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_IN_MEMORY = 1 << 16  # bytes of a body; a larger one is written to an unnamed file
BODY_SECONDS = 15  # for the body of a request, and more by its length
SEND_SECONDS = 10  # for a part of a response, and more by its length
BYTES_PER_SECOND = 50_000
SMALL = 1 << 16  # bytes of a response that the server keeps until the client reads them
# Seconds until a thread that works lets the event loop go on, which waits for each busy thread in
# turn, several times in each hit.
TURN_SECONDS = 0.001

T = TypeVar("T")
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiService:
    """ASGI application that serves a Flask app, with the ``Chain`` around it.

    Args:
        app: The app, as ``build_app`` returns it.
        settings: The settings, for the number of threads.
    """

    def __init__(self, app: Flask, settings: Settings):
        redis = app.extensions["connections"].redis
        has_loop = isinstance(redis, Server) and not (redis.has_tls or settings.redis_read_url)
        self.app = app
        self._chain: Chain = app.extensions["chain"]
        self._auth: Auth = app.extensions["auth"]
        self._redis = AsyncServer(redis) if has_loop else None
        self._threads = ThreadPoolExecutor(settings.threads, "request")
        # Writes may wait for the lease of the cache, and must not keep reads waiting.
        self._readers = ThreadPoolExecutor(max(2, settings.threads // 2), "read")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3.0)."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # The server refuses the handshake with a 403.
            return
        if scope["type"] != "http":
            raise ValueError(f"Only HTTP is served here, not {scope['type']}.")
        environ = build_environ(scope)
        reads = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        state = None
        if reads and self._redis and not self._auth.waits(environ):
            state = begin(environ)
            answer = await self._chain.look_up(state, self._redis)
            if answer is not None:
                await _send_whole(send, answer)
                return
        if not reads and "HTTP_EXPECT" in environ:
            state = begin(environ)
            if answer := await self._run(self._chain.check, state):
                await _send_whole(send, answer)
                return
        # Without a body to read, the server does not ask the client for it.
        is_bodiless = reads or (state is not None and is_refused(self.app, state))
        environ["wsgi.input"] = BytesIO() if is_bodiless else await self._read(environ, receive)
        if state is not None and FAULT in environ:  # The body has it; the head was checked before.
            await _send_whole(send, self._chain.refuse(state, environ[FAULT]))
            return
        client = environ[CLIENT] = Watch(receive, asyncio.get_running_loop())
        try:
            await self._respond(environ, state, send)
        finally:
            client.end()

    async def _run(self, work: Callable[[RequestState], T], state: RequestState) -> T:
        """Do work that may wait for other servers in a thread."""
        loop, run = asyncio.get_running_loop(), copy_context().run
        return await loop.run_in_executor(self._threads, run, work, state)

    async def _read(
        self, environ: "WSGIEnvironment", receive: Receive
    ) -> SpooledTemporaryFile[bytes]:
        """Read the body of a request into a file, without holding a thread.

        A body that is too long ends early; one that declares too large a length is not read.  One
        that breaks off or is late is a fault of the request.
        """
        # It is closed with the environment, which a thread may read longer than the loop does.
        body = SpooledTemporaryFile[bytes](MAX_IN_MEMORY)
        is_form = environ.get("CONTENT_TYPE", "").startswith("multipart/")
        most = self.app.config["MAX_FORM_LENGTH" if is_form else "MAX_CONTENT_LENGTH"]
        declared = environ.get("CONTENT_LENGTH", "0")
        length = int(declared) if declared.isdecimal() else 0
        if "HTTP_TRANSFER_ENCODING" not in environ and not 0 < length <= most:
            return body
        until = asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(until + length / BYTES_PER_SECOND) as patience:
                has_more = True
                while has_more and body.tell() <= most:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise TimeoutError
                    body.write(message.get("body", b""))
                    has_more = message.get("more_body", False)
                    patience.reschedule(until + max(length, body.tell()) / BYTES_PER_SECOND)
        except TimeoutError:
            environ[FAULT] = BadRequest("The body is not complete. Send all of it again.")
        body.seek(0)
        return body

    async def _respond(
        self, environ: "WSGIEnvironment", state: RequestState | None, send: Send
    ) -> None:
        """Have a thread make the answer, because it waits for MongoDB and other services.

        A request with a state was looked up before.
        """
        loop, run = asyncio.get_running_loop(), copy_context().run
        make = partial(self._chain.make, state) if state else partial(self._chain.respond, environ)
        is_cacheable = state is not None and state.lookup is not None
        threads = self._readers if is_cacheable else self._threads
        answer = await loop.run_in_executor(threads, run, make)
        if isinstance(answer, Outcome):
            assert state
            assert self._redis
            answer = await self._chain.complete(state, answer, self._redis)
        if isinstance(answer.body, list):
            await _send_whole(send, answer)
            return
        await send(_head(answer))
        if await loop.run_in_executor(self._threads, run, _stream, answer, send, loop):
            await send({"type": "http.response.body", "body": b""})


class Watch:
    """Watches a connection; from a thread, it tells whether the client is still connected."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop):
        self._receive, self._loop = receive, loop
        self._end: Future[None] | None = None

    @property
    def is_connected(self) -> bool:
        """True until the client closes the connection."""
        if self._end is None:
            self._end = asyncio.run_coroutine_threadsafe(self._wait(), self._loop)
        return not self._end.done()

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def end(self) -> None:
        """Stop watching."""
        if self._end is not None:
            self._end.cancel()


def _stream(answer: Answer, send: Send, loop: asyncio.AbstractEventLoop) -> bool:
    """Send a body part by part, each when the client has read most of those before.

    Return False if the client does not read; the server then ends the connection.
    """
    try:
        for part in answer.body:
            message = {"type": "http.response.body", "body": part, "more_body": True}
            asyncio.run_coroutine_threadsafe(_send(send, message), loop).result()
        return True
    except TimeoutError:
        return False
    finally:
        if close := getattr(answer.body, "close", None):
            close()


async def _send_whole(send: Send, answer: Answer) -> None:
    """Send an answer; give up if the client does not read it, so that the server ends it."""
    await send(_head(answer))
    body = b"".join(answer.body)
    message = {"type": "http.response.body", "body": body}
    if len(body) <= SMALL:
        await send(message)
        return
    with contextlib.suppress(TimeoutError):
        await _send(send, message)


async def _send(send: Send, message: Message) -> None:
    """Send a part of a response; raise ``TimeoutError`` if the client does not read it."""
    async with asyncio.timeout(SEND_SECONDS + len(message["body"]) / BYTES_PER_SECOND):
        await send(message)


def _head(answer: Answer) -> Message:
    headers = [(_lower(name), value.encode("latin-1")) for name, value in answer.headers]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


@lru_cache(maxsize=512)
def _lower(name: str) -> bytes:
    return name.lower().encode("latin-1")


def service(factory: str) -> AsgiService:
    """Return the ASGI application of a service.

    Args:
        factory: The package of the service, such as ``api_products``, or a function that returns
            its Flask app, such as ``api_products.app:create_app``.
    """
    module, _, function = factory.partition(":")
    create = getattr(
        import_module(module if function else f"{module}.app"), function or "create_app"
    )
    app, settings = create(), read_settings()
    sys.setswitchinterval(TURN_SECONDS)
    TAP.start(app.extensions["connections"].redis, app.extensions["resource"].name)
    return AsgiService(app, settings)
