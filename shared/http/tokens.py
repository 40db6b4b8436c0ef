"""Bearer tokens: JSON Web Tokens (RFC 7519), made, verified and explained.

Tokens of two kinds are valid: those signed with ``SECRET_KEY`` by HS256, which ``vitrine token``
makes, and those signed by RS256 or ES256 with a key at ``AUTH_JWKS_URL``.  The algorithm that a
token names decides which key verifies it, so that a public key never serves as a secret.
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
from jwt import PyJWK, PyJWKClient, PyJWTError

from shared.config.parsers import KNOWN_SECRET
from shared.config.settings import Settings
from shared.http.errors import ServiceUnavailable

log = logging.getLogger(__name__)

ADMIN = "admin"
SECRET_ALGORITHM = "HS256"
PUBLIC_KEY_ALGORITHMS = ("RS256", "ES256")
LEEWAY_SECONDS = 5  # by which the clock of the server that signs may be ahead of this one
KEYS_SECONDS = 300  # between two reads of the public keys
UNKNOWN_KEY_SECONDS = 10  # between two reads of the public keys for tokens that name unknown ones
FETCH_SECONDS = 2  # for one read of the public keys
MAX_KEY_BYTES = 1_000_000
MAX_SUBJECT = 200  # characters
_REQUIRED_CLAIMS = ["exp", "sub", "iss", "aud"]
_EXPIRED = "It has expired; send a new one."
_REASONS: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: _EXPIRED,
    jwt.ImmatureSignatureError: "It is not valid yet; compare the clocks of both servers.",
    jwt.InvalidAudienceError: "Its aud is not the AUTH_AUDIENCE of this service.",
    jwt.InvalidIssuerError: "Its iss is not the AUTH_ISSUER of this service.",
    jwt.InvalidSignatureError: "Its signature is wrong; send it exactly as it was made.",
}
_MALFORMED = "It is not a JSON Web Token with the claims exp, sub, iss and aud."


def is_reserved(subject: str) -> bool:
    """Return True for a name with a meaning in the history, which no other server may use."""
    return subject in ("anonymous", "unknown", "outside the API") or subject.startswith("service:")


class InvalidToken(Exception):
    """A token is not valid here; the text says why."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request, and the scopes it holds.

    Attributes:
        id: The subject of the token.
        scopes: The scopes of the token.
        key: A digest that distinguishes the token from all others; empty without a token.
        limited: True if a rate limit applies.
        expires: The end of the token, in seconds since the epoch.
    """

    id: str
    scopes: frozenset[str] = frozenset()
    key: str = ""
    limited: bool = True
    expires: float = 0.0

    def may(self, scope: str) -> bool:
        """Return True if the principal holds a scope; ``admin`` includes all of them."""
        return scope in self.scopes or ADMIN in self.scopes


class Tokens:
    """Makes and verifies tokens, with the keys that the settings name."""

    def __init__(self, settings: Settings):
        self._secret = settings.secret_key or (KNOWN_SECRET if settings.auth_mode == "open" else "")
        self._issuer = settings.auth_issuer
        self._audience = settings.auth_audience
        self._keys = SigningKeys(settings.auth_jwks_url) if settings.auth_jwks_url else None

    def mint(self, subject: str, scopes: Iterable[str], seconds: float, **claims: Any) -> str:
        """Return a new token.

        Args:
            subject: The caller that the token stands for.
            scopes: The scopes it holds.
            seconds: How long the token is valid.
            claims: Further claims, such as ``act``.
        """
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
        return jwt.encode(claims, self._secret, SECRET_ALGORITHM)

    def verify(self, token: str) -> Principal:
        """Return the principal that a token stands for.

        Raises:
            InvalidToken: The token is not valid here; the text says why.
            ServiceUnavailable: The keys to verify it with cannot be read.
        """
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            claims = self._claims(token, algorithm)
            scopes = _scopes(claims)
        except (PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise InvalidToken(_REASONS.get(type(error), _MALFORMED)) from error
        expires, subject = claims["exp"], claims["sub"]
        if not isinstance(expires, int | float) or expires <= time.time():
            raise InvalidToken(_EXPIRED)  # The end of a token has no leeway.
        if not (0 < len(subject) <= MAX_SUBJECT and subject.isprintable()):
            raise InvalidToken(f"Its sub must have 1 to {MAX_SUBJECT} printable characters.")
        if algorithm != SECRET_ALGORITHM and is_reserved(subject):
            raise InvalidToken("Its sub is a name that only Vitrine gives; use another one.")
        # The key is a digest of the signed part: one signature may be spelled in several ways.
        signed = token.rpartition(".")[0]
        key = hashlib.blake2b(signed.encode(), digest_size=8).hexdigest()
        return Principal(subject, scopes, key, ADMIN not in scopes, expires)

    def _claims(self, token: str, algorithm: Any) -> dict[str, Any]:
        if algorithm == SECRET_ALGORITHM and self._secret:
            key: Any = self._secret
        elif algorithm in PUBLIC_KEY_ALGORITHMS and self._keys:
            key = self._keys.get_signing_key(jwt.get_unverified_header(token).get("kid"))
        else:
            accepted = [SECRET_ALGORITHM] if self._secret else []
            accepted += PUBLIC_KEY_ALGORITHMS if self._keys else ()
            raise InvalidToken(
                f"Its algorithm {str(algorithm)[:20]!r} is not accepted here; sign it by "
                f"{' or '.join(accepted)}."
            )
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED_CLAIMS},
        )
        return claims


class SigningKeys(PyJWKClient):
    """The public keys at ``AUTH_JWKS_URL``; while they cannot be read, the last ones stay valid.

    One request at a time reads them, and the other requests do not wait for it.
    """

    def __init__(self, url: str):
        super().__init__(url, cache_jwk_set=False, timeout=FETCH_SECONDS)
        self._keys: list[PyJWK] = []
        self._read_at = -math.inf
        self._is_down = False
        self._reading = threading.Lock()

    def get_signing_key(self, kid: Any) -> PyJWK:
        """Return the key of this name.

        Raises:
            InvalidToken: No key has this name.
            ServiceUnavailable: The keys cannot be read.
        """
        is_known = self.match_kid(self._keys, kid) is not None
        pause = KEYS_SECONDS if is_known else UNKNOWN_KEY_SECONDS
        if time.monotonic() - self._read_at >= pause and self._reading.acquire(blocking=False):
            try:
                self._read_keys()
            finally:
                self._reading.release()
        if key := self.match_kid(self._keys, kid):
            return key
        if self._is_down or self._reading.locked():
            raise ServiceUnavailable(
                "The keys at AUTH_JWKS_URL cannot be reached; try again shortly."
            )
        raise InvalidToken("Its kid names no key at AUTH_JWKS_URL; sign it with one of those.")

    def _read_keys(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._keys = self.get_signing_keys(refresh=True)
        except (urllib3.exceptions.HTTPError, PyJWTError, OSError, ValueError, TypeError) as error:
            log.error("AUTH_JWKS_URL has no keys: %s", error)
            self._is_down = True
        else:
            self._is_down = False

    def fetch_data(self) -> Any:
        """Read the keys in a bounded time and of a bounded size, without following redirects."""
        data = b""
        with urllib3.request(
            "GET",
            self.uri,
            timeout=self.timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        ) as response:
            while chunk := response.read1(MAX_KEY_BYTES):
                data += chunk
                is_late = time.monotonic() - self._read_at > FETCH_SECONDS
                if is_late or len(data) > MAX_KEY_BYTES:
                    raise ValueError("they are too large or come too slowly")
        return json.loads(data)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of a token: ``scope`` (RFC 8693), or the list ``scp`` of some servers."""
    scopes = claims.get("scope", claims.get("scp", ""))
    names = scopes.split(" ") if isinstance(scopes, str) else scopes
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ValueError("scope is neither a text nor a list of texts")
    return frozenset(filter(None, names))
