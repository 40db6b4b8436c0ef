"""What is stored under a key, and what a look at it says.

An entry is a JSON object that begins with its *head*: its own length, the tokens it is stamped
with, what made it and when it expires.  Its last member is the body, as it is answered.
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

_NEEDED = {
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
    """What the cache says of an address: hit, or why not (RFC 9211), and the tokens of now."""

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
        """Whether the body may be answered."""
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
    """Return the entry of an answer that is stamped with a lookup's tokens and lives for ``ttl`` s.

    None for one whose head is too long for its length to be told.
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
    """Return the length of an entry's head, and the head if all of the entry is there."""
    found = _HEAD.match(entry)
    length = int(found[1]) if found else 0
    head = _head(entry[:length])
    is_whole = head is not None and length + head["length"] + 1 == len(entry)
    return length, head if is_whole else None


@lru_cache(maxsize=1024)
def _head(start: bytes) -> Mapping[str, Any] | None:
    """Return a head, which nobody may change, for those in demand are read once."""
    try:
        head: dict[str, Any] = orjson.loads(start + b"null}")
        del head["body"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    is_known = head.keys() >= _NEEDED and isinstance(head["length"], int)
    return head if is_known else None
