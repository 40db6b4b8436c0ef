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
from api_categories.tree import Cycle, ancestors, is_in_cycle, parents_of, path_of
from shared import documents
from shared.backends import backends
from shared.documents import Document
from shared.errors import NotFound, Unavailable, Unprocessable

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


def settle(before: Mapping[Any, Document]) -> list[Move]:
    """Bring parents and ancestors in line and return the moves that products have to follow."""
    after = tree()
    parents = parents_of(after.values())
    found = []
    for id, steps in above(before, after).items():
        each = after[id]
        values = {"parent": parents[each["slug"]], "ancestors": steps or None}
        categories.repository.update(each, values)
        if id in before and path_of(before[id]) != [*steps, each["slug"]]:
            found.append((before[id]["slug"], [*steps, each["slug"]]))
    return sorted(found, key=lambda move: len(move[1]))


def above(before: Mapping[Any, Document], after: Mapping[Any, Document]) -> dict[Any, list[str]]:
    """Return the slugs above each category; raise ``Unprocessable`` for a cycle that is new."""
    parents = parents_of(after.values())
    old_parents = parents_of(before.values())
    found: dict[Any, list[str]] = {}
    for id, each in after.items():
        try:
            found[id] = ancestors(each["slug"], parents)
        except Cycle as error:
            if id in before and is_in_cycle(before[id]["slug"], old_parents):
                continue  # Made by hand, and not by this write: it is left as it is.
            wrong = [{"pointer": "/parent", "message": str(error)}]
            raise Unprocessable("", wrong) from error
    return found


def tree() -> dict[Any, Document]:
    """Return all categories that have a slug, by id."""
    slugged = {"slug": {"$gt": ""}}
    found = categories.repository.collection.find(slugged, session=backends().session)
    return {each["_id"]: each for each in found}


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
