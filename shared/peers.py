"""HTTP calls to the other services: short timeouts, bounded retries, the request id passed on."""

import json
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import urllib3
from flask import g, has_request_context

from shared.errors import Unavailable
from shared.settings import Settings, service_url

TIMEOUT = urllib3.Timeout(connect=0.5, read=5.0)
# Only calls that may be repeated are: GET, PUT and DELETE, urllib3's idempotent methods.
RETRIES = urllib3.Retry(
    total=2, backoff_factor=0.1, status_forcelist=(502, 503, 504), raise_on_status=False
)


class Transport(Protocol):
    """Sends one request to a service; tests put one that needs no network in its place."""

    def send(
        self, service: str, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Return the status and body, or raise ``Unavailable``."""
        ...


class Http:
    """The transport of production: one pool of kept-alive connections per process."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._pool = urllib3.PoolManager(maxsize=16, timeout=TIMEOUT, retries=RETRIES)

    def send(
        self, service: str, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Call a service where its setting says it is."""
        url = service_url(self._settings, service)
        try:
            response = self._pool.request(method, url + path, json=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise _down(service, url) from error
        if response.status >= 500:
            raise _down(service, url)
        return response.status, response.data


class Peers:
    """The other services, as this one sees them."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def get(self, service: str, *path: str, **query: Any) -> Any | None:
        """Return the JSON at a path of a service, or None where it has nothing (404).

        Within one request the same address is asked once.  Raise ``Unavailable`` naming the
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

    def _call(self, service: str, method: str, address: str, body: Any) -> Any | None:
        headers = {"X-Request-ID": str(g.get("request_id", ""))} if has_request_context() else {}
        status, data = self._transport.send(service, method, address, body, headers)
        if status == 404:
            return None
        if status >= 400:
            raise Unavailable(f"The {service} service refused a request of ours ({status}).")
        return json.loads(data)


def _address(path: tuple[str, ...], query: dict[str, Any]) -> str:
    steps = "/".join(quote(step, safe=":") for step in path)
    return f"/{steps}?{urlencode(query)}" if query else f"/{steps}"


def _down(service: str, url: str) -> Unavailable:
    return Unavailable(f"The {service} service at {url} does not answer; try again shortly.")
