"""Settings, read once from the environment and ``.env`` when a process starts.

A field of ``Settings`` is one environment variable in capitals; its comment-sized ``help`` is
what ``.env.example`` says about it.  The environment wins over ``.env``.  Every setting may be in a
file of its own instead, as secrets of containers are: ``SECRET_KEY_FILE`` names that of
``SECRET_KEY``.
"""

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from io import StringIO
from pathlib import Path
from stat import S_ISREG
from typing import Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from shared.config import parsers

# Where each service listens when nobody says otherwise (``PRODUCTS_URL`` and so on).
PORTS = {"products": 5000, "clients": 5001, "categories": 5002, "orders": 5003}

FILE = "_FILE"
FILE_BYTES = 1 << 16
ALIKE, URL_ALIKE = 0.85, 0.9  # how much a name is like a setting's that was misspelt
# Settings of the version before, and why each needs no replacement.
REMOVED = {
    "NEAR_CACHE": "Nothing has to replace it: all processes read cached answers from Redis, so "
    "that every answer is current on all hosts.",
}


class SettingsError(Exception):
    """A setting holds a value it cannot take; the text is one sentence naming it."""


def _setting(
    default: Any, parse: Callable[[str], Any], help: str, aliases: tuple[str, ...] = ()
) -> Any:
    return field(default=default, metadata={"parse": parse, "help": help, "aliases": aliases})


_URL = parsers.url("http", "https")
_REDIS = parsers.redis()
_CACHE = parsers.redis("redis+cluster", "rediss+cluster")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator may change."""

    mongo_uri: str = _setting(
        "mongodb://localhost:27017/vitrine",
        parsers.mongo,
        "The MongoDB replica set to use; when set, `vitrine up` embeds none.",
        aliases=("DATABASE_URL",),
    )
    redis_url: str = _setting(
        "redis://localhost:6379/0",
        _CACHE,
        "The Redis of the cache, redis+cluster:// for a Redis Cluster, redis+sentinel:// for one "
        "that Sentinels name; when set, `vitrine up` embeds none.",
    )
    redis_read_url: str = _setting(
        "", _CACHE, "A replica to read cached answers from, REDIS_URL when unset."
    )
    redis_write_url: str = _setting(
        "", _CACHE, "Where generations are and the cache is written, REDIS_URL when unset."
    )
    redis_queue_url: str = _setting(
        "",
        _REDIS,
        "The Redis database of the job queue, the one after REDIS_URL's when unset.",
    )
    cache_ttl_seconds: int = _setting(
        120, parsers.integer(1, 86_400), "Seconds until a cached answer expires at the latest."
    )
    products_url: str = _setting(
        f"http://127.0.0.1:{PORTS['products']}", parsers.service, "Where products are served."
    )
    clients_url: str = _setting(
        f"http://127.0.0.1:{PORTS['clients']}", parsers.service, "Where clients are served."
    )
    categories_url: str = _setting(
        f"http://127.0.0.1:{PORTS['categories']}",
        parsers.service,
        "Where categories are served.",
    )
    orders_url: str = _setting(
        f"http://127.0.0.1:{PORTS['orders']}", parsers.service, "Where orders are served."
    )
    auth_mode: str = _setting(
        "open",
        parsers.choice("open", "token"),
        "open: this machine may do all, nobody else anything; token: bearer tokens say who may.",
    )
    secret_key: str = _setting(
        "",
        parsers.secret,
        "What tokens are signed with by HS256, 32 bytes or more; needed for AUTH_MODE=token.",
    )
    auth_jwks_url: str = _setting(
        "",
        _URL,
        "Where the public keys of tokens signed by RS256 or ES256 are (RFC 7517).",
    )
    auth_issuer: str = _setting("vitrine", str, "Who signs tokens: what their iss has to be.")
    auth_audience: str = _setting("vitrine", str, "Whom tokens are for: what their aud has to be.")
    rate_limit_anonymous: str = _setting(
        "100/minute", parsers.rate, "Requests of an address without a token, off for any number."
    )
    rate_limit_token: str = _setting(
        "1000/minute", parsers.rate, "Requests with one token, unless its scope is admin."
    )
    rate_limit_writes: str = _setting(
        "500/minute", parsers.rate, "Of these, requests that write, whoever sends them."
    )
    rate_limit_uploads: str = _setting(
        "60/minute", parsers.rate, "Of these, requests that upload pictures, whoever sends them."
    )
    trusted_proxies: int = _setting(
        0,
        parsers.integer(0, 10),
        "Proxies in front of the services, whose X-Forwarded-For is believed that far.",
    )
    cors_origins: str = _setting(
        "", parsers.origins, "Whose pages may call the services: origins with commas between, or *."
    )
    sentry_dsn: str = _setting(
        "", _URL, "Where Sentry is told of what goes wrong; nobody when unset."
    )
    history_days: int = _setting(
        90, parsers.integer(0, 10_000), "Days that who changed what is kept, 0 for ever."
    )
    require_if_match: bool = _setting(
        False, parsers.flag, "Whether PUT, PATCH and DELETE of an item need If-Match; 428 without."
    )
    trash_days: int = _setting(
        30,
        parsers.integer(0, 10_000),
        "Days until what was deleted is removed for good, 0 for never.",
    )
    max_body_mb: int = _setting(
        8, parsers.integer(1, 1024), "Megabytes a request body may have; a larger one gets a 413."
    )
    media_url: str = _setting(
        "",
        parsers.url("file", "s3"),
        "Where pictures are kept, file:///folder or s3://bucket/prefix; DATA_DIR/media when unset.",
    )
    max_upload_mb: int = _setting(
        10,
        parsers.integer(1, 1024),
        "Megabytes an uploaded picture may have; a larger one gets a 413.",
    )
    max_image_pixels: int = _setting(
        40_000_000,
        parsers.integer(1, 1_000_000_000),
        "Pixels an uploaded picture may have; one with more gets a 413.",
    )
    notify_urls: str = _setting(
        "", parsers.urls, "Who is told of a product by notify_update: URLs with commas between."
    )
    notify_secret: str = _setting(
        "", str, "What those who are told check the signature of a message with."
    )
    server: str = _setting(
        "gunicorn",
        parsers.choice("gunicorn", "granian"),
        "What serves HTTP: gunicorn, or granian, which is faster and wants a proxy in front of it.",
    )
    bind: str = _setting(
        "",
        parsers.bind,
        "The address and port a service listens on, 127.0.0.1 and the one of its URL when unset.",
    )
    workers: int = _setting(2, parsers.integer(1, 64), "Processes of each service.")
    threads: int = _setting(8, parsers.integer(1, 256), "Threads of each process.")
    job_workers: int | None = _setting(
        None,
        parsers.integer(0, 64),
        "Processes of each service that do queued jobs, one per core when unset.",
    )
    data_dir: str = _setting(
        "data", str, "Where `vitrine up` keeps what it stores, from the project's folder."
    )
    log_level: str = _setting(
        "INFO", parsers.choice("DEBUG", "INFO", "WARNING", "ERROR"), "How much the logs say."
    )
    debug: bool = _setting(
        False,
        parsers.flag,
        "Whether services start again when their code changes, while developing.",
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment and ``.env``; raise ``SettingsError`` for a value that is wrong.

        So does a line of ``.env`` whose name is that of a setting, misspelt.  Given a mapping, read
        only that.  An empty value counts as absent.
        """
        if environ is None:
            lines = dotenv()
            environ = {k: v for k, v in lines.items() if not _is_given(k)} | dict(os.environ)
        values = {}
        for setting in fields(cls):
            for name in names(setting):
                if text := _given(name, environ):
                    values[setting.name] = _parse(name, text, setting.metadata["parse"])
                    break
        if values.get("notify_urls") and not values.get("notify_secret"):
            raise SettingsError("NOTIFY_URLS needs NOTIFY_SECRET, which messages are signed with.")
        if values.get("debug") and values.get("server") == "granian":
            raise SettingsError("DEBUG=true needs SERVER=gunicorn, which starts again by itself.")
        if values.get("auth_mode") == "token" and not values.get("secret_key"):
            raise SettingsError(
                "AUTH_MODE=token needs SECRET_KEY, which tokens are signed with: 32 random bytes."
            )
        return cls(**values)

    @property
    def queue_url(self) -> str:
        """Where the job queue is: in a database of its own, for the cache's may be emptied."""
        if self.redis_queue_url:
            return self.redis_queue_url
        parts = urlsplit(self.redis_url)
        if parts.scheme not in ("redis", "rediss", "redis+sentinel", "rediss+sentinel"):
            return "redis://localhost:6379/1"  # A cluster has no databases.
        before, _, database = parts.path.rpartition("/")
        number = int(database) if database.isdecimal() else 0
        return parts._replace(path=f"{before}/{number + 1}").geturl()


def names(setting: Field[Any]) -> tuple[str, ...]:
    """Return the environment variables of a field of ``Settings``, the first of which counts."""
    return (setting.name.upper(), *setting.metadata["aliases"])


def is_set(name: str) -> bool:
    """Whether the environment or ``.env`` says anything about a setting, by its field's name."""
    environ = dotenv() | dict(os.environ)
    setting = next(each for each in fields(Settings) if each.name == name)
    return any(environ.get(each) or environ.get(each + FILE) for each in names(setting))


def dotenv(path: Path = Path(".env")) -> dict[str, str]:
    """Return what ``.env`` says, nothing without one.

    Raise ``SettingsError`` for a line that says nothing, or names a setting that is misspelt.
    """
    try:
        lines = list(parse_stream(StringIO(path.read_text()))) if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.resolve()} cannot be read: {_why(error)}.") from error
    for each in lines:
        if each.error or (each.key and each.value is None):
            line = each.original.line
            raise SettingsError(f"{path.resolve()}, line {line}, is not NAME=value.")
    for wrong in misspelt(each.key for each in lines if each.key):
        raise SettingsError(f"{path.resolve()}: {wrong}")
    return {name: value for name, value in dotenv_values(path).items() if value}


def load_dotenv(path: Path) -> None:
    """Add what ``.env`` says to the environment, which wins; raise as ``dotenv``."""
    for name, value in dotenv(path).items():
        if not _is_given(name):
            os.environ[name] = value


def misspelt(given: Iterable[str]) -> list[str]:
    """Return a sentence for each name that is no setting, but much like one."""
    known = [name for setting in fields(Settings) for name in names(setting)]
    taken = {*known, *(name + FILE for name in known)}
    found = []
    for name in given:
        if name not in taken:
            # Where a service of somebody's own is has a name like that of products.
            alike = URL_ALIKE if name.endswith("_URL") else ALIKE
            near = difflib.get_close_matches(name.upper().removesuffix(FILE), known, 1, alike)
            found += [f"{name} is ignored: there is no such setting, but {each}." for each in near]
    return found


def removed(names: Iterable[str]) -> list[str]:
    """Return a sentence for each name that is a setting of the version before."""
    return [
        f"{name} is ignored: this setting was removed. {REMOVED[name.removesuffix(FILE)]}"
        for name in names
        if name.removesuffix(FILE) in REMOVED
    ]


def ignored() -> list[str]:
    """Return a sentence for each name that has no effect: a misspelt setting or a removed one.

    A misspelt setting in ``.env`` raises ``SettingsError`` instead.
    """
    return [*misspelt(os.environ), *removed(dotenv() | dict(os.environ))]


def service_url(settings: Settings, service: str) -> str:
    """Where a service answers: its own setting, or ``NAME_URL`` for a service of yours."""
    if hasattr(settings, f"{service}_url"):
        return str(getattr(settings, f"{service}_url"))
    name = f"{service.upper()}_URL"
    text = _given(name, os.environ) or _given(name, dotenv())
    return _parse(name, text, parsers.service) if text else ""


def _given(name: str, environ: Mapping[str, str]) -> str:
    """Return the text of a variable, or what is in the file that its ``_FILE`` names."""
    text, file = environ.get(name, ""), environ.get(name + FILE)
    if not file:
        return text
    if text:
        raise SettingsError(f"{name} and {name}{FILE} are both set; unset one of them.")
    try:
        found = Path(file).stat()
        # What is no file may never end.
        if not S_ISREG(found.st_mode) or found.st_size > FILE_BYTES:
            raise SettingsError(f"{name}{FILE}={file!r} is no file of {FILE_BYTES} bytes or less.")
        return Path(file).read_text().rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}{FILE}={file!r} cannot be read: {_why(error)}.") from error


def _is_given(name: str) -> bool:
    """Whether the environment says what a line of ``.env`` would say, by itself or in a file."""
    return any(os.environ.get(each) for each in (name, name + FILE, name.removesuffix(FILE)))


def _why(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is no text"


def _parse(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        # A URL may hold a password, so the value itself is never repeated.
        hidden = name.endswith(("URL", "URLS", "URI", "SECRET", "KEY", "DSN"))
        shown = "" if hidden else f"={text!r}"
        raise SettingsError(f"{name}{shown}: {error}.") from error
