"""The images of stored products: every change is a write of the product they belong to.

A file is named by the SHA-256 of the picture that was uploaded, so products may share it; it is
removed once no product names it, in the trash or out of it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

from flask import current_app
from marshmallow import ValidationError
from pymongo.collection import Collection

from api_products.images import model
from api_products.resource import products
from shared.http.errors import NotFound, PreconditionFailed, WriteConflict
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.connections import connections
from shared.storage.file_store import Files
from shared.storage.retries import attempts

# An upload stores its files a moment before the product that names them.
UNNAMED_SECONDS = 60


def files() -> Files:
    """Return where the files of this app are."""
    opened: Files = current_app.extensions["files"]
    return opened


def ref_of(product: Document) -> str:
    """Return how paths name a product: its id or, where a hand edit left none, its slug."""
    id = str(products.schema.fields["id"].serialize("id", product))
    return id if _ID.fullmatch(id) else str(product.get("slug", ""))


def create(values: Document, new: Sequence[model.Image]) -> Document:
    """Store a new product with images; return it."""
    return products.repository.insert(values | _added({}, new))


def add(ref: str, new: Sequence[model.Image]) -> Document:
    """Add images to a product, at the end; return it."""
    return _write(ref, lambda product: _added(product, new))


def change(ref: str, number: int, *, main: bool = False, **changes: Any) -> Document:
    """Change some values of an image, or make it the main one; return the product.

    Raise ``NotFound`` when the product or the image is not there.
    """

    def changed(product: Document) -> Document:
        known = model.changed(_with(product, number), number, **changes)
        return {"images": model.ordered(known, [number] if main else [])}

    return _write(ref, changed)


def order(ref: str, numbers: Sequence[int]) -> Document:
    """Bring some images to the front, in this order; return the product.

    Raise ``ValidationError`` for a number that no image has.
    """

    def ordered(product: Document) -> Document:
        known = model.of(product)
        for number in numbers:
            if model.find(known, number) is None:
                raise ValidationError({"order": [f"There is no image {number}."]})
        return {"images": model.ordered(known, numbers)}

    return _write(ref, ordered)


def remove(ref: str, number: int) -> str:
    """Take an image away; return the name of its files, which are left, or raise ``NotFound``."""
    digests: list[str] = []

    def without(product: Document) -> Document:
        known = _with(product, number)
        digests.extend(model.digest(each) for each in known if each["id"] == number)
        return {"images": model.without(known, number)}

    _write(ref, without)
    return digests[-1]


def _write(ref: str, change: Callable[[Document], Document]) -> Document:
    """Update a product by what a pure function makes of it, again when it was written meanwhile."""
    for _ in attempts():
        product = products.get_for_update(ref)
        try:
            return products.repository.update(product, change(product))
        except PreconditionFailed:
            continue
    raise WriteConflict("Too many others are writing this product at once; try again.")


def _with(product: Document, number: int) -> list[model.Image]:
    """Return the images of a product, or raise ``NotFound`` when one of a number is not there."""
    known = model.of(product)
    if model.find(known, number) is None:
        raise NotFound(f"This product has no image {number}.")
    return known


def hashes(ref: str) -> set[str]:
    """Return the names of the files of a product, of all that went to the trash under its id too.

    Raise ``NotFound`` when there is none.
    """
    product = products.get_including_trash(ref)
    kept = products.repository.trash.find({"id": product["_id"]}, _IMAGES)
    return _digests([product, *kept])


def named() -> set[str]:
    """Return the names of the files of all products, in the trash or out of it.

    One that comes and goes meanwhile may be overlooked: ask ``is_named`` before removing any.
    """
    shown = {"images.id": True, "images.sha256": True}
    living, trash = _collections()
    # The living once more, for those that are just being restored.
    places = (living, trash, living)
    return _digests(chain(*(each.find({"images.0": {"$exists": True}}, shown) for each in places)))


def is_named(digest: str) -> bool:
    """Whether any product names a file, be it in the trash."""

    def look() -> bool:
        session, asked = connections().session, {"images.sha256": digest}
        found = (each.find_one(asked, {"_id": True}, session=session) for each in _collections())
        return any(found)

    # Both places at one moment: in a transaction all is read as it was when that began.
    return connections().transaction(look)


def remove_unnamed(digest: str) -> None:
    """Remove the files made of a picture, if no product names it and it was not just uploaded."""
    if not model.is_digest(digest):
        return
    moment = documents.now() - timedelta(seconds=UNNAMED_SECONDS)
    found = dict(files().entries(f"{digest}/"))
    if found and max(found.values()) < moment and not is_named(digest):
        files().delete(found)


def _digests(found: Iterable[Document]) -> set[str]:
    every = (model.digest(image) for product in found for image in model.of(product))
    return set(filter(None, every))


def every(state: Any = None) -> Iterator[tuple[str, model.Image]]:
    """Yield each image of the living products after the product's ``ref_of``.

    Given a condition on states, only of products that have an image in such a state.
    """
    asked = {"images.state": state} if state else {"images.0": {"$exists": True}}
    for product in products.repository.collection.find(asked, _IMAGES):
        if ref := ref_of(product):
            yield from ((ref, image) for image in model.of(product))


_ID = re.compile(r"\d+|[0-9a-f]{24}", re.ASCII)
_IMAGES = {"images": True, "slug": True}


def _collections() -> tuple[Collection[Document], Collection[Document]]:
    return products.repository.collection, products.repository.trash


def _added(product: Document, new: Sequence[model.Image]) -> Document:
    """Return what changes when a product gets images: their numbers are never given twice."""
    known = model.of(product)
    last = max([model.made(product), *(each["id"] for each in known)])
    added = [{"id": last + count, **each} for count, each in enumerate(new, 1)]
    return {"images": [*known, *added], "images_made": last + len(new)}
