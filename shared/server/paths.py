"""Middlewares that come before others: proxies, canonical paths, faults of a request."""

import re

from werkzeug.middleware.proxy_fix import ProxyFix

from shared.http.request_state import FAULT, Answer, Middleware, RequestState, refuse

_PREFIX = re.compile(r"/(?:api/v1|api|v1)(?=/|$)")


class Proxies(Middleware):
    """Reads the client's address, host and scheme from the headers of trusted proxies.

    Args:
        count: The number of proxies in front of this server.
    """

    def __init__(self, count: int):
        self._fix = ProxyFix(lambda environ, start_response: (), count, count)

    def before(self, state: RequestState) -> None:
        """Correct the environment of a request."""
        self._fix(state.environ, lambda status, headers, error=None: lambda data: None)


class Faults(Middleware):
    """Refuses a request that the server could not read."""

    def before(self, state: RequestState) -> Answer | None:
        """Answer with the fault that the server has found."""
        fault = state.environ.get(FAULT)
        return refuse(state, fault) if fault else None


class CanonicalPath(Middleware):
    """Gives each request the canonical path of its URL.

    A path may start with ``/api``, ``/v1`` or ``/api/v1`` and end in a slash: it means the same
    path without them.  It is not redirected, because older clients turn a redirected POST into a
    GET.
    """

    def before(self, state: RequestState) -> None:
        """Rewrite the path, and note it as text."""
        path = state.environ["PATH_INFO"] = canonical(state.environ.get("PATH_INFO", ""))
        # WSGI decodes the bytes of a path as Latin-1 (PEP 3333).
        is_plain = path.isascii()
        state.path = path if is_plain else path.encode("latin-1").decode(errors="replace")


def canonical(path: str) -> str:
    """Return the canonical path: without ``/api``, ``/v1`` and a slash at the end."""
    path = _PREFIX.sub("", path, count=1) if _PREFIX.match(path) else path
    return path.removesuffix("/") or "/"
