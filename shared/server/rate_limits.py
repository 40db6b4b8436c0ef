"""How many requests one may send: allowances in windows, counted in Redis for all instances.

An address without a token has one allowance and each token another; what writes, and what uploads,
is counted a second time against a stricter one.  Who has the scope ``admin`` is not counted, nor is
asking for what is public besides the resource: probes, documentation, files.

What may be cached is counted by ``shared.server.cache_middleware``, in the round trip that looks
into the cache, and all else when it enters Flask, in the same counters.  A window
begins with its first request and is never prolonged.  While Redis is down
everybody is let through, and that is counted.
"""

import ipaddress
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, parse

from shared.cache.rate_counter import RateCounter
from shared.config.settings import Settings
from shared.http.auth import READING, is_public
from shared.http.errors import TooManyRequests
from shared.http.tokens import Principal
from shared.observability.metrics import LIMITED
from shared.storage.connections import connections

PREFIX = "limits:"
ANONYMOUS, TOKEN, WRITES, UPLOADS = "anonymous", "token", "writes", "uploads"
_WHO = {
    ANONYMOUS: "an address without a token",
    TOKEN: "one token",
    WRITES: "one client that writes",
    UPLOADS: "one client that uploads",
}

# An allowance by its name, how much it is, and what it is counted under.
Allowed = tuple[str, RateLimitItem, RateCounter]


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

    def error(self) -> TooManyRequests:
        """Return what is answered when it is used up."""
        LIMITED.labels(self.name).inc()
        limit = self.limit
        error = TooManyRequests(
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
        self.of = lru_cache(maxsize=4096)(self._of)

    def counter(self, principal: Principal, environ: Mapping[str, Any]) -> Allowed | None:
        """Return the allowance of a read, its limit and what it is counted under, if any."""
        if not principal.limited:
            return None
        return self.of(TOKEN if principal.key else ANONYMOUS, _client(principal, environ))

    def _of(self, name: str, client: str) -> Allowed | None:
        limit = self.known.get(name)
        if limit is None:
            return None
        key = PREFIX + limit.key_for(client, name)
        return name, limit, RateCounter(key, limit.get_expiry())


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
    return is_public(current_app.view_functions.get(request.endpoint or ""))


def _principal() -> Principal:
    """Return who makes the request; of a token that is refused, only where it comes from."""
    return request.environ.get("vitrine.principal") or Principal("anonymous")


def _names() -> Iterator[str]:
    """Yield which allowances the request is counted against, the strictest last."""
    yield TOKEN if _principal().key else ANONYMOUS
    if request.method not in READING:
        yield WRITES
    if request.mimetype == "multipart/form-data":
        yield UPLOADS


def _count() -> None:
    """Count the request against its allowances; raise ``TooManyRequests`` if one is used up."""
    g.allowances = [allowed] if (allowed := request.environ.get("vitrine.allowance")) else []
    if _is_exempt():
        return
    limits: Limits = current_app.extensions["limits"]
    client = _client(_principal(), request.environ)
    found = [each for name in _names() if (each := limits.of(name, client))]
    counted = connections().cache.count_all(*(counter for _, _, counter in found))
    g.allowances = [
        Allowance(name, limit, *number)
        for (name, limit, _), number in zip(found, counted, strict=True)
    ]
    for each in g.allowances:
        if each.is_used_up:
            raise each.error()


def _tell(response: Response) -> Response:
    if "RateLimit" not in response.headers:
        for each in g.allowances:
            for name, value in each.headers():
                response.headers.add(name, value)
    return response


def init_app(app: Flask, settings: Settings) -> None:
    """Count what enters Flask; call it before anything that may refuse a request."""
    app.extensions["limits"] = Limits(settings)
    app.before_request(_count)
    app.after_request(_tell)
