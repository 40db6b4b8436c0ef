"""One line in the log for every request, and the request id that joins what was done for it.

A line tells neither bodies nor query strings nor tokens.
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
# Looked up by its labels a counter takes three times as long.
_timer = lru_cache(maxsize=1024)(REQUESTS.labels)
_STATE = re.compile(r"vitrine; (?:fwd=)?(\w+)", re.ASCII)


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id, taken from the caller where there is one, and log it once."""
    log_format.start(service_of(app), settings.log_level)
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def service_of(app: Flask) -> str:
    """Return the name that lines tell of an app's service."""
    return app.name.removeprefix("api_")


def request_id(given: str) -> str:
    """Return the id a caller gave, or a new one for a text that is none."""
    return given if given and _REQUEST_ID.fullmatch(given) else f"{getrandbits(128):032x}"


def leave_out(seconds: float) -> None:
    """Leave the time that a client has chosen to wait out of how long its request took."""
    g.started += seconds


def note_request(
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
    """Count a request that began at ``started`` of ``time.perf_counter``, and log one line."""
    seconds = time.perf_counter() - started
    known = method if method in METHODS else "other"
    _timer(known, route, status).observe(seconds)
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
    note_request(
        service_of(current_app),
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
    """Return what the cache said of a request: hit, or why it was not: miss, stale or bypass."""
    found = _STATE.match(response.headers.get("Cache-Status", ""))
    return found[1] if found else ""


def _forget(error: BaseException | None) -> None:
    log_format.ABOUT.set(g.pop("about_before", {}))
