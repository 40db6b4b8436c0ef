"""CORS: the pages of other origins that may call a service from a browser (WHATWG Fetch, 3.3)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from shared.config.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Request-ID"
)
EXPOSED = (
    "Cache-Status, ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, X-Request-ID"
)
PREFLIGHT_SECONDS = 600  # for which a browser keeps the response to a preflight request


class Cors:
    """Middleware that answers preflight requests, and marks responses that a page may read."""

    def __init__(self, app: "WSGIApplication", origins: frozenset[str]):
        self._app = app
        self._origins = origins

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        origin = environ.get("HTTP_ORIGIN")
        if origin not in self._origins and "*" not in self._origins:
            origin = None
        if (
            origin
            and environ["REQUEST_METHOD"] == "OPTIONS"
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        ):
            start_response("204 NO CONTENT", [*_granted(origin), *_PREFLIGHT])
            return [b""]

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            # Without a page of another origin, caches still learn that the origin matters.
            more = [*_granted(origin), ("Access-Control-Expose-Headers", EXPOSED)] if origin else []
            return start_response(status, [*headers, *(more or [("Vary", "Origin")])], *error)

        return self._app(environ, start)


_PREFLIGHT = [
    ("Access-Control-Allow-Methods", METHODS),
    ("Access-Control-Allow-Headers", ALLOWED),
    ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
]


def _granted(origin: str) -> list[tuple[str, str]]:
    return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]


def init_app(app: Flask, settings: Settings) -> None:
    """Let the pages of ``CORS_ORIGINS`` call the service; no page if it is unset."""
    if settings.cors_origins:
        origins = frozenset(settings.cors_origins.split(","))
        app.wsgi_app = Cors(app.wsgi_app, origins)  # type: ignore[method-assign]
