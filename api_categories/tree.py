"""Rules of the category tree: pure functions of slugs and parents."""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_DEPTH = 20


class Cycle(Exception):
    """A category would be below itself, or the tree too deep; the text says where."""


def path_of(category: Mapping[str, Any]) -> list[str]:
    """Return the slugs from the root to a stored category; a hand edit may have left nonsense."""
    above = category.get("ancestors")
    return [*(above if isinstance(above, list) else []), category.get("slug", "")]


def inherited(schemas: Iterable[Any]) -> dict[str, Any]:
    """Return the attribute schema that schemas from the root down make, nearer ones overriding."""
    rules: dict[str, Any] = {}
    for schema in schemas:
        # A hand edit may have left what is no schema.
        rules |= schema if isinstance(schema, dict) else {}
    return rules


def ancestors(slug: str, parents: Mapping[str, str | None]) -> list[str]:
    """Return the slugs above a category, from the root down, or raise ``Cycle``.

    A parent that does not exist ends the walk: its children are roots until it is back.
    """
    above: list[str] = []
    at = parents.get(slug)
    while at is not None and at in parents:
        if at == slug or len(above) >= MAX_DEPTH:
            raise Cycle(f"{slug} would be below itself or more than {MAX_DEPTH} deep.")
        above.append(at)
        at = parents[at]
    return above[::-1]


def parents_of(found: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Map each slug to its parent's, by its new name where that was renamed."""
    known = {each["slug"]: each for each in found}
    renamed = {
        old: slug
        for slug, each in known.items()
        if isinstance(each.get("old_slugs"), list)
        for old in each["old_slugs"]
        if type(old) is str
    }
    parents: dict[str, str | None] = {}
    for slug, each in known.items():
        parent = each.get("parent")
        # What a hand edit may leave there, such as code, can be a kind of text.
        known_as = parent if type(parent) is str else ""
        parents[slug] = known_as if known_as in known else renamed.get(known_as, known_as) or None
    return parents


def is_in_cycle(slug: str, parents: Mapping[str, str | None]) -> bool:
    """Whether a category is below itself, or too deep."""
    try:
        ancestors(slug, parents)
    except Cycle:
        return True
    return False


def in_order(categories: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return categories depth first: each right before what is below it, siblings by position."""
    below: dict[str, list[Mapping[str, Any]]] = {}
    known = {str(category.get("slug")) for category in categories}
    for category in categories:
        parent = str(category.get("parent") or "")
        below.setdefault(parent if parent in known else "", []).append(category)
    ordered: list[Mapping[str, Any]] = []
    waiting = sorted(below.get("", []), key=_place, reverse=True)
    while waiting:
        category = waiting.pop()
        ordered.append(category)
        waiting += sorted(below.get(str(category.get("slug")), []), key=_place, reverse=True)
    return ordered


def _place(category: Mapping[str, Any]) -> tuple[int, str]:
    position = category.get("position")
    return position if isinstance(position, int) else 0, str(category.get("name", ""))
