"""Logs: one JSON line for every request, and the request id that joins them."""

import logging
import re
import sys
import time
import uuid

import orjson
from flask import Flask, Response, g, request

from shared.metrics import REQUESTS
from shared.settings import Settings

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

access = logging.getLogger("vitrine.access")

_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id, taken from the caller where there is one, and log it once."""
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stdout,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    app.before_request(_begin)
    app.after_request(_end)


def request_id(given: str) -> str:
    """Return the id a caller gave, or a new one for a text that is none."""
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def leave_out(seconds: float) -> None:
    """Leave the time that a client has chosen to wait out of how long its request took."""
    g.started += seconds


def note_request(
    id: str, method: str, path: str, route: str, status: int, started: float, cache: str = ""
) -> None:
    """Count a request that began at ``started`` of ``time.perf_counter``, and log one line."""
    seconds = time.perf_counter() - started
    known = method if method in METHODS else "other"
    REQUESTS.labels(known, route, status).observe(seconds)
    if access.isEnabledFor(logging.INFO):
        line = {
            "request_id": id,
            "method": method,
            "path": path,
            "status": status,
            "ms": round(seconds * 1000, 2),
        }
        if cache:
            line["cache"] = cache
        access.info(orjson.dumps(line).decode())


def _begin() -> None:
    g.request_id = request_id(request.headers.get("X-Request-ID", ""))
    g.started = time.perf_counter()


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    route = request.url_rule.rule if request.url_rule else ""
    status = response.status_code
    note_request(g.request_id, request.method, request.path, route, status, g.started)
    return response
