"""Settings, read once from the environment and ``.env`` when a process starts.

A field of ``Settings`` is one environment variable in capitals, and its ``help`` is the comment in
``.env.example``.  The environment wins over ``.env``.  The value of a setting may also be in a
file, as secrets of containers are: ``SECRET_KEY_FILE`` names the file of ``SECRET_KEY``.
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
from shared.config.addresses import server_address

# The default port of each service; ``PRODUCTS_URL`` and the like change it.
PORTS = {"products": 5000, "clients": 5001, "categories": 5002, "orders": 5003}

FILE = "_FILE"
FILE_BYTES = 1 << 16  # bytes of the largest file of a setting
ALIKE, URL_ALIKE = 0.85, 0.9  # likeness (difflib) of a name to a setting that is misspelt
# Settings of the version before, and why each needs no replacement.
REMOVED = {
    "NEAR_CACHE": "Nothing has to replace it: all processes read cached responses from Redis, so "
    "that every response is current on all hosts.",
}


class SettingsError(Exception):
    """Error in the value of a setting; the message is one sentence that names the setting."""


def _setting(
    default: Any,
    parse: Callable[[str], Any],
    help: str,
    aliases: tuple[str, ...] = (),
    shown: Callable[[Any], Any] | None = None,
) -> Any:
    """Declare a setting.

    Args:
        default: Its value if it is unset.
        parse: Returns the value of a text, or raises ``ValueError``.
        help: One or two sentences for ``.env.example``.
        aliases: Further names of the environment variable.
        shown: Returns the part of the value that ``/__settings`` shows to administrators.  Without
            it the setting is not shown, so that a new secret is not shown by mistake.
    """
    metadata = {"parse": parse, "help": help, "aliases": aliases, "shown": shown}
    return field(default=default, metadata=metadata)


def _whole(value: Any) -> Any:
    return value


_URL = parsers.url("http", "https")
_REDIS = parsers.redis()
_CACHE = parsers.redis("redis+cluster", "rediss+cluster")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that an operator may change; a field is an environment variable in capitals."""

    mongo_uri: str = _setting(
        "mongodb://localhost:27017/vitrine",
        parsers.mongo,
        "The MongoDB replica set. If it is unset, `vitrine up` starts one of its own.",
        aliases=("DATABASE_URL",),
        shown=server_address,
    )
    redis_url: str = _setting(
        "redis://localhost:6379/0",
        _CACHE,
        "The Redis of the cache: redis+cluster:// for a Redis Cluster, redis+sentinel:// for "
        "Sentinels; REDIS_WRITE_URL if unset. If both are unset, `vitrine up` starts one of its "
        "own.",
        shown=server_address,
    )
    redis_read_url: str = _setting(
        "", _CACHE, "A replica from which cached responses are read; REDIS_URL if unset."
    )
    redis_write_url: str = _setting(
        "", _CACHE, "The Redis of generations, to which the cache is written; REDIS_URL if unset."
    )
    redis_queue_url: str = _setting(
        "",
        _REDIS,
        "The Redis database of the job queue; the one after that of REDIS_URL if unset.",
    )
    cache_ttl_seconds: int = _setting(
        120,
        parsers.integer(1, 86_400),
        "Seconds that a cached response lives, plus or minus 10 %.",
        shown=_whole,
    )
    cache_control_public: int = _setting(
        0,
        parsers.integer(0, 86_400),
        "Seconds for which a CDN may keep the lists and items that every reader sees; 0 for never.",
        shown=_whole,
    )
    products_url: str = _setting(
        f"http://127.0.0.1:{PORTS['products']}",
        parsers.service,
        "URL of the products service.",
        shown=server_address,
    )
    clients_url: str = _setting(
        f"http://127.0.0.1:{PORTS['clients']}",
        parsers.service,
        "URL of the clients service.",
        shown=server_address,
    )
    categories_url: str = _setting(
        f"http://127.0.0.1:{PORTS['categories']}",
        parsers.service,
        "URL of the categories service.",
        shown=server_address,
    )
    orders_url: str = _setting(
        f"http://127.0.0.1:{PORTS['orders']}",
        parsers.service,
        "URL of the orders service.",
        shown=server_address,
    )
    auth_mode: str = _setting(
        "open",
        parsers.choice("open", "token"),
        "open: this machine may do everything, other machines nothing. token: the scopes of a"
        " bearer token say what a client may do.",
        shown=_whole,
    )
    open_networks: str = _setting(
        "",
        parsers.networks,
        "Networks that are this machine for AUTH_MODE=open, separated by commas; attached for "
        "those of a container. Only for containers whose ports are published on 127.0.0.1.",
        shown=_whole,
    )
    secret_key: str = _setting(
        "",
        parsers.secret,
        "The key that signs tokens by HS256, 32 bytes or more; AUTH_MODE=token needs it.",
    )
    auth_jwks_url: str = _setting(
        "",
        _URL,
        "URL of the public keys of tokens signed by RS256 or ES256 (RFC 7517).",
    )
    auth_issuer: str = _setting(
        "vitrine",
        str,
        "The issuer of tokens, which their iss has to be.",
        shown=_whole,
    )
    auth_audience: str = _setting(
        "vitrine",
        str,
        "The audience of tokens, which their aud has to be.",
        shown=_whole,
    )
    rate_limit_anonymous: str = _setting(
        "100/minute",
        parsers.rate,
        "Requests of one address without a token; off for no limit.",
        shown=_whole,
    )
    rate_limit_token: str = _setting(
        "1000/minute",
        parsers.rate,
        "Requests with one token, unless its scope is admin.",
        shown=_whole,
    )
    rate_limit_writes: str = _setting(
        "500/minute",
        parsers.rate,
        "Writes among these requests, with a token or without.",
        shown=_whole,
    )
    rate_limit_uploads: str = _setting(
        "60/minute",
        parsers.rate,
        "Uploads of pictures among these requests, with a token or without.",
        shown=_whole,
    )
    trusted_proxies: int = _setting(
        0,
        parsers.integer(0, 10),
        "The number of proxies in front of the services; the last so many addresses of "
        "X-Forwarded-For are believed.",
        shown=_whole,
    )
    cors_origins: str = _setting(
        "",
        parsers.origins,
        "Origins whose pages may call the services, separated by commas, or *.",
        shown=_whole,
    )
    sentry_dsn: str = _setting(
        "", parsers.dsn, "The Sentry project that receives unexpected errors; none if unset."
    )
    history_days: int = _setting(
        90,
        parsers.integer(0, 10_000),
        "Days that the history of items is kept, 0 for ever.",
        shown=_whole,
    )
    require_if_match: bool = _setting(
        False,
        parsers.flag,
        "Whether PUT, PATCH and DELETE of an item need If-Match; without it they get a 428.",
        shown=_whole,
    )
    trash_days: int = _setting(
        30,
        parsers.integer(0, 10_000),
        "Days until a deleted item is removed for good, 0 for never.",
        shown=_whole,
    )
    max_body_mb: int = _setting(
        8,
        parsers.integer(1, 1024),
        "Megabytes of the largest request body; a larger one gets a 413.",
        shown=_whole,
    )
    media_url: str = _setting(
        "",
        parsers.media,
        "The place of the pictures, file:///folder or s3://bucket/prefix; DATA_DIR/media if unset.",
        shown=server_address,
    )
    public_url: str = _setting(
        "",
        parsers.url("http", "https"),
        "The address of the shop for readers, https://shop.example; exports name photos by it.",
        shown=server_address,
    )
    max_upload_mb: int = _setting(
        10,
        parsers.integer(1, 1024),
        "Megabytes of the largest uploaded picture; a larger one gets a 413.",
        shown=_whole,
    )
    max_image_pixels: int = _setting(
        40_000_000,
        parsers.integer(1, 1_000_000_000),
        "Pixels of the largest uploaded picture; one with more gets a 413.",
        shown=_whole,
    )
    photo_hosts: str = _setting(
        "",
        parsers.hosts,
        "Hosts with private addresses that photos may be fetched from, such as nas.local, "
        "separated by commas; other photos come from public addresses only.",
        shown=_whole,
    )
    currency: str = _setting(
        "",
        parsers.currency,
        "The currency of products and past orders that name none, such as EUR (ISO 4217).",
        shown=_whole,
    )
    notify_urls: str = _setting(
        "",
        parsers.urls,
        "URLs that are notified of a product by notify_update, separated by commas.",
    )
    notify_secret: str = _setting(
        "", str, "The key that signs these messages, so that receivers can check them."
    )
    server: str = _setting(
        "gunicorn",
        parsers.choice("gunicorn", "granian"),
        "The HTTP server: gunicorn, or granian, which is faster and has to be behind a proxy.",
        shown=_whole,
    )
    bind: str = _setting(
        "",
        parsers.bind,
        "The address and port on which a service listens; 127.0.0.1 and the port of its URL "
        "if unset.",
    )
    workers: int = _setting(
        2,
        parsers.integer(1, 64),
        "Processes of each service.",
        shown=_whole,
    )
    threads: int = _setting(
        8,
        parsers.integer(1, 256),
        "Threads of each process.",
        shown=_whole,
    )
    job_workers: int | None = _setting(
        None,
        parsers.integer(0, 64),
        "Processes of each service that run queued jobs; one per core if unset.",
        shown=_whole,
    )
    data_dir: str = _setting(
        "data",
        str,
        "The folder in which `vitrine up` stores its data; a relative path starts at the project, "
        "or at the current folder if Vitrine is installed as a package.",
        shown=_whole,
    )
    mongod: str = _setting(
        "", str, "The mongod that `vitrine up` starts, such as /usr/bin/mongod; its own if unset."
    )
    mongo_cache_gb: float | None = _setting(
        None,
        parsers.gigabytes(0.25, 10_000),
        "Gigabytes of the cache of the MongoDB that `vitrine up` starts; an eighth of the memory, "
        "and at least 0.25, if unset.",
        shown=_whole,
    )
    redis_server: str = _setting(
        "",
        str,
        "The Redis or Valkey that `vitrine up` starts, such as /usr/bin/redis-server; its own if "
        "unset.",
    )
    log_level: str = _setting(
        "INFO",
        parsers.choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "The lowest level of log lines that are written.",
        shown=_whole,
    )
    compression: bool = _setting(
        True,
        parsers.flag,
        "Whether responses of 1 kB and more are compressed for clients that accept zstd or gzip.",
        shown=_whole,
    )
    debug: bool = _setting(
        False,
        parsers.flag,
        "Whether services restart when their code changes, for development.",
        shown=_whole,
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment and ``.env``, or only ``environ`` if it is given.

        An empty value is the same as none.

        Raises:
            SettingsError: A value is wrong, or a setting is misspelt in ``.env``.
        """
        if environ is None:
            lines = {k: v for k, v in dotenv().items() if not _is_in_environment(k)}
            environ = lines | dict(os.environ)
        values = {}
        for setting in fields(cls):
            for name in names(setting):
                if text := _value(name, environ):
                    values[setting.name] = _parse(name, text, setting.metadata["parse"])
                    break
        if write_url := values.get("redis_write_url"):
            values.setdefault("redis_url", write_url)
        if values.get("notify_urls") and not values.get("notify_secret"):
            raise SettingsError("NOTIFY_URLS needs NOTIFY_SECRET, the key that signs the messages.")
        if values.get("debug") and values.get("server") == "granian":
            raise SettingsError(
                "DEBUG=true needs SERVER=gunicorn, which restarts when code changes."
            )
        if values.get("auth_mode") == "token" and not values.get("secret_key"):
            raise SettingsError(
                "AUTH_MODE=token needs SECRET_KEY, the key that signs tokens: 32 random bytes."
            )
        settings = cls(**values)
        if settings.cache_control_public and settings.auth_mode == "open":
            raise SettingsError(
                "CACHE_CONTROL_PUBLIC needs AUTH_MODE=token, because with AUTH_MODE=open every "
                "reader sees drafts, which a CDN would keep."
            )
        if settings.auth_mode == "open" and "*" in settings.cors_origins.split(","):
            raise SettingsError(
                "CORS_ORIGINS=* needs AUTH_MODE=token, because with AUTH_MODE=open every page on "
                "the web could read and write everything."
            )
        return settings

    @property
    def queue_url(self) -> str:
        """URL of the job queue: a database of its own, because that of the cache may be emptied."""
        if self.redis_queue_url:
            return self.redis_queue_url
        parts = urlsplit(self.redis_url)
        if parts.scheme not in ("redis", "rediss", "redis+sentinel", "rediss+sentinel"):
            return "redis://localhost:6379/1"  # A cluster has no databases.
        before, _, database = parts.path.rpartition("/")
        number = int(database) if database.isdecimal() else 0
        return parts._replace(path=f"{before}/{number + 1}").geturl()


def names(setting: Field[Any]) -> tuple[str, ...]:
    """Return the environment variables of a field of ``Settings``; the first that is set wins."""
    return (setting.name.upper(), *setting.metadata["aliases"])


def is_set(name: str) -> bool:
    """Return True if the environment or ``.env`` sets a field of ``Settings``."""
    environ = dotenv() | dict(os.environ)
    setting = next(field for field in fields(Settings) if field.name == name)
    return any(environ.get(known) or environ.get(known + FILE) for known in names(setting))


def dotenv(path: Path = Path(".env")) -> dict[str, str]:
    """Return the variables of ``.env``, none if the file is missing.

    Raises:
        SettingsError: A line is not NAME=value, or names a misspelt setting.
    """
    try:
        lines = list(parse_stream(StringIO(path.read_text()))) if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.resolve()} cannot be read: {_reason(error)}.") from error
    for line in lines:
        if line.error or (line.key and line.value is None):
            number = line.original.line
            raise SettingsError(f"{path.resolve()}, line {number}, is not NAME=value.")
    for sentence in misspelt(line.key for line in lines if line.key):
        raise SettingsError(f"{path.resolve()}: {sentence}")
    return {name: value for name, value in dotenv_values(path).items() if value}


def load_dotenv(path: Path) -> None:
    """Add the variables of ``.env`` to the environment, which wins.

    Raises:
        SettingsError: See ``dotenv``.
    """
    for name, value in dotenv(path).items():
        if not _is_in_environment(name):
            os.environ[name] = value


def misspelt(variables: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that is almost the name of a setting."""
    settings = [name for setting in fields(Settings) for name in names(setting)]
    valid = {*settings, *(name + FILE for name in settings)}
    sentences = []
    for variable in variables:
        if variable not in valid:
            # The URL of a service of one's own may look like PRODUCTS_URL.
            likeness = URL_ALIKE if variable.endswith("_URL") else ALIKE
            name = variable.upper().removesuffix(FILE)
            matches = difflib.get_close_matches(name, settings, 1, likeness)
            sentences += [
                f"{variable} is not a setting; did you mean {match}?" for match in matches
            ]
    return sentences


def removed(names: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that was a setting of the version before."""
    return [
        f"{name} is ignored: this setting was removed. {REMOVED[name.removesuffix(FILE)]}"
        for name in names
        if name.removesuffix(FILE) in REMOVED
    ]


def ignored() -> list[str]:
    """Return a sentence for each variable without effect: a misspelt setting or a removed one.

    A misspelt setting in ``.env`` raises ``SettingsError`` instead.
    """
    return [*misspelt(os.environ), *removed(dotenv() | dict(os.environ))]


def service_url(settings: Settings, service: str) -> str:
    """Return the URL of a service: its setting, or ``NAME_URL`` for a service of one's own."""
    if hasattr(settings, f"{service}_url"):
        return str(getattr(settings, f"{service}_url"))
    name = f"{service.upper()}_URL"
    text = _value(name, os.environ) or _value(name, dotenv())
    return _parse(name, text, parsers.service) if text else ""


def _value(name: str, environ: Mapping[str, str]) -> str:
    """Return the value of a variable, or the content of the file that its ``_FILE`` names."""
    text, file = environ.get(name, ""), environ.get(name + FILE)
    if not file:
        return text
    if text:
        raise SettingsError(f"{name} and {name}{FILE} are both set; unset one of them.")
    try:
        status = Path(file).stat()
        # Reading a device or a pipe might never end.
        if not S_ISREG(status.st_mode) or status.st_size > FILE_BYTES:
            raise SettingsError(
                f"{name}{FILE}={file!r} is not a file of at most {FILE_BYTES} bytes."
            )
        return Path(file).read_text().rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}{FILE}={file!r} cannot be read: {_reason(error)}.") from error


def _is_in_environment(name: str) -> bool:
    """Return True if the environment sets a variable of ``.env``, by itself or by a file."""
    return any(os.environ.get(key) for key in (name, name + FILE, name.removesuffix(FILE)))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is not text"


def _parse(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        # The message does not repeat the value of a URL, because it may hold a password.
        hidden = name.endswith(("URL", "URLS", "URI", "SECRET", "KEY", "DSN"))
        shown = "" if hidden else f"={text!r}"
        raise SettingsError(f"{name}{shown}: {error}.") from error
