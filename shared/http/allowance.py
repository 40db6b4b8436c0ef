"""Rate limits of one client: its key, and what remains of a limit, in headers and in a refusal."""

import ipaddress
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from limits import RateLimitItem

from shared.http.errors import TooManyRequests
from shared.http.tokens import Principal
from shared.observability.metrics import LIMITED

ANONYMOUS, TOKEN, WRITES, UPLOADS = "anonymous", "token", "writes", "uploads"
_REQUESTS = {
    ANONYMOUS: "{} requests per {} without a token",
    TOKEN: "{} requests per {} with one token",
    WRITES: "{} write requests per {}",
    UPLOADS: "{} uploads per {}",
}


class Allowance(NamedTuple):
    """State of a limit after a request was counted: requests in this window, and its end."""

    name: str
    rate: RateLimitItem
    number: int  # requests in this window, with this one; 0 while Redis is down
    seconds: float  # until the window ends

    @property
    def is_used_up(self) -> bool:
        """True if this request exceeds the limit."""
        return self.number > self.rate.amount

    def headers(self) -> list[tuple[str, str]]:
        """Return the RateLimit headers (draft-ietf-httpapi-ratelimit-headers).

        There are none while Redis is down.
        """
        if not self.number:
            return []
        remaining = max(0, self.rate.amount - self.number)
        window = self.rate.get_expiry()
        return [
            ("RateLimit-Policy", f'"{self.name}";q={self.rate.amount};w={window}'),
            ("RateLimit", f'"{self.name}";r={remaining};t={self.retry_after}'),
        ]

    @property
    def retry_after(self) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, math.ceil(self.seconds))

    def error(self, text: str = "") -> TooManyRequests:
        """Count the refusal in the metrics and return its error, with a text of its own if any."""
        LIMITED.labels(self.name).inc()
        requests = _REQUESTS.get(self.name, "{} requests per {} of this kind")
        limit = requests.format(self.rate.amount, _unit(self.rate))
        error = TooManyRequests(
            text or f"Rate limit exceeded: {limit}. Retry in {self.retry_after} s.",
            limit=self.name,
            retry_after=self.retry_after,
        )
        error.headers = {**dict(self.headers()), "Retry-After": str(self.retry_after)}
        return error


def _unit(rate: RateLimitItem) -> str:
    unit = str(rate.GRANULARITY.name)
    return unit if rate.multiples == 1 else f"{rate.multiples} {unit}s"


def client_key(principal: Principal, environ: Mapping[str, Any]) -> str:
    """Return what identifies a client: the key of its token, or else its network."""
    return principal.key or network_of(environ.get("REMOTE_ADDR") or "")


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the addresses of one client: one of IPv4, but a whole /64 of IPv6 (RFC 6177)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "local"
    if isinstance(ip, ipaddress.IPv4Address):
        return address
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False).network_address)
