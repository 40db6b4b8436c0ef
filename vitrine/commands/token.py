"""``vitrine token``: make a bearer token, or explain one."""

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import click
import jwt

from shared.config.settings import Settings
from shared.http.errors import ServiceUnavailable
from shared.http.tokens import MAX_SUBJECT, InvalidToken, Tokens, is_reserved
from vitrine.client import check_secret
from vitrine.errors import StackError

MAX_SECONDS = 366 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SCOPE = re.compile(r"admin|[a-z][a-z0-9_]*:(read|write)")
# Plain words for the claims of RFC 7519 and RFC 8693.
_CLAIMS = {
    "sub": "for",
    "scope": "scopes",
    "scp": "scopes",
    "iss": "made by",
    "aud": "to be used at",
    "iat": "made",
    "nbf": "not before",
    "exp": "expires",
    "jti": "number",
    "act": "used by",
}


@click.command("token")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="Allow NAME:read, NAME:write or admin, such as products:write. May be repeated.",
)
@click.option(
    "--expires",
    default="1h",
    show_default=True,
    metavar="TIME",
    help="Time of validity, such as 30s, 15m, 8h or 7d; at most a year.",
)
@click.option(
    "--subject",
    default=lambda: f"vitrine-{token_hex(4)}",
    show_default="another for each token",
    help="Name of the caller in histories; an Idempotency-Key is valid for one caller.",
)
@click.option("--show", metavar="TOKEN", help="Explain TOKEN instead; - reads it from stdin.")
def token_command(scopes: tuple[str, ...], expires: str, subject: str, show: str | None) -> None:
    """Make a bearer token and print it, or explain one with --show.

    A token is signed with SECRET_KEY, so that services with the same SECRET_KEY accept it.
    """
    settings = Settings.from_env()
    check_secret(settings)
    tokens = Tokens(settings)
    if show is not None:
        token = sys.stdin.read().strip() if show == "-" else show
        sys.exit(0 if _explain(tokens, token) else 1)
    if not (names := scope_names(scopes)):
        raise click.UsageError("Say what it allows: --scope products:write, or --scope admin.")
    if is_reserved(subject) or not subject.isprintable():
        raise StackError(f"--subject {subject!r} is reserved or not printable; write another name.")
    if not 0 < len(subject) <= MAX_SUBJECT:
        raise StackError(
            f"--subject has {len(subject)} characters; write a name of 1 to {MAX_SUBJECT}."
        )
    click.echo(tokens.mint(subject, names, _seconds(expires)))


def scope_names(options: Iterable[str]) -> list[str]:
    """Return the scopes that options name, or raise ``StackError`` for one that is not a scope."""
    names = [name for option in options for name in option.split()]
    for name in names:
        if not _SCOPE.fullmatch(name):
            raise StackError(f"{name!r} is not a scope; write NAME:read, NAME:write or admin.")
    return names


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= MAX_SECONDS:
        raise StackError(
            f"--expires {text!r}: write a time such as 30s, 15m, 8h or 7d, at most a year."
        )
    return seconds


def _explain(tokens: Tokens, token: str) -> bool:
    """Print the content of a token; return True if services with these settings accept it."""
    token = token.removeprefix("Bearer ").strip()
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise StackError(f"This is not a JSON Web Token: {error}.") from error
    algorithm, key = (_printable("", header.get(name)) for name in ("alg", "kid"))
    click.echo(f"{'signed by':<14}{algorithm}, key {key if 'kid' in header else 'SECRET_KEY'}")
    for name, value in claims.items():
        click.echo(f"{_CLAIMS.get(name, _printable('', name)):<14}{_printable(name, value)}")
    try:
        tokens.verify(token)
    except (InvalidToken, ServiceUnavailable) as error:
        click.echo(f"{'accepted':<14}no. {error}")
        return False
    click.echo(f"{'accepted':<14}yes")
    return True


def _printable(name: str, value: Any) -> str:
    """Return a claim as text in ASCII, without control characters; times as dates."""
    if name in ("iat", "nbf", "exp") and isinstance(value, int | float):
        try:
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
        except (OverflowError, ValueError, OSError):
            return str(value)
    return ascii(value) if not isinstance(value, str) else ascii(value)[1:-1]
