"""The WSGI layer in front of Flask: it answers cache hits, and knows every spelling of a path.

Where an answer is cached is a pure function of the URL, so it is worked out once and remembered; a
hit then costs one round trip to Redis and enters no Flask.  What cannot be answered here goes on to
Flask, with the lookup, so that nothing is asked twice.

``/api``, ``/v1`` or ``/api/v1`` before a path and a slash behind it change nothing.  No redirect is
involved, because older clients turn a redirected POST into a GET.
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

ANSWER = "vitrine.answer"  # of an environment: status, headers and body, or None for Flask's
MAX_REMEMBERED = 5_000
MAX_LENGTH = 500  # characters of a URL that is worth remembering

Identify = Callable[["WSGIEnvironment"], Principal | None]

_HITS = LOOKUPS.labels("hit", "")
_PREFIX = re.compile(r"/(?:api/v1|api|v1)(?=/|$)")


@dataclass(frozen=True, slots=True)
class _Read:
    """What there is to know of a GET by its URL alone.

    ``address`` is where its answer is cached, None for what is not; ``shown`` is the path as it was
    sent.
    """

    path: str
    shown: str
    route: str
    address: Address | None


class _Asked(NamedTuple):
    """A request for what may be cached: since when, by whom, and what it is counted against."""

    started: float
    read: _Read
    address: Address
    principal: Principal
    limit: Limit | None

    @property
    def counter(self) -> RateCounter | None:
        """What it is counted under, if anything."""
        return self.limit.counter if self.limit else None


class Front:
    """Answers hits and hands everything else on, under the canonical spelling of its path."""

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
        self._reads: dict[tuple[str, str, str], _Read] = {}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if ANSWER not in environ and (asked := self._asked(environ, self._auth.identify)):
            self._answer(asked, self._cache.get(asked.address, asked.counter), environ)
        if (answer := environ[ANSWER]) is None:
            return self._app(environ, start_response)
        status, headers, body = answer
        start_response(status, headers)
        return [body]

    async def look_up(self, environ: "WSGIEnvironment", redis: AsyncServer) -> None:
        """Do what can be done of a request in an event loop: the rest is for ``__call__``."""
        if asked := self._asked(environ, self._auth.recall):
            lookup = await self._cache.get_async(redis, asked.address, asked.counter)
            self._answer(asked, lookup, environ)

    def _asked(self, environ: "WSGIEnvironment", identify: Identify) -> "_Asked | None":
        """Return what a request asks for that may be cached, None for what Flask has to answer.

        When nobody can tell yet who makes it nothing is done, else its environment says so.
        """
        started = time.perf_counter()
        principal = None
        try:
            environ["vitrine.principal"] = principal = identify(environ)
            if principal is None:
                return None
        except ApiError as error:
            environ["vitrine.refused"] = error  # Flask says so.
        environ[ANSWER] = None
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            environ["PATH_INFO"] = canonical(path)
            return None
        read = self._read(path, environ.get("QUERY_STRING", ""), environ.get("HTTP_PREFER", ""))
        environ["PATH_INFO"] = read.path
        # What not everybody may read is in the cache for those who may.
        is_known = principal is not None and (not self._scope or principal.may(self._scope))
        if principal is None or not is_known or read.address is None:
            return None
        limit = self._limits.for_read(principal, environ)
        return _Asked(started, read, read.address, principal, limit)

    def _answer(self, asked: "_Asked", lookup: Lookup, environ: "WSGIEnvironment") -> None:
        """Answer a request if the cache has the answer, or else tell Flask what was looked up."""
        allowance = (
            Allowance(asked.limit.name, asked.limit.rate, *lookup.counted) if asked.limit else None
        )
        environ["vitrine.allowance"] = allowance
        is_refused = allowance is not None and allowance.is_used_up
        if not (is_refused or lookup.is_hit):
            environ["vitrine.lookup"] = lookup
            return
        read, started = asked.read, asked.started
        id = request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        if allowance is not None and is_refused:
            status, headers, body = _refusal(allowance, read.shown, id)
        else:
            status, headers, body = _hit(lookup, environ.get("HTTP_IF_NONE_MATCH"), started)
            headers += allowance.headers() if allowance else ()
            _HITS.inc()
        method, state = environ["REQUEST_METHOD"], "" if is_refused else "hit"
        environ[ANSWER] = (
            status,
            [*headers, ("X-Request-ID", id), *SECURITY],
            body if method == "GET" else b"",
        )
        about = (self._resource.name, id, method, read.shown, read.route, int(status[:3]), started)
        record_request(*about, state, asked.principal.id)

    def _read(self, path: str, query: str, prefer: str) -> _Read:
        """Return what there is to know of a GET; remembered, within bounds."""
        asked = (path, query, prefer)
        try:
            return self._reads[asked]
        except KeyError:
            pass
        plain = canonical(path)
        route = self._collection if plain == self._collection else self._item
        address = (
            self._work_out(plain, query, prefer) if plain.startswith(self._collection) else None
        )
        read = _Read(plain, _shown(plain), route, address)
        if len(path) + len(query) + len(prefer) > MAX_LENGTH:
            return read
        if len(self._reads) >= MAX_REMEMBERED:
            self._reads.clear()
        self._reads[asked] = read
        return read

    def _work_out(self, path: str, query: str, prefer: str) -> Address | None:
        ref = path.removeprefix(self._collection)
        if ref and (not ref.startswith("/") or "/" in ref[1:] or ref == "/"):
            return None
        try:
            # WSGI hands the bytes of a path over as Latin-1 (PEP 3333).
            name = ref[1:].encode("latin-1").decode()
            if name in RESERVED:
                return None
            return self._resource.address(name, query.encode("latin-1"), prefer)
        except (ApiError, UnicodeDecodeError):
            return None  # Flask says what is wrong with it.


def _refusal(allowance: Allowance, path: str, id: str) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return a 429; whoever asks too often costs as little as possible."""
    error = allowance.error()
    body = problem_document(error.status, str(error), path, id, extra=error.extra)
    length = str(len(body))
    headers = [("Content-Type", PROBLEM), ("Content-Length", length), *error.headers.items()]
    return "429 TOO MANY REQUESTS", headers, body


def _hit(
    hit: Lookup, asked: str | None, started: float
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return what is cached, or a 304 to who ``asked`` with its ETag."""
    etag = hit.head["etag"]
    headers = [
        ("ETag", f'"{etag}"'),
        ("Cache-Control", CACHE_CONTROL),
        ("Cache-Status", hit.status()),
        ("Server-Timing", f"cache;dur={(time.perf_counter() - started) * 1000:.2f}"),
        *hit.head["headers"].items(),
    ]
    if asked and (asked == f'"{etag}"' or parse_etags(asked).contains_weak(etag)):
        return "304 NOT MODIFIED", headers, b""
    headers += [("Content-Type", JSON_UTF8), ("Content-Length", str(len(hit.body)))]
    return "200 OK", headers, hit.body


def _shown(path: str) -> str:
    """Return a path as it was sent: WSGI hands its bytes over as Latin-1 (PEP 3333)."""
    return path if path.isascii() else path.encode("latin-1").decode(errors="replace")


def canonical(path: str) -> str:
    """Return the canonical spelling of a path: no prefix and no slash behind."""
    path = _PREFIX.sub("", path, count=1) if _PREFIX.match(path) else path
    return path.removesuffix("/") or "/"


def init_app(app: Flask, resource: Resource, cache: Cache, settings: Settings) -> None:
    """Put the layer in front of an app, behind the proxies that the settings tell of."""
    front = Front(app.wsgi_app, resource, cache, Auth(settings), Limits(settings))
    app.extensions["front"] = front
    app.wsgi_app = front  # type: ignore[method-assign]
    cors.init_app(app, settings)
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies)  # type: ignore[method-assign]
