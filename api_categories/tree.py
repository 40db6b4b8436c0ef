"""Rules of the category tree: pure functions of slugs and parents."""

from collections.abc import Iterable, Mapping
from typing import Any

MAX_DEPTH = 20


class Cycle(Exception):
    """A category would be below itself, or the tree too deep; the text says where."""


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


def in_order(categories: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return categories depth first: each right before what is below it, siblings by position."""
    below: dict[str, list[Mapping[str, Any]]] = {}
    known = {category.get("slug") for category in categories}
    for category in categories:
        parent = category.get("parent") or ""
        below.setdefault(parent if parent in known else "", []).append(category)
    ordered: list[Mapping[str, Any]] = []
    waiting = sorted(below.get("", []), key=_place, reverse=True)
    while waiting:
        category = waiting.pop()
        ordered.append(category)
        waiting += sorted(below.get(category.get("slug") or "-", []), key=_place, reverse=True)
    return ordered


def _place(category: Mapping[str, Any]) -> tuple[int, str]:
    position = category.get("position")
    return position if isinstance(position, int) else 0, str(category.get("name", ""))
