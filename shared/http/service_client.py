"""HTTP client for the other services: short timeouts, few retries, the request id passed on."""

import json
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import urllib3
from flask import current_app
from urllib3 import PoolManager, Retry, Timeout

from shared.config.settings import Settings, service_url
from shared.http.clocks import clock_difference, clocks_differ
from shared.http.errors import ServiceUnavailable
from shared.http.request_state import find_state
from shared.http.tokens import ADMIN, Tokens
from shared.observability import log_format

CONNECT_SECONDS = 0.5  # for one connection
_ANSWERS = "service answers"  # the note of the responses that a request has read
REQUEST_SECONDS = 4.5  # for all tries of one request
MAX_CONNECTIONS = 16  # kept open to each service
TOKEN_SECONDS = 120  # that a token for another service is valid
MAX_TOKENS = 1000  # kept for the next requests of the same callers


class Transport(Protocol):
    """Sends one request to a service; tests replace it with one that needs no network."""

    def send(
        self,
        service: str,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        seconds: float = REQUEST_SECONDS,
    ) -> tuple[int, bytes]:
        """Return the status and the body of the response.

        Args:
            service: The name of the service, such as ``products``.
            method: The HTTP method.
            path: The path with its query string.
            body: The JSON to send; None for no body.
            headers: The headers to send.
            seconds: The time for all tries together.

        Raises:
            ServiceUnavailable: The service does not answer within the seconds.
        """
        ...


class Deadline(Timeout):
    """The timeouts of each try, so that all of them together end at one moment."""

    def __init__(self, seconds: float):
        super().__init__(connect=min(CONNECT_SECONDS, seconds), read=seconds)
        self._end = time.monotonic() + seconds

    def clone(self) -> Timeout:
        """Return the timeouts of the next try; urllib3 asks for them before each."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise urllib3.exceptions.TimeoutError("No time is left for another try.")
        return Timeout(connect=min(CONNECT_SECONDS, left), read=left)


class TransientRetry(Retry):
    """Retries a response that may differ in a moment: a service restarts, or a write conflicts."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Return True for the statuses of a service that starts or ends, and on Retry-After.

        A 409 with ``Retry-After`` is a conflict between writes at the same moment.  A 503 with
        ``Retry-After`` comes from a service that has waited for its own servers already.
        """
        return has_retry_after != (status_code in (502, 503, 504))


class HttpTransport:
    """The transport in production: one pool of connections for each process."""

    def __init__(self, settings: Settings):
        self._settings = settings
        retries = TransientRetry(2, backoff_factor=0.1, respect_retry_after_header=False)
        self._pool = PoolManager(maxsize=MAX_CONNECTIONS, retries=retries)

    def send(
        self,
        service: str,
        method: str,
        path: str,
        body: Any,
        headers: dict[str, str],
        seconds: float = REQUEST_SECONDS,
    ) -> tuple[int, bytes]:
        """Send a request to the URL of the service; it must be safe to repeat.

        Raises:
            ServiceUnavailable: No try has brought a response within the seconds, or the service
                refuses the token because the clocks of the hosts differ.
        """
        url = service_url(self._settings, service)
        no_answer = f"The {service} service at {url} does not answer; try again shortly."
        try:
            response = self._pool.request(
                method,
                url + path,
                json=body,
                headers=headers,
                timeout=Deadline(seconds),
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ServiceUnavailable(no_answer) from error
        if response.status >= 500:
            detail = _detail(response.data)
            reason = f"The {service} service cannot answer: {detail}" if detail else no_answer
            raise ServiceUnavailable(reason)
        if response.status == 401 and (difference := clock_difference(response.headers)):
            raise ServiceUnavailable(
                f"The {service} service at {url} refused the token of this service: "
                f"{clocks_differ(difference)}."
            )
        return response.status, response.data


class ServiceClient:
    """The other services, as this one calls them."""

    def __init__(self, transport: Transport, tokens: Tokens | None = None):
        self._transport = transport
        self._tokens = tokens
        self._minted: dict[str, tuple[str, float]] = {}

    def get(self, service: str, *path: str, **query: Any) -> Any | None:
        """Return the JSON at a path of a service, or None for a 404.

        During one request, each URL is read once.

        Raises:
            ServiceUnavailable: The service does not answer; the detail names it.
        """
        url = _url(path, query)
        current = find_state()
        read: dict[str, Any] = current.notes.setdefault(_ANSWERS, {}) if current else {}
        key = f"{service} {url}"
        if key not in read:
            read[key] = self._get(service, url)
        return read[key]

    def request(
        self,
        method: str,
        service: str,
        *path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        seconds: float = REQUEST_SECONDS,
    ) -> tuple[int, Any]:
        """Send a request that is safe to repeat; return the status and JSON, even of a refusal.

        Args:
            method: The HTTP method.
            service: The name of the service, such as ``products``.
            path: The segments of the path.
            query: The query parameters.
            body: The JSON to send.
            seconds: The time for all tries together.

        Raises:
            ServiceUnavailable: The service does not answer in time; the detail names it.
        """
        return self._send(service, method, _url(path, query or {}), body, seconds)

    def _get(self, service: str, url: str) -> Any | None:
        status, value = self._send(service, "GET", url)
        if status == 308:  # An old slug, which leads to the current one.
            status, value = self._send(service, "GET", value["location"])
        if status == 404:
            return None
        if status >= 400:
            raise ServiceUnavailable(
                f"The {service} service answered a request of this service with {status}; see its "
                "log."
            )
        return value

    def _send(
        self,
        service: str,
        method: str,
        url: str,
        body: Any = None,
        seconds: float = REQUEST_SECONDS,
    ) -> tuple[int, Any]:
        id = log_format.request_id()
        headers = {"X-Request-ID": id} if id else {}
        if self._tokens:
            headers["Authorization"] = f"Bearer {self._token(self._tokens)}"
        status, data = self._transport.send(service, method, url, body, headers, seconds)
        try:
            return status, json.loads(data) if data else None
        except ValueError as error:
            raise ServiceUnavailable(
                f"The {service} service did not answer with JSON; check the setting of its URL."
            ) from error

    def _token(self, tokens: Tokens) -> str:
        """Return a token of this service for the caller of the current request.

        The scopes of the caller were checked here already; ``act`` names the service that acts
        for it (RFC 8693, 4.1).
        """
        own = f"service:{current_app.extensions['resource'].name}"
        current = find_state()
        subject = current.principal.id if current and current.principal else own
        token, fresh_until = self._minted.get(subject, ("", 0.0))
        if time.monotonic() >= fresh_until:
            if len(self._minted) >= MAX_TOKENS:
                self._minted.clear()
            token = tokens.mint(subject, [ADMIN], TOKEN_SECONDS, act={"sub": own})
            self._minted[subject] = token, time.monotonic() + TOKEN_SECONDS / 2
        return token


def _detail(body: bytes) -> str:
    """Return the detail of a problem document; empty for another body."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, LookupError, TypeError):
        return ""


def _url(path: tuple[str, ...], query: Mapping[str, Any]) -> str:
    segments = "/".join(quote(str(segment), safe=":") for segment in path)
    return f"/{segments}?{urlencode(query)}" if query else f"/{segments}"
