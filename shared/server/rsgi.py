"""RSGI application for granian: answers hits in the event loop, other requests in threads.

A hit is little work and a wait for Redis.  Waiting threads take turns at the interpreter, which
costs more than the work.  The loop avoids these turns, and sends the requests of all hits to Redis
together (``shared.cache.redis_async``).
"""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from flask import Flask
from granian._granian import RSGIProtocolClosed as ProtocolClosed
from werkzeug.middleware.proxy_fix import ProxyFix

from shared.cache.redis_async import AsyncServer
from shared.cache.redis_client import Server
from shared.config.settings import Settings
from shared.http.errors import BadRequest
from shared.server.cache_middleware import ANSWER, CacheMiddleware
from shared.server.connection import BODY_SECONDS, BYTES_PER_SECOND, SEND_SECONDS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_IN_MEMORY = 1 << 16  # bytes of a body; a larger one is written to an unnamed file


class Rsgi:
    """Serves an app; hits in the loop if its Redis is a single server without TLS."""

    def __init__(self, app: Flask, settings: Settings):
        redis = app.extensions["connections"].redis
        has_loop = isinstance(redis, Server) and not (redis.has_tls or settings.redis_read_url)
        self._app = app.wsgi_app
        self._cache_middleware: CacheMiddleware = app.extensions["cache_middleware"]
        self._pipeline = AsyncServer(redis) if has_loop else None
        self._threads = ThreadPoolExecutor(settings.threads, "request")
        self._config = app.config
        proxies = settings.trusted_proxies
        self._behind = ProxyFix(_nothing, proxies, proxies) if proxies else None

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request (granian's RSGI 1.6)."""
        environ = _environ(scope)
        reads = scope.method in ("GET", "HEAD")
        if reads and self._pipeline and ANSWER not in environ:
            if self._behind:
                # Requests are counted by the client's address, which only the proxy knows.
                self._behind(environ, _Start())
            await self._cache_middleware.look_up(environ, self._pipeline)
            if environ.get(ANSWER):
                start = _Start()
                answer = start.whole(self._app(environ, start))
                with contextlib.suppress(ProtocolClosed):
                    protocol.response_bytes(start.status, start.headers, answer)
                return
        kind = "FORM" if environ.get("CONTENT_TYPE", "").startswith("multipart/") else "CONTENT"
        with SpooledTemporaryFile(MAX_IN_MEMORY) as body:
            if not reads:
                await _read(environ, protocol, self._config[f"MAX_{kind}_LENGTH"], body)
            loop = asyncio.get_running_loop()
            client = environ["vitrine.client"] = Client(protocol, loop)
            environ |= {"wsgi.input": body, **_server(scope)}
            if "HTTP_TRANSFER_ENCODING" in environ:
                environ["wsgi.input_terminated"] = True  # Otherwise werkzeug reads its length.
            try:
                await loop.run_in_executor(self._threads, self._run, environ, protocol, loop)
            finally:
                client.close()

    def _run(
        self, environ: "WSGIEnvironment", protocol: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Run the app in a thread, because it waits for MongoDB and other services."""
        start = _Start()
        chunks = self._app(environ, start)
        try:
            if start.is_whole or environ["REQUEST_METHOD"] == "HEAD":
                protocol.response_bytes(start.status, start.headers, start.whole(chunks))
                return
            stream = protocol.response_stream(start.status, start.headers)
            for chunk in itertools.chain(start.written, chunks):
                asyncio.run_coroutine_threadsafe(_send(stream, chunk), loop).result()
        except (ProtocolClosed, TimeoutError):
            pass  # The client has disconnected, or has stopped reading.
        finally:
            if close := getattr(chunks, "close", None):
                close()


class Client:
    """Client of a request, so that a waiting thread notices when it disconnects."""

    def __init__(self, protocol: Any, loop: asyncio.AbstractEventLoop):
        self._protocol = protocol
        self._loop = loop
        self._going: Future[None] | None = None

    @property
    def is_there(self) -> bool:
        """Return True while the client is connected."""
        if self._going is None:
            self._going = asyncio.run_coroutine_threadsafe(self._go(), self._loop)
        return not self._going.done()

    async def _go(self) -> None:
        await self._protocol.client_disconnect()

    def close(self) -> None:
        """Stop watching the connection."""
        if self._going is not None:
            self._going.cancel()


class _Start:
    """Records the status and the headers of an app's response (PEP 3333)."""

    status = 500
    headers: Sequence[tuple[str, str]] = ()

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def __call__(
        self, status: str, headers: list[tuple[str, str]], error: object = None
    ) -> Callable[[bytes], object]:
        self.status, self.headers = int(status[:3]), headers
        return self.written.append

    def whole(self, chunks: Iterable[bytes]) -> bytes:
        """Return the body of the response in one piece."""
        return b"".join([*self.written, *chunks])

    @property
    def is_whole(self) -> bool:
        """Return True if the length of the response is known, so it is sent in one piece."""
        names = {name.lower() for name, _ in self.headers}
        return self.status in (204, 304) or "content-length" in names


async def _read(
    environ: "WSGIEnvironment", protocol: Any, most: int, body: SpooledTemporaryFile[bytes]
) -> None:
    """Read the body of a request into a file, without holding a thread.

    A body that is late or too long ends early; one that declares too large a length is not read.
    """
    given = environ.get("CONTENT_LENGTH", "0")
    length = int(given) if given.isdecimal() else 0
    if "HTTP_TRANSFER_ENCODING" not in environ and not 0 < length <= most:
        return
    until = asyncio.get_running_loop().time() + BODY_SECONDS
    try:
        async with asyncio.timeout_at(until + length / BYTES_PER_SECOND) as patience:
            async for chunk in protocol:
                body.write(chunk)
                if body.tell() > most:
                    break
                patience.reschedule(until + max(length, body.tell()) / BYTES_PER_SECOND)
    except (TimeoutError, ProtocolClosed):
        pass
    body.seek(0)


async def _send(stream: Any, chunk: bytes) -> None:
    """Send a piece of a response; raise ``TimeoutError`` if the client does not read it."""
    async with asyncio.timeout(SEND_SECONDS + len(chunk) / BYTES_PER_SECOND):
        await stream.send_bytes(chunk)


def _environ(scope: Any) -> "WSGIEnvironment":
    """Return the part of a request's environment (PEP 3333) that a hit needs."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": _latin(scope.path),
        "QUERY_STRING": _latin(scope.query_string),
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.url_scheme": scope.scheme,
    }
    given = scope.headers.items()
    for header, value in given:
        if name := _name(header):
            known = environ.get(name)
            environ[name] = f"{known},{value}" if known else value
    if len({header for header, _ in given}) != len(scope.headers.keys()):
        # granian drops such a header, so its value would be ignored.
        _refuse(environ, "A header has bytes in it that are not ASCII.")
    elif "," in environ.get("HTTP_HOST", ""):
        _refuse(environ, "There is more than one Host.")
    if scope.authority or "HTTP_HOST" not in environ:
        environ["HTTP_HOST"] = scope.authority or ""  # It replaces the header (RFC 9112, 3.2).
    return environ


def _server(scope: Any) -> "WSGIEnvironment":
    """Return the part of an environment that describes the server."""
    host, _, port = scope.server.rpartition(":")
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _refuse(environ: dict[str, Any], why: str) -> None:
    """Make Flask answer with a 400 that names the error."""
    environ["vitrine.refused"], environ[ANSWER] = BadRequest(why), None


def _latin(text: str) -> str:
    """Return a text as WSGI passes it: its bytes as Latin-1 (PEP 3333)."""
    return text if text.isascii() else text.encode().decode("latin-1")


@lru_cache(maxsize=512)
def _name(header: str) -> str:
    """Return the name of a header in an environment, empty if it could pass for another header."""
    if header in ("content-type", "content-length"):
        return header.upper().replace("-", "_")
    return "" if "_" in header else "HTTP_" + header.upper().replace("-", "_")


def _nothing(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    return ()
