"""Entry of the cache, as it is stored in Redis, and the result of looking one up.

An entry is a JSON object that begins with its *head*: the length of the head, the tokens that the
entry is stamped with, the release that made it and the time when it expires.  Its last member is
the body of the response.
"""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from shared.cache.keys import Address
from shared.cache.rate_counter import UNCOUNTED, Count

HEAD_DIGITS = 4

_REQUIRED = {
    "length",
    "key",
    "root",
    "generation",
    "depends",
    "release",
    "expires",
    "etag",
    "headers",
}
_HEAD = re.compile(rb'\{"head":"(\d{4})","root":"([0-9a-f]{16})","generation":"([0-9a-f]{16})",')


class Lookup(NamedTuple):
    """Result of looking up an address: a hit, or the reason why not (RFC 9211).

    ``tokens`` are the current generations, ``filling`` is True for the request that is to store the
    entry, and ``counted`` is the count of the rate limit from the same round trip.
    """

    address: Address
    state: str
    detail: str = ""
    tokens: tuple[str, ...] = ()
    head: Mapping[str, Any] = MappingProxyType({})
    body: bytes = b""
    filling: bool = False
    counted: Count = UNCOUNTED

    @property
    def is_hit(self) -> bool:
        """Return True if the body is a valid response."""
        return self.state == "hit"

    def status(self, stored: bool = False) -> str:
        """Return the Cache-Status header (RFC 9211)."""
        parts = ["vitrine"]
        if self.is_hit:
            parts += ["hit", f"ttl={max(0, int(self.head['expires'] - time.time()))}"]
        else:
            parts.append(f"fwd={self.state}")
        parts += [f"detail={self.detail}"] if self.detail else []
        parts += ["stored"] if stored else []
        return "; ".join([*parts, f'key="{self.address.key}"'])


def encode(
    lookup: Lookup, release: str, ttl: int, body: bytes, etag: str, headers: Mapping[str, str]
) -> bytes | None:
    """Return the entry of a response, stamped with the tokens of a lookup.

    Args:
        lookup: The lookup whose tokens were read before the response was made.
        release: The code that made the response.
        ttl: Seconds that the entry lives.
        body: The body of the response, which is JSON.
        etag: The ETag of the body, without quotes.
        headers: The headers that belong to the body.

    Returns:
        The entry, or None if its head is longer than four digits can say.
    """
    root, generation, *depends = lookup.tokens
    head = {
        "head": "0" * HEAD_DIGITS,
        "root": root,
        "generation": generation,
        "depends": depends,
        "tag": lookup.address.tag,
        "release": release,
        "etag": etag,
        "length": len(body),
        "expires": int(time.time()) + ttl,
        "key": lookup.address.key,
        "query": lookup.address.query,
        "headers": dict(headers),
    }
    start = orjson.dumps(head)[:-1] + b',"body":'
    if len(start) >= 10**HEAD_DIGITS:
        return None
    return start.replace(b'"0000"', b'"%04d"' % len(start), 1) + body + b"}"


def decode(entry: bytes) -> tuple[int, Mapping[str, Any] | None]:
    """Return the length of an entry's head, and the head, or None for an incomplete entry."""
    match = _HEAD.match(entry)
    length = int(match[1]) if match else 0
    head = _head(entry[:length])
    is_whole = head is not None and length + head["length"] + 1 == len(entry)
    return length, head if is_whole else None


@lru_cache(maxsize=1024)
def _head(start: bytes) -> Mapping[str, Any] | None:
    """Return the head of an entry; callers must not change it, because it is remembered."""
    try:
        head: dict[str, Any] = orjson.loads(start + b"null}")
        del head["body"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    is_complete = head.keys() >= _REQUIRED and isinstance(head["length"], int)
    return head if is_complete else None
