"""Parsers of settings: each function returns the value of a text.

For a wrong text it raises ``ValueError``; the message is the end of a sentence that begins with the
name of the setting.
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from shared.config.currencies import CURRENT

MAX_URLS = 8
MAX_REQUESTS = 1_000_000_000
UNITS = ("second", "minute", "hour", "day")
MIN_SECRET_BYTES = 32
MIN_PREFIX = 7  # bits of the largest private network, fc00::/7
MIN_DISTINCT = 8  # different characters of a secret
# Addresses to listen on; no client can call them.
WILDCARDS = ("0.0.0.0", "::")
ATTACHED = "attached"  # the networks of the interfaces of this machine, or of this container
# A name, an address of IPv4, or one of IPv6 without brackets.
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*")
ROUTES = Path("/proc/net/route")
# Signs tokens in AUTH_MODE=open, where a token names a user and allows nothing.
KNOWN_SECRET = "AUTH_MODE=open: this is no secret"


def integer(low: int, high: int) -> Callable[[str], int]:
    """Accept a whole number within bounds."""

    def parse(text: str) -> int:
        if not text.strip().isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def gigabytes(low: float, high: float) -> Callable[[str], float]:
    """Accept a number of gigabytes within bounds, such as 0.5."""

    def parse(text: str) -> float:
        if not re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) or not low <= float(text) <= high:
            raise ValueError(f"must be gigabytes, a number from {low:g} to {high:g}")
        return float(text)

    return parse


def flag(text: str) -> bool:
    """Accept true or false, on or off, 1 or 0."""
    if text.lower() not in ("true", "false", "on", "off", "1", "0"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "on", "1")


def url(*schemes: str) -> Callable[[str], str]:
    """Accept a URL with one of some schemes; a slash at the end of an HTTP URL is removed."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError(f"must start with {' or '.join(f'{s}://' for s in schemes)}")
        _ = parts.port  # Raises ValueError if the port is not a number.
        if not parts.scheme.startswith("http"):
            return text
        if not parts.hostname or len(text.split()) > 1:
            raise ValueError(f"must have a host after {parts.scheme}://, and no blanks")
        return text.rstrip("/")

    return parse


def media(text: str) -> str:
    """Accept the place of pictures: a folder, or a bucket of S3."""
    parts = urlsplit(url("file", "s3")(text))
    is_folder = parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc
    if not is_folder and not (parts.scheme == "s3" and parts.hostname):
        raise ValueError("must be file:///folder, or s3://bucket/prefix")
    return text


def dsn(text: str) -> str:
    """Accept the DSN of a Sentry project."""
    parts = urlsplit(url("http", "https")(text))
    if not parts.username or not parts.path.rpartition("/")[2].isdecimal():
        raise ValueError("must be the DSN of a project, such as https://KEY@sentry.example/1")
    return text


def redis(*more: str) -> Callable[[str], str]:
    """Accept the URL of one Redis, of Sentinels, or with one of ``more`` schemes."""
    plain = url("redis", "rediss", "unix", *more)

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("redis+sentinel", "rediss+sentinel"):
            if parts.scheme != "unix" and not _names_database(parts):
                raise ValueError(
                    "must end with the number of a database, such as redis://localhost:6379/0"
                )
            return plain(text)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        _ = [urlsplit(f"//{host}").port for host in hosts]  # Raises ValueError if not a number.
        if not all(hosts) or not re.fullmatch(r"/[^/]+/\d+", parts.path):
            raise ValueError("must be redis+sentinel://host:port,host:port/name/0")
        return text

    return parse


def _names_database(parts: SplitResult) -> bool:
    """Return True if a URL of Redis names a database by its number, or none.

    The client of Redis would use database 0 for any other path, and ``db=`` in place of the path.
    """
    is_plain = re.fullmatch(r"/?|/\d{1,5}", parts.path, re.ASCII) is not None
    return is_plain and "db" not in parse_qs(parts.query)


def service(text: str) -> str:
    """Accept the URL of a service, which other machines can call."""
    address = url("http", "https")(text)
    if "?" in address or "#" in address:
        raise ValueError("must be an address without ? and #, to which paths can be added")
    if urlsplit(address).hostname in WILDCARDS:
        raise ValueError(
            "must be an address that clients can call, such as http://127.0.0.1:5000; BIND is the "
            "address to listen on"
        )
    return address


def bind(text: str) -> str:
    """Accept an address of this machine and a port, on which a service listens."""
    host, _, port = text.rpartition(":")
    is_host = _HOST.fullmatch(host.lower().removeprefix("[").removesuffix("]"))
    if not is_host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("must be an address and a port, such as 0.0.0.0:5000 or [::]:5000")
    return text


def urls(text: str) -> str:
    """Accept URLs of HTTP, separated by commas."""
    addresses = [part.strip() for part in text.split(",") if part.strip()]
    if len(addresses) > MAX_URLS:
        raise ValueError(f"must be at most {MAX_URLS} URLs")
    return ",".join(map(url("http", "https"), addresses))


def hosts(text: str) -> str:
    """Accept names and addresses of hosts, separated by commas, without schemes and ports."""
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError("must be hosts such as nas.local or 10.0.0.5, with commas between")
    return ",".join(names)


def rate(text: str) -> str:
    """Accept a rate, such as ``100/minute``, or ``off``, which becomes an empty text."""
    if text.lower() == "off":
        return ""
    count, _, unit = text.lower().partition("/")
    if not (count.isdecimal() and 0 < int(count) <= MAX_REQUESTS and (unit or "minute") in UNITS):
        raise ValueError(f"must be off, or a number per {' or '.join(UNITS)}, such as 100/minute")
    return f"{int(count)}/{unit or 'minute'}"


def origins(text: str) -> str:
    """Accept origins of pages (RFC 6454), separated by commas, or ``*``."""
    allowed = [part.strip() for part in text.split(",") if part.strip()]
    for origin in allowed:
        parts = urlsplit(origin)
        is_plain = origin == f"{parts.scheme}://{parts.netloc}"
        is_origin = parts.scheme in ("http", "https") and is_plain
        _ = parts.port  # Raises ValueError if the port is not a number.
        if (origin != "*" and not (is_origin and parts.hostname)) or len(origin.split()) > 1:
            raise ValueError(
                "must be *, or origins such as https://shop.example, with commas between"
            )
    return ",".join(allowed)


def networks(text: str) -> str:
    """Accept networks such as 172.18.0.0/16, separated by commas, or ``attached``."""
    found: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        for address in _attached_networks() if part == ATTACHED else (part,):
            try:
                network = ip_network(address)
            except ValueError as error:
                message = f"must be {ATTACHED}, or networks such as 172.18.0.0/16"
                raise ValueError(message) from error
            if network.prefixlen < MIN_PREFIX or not network.is_private:
                raise ValueError(f"must be private networks, and {network} is of the internet")
            found.append(str(network))
    return ",".join(dict.fromkeys(found))


def _attached_networks() -> Iterator[str]:
    """Yield the IPv4 networks that Linux reaches without a gateway."""
    try:
        lines = ROUTES.read_text().splitlines()[1:]
    except OSError as error:
        raise ValueError(
            f"cannot be {ATTACHED} here: send networks such as 172.18.0.0/16"
        ) from error
    for line in lines:
        # In hexadecimal digits, the lowest byte first.
        _, destination, gateway, _, _, _, _, mask, *_ = line.split()
        if int(gateway, 16) == 0 and int(mask, 16):
            address = ip_address(int(destination, 16).to_bytes(4, "little"))
            yield f"{address}/{int(mask, 16).bit_count()}"


def secret(text: str) -> str:
    """Accept a key that signs tokens: long enough, with enough different characters."""
    is_short = len(text.encode()) < MIN_SECRET_BYTES
    if is_short or len(set(text)) < MIN_DISTINCT or text == KNOWN_SECRET:
        raise ValueError(
            f"must be {MIN_SECRET_BYTES} random bytes or more (RFC 7518, 3.2), such as "
            "`openssl rand -hex 32` prints"
        )
    return text


def currency(text: str) -> str:
    """Accept the code of a currency of today."""
    if text not in CURRENT:
        raise ValueError("must be the code of a currency, such as EUR (ISO 4217)")
    return text


def choice(*allowed: str) -> Callable[[str], str]:
    """Accept one of some words, in capitals or not."""

    def parse(text: str) -> str:
        for word in allowed:
            if text.lower() == word.lower():
                return word
        raise ValueError(f"must be one of {', '.join(allowed)}")

    return parse


def mongo(text: str) -> str:
    """Accept the URI of MongoDB, with one host or several."""
    if text.startswith("mongodb+srv://"):
        return text  # The hosts are in its DNS records.
    try:
        parse_uri(text)  # Unlike other URLs it may name several hosts.
    except (PyMongoError, ValueError) as error:
        # The message does not repeat the text, because it may hold a password.
        raise ValueError("must be mongodb://host:port/database") from error
    return text
