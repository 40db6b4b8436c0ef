"""``/products``: the standard methods, and what the categories service asks."""

from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from api_products.resource import products
from shared.fields import Slug
from shared.responses import respond

blueprint = products.blueprint("list", "get", "create", "update", "delete", "batch")


@blueprint.post("/products/<ref>/restore")
def restore(ref: str) -> Response:
    """Bring a product back from the trash, if its category still exists or another is given."""
    return products.restore(ref, "category")


@blueprint.get("/products:category-counts")
def count_by_category() -> Response:
    """Answer how many products each of ``?slugs=a,b`` has, in it or below it."""
    slugs = [slug for slug in request.args.get("slugs", "").split(",") if slug]
    count = products.repository.count
    return respond({slug: count({"category_path": slug}) for slug in slugs[:100]})


@blueprint.put("/products:category-path/<slug>")
def put_category_path(slug: str) -> Response:
    """Bring products in line with a category that moved, was renamed, or goes.

    The body is ``{"path": ["computers", "memory"]}``, the slugs from the root to where the
    category is now, or an empty path to leave its products without a category.
    """
    path = _Path().load(products.body())["path"]
    stale: dict[str, Any] = {"category_path": slug}
    if not path:
        gone: dict[str, Any] = {"$unset": ["category", "category_path"]}
        return respond({"updated": products.repository.rewrite(stale, [gone])})
    new: dict[str, Any] = {"$literal": path}
    # A hand edit may have left one slug where a list of them belongs.
    known = {"$cond": [{"$isArray": "$category_path"}, "$category_path", ["$category_path"]]}
    stale["$expr"] = {"$ne": [{"$slice": [known, len(path)]}, new]}
    below, length = {"$add": [{"$indexOfArray": [known, slug]}, 1]}, {"$size": known}
    tail = {"$cond": [{"$lt": [below, length]}, {"$slice": [known, below, length]}, []]}
    own = {"$cond": [{"$eq": ["$category", slug]}, {"$literal": path[-1]}, "$category"]}
    changes = {"$set": {"category": own, "category_path": {"$concatArrays": [new, tail]}}}
    return respond({"updated": products.repository.rewrite(stale, [changes])})


class _Path(Schema):
    path = fields.List(Slug(), required=True)
