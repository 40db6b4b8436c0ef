"""Bearer tokens: JSON Web Tokens (RFC 7519), made, verified and explained.

Two kinds are taken: those signed with ``SECRET_KEY`` by HS256, which ``vitrine token`` makes, and
those signed by RS256 or ES256 with a key that is at ``AUTH_JWKS_URL``.  The algorithm a token names
decides which key it is held against, so that a public key never serves as a secret.
"""

import hashlib
import json
import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import jwt
import urllib3
from jwt import PyJWK, PyJWKSet, PyJWTError

from shared.config.parsers import KNOWN_SECRET
from shared.config.settings import Settings
from shared.http.errors import ServiceUnavailable

log = logging.getLogger(__name__)

ADMIN = "admin"
SIGNED_BY_US = "HS256"
SIGNED_ELSEWHERE = ("RS256", "ES256")
LEEWAY_SECONDS = 5  # by which the clock of whoever signs may be ahead of ours
KEYS_SECONDS = 300  # after which the public keys are asked for again
# A key that is not known is asked for at once, but no more often than this.
UNKNOWN_KEY_SECONDS = 10
FETCH_SECONDS = 2
MAX_KEY_BYTES = 1_000_000
MAX_SUBJECT = 200
_NEEDED = ["exp", "sub", "iss", "aud"]
_WHY: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: "It has expired.",
    jwt.ImmatureSignatureError: "It is not valid yet.",
    jwt.InvalidAudienceError: "Its aud names somebody else.",
    jwt.InvalidIssuerError: "Its iss is none that is trusted here.",
    jwt.InvalidSignatureError: "Its signature is wrong.",
}


def is_reserved(subject: str) -> bool:
    """Whether a name means something in the history, so that nobody else may have it."""
    return subject in ("anonymous", "unknown", "outside the API") or subject.startswith("service:")


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

        Raise ``Refused`` saying why it is not taken, ``ServiceUnavailable`` when the keys it would
        be verified with cannot be had.
        """
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            claims = self._claims(token, algorithm)
            scopes = _scopes(claims)
        except (PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Refused(_WHY.get(type(error), "It is no token that is taken here.")) from error
        ends, subject = claims["exp"], claims["sub"]
        if not isinstance(ends, int | float) or ends <= time.time():
            raise Refused(_WHY[jwt.ExpiredSignatureError])  # For its end there is no leeway.
        if not (0 < len(subject) <= MAX_SUBJECT and subject.isprintable()):
            raise Refused(f"Its sub has not 1 to {MAX_SUBJECT} characters that can be shown.")
        if algorithm != SIGNED_BY_US and is_reserved(subject):
            raise Refused("Its sub is a name that only Vitrine gives.")
        # Of what is signed, for a signature may be spelled in several ways.
        signed = token.rpartition(".")[0]
        key = hashlib.blake2b(signed.encode(), digest_size=8).hexdigest()
        return Principal(subject, scopes, key, ADMIN not in scopes, ends)

    def _claims(self, token: str, algorithm: Any) -> dict[str, Any]:
        if algorithm == SIGNED_BY_US and self._secret:
            key: Any = self._secret
        elif algorithm in SIGNED_ELSEWHERE and self._keys:
            key = self._keys.of(jwt.get_unverified_header(token).get("kid"))
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


class _Keys:
    """The public keys of those who sign tokens elsewhere; old ones do while none can be had.

    One request at a time asks for them, and no other one waits for that.
    """

    def __init__(self, url: str):
        self._url = url
        self._known: dict[str, PyJWK] = {}
        self._asked = -math.inf
        self._is_down = False
        self._asking = threading.Lock()

    def of(self, kid: Any) -> PyJWK:
        """Return the key of this name, or raise ``Refused`` or ``ServiceUnavailable``."""
        kid = str(kid)
        wait = KEYS_SECONDS if kid in self._known else UNKNOWN_KEY_SECONDS
        if time.monotonic() - self._asked >= wait and self._asking.acquire(blocking=False):
            try:
                self._ask()
            finally:
                self._asking.release()
        if key := self._known.get(kid):
            return key
        if self._is_down or self._asking.locked():
            raise ServiceUnavailable(
                "The keys at AUTH_JWKS_URL cannot be reached; try again shortly."
            )
        raise Refused("The key it is signed with is not known here.")

    def _ask(self) -> None:
        """Read the keys, in a bounded time and of a bounded size."""
        self._asked = time.monotonic()
        try:
            keys = PyJWKSet.from_dict(json.loads(self._read())).keys
        except (urllib3.exceptions.HTTPError, PyJWTError, OSError, ValueError, TypeError) as error:
            log.error("AUTH_JWKS_URL has no keys: %s", error)
            self._is_down = True
            return
        self._is_down = False
        self._known = {
            key.key_id: key for key in keys if key.key_id and key.public_key_use in ("sig", None)
        }

    def _read(self) -> bytes:
        data = b""
        with urllib3.request(
            "GET",
            self._url,
            timeout=FETCH_SECONDS,
            retries=False,
            redirect=False,
            preload_content=False,
        ) as answer:
            while chunk := answer.read1(MAX_KEY_BYTES):
                data += chunk
                if len(data) > MAX_KEY_BYTES or time.monotonic() - self._asked > FETCH_SECONDS:
                    raise ValueError("they are too many, or come too slowly")
        return data


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return what a token is for: ``scope`` (RFC 8693), or the list ``scp`` some servers send."""
    given = claims.get("scope", claims.get("scp", ""))
    names = given.split(" ") if isinstance(given, str) else given
    if not (isinstance(names, list) and all(isinstance(each, str) for each in names)):
        raise ValueError("scope is neither a text nor a list of texts")
    return frozenset(filter(None, names))
