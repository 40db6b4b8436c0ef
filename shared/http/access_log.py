"""Access log: one line for every request, with the request id that its other lines carry as well.

A line contains no body, no query string and no token.
"""

import logging
import re
import time
from functools import lru_cache
from random import getrandbits

from flask import Flask, Response, current_app, g, request

from shared.config.settings import Settings
from shared.http.auth import caller
from shared.observability import log_format
from shared.observability.metrics import REQUESTS

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

access = logging.getLogger("vitrine.access")

_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
# The histogram of a method, route and status; its look-up by labels takes three times as long.
_histogram = lru_cache(maxsize=1024)(REQUESTS.labels)
_CACHE_STATUS = re.compile(r"vitrine; (?:fwd=)?(\w+)", re.ASCII)


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id, if possible the one that the caller sent, and log it once."""
    log_format.start(service_name(app), settings.log_level)
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def service_name(app: Flask) -> str:
    """Return the name of an app's service in the log."""
    return app.name.removeprefix("api_")


def request_id(sent: str) -> str:
    """Return the id that a caller sent, or a new id if that is not valid."""
    return sent if sent and _REQUEST_ID.fullmatch(sent) else f"{getrandbits(128):032x}"


def exclude_wait(seconds: float) -> None:
    """Exclude the time that a long poll has waited from the duration of its request."""
    g.started += seconds


def record_request(
    service: str,
    id: str,
    method: str,
    path: str,
    route: str,
    status: int,
    started: float,
    cache: str = "",
    principal: str = "",
) -> None:
    """Count a request in the metrics, and log its line.

    Args:
        service: The name of the service.
        id: The request id.
        method: The HTTP method.
        path: The path of the URL.
        route: The rule of the route, empty for none.
        status: The status of the response.
        started: The time of ``time.perf_counter`` when the request began.
        cache: The state of the cache: hit, miss, stale or bypass; empty for none.
        principal: The id of the caller.
    """
    seconds = time.perf_counter() - started
    label = method if method in METHODS else "other"
    _histogram(label, route, status).observe(seconds)
    if access.isEnabledFor(logging.INFO):
        fields = {
            "request_id": id,
            "method": method,
            "path": path,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        if cache:
            fields["cache"] = cache
        if principal:
            fields["principal"] = principal
        log_format.write(service, fields)


def _begin() -> None:
    g.request_id = request_id(request.headers.get("X-Request-ID", ""))
    g.started = time.perf_counter()
    g.about_before = log_format.ABOUT.get()
    log_format.ABOUT.set({"request_id": g.request_id})


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    route = request.url_rule.rule if request.url_rule else ""
    status = response.status_code
    record_request(
        service_name(current_app),
        g.request_id,
        request.method,
        request.path,
        route,
        status,
        g.started,
        _cache_state(response),
        caller(),
    )
    return response


def _cache_state(response: Response) -> str:
    """Return the state in ``Cache-Status``: hit, miss, stale or bypass; empty without one."""
    match = _CACHE_STATUS.match(response.headers.get("Cache-Status", ""))
    return match[1] if match else ""


def _forget(error: BaseException | None) -> None:
    log_format.ABOUT.set(g.pop("about_before", {}))
