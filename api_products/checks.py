"""Are all files, images and categories as they should be, and if not, what mends them."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from api_products import jobs
from api_products.categories import moves
from api_products.images import gallery, model
from api_products.resource import products
from shared.endpoints.document_checks import Kind
from shared.http.errors import NotFound
from shared.schema.serialization import Document
from shared.schema.words import to_slug
from shared.storage import documents
from shared.storage.connections import connections

MOST_SLUGS = 100  # asked for at once


def check() -> dict[str, list[Any]]:
    """Return the files no product names, and the images that lack files or wait for nothing."""
    moment = documents.now() - timedelta(seconds=gallery.UNNAMED_SECONDS)
    stored = dict(gallery.files().entries())
    named = gallery.named()
    lacking = [
        (product, image)
        for product, image in gallery.every()
        # What was not there a moment ago may have been made meanwhile.
        if not all(map(gallery.files().has, model.needs(image) - stored.keys()))
    ]
    lost = [each for each in lacking if model.original(model.digest(each[1])) not in stored]
    return {
        "orphans": sorted(
            name
            for name, modified in stored.items()
            if name.partition("/")[0] not in named and modified < moment
        ),
        "missing": _places(each for each in lacking if each not in lost),
        "lost": _places(lost),
        "stuck": [_place(product, image) for product, image in jobs.stuck()],
    }


def remove_orphans() -> None:
    """Remove the files that no product names, as a job that runs once a day."""
    _remove(check()["orphans"])


def _remove(orphans: Iterable[str]) -> None:
    for digest in {name.partition("/")[0] for name in orphans}:
        gallery.remove_unnamed(digest)


def _places(found: Iterable[tuple[str, model.Image]]) -> list[Document]:
    return [_place(product, image["id"]) for product, image in found]


def _place(product: str, image: int) -> Document:
    return {"product": int(product) if product.isdigit() else product, "image": image}


def repair(found: Mapping[str, Sequence[Any]]) -> None:
    """Mend what ``check`` found: remove orphans, make thumbnails again, queue what is stuck.

    What is lost stays as it is: perhaps only the folder is another one.
    """
    _remove(found["orphans"])
    for each in found["missing"]:
        with contextlib.suppress(NotFound):
            again: Document = {"state": "queued", "since": documents.now(), "tries": 0}
            gallery.change(str(each["product"]), each["image"], **again)
            jobs.queue_thumbnails(str(each["product"]), each["image"])
    for each in found["stuck"]:
        jobs.queue_thumbnails(str(each["product"]), each["image"])


def shelve(mend: bool) -> dict[str, Kind]:
    """Return the categories of products that do not exist, and those that are at another place.

    A product is at the place that its ``category_path`` says; with ``mend`` it is put where the
    categories service says that its category is.
    """
    found = {"astray": Kind(), "misplaced": Kind()}
    pairs = list(products.repository.collection.aggregate(_PAIRS, allowDiskUse=True))
    named = {each["_id"]["category"] for each in pairs if _is_text(each["_id"]["category"])}
    paths = _paths(sorted({to_slug(name, "category") for name in named}))
    for each in pairs:
        category, path = each["_id"]["category"], each["_id"]["path"]
        is_text = _is_text(category)
        right = paths.get(to_slug(category, "category")) if is_text else None
        case = {"category": category, "path": f"/products/{each['first']}"}
        if category is not None and right is None:
            if is_text:  # Anything else is broken, and told as such.
                why = f"there is no category {category!r} (products: {each['count']:,})"
                found["astray"].add(case | {"why": why}, False)
        elif (category, path) != (right[-1] if right else None, right):
            why = f"category {category!r} is at {right}, not {path} (products: {each['count']:,})"
            found["misplaced"].add(case | {"why": why}, True)
            if mend:
                moves.put({"category": category, "category_path": path}, right or [])
    return found


_PAIRS: list[Document] = [
    {
        "$group": {
            "_id": {
                "category": {"$ifNull": ["$category", None]},
                "path": {"$ifNull": ["$category_path", None]},
            },
            "first": {"$first": "$_id"},
            "count": {"$sum": 1},
        }
    },
]


def _is_text(value: Any) -> bool:
    """Whether a value is a text, and not code, which BSON has as a kind of it."""
    return type(value) is str


def _paths(slugs: Sequence[str]) -> dict[str, list[str]]:
    """Ask the categories service for the paths of categories; those it has not are left out."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(slugs), MOST_SLUGS):
        some = ",".join(slugs[start : start + MOST_SLUGS])
        found |= connections().peers.get("categories", "categories:paths", slugs=some) or {}
    return found
