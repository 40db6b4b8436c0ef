"""``/categories``: the standard methods, made safe for a tree, and the tree itself."""

from collections.abc import Callable
from typing import Any

from flask import Response, request

from api_categories.resource import categories
from api_categories.tree import Cycle, ancestors, in_order
from shared.backends import backends
from shared.documents import Document
from shared.errors import BadRequest, Conflict, NotFound, Unprocessable
from shared.responses import conditional, respond

blueprint = categories.blueprint("list", "get")

TREE_FIELDS = ("id", "slug", "name", "parent", "position", "path")


@blueprint.get("/categories/<ref>/tree")
def get_tree(ref: str) -> Response:
    """Answer a category and all below it, depth first, each with its depth below the first."""
    top = categories.repository.get(ref)
    below = categories.repository.collection.find({"ancestors": top["slug"]}, {"terms": False})
    ordered = in_order([{**top, "parent": None}, *below])
    depth = len(top.get("ancestors", []))
    items = [
        each | {"depth": len(each["path"]) - depth - 1}
        for each in categories.dump([dict(each) for each in ordered], TREE_FIELDS)
    ]
    return conditional(respond({"items": items, "total": len(items)}))


@blueprint.post("/categories")
def create() -> Response:
    """Store the category in the body."""
    return _alone(categories.create)


@blueprint.route("/categories/<ref>", methods=["PUT", "PATCH"])
def update(ref: str) -> Response:
    """Change a category; one that moves or is renamed takes all below it and its products along."""
    return _alone(lambda: _settled(lambda: categories.update(ref)))


@blueprint.post("/categories:batch")
def batch() -> Response:
    """Create or change many categories; a parent must exist before the batch."""
    return _alone(lambda: _settled(categories.batch))


@blueprint.post("/categories/<ref>/restore")
def restore(ref: str) -> Response:
    """Bring a category back from the trash, under its parent if that still exists."""
    return _alone(lambda: _settled(lambda: categories.restore(ref)))


@blueprint.delete("/categories/<ref>")
def delete(ref: str) -> Response:
    """Move a category without children to the trash.

    Its products stop the deletion, unless ``products=detach`` leaves them without a category or
    ``move_to=slug`` puts them into another one.
    """
    return _alone(lambda: _emptied(ref, lambda: categories.delete(ref)))


def _emptied(ref: str, then: Callable[[], Response]) -> Response:
    if request.args.get("products", "detach") != "detach":
        message = "Is detach, or left out."
        raise BadRequest("", [{"parameter": "products", "message": message}])
    try:
        category = categories.matched(ref)
    except NotFound:
        # It may be in the trash, to be purged from there.
        return then()
    children = categories.repository.count({"parent": category["slug"]})
    products = _product_count(category["slug"])
    move_to = request.args.get("move_to", "")
    leave = bool(move_to) or "products" in request.args
    if children or (products and not leave):
        raise Conflict(
            f"{category['slug']} has {children} categories and {products} products. Move or delete "
            "the categories; for the products add ?products=detach or ?move_to=slug.",
            children=children,
            products=products,
        )
    if products:
        target = categories.repository.get(move_to) if move_to else {}
        if target and target["_id"] == category["_id"]:
            raise BadRequest("move_to: Names the category that is being deleted.")
        _tell_products(category["slug"], _path(target) if target else [])
    return then()


def _alone(work: Callable[[], Response]) -> Response:
    """Run a write to the tree in a transaction that no other write to the tree overlaps."""

    def locked() -> Response:
        backends().db["counters"].update_one(
            {"_id": "categories:tree"}, {"$inc": {"writes": 1}}, True, session=backends().session
        )
        return work()

    return backends().transaction(locked)


def _settled(work: Callable[[], Response]) -> Response:
    """Run a write that may move or rename categories, then bring all that hangs on it in line."""
    before = {each["_id"]: each for each in _tree()}
    response = work()
    after = _tree()
    renamed = {old: each["slug"] for each in after for old in each.get("old_slugs", [])}
    slugs = {each["slug"] for each in after}
    parents = {
        each["slug"]: parent if parent in slugs else renamed.get(parent or "", parent)
        for each in after
        for parent in [each.get("parent")]
    }
    for each in after:
        try:
            above = ancestors(each["slug"], parents)
        except Cycle as error:
            raise Unprocessable(
                str(error), [{"pointer": "/parent", "message": str(error)}]
            ) from error
        values = {"parent": parents[each["slug"]], "ancestors": above or None}
        categories.repository.update(each, values)
        old = before.get(each["_id"])
        if old and (old["slug"], old.get("ancestors", [])) != (each["slug"], above):
            _tell_products(old["slug"], [*above, each["slug"]])
    return response


def _tree() -> list[Document]:
    found = categories.repository.collection.find({"slug": {"$gt": ""}}, session=backends().session)
    return sorted(found, key=lambda each: len(each.get("ancestors", [])))


def _path(category: Document) -> list[str]:
    return [*category.get("ancestors", []), category["slug"]]


def _product_count(slug: str) -> int:
    counts: Any = backends().peers.get("products", "products", "category-counts", slugs=slug)
    return int((counts or {}).get(slug, 0))


def _tell_products(slug: str, path: list[str]) -> None:
    backends().peers.put("products", "products", "category-paths", slug, body={"path": path})
