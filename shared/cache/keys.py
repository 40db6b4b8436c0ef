"""Keys in Redis: readable, documented, and such that none can be forged.

``product:1``, ``products:list:page=2:per=20:category=books``, ``products:search:<sha1>``; the
generations are ``products:generation`` and ``products:generation:<tag>``.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from shared.schema.query import PageRequest

ALL = "all"
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
MAX_KEY = 1024  # bytes; a longer key is hashed


@dataclass(frozen=True, slots=True)
class Address:
    """Where an answer is cached and what it depends on.

    ``depends`` are other services whose every write may change the answer; ``query`` explains a
    key that holds a hash.  ``tokens`` are the keys of the generations: root and tag, then those of
    each other service.
    """

    service: str
    key: str
    tag: str
    depends: tuple[str, ...] = ()
    query: str = ""
    tokens: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        others = [name for each in self.depends for name in (root_of(each), tag_of(each, ALL))]
        tokens = (root_of(self.service), tag_of(self.service, self.tag), *others)
        object.__setattr__(self, "tokens", tokens)


def root_of(service: str) -> str:
    """Return the key of a service's root generation."""
    return f"{service}:generation"


def tag_of(service: str, tag: str) -> str:
    """Return the key of a tag's generation."""
    return f"{service}:generation:{tag}"


def key_of(prefix: str, pairs: Iterable[tuple[str, Any]]) -> str:
    """Return ``prefix:name=value:name=value``, percent-encoded, so none can be forged."""
    quoted = (f"{quote(name, safe='')}={quote(str(value), safe=',')}" for name, value in pairs)
    parts = [prefix, *quoted]
    key = ":".join(parts)
    return key if len(key) <= MAX_KEY else f"{prefix}:{hashlib.sha1(key.encode()).hexdigest()}"


def prefixes_of(service: str, item: str) -> tuple[str, ...]:
    """Return what the keys of a service's entries begin with: of items, lists and searches."""
    return (f"{item}:", f"{service}:list:", f"{service}:search:")


def new_token() -> str:
    """Return a generation: random, so that a lost one cannot come back."""
    return secrets.token_hex(8)


def item_address(
    service: str, item: str, ref: str, asked: PageRequest, depends: tuple[str, ...]
) -> Address:
    """Return where one item is cached; an id is one key and one tag, however it is spelt."""
    if ref.isascii() and ref.isdigit() and len(ref) < 19:
        ref = str(int(ref))
    elif _OBJECT_ID.fullmatch(ref):
        ref = ref.lower()
    key = key_of(f"{item}:{quote(ref, safe='')}", asked.given)
    return Address(service, key, ref, depends)


def list_address(
    service: str, within: str, asked: PageRequest, count: str, depends: tuple[str, ...]
) -> Address:
    """Return where a list is cached: page and per first, then what was given, sorted.

    ``within`` is the tag of the partition it is narrowed to, empty for none.
    """
    pairs = [("page", str(asked.page)), ("per", str(asked.per)), *asked.given]
    pairs += [("prefer", f"count={count}")] if count else []
    tag = within or ALL
    if not any(name == "q" for name, _ in asked.given):
        return Address(service, key_of(f"{service}:list", pairs), tag, depends)
    text = urlencode(sorted(pairs))
    key = f"{service}:search:{hashlib.sha1(text.encode()).hexdigest()}"
    return Address(service, key, tag, depends, text)
