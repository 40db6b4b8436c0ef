"""Access to the console: which requests it accepts, and whose rights they have.

The console sets no cookie, and has no right of its own.  With ``AUTH_MODE=token`` it passes the
token of the caller on, and a service decides.  With ``AUTH_MODE=open`` it makes the check of the
services first, because to them every request of the console comes from this machine.
"""

import getpass
import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import jwt

from shared.config.settings import Settings
from shared.http.auth import Auth
from shared.http.errors import Forbidden, ServiceUnavailable, Unauthorized
from shared.http.tokens import ADMIN, Tokens, is_reserved
from vitrine.console.services import Services, Unreachable

WRITES_HEADER = "X-Console"  # A page of another origin cannot send it without being asked.
READS = ("GET", "HEAD")
TOKEN_SECONDS = 12 * 3600  # that a token of this machine is valid
KNOWN_SECONDS = 30  # that the answer about a token is kept
MAX_KNOWN = 1000  # answers that are kept
RETRY_SECONDS = 5  # seconds until the services are asked again


@dataclass(frozen=True, slots=True)
class Session:
    """The caller, as far as the services accept it; ``problem`` is why they do not."""

    subject: str | None = None
    scopes: tuple[str, ...] = ()
    expires: int | None = None
    signed_in: bool = False
    is_admin: bool = False
    problem: str = ""


class Access:
    """The rules of every request.

    Args:
        settings: The settings, for ``AUTH_MODE`` and ``SECRET_KEY``.
        services: The services, which know the tokens they accept.
    """

    def __init__(self, settings: Settings, services: Services):
        self.is_open = settings.auth_mode == "open"
        self._guard = Auth(replace(settings, auth_mode="open", cors_origins=""))
        self._tokens = Tokens(settings)
        self._services = services
        self._user = user_name()
        self._own = ("", 0.0)
        self._known: dict[str, tuple[Session, float]] = {}
        self._lock = threading.Lock()

    def check(self, environ: Mapping[str, Any], is_page: bool) -> None:
        """Check where a request comes from.

        Args:
            environ: The environment of the request (PEP 3333).
            is_page: True for a page, to which other pages may link.

        Raises:
            Forbidden: It comes from another machine, by a foreign name, or from a page elsewhere.
        """
        if self.is_open:
            self._guard.identify({**environ, "HTTP_AUTHORIZATION": ""})
        method = environ["REQUEST_METHOD"]
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        is_link = (
            is_page
            and method in READS
            and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
            and environ.get("HTTP_SEC_FETCH_DEST") == "document"
        )
        # The scheme may differ behind a proxy that speaks HTTPS.
        origin = environ.get("HTTP_ORIGIN")
        is_foreign = origin is not None and _host(origin) != environ.get("HTTP_HOST")
        if is_foreign or (site not in ("none", "same-origin") and not is_link):
            raise Forbidden(
                "Pages of other origins may not send requests to the console. Open the console by "
                "its address."
            )
        if method not in READS and environ.get(f"HTTP_{_variable(WRITES_HEADER)}") != "1":
            raise Forbidden(f"The header {WRITES_HEADER}: 1 is missing. Send it with each write.")

    def authorization(self, environ: Mapping[str, Any]) -> str:
        """Return the Authorization header with which a request of a caller goes to a service."""
        return self.own() if self.is_open else str(environ.get("HTTP_AUTHORIZATION", ""))

    def own(self) -> str:
        """Return the header of the user of this machine, for services in open mode."""
        header, until = self._own
        if time.time() > until - TOKEN_SECONDS / 2:
            until = time.time() + TOKEN_SECONDS
            header = f"Bearer {self._tokens.mint(self._user, [ADMIN], TOKEN_SECONDS)}"
            self._own = header, until
        return header

    def session(self, environ: Mapping[str, Any]) -> Session:
        """Return the session of a caller.

        Raises:
            ServiceUnavailable: No service answers that could say whether the token is valid.
        """
        if self.is_open:
            return Session(self._user, (ADMIN,), None, signed_in=True, is_admin=True)
        header = str(environ.get("HTTP_AUTHORIZATION", ""))
        if not header:
            return Session()
        key = hashlib.sha256(header.encode()).hexdigest()
        session, until = self._known.get(key, (None, 0.0))
        if session is None or time.monotonic() > until:
            session = self._ask(header)
            with self._lock:
                if len(self._known) >= MAX_KNOWN:
                    self._known.clear()
                self._known[key] = session, time.monotonic() + KNOWN_SECONDS
        if session.expires and session.expires <= time.time():
            return Session(problem="The token has expired. Send a new one.")
        return session

    def require_admin(self, environ: Mapping[str, Any]) -> Session:
        """Return the session of a caller with the scope ``admin``.

        Raises:
            Unauthorized: The request has no token, or the services refuse it.
            Forbidden: The token lacks the scope.
        """
        session = self.require(environ)
        if not session.is_admin:
            raise Forbidden("The token does not have the scope admin. Send a token that has it.")
        return session

    def require(self, environ: Mapping[str, Any]) -> Session:
        """Return the session of a caller whose token the services accept.

        Raises:
            Unauthorized: The request has no token, or the services refuse it.
        """
        session = self.session(environ)
        if not session.signed_in:
            raise Unauthorized(
                session.problem or "The request needs a token. Send Authorization: Bearer TOKEN."
            )
        return session

    def _ask(self, header: str) -> Session:
        """Ask a service about a token: with the scope ``admin`` it answers 404, else 403."""
        reasons = []
        for service in self._services:
            try:
                status, answer = self._services.ask(
                    service, "GET", "/__cache?key=-", {"Authorization": header}
                )
            except Unreachable:
                reasons.append(f"{service} does not answer")
                continue
            reasons.append(f"{service} answered {status}")
            if status in (403, 404):
                return replace(_claims(header), signed_in=True, is_admin=status == 404)
            if status == 401:
                detail = answer.get("detail", "") if isinstance(answer, dict) else ""
                return Session(problem=detail or "The token is not valid. Send another one.")
        error = ServiceUnavailable(
            f"No service could check the token: {', '.join(reasons)}. Retry in {RETRY_SECONDS} s."
        )
        error.headers["Retry-After"] = str(RETRY_SECONDS)
        raise error


class Callers:
    """The callers who watch, all with the scope ``admin``: the console asks with their rights.

    Args:
        access: The rules, for the rights in open mode.
    """

    def __init__(self, access: Access):
        self._access = access
        self._watching: list[tuple[str, float]] = []  # The first choice comes last.
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, header: str, expires: float) -> Iterator[None]:
        """Count a caller as one who watches in a block.

        Args:
            header: The Authorization header.
            expires: The end of its token, in seconds since 1970.
        """
        with self._lock:
            self._watching.append((header, expires))
        try:
            yield
        finally:
            with self._lock:
                self._watching.remove((header, expires))

    def authorization(self) -> str | None:
        """Return the header of a caller whose token has not expired, None if no client watches."""
        if self._access.is_open:
            return self._access.own()
        with self._lock:
            valid = [header for header, expires in self._watching if expires > time.time()]
        return valid[-1] if valid else None

    def refuse(self, header: str) -> None:
        """Try the headers of other callers first: a service has refused this one."""
        with self._lock:
            # False comes before True, and the order of the others stays.
            self._watching.sort(key=lambda caller: caller[0] != header)


def _claims(header: str) -> Session:
    """Return who a token names; the services have verified it."""
    with suppress(jwt.PyJWTError, KeyError, TypeError, ValueError, RecursionError):
        claims = jwt.decode(header.partition(" ")[2].strip(), options={"verify_signature": False})
        scopes = claims.get("scope", claims.get("scp", ""))
        names = scopes.split(" ") if isinstance(scopes, str) else scopes
        return Session(str(claims.get("sub", "")), tuple(names), int(claims["exp"]))
    return Session("")


def _host(origin: str) -> str | None:
    """Return the host and the port of an origin, None if it is not a URL."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _variable(header: str) -> str:
    return header.upper().replace("-", "_")


def user_name() -> str:
    """Return the name of the user of the system, for the history."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # A container may run as a user without a name.
        return "console"
    return "console" if is_reserved(name) or not name.isprintable() else name
