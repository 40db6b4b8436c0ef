"""Reads that may be cached: counted and looked up in one round trip, and answered if they hit.

The cache address of a response is a pure function of the URL, so it is computed once for each URL
and kept.  A hit costs one round trip to Redis and does not enter Flask.  On a miss, the view makes
the response and stores it (``shared.resource.cached``), without asking Redis a second time.
"""

import re
import time
from dataclasses import dataclass

from shared.cache.cache import Cache
from shared.cache.entry import Lookup
from shared.cache.keys import Address
from shared.cache.redis_async import AsyncServer
from shared.http.allowance import Allowance
from shared.http.errors import ApiError
from shared.http.request_state import Answer, RequestState, refuse
from shared.http.responses import CACHE_CONTROL, JSON_UTF8
from shared.observability.metrics import LOOKUPS
from shared.resource import Resource
from shared.schema.slugs import RESERVED
from shared.server.rate_limits import Limit, Limits

MAX_TARGETS = 5_000  # URLs that are kept
MAX_LENGTH = 500  # characters of a URL, its query and Prefer; a longer one is not kept

_REF = re.compile(r"(?:/[^/]+)?")  # what follows the path of a collection: nothing, or one item
_HITS = LOOKUPS.labels("hit", "")


@dataclass(frozen=True, slots=True)
class _Target:
    """Rule of the route of a GET, and the cache address of its response, None if not cached."""

    route: str
    address: Address | None


class CachedReads:
    """Looks reads up in the cache, and answers hits.

    Args:
        resource: The resource of the service, which knows the cache address of a URL.
        cache: The cache.
        limits: The rate limits that apply to reads.
    """

    def __init__(self, resource: Resource, cache: Cache, limits: Limits):
        self._resource = resource
        self._cache = cache
        self._limits = limits
        self._scope = "" if resource.public else f"{resource.name}:read"
        self._collection = f"/{resource.name}"
        self._targets: dict[tuple[str, str, str], _Target] = {}

    def look_up(self, state: RequestState) -> Answer | None:
        """Answer a hit, or a read above its limit; return None for all other requests."""
        if (address := self._address(state)) is None:
            return None
        limit = self._limit(state)
        return self._answer(state, self._cache.get(address, limit and limit.counter), limit)

    async def look_up_async(self, state: RequestState, redis: AsyncServer) -> Answer | None:
        """Do the same as ``look_up`` in an event loop."""
        if (address := self._address(state)) is None:
            return None
        limit = self._limit(state)
        lookup = await self._cache.get_async(redis, address, limit and limit.counter)
        return self._answer(state, lookup, limit)

    def _address(self, state: RequestState) -> Address | None:
        """Return the cache address of a read, or None if Flask is to answer the request."""
        principal = state.principal
        if not state.reads or principal is None or (self._scope and not principal.may(self._scope)):
            return None  # The cache holds responses for callers with the scope.
        environ = state.environ
        target = self._target(
            environ["PATH_INFO"], environ.get("QUERY_STRING", ""), environ.get("HTTP_PREFER", "")
        )
        if target.address:
            state.route = target.route
        return target.address

    def _limit(self, state: RequestState) -> Limit | None:
        assert state.principal
        return self._limits.for_read(state.principal, state.environ)

    def _answer(self, state: RequestState, lookup: Lookup, limit: Limit | None) -> Answer | None:
        """Answer a hit, or a read above its limit; else note the lookup for the view."""
        state.is_counted = True
        if limit:
            allowance = Allowance(limit.name, limit.rate, *lookup.counted)
            state.allowances = [allowance]
            if allowance.is_used_up:
                return refuse(state, allowance.error())
        if not lookup.is_hit:
            state.lookup = lookup
            return None
        _HITS.inc()
        state.cache = "hit"
        milliseconds = (time.perf_counter() - state.started) * 1000
        headers = [
            ("Content-Type", JSON_UTF8),
            ("Content-Length", str(len(lookup.body))),
            ("ETag", f'"{lookup.head["etag"]}"'),
            ("Cache-Control", CACHE_CONTROL),
            ("Cache-Status", lookup.status()),
            ("Server-Timing", f"cache;dur={milliseconds:.2f}"),
            *lookup.head["headers"].items(),
        ]
        return Answer(200, headers, [lookup.body] if state.method == "GET" else [])

    def _target(self, path: str, query: str, prefer: str) -> _Target:
        """Return the target of a GET; up to ``MAX_TARGETS`` are kept."""
        url = (path, query, prefer)
        try:
            return self._targets[url]
        except KeyError:
            pass
        target = self._find_target(path, query, prefer)
        if len(path) + len(query) + len(prefer) <= MAX_LENGTH:
            if len(self._targets) >= MAX_TARGETS:
                self._targets.clear()
            self._targets[url] = target
        return target

    def _find_target(self, path: str, query: str, prefer: str) -> _Target:
        ref = path.removeprefix(self._collection)
        route = f"{self._collection}/<ref>" if ref else self._collection
        if not path.startswith(self._collection) or not _REF.fullmatch(ref):
            return _Target(route, None)
        try:
            # WSGI decodes the bytes of a path as Latin-1 (PEP 3333).
            name = ref[1:].encode("latin-1").decode()
            if name in RESERVED:
                return _Target(route, None)
            return _Target(route, self._resource.address(name, query.encode("latin-1"), prefer))
        except (ApiError, UnicodeDecodeError):
            return _Target(route, None)  # Flask answers with the error.
