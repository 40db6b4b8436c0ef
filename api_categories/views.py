"""Routes of ``/categories``: the standard methods, safe for a tree, and the tree itself."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import fields, validate

from api_categories import checks, dry_run, moves
from api_categories.moves import Move
from api_categories.resource import categories
from api_categories.schemas import MatchesSchema, MovesSchema, TreeCheckSchema, TreeSchema
from api_categories.stored_tree import read_branch, write_alone
from api_categories.tree import path_of
from shared.endpoints import document_checks
from shared.http import (
    ITEM,
    BadRequest,
    Conflict,
    NotFound,
    accepts,
    auth,
    empty,
    like,
    read_parameters,
    respond,
    returns,
)
from shared.resource import purges, references
from shared.schema import Flag, Names, Text
from shared.schema.attribute_rules import FitSchema
from shared.storage.connections import connections

blueprint = categories.blueprint("list", "get")

FOUND_FIELDS = ("id", "slug", "name", "path", "all_attributes")
TREE_FIELDS = ("id", "slug", "name", "parent", "position", "path")


@blueprint.get("/categories/<ref>/tree")
@returns(TreeSchema, conditional=True)
def get_category_tree(ref: str) -> Response:
    """Return a category and all its descendants, depth first, each with its depth."""
    top = categories.repository.get(ref)
    branch = categories.dump([dict(each) for each in read_branch(top)], TREE_FIELDS)
    depth = len(path_of(top))
    items = [category | {"depth": len(category["path"]) - depth} for category in branch]
    return respond({"items": items, "total": len(items)})


@blueprint.post("/categories")
@like(categories.create)
def create() -> Response:
    """Create a category."""

    def insert() -> Response:
        categories.reject_unknown_parameters()
        category = categories.repository.insert(categories.load(categories.body()))
        moves.check_free({category["slug"]: category["_id"]})
        return categories.created_response(category)

    return write_alone(insert)


@blueprint.route("/categories/<ref>", methods=["PUT", "PATCH"])
@like(categories.update)
@accepts(dry_run=Flag())
@returns(FitSchema, headers=("Link",))
def update(ref: str) -> Response:
    """Change a category; its descendants and products follow a move or a new slug.

    With ``dry_run=true`` nothing is written.  The answer then counts the products in the category
    and its descendants, and those that would not fit their new attribute schemas.
    """
    if read_parameters().get("dry_run"):
        return respond(dry_run.count_misfits(ref))
    return moves.moving(lambda: categories.update(ref))


@blueprint.post("/categories:batch")
@like(categories.batch)
def batch() -> Response:
    """Create or change many categories; a parent must exist before the batch."""
    return moves.moving(categories.batch)


@blueprint.post("/categories/<ref>/restore")
@like(categories.restore)
@returns(ITEM, headers=("Link",))
def restore(ref: str) -> Response:
    """Restore a category from the trash; its parent, or the one in the body, must exist."""
    return moves.moving(lambda: categories.restore(ref))


@blueprint.delete("/categories/<ref>")
@like(categories.delete)
@accepts(
    products=fields.String(
        validate=validate.Equal("detach", error="Send detach, or leave it out.")
    ),
    move_to=Text(),
)
@returns(None, 204, headers=("Link",))
def delete(ref: str) -> Response:
    """Move a category without children to the trash.

    A category with products is only deleted with ``products=detach``, which leaves them without a
    category, or with ``move_to=slug``, which moves them to another one.
    """
    parameters = read_parameters()
    purges()
    if "products" in parameters and "move_to" in parameters:
        message = "Cannot be combined with move_to. Send one of the two."
        raise BadRequest.parameter("products", message)
    return write_alone(lambda: _delete(ref, parameters))


def _delete(ref: str, parameters: dict[str, Any]) -> Response:
    """Delete a category that has no children, and whose products may leave it."""
    try:
        category = categories.get_for_update(ref)
    except NotFound:
        # It may be in the trash, to be purged from there.
        return categories.delete(ref)
    slug, move_to = category.get("slug", ""), parameters.get("move_to", "")
    children = categories.repository.count({"parent": slug})
    products = _product_count(slug)
    if children or (products and not (move_to or "products" in parameters)):
        raise Conflict(
            f"{slug} has {children} categories and {products} products. Move or delete the "
            "categories; for the products add ?products=detach or ?move_to=slug.",
            children=children,
            products=products,
        )
    target = _find(move_to, "move_to") if move_to else {}
    if target and target["_id"] == category["_id"]:
        message = "Names the category to delete. Send another one."
        raise BadRequest.parameter("move_to", message)
    moves.store([Move(slug, category["_id"], deleted=True, target=target.get("_id"))])
    return categories.delete(ref)


def _find(ref: str, parameter: str) -> Mapping[str, Any]:
    """Return the category that a query parameter names."""
    matches = references.find(categories.repository, ref)
    if (category := matches.one()) is None:
        message = matches.refusal(ref, categories.item, categories.name)
        raise BadRequest.parameter(parameter, message)
    return category


def _product_count(slug: str) -> int:
    query = {"slugs": slug, "unlisted": "true"}
    counts: Any = connections().services.get("products", "products:category-counts", **query)
    return int((counts or {}).get(slug, 0))


@blueprint.get("/categories:find")
@accepts(
    ref=Text(required=True, metadata={"example": "Kitchen"}),
    similar=Flag(load_default=True, metadata={"description": "Whether to look for candidates."}),
)
@returns(MatchesSchema)
def find() -> Response:
    """Find the category that a text names: by slug, id, old slug or exact name, in this order.

    ``items`` has several categories if several have the name.  If it has none, ``similar`` has
    those with a similar name.
    """
    parameters = read_parameters()
    matches = references.find(categories.repository, parameters["ref"], parameters["similar"])
    found = categories.dump([dict(each) for each in matches.items], FOUND_FIELDS)
    return respond({"items": found, "similar": matches.similar})


@blueprint.get("/categories:paths")
@accepts(slugs=Names(metadata={"blank": True, "example": "kitchen,tea"}))
@returns(fields.Dict(fields.String(), fields.List(fields.String())))
def get_category_paths() -> Response:
    """Return the path from the root to each category of ``?slugs=a,b``; old slugs work too."""
    found = categories.repository.find_by_slugs(read_parameters().get("slugs", ()))
    return respond({slug: path_of(category) for slug, category in found.items()})


@blueprint.get("/categories:names")
@returns(fields.Dict(fields.String(), fields.String()))
def get_names() -> Response:
    """Return the name of each category by its slug."""
    categories.reject_unknown_parameters()
    return respond(categories.repository.values_by_slug("name"))


@blueprint.get("/categories:moves")
@auth.requires(auth.ADMIN)
@returns(MovesSchema)
def list_category_moves() -> Response:
    """List the moves that products have not followed yet, with the present category paths."""
    categories.reject_unknown_parameters()
    return respond({"moves": moves.pending()})


@blueprint.delete("/categories:moves/<id>")
@auth.requires(auth.ADMIN)
@returns(None, 204)
def delete_category_move(id: str) -> Response:
    """Delete a move that all products have followed."""
    categories.reject_unknown_parameters()
    moves.delete(id)
    return empty()


@blueprint.get("/categories:tree")
@auth.requires(auth.ADMIN)
@returns(TreeCheckSchema)
def check_category_tree() -> Response:
    """List the categories whose parent is missing or a descendant, and those at a wrong place."""
    categories.reject_unknown_parameters()
    return document_checks.respond_kinds(checks.find_tree_faults())


@blueprint.post("/categories:tree")
@auth.requires(auth.ADMIN)
@returns(TreeCheckSchema, headers=("Link",))
def repair_category_tree() -> Response:
    """Put categories, and their products, where their parents say; list the faults."""
    categories.reject_unknown_parameters()
    return moves.moving(lambda: document_checks.respond_kinds(checks.find_tree_faults()))
