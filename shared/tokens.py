"""Bearer tokens: JSON Web Tokens (RFC 7519), made, verified and explained.

Two kinds are taken: those signed with ``SECRET_KEY`` by HS256, which ``vitrine token`` makes, and
those signed by RS256 or ES256 with a key that is at ``AUTH_JWKS_URL``.  The algorithm a token names
decides which key it is held against, so that a public key never serves as a secret.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import jwt
from jwt import PyJWKClient, PyJWKClientConnectionError, PyJWTError

from shared.errors import Unavailable
from shared.settings import KNOWN_SECRET, Settings

log = logging.getLogger(__name__)

ADMIN = "admin"
SIGNED_BY_US = "HS256"
SIGNED_ELSEWHERE = ("RS256", "ES256")
LEEWAY_SECONDS = 5  # by which the clock of whoever signs may be ahead of ours
KEYS_SECONDS = 300  # after which the public keys are asked for again
# A key that is not known is asked for at once, but no more often than this.
UNKNOWN_KEY_SECONDS = 10
FETCH_SECONDS = 2
MAX_SUBJECT = 200
_NEEDED = ["exp", "sub", "iss", "aud"]
_WHY: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: "It has expired.",
    jwt.ImmatureSignatureError: "It is not valid yet.",
    jwt.InvalidAudienceError: "Its aud names somebody else.",
    jwt.InvalidIssuerError: "Its iss is none that is trusted here.",
    jwt.InvalidSignatureError: "Its signature is wrong.",
}


class Refused(Exception):
    """A token is not taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request, and what for.

    ``key`` tells a token from all others, and is empty without one; ``limited`` is whether
    requests are counted, ``expires`` the moment, in seconds, until which all this is so.
    """

    id: str
    scopes: frozenset[str] = frozenset()
    key: str = ""
    limited: bool = True
    expires: float = 0.0

    def may(self, scope: str) -> bool:
        """Whether a scope is among those of the principal; ``admin`` holds all."""
        return scope in self.scopes or ADMIN in self.scopes


class Tokens:
    """Makes and verifies the tokens that the settings tell of."""

    def __init__(self, settings: Settings):
        self._secret = settings.secret_key or (KNOWN_SECRET if settings.auth_mode == "open" else "")
        self._issuer = settings.auth_issuer
        self._audience = settings.auth_audience
        self._keys = _Keys(settings.auth_jwks_url) if settings.auth_jwks_url else None

    def mint(self, subject: str, scopes: Iterable[str], seconds: float, **claims: Any) -> str:
        """Return a new token for a subject, which is good for so many seconds from now."""
        now = int(time.time())
        claims |= {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + int(seconds),
            "jti": token_urlsafe(12),
        }
        return jwt.encode(claims, self._secret, SIGNED_BY_US)

    def verify(self, token: str) -> Principal:
        """Return whom a token speaks for.

        Raise ``Refused`` saying why it is not taken, ``Unavailable`` when the keys it would be
        verified with cannot be had.
        """
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            claims = self._claims(token, algorithm)
            scopes = _scopes(claims)
        except (PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Refused(_WHY.get(type(error), "It is no token that is taken here.")) from error
        if claims["exp"] <= time.time():
            raise Refused(_WHY[jwt.ExpiredSignatureError])  # For its end there is no leeway.
        if not 0 < len(claims["sub"]) <= MAX_SUBJECT:
            raise Refused(f"Its sub has not 1 to {MAX_SUBJECT} characters.")
        key = hashlib.blake2b(token.encode(), digest_size=8).hexdigest()
        return Principal(claims["sub"], scopes, key, ADMIN not in scopes, claims["exp"])

    def _claims(self, token: str, algorithm: Any) -> dict[str, Any]:
        if algorithm == SIGNED_BY_US and self._secret:
            key: Any = self._secret
        elif algorithm in SIGNED_ELSEWHERE and self._keys:
            key = self._keys.of(token)
        else:
            raise Refused(f"Its algorithm {str(algorithm)[:20]!r} is not taken here.")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
            options={"require": _NEEDED},
        )
        return claims


class _Keys(PyJWKClient):
    """The public keys of those who sign tokens elsewhere; old ones do while none can be had."""

    def __init__(self, url: str):
        super().__init__(
            url,
            lifespan=KEYS_SECONDS,
            timeout=FETCH_SECONDS,
            cooldown_duration=UNKNOWN_KEY_SECONDS,
        )
        self._last: Any = None
        self._is_down = False

    def fetch_data(self) -> Any:
        """Return the keys as they are now, or as they were before they were out of reach."""
        try:
            self._last = super().fetch_data()
            self._is_down = False
        except (PyJWKClientConnectionError, ValueError) as error:
            log.error("AUTH_JWKS_URL cannot be reached: %s", error)
            self._is_down = True
            if self._last is None:
                raise _no_keys() from error
        return self._last

    def of(self, token: str) -> Any:
        """Return the key that a token says it is signed with."""
        try:
            return self.get_signing_key_from_jwt(token)
        except PyJWTError:
            if self._is_down:
                raise _no_keys() from None  # It may be a new one.
            raise


def _no_keys() -> Unavailable:
    return Unavailable("The keys at AUTH_JWKS_URL cannot be reached; try again shortly.")


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return what a token is for: ``scope`` (RFC 8693), or the list ``scp`` some servers send."""
    given = claims.get("scope", claims.get("scp", ""))
    names = given.split() if isinstance(given, str) else given
    if not (isinstance(names, list) and all(isinstance(each, str) for each in names)):
        raise ValueError("scope is neither a text nor a list of texts")
    return frozenset(names)
