"""The WSGI layer in front of Flask: one resource, many spellings of its path.

``/api``, ``/v1`` or ``/api/v1`` before a path and a slash behind it change nothing.  No redirect
is involved, because older clients turn a redirected POST into a GET.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = re.compile(r"/(?:api/v1|api|v1)(?=/|$)")


class Front:
    """Hands a request on under the canonical spelling of its path."""

    def __init__(self, app: "WSGIApplication"):
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        environ["PATH_INFO"] = canonical(environ.get("PATH_INFO", ""))
        return self._app(environ, start_response)


def canonical(path: str) -> str:
    """Return the canonical spelling of a path: no prefix and no slash behind."""
    path = _PREFIX.sub("", path, count=1) if _PREFIX.match(path) else path
    return path.removesuffix("/") or "/"


def init_app(app: Flask) -> None:
    """Put the layer in front of an app."""
    app.wsgi_app = Front(app.wsgi_app)  # type: ignore[method-assign]
