"""Keeps products where their categories are, by the moves that the categories service notes."""

import time
from typing import Any

from api_products.resource import products
from shared.backends import backends
from shared.documents import Document

AT_ONCE = 1000  # products in one write
# Longer than any request runs, which may have read where a category was before.
SETTLED_SECONDS = 60.0


def follow(seconds: float) -> int:
    """Bring products in line with categories that moved; return how many moves are left.

    It ends in between when the seconds are over.  Again is no harm, and begins where it ended.
    Raise ``Unavailable`` when the categories service does not answer.
    """
    deadline = time.monotonic() + seconds
    answer = backends().peers.get("categories", "categories:moves") or {"moves": []}
    moves = answer["moves"]
    for number, move in enumerate(moves):
        if not _put(move["slug"], move["path"], deadline):
            return len(moves) - number
        if move["seconds"] > SETTLED_SECONDS:
            backends().peers.ask("DELETE", "categories", "categories:moves", move["id"])
    return 0


def _put(slug: str, path: list[str], deadline: float) -> bool:
    """Put the products below a slug below a path; return whether all are there."""
    stale, change = _moving(slug, path)
    repository = products.repository
    while True:
        found = [each["_id"] for each in repository.collection.find(stale, _ID, limit=AT_ONCE)]
        if found:
            repository.rewrite({"$and": [{"_id": {"$in": found}}, stale]}, [change])
        if len(found) < AT_ONCE:
            return True
        if time.monotonic() > deadline:
            return False


_ID = {"_id": True}


def _moving(slug: str, path: list[str]) -> tuple[Document, Document]:
    """Return the filter for products at a wrong place, and the stage that puts them right."""
    stale: Document = {"category_path": slug}
    if not path:
        return stale, {"$unset": ["category", "category_path"]}
    new: dict[str, Any] = {"$literal": path}
    # A hand edit may have left one slug where a list of them belongs.
    known = {"$cond": [{"$isArray": "$category_path"}, "$category_path", ["$category_path"]]}
    stale["$expr"] = {"$ne": [{"$slice": [known, len(path)]}, new]}
    below, length = {"$add": [{"$indexOfArray": [known, slug]}, 1]}, {"$size": known}
    tail = {"$cond": [{"$lt": [below, length]}, {"$slice": [known, below, length]}, []]}
    own = {"$cond": [{"$eq": ["$category", slug]}, {"$literal": path[-1]}, "$category"]}
    return stale, {"$set": {"category": own, "category_path": {"$concatArrays": [new, tail]}}}
