"""The images of stored products: every change is a write of the product they belong to.

A file is named by the SHA-256 of the picture that was uploaded, so products may share it; it is
removed once no product names it, in the trash or out of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

from bson import ObjectId
from flask import current_app
from pymongo.collection import Collection

from api_products import images
from api_products.resource import products
from shared import documents
from shared.attempts import attempts
from shared.documents import Document
from shared.errors import Conflict, NotFound, Stale
from shared.files import Files

# An upload stores its files a moment before the product that names them.
UNNAMED_SECONDS = 60


def files() -> Files:
    """Return where the files of this app are."""
    opened: Files = current_app.extensions["files"]
    return opened


def create(values: Document, new: Sequence[images.Image]) -> Document:
    """Store a new product with images; return it."""
    return products.repository.insert(values | _added({}, new))


def add(ref: str, new: Sequence[images.Image]) -> Document:
    """Add images to a product, at the end; return it."""
    for _ in attempts():
        product = products.matched(ref)
        try:
            return products.repository.update(product, _added(product, new))
        except Stale:
            continue
    raise Conflict("Too many others are writing this product at once; try again.")


def change(
    ref: str, number: int, *, first: Sequence[int] = (), gone: bool = False, **changes: Any
) -> Document:
    """Change some values of an image, or the order, or take the image away; return the product.

    Raise ``NotFound`` when the product or the image is not there.
    """
    for _ in attempts():
        product = products.matched(ref)
        known = images.of(product)
        if images.find(known, number) is None:
            raise NotFound(f"The product {ref[:100]} has no image {number}.")
        known = images.ordered(images.changed(known, number, **changes), first)
        known = images.without(known, number) if gone else known
        try:
            return products.repository.update(product, {"images": known})
        except Stale:
            continue
    raise Conflict("Too many others are writing this product at once; try again.")


def hashes(ref: str) -> set[str]:
    """Return the names of the files of a product, of all that went to the trash under its id too.

    Raise ``NotFound`` when there is none.
    """
    id = products.anywhere(ref)["_id"]
    collection, trash = _collections()
    found = [*collection.find({"_id": id}, _IMAGES), *trash.find({"id": id}, _IMAGES)]
    return _digests(found)


def named() -> set[str]:
    """Return the names of the files of all products, in the trash or out of it."""
    shown = {"images.id": True, "images.sha256": True}
    living, trash = _collections()
    # The living once more, for those that are just being restored.
    places = (living, trash, living)
    return _digests(chain(*(each.find({"images.0": {"$exists": True}}, shown) for each in places)))


def is_named(digest: str) -> bool:
    """Whether any product names a file, be it in the trash."""
    living, trash = _collections()
    # The living once more, for one that is just being restored.
    places = (living, trash, living)
    return any(each.find_one({"images.sha256": digest}, {"_id": True}) for each in places)


def remove_unnamed(digest: str) -> None:
    """Remove the files made of a picture, if no product names it and it was not just uploaded."""
    if not images.is_digest(digest):
        return
    moment = documents.now() - timedelta(seconds=UNNAMED_SECONDS)
    found = dict(files().entries(f"{digest}/"))
    if found and max(found.values()) < moment and not is_named(digest):
        files().delete(found)


def _digests(found: Iterable[Document]) -> set[str]:
    every = (images.digest(image) for product in found for image in images.of(product))
    return set(filter(None, every))


def every(state: Any = None) -> Iterator[tuple[str, images.Image]]:
    """Yield each image of the living products after the product's id, as paths have it.

    Given a condition on states, only of products that have an image in such a state.
    """
    asked = {"images.state": state} if state else {"images.0": {"$exists": True}}
    for product in products.repository.collection.find(asked, _IMAGES):
        id = product["_id"]
        # What a hand edit has put under any other kind of id has no path.
        ref = str(int(id)) if isinstance(id, int | float) else str(id)
        if isinstance(id, int | float | ObjectId):
            yield from ((ref, image) for image in images.of(product))


_IMAGES = {"images": True}


def _collections() -> tuple[Collection[Document], Collection[Document]]:
    return products.repository.collection, products.repository.trash


def _added(product: Document, new: Sequence[images.Image]) -> Document:
    """Return what changes when a product gets images: their numbers are never given twice."""
    known = images.of(product)
    last = max([images.made(product), *(each["id"] for each in known)])
    added = [{"id": last + count, **each} for count, each in enumerate(new, 1)]
    return {"images": [*known, *added], "images_made": last + len(new)}
