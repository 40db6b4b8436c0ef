"""A service in granian's event loop (RSGI): hits are answered there, all else in threads.

A hit is little work and a wait for Redis.  Threads that wait take turns at the interpreter, which
costs more than the work; in the loop nobody takes turns, and what all of them ask of Redis goes out
together (``shared.pipeline``).
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, cast

from flask import Flask
from granian._granian import RSGIProtocolClosed as ProtocolClosed
from werkzeug.middleware.proxy_fix import ProxyFix

from shared.backends import Backends
from shared.exchange import Server
from shared.front import ANSWER, Front
from shared.pipeline import Pipeline
from shared.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_PIECE = 1 << 16  # bytes of a body that comes or goes in one piece


class Rsgi:
    """Serves an app whose Redis is one server."""

    def __init__(self, app: Flask, settings: Settings):
        backends: Backends = app.extensions["backends"]
        self._app = app.wsgi_app
        self._front: Front = app.extensions["front"]
        self._pipeline = Pipeline(cast(Server, backends.redis))
        self._threads = ThreadPoolExecutor(settings.threads, "request")
        proxies = settings.trusted_proxies
        self._behind = ProxyFix(_nothing, proxies, proxies) if proxies else None

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request (granian's RSGI 1.6)."""
        environ = _environ(scope)
        if scope.method in ("GET", "HEAD"):
            if self._behind:
                # Who asks is what a request is counted by, and only the proxy knows.
                self._behind(environ, _Start())
            await self._front.look_up(environ, self._pipeline)
            if environ.get(ANSWER):
                start = _Start()
                body = b"".join(self._app(environ, start))
                protocol.response_bytes(start.status, start.headers, body)
                return
        loop = asyncio.get_running_loop()
        environ |= {
            "SCRIPT_NAME": "",
            "SERVER_NAME": scope.server.rpartition(":")[0],
            "SERVER_PORT": scope.server.rpartition(":")[2],
            "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
            "wsgi.version": (1, 0),
            "wsgi.input": await _body(environ, protocol, loop),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        await loop.run_in_executor(self._threads, self._run, environ, protocol, loop)

    def _run(
        self, environ: "WSGIEnvironment", protocol: Any, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Have the app answer; in a thread, since it waits for whatever it likes."""
        start = _Start()
        chunks = self._app(environ, start)
        try:
            if start.is_short or environ["REQUEST_METHOD"] == "HEAD":
                protocol.response_bytes(start.status, start.headers, b"".join(chunks))
                return
            stream = protocol.response_stream(start.status, start.headers)
            for chunk in chunks:
                asyncio.run_coroutine_threadsafe(_send(stream, chunk), loop).result()
        except ProtocolClosed:
            pass  # The client has gone.
        finally:
            if close := getattr(chunks, "close", None):
                close()


class _Start:
    """Notes what an app begins its answer with (PEP 3333)."""

    status = 500
    headers: Sequence[tuple[str, str]] = ()

    def __call__(
        self, status: str, headers: list[tuple[str, str]], error: object = None
    ) -> Callable[[bytes], object]:
        self.status, self.headers = int(status[:3]), headers
        return _write

    @property
    def is_short(self) -> bool:
        """Whether the answer may be sent in one piece."""
        if self.status in (204, 304):
            return True
        lengths = [int(value) for name, value in self.headers if name == "Content-Length"]
        return bool(lengths) and lengths[0] <= MAX_PIECE


class _Body(io.RawIOBase):
    """The body of a request, for a thread that reads it as it comes."""

    def __init__(self, protocol: Any, loop: asyncio.AbstractEventLoop):
        self._chunks = aiter(protocol)
        self._loop = loop
        self._came = b""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for more; return how many bytes there are, 0 at the end."""
        if not self._came:
            self._came = asyncio.run_coroutine_threadsafe(self._more(), self._loop).result()
        count = min(len(buffer), len(self._came))
        buffer[:count], self._came = self._came[:count], self._came[count:]
        return count

    async def _more(self) -> bytes:
        try:
            while not (chunk := await anext(self._chunks)):
                pass
            return bytes(chunk)
        except StopAsyncIteration:
            return b""


async def _body(
    environ: "WSGIEnvironment", protocol: Any, loop: asyncio.AbstractEventLoop
) -> IO[bytes]:
    """Return the body of a request; one that is short is waited for by no thread."""
    length = environ.get("CONTENT_LENGTH", "0")
    if "HTTP_TRANSFER_ENCODING" in environ or not length.isdigit() or int(length) > MAX_PIECE:
        return io.BufferedReader(_Body(protocol, loop), MAX_PIECE)
    return io.BytesIO(await protocol() if int(length) else b"")


async def _send(stream: Any, chunk: bytes) -> None:
    await stream.send_bytes(chunk)


def _environ(scope: Any) -> "WSGIEnvironment":
    """Return as much of a request's environment (PEP 3333) as a hit needs."""
    path = scope.path
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": path if path.isascii() else path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "HTTP_HOST": scope.authority or "",
        "wsgi.url_scheme": scope.scheme,
    }
    for header, value in scope.headers.items():
        if name := _name(header):
            known = environ.get(name)
            environ[name] = f"{known},{value}" if known else value
    return environ


@lru_cache(maxsize=512)
def _name(header: str) -> str:
    """Return how an environment names a header, nothing for one that would take another's name."""
    if header in ("content-type", "content-length"):
        return header.upper().replace("-", "_")
    return "" if "_" in header else "HTTP_" + header.upper().replace("-", "_")


def _nothing(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    return ()


def _write(data: bytes) -> object:
    raise NotImplementedError("Nobody calls write(), which is for old code only (PEP 3333).")
