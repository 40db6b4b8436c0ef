"""How many requests one may send: allowances in windows, counted in Redis for all instances.

An address without a token has one allowance and each token another; what writes, and what uploads,
is counted a second time against a stricter one.  Who has the scope ``admin`` is not counted, nor is
asking for what is public besides the resource: probes, documentation, files.

flask-limiter counts what enters Flask.  What may be cached is counted by ``shared.front`` instead,
in the same counters and in the round trip that looks into the cache, so that a hit is counted and
nothing is counted twice.  A window begins with its first request and is never prolonged.  While
Redis is down everybody is let through, and that is counted.
"""

import ipaddress
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter
from flask_limiter.errors import RateLimitExceeded
from limits import RateLimitItem, parse
from limits.storage import Storage

from shared.auth import READING, is_for_anybody
from shared.backends import backends
from shared.blocks import Counter
from shared.errors import TooMany, answer
from shared.metrics import LIMITED
from shared.settings import Settings
from shared.tokens import Principal

PREFIX = "limits:"
ANONYMOUS, TOKEN, WRITES, UPLOADS = "anonymous", "token", "writes", "uploads"
_WHO = {
    ANONYMOUS: "an address without a token",
    TOKEN: "one token",
    WRITES: "one client that writes",
    UPLOADS: "one client that uploads",
}


class Allowance(NamedTuple):
    """One allowance as it is now: how many requests a window has, how many came, what is left."""

    name: str
    limit: RateLimitItem
    number: int
    seconds: float

    @property
    def is_used_up(self) -> bool:
        """Whether this request is one too many."""
        return self.number > self.limit.amount

    def headers(self) -> list[tuple[str, str]]:
        """Return it as headers (draft-ietf-httpapi-ratelimit-headers), none when it is unknown."""
        if not self.number:
            return []
        left = max(0, self.limit.amount - self.number)
        window = self.limit.get_expiry()
        return [
            ("RateLimit-Policy", f'"{self.name}";q={self.limit.amount};w={window}'),
            ("RateLimit", f'"{self.name}";r={left};t={self.wait}'),
        ]

    @property
    def wait(self) -> int:
        """Whole seconds until the window is over, one at least."""
        return max(1, math.ceil(self.seconds))

    def error(self) -> TooMany:
        """Return what is answered when it is used up."""
        LIMITED.labels(self.name).inc()
        limit = self.limit
        error = TooMany(
            f"{limit.amount} requests a {limit.GRANULARITY.name} are what {_WHO[self.name]} may "
            f"send; ask again in {self.wait} s.",
            limit=self.name,
            retry_after=self.wait,
        )
        error.headers = {**dict(self.headers()), "Retry-After": str(self.wait)}
        return error


class Limits:
    """The allowances that the settings give."""

    def __init__(self, settings: Settings):
        rates = {
            ANONYMOUS: settings.rate_limit_anonymous,
            TOKEN: settings.rate_limit_token,
            WRITES: settings.rate_limit_writes,
            UPLOADS: settings.rate_limit_uploads,
        }
        self.known = {name: parse(rate) for name, rate in rates.items() if rate}
        self._counter = lru_cache(maxsize=4096)(self._make_counter)

    def counter(
        self, principal: Principal, environ: Mapping[str, Any]
    ) -> tuple[str, RateLimitItem, Counter] | None:
        """Return the allowance of a request, its limit and what it is counted under, if any."""
        if not principal.limited:
            return None
        return self._counter(principal.key, "" if principal.key else environ.get("REMOTE_ADDR", ""))

    def _make_counter(self, key: str, address: str) -> tuple[str, RateLimitItem, Counter] | None:
        name = TOKEN if key else ANONYMOUS
        limit = self.known.get(name)
        if limit is None:
            return None
        counted = PREFIX + limit.key_for(key or _network(address), name)
        return name, limit, Counter(counted, limit.get_expiry(), limit.amount)


class _Counters(Storage):
    """The counters as flask-limiter uses them; what it has counted is kept for the headers."""

    STORAGE_SCHEME = ["vitrine"]

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """None: a Redis that is down lets everybody through."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request, and return how many there were in the window."""
        counted = backends().cache.count(PREFIX + key, expiry)
        g.setdefault("counted", {})[key] = counted
        return counted[0]

    def get(self, key: str) -> int:
        """Return how many requests there were in the window."""
        return int(g.counted[key][0])

    def get_expiry(self, key: str) -> float:
        """Return the seconds until the window is over."""
        return float(g.counted[key][1])

    def check(self) -> bool:
        """Return that counters can be used, for nothing else could be."""
        return True

    def reset(self) -> int | None:
        """Forget nothing: other instances count too."""
        return None

    def clear(self, key: str) -> None:
        """Forget nothing."""


class _Limiter(Limiter):
    """Looks at the limits of what has to be counted, and at nothing else."""

    def _check_request_limit(self, *args: Any, **options: Any) -> None:
        # It would work all limits out before it asks whether any is to be counted.
        if not _is_exempt():
            super()._check_request_limit(*args, **options)


def _client(principal: Principal, environ: Mapping[str, Any]) -> str:
    return principal.key or _network(environ.get("REMOTE_ADDR") or "")


@lru_cache(maxsize=4096)
def _network(address: str) -> str:
    """Return what one client has: an IPv4 address, but of IPv6 a whole /64 (RFC 6177)."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return "local"
    if isinstance(known, ipaddress.IPv4Address):
        return address
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False).network_address)


def _is_exempt() -> bool:
    """Whether a request is not counted here: front has done so, or nobody does."""
    if "vitrine.allowance" in request.environ or not _principal().limited:
        return True
    return is_for_anybody(current_app.view_functions.get(request.endpoint or ""))


def _principal() -> Principal:
    """Return who makes the request; of a token that is refused, only where it comes from."""
    return request.environ.get("vitrine.principal") or Principal("anonymous")


def _limits(limits: Limits) -> list[str | Callable[[], str] | ApplicationLimit]:
    exempts: dict[str, Callable[[], bool]] = {
        ANONYMOUS: lambda: bool(_principal().key),
        TOKEN: lambda: not _principal().key,
        WRITES: lambda: request.method in READING,
        UPLOADS: lambda: request.mimetype != "multipart/form-data",
    }
    return [
        ApplicationLimit(_text(limit), scope=name, exempt_when=exempts[name])
        for name, limit in limits.known.items()
    ]


def _text(limit: RateLimitItem) -> str:
    return f"{limit.amount}/{limit.GRANULARITY.name}"


def _allowances() -> list[Allowance]:
    """Return all that this request was counted against."""
    if counted := request.environ.get("vitrine.allowance"):
        return [counted]
    limiter: Limiter = current_app.extensions["limits"]
    return [
        Allowance(each.request_args[1], each.limit, *g.counted[each.key])
        for each in limiter.current_limits
    ]


def _tell(response: Response) -> Response:
    if "RateLimit" not in response.headers:
        for each in _allowances():
            for name, value in each.headers():
                response.headers.add(name, value)
    return response


def _refuse(_: RateLimitExceeded) -> Response:
    return answer(next(each for each in _allowances() if each.is_used_up).error())


def init_app(app: Flask, settings: Settings) -> None:
    """Count what enters Flask; call it before anything that may refuse a request."""
    limiter = _Limiter(
        key_func=lambda: _client(_principal(), request.environ),
        application_limits=_limits(Limits(settings)),
        storage_uri="vitrine://",
        request_identifier=lambda: "all",  # What is not found is counted as well.
    )
    limiter.init_app(app)
    app.extensions["limits"] = limiter
    app.register_error_handler(RateLimitExceeded, _refuse)
    app.after_request(_tell)
