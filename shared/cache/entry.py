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
MAX_HEAD = 10**HEAD_DIGITS  # bytes of a head, at most

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

    ``tokens`` are the current generations, and ``head`` is that of a valid or a stale entry.
    ``filling`` is True for the request that is to store the entry, and ``counted`` is the count of
    the rate limit from the same round trip.
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

    @property
    def stale_part(self) -> str:
        """The part that is stale: ``tag``, another service by its writes, or ``root``.

        It is empty if the entry is not stale, or for another reason.
        """
        place = self._stale_place
        if place is None:
            return ""
        if place % 2 == 0:
            return "root"
        return ("tag", *self.address.depends)[place // 2]

    @property
    def stale_token(self) -> str:
        """The token that made the entry stale; empty if none did."""
        place = self._stale_place
        return "" if place is None else self.tokens[place]

    @property
    def seconds_left(self) -> int:
        """The seconds that a valid entry has to live."""
        return max(0, int(self.head["expires"] - time.time()))

    @property
    def _stale_place(self) -> int | None:
        """The place among the tokens of the one that made the entry stale.

        Root and tag come by turns, of this service and of each other one.  A tag is chosen before
        a root, because it leads to a write.
        """
        if self.detail != "generation":
            return None
        stamps = (self.head["root"], self.head["generation"], *self.head["depends"])
        changed = [
            place
            for place, (stamp, token) in enumerate(zip(stamps, self.tokens, strict=False))
            if stamp != token
        ]
        return max(changed, key=lambda place: place % 2, default=None)

    def status(self, stored: bool = False) -> str:
        """Return the Cache-Status header (RFC 9211)."""
        parts = ["vitrine"]
        if self.is_hit:
            parts += ["hit", f"ttl={self.seconds_left}"]
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
    if len(start) >= MAX_HEAD:
        return None
    return start.replace(b'"0000"', b'"%04d"' % len(start), 1) + body + b"}"


def decode(entry: bytes) -> tuple[int, Mapping[str, Any] | None]:
    """Return the length of an entry's head, and the head, or None for an incomplete entry."""
    return decode_start(entry, len(entry))


def decode_start(start: bytes, size: int) -> tuple[int, Mapping[str, Any] | None]:
    """Do the same as ``decode`` with the first ``MAX_HEAD`` bytes of an entry of some size."""
    match = _HEAD.match(start)
    length = int(match[1]) if match else 0
    head = _head(start[:length])
    is_whole = head is not None and length + head["length"] + 1 == size
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
