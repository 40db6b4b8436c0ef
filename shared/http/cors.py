"""CORS: the pages of other origins that may call a service from a browser (WHATWG Fetch, 3.3)."""

from collections.abc import Iterable

from shared.http.request_state import Answer, Middleware, RequestState

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
# The last four are sent by tracing libraries in pages (Sentry, W3C Trace Context and Baggage).
ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Import-ID, "
    "Last-Event-ID, Prefer, X-Request-ID, baggage, sentry-trace, traceparent, tracestate"
)
EXPOSED = (
    "Cache-Status, ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, X-Request-ID"
)
PREFLIGHT_SECONDS = 600  # for which a browser keeps the response to a preflight request


class Cors(Middleware):
    """Answers preflight requests, and marks responses that a page may read.

    Args:
        origins: The origins of the pages, ``*`` for all; no page if there are none.
    """

    def __init__(self, origins: Iterable[str]):
        self._origins = frozenset(origins)

    def before(self, state: RequestState) -> Answer | None:
        """Answer a preflight request."""
        environ = state.environ
        if (
            state.method == "OPTIONS"
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
            and (origin := self._granted(environ.get("HTTP_ORIGIN")))
        ):
            return Answer(204, [*_allow(origin), *_PREFLIGHT])
        return None

    def after(self, state: RequestState, answer: Answer) -> None:
        """Allow the page to read the response."""
        if origin := self._granted(state.environ.get("HTTP_ORIGIN")):
            answer.headers += [*_allow(origin), ("Access-Control-Expose-Headers", EXPOSED)]
        else:
            # Without a page of another origin, caches still learn that the origin matters.
            answer.headers.append(("Vary", "Origin"))

    def _granted(self, origin: str | None) -> str | None:
        return origin if origin in self._origins or "*" in self._origins else None


_PREFLIGHT = [
    ("Access-Control-Allow-Methods", METHODS),
    ("Access-Control-Allow-Headers", ALLOWED),
    ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
]


def _allow(origin: str) -> list[tuple[str, str]]:
    return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
