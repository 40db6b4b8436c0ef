"""Slugs: the readable names of items in URLs, made of their names."""

import re
from collections.abc import Iterable

from slugify import slugify

from shared.schema.text import without_invisible

MAX_SLUG = 100  # characters, including the number that makes a repeated slug unique
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Routes of a collection in the place of a slug: ``/products/changes``.
RESERVED = frozenset({"changes", "suggest"})


def make_slug(text: str, fallback: str) -> str:
    """Return lowercase ASCII words joined by hyphens: never empty, only digits, or reserved.

    Args:
        text: The text to make a slug of, such as the name of an item.
        fallback: The slug of a text without letters, and the prefix of a slug that has only
            digits or is reserved.
    """
    slug = _slugify(text)
    is_usable = slug and not slug.isdigit() and slug not in RESERVED
    return slug if is_usable else f"{fallback}-{slug}".rstrip("-")


def as_slug(text: str) -> str:
    """Return a slug unchanged, and any other text as one; empty if it has no letters or digits."""
    return text if SLUG.fullmatch(text) else _slugify(text)


def _slugify(text: str) -> str:
    slug: str = slugify(without_invisible(text), max_length=MAX_SLUG - 20, word_boundary=True)
    return slug


def free_slugs(bases: Iterable[str], taken: set[str]) -> list[str]:
    """Return a free slug for each base, in order: itself, or with the first free number from 2."""
    free: list[str] = []
    numbers: dict[str, int] = {}
    taken = set(taken)
    for base in bases:
        slug = base
        while slug in taken:
            numbers[base] = numbers.get(base, 1) + 1
            slug = f"{base}-{numbers[base]}"
        taken.add(slug)
        free.append(slug)
    return free
