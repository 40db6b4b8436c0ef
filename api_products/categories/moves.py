"""Category moves: updates the category paths of products after a category has moved.

The categories service stores each move, and this service reads them, updates its products, and
deletes the move.  A product written during a move may get the old path after all others have left
it.  So a request that has read a category checks it again after its write.
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

BATCH_SIZE = 1000  # products of one write
REQUEST_SECONDS = 2.0  # seconds that a request moves products; a job does the rest

_PATH_FIELDS = dict.fromkeys(products.repository.tagged_by, True)


def follow(seconds: float) -> int:
    """Update the products of moved categories; return how many moves are left.

    It stops once ``seconds`` have passed, and may be repeated.  Raise ``ServiceUnavailable`` when
    the categories service does not answer.
    """
    deadline = time.monotonic() + seconds
    failed: set[str] = set()
    while moves := [move for move in _read_moves() if move["id"] not in failed]:
        for done, move in enumerate(moves):
            try:
                is_complete = _move_some(move)
            except OperationFailure as error:
                log.error("Products of %s cannot follow: %s", move["slug"], error)
                failed.add(move["id"])
                continue
            if is_complete:
                path = ("categories:moves", move["id"])
                connections().services.request("DELETE", "categories", *path)
            if time.monotonic() > deadline:
                return len(moves) - done
            if not is_complete:
                break  # Read the moves again, because the category may have moved on meanwhile.
    return len(failed)


def check_again(categories: Iterable[tuple[Document, datetime]]) -> None:
    """Correct the products that were written with the path of a category that has moved since.

    ``categories`` are pairs of a category and the moment it was read.  Raise ``ServiceUnavailable``
    when the categories service does not answer.
    """
    for category, read_at in categories:
        status, current = connections().services.request(
            "GET", "categories", "categories", str(category["id"]), query={"fields": "path"}
        )
        if status == 404:
            follow(REQUEST_SECONDS)  # The stored move says where its products belong.
        elif status != 200 or current["path"] == category["path"]:
            continue
        written_since = {
            "category": category["slug"],
            "category_path": category["path"],
            "updated_at": {"$gte": read_at},
        }
        put(written_since, current["path"] if status == 200 else [])


def put(misplaced: Document, path: Sequence[str]) -> None:
    """Move all products that a filter selects to a category path; an empty path takes them out."""
    new = {"category": path[-1], "category_path": list(path)} if path else {}
    literals = {name: {"$literal": value} for name, value in new.items()}
    stage = {"$set": literals} if path else {"$unset": ["category", "category_path"]}
    while not _update_some(misplaced, stage, path):
        pass


def _read_moves() -> list[Document]:
    """Read the stored moves from the categories service, the oldest first."""
    status, answer = connections().services.request("GET", "categories", "categories:moves")
    if status != 200:
        raise ServiceUnavailable(
            f"The categories service answered a request of this service with {status}; see its log."
        )
    moves: list[Document] = answer["moves"]
    return moves


def _move_some(move: Document) -> bool:
    """Move one batch of a category's products; return True if none is left."""
    misplaced, stage = _filter_and_stage(move["slug"], move["path"], move["deleted"])
    return _update_some(misplaced, stage, move["path"])


def _update_some(misplaced: Document, stage: Document, path: Sequence[str]) -> bool:
    """Update one batch of the products that a filter selects; return True if none is left."""
    repository = products.repository
    batch = list(repository.select(misplaced, _PATH_FIELDS, limit=BATCH_SIZE))
    if batch:
        in_batch = {"_id": {"$in": [product["_id"] for product in batch]}}
        after = [product | {"category_path": list(path)} for product in batch]
        repository.rewrite({"$and": [in_batch, misplaced]}, [stage], [*batch, *after])
    return len(batch) < BATCH_SIZE


def _filter_and_stage(slug: str, path: list[str], deleted: bool) -> tuple[Document, Document]:
    """Return the filter of a move's misplaced products, and the pipeline stage that moves them.

    Args:
        slug: The slug that the category had.
        path: The present path of the category, or of the one that took over its products.
        deleted: True if the category was deleted.
    """
    misplaced: Document = {"category_path": slug}
    if deleted:
        # A deleted category has no descendants; products of former ones have a move of their own.
        misplaced["category"] = slug
    if not path:
        return misplaced, {"$unset": ["category", "category_path"]}
    new_path: dict[str, Any] = {"$literal": path}
    # A hand edit may have left a single slug instead of a list.
    old_path = {"$cond": [{"$isArray": "$category_path"}, "$category_path", ["$category_path"]]}
    misplaced["$expr"] = {"$ne": [{"$slice": [old_path, len(path)]}, new_path]}
    # The part of the old path below the moved category stays.
    start, length = {"$add": [{"$indexOfArray": [old_path, slug]}, 1]}, {"$size": old_path}
    below = {"$cond": [{"$lt": [start, length]}, {"$slice": [old_path, start, length]}, []]}
    category = {"$cond": [{"$eq": ["$category", slug]}, {"$literal": path[-1]}, "$category"]}
    path_and_below = {"$concatArrays": [new_path, below]}
    return misplaced, {"$set": {"category": category, "category_path": path_and_below}}
