"""Access log: one line for every request, with the request id that its other lines carry as well.

A line contains no body, no query string and no token.
"""

import logging
import time
from functools import lru_cache

from flask import Flask, request

from shared.config.settings import Settings
from shared.http.request_state import Answer, Middleware, RequestState, state
from shared.observability import log_format
from shared.observability.metrics import REQUESTS

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

access = logging.getLogger("vitrine.access")

# The histogram of a method, route and status; its look-up by labels takes three times as long.
_histogram = lru_cache(maxsize=1024)(REQUESTS.labels)
_BEFORE = "about before"  # the note of the log fields that were set before the request


class AccessLog(Middleware):
    """Counts and logs each request once, and sends its id.

    Args:
        service: The name of the service in the log.
    """

    def __init__(self, service: str):
        self._service = service

    def after(self, state: RequestState, answer: Answer) -> None:
        """Send the request id, count the request, and log its line."""
        answer.headers.append(("X-Request-ID", state.id))
        seconds = time.perf_counter() - state.started
        method = state.method
        label = method if method in METHODS else "other"
        _histogram(label, state.route, answer.status).observe(seconds)
        if access.isEnabledFor(logging.INFO):
            fields = {
                "request_id": state.id,
                "method": method,
                "path": state.path,
                "route": state.route,
                "status": answer.status,
                "ms": round(seconds * 1000, 2),
            }
            if state.cache:
                fields["cache"] = state.cache
            fields["principal"] = state.principal.id if state.principal else "anonymous"
            log_format.write(self._service, fields)


def init_app(app: Flask, settings: Settings) -> None:
    """Let all log lines of a request have its id."""
    log_format.start(service_name(app), settings.log_level)
    app.before_request(_begin)
    app.teardown_request(_forget)


def service_name(app: Flask) -> str:
    """Return the name of an app's service in the log."""
    return app.name.removeprefix("api_")


def exclude_wait(seconds: float) -> None:
    """Exclude the time that a long poll has waited from the duration of its request."""
    state().started += seconds


def _begin() -> None:
    current = state()
    current.route = request.url_rule.rule if request.url_rule else ""
    current.notes[_BEFORE] = log_format.ABOUT.get()
    log_format.ABOUT.set({"request_id": current.id})


def _forget(error: BaseException | None) -> None:
    log_format.ABOUT.set(state().notes.pop(_BEFORE, {}))
