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
from shared.observability.metrics import REQUEST_SECONDS, REQUESTS, ROUTE_SECONDS
from shared.observability.tap import TAP, Note

# Routes whose requests the tap does not note: probes, and the requests of those who watch.
UNNOTED = {"/health", "/health/live", "/health/ready", "/metrics", "/__cache/live", "/jobs"}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

access = logging.getLogger("vitrine.access")

# The metrics of some labels; their look-up by labels takes three times as long.
_requests = lru_cache(maxsize=1024)(REQUESTS.labels)
_request_seconds = lru_cache(maxsize=64)(REQUEST_SECONDS.labels)
_route_seconds = lru_cache(maxsize=256)(ROUTE_SECONDS.labels)
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
        _requests(label, state.route, answer.status).inc()
        _request_seconds(label, state.cache).observe(seconds)
        if state.cache != "hit":
            _route_seconds(label, state.route).inc(seconds)
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
        if TAP.on and state.route not in UNNOTED and (state.cache != "hit" or TAP.takes_hit()):
            TAP.note(_note(self._service, state, answer, seconds))


def _note(service: str, state: RequestState, answer: Answer, seconds: float) -> Note:
    """Return the note of the tap about a request: who sent it, and what the cache said."""
    note = {
        "kind": "request",
        "at": time.time(),
        "service": service,
        "id": state.id,
        "method": state.method,
        "path": state.path,
        "query": state.environ.get("QUERY_STRING", ""),
        "route": state.route,
        "status": answer.status,
        "ms": round(seconds * 1000, 2),
        "by": state.principal.id if state.principal else "anonymous",
    }
    return note | _cache_note(state, answer)


def _cache_note(state: RequestState, answer: Answer) -> Note:
    """Return the members of a note that the cache has; they are empty for other answers."""
    verdict = next((value for name, value in answer.headers if name == "Cache-Status"), "")
    if not verdict or state.lookup is None:
        names = "cache detail verdict key tag part token root generation search"
        return dict.fromkeys(names.split(), "") | {"ttl": 0}
    lookup = state.lookup
    root, generation = lookup.tokens[:2] or ("", "")
    return {
        "cache": state.cache,
        "detail": lookup.detail,
        "verdict": verdict,
        "key": lookup.address.key,
        "tag": lookup.address.tag,
        "part": lookup.stale_part,
        "token": lookup.stale_token,
        "root": root,
        "generation": generation,
        "ttl": lookup.seconds_left if lookup.is_hit else state.stored_seconds,
        "search": lookup.address.query,
    }


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
