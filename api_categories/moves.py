"""Category moves: tells the products service which categories moved, got another slug, or went.

A move is stored in the transaction that makes it, so it survives a crash.  The products service
reads the stored moves with the present path of each category, moves its products, and then deletes
the move.  Products know their category by its slug, so no other category may use the slug until
all products have left it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from bson import ObjectId
from flask import Response, after_this_request, has_request_context
from pymongo.collection import Collection

from api_categories.resource import categories
from api_categories.stored_tree import read_tree, slug_of, slugs_above, write_alone
from api_categories.tree import parents_of, path_of
from shared.http import ServiceUnavailable, WriteConflict
from shared.schema import Document
from shared.storage.connections import connections
from shared.storage.transactions import current_session, on_commit

T = TypeVar("T")
log = logging.getLogger(__name__)

MAX_PENDING = 1000  # moves in one response
MAX_TARGETS = 20  # deleted categories to follow from one to the next


@dataclass(frozen=True, slots=True)
class Move:
    """A slug that a category had.  Its products belong to the category now.

    With ``deleted`` the category went, and its products belong to the category whose id is
    ``target``, or to none.
    """

    slug: str
    category: Any
    deleted: bool = False
    target: Any = None


def moving(write: Callable[[], T]) -> T:
    """Run a write that may move or rename categories; descendants and products follow."""

    def write_and_settle() -> T:
        before = read_tree()
        result = write()
        store(_settle(before))
        return result

    return write_alone(write_and_settle)


def store(moves: Iterable[Move]) -> None:
    """Store moves in the running transaction, and announce them once it has committed."""
    if new := list(map(asdict, moves)):
        _stored().insert_many(new, session=current_session())
        on_commit(announce)


def check_free(slugs: Mapping[str, Any]) -> None:
    """Raise ``WriteConflict`` if products still leave a slug that another category had.

    ``slugs`` has the id of the category that is to have each slug.
    """
    stored = _stored().find({"slug": {"$in": list(slugs)}}, session=current_session())
    for move in stored:
        slug = move["slug"]
        if move["category"] != slugs[slug]:
            raise WriteConflict(
                f"Products are still leaving the slug {slug!r}. Try again in a moment, or send "
                "another slug."
            )


def announce() -> None:
    """Ask the products service to follow at once; otherwise it follows with its next sweep."""
    try:
        status, _ = connections().services.request("POST", "products", "products:category-moves")
    except ServiceUnavailable as error:
        log.warning("Products follow later: %s", error)
        status = HTTPStatus.SERVICE_UNAVAILABLE
    if status != HTTPStatus.OK and has_request_context():
        after_this_request(_link_to_moves)


def _link_to_moves(response: Response) -> Response:
    """Link to the list of pending moves (the relation is that of RFC 5989)."""
    response.headers["Link"] = '</categories:moves>; rel="monitor"'
    return response


def pending() -> list[Document]:
    """Return the stored moves, the oldest first: ``{id, slug, path, deleted}`` each.

    The path is the present one of the category that the products of the slug belong to, or empty
    if they belong to none.
    """
    stored = list(_stored().find(sort=[("_id", 1)], limit=MAX_PENDING))
    targets = {move["category"]: move["target"] for move in stored if move["deleted"]}
    ids = {id for move in stored for id in (move["category"], move["target"])}
    live = categories.repository.select({"_id": {"$in": list(ids)}})
    paths = {category["_id"]: path_of(category) for category in live}
    return [
        {
            "id": str(move["_id"]),
            "slug": move["slug"],
            "path": _present_path(move["category"], paths, targets),
            "deleted": move["deleted"],
        }
        for move in stored
    ]


def delete(id: str) -> None:
    """Delete a move that all products have followed."""
    if ObjectId.is_valid(id):
        _stored().delete_one({"_id": ObjectId(id)})


def _settle(before: Mapping[Any, Document]) -> list[Move]:
    """Update the parents and ancestors of all categories; return the moves since ``before``."""
    after = read_tree()
    parents = parents_of(after.values())
    moves_by_depth = []
    for id, above in slugs_above(before, after).items():
        category = after[id]
        values = {"parent": parents[category["slug"]], "ancestors": above or None}
        categories.repository.update(category, values)
        if id in before and path_of(before[id]) != [*above, category["slug"]]:
            moves_by_depth.append((len(above), Move(before[id]["slug"], id)))
    new_slugs = {
        category["slug"]: id
        for id, category in after.items()
        if slug_of(before.get(id)) != category["slug"]
    }
    check_free(new_slugs)
    return [move for _, move in sorted(moves_by_depth, key=lambda pair: pair[0])]


def _present_path(id: Any, paths: Mapping[Any, list[str]], targets: Mapping[Any, Any]) -> list[str]:
    """Return the path of a category, or of the one that its products were moved to."""
    for _ in range(MAX_TARGETS):
        if id in paths or id is None:
            return paths.get(id, [])
        id = targets.get(id)
    return []


def _stored() -> Collection[Any]:
    return connections().db["categories.moves"]
