"""Paths and heads of requests: proxies, canonical paths, references to items, faults."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from shared.http.auth import READING
from shared.http.errors import ApiError, BadRequest, UnsupportedMediaType
from shared.http.request_state import FAULT, Answer, Middleware, RequestState, refuse
from shared.schema.slugs import RESERVED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_HOST = re.compile(r"[\w.:%~!$&'()*+;=\[\]-]*", re.ASCII)
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
    """Refuses a request that the server could not read, or whose head is not valid."""

    def before(self, state: RequestState) -> Answer | None:
        """Answer with the fault that the server or ``find_fault`` has found."""
        fault = state.environ.get(FAULT) or find_fault(state.environ)
        return refuse(state, fault) if fault else None


def find_fault(environ: "WSGIEnvironment") -> ApiError | None:
    """Return what is wrong with the head of a request, or None."""
    host = environ.get("HTTP_HOST", "")
    if not host and environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        return BadRequest("The request has no Host header, which HTTP/1.1 requires. Send it.")
    if not _is_host(host):
        return BadRequest("The Host header is not the name of one host. Send one, such as a.b:80.")
    coding = environ.get("HTTP_CONTENT_ENCODING")
    if not coding or coding.lower() == "identity" or environ["REQUEST_METHOD"] in READING:
        return None  # The body of a request that reads is not read.
    error = UnsupportedMediaType(
        f"The body has the Content-Encoding {coding[:100]}, which is not accepted. Send it without "
        "a coding."
    )
    error.headers["Accept-Encoding"] = "identity"  # RFC 9110, 12.5.3
    return error


@lru_cache(maxsize=256)
def _is_host(host: str) -> bool:
    return bool(_HOST.fullmatch(host))


class Reference(BaseConverter):
    """A part of a path that names an item, as in ``/products/<ref>``.

    A reserved word names none: ``PUT /products/changes`` is answered 405 by the route of
    the changes, and not 404.
    """

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED))})\Z)[^/]+"
    part_isolating = True


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
