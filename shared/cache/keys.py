"""Keys of the cache in Redis: readable and documented; no request can forge one.

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
MAX_KEY = 1024  # characters of a key; a longer key is hashed


@dataclass(frozen=True, slots=True)
class Address:
    """Key of a cached response, and the generations it depends on.

    ``depends`` are other services whose every write may change the response.  ``query`` explains a
    key that holds a hash.  ``tokens`` are the keys of the generations: root and tag, then root and
    ``all`` of each other service.
    """

    service: str
    key: str
    tag: str
    depends: tuple[str, ...] = ()
    query: str = ""
    tokens: tuple[str, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        others = [
            name for service in self.depends for name in (root_of(service), tag_of(service, ALL))
        ]
        tokens = (root_of(self.service), tag_of(self.service, self.tag), *others)
        object.__setattr__(self, "tokens", tokens)


def root_of(service: str) -> str:
    """Return the key of a service's root generation."""
    return f"{service}:generation"


def tag_of(service: str, tag: str) -> str:
    """Return the key of a tag's generation."""
    return f"{service}:generation:{tag}"


def key_of(prefix: str, pairs: Iterable[tuple[str, Any]]) -> str:
    """Return ``prefix:name=value:name=value``, percent-encoded so that no value can add a pair."""
    quoted = (f"{quote(name, safe='')}={quote(str(value), safe=',')}" for name, value in pairs)
    parts = [prefix, *quoted]
    key = ":".join(parts)
    return key if len(key) <= MAX_KEY else f"{prefix}:{hashlib.sha1(key.encode()).hexdigest()}"


def prefixes_of(service: str, item: str) -> tuple[str, ...]:
    """Return the prefixes of the keys of a service's entries: items, lists and searches."""
    return (f"{item}:", f"{service}:list:", f"{service}:search:")


def new_token() -> str:
    """Return a generation: random, so that a lost one cannot come back."""
    return secrets.token_hex(8)


def mark_of(run_id: str) -> str:
    """Return the mark of a run of Redis: half a token, with which the roots of the run begin."""
    return hashlib.sha1(run_id.encode()).hexdigest()[:8]


def new_root(run_id: str) -> str:
    """Return a root generation that is valid in one run of Redis only.

    A Redis that is started again, or a replica in its place, is another run.
    """
    return mark_of(run_id) + secrets.token_hex(4)


def item_address(
    service: str, item: str, ref: str, asked: PageRequest, depends: tuple[str, ...]
) -> Address:
    """Return the address of one item; all spellings of an id share one key and one tag.

    Args:
        service: The name of the service, such as ``products``.
        item: The name of one item, such as ``product``.
        ref: The id or slug in the path.
        asked: The query of the request.
        depends: Other services whose every write may change the response.
    """
    if ref.isascii() and ref.isdigit() and len(ref) < 19:
        ref = str(int(ref))
    elif _OBJECT_ID.fullmatch(ref):
        ref = ref.lower()
    key = key_of(f"{item}:{quote(ref, safe='')}", asked.parameters)
    return Address(service, key, ref, depends)


def list_address(
    service: str, within: str, asked: PageRequest, prefer: str, depends: tuple[str, ...]
) -> Address:
    """Return the address of a list: page and per first, then the given parameters, sorted.

    A list without hidden items has an address of its own, if other readers see them.

    Args:
        service: The name of the service, such as ``products``.
        within: The tag of the partition that the list is filtered by, empty for none.
        asked: The query of the request.
        prefer: The preferences of the request that are honoured, empty for none.
        depends: Other services whose every write may change the response.
    """
    pairs = [("page", str(asked.page)), ("per", str(asked.per)), *asked.parameters]
    pairs += [("prefer", prefer)] if prefer else []
    pairs += [("public", "yes")] if asked.is_public else []
    tag = within or ALL
    if not any(name == "q" for name, _ in asked.parameters):
        return Address(service, key_of(f"{service}:list", pairs), tag, depends)
    text = urlencode(sorted(pairs))
    key = f"{service}:search:{hashlib.sha1(text.encode()).hexdigest()}"
    return Address(service, key, tag, depends, text)
