"""What products have to follow: categories that moved, got another slug, or went.

A move is noted in the transaction that makes it, so it is known whatever ends in between.  The
products service comes for what is noted, is told where each category is by then, and strikes it out
once all its products are there.  Products know categories by slugs, so until then no other
category may take the slug.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from bson import ObjectId
from flask import Response, after_this_request, has_request_context
from pymongo.collection import Collection

from api_categories.resource import categories
from api_categories.tree import Cycle, ancestors, is_in_cycle, parents_of, path_of
from shared.http.errors import ServiceUnavailable, Unprocessable, WriteConflict
from shared.schema.serialization import Document
from shared.storage.connections import connections

log = logging.getLogger(__name__)

MOST = 1000
MOST_STEPS = 20


@dataclass(frozen=True, slots=True)
class Move:
    """A slug that a category had and where what was in it belongs: in it, or in a ``target``.

    ``deleted`` is a category that went, the products of which go to the target, None for nowhere.
    """

    slug: str
    category: Any
    deleted: bool = False
    target: Any = None


def note(moves: Iterable[Move]) -> None:
    """Write down moves with the running transaction, and have the products follow behind it."""
    if noted := list(map(asdict, moves)):
        _noted().insert_many(noted, session=connections().session)
        connections().on_commit(announce)


def check_free(slugs: Mapping[str, Any]) -> None:
    """Raise ``WriteConflict`` if a slug belongs to another category whose products still move."""
    asked = {"slug": {"$in": list(slugs)}}
    for each in _noted().find(asked, session=connections().session):
        if each["category"] != slugs[each["slug"]]:
            slug = each["slug"]
            raise WriteConflict(f"Products still leave the slug {slug!r}; take it in a moment.")


def announce() -> None:
    """Have the products service follow at once; it comes by itself a little later otherwise."""
    try:
        status, _ = connections().peers.ask("POST", "products", "products:category-moves")
    except ServiceUnavailable as error:
        log.warning("Products follow later: %s", error)
        status = HTTPStatus.SERVICE_UNAVAILABLE
    if status != HTTPStatus.OK and has_request_context():
        after_this_request(_say_where_to_look)


def _say_where_to_look(response: Response) -> Response:
    """Link to what is still under way (the relation is that of RFC 5989)."""
    response.headers["Link"] = '</categories:moves>; rel="monitor"'
    return response


def pending() -> list[Document]:
    """Return the moves that were noted, the oldest first: ``{id, slug, path, deleted}`` each.

    The path is where what is in that slug belongs now, empty when that is nowhere.
    """
    found = list(_noted().find(sort=[("_id", 1)], limit=MOST))
    targets = {each["category"]: each["target"] for each in found if each["deleted"]}
    ids = {id for each in found for id in (each["category"], each["target"])}
    living = categories.repository.collection.find({"_id": {"$in": list(ids)}})
    paths = {each["_id"]: path_of(each) for each in living}
    return [
        {
            "id": str(each["_id"]),
            "slug": each["slug"],
            "path": _place(each["category"], paths, targets),
            "deleted": each["deleted"],
        }
        for each in found
    ]


def strike_out(id: str) -> None:
    """Forget a move that products have followed."""
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
            found.append((len(steps), Move(before[id]["slug"], id)))
    taken = {
        each["slug"]: id for id, each in after.items() if _slug(before.get(id)) != each["slug"]
    }
    check_free(taken)
    return [move for _, move in sorted(found, key=lambda pair: pair[0])]


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
    """Return all categories that have a slug and an id that is one, by id."""
    slugged = {"slug": {"$gt": ""}}
    found = categories.repository.collection.find(slugged, session=connections().session)
    # By hand there may be several slugs, and an object as the id.
    return {each["_id"]: each for each in found if _slug(each) and isinstance(each["_id"], _IDS)}


_IDS = (int, float, str, ObjectId)


def _slug(category: Mapping[str, Any] | None) -> str:
    slug = category.get("slug") if category else ""
    return slug if type(slug) is str else ""


def _place(id: Any, paths: Mapping[Any, list[str]], targets: Mapping[Any, Any]) -> list[str]:
    """Return the path of a category, or of the one that took over what was in it."""
    for _ in range(MOST_STEPS):
        if id in paths or id is None:
            return paths.get(id, [])
        id = targets.get(id)
    return []


def _noted() -> Collection[Any]:
    return connections().db["categories.moves"]
