"""``/categories``: the standard methods, made safe for a tree, and the tree itself."""

from collections.abc import Callable
from typing import Any

from flask import Response
from marshmallow import fields, validate

from api_categories import dry_run, moves
from api_categories.bodies import FaultsSchema, MovesSchema, TreeSchema
from api_categories.moves import Move
from api_categories.resource import categories
from api_categories.tree import (
    ancestors,
    in_order,
    is_in_cycle,
    parents_of,
    path_of,
)
from shared.endpoints import document_checks
from shared.endpoints.document_checks import Kind
from shared.http import auth
from shared.http.contract import ITEM, accepts, like, returns
from shared.http.errors import BadRequest, Conflict, NotFound
from shared.http.parameters import read_parameters
from shared.http.responses import conditional, empty, respond
from shared.resource import purges
from shared.schema.attribute_rules import FitSchema
from shared.schema.fields import Flag
from shared.storage.connections import connections
from shared.storage.documents import same

blueprint = categories.blueprint("list", "get")

LEAVING = ("products", "move_to")
TREE_FIELDS = ("id", "slug", "name", "parent", "position", "path")


@blueprint.get("/categories/<ref>/tree")
@returns(TreeSchema, conditional=True)
def get_tree(ref: str) -> Response:
    """Answer a category and all below it, depth first, each with its depth below the first."""
    top = categories.repository.get(ref)
    below = categories.repository.collection.find(
        {"ancestors": top.get("slug", "")}, {"terms": False}
    )
    ordered = in_order([{**top, "parent": None}, *below])
    depth = len(path_of(top))
    items = [
        each | {"depth": len(each["path"]) - depth}
        for each in categories.dump([dict(each) for each in ordered], TREE_FIELDS)
    ]
    return conditional(respond({"items": items, "total": len(items)}))


@blueprint.post("/categories")
@like(categories.create)
def create() -> Response:
    """Store the category in the body."""

    def made() -> Response:
        categories.reject_unknown_parameters()
        new = categories.repository.insert(categories.load(categories.body()))
        moves.check_free({new["slug"]: new["_id"]})
        return categories.created_response(new)

    return _alone(made)


@blueprint.route("/categories/<ref>", methods=["PUT", "PATCH"])
@like(categories.update)
@accepts(dry_run=Flag())
@returns(FitSchema, headers=("Link",))
def update(ref: str) -> Response:
    """Change a category; one that moves or is renamed takes all below it and its products along.

    With ``dry_run=true`` nothing is written, and the answer says how many products are in it and
    below it, and how many of these would not fit the attribute schemas they would be under.
    """
    if read_parameters().get("dry_run"):
        return dry_run.report(ref)
    return _in_line(lambda: categories.update(ref))


@blueprint.post("/categories:batch")
@like(categories.batch)
def batch() -> Response:
    """Create or change many categories; a parent must exist before the batch."""
    return _in_line(categories.batch)


@blueprint.post("/categories/<ref>/restore")
@like(categories.restore)
@returns(ITEM, headers=("Link",))
def restore(ref: str) -> Response:
    """Bring a category back from the trash, under its parent if that still exists."""
    return _in_line(lambda: categories.restore(ref, "parent"))


@blueprint.delete("/categories/<ref>")
@like(categories.delete)
@accepts(
    products=fields.String(validate=validate.Equal("detach", error="Is detach, or left out.")),
    move_to=fields.String(),
)
@returns(None, 204, headers=("Link",))
def delete(ref: str) -> Response:
    """Move a category without children to the trash.

    Its products stop the deletion, unless ``products=detach`` leaves them without a category or
    ``move_to=slug`` puts them into another one.
    """
    categories.reject_unknown_parameters()
    purges()
    return _alone(lambda: _emptied(ref))


@blueprint.get("/categories:paths")
@accepts(slugs=fields.String(metadata={"blank": True, "example": "kitchen,tea"}))
@returns(fields.Dict(fields.String(), fields.List(fields.String())))
def get_paths() -> Response:
    """Answer the slugs from the root to each category of ``?slugs=a,b`` that has or had one."""
    slugs = read_parameters().get("slugs", "").split(",")
    found = categories.repository.find("slug", slugs)
    lost = {slug: categories.repository.moved(slug) for slug in slugs if slug not in found}
    now = categories.repository.find("slug", [slug for slug in lost.values() if slug])
    found |= {slug: now[new] for slug, new in lost.items() if new in now}
    return respond({slug: path_of(each) for slug, each in found.items()})


@blueprint.get("/categories:moves")
@auth.requires(auth.ADMIN)
@returns(MovesSchema)
def list_moves() -> Response:
    """Answer the moves that products have to follow, and where each category is now."""
    categories.reject_unknown_parameters()
    return respond({"moves": moves.pending()})


@blueprint.delete("/categories:moves/<id>")
@auth.requires(auth.ADMIN)
@returns(None, 204)
def delete_move(id: str) -> Response:
    """Strike out a move that products have followed."""
    categories.reject_unknown_parameters()
    moves.strike_out(id)
    return empty()


@blueprint.get("/categories:tree")
@auth.requires(auth.ADMIN)
@returns(FaultsSchema)
def check_tree() -> Response:
    """Answer the categories that hang on none that exists, on themselves, or at a wrong place."""
    categories.reject_unknown_parameters()
    return _faults()


@blueprint.post("/categories:tree")
@auth.requires(auth.ADMIN)
@returns(FaultsSchema, headers=("Link",))
def repair_tree() -> Response:
    """Put categories, and their products, where their parents say; answer all that was found."""
    categories.reject_unknown_parameters()
    return _in_line(_faults)


def _faults() -> Response:
    found = {"parentless": Kind(), "circular": Kind(), "unsettled": Kind()}
    known = moves.tree()
    parents = parents_of(known.values())
    for id, each in known.items():
        case = {"id": id, "path": f"/categories/{each['slug']}"}
        parent = parents[each["slug"]]
        if is_in_cycle(each["slug"], parents):
            found["circular"].add(case | {"why": f"is below itself, by {parent!r}"}, False)
            continue
        if parent is not None and parent not in parents:
            found["parentless"].add(case | {"why": f"there is no category {parent!r}"}, False)
        above = ancestors(each["slug"], parents)
        if not same(each, {"parent": parent, "ancestors": above or None}):
            place = "/".join([*above, each["slug"]])
            found["unsettled"].add(case | {"why": f"belongs at {place}"}, True)
    return document_checks.answer(found)


def _emptied(ref: str) -> Response:
    """Delete a category once nothing hangs on it any more."""
    parameters = read_parameters()
    if all(name in parameters for name in LEAVING):
        text = "Leaves the products to no category, but move_to names one: give one of the two."
        raise BadRequest.parameter("products", text)
    try:
        category = categories.get_for_update(ref)
    except NotFound:
        # It may be in the trash, to be purged from there.
        return categories.delete(ref)
    slug = category.get("slug", "")
    children = categories.repository.count({"parent": slug})
    products = _product_count(slug)
    move_to = parameters.get("move_to", "")
    if children or (products and not any(name in parameters for name in LEAVING)):
        raise Conflict(
            f"{slug} has {children} categories and {products} products. Move or delete the "
            "categories; for the products add ?products=detach or ?move_to=slug.",
            children=children,
            products=products,
        )
    target = categories.repository.get(move_to) if move_to else {}
    if target and target["_id"] == category["_id"]:
        message = "Names the category that is being deleted."
        raise BadRequest.parameter("move_to", message)
    moves.note([Move(slug, category["_id"], deleted=True, target=target.get("_id"))])
    return categories.delete(ref)


def _alone(work: Callable[[], Response]) -> Response:
    """Run a write to the tree in a transaction that no other write to the tree overlaps."""

    def locked() -> Response:
        connections().db["counters"].update_one(
            {"_id": "categories:tree"}, {"$inc": {"writes": 1}}, True, session=connections().session
        )
        return work()

    return connections().transaction(locked)


def _in_line(work: Callable[[], Response]) -> Response:
    """Run a write that may move or rename categories, and take along all that hangs on them."""

    def settled() -> Response:
        before = moves.tree()
        response = work()
        moves.note(moves.settle(before))
        return response

    return _alone(settled)


def _product_count(slug: str) -> int:
    counts: Any = connections().peers.get("products", "products:category-counts", slugs=slug)
    return int((counts or {}).get(slug, 0))
