"""Settings, read once from the environment and ``.env`` when a process starts.

A field of ``Settings`` is one environment variable in capitals; its comment-sized ``help`` is
what ``.env.example`` says about it.  The environment wins over ``.env``.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

# Where each service listens when nobody says otherwise (``PRODUCTS_URL`` and so on).
PORTS = {"products": 5000, "clients": 5001, "categories": 5002, "orders": 5003}

MOST_URLS = 8
MOST_REQUESTS = 1_000_000_000
UNITS = ("second", "minute", "hour", "day")
SECRET_BYTES = 32
DIFFERENT = 8  # characters that are not the same, at the least
# Signs tokens where everybody may do everything: they only tell who somebody is.
KNOWN_SECRET = "AUTH_MODE=open: this is no secret"


class SettingsError(Exception):
    """A setting holds a value it cannot take; the text is one sentence naming it."""


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.strip().isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "1")


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError(f"must start with {' or '.join(f'{s}://' for s in schemes)}")
        _ = parts.port  # Raises ValueError when the port is no number.
        return text.rstrip("/") if parts.scheme.startswith("http") else text

    return parse


def _urls(text: str) -> str:
    urls = [each.strip() for each in text.split(",") if each.strip()]
    if len(urls) > MOST_URLS:
        raise ValueError(f"must be {MOST_URLS} URLs at the most")
    return ",".join(map(_url("http", "https"), urls))


def _rate(text: str) -> str:
    if text.lower() == "off":
        return ""
    count, _, unit = text.lower().partition("/")
    if not (count.isdecimal() and 0 < int(count) <= MOST_REQUESTS and (unit or "minute") in UNITS):
        raise ValueError(f"must be off, or a number a {' or '.join(UNITS)}, such as 100/minute")
    return f"{int(count)}/{unit or 'minute'}"


def _origins(text: str) -> str:
    origins = [each.strip() for each in text.split(",") if each.strip()]
    for each in origins:
        parts = urlsplit(each)
        is_origin = parts.scheme in ("http", "https") and each == f"{parts.scheme}://{parts.netloc}"
        if each != "*" and not (is_origin and parts.netloc):
            raise ValueError("must be *, or origins such as https://shop.example with commas")
    return ",".join(origins)


def _secret(text: str) -> str:
    if len(text.encode()) < SECRET_BYTES or len(set(text)) < DIFFERENT or text == KNOWN_SECRET:
        raise ValueError(
            f"must be {SECRET_BYTES} random bytes or more (RFC 7518, 3.2), such as "
            "`openssl rand -hex 32` prints"
        )
    return text


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for each in allowed:
            if text.lower() == each.lower():
                return each
        raise ValueError(f"must be one of {', '.join(allowed)}")

    return parse


def _setting(
    default: Any, parse: Callable[[str], Any], help: str, aliases: tuple[str, ...] = ()
) -> Any:
    return field(default=default, metadata={"parse": parse, "help": help, "aliases": aliases})


def _mongo(text: str) -> str:
    if text.startswith("mongodb+srv://"):
        return text  # What stands behind it is known to its DNS.
    try:
        parse_uri(text)  # Unlike other URLs it may name several hosts.
    except (PyMongoError, ValueError) as error:
        # What is wrong is not repeated: the address may hold a password.
        raise ValueError("must be mongodb://host:port/database") from error
    return text


_REDIS = _url("redis", "rediss", "unix")
_CACHE = _url("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator may change."""

    mongo_uri: str = _setting(
        "mongodb://localhost:27017/vitrine",
        _mongo,
        "The MongoDB replica set to use; when set, `vitrine up` embeds none.",
        aliases=("DATABASE_URL",),
    )
    redis_url: str = _setting(
        "redis://localhost:6379/0",
        _CACHE,
        "The Redis of the cache, redis+cluster:// for a Redis Cluster; when set, `vitrine up` "
        "embeds none.",
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
        120, _integer(1, 86_400), "Seconds until a cached answer expires at the latest."
    )
    products_url: str = _setting(
        f"http://127.0.0.1:{PORTS['products']}", _url("http", "https"), "Where products are served."
    )
    clients_url: str = _setting(
        f"http://127.0.0.1:{PORTS['clients']}", _url("http", "https"), "Where clients are served."
    )
    categories_url: str = _setting(
        f"http://127.0.0.1:{PORTS['categories']}",
        _url("http", "https"),
        "Where categories are served.",
    )
    orders_url: str = _setting(
        f"http://127.0.0.1:{PORTS['orders']}", _url("http", "https"), "Where orders are served."
    )
    auth_mode: str = _setting(
        "open",
        _choice("open", "token"),
        "open: this machine may do all, nobody else anything; token: bearer tokens say who may.",
    )
    secret_key: str = _setting(
        "",
        _secret,
        "What tokens are signed with by HS256, 32 bytes or more; needed for AUTH_MODE=token.",
    )
    auth_jwks_url: str = _setting(
        "",
        _url("http", "https"),
        "Where the public keys of tokens signed by RS256 or ES256 are (RFC 7517).",
    )
    auth_issuer: str = _setting("vitrine", str, "Who signs tokens: what their iss has to be.")
    auth_audience: str = _setting("vitrine", str, "Whom tokens are for: what their aud has to be.")
    rate_limit_anonymous: str = _setting(
        "100/minute", _rate, "Requests of an address without a token, off for any number."
    )
    rate_limit_token: str = _setting(
        "1000/minute", _rate, "Requests with one token, unless its scope is admin."
    )
    rate_limit_writes: str = _setting(
        "500/minute", _rate, "Of these, requests that write, whoever sends them."
    )
    rate_limit_uploads: str = _setting(
        "60/minute", _rate, "Of these, requests that upload pictures, whoever sends them."
    )
    trusted_proxies: int = _setting(
        0,
        _integer(0, 10),
        "Proxies in front of the services, whose X-Forwarded-For is believed that far.",
    )
    cors_origins: str = _setting(
        "", _origins, "Whose pages may call the services: origins with commas between, or *."
    )
    sentry_dsn: str = _setting(
        "", _url("http", "https"), "Where Sentry is told of what goes wrong; nobody when unset."
    )
    history_days: int = _setting(
        90, _integer(0, 10_000), "Days that who changed what is kept, 0 for ever."
    )
    require_if_match: bool = _setting(
        False, _flag, "Whether PUT, PATCH and DELETE of an item need If-Match; 428 without."
    )
    trash_days: int = _setting(
        30, _integer(0, 10_000), "Days until what was deleted is removed for good, 0 for never."
    )
    max_body_mb: int = _setting(
        8, _integer(1, 1024), "Megabytes a request body may have; a larger one gets a 413."
    )
    media_url: str = _setting(
        "",
        _url("file", "s3"),
        "Where pictures are kept, file:///folder or s3://bucket/prefix; DATA_DIR/media when unset.",
    )
    max_upload_mb: int = _setting(
        10, _integer(1, 1024), "Megabytes an uploaded picture may have; a larger one gets a 413."
    )
    max_image_pixels: int = _setting(
        40_000_000,
        _integer(1, 1_000_000_000),
        "Pixels an uploaded picture may have; one with more gets a 413.",
    )
    notify_urls: str = _setting(
        "", _urls, "Who is told of a product by notify_update: URLs with commas between."
    )
    notify_secret: str = _setting(
        "", str, "What those who are told check the signature of a message with."
    )
    workers: int = _setting(2, _integer(1, 64), "Processes of each service.")
    threads: int = _setting(8, _integer(1, 256), "Threads of each process.")
    job_workers: int | None = _setting(
        None,
        _integer(0, 64),
        "Processes of each service that do queued jobs, one per core when unset.",
    )
    data_dir: str = _setting(
        "data", str, "Where `vitrine up` keeps what it stores, from the project's folder."
    )
    log_level: str = _setting(
        "INFO", _choice("DEBUG", "INFO", "WARNING", "ERROR"), "How much the logs say."
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment and ``.env``; raise ``SettingsError`` for a value that is wrong.

        Given a mapping, read only that.  An empty value counts as absent.
        """
        if environ is None:
            environ = {k: v for k, v in dotenv_values(".env").items() if v} | dict(os.environ)
        values = {}
        for setting in fields(cls):
            for name in (setting.name.upper(), *setting.metadata["aliases"]):
                if environ.get(name):
                    values[setting.name] = _parse(name, environ[name], setting.metadata["parse"])
                    break
        if values.get("notify_urls") and not values.get("notify_secret"):
            raise SettingsError("NOTIFY_URLS needs NOTIFY_SECRET, which messages are signed with.")
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
        if parts.scheme not in ("redis", "rediss"):
            return "redis://localhost:6379/1"  # A cluster has no databases.
        database = parts.path.strip("/")
        number = int(database) if database.isdecimal() else 0
        return parts._replace(path=f"/{number + 1}").geturl()


def is_set(name: str) -> bool:
    """Whether the environment or ``.env`` says anything about a setting, by its field's name."""
    environ = dotenv_values(".env") | dict(os.environ)
    setting = next(each for each in fields(Settings) if each.name == name)
    return any(environ.get(each) for each in (name.upper(), *setting.metadata["aliases"]))


def service_url(settings: Settings, service: str) -> str:
    """Where a service answers: its own setting, or ``NAME_URL`` for a service of yours."""
    if hasattr(settings, f"{service}_url"):
        return str(getattr(settings, f"{service}_url"))
    name = f"{service.upper()}_URL"
    text = os.environ.get(name) or dotenv_values(".env").get(name)
    return _parse(name, text, _url("http", "https")) if text else ""


def _parse(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        # A URL may hold a password, so the value itself is never repeated.
        hidden = name.endswith(("URL", "URLS", "URI", "SECRET", "KEY", "DSN"))
        shown = "" if hidden else f"={text!r}"
        raise SettingsError(f"{name}{shown}: {error}.") from error
