"""Rules of the category tree: pure functions on slugs and parents."""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_DEPTH = 20  # categories above one another, the first and the last included


class Cycle(Exception):
    """A category would be its own descendant, or the tree too deep; the text names the category."""


def path_of(category: Mapping[str, Any]) -> list[str]:
    """Return the slugs from the root to a stored category, ignoring broken ancestors."""
    above = category.get("ancestors")
    return [*(above if isinstance(above, list) else []), category.get("slug", "")]


def inherited(schemas: Iterable[Any]) -> dict[str, Any]:
    """Return the attribute schema of a category from those of its path, root first.

    A nearer schema overrides a higher one.
    """
    rules: dict[str, Any] = {}
    for schema in schemas:
        # A hand edit may have left a value of another type.
        rules |= schema if isinstance(schema, dict) else {}
    return rules


def ancestors(slug: str, parents: Mapping[str, str | None]) -> list[str]:
    """Return the slugs above a category, from the root down, or raise ``Cycle``.

    A category whose parent does not exist counts as a root until the parent is back.
    """
    above: list[str] = []
    parent = parents.get(slug)
    while parent is not None and parent in parents:
        if parent == slug or len(above) >= MAX_DEPTH - 1:
            raise Cycle(
                f"{slug} would be below itself, or more than {MAX_DEPTH} levels deep. Send another "
                "parent."
            )
        above.append(parent)
        parent = parents[parent]
    return above[::-1]


def parents_of(stored: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Map the slug of each category to its parent's slug, the new one if the parent was renamed."""
    by_slug = {category["slug"]: category for category in stored}
    renamed = {
        old_slug: slug
        for slug, category in by_slug.items()
        if isinstance(category.get("old_slugs"), list)
        for old_slug in category["old_slugs"]
        if type(old_slug) is str
    }
    parents: dict[str, str | None] = {}
    for slug, category in by_slug.items():
        parent = category.get("parent")
        # BSON code, which a hand edit may leave there, is a subclass of str.
        stored_parent = parent if type(parent) is str else ""
        if stored_parent in by_slug:
            parents[slug] = stored_parent
        else:
            parents[slug] = renamed.get(stored_parent, stored_parent) or None
    return parents


def is_in_cycle(slug: str, parents: Mapping[str, str | None]) -> bool:
    """Return True if a category is its own descendant, or too deep."""
    try:
        ancestors(slug, parents)
    except Cycle:
        return True
    return False


def in_order(categories: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return categories depth first, siblings by position and then by name."""
    children: dict[str, list[Mapping[str, Any]]] = {}
    slugs = {str(category.get("slug")) for category in categories}
    for category in categories:
        parent = str(category.get("parent") or "")
        children.setdefault(parent if parent in slugs else "", []).append(category)
    ordered: list[Mapping[str, Any]] = []
    waiting = sorted(children.get("", []), key=_place, reverse=True)
    while waiting:
        category = waiting.pop()
        ordered.append(category)
        waiting += sorted(children.get(str(category.get("slug")), []), key=_place, reverse=True)
    return ordered


def _place(category: Mapping[str, Any]) -> tuple[int, str]:
    position = category.get("position")
    return position if isinstance(position, int) else 0, str(category.get("name", ""))
