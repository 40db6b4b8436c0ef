"""Keeps products where their categories are, by the moves that the categories service notes.

A product that is being written while its category moves may come to the old place after all others
have left it.  So a request that has read where a category is looks again once it has written.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import OperationFailure

from api_products.resource import products
from shared.http import ServiceUnavailable
from shared.schema import Document
from shared.storage.connections import connections

log = logging.getLogger(__name__)

AT_ONCE = 1000  # products in one write
REQUEST_SECONDS = 2.0  # seconds that a request moves products; a job does the rest


def follow(seconds: float) -> int:
    """Bring products in line with categories that moved; return how many moves are left.

    It ends in between when the seconds are over.  Again is no harm, and begins where it ended.
    Raise ``ServiceUnavailable`` when the categories service does not answer.
    """
    deadline = time.monotonic() + seconds
    failed: set[str] = set()
    while moves := [each for each in _moves() if each["id"] not in failed]:
        for done, move in enumerate(moves):
            try:
                whole = _put(move)
            except OperationFailure as error:
                log.error("Products of %s cannot follow: %s", move["slug"], error)
                failed.add(move["id"])
                continue
            if whole:
                connections().services.request(
                    "DELETE", "categories", "categories:moves", move["id"]
                )
            if time.monotonic() > deadline:
                return len(moves) - done
            if not whole:
                break  # By now the category may be elsewhere, or be back.
    return len(failed)


def check_again(read: Iterable[tuple[Document, datetime]]) -> None:
    """Put right what was written since categories were ``read``, if one of them has moved.

    Raise ``ServiceUnavailable`` when the categories service does not answer.
    """
    for category, since in read:
        status, now = connections().services.request(
            "GET", "categories", "categories", str(category["id"]), query={"fields": "path"}
        )
        if status == 404:
            follow(REQUEST_SECONDS)  # As long as it is noted where its products go.
        elif status != 200 or now["path"] == category["path"]:
            continue
        late = {"category": category["slug"], "category_path": category["path"]}
        put(late | {"updated_at": {"$gte": since}}, now["path"] if status == 200 else [])


def put(stale: Document, path: Sequence[str]) -> None:
    """Put all products that a filter finds, until none is left, at a path, or nowhere."""
    new = {"category": path[-1], "category_path": list(path)} if path else {}
    literal = {name: {"$literal": value} for name, value in new.items()}
    change = {"$set": literal} if path else {"$unset": ["category", "category_path"]}
    while not _rewrite(stale, change, path):
        pass


def _moves() -> list[Document]:
    """Ask for the moves as they are now, the oldest first."""
    status, answer = connections().services.request("GET", "categories", "categories:moves")
    if status != 200:
        raise ServiceUnavailable(f"The categories service does not tell its moves ({status}).")
    moves: list[Document] = answer["moves"]
    return moves


def _put(move: Document) -> bool:
    """Put some of the products at a slug where they belong; return whether all are there."""
    stale, change = _moving(move["slug"], move["path"], move["deleted"])
    return _rewrite(stale, change, move["path"])


def _rewrite(stale: Document, change: Document, path: Sequence[str]) -> bool:
    """Change some of the products that a filter finds; return whether these are all."""
    repository = products.repository
    found = list(repository.collection.find(stale, _SHOWN, limit=AT_ONCE, batch_size=AT_ONCE))
    if found:
        chosen = {"_id": {"$in": [each["_id"] for each in found]}}
        after = [each | {"category_path": list(path)} for each in found]
        repository.rewrite({"$and": [chosen, stale]}, [change], [*found, *after])
    return len(found) < AT_ONCE


_SHOWN = {"slug": True, "category_path": True}


def _moving(slug: str, path: list[str], deleted: bool) -> tuple[Document, Document]:
    """Return the filter for products at a wrong place, and the stage that puts them right."""
    stale: Document = {"category_path": slug}
    if deleted:
        # Nothing is below a category that goes; what seems to be has a move of its own.
        stale["category"] = slug
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
