"""Are all files and images as they should be, and if not, what mends them."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from api_products import gallery, images, jobs
from shared import documents
from shared.documents import Document
from shared.errors import NotFound


def check() -> dict[str, list[Any]]:
    """Return the files no product names, and the images that lack files or wait for nothing."""
    moment = documents.now() - timedelta(seconds=gallery.UNNAMED_SECONDS)
    stored = dict(gallery.files().entries())
    named = gallery.named()
    lacking = [
        (product, image)
        for product, image in gallery.every()
        # What was not there a moment ago may have been made meanwhile.
        if not all(map(gallery.files().has, images.needs(image) - stored.keys()))
    ]
    lost = [each for each in lacking if images.original(images.digest(each[1])) not in stored]
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


def _places(found: Iterable[tuple[str, images.Image]]) -> list[Document]:
    return [_place(product, image["id"]) for product, image in found]


def _place(product: str, image: int) -> Document:
    return {"product": int(product) if product.isdigit() else product, "image": image}


def repair(found: Mapping[str, Sequence[Any]]) -> None:
    """Mend what ``check`` found: remove orphans, make thumbnails again, queue what is stuck.

    What is lost stays as it is: perhaps only the folder is another one.
    """
    for digest in {name.partition("/")[0] for name in found["orphans"]}:
        gallery.remove_unnamed(digest)
    for each in found["missing"]:
        with contextlib.suppress(NotFound):
            again: Document = {"state": "queued", "since": documents.now(), "tries": 0}
            gallery.change(str(each["product"]), each["image"], **again)
            jobs.queue_thumbnails(str(each["product"]), each["image"])
    for each in found["stuck"]:
        jobs.queue_thumbnails(str(each["product"]), each["image"])
