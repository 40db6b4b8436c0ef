"""``/products``: the standard methods, and what the categories service asks."""

from typing import Any

from flask import Response, request

from api_products.resource import products
from shared.errors import BadRequest
from shared.responses import respond

blueprint = products.blueprint("list", "get", "create", "update", "delete", "restore", "batch")


@blueprint.get("/products/category-counts")
def count_by_category() -> Response:
    """Answer how many products each of ``?slugs=a,b`` has, in it or below it."""
    slugs = [slug for slug in request.args.get("slugs", "").split(",") if slug]
    count = products.repository.count
    return respond({slug: count({"category_path": slug}) for slug in slugs[:100]})


@blueprint.put("/products/category-paths/<slug>")
def put_category_path(slug: str) -> Response:
    """Bring products in line with a category that moved, was renamed, or goes.

    The body is ``{"path": ["computers", "memory"]}``, the slugs from the root to where the
    category is now, or an empty path to leave its products without a category.
    """
    path = products.body().get("path")
    if not isinstance(path, list) or not all(isinstance(step, str) for step in path):
        raise BadRequest('The body is not {"path": ["slug", …]}.')
    stale: dict[str, Any] = {"category_path": slug}
    if not path:
        changes: dict[str, Any] = {"$unset": ["category", "category_path"]}
        return respond({"updated": products.repository.rewrite(stale, [changes])})
    stale["$expr"] = {"$ne": [{"$slice": ["$category_path", len(path)]}, path]}
    below = {"$add": [{"$indexOfArray": ["$category_path", slug]}, 1]}
    length = {"$size": "$category_path"}
    tail = {"$cond": [{"$lt": [below, length]}, {"$slice": ["$category_path", below, length]}, []]}
    changes = {
        "$set": {
            "category": {"$cond": [{"$eq": ["$category", slug]}, path[-1], "$category"]},
            "category_path": {"$concatArrays": [path, tail]},
        }
    }
    return respond({"updated": products.repository.rewrite(stale, [changes])})
