"""Rate limits in fixed windows, counted in Redis for all instances together.

A client without a token is limited by its address, and a client with a token by the token.  Writes
and uploads are counted a second time, against stricter limits.  Requests with the scope ``admin``
are not counted, and neither are requests for the public endpoints besides the resource: probes,
documentation and files.

``shared.chain.cached_reads`` counts reads that may be cached, in the round trip of the cache
lookup.  All other requests are counted here when they enter Flask, under the same keys and all
limits in one round trip.  A window begins with its first request and is never prolonged.  While
Redis is down requests are accepted without a limit, and a metric counts them.

``limiter`` (flask-limiter) is for limits of a service's own: ``@limiter.limit("5/minute")`` on a
view, and ``limiter.init_app(app)`` in ``create_app``.  It counts by the same client and circuit
breaker of Redis, and its refusals look the same.  The standing limits do not use it: it ignores
paths that do not exist, needs a round trip for each limit, and takes several times as long.
"""

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits import RateLimitItem, parse
from limits.storage import Storage

from shared.cache.rate_counter import UNCOUNTED, Count, RateCounter
from shared.cache.redis_topology import REDIS_ERRORS
from shared.chain.error_handlers import answer
from shared.config.settings import Settings
from shared.http.allowance import ANONYMOUS, TOKEN, UPLOADS, WRITES, Allowance, client_key
from shared.http.auth import READING, is_public
from shared.http.request_state import ANONYMOUS as ANONYMOUS_CALLER
from shared.http.request_state import Answer, Middleware, RequestState, state
from shared.http.tokens import Principal
from shared.storage.connections import connections

PREFIX = "limits:"
_COUNTS = "rate counts"  # the note of the counts of a view's own limits


class Limit(NamedTuple):
    """A limit as it applies to one client: its name, its rate, and its counter in Redis."""

    name: str
    rate: RateLimitItem
    counter: RateCounter


class Limits:
    """The limits that the settings give to every client."""

    def __init__(self, settings: Settings):
        rates = {
            ANONYMOUS: settings.rate_limit_anonymous,
            TOKEN: settings.rate_limit_token,
            WRITES: settings.rate_limit_writes,
            UPLOADS: settings.rate_limit_uploads,
        }
        self._rates = {name: parse(rate) for name, rate in rates.items() if rate}
        self.get = lru_cache(maxsize=4096)(self._get)

    def for_read(self, principal: Principal, environ: Mapping[str, Any]) -> Limit | None:
        """Return the limit of a read that may be cached, or None if the read is unlimited."""
        if not principal.limited:
            return None
        return self.get(TOKEN if principal.key else ANONYMOUS, client_key(principal, environ))

    def _get(self, name: str, client: str) -> Limit | None:
        rate = self._rates.get(name)
        if rate is None:
            return None
        key = PREFIX + rate.key_for(client, name)
        return Limit(name, rate, RateCounter(key, rate.get_expiry()))


def _principal() -> Principal:
    """Return the principal of the request; a refused token is limited by its address."""
    return state().principal or ANONYMOUS_CALLER


class CacheStorage(Storage):
    """Storage of flask-limiter: counters in the Redis of the cache, by its client.

    So they have the cache's short time-outs and its circuit breaker, on one server, Sentinels or a
    cluster alike.  Counts are kept for the rest of the request, because its headers need them.
    """

    STORAGE_SCHEME = ["vitrine"]

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """All errors of a Redis that is down."""
        return REDIS_ERRORS

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request ``amount`` times, in a window of ``expiry`` seconds.

        Return the requests of the window, 0 if Redis is down.
        """
        counter = RateCounter(PREFIX + key, expiry)
        *_, count = connections().cache.count_all(*[counter] * amount) or [self._count(key)]
        _counts()[key] = count
        return count.number

    def get(self, key: str) -> int:
        """Return the requests of the current window; 0 if Redis is down."""
        return self._count(key).number

    def get_expiry(self, key: str) -> float:
        """Return the end of the current window as a POSIX timestamp."""
        return time.time() + self._count(key).seconds

    def _count(self, key: str) -> Count:
        counts = _counts()
        if key not in counts:
            counts[key] = connections().cache.read_count(PREFIX + key)
        return counts[key]

    def check(self) -> bool:
        """Return True if Redis answers."""
        return bool(connections().redis.ping())

    def reset(self) -> int | None:
        """Refuse to remove all counters; they end with their windows."""
        raise NotImplementedError("Counters are not removed; they end with their windows.")

    def clear(self, key: str) -> None:
        """Remove one counter."""
        connections().redis.delete(PREFIX + key)


def _counts() -> dict[str, Count]:
    counts: dict[str, Count] = state().notes.setdefault(_COUNTS, {})
    return counts


limiter = Limiter(
    lambda: client_key(_principal(), request.environ),
    storage_uri="vitrine://",
    strategy="fixed-window",
    headers_enabled=False,  # _add_headers writes the headers of all limits
    swallow_errors=True,
)


@limiter.request_filter
def _is_unlimited() -> bool:
    return not _principal().limited


def _own_allowances() -> list[Allowance]:
    """Return the state of the view's own limits, as far as they were counted."""
    if _COUNTS not in state().notes:
        return []
    return [_allowance(limit) for limit in limiter.current_limits]


def _allowance(limit: RequestLimit) -> Allowance:
    """Return the state of a view's own limit, named by its endpoint or by its shared scope."""
    *_, scope = limit.request_args
    return Allowance(scope, limit.limit, *_counts().get(limit.key, UNCOUNTED))


def _count_request() -> None:
    """Count the request against the standing limits; raise ``TooManyRequests`` above one."""
    if _is_exempt():
        return
    limits: Limits = current_app.extensions["limits"]
    client = client_key(_principal(), request.environ)
    applicable = [limit for name in _names() if (limit := limits.get(name, client))]
    counts = connections().cache.count_all(*(limit.counter for limit in applicable))
    allowances = state().allowances = [
        Allowance(limit.name, limit.rate, *count)
        for limit, count in zip(applicable, counts, strict=True)
    ]
    for allowance in allowances:
        if allowance.is_used_up:
            raise allowance.error()


def _is_exempt() -> bool:
    """Return True if the request was counted with the cache lookup, or if it is not limited."""
    if state().is_counted or not _principal().limited:
        return True
    return is_public(current_app.view_functions.get(request.endpoint or ""))


def _names() -> Iterator[str]:
    """Yield the names of the limits that apply to the request, the strictest last."""
    yield TOKEN if _principal().key else ANONYMOUS
    if request.method not in READING:
        yield WRITES
    if request.mimetype == "multipart/form-data":
        yield UPLOADS


def _refuse(error: RateLimitExceeded) -> Response:
    """Answer a request above a limit of ``limiter`` as one above a standing limit."""
    if isinstance(error.response, Response):
        return error.response  # The view's own, from its on_breach.
    exceeded = next(limit for limit in limiter.current_limits if limit.breached)
    text = str(error.description) if error.limit.error_message else ""
    return answer(_allowance(exceeded).error(text))


def _note_own_allowances(response: Response) -> Response:
    state().allowances += _own_allowances()
    return response


class RateLimitHeaders(Middleware):
    """Sends the state of the limits that apply to a request, if its refusal does not do so."""

    def after(self, state: RequestState, answer: Answer) -> None:
        """Add the headers of each limit."""
        if state.allowances and all(name != "RateLimit" for name, _ in answer.headers):
            for allowance in state.allowances:
                answer.headers += allowance.headers()


def init_app(app: Flask, limits: Limits) -> None:
    """Count the requests that enter Flask; call it before the hooks that may refuse a request."""
    app.extensions["limits"] = limits
    app.before_request(_count_request)
    app.after_request(_note_own_allowances)
    app.register_error_handler(RateLimitExceeded, _refuse)
