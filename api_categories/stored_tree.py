"""Stored category tree: reads it, and locks it for writes."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bson import ObjectId

from api_categories.resource import categories
from api_categories.tree import Cycle, ancestors, in_order, is_in_cycle, parents_of
from shared.http import Unprocessable
from shared.schema import Document
from shared.storage.connections import connections
from shared.storage.transactions import current_session, transaction

T = TypeVar("T")

_ID_TYPES = (int, float, str, ObjectId)


def read_tree() -> dict[Any, Document]:
    """Return all categories by id, without those whose slug or id a hand edit has broken."""
    with_slug = {"slug": {"$gt": ""}}
    stored = categories.repository.select(with_slug)
    # A hand edit can leave a list of slugs, or an object as the id.
    return {
        category["_id"]: category
        for category in stored
        if slug_of(category) and isinstance(category["_id"], _ID_TYPES)
    }


def read_branch(top: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a category and all its descendants, depth first."""
    descendants = categories.repository.select({"ancestors": top.get("slug", "")}, {"terms": False})
    return in_order([{**top, "parent": None}, *descendants])


def slug_of(category: Mapping[str, Any] | None) -> str:
    """Return the slug of a stored category, or "" if it is not a text."""
    slug = category.get("slug") if category else ""
    return slug if type(slug) is str else ""


def slugs_above(
    before: Mapping[Any, Document], after: Mapping[Any, Document]
) -> dict[Any, list[str]]:
    """Return the slugs above each category, from the root down, by id.

    Args:
        before: The stored tree before a write.
        after: The tree after the write.

    Raises:
        Unprocessable: The write makes a category its own descendant, or the tree too deep.
    """
    parents = parents_of(after.values())
    parents_before = parents_of(before.values())
    above: dict[Any, list[str]] = {}
    for id, category in after.items():
        try:
            above[id] = ancestors(category["slug"], parents)
        except Cycle as error:
            if id in before and is_in_cycle(before[id]["slug"], parents_before):
                continue  # A hand edit made this cycle before this write, so it stays.
            errors = [{"pointer": "/parent", "message": str(error)}]
            raise Unprocessable("", errors) from error
    return above


def write_alone(write: Callable[[], T]) -> T:
    """Run a write in a transaction that no other write to the tree overlaps."""

    def locked() -> T:
        # Every write changes this document, so two at once conflict and one is run again.
        connections().db["counters"].update_one(
            {"_id": "categories:tree"}, {"$inc": {"writes": 1}}, True, session=current_session()
        )
        return write()

    return transaction(locked)
