"""Reads that may be cached: counted and looked up in one round trip, and made if they miss.

The cache address of a response is a pure function of the URL, so it is computed once for each URL
and kept.  A hit costs one round trip to Redis.  A miss is made and stored without a second look-up,
but for the claim of a list.  Neither enters Flask; errors do, so that they are answered in one
place.
"""

from dataclasses import dataclass
from functools import lru_cache

from flask import Flask
from werkzeug.exceptions import HTTPException

from shared.cache.cache import Cache
from shared.cache.entry import Lookup
from shared.cache.keys import Address
from shared.cache.redis_async import AsyncServer
from shared.chain.rate_limits import Limit, Limits
from shared.http.allowance import Allowance
from shared.http.errors import ApiError
from shared.http.request_state import Answer, RequestState, entered, refuse
from shared.resource import Resource
from shared.resource.caching import Outcome, fill, find

MAX_TARGETS = 5_000  # URLs that are kept
MAX_LENGTH = 500  # characters of a URL, its query and Prefer; a longer one is not kept


@dataclass(frozen=True, slots=True)
class _Target:
    """Target of a URL: the rule of its route, an item or else a list, and the cache address."""

    route: str
    ref: str
    address: Address


class CachedReads:
    """Answers reads that may be cached: from the cache, or else from MongoDB.

    These are the routes of ``Resource.list`` and ``Resource.get``; other cached views use
    ``shared.resource.cached``.

    Args:
        app: The Flask app, which knows the routes.
        resource: The resource of the service, which knows the cache address of a URL.
        cache: The cache.
        limits: The rate limits that apply to reads.
    """

    def __init__(self, app: Flask, resource: Resource, cache: Cache, limits: Limits):
        self._app = app
        self._resource = resource
        self._cache = cache
        self._limits = limits
        self._scope = "" if resource.public else f"{resource.name}:read"
        self._find_target = lru_cache(MAX_TARGETS)(self._find_new_target)

    def look_up(self, state: RequestState) -> Answer | None:
        """Answer a hit, or a read above its limit; return None for all other requests."""
        if (target := self._target(state)) is None:
            return None
        limit = self._limit(state)
        lookup = self._cache.get(target.address, limit and limit.counter)
        return self._answer(state, lookup, limit)

    async def look_up_async(self, state: RequestState, redis: AsyncServer) -> Answer | None:
        """Do the same as ``look_up`` in an event loop."""
        if (target := self._target(state)) is None:
            return None
        limit = self._limit(state)
        lookup = await self._cache.get_async(redis, target.address, limit and limit.counter)
        return self._answer(state, lookup, limit)

    def make(self, state: RequestState) -> Outcome | None:
        """Make the content that a lookup did not find; return None for other requests.

        Return None as well if that fails: Flask then answers with the error.
        """
        lookup, environ = state.lookup, state.environ
        if lookup is None or (target := self._target(state)) is None:
            return None
        query = environ.get("QUERY_STRING", "").encode("latin-1")
        prefer = environ.get("HTTP_PREFER", "")
        with self._app.app_context(), entered(state):
            try:
                return fill(
                    state,
                    lookup,
                    lambda tokens: self._resource.read(target.ref, query, prefer, tokens),
                    single_flight=not target.ref,
                )
            except Exception as error:
                state.error = error
                return None

    def store(self, state: RequestState, outcome: Outcome) -> Answer:
        """Store what was made, and return the answer."""
        seconds = self._cache.store(*outcome.entry) if outcome.is_new else 0
        return outcome.answer(state, seconds)

    async def store_async(
        self, state: RequestState, outcome: Outcome, redis: AsyncServer
    ) -> Answer:
        """Do the same as ``store`` in an event loop."""
        seconds = await self._cache.store_async(redis, *outcome.entry) if outcome.is_new else 0
        return outcome.answer(state, seconds)

    def _target(self, state: RequestState) -> _Target | None:
        """Return what a request reads, or None if Flask is to answer it."""
        principal = state.principal
        if not state.reads or principal is None or (self._scope and not principal.may(self._scope)):
            return None  # The cache holds responses for callers with the scope.
        environ = state.environ
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        prefer = environ.get("HTTP_PREFER", "")
        is_long = len(path) + len(query) + len(prefer) > MAX_LENGTH
        find = self._find_new_target if is_long else self._find_target
        target = find(path, query, prefer, self._resource.sees_hidden(principal))
        if target:
            state.route = target.route
        return target

    def _limit(self, state: RequestState) -> Limit | None:
        assert state.principal
        return self._limits.for_read(state.principal, state.environ)

    def _answer(self, state: RequestState, lookup: Lookup, limit: Limit | None) -> Answer | None:
        """Answer a hit, or a read above its limit; else note the lookup."""
        state.is_counted = True
        if limit:
            allowance = Allowance(limit.name, limit.rate, *lookup.counted)
            state.allowances = [allowance]
            if allowance.is_used_up:
                return refuse(state, allowance.error())
        state.lookup = lookup
        outcome = find(state, lookup)
        return outcome and outcome.answer(state)

    def _find_new_target(
        self, path: str, query: str, prefer: str, sees_hidden: bool
    ) -> _Target | None:
        """Return what a URL reads, as the routes of the app say."""
        resource = self._resource
        try:
            # WSGI decodes the bytes of a path as Latin-1 (PEP 3333).
            path = path.encode("latin-1").decode()
            rule, values = self._app.url_map.bind("").match(path, "GET", return_rule=True)
            view = self._app.view_functions[rule.endpoint]
            if view not in (resource.list, resource.get):
                return None
            ref = values.get("ref", "")
            address = resource.address(ref, query.encode("latin-1"), prefer, sees_hidden)
        except (ApiError, HTTPException, UnicodeDecodeError):
            return None  # Flask answers with the error.
        return _Target(rule.rule, ref, address) if address else None
