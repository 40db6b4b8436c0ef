"""The WSGI layer in front of Flask: it answers cache hits, and knows every spelling of a path.

Where an answer is cached is a pure function of the URL, so it is worked out once and remembered; a
hit then costs one round trip to Redis and enters no Flask.  What cannot be answered here goes on to
Flask, with the lookup, so that nothing is asked twice.

``/api``, ``/v1`` or ``/api/v1`` before a path and a slash behind it change nothing.  No redirect is
involved, because older clients turn a redirected POST into a GET.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.http import parse_etags
from werkzeug.middleware.proxy_fix import ProxyFix

from shared import cors
from shared.auth import Auth
from shared.cache import Cache
from shared.entries import Lookup
from shared.errors import PROBLEM, ApiError, document
from shared.keys import Address
from shared.limits import Allowance, Limits
from shared.logs import note_request, request_id
from shared.metrics import LOOKUPS
from shared.resource import Resource
from shared.responses import CACHE_CONTROL, JSON, SECURITY
from shared.settings import Settings
from shared.tokens import Principal
from shared.words import RESERVED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_REMEMBERED = 10_000
MAX_LENGTH = 500  # characters of a URL that is worth remembering

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
        started = time.perf_counter()
        reads = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if reads:
            read = self._read(
                environ.get("PATH_INFO", ""),
                environ.get("QUERY_STRING", ""),
                environ.get("HTTP_PREFER", ""),
            )
            environ["PATH_INFO"] = read.path
        else:
            environ["PATH_INFO"] = canonical(environ.get("PATH_INFO", ""))
        try:
            environ["vitrine.principal"] = principal = self._auth.identify(environ)
        except ApiError as error:
            environ["vitrine.refused"] = error  # Flask says so.
            return self._app(environ, start_response)
        # What not everybody may read is in the cache for those who may.
        if reads and read.address and (not self._scope or principal.may(self._scope)):
            return self._look_up(read, read.address, principal, environ, start_response, started)
        return self._app(environ, start_response)

    def _look_up(
        self,
        read: _Read,
        address: Address,
        principal: Principal,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        started: float,
    ) -> Iterable[bytes]:
        """Count the request, and answer it if the cache has the answer."""
        counter = self._limits.counter(principal, environ)
        if counter is None:
            lookup, allowance = self._cache.get(address), None
        else:
            name, limit, counted = counter
            lookup = self._cache.get(address, counted)
            allowance = Allowance(name, limit, *lookup.counted)
        environ["vitrine.allowance"] = allowance
        is_refused = allowance is not None and allowance.is_used_up
        if not (is_refused or lookup.is_hit):
            environ["vitrine.lookup"] = lookup
            return self._app(environ, start_response)
        id = request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        if allowance is not None and is_refused:
            status, headers, body = _refusal(allowance, read.shown, id)
        else:
            status, headers, body = _answer(lookup, environ.get("HTTP_IF_NONE_MATCH"), started)
            headers += allowance.headers() if allowance else ()
            _HITS.inc()
        start_response(status, [*headers, ("X-Request-ID", id), *SECURITY])
        method, state = environ["REQUEST_METHOD"], "" if is_refused else "hit"
        about = (self._resource.name, id, method, read.shown, read.route, int(status[:3]), started)
        note_request(*about, state, principal.id)
        return [body if method == "GET" else b""]

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
    body = document(error.status, str(error), path, id, extra=error.extra)
    length = str(len(body))
    headers = [("Content-Type", PROBLEM), ("Content-Length", length), *error.headers.items()]
    return "429 TOO MANY REQUESTS", headers, body


def _answer(
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
    headers += [("Content-Type", JSON), ("Content-Length", str(len(hit.body)))]
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
    app.wsgi_app = Front(  # type: ignore[method-assign]
        app.wsgi_app, resource, cache, Auth(settings), Limits(settings)
    )
    cors.init_app(app, settings)
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies)  # type: ignore[method-assign]
