"""Slugs: the readable names of items in URLs, made of their names."""

import re
from collections.abc import Iterable

from slugify import slugify

MAX_SLUG = 100  # characters, including the number that makes a repeated slug unique
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Routes of a collection in the place of a slug: ``/products/changes``.
RESERVED = frozenset({"changes"})


def make_slug(text: str, fallback: str) -> str:
    """Return lowercase ASCII words joined by hyphens: never empty, only digits, or reserved.

    Args:
        text: The text to make a slug of, such as the name of an item.
        fallback: The slug of a text without letters, and the prefix of a slug that has only
            digits or is reserved.
    """
    slug: str = slugify(text, max_length=MAX_SLUG - 20, word_boundary=True)
    is_usable = slug and not slug.isdigit() and slug not in RESERVED
    return slug if is_usable else f"{fallback}-{slug}".rstrip("-")


def to_slug(text: str, fallback: str) -> str:
    """Return a slug unchanged, and the slug of any other text (see ``make_slug``)."""
    text = text.strip()
    if SLUG.fullmatch(text) and not text.isdigit() and len(text) <= MAX_SLUG:
        return text if text not in RESERVED else make_slug(text, fallback)
    return make_slug(text, fallback)


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
