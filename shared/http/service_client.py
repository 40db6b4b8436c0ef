"""HTTP calls to the other services: short timeouts, bounded retries, the request id passed on."""

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import urllib3
from flask import current_app, g, has_request_context

from shared.config.settings import Settings, service_url
from shared.http.errors import ServiceUnavailable
from shared.http.tokens import ADMIN, Tokens
from shared.observability import log_format

CONNECT_SECONDS = 0.5
READ_SECONDS = 5.0
TRIES = 3
PAUSE_SECONDS = 0.1
TOKEN_SECONDS = 120
MAX_MINTED = 1000
# What a service that starts, ends or has lost its database answers for a moment.
PASSING = (502, 503, 504)


class Transport(Protocol):
    """Sends one request to a service; tests put one that needs no network in its place."""

    def send(
        self,
        service: str,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        seconds: float = READ_SECONDS,
    ) -> tuple[int, bytes]:
        """Return the status and body, or raise ``ServiceUnavailable`` after some seconds."""
        ...


class Http:
    """The transport of production: one pool of kept-alive connections per process."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._pool = urllib3.PoolManager(maxsize=16, retries=False)

    def send(
        self,
        service: str,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        seconds: float = READ_SECONDS,
    ) -> tuple[int, bytes]:
        """Call a service where its setting says it is, up to three times in all the seconds.

        So every call of ours is one that may be repeated.
        """
        url = service_url(self._settings, service)
        deadline = time.monotonic() + seconds
        for last in (*(False,) * (TRIES - 1), True):
            left = max(0.01, deadline - time.monotonic())
            timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left)
            late = deadline - PAUSE_SECONDS
            try:
                answer = self._pool.request(
                    method, url + path, json=body, headers=headers, timeout=timeout
                )
            except urllib3.exceptions.HTTPError as error:
                if last or time.monotonic() > late:
                    raise _down(service, url) from error
            else:
                # Too many at once is no refusal: whoever answers so wants to be asked again.
                passes = answer.status in PASSING or "Retry-After" in answer.headers
                if answer.status < 500 and not passes:
                    return answer.status, answer.data
                if last or not passes or time.monotonic() > late:
                    raise _down(service, url)
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("unreachable")


class Peers:
    """The other services, as this one sees them."""

    def __init__(self, transport: Transport, tokens: Tokens | None = None):
        self._transport = transport
        self._tokens = tokens
        self._minted: dict[str, tuple[str, float]] = {}

    def get(self, service: str, *path: str, **query: Any) -> Any | None:
        """Return the JSON at a path of a service, or None where it has nothing (404).

        Within one request the same address is asked once.  Raise ``ServiceUnavailable`` naming the
        service when it does not answer.
        """
        address = _address(path, query)
        known: dict[str, Any] = g.setdefault("peers", {}) if has_request_context() else {}
        key = f"{service} {address}"
        if key not in known:
            known[key] = self._call(service, "GET", address, None)
        return known[key]

    def put(self, service: str, *path: str, body: Any) -> Any | None:
        """Put JSON at a path of a service and return what it answers; idempotent by contract."""
        return self._call(service, "PUT", _address(path, {}), body)

    def ask(
        self,
        method: str,
        service: str,
        *path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        seconds: float = READ_SECONDS,
    ) -> tuple[int, Any]:
        """Send what may be repeated; return the status and JSON of an answer, be it a refusal.

        Raise ``ServiceUnavailable`` naming the service when it does not answer within the seconds.
        """
        return self._send(service, method, _address(path, query or {}), body, seconds)

    def _call(self, service: str, method: str, address: str, body: Any) -> Any | None:
        status, value = self._send(service, method, address, body, READ_SECONDS)
        if status == 308:  # An old slug, which leads to the one it is now.
            status, value = self._send(service, method, value["location"], body, READ_SECONDS)
        if status == 404:
            return None
        if status >= 400:
            raise ServiceUnavailable(f"The {service} service refused a request of ours ({status}).")
        return value

    def _send(
        self, service: str, method: str, address: str, body: Any, seconds: float
    ) -> tuple[int, Any]:
        id = log_format.request_id()
        headers = {"X-Request-ID": id} if id else {}
        if self._tokens:
            headers["Authorization"] = f"Bearer {self._token()}"
        status, data = self._transport.send(service, method, address, body, headers, seconds)
        try:
            return status, json.loads(data) if data else None
        except ValueError as error:
            raise ServiceUnavailable(
                f"What answers as the {service} service speaks no JSON."
            ) from error

    def _token(self) -> str:
        """Return a token of this service's own, made for whoever it is that asks.

        What they may do was found out here; ``act`` says who does it for them (RFC 8693, 4.1).
        """
        assert self._tokens
        own = f"service:{current_app.extensions['resource'].name}"
        is_asked = has_request_context() and "principal" in g
        subject = g.principal.id if is_asked else own
        token, until = self._minted.get(subject, ("", 0.0))
        if time.monotonic() >= until:
            if len(self._minted) >= MAX_MINTED:
                self._minted.clear()
            token = self._tokens.mint(subject, [ADMIN], TOKEN_SECONDS, act={"sub": own})
            self._minted[subject] = token, time.monotonic() + TOKEN_SECONDS / 2
        return token


def _address(path: tuple[str, ...], query: Mapping[str, Any]) -> str:
    steps = "/".join(quote(str(step), safe=":") for step in path)
    return f"/{steps}?{urlencode(query)}" if query else f"/{steps}"


def _down(service: str, url: str) -> ServiceUnavailable:
    return ServiceUnavailable(f"The {service} service at {url} does not answer; try again shortly.")
