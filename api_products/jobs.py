"""Jobs on products, done by ``shared.worker`` with plain arguments."""

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import current_app

from api_products import images, thumbnails
from api_products.resource import products
from shared import documents, queue
from shared.attempts import attempts
from shared.documents import Document
from shared.errors import Conflict, NotFound, Stale
from shared.files import Files

MAKE_THUMBNAILS = f"{__name__}.make_thumbnails"
MAX_TRIES = 3
GAVE_UP = "The program that makes the thumbnails ended each time it tried."
STUCK_SECONDS = 15


def job_id(product: int, image: int) -> str:
    """Return the id of the job that makes an image's thumbnails."""
    return f"image-{product}-{image}"


def make_thumbnails(product: int, number: int) -> None:
    """Bring an image from queued to ready, or to failed with the reason; again is no harm."""
    ref = str(product)
    with contextlib.suppress(NotFound):  # It was deleted meanwhile.
        image = images.find(images.of(products.repository.get(ref)), number)
        if not image or image.get("state") not in images.WAITING:
            return
        if images.tries(image) >= MAX_TRIES:
            rewrite(ref, number, state="failed", reason=GAVE_UP)
            return
        rewrite(ref, number, **images.begun(image, documents.now()))
        rewrite(ref, number, **_outcome(image["hash"]))


def sweep() -> None:
    """Queue again what waits without a job: Redis was emptied, or a worker died."""
    waiting = {"images.state": {"$in": list(images.WAITING)}}
    alive = queue.alive()
    moment = documents.now() - timedelta(seconds=STUCK_SECONDS)
    for product in products.repository.collection.find(waiting, {"images": True}):
        for image in images.of(product):
            job = job_id(product["_id"], image["id"])
            if images.waits_since(image, moment) and job not in alive:
                queue.enqueue(job, MAKE_THUMBNAILS, product["_id"], image["id"])


def _outcome(digest: str) -> dict[str, Any]:
    """Make and store the thumbnails of an uploaded file; return what becomes of the image."""
    files: Files = current_app.extensions["files"]
    try:
        facts, made = thumbnails.render(files.get(images.original(digest)))
    except (thumbnails.PictureError, FileNotFoundError, MemoryError) as error:
        return {"state": "failed", "reason": _reason(error)}
    shown: dict[str, dict[str, Any]] = {}
    for each in made:
        name = f"{digest}/{each.size}.{each.kind}"
        files.put(name, each.data)
        size = shown.setdefault(each.size, {"width": each.width, "height": each.height})
        size[each.kind] = f"/media/{name}"
    return {"state": "ready", "reason": None, "color": facts.color, "thumbnails": shown}


def rewrite(
    ref: str, number: int, *, first: Sequence[int] = (), gone: bool = False, **changes: Any
) -> Document:
    """Change some values of an image, or the order, or take the image away; return the product.

    Raise ``NotFound`` when the product or the image is not there.
    """
    for _ in attempts():
        product = products.repository.get(ref)
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


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "The uploaded file is gone; upload it again."
    return "It takes too much memory to decode." if isinstance(error, MemoryError) else str(error)
