"""Logs: one JSON line for every request, and the request id that joins them."""

import logging
import re
import sys
import time
import uuid

import orjson
from flask import Flask, Response, g, request

from shared.settings import Settings

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


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.started = time.perf_counter()


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    if access.isEnabledFor(logging.INFO):
        line = {
            "request_id": g.request_id,
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.started) * 1000, 2),
        }
        access.info(orjson.dumps(line).decode())
    return response
