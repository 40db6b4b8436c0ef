"""Authorization: the principal of every request, and the scope that each view needs.

With ``AUTH_MODE=token`` the principal is the subject of a bearer token (RFC 6750).  Reading a
public resource needs no token.  Reading any other resource needs the scope ``<name>:read``, writing
``<name>:write``, and a view may need ``admin`` instead; ``admin`` includes all scopes.

With ``AUTH_MODE=open`` every caller on this machine may do everything, and other machines may do
nothing; a token then only names the caller.  ``OPEN_NETWORKS`` names the networks of containers
that are this machine.
"""

import re
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeVar

from flask import Flask, current_app, has_request_context, request

from shared.config.settings import Settings
from shared.http.errors import ApiError, Forbidden, Unauthorized
from shared.http.request_state import ANONYMOUS, Middleware, RequestState, state
from shared.http.tokens import ADMIN as ADMIN
from shared.http.tokens import InvalidToken, Principal, Tokens
from shared.observability.metrics import REFUSALS

READ, WRITE = "read", "write"
READING = ("GET", "HEAD", "OPTIONS")
# seconds after which a token is verified again, because its key may have been withdrawn
VERIFIED_SECONDS = 300
MAX_VERIFIED = 10_000  # verified tokens that are remembered
_CONTAINER = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)  # Domains of the internet have a dot.
_LOCAL = ("127.0.0.1", "::1", "", None)  # A Unix socket has no address: "" or None.

# What a page shows of another one, in Sec-Fetch-Dest.
_FRAMES = ("iframe", "frame", "embed", "object")

View = TypeVar("View", bound=Callable[..., Any])


class Auth(Middleware):
    """Identifies the caller of each request, and remembers the tokens it has verified."""

    def __init__(self, settings: Settings):
        self._tokens = Tokens(settings)
        self._is_open = settings.auth_mode == "open"
        self._networks = tuple(map(ip_network, filter(None, settings.open_networks.split(","))))
        self._origins = frozenset(settings.cors_origins.split(","))
        self._everything = frozenset({ADMIN} if self._is_open else ())
        self._anonymous = Principal("anonymous", self._everything)
        self._verified: dict[str, tuple[Principal, float]] = {}

    def before(self, state: RequestState) -> None:
        """Note the caller, or why it cannot be identified; the view may not need one."""
        try:
            state.principal = self.identify(state.environ)
        except ApiError as error:
            state.refusal = error

    def waits(self, environ: Mapping[str, Any]) -> bool:
        """Return True if the token of a request must be verified first, which may take seconds."""
        header = environ.get("HTTP_AUTHORIZATION")
        return header is not None and header != "" and self._recall(header) is None

    def identify(self, environ: Mapping[str, Any]) -> Principal:
        """Return the principal of a request.

        Raises:
            Unauthorized: The token is not valid.
            Forbidden: In open mode, the request comes from elsewhere.
            ServiceUnavailable: The keys to verify the token with cannot be read.
        """
        if self._is_open:
            self._check_origin(environ)
        header = environ.get("HTTP_AUTHORIZATION")
        if not header:
            return self._anonymous
        return self._recall(header) or self._verify(header)

    def _recall(self, header: str) -> Principal | None:
        """Return the principal of a token that was verified some time before."""
        principal, valid_until = self._verified.get(header, (None, 0.0))
        return principal if time.time() < valid_until else None

    def _verify(self, header: str) -> Principal:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorized(
                "Authorization has no bearer token. Send Authorization: Bearer TOKEN."
            )
        try:
            principal = self._tokens.verify(token.strip())
        except InvalidToken as error:
            raise _unauthorized(f"The token is not valid. {error}", "invalid_token") from error
        if self._is_open:
            scopes = principal.scopes | self._everything
            principal = Principal(
                principal.id, scopes, principal.key, principal.limited, principal.expires
            )
        if len(self._verified) >= MAX_VERIFIED:
            self._verified.clear()
        self._verified[header] = principal, min(principal.expires, time.time() + VERIFIED_SECONDS)
        return principal

    def _is_this_machine(self, address: str | None) -> bool:
        """Return True if a request comes from this machine, or from a container on it."""
        if address in _LOCAL:
            return True
        found = _find_address(address or "") if self._networks else None
        return found is not None and any(found in network for network in self._networks)

    def _names_this_machine(self, host: str) -> bool:
        """Return True if a Host header names this machine, or a container by its plain name."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name in ("localhost", "127.0.0.1", "[::1]", "") or name.endswith(".localhost"):
            return True
        return bool(self._networks) and _CONTAINER.fullmatch(name) is not None

    def _check_origin(self, environ: Mapping[str, Any]) -> None:
        """Raise ``Forbidden`` for a request from another machine, or made by a page elsewhere.

        Any domain may resolve to this machine, so that a page of it could read the responses (DNS
        rebinding), and any page may send a form here.
        """
        # Who is not on this machine may send the headers of a proxy as well.
        peer = environ.get("werkzeug.proxy_fix.orig", environ).get("REMOTE_ADDR")
        addresses, host = (peer, environ.get("REMOTE_ADDR")), environ.get("HTTP_HOST", "")
        if not (all(map(self._is_this_machine, addresses)) and self._names_this_machine(host)):
            raise Forbidden(
                "With AUTH_MODE=open only this machine may send requests, to localhost. Set "
                "AUTH_MODE=token."
            )
        origin, site = environ.get("HTTP_ORIGIN") or "", environ.get("HTTP_SEC_FETCH_SITE")
        # A page of another port may show pictures of this service, and nothing in a frame.
        is_framed = site == "same-site" and environ.get("HTTP_SEC_FETCH_DEST") in _FRAMES
        if not origin and site != "cross-site" and not is_framed:
            return
        own = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST')}"
        if "*" in self._origins or (origin and origin in (own, *self._origins)):
            return
        # A link on a page may lead here; a browser marks other requests (W3C Fetch Metadata), those
        # of frames as well, which a page may show without being asked.
        is_link = (
            environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
            and environ.get("HTTP_SEC_FETCH_DEST") == "document"
            and environ["REQUEST_METHOD"] in READING
        )
        if origin or not is_link:
            raise Forbidden(
                f"Pages of {origin[:100] or 'other origins'} may not send requests here. Add the "
                "origin to CORS_ORIGINS."
            )


def _find_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None  # A proxy may pass on any text.


def requires(scope: str) -> Callable[[View], View]:
    """Declare the scope that a view needs: ``read``, ``write`` or ``admin``; none if empty."""

    def declare(view: View) -> View:
        view.scope = scope  # type: ignore[attr-defined]
        return view

    return declare


# Marks views that need no token and have no rate limit: probes, documentation, files.
public = requires("")


def is_public(view: Callable[..., Any] | None) -> bool:
    """Return True if a view is ``public``: it needs no token and has no rate limit."""
    return getattr(view, "scope", None) == ""


def required_scope(view: Callable[..., Any], method: str, name: str, reads_are_public: bool) -> str:
    """Return the scope that a view needs, or an empty text.

    Args:
        view: The view.
        method: The HTTP method.
        name: The name of the service.
        reads_are_public: True if reading the resource of the service needs no token.
    """
    reads = method in READING
    verb: str = getattr(view, "scope", ("" if reads_are_public else READ) if reads else WRITE)
    return f"{name}:{verb}" if verb in (READ, WRITE) else verb


def require(scope: str, *others: str) -> None:
    """Raise ``Unauthorized`` or ``Forbidden`` unless the caller has a scope or one of the others.

    ``read`` and ``write`` mean the scopes of this service.
    """
    if scope in (READ, WRITE):
        scope = f"{current_app.extensions['resource'].name}:{scope}"
    principal = state().principal or ANONYMOUS
    if any(map(principal.may, (scope, *others))):
        return
    named = " or ".join((scope, *others))
    if not principal.key:
        raise _unauthorized(
            f"The request needs a token with the scope {named}. Send Authorization: Bearer TOKEN."
        )
    REFUSALS.labels("scope").inc()
    error = Forbidden(f"The token does not have the scope {named}. Send a token that has it.")
    error.headers["WWW-Authenticate"] = (
        f'Bearer realm="vitrine", error="insufficient_scope", scope="{scope}"'
    )
    raise error


def caller() -> str:
    """Return the id of the caller, or of the service itself outside of a request."""
    if has_request_context():
        return (state().principal or ANONYMOUS).id
    return f"service:{current_app.extensions['resource'].name}"


def _unauthorized(detail: str, code: str = "") -> Unauthorized:
    REFUSALS.labels("token").inc()
    error = Unauthorized(detail)
    more = f', error="{code}"' if code else ""
    error.headers["WWW-Authenticate"] = f'Bearer realm="vitrine"{more}'
    return error


def _authorize() -> None:
    """Check that the principal of the request has the scope that its view needs."""
    view = current_app.view_functions.get(request.endpoint or "")
    refusal = state().refusal
    # A public view answers even with an invalid token: a probe may send an expired one.
    if refusal and not (isinstance(refusal, Unauthorized) and is_public(view)):
        raise refusal
    if view and request.method != "OPTIONS":
        resource = current_app.extensions["resource"]
        if scope := required_scope(view, request.method, resource.name, resource.public):
            require(scope)


def init_app(app: Flask) -> None:
    """Check the scope of every request that enters Flask."""
    app.before_request(_authorize)
