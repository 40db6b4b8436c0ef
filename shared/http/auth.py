"""Who may do what: a principal for every request, and the scope that each route needs.

With ``AUTH_MODE=token`` a principal is what a bearer token says (RFC 6750).  Reading what is public
needs none; reading anything else needs ``<name>:read``, writing ``<name>:write``, and a view may
ask for ``admin`` instead; ``admin`` holds all of these.  With ``AUTH_MODE=open`` whoever is on this
machine may do everything, and nobody else anything; a token then only tells who it is.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Flask, current_app, g, has_request_context, request

from shared.config.settings import Settings
from shared.http.errors import Forbidden, Unauthorized
from shared.http.tokens import ADMIN as ADMIN
from shared.http.tokens import InvalidToken, Principal, Tokens
from shared.observability.metrics import REFUSALS

READ, WRITE = "read", "write"
READING = ("GET", "HEAD", "OPTIONS")
# A token is verified again after so long, for the key it was signed with may be taken back.
REMEMBERED_SECONDS = 300
MAX_REMEMBERED = 10_000
_LOCAL = ("127.0.0.1", "::1", "", None)  # None and nothing are those of a Unix socket.

View = TypeVar("View", bound=Callable[..., Any])


class Auth:
    """Tells who makes a request; remembers the tokens it has verified."""

    def __init__(self, settings: Settings):
        self._tokens = Tokens(settings)
        self._is_open = settings.auth_mode == "open"
        self._origins = frozenset(settings.cors_origins.split(","))
        self._everything = frozenset({ADMIN} if self._is_open else ())
        self._anonymous = Principal("anonymous", self._everything)
        self._known: dict[str, tuple[Principal, float]] = {}

    def identify(self, environ: Mapping[str, Any]) -> Principal:
        """Return who makes a request.

        Raise ``Unauthorized`` for a token that is not taken, ``Forbidden`` in open mode for a
        request from elsewhere, ``ServiceUnavailable`` when keys to verify with cannot be had.
        """
        return self.recall(environ) or self._verify(environ["HTTP_AUTHORIZATION"])

    def recall(self, environ: Mapping[str, Any]) -> Principal | None:
        """Return who makes a request, or None when the token has to be verified first.

        Raise ``Forbidden`` as ``identify`` does.
        """
        if self._is_open:
            self._check_origin(environ)
        given = environ.get("HTTP_AUTHORIZATION")
        if not given:
            return self._anonymous
        known = self._known.get(given)
        return known[0] if known is not None and time.time() < known[1] else None

    def _verify(self, given: str) -> Principal:
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorized("Send the token as Authorization: Bearer TOKEN.")
        try:
            principal = self._tokens.verify(token.strip())
        except InvalidToken as error:
            raise _unauthorized(f"The token is not taken. {error}", "invalid_token") from error
        if self._is_open:
            scopes = principal.scopes | self._everything
            principal = Principal(
                principal.id, scopes, principal.key, principal.limited, principal.expires
            )
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[given] = principal, min(principal.expires, time.time() + REMEMBERED_SECONDS)
        return principal

    def _check_origin(self, environ: Mapping[str, Any]) -> None:
        """See that a request comes from this machine, and was not made by somebody's page.

        A name that leads here may be anybody's, so a page of theirs could read what we answer
        (DNS rebinding); and a form on any page may be sent here.
        """
        if environ.get("REMOTE_ADDR") not in _LOCAL or not _is_local(environ.get("HTTP_HOST", "")):
            raise Forbidden(
                "AUTH_MODE=open answers only this machine, as localhost; set AUTH_MODE=token."
            )
        origin, site = environ.get("HTTP_ORIGIN") or "", environ.get("HTTP_SEC_FETCH_SITE")
        if not origin and site != "cross-site":
            return
        own = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST')}"
        if "*" in self._origins or (origin and origin in (own, *self._origins)):
            return
        # A link on a page may lead here; what a page does by itself says so (W3C Fetch Metadata).
        is_link = environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        is_link = is_link and environ["REQUEST_METHOD"] in READING
        if origin or not is_link:
            raise Forbidden(f"Pages of {origin[:100] or 'others'} may not ask; see CORS_ORIGINS.")


def _is_local(host: str) -> bool:
    """Whether a Host header names this machine."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name in ("localhost", "127.0.0.1", "[::1]", "") or name.endswith(".localhost")


def requires(scope: str) -> Callable[[View], View]:
    """Have a view need a scope: ``read``, ``write`` or ``admin``; nothing for an empty one."""

    def mark(view: View) -> View:
        view.scope = scope  # type: ignore[attr-defined]
        return view

    return mark


# What anybody may ask for, as often as they like: probes, documentation, files.
public = requires("")


def is_for_anybody(view: Callable[..., Any] | None) -> bool:
    """Whether a view is ``public``: never asked for a token, and never counted."""
    return getattr(view, "scope", None) == ""


def scope_of(view: Callable[..., Any], method: str, name: str, is_public: bool) -> str:
    """Return the scope that a view of the service ``name`` needs, nothing when it needs none."""
    reads = method in READING
    verb: str = getattr(view, "scope", ("" if is_public else READ) if reads else WRITE)
    return f"{name}:{verb}" if verb in (READ, WRITE) else verb


def require(scope: str) -> None:
    """Raise ``Unauthorized`` or ``Forbidden`` unless the request's principal has a scope.

    ``read`` and ``write`` are those of this service.
    """
    if scope in (READ, WRITE):
        scope = f"{current_app.extensions['resource'].name}:{scope}"
    principal: Principal = g.principal
    if principal.may(scope):
        return
    if not principal.key:
        raise _unauthorized(f"This needs a token with the scope {scope}.")
    REFUSALS.labels("scope").inc()
    error = Forbidden(f"This needs the scope {scope}, which the token does not have.")
    error.headers["WWW-Authenticate"] = (
        f'Bearer realm="vitrine", error="insufficient_scope", scope="{scope}"'
    )
    raise error


def caller() -> str:
    """Return the id of who makes the request; of the service itself outside of one."""
    if has_request_context():
        return str(g.principal.id) if "principal" in g else "anonymous"
    return f"service:{current_app.extensions['resource'].name}"


def _unauthorized(detail: str, code: str = "") -> Unauthorized:
    REFUSALS.labels("token").inc()
    error = Unauthorized(detail)
    more = f', error="{code}"' if code else ""
    error.headers["WWW-Authenticate"] = f'Bearer realm="vitrine"{more}'
    return error


def _admit() -> None:
    """Let a request in that front has found a principal for, and that has what its route needs."""
    view = current_app.view_functions.get(request.endpoint or "")
    refused = request.environ.get("vitrine.refused")
    # What is for anybody is for those with a wrong token, too: a probe may send an old one.
    if refused and not (isinstance(refused, Unauthorized) and is_for_anybody(view)):
        raise refused
    g.principal = request.environ.get("vitrine.principal") or Principal("anonymous")
    if view and request.method != "OPTIONS":
        resource = current_app.extensions["resource"]
        if scope := scope_of(view, request.method, resource.name, resource.public):
            require(scope)


def init_app(app: Flask) -> None:
    """Ask every request that enters Flask for what its route needs."""
    app.before_request(_admit)
