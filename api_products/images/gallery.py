"""Stored images of products: every change of an image is a write of its product.

The SHA-256 of an uploaded picture names its files, so several products may share them.  The files
are removed once no product, live or in the trash, refers to them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

from flask import current_app
from marshmallow import ValidationError
from pymongo.collection import Collection

from api_products.images.model import (
    DUE,
    Image,
    appended,
    digest_of,
    find_image,
    images_of,
    is_digest,
    reordered,
    with_changes,
    without_image,
)
from api_products.images.sources import is_from_url, waiting, with_photos
from api_products.resource import products
from shared.http import Conflict, NotFound, import_id
from shared.schema import Document
from shared.storage import documents
from shared.storage.file_store import FileStore
from shared.storage.retries import retry_conflicts
from shared.storage.transactions import current_session, transaction

# seconds before files without a product are removed: an upload stores them before the product
GRACE_SECONDS = 60

_ID = re.compile(r"\d+|[0-9a-f]{24}", re.ASCII)
_IMAGES = {"images": True, "slug": True}


def files() -> FileStore:
    """Return the file store of this app."""
    store: FileStore = current_app.extensions["files"]
    return store


def ref_of(product: Document) -> str:
    """Return the name of a product in paths: its id, or its slug if a hand edit broke the id."""
    id = str(products.schema.fields["id"].serialize("id", product))
    return id if _ID.fullmatch(id) else str(product.get("slug", ""))


def path_of(product: Document, image: Image) -> str:
    """Return the path of an image."""
    return f"/products/{ref_of(product)}/images/{image['id']}"


def get_image(product: Document, number: int) -> Image:
    """Return an image of a product or raise ``NotFound``."""
    image = find_image(images_of(product), number)
    if image is None:
        raise NotFound(f"This product has no image {number}.")
    return image


def create_product(values: Document, images: Sequence[Image]) -> Document:
    """Store a new product with images; return it."""
    return products.repository.insert(values | appended(values, images, values))


def add_images(ref: str, images: Sequence[Image]) -> Document:
    """Add images to the end of a product's gallery; return the product."""
    return _update(ref, lambda product: appended(product, images, product))


def add_photos(ref: str, photos: Sequence[Mapping[str, Any]]) -> Document:
    """Add photos by URL to a product, as far as it does not have them; return the product."""

    def add(product: Document) -> Document:
        imported = import_id.import_id()
        return with_photos(product, photos, documents.now(), imported, keeps_others=True)

    return _update(ref, add)


def fetch_again(ref: str, number: int) -> Document:
    """Have the photo of an image fetched again; return the product.

    A photo that could not be fetched yet stays a part of the import that has added it, so that an
    undo of the import still removes it.

    Raises:
        NotFound: The product or the image does not exist.
        Conflict: The image was uploaded.
    """

    def write() -> Document:
        product = products.get_for_update(ref)
        image = get_image(product, number)
        if not is_from_url(image):
            raise Conflict(f"The image {number} was uploaded; upload the picture again.")
        if image.get("state") == DUE:
            return products.repository.update(product, {})
        imported = import_id.import_id()
        # Until its photo is there, an image belongs to the import that has added it.
        first = "" if imported or image.get("thumbnails") else image.get("import") or ""
        values = waiting(documents.now(), imported or first)
        images = with_changes(images_of(product), number, **values)
        kind = documents.STEP if first else ""
        return products.repository.update(product, {"images": images}, kind)

    return retry_conflicts(write, "this product")


def change_image(ref: str, number: int, *, main: bool = False, **changes: Any) -> Document:
    """Change values of an image; return the product.

    Args:
        ref: The product's id or slug.
        number: The image's number.
        main: True to make it the main image, which is the first one.
        **changes: The values to change.

    Raises:
        NotFound: The product or the image does not exist.
    """

    def change(product: Document) -> Document:
        get_image(product, number)
        images = with_changes(images_of(product), number, **changes)
        return {"images": reordered(images, [number] if main else [])}

    return _update(ref, change)


def advance_image(ref: str, image: Image, *, kind: str = "", **changes: Any) -> bool:
    """Store what a job has done for an image, unless the image has left the state it had.

    A client may have its photo fetched again meanwhile; its request is not overwritten.

    Args:
        ref: The product's id or slug.
        image: The image with the state, and the time of it, that it had for the job.
        kind: ``documents.STEP`` for a step that the history keeps no values of.
        **changes: The values to change.

    Returns:
        False if the image has another state by now, so that nothing was stored.

    Raises:
        NotFound: The product or the image does not exist.
    """
    number, is_same = image["id"], False

    def change(product: Document) -> Document:
        nonlocal is_same
        stored = get_image(product, number)
        is_same = all(stored.get(name) == image.get(name) for name in ("state", "since"))
        return {"images": with_changes(images_of(product), number, **changes)} if is_same else {}

    _update(ref, change, kind)
    return is_same


def order_images(ref: str, numbers: Sequence[int]) -> Document:
    """Move images to the front, in the order of ``numbers``; return the product.

    Raise ``ValidationError`` for a number that no image of the product has.
    """

    def order(product: Document) -> Document:
        images = images_of(product)
        for number in numbers:
            if find_image(images, number) is None:
                message = (
                    f"This product has no image {number}. Send numbers that "
                    "GET /products/<ref>/images lists."
                )
                raise ValidationError({"order": [message]})
        return {"images": reordered(images, numbers)}

    return _update(ref, order)


def remove_image(ref: str, number: int) -> str:
    """Remove an image from its product; return the digest of its files, which stay.

    Raise ``NotFound`` when the product or the image does not exist.
    """
    digests: list[str] = []

    def remove(product: Document) -> Document:
        digests.append(digest_of(get_image(product, number)))
        return {"images": without_image(images_of(product), number)}

    _update(ref, remove)
    return digests[-1]


def _update(ref: str, change: Callable[[Document], Document], kind: str = "") -> Document:
    """Store the values that ``change`` returns for a product; repeat after a concurrent write."""

    def write() -> Document:
        product = products.get_for_update(ref)
        return products.repository.update(product, change(product), kind)

    return retry_conflicts(write, "this product")


def digests_of(ref: str) -> set[str]:
    """Return the digests of a product's files, with those of its copies in the trash.

    Raise ``NotFound`` when the product does not exist.
    """
    product = products.get_including_trash(ref)
    in_trash = products.repository.trash.find({"id": product["_id"]}, _IMAGES)
    return _digests([product, *in_trash])


def referenced_digests() -> set[str]:
    """Return the digests of the files that all products refer to, live or in the trash.

    A product that is deleted and restored meanwhile may be missing: call ``is_referenced`` before
    removing files.
    """
    fields = {"images.id": True, "images.sha256": True}
    live, trash = _collections()
    # The live ones twice, because a product may be restored after the first reading.
    places = (live, trash, live)
    has_images = {"images.0": {"$exists": True}}
    return _digests(chain(*(place.find(has_images, fields) for place in places)))


def is_referenced(digest: str) -> bool:
    """Return True if any product, live or in the trash, refers to the files of a digest."""

    def look() -> bool:
        session, with_digest = current_session(), {"images.sha256": digest}
        return any(
            place.find_one(with_digest, {"_id": True}, session=session) for place in _collections()
        )

    # A transaction reads both collections as they were at one moment.
    return transaction(look)


def find_ready_image(digest: str) -> Image | None:
    """Return an image of a live product whose thumbnails of this digest are made, or None."""
    product = products.repository.collection.find_one(
        {"images": {"$elemMatch": {"sha256": digest, "state": "ready"}}}, _IMAGES
    )
    images = images_of(product or {})
    ready = (
        image for image in images if (image.get("sha256"), image.get("state")) == (digest, "ready")
    )
    return next(ready, None)


def remove_unreferenced(digest: str) -> None:
    """Remove the files of a digest if no product refers to them and none is a recent upload."""
    if not is_digest(digest):
        return
    moment = documents.now() - timedelta(seconds=GRACE_SECONDS)
    stored = dict(files().entries(f"{digest}/"))
    if stored and max(stored.values()) < moment and not is_referenced(digest):
        files().delete(stored)


def _digests(stored: Iterable[Document]) -> set[str]:
    digests = (digest_of(image) for product in stored for image in images_of(product))
    return set(filter(None, digests))


def every_image(state: Any = None) -> Iterator[tuple[str, Image]]:
    """Yield the ``ref_of`` the product and the image, for all images of live products.

    With ``state``, a condition on image states, only of products with an image in such a state.
    """
    condition = {"images.state": state} if state else {"images.0": {"$exists": True}}
    for product in products.repository.select(condition, _IMAGES):
        if ref := ref_of(product):
            yield from ((ref, image) for image in images_of(product))


def images_in_state(state: str, after: Any, limit: int) -> tuple[list[tuple[str, Image]], Any]:
    """Return the images in a state that clients see, of some products by their ids.

    Args:
        state: The state.
        after: The id of the last product before; None for the first ones.
        limit: The most products to read.

    Returns:
        The ``ref_of`` the product and the image for each, and the id of the last product, None
        after the last page.
    """
    stored = [state, DUE] if state == "queued" else [state]
    condition: Document = {"images.state": {"$in": stored}}
    condition |= {} if after is None else {"$expr": {"$gt": ["$_id", {"$literal": after}]}}
    products_read = products.repository.collection.find(
        condition, _IMAGES, sort=[("_id", 1)], limit=limit + 1
    )
    found = list(products_read)
    images = [
        (ref_of(product), image)
        for product in found[:limit]
        for image in images_of(product)
        if image.get("state") in stored
    ]
    return images, found[limit - 1]["_id"] if len(found) > limit else None


def _collections() -> tuple[Collection[Document], Collection[Document]]:
    return products.repository.collection, products.repository.trash
