"""What products have to follow: categories that moved, got another slug, or went.

A move is noted in the transaction that makes it, so it is known whatever ends in between.  The
products service comes for what is noted, is told where each category is by then, and strikes it out
once no request that had read the old place can still be running.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from api_categories.resource import categories
from api_categories.tree import path_of
from shared import documents
from shared.backends import backends
from shared.documents import Document
from shared.errors import NotFound, Unavailable

log = logging.getLogger(__name__)

MOST = 1000
MOST_STEPS = 20

# The slug a category had, and the slugs from the root to where its products belong.
Move = tuple[str, list[str]]


def note(moves: Iterable[Move]) -> None:
    """Write down moves with the running transaction, and have the products follow behind it."""
    moment = documents.now()
    noted = [{"slug": slug, "path": path, "at": moment} for slug, path in moves]
    if noted:
        _noted().insert_many(noted, session=backends().session)
        backends().once_committed(announce)


def announce() -> None:
    """Have the products service follow at once; it comes by itself a little later otherwise."""
    try:
        backends().peers.ask("POST", "products", "products:category-moves")
    except Unavailable as error:
        log.warning("Products follow later: %s", error)


def pending() -> list[Document]:
    """Return the moves that were noted, the oldest first: ``{id, slug, path, seconds}`` each.

    The path is where the category of that slug is now, empty when it is nowhere.
    """
    found = list(_noted().find(sort=[("_id", 1)], limit=MOST))
    went = {each["slug"]: each["path"] for each in found}
    moment = documents.now()
    return [
        {
            "id": str(each["_id"]),
            "slug": each["slug"],
            "path": _place(each["slug"], went),
            "seconds": (moment - each["at"]).total_seconds(),
        }
        for each in found
    ]


def strike_out(id: str) -> None:
    """Forget a move that products have followed for good."""
    if ObjectId.is_valid(id):
        _noted().delete_one({"_id": ObjectId(id)})


def _place(slug: str, went: Mapping[str, list[str]]) -> list[str]:
    """Return the path of the category that has or had a slug, or took over what was in it."""
    for _ in range(MOST_STEPS):
        try:
            return path_of(categories.repository.get(slug))
        except NotFound:
            following = categories.repository.moved(slug) or (went.get(slug) or [""])[-1]
        if not following:
            return []
        slug = following
    return []


def _noted() -> Collection[Any]:
    return backends().db["categories.moves"]
