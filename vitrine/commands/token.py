"""``vitrine token``: make a bearer token, or have one explained."""

import re
import sys
from datetime import UTC, datetime
from typing import Any

import click
import jwt
from rich.console import Console

from shared.config.settings import Settings
from shared.http.errors import ServiceUnavailable
from shared.http.tokens import InvalidToken, Tokens, is_reserved
from vitrine.client import check_secret
from vitrine.errors import StackError

console = Console(highlight=False, soft_wrap=True)

QUERY_TIMEOUT_SECONDS = 366 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SCOPE = re.compile(r"admin|[a-z][a-z0-9_]*:(read|write)")
# What claims are called by those who do not read RFC 7519.
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
@click.option("--scope", "scopes", multiple=True, help="Such as products:write; once for each.")
@click.option("--expires", default="1h", show_default=True, help="In 30s, 15m, 8h or 7d.")
@click.option("--subject", default="vitrine", show_default=True, help="Whom the history names.")
@click.option("--show", metavar="TOKEN", help="Explain a token instead; - reads it from stdin.")
def token_command(scopes: tuple[str, ...], expires: str, subject: str, show: str | None) -> None:
    """Make a bearer token and print it, or have one explained."""
    settings = Settings.from_env()
    check_secret(settings)
    tokens = Tokens(settings)
    if show is not None:
        sys.exit(0 if _explain(tokens, sys.stdin.read().strip() if show == "-" else show) else 1)
    if not scopes:
        raise click.UsageError("Say what it is for: --scope products:write, or --scope admin.")
    wanted = [scope for each in scopes for scope in each.split()]
    for scope in wanted:
        if not _SCOPE.fullmatch(scope):
            raise StackError(f"{scope!r} is no scope: NAME:read, NAME:write or admin.")
    if is_reserved(subject) or not subject.isprintable():
        raise StackError(f"--subject {subject!r} is a name that only Vitrine gives.")
    click.echo(tokens.mint(subject, wanted, _seconds(expires)))


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= QUERY_TIMEOUT_SECONDS:
        raise StackError(f"--expires {text!r} is not like 30s, 15m, 8h or 7d, a year at the most.")
    return seconds


def _explain(tokens: Tokens, token: str) -> bool:
    """Print what a token says and whether it is taken here; return the latter."""
    token = token.removeprefix("Bearer ").strip()
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise StackError(f"This is no JSON Web Token: {error}.") from error
    algorithm, key = (_shown("", header.get(name)) for name in ("alg", "kid"))
    click.echo(f"{'signed by':<14}{algorithm}, key {key if 'kid' in header else 'SECRET_KEY'}")
    for name, value in claims.items():
        click.echo(f"{_CLAIMS.get(name, _shown('', name)):<14}{_shown(name, value)}")
    try:
        tokens.verify(token)
    except (InvalidToken, ServiceUnavailable) as error:
        click.echo(f"{'taken here':<14}no. {error}")
        return False
    click.echo(f"{'taken here':<14}yes")
    return True


def _shown(name: str, value: Any) -> str:
    if name in ("iat", "nbf", "exp") and isinstance(value, int | float):
        try:
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
        except (OverflowError, ValueError, OSError):
            return str(value)
    return ascii(value) if not isinstance(value, str) else ascii(value)[1:-1]
