"""What settings may be: each function makes a value of its text.

It raises ``ValueError`` saying what the text must be instead, as the end of a sentence.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

MOST_URLS = 8
MOST_REQUESTS = 1_000_000_000
UNITS = ("second", "minute", "hour", "day")
SECRET_BYTES = 32
DIFFERENT = 8  # characters that are not the same, at the least
# What services listen on that are reached from everywhere: nobody can call it.
EVERYWHERE = ("0.0.0.0", "::")
# Signs tokens where everybody may do everything: they only tell who somebody is.
KNOWN_SECRET = "AUTH_MODE=open: this is no secret"


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        if not text.strip().isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def flag(text: str) -> bool:
    """True or false, or as people also say: on or off, 1 or 0."""
    if text.lower() not in ("true", "false", "on", "off", "1", "0"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "on", "1")


def url(*schemes: str) -> Callable[[str], str]:
    """A URL of one of some schemes; one of HTTP ends without a slash."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError(f"must start with {' or '.join(f'{s}://' for s in schemes)}")
        _ = parts.port  # Raises ValueError when the port is no number.
        return text.rstrip("/") if parts.scheme.startswith("http") else text

    return parse


def redis(*more: str) -> Callable[[str], str]:
    """A URL of one Redis, of the Sentinels that name one, or of ``more`` schemes."""
    plain = url("redis", "rediss", "unix", *more)

    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("redis+sentinel", "rediss+sentinel"):
            return plain(text)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        _ = [urlsplit(f"//{host}").port for host in hosts]  # Raises ValueError for no number.
        if not all(hosts) or not re.fullmatch(r"/[^/]+/\d+", parts.path):
            raise ValueError("must be redis+sentinel://host:port,host:port/name/0")
        return text

    return parse


def service(text: str) -> str:
    """Where a service answers: a URL that others can call."""
    address = url("http", "https")(text)
    if urlsplit(address).hostname in EVERYWHERE:
        raise ValueError(
            "must be where others find the service, such as http://127.0.0.1:5000; what it listens "
            "on is said by BIND"
        )
    return address


def bind(text: str) -> str:
    """What a service listens on: an address of this machine and a port."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError("must be an address and a port, such as 0.0.0.0:5000 or [::]:5000")
    return text


def urls(text: str) -> str:
    """Some URLs of HTTP, with commas between."""
    found = [each.strip() for each in text.split(",") if each.strip()]
    if len(found) > MOST_URLS:
        raise ValueError(f"must be {MOST_URLS} URLs at the most")
    return ",".join(map(url("http", "https"), found))


def rate(text: str) -> str:
    """How many a time, such as ``100/minute``; nothing for ``off``."""
    if text.lower() == "off":
        return ""
    count, _, unit = text.lower().partition("/")
    if not (count.isdecimal() and 0 < int(count) <= MOST_REQUESTS and (unit or "minute") in UNITS):
        raise ValueError(f"must be off, or a number a {' or '.join(UNITS)}, such as 100/minute")
    return f"{int(count)}/{unit or 'minute'}"


def origins(text: str) -> str:
    """Origins of pages (RFC 6454) with commas between, or ``*``."""
    found = [each.strip() for each in text.split(",") if each.strip()]
    for each in found:
        parts = urlsplit(each)
        is_origin = parts.scheme in ("http", "https") and each == f"{parts.scheme}://{parts.netloc}"
        if each != "*" and not (is_origin and parts.netloc):
            raise ValueError("must be *, or origins such as https://shop.example with commas")
    return ",".join(found)


def secret(text: str) -> str:
    """What tokens are signed with, long enough and not the same all over."""
    if len(text.encode()) < SECRET_BYTES or len(set(text)) < DIFFERENT or text == KNOWN_SECRET:
        raise ValueError(
            f"must be {SECRET_BYTES} random bytes or more (RFC 7518, 3.2), such as "
            "`openssl rand -hex 32` prints"
        )
    return text


def choice(*allowed: str) -> Callable[[str], str]:
    """One of some words, however it is written."""

    def parse(text: str) -> str:
        for each in allowed:
            if text.lower() == each.lower():
                return each
        raise ValueError(f"must be one of {', '.join(allowed)}")

    return parse


def mongo(text: str) -> str:
    """Where a MongoDB is, be it several hosts."""
    if text.startswith("mongodb+srv://"):
        return text  # What stands behind it is known to its DNS.
    try:
        parse_uri(text)  # Unlike other URLs it may name several hosts.
    except (PyMongoError, ValueError) as error:
        # What is wrong is not repeated: the address may hold a password.
        raise ValueError("must be mongodb://host:port/database") from error
    return text
