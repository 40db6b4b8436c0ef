"""WSGI middleware that answers cache hits without Flask, and rewrites paths to canonical ones.

The cache address of a response is a pure function of the URL, so it is computed once for each URL
and kept.  A hit costs one round trip to Redis and does not enter Flask.  Every other request goes
on to Flask, with the result of the lookup, so that Redis is not asked twice.

A path may start with ``/api``, ``/v1`` or ``/api/v1`` and end in a slash: it means the same path
without them.  It is not redirected, because older clients turn a redirected POST into a GET.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask
from werkzeug.http import parse_etags
from werkzeug.middleware.proxy_fix import ProxyFix

from shared.cache.cache import Cache
from shared.cache.entry import Lookup
from shared.cache.keys import Address
from shared.cache.rate_counter import RateCounter
from shared.cache.redis_async import AsyncServer
from shared.config.settings import Settings
from shared.http import cors
from shared.http.access_log import record_request, request_id
from shared.http.auth import Auth
from shared.http.errors import PROBLEM, ApiError, problem_document
from shared.http.responses import CACHE_CONTROL, JSON_UTF8, SECURITY
from shared.http.tokens import Principal
from shared.observability.metrics import LOOKUPS
from shared.resource import Resource
from shared.schema.slugs import RESERVED
from shared.server.rate_limits import Allowance, Limit, Limits

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ANSWER = "vitrine.answer"  # key in environ: status, headers and body; None if Flask is to answer
MAX_TARGETS = 5_000  # URLs that are kept
MAX_LENGTH = 500  # characters of a URL, its query and Prefer; a longer one is not kept

Identify = Callable[["WSGIEnvironment"], Principal | None]
_Answer = tuple[str, list[tuple[str, str]], bytes]

_HITS = LOOKUPS.labels("hit", "")
_PREFIX = re.compile(r"/(?:api/v1|api|v1)(?=/|$)")


@dataclass(frozen=True, slots=True)
class _Target:
    """Target of a GET, as far as its URL and Prefer define it.

    ``path`` is canonical; ``shown`` is the same path as text, for logs and problem documents.
    ``address`` is the cache address of the response, or None if it is not cached.
    """

    path: str
    shown: str
    route: str
    address: Address | None


class _Read(NamedTuple):
    """A read that may be cached: its start, target, caller and rate limit."""

    started: float
    target: _Target
    address: Address
    principal: Principal
    limit: Limit | None

    @property
    def counter(self) -> RateCounter | None:
        """The counter of the rate limit, if any."""
        return self.limit.counter if self.limit else None


class CacheMiddleware:
    """WSGI middleware that answers hits, and passes all else on under its canonical path.

    Args:
        app: The WSGI application of Flask.
        resource: The resource of the service, which knows the cache address of a URL.
        cache: The cache.
        auth: Identifies the caller.
        limits: The rate limits that apply to reads.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        resource: Resource,
        cache: Cache,
        auth: Auth,
        limits: Limits,
    ):
        self._app = app
        self._resource = resource
        self._cache = cache
        self._auth = auth
        self._limits = limits
        self._scope = "" if resource.public else f"{resource.name}:read"
        self._collection = f"/{resource.name}"
        self._item = f"/{resource.name}/<ref>"
        self._targets: dict[tuple[str, str, str], _Target] = {}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if ANSWER not in environ and (read := self._prepare(environ, self._auth.identify)):
            self._answer(read, self._cache.get(read.address, read.counter), environ)
        if (answer := environ[ANSWER]) is None:
            return self._app(environ, start_response)
        status, headers, body = answer
        start_response(status, headers)
        return [body]

    async def look_up(self, environ: "WSGIEnvironment", redis: AsyncServer) -> None:
        """Answer a hit in an event loop, in ``environ``; ``__call__`` answers all else later."""
        if read := self._prepare(environ, self._auth.recall):
            lookup = await self._cache.get_async(redis, read.address, read.counter)
            self._answer(read, lookup, environ)

    def _prepare(self, environ: "WSGIEnvironment", identify: Identify) -> _Read | None:
        """Identify the caller and rewrite the path; return a read that may be cached.

        Return None if Flask is to answer.  ``environ`` stays as it is if the caller cannot be
        identified yet.
        """
        started = time.perf_counter()
        principal = None
        try:
            environ["vitrine.principal"] = principal = identify(environ)
            if principal is None:
                return None
        except ApiError as error:
            environ["vitrine.refused"] = error  # Flask answers with it.
        environ[ANSWER] = None
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            environ["PATH_INFO"] = canonical(path)
            return None
        target = self._target(path, environ.get("QUERY_STRING", ""), environ.get("HTTP_PREFER", ""))
        environ["PATH_INFO"] = target.path
        # The cache holds responses for callers with the scope; Flask refuses the others.
        may_read = principal is not None and (not self._scope or principal.may(self._scope))
        if principal is None or not may_read or target.address is None:
            return None
        limit = self._limits.for_read(principal, environ)
        return _Read(started, target, target.address, principal, limit)

    def _answer(self, read: _Read, lookup: Lookup, environ: "WSGIEnvironment") -> None:
        """Answer a hit, or a read above its limit; else leave the lookup to Flask."""
        limit, target, started = read.limit, read.target, read.started
        allowance = Allowance(limit.name, limit.rate, *lookup.counted) if limit else None
        environ["vitrine.allowance"] = allowance
        is_refused = allowance is not None and allowance.is_used_up
        if not (is_refused or lookup.is_hit):
            environ["vitrine.lookup"] = lookup
            return
        id = request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        if allowance is not None and is_refused:
            status, headers, body = _refuse(allowance, target.shown, id)
        else:
            status, headers, body = _answer_hit(lookup, environ.get("HTTP_IF_NONE_MATCH"), started)
            headers += allowance.headers() if allowance else ()
            _HITS.inc()
        method, state = environ["REQUEST_METHOD"], "" if is_refused else "hit"
        environ[ANSWER] = (
            status,
            [*headers, ("X-Request-ID", id), *SECURITY],
            body if method == "GET" else b"",
        )
        code = int(status[:3])
        facts = (self._resource.name, id, method, target.shown, target.route, code, started)
        record_request(*facts, state, read.principal.id)

    def _target(self, path: str, query: str, prefer: str) -> _Target:
        """Return the target of a GET; up to ``MAX_TARGETS`` are kept."""
        url = (path, query, prefer)
        try:
            return self._targets[url]
        except KeyError:
            pass
        plain = canonical(path)
        route = self._collection if plain == self._collection else self._item
        address = (
            self._address(plain, query, prefer) if plain.startswith(self._collection) else None
        )
        target = _Target(plain, _as_text(plain), route, address)
        if len(path) + len(query) + len(prefer) > MAX_LENGTH:
            return target
        if len(self._targets) >= MAX_TARGETS:
            self._targets.clear()
        self._targets[url] = target
        return target

    def _address(self, path: str, query: str, prefer: str) -> Address | None:
        """Return the cache address of a canonical path, or None if its response is not cached."""
        ref = path.removeprefix(self._collection)
        if ref and (not ref.startswith("/") or "/" in ref[1:] or ref == "/"):
            return None
        try:
            # WSGI decodes the bytes of a path as Latin-1 (PEP 3333).
            name = ref[1:].encode("latin-1").decode()
            if name in RESERVED:
                return None
            return self._resource.address(name, query.encode("latin-1"), prefer)
        except (ApiError, UnicodeDecodeError):
            return None  # Flask answers with the error.


def _refuse(allowance: Allowance, path: str, id: str) -> _Answer:
    """Return a 429, which must cost as little as possible."""
    error = allowance.error()
    body = problem_document(error.status, str(error), path, id, extra=error.extra)
    length = str(len(body))
    headers = [("Content-Type", PROBLEM), ("Content-Length", length), *error.headers.items()]
    return "429 TOO MANY REQUESTS", headers, body


def _answer_hit(hit: Lookup, if_none_match: str | None, started: float) -> _Answer:
    """Return the cached response, or a 304 if the client has it already."""
    etag = hit.head["etag"]
    headers = [
        ("ETag", f'"{etag}"'),
        ("Cache-Control", CACHE_CONTROL),
        ("Cache-Status", hit.status()),
        ("Server-Timing", f"cache;dur={(time.perf_counter() - started) * 1000:.2f}"),
        *hit.head["headers"].items(),
    ]
    if if_none_match and (
        if_none_match == f'"{etag}"' or parse_etags(if_none_match).contains_weak(etag)
    ):
        return "304 NOT MODIFIED", headers, b""
    headers += [("Content-Type", JSON_UTF8), ("Content-Length", str(len(hit.body)))]
    return "200 OK", headers, hit.body


def _as_text(path: str) -> str:
    """Return a path as the client sent it: WSGI decodes its bytes as Latin-1 (PEP 3333)."""
    return path if path.isascii() else path.encode("latin-1").decode(errors="replace")


def canonical(path: str) -> str:
    """Return the canonical path: without ``/api``, ``/v1`` and a slash at the end."""
    path = _PREFIX.sub("", path, count=1) if _PREFIX.match(path) else path
    return path.removesuffix("/") or "/"


def init_app(app: Flask, resource: Resource, cache: Cache, settings: Settings) -> None:
    """Put the middleware around an app, then CORS, then ProxyFix as the outermost layer.

    Args:
        app: The app, with all its routes and its rate limits.
        resource: The resource of the service.
        cache: The cache of the app's connections.
        settings: The settings, for access, CORS and proxies.
    """
    limits: Limits = app.extensions["limits"]
    middleware = CacheMiddleware(app.wsgi_app, resource, cache, Auth(settings), limits)
    app.extensions["cache_middleware"] = middleware
    app.wsgi_app = middleware  # type: ignore[method-assign]
    cors.init_app(app, settings)
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies)  # type: ignore[method-assign]
