"""Rules of a product's images: pure functions on the list that is stored with the product.

The first image is the main one.  Each function returns a new list.  Numbers count up and are never
used twice.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Image = dict[str, Any]

NUMBER_LIMIT = 2**31  # image numbers are below it
WAITING_STATES = ["queued", "processing"]
# The stored state of an image whose photo is to be fetched from its URL; clients see "queued".
DUE = "due"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = ("id", "state", "reason", "url", "sha256", "width", "height", "color", "alt", "thumbnails")


def images_of(product: Mapping[str, Any]) -> list[Image]:
    """Return a product's images without the entries that a hand edit has broken."""
    stored = product.get("images")
    images = stored if isinstance(stored, list) else []
    return [image for image in images if isinstance(image, dict) and _is_number(image.get("id"))]


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 < value < NUMBER_LIMIT


def find_image(images: Iterable[Image], number: int) -> Image | None:
    """Return the image with a number, or None."""
    return next((image for image in images if image["id"] == number), None)


def image_to_json(image: Mapping[str, Any]) -> Image:
    """Return the values of an image that clients see."""
    shown = {name: image.get(name) for name in _SHOWN}
    return shown | ({"state": "queued"} if shown["state"] == DUE else {})


def ready_images_to_json(images: Iterable[Image]) -> list[Image]:
    """Return the images that have thumbnails, as the product's own JSON shows them.

    A photo that is fetched again has those of before.
    """
    hidden = ("state", "reason", "sha256")
    return [
        {name: value for name, value in image_to_json(image).items() if name not in hidden}
        for image in images
        if image.get("thumbnails")
    ]


def last_number(product: Mapping[str, Any]) -> int:
    """Return the highest number that an image of the product ever had, or 0."""
    made = product.get("images_made")
    numbers: list[int] = [image["id"] for image in images_of(product)]
    if isinstance(made, int) and _is_number(made):
        numbers.append(made)
    return max(numbers, default=0)


def new_image(now: datetime, digest: str, width: int, height: int, color: str | None) -> Image:
    """Return an image that waits for its thumbnails; it gets its number when it is stored.

    Args:
        digest: The SHA-256 of the uploaded file in hexadecimal digits.
        color: The average colour as ``#rrggbb``, or None while it is unknown.
    """
    size_and_color = {"width": width, "height": height, "color": color}
    return {"state": "queued", "since": now, "sha256": digest, **size_and_color}


def processing_values(image: Mapping[str, Any], now: datetime) -> Image:
    """Return the values to change when a worker starts to make the thumbnails."""
    return {"state": "processing", "since": now, "tries": tries_of(image) + 1}


def tries_of(image: Mapping[str, Any]) -> int:
    """Return how often a worker has started to make the thumbnails."""
    count = image.get("tries")
    return count if isinstance(count, int) else 0


def is_waiting_since(image: Mapping[str, Any], moment: datetime) -> bool:
    """Return True if the image waits for its thumbnails, unchanged since ``moment``."""
    since = image.get("since")
    is_recent = isinstance(since, datetime) and since > moment
    return image.get("state") in WAITING_STATES and not is_recent


def appended(
    product: Mapping[str, Any], images: Sequence[Image], numbered_as: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of a product to change when images are added to the end.

    Args:
        product: The product with the images that stay.
        images: The images to add.
        numbered_as: The product whose numbers are used already.
    """
    last = last_number(numbered_as)
    numbered = [{"id": number, **image} for number, image in enumerate(images, last + 1)]
    return {"images": [*images_of(product), *numbered], "images_made": last + len(images)}


def with_changes(images: Sequence[Image], number: int, **changes: Any) -> list[Image]:
    """Return the images with some values of one changed."""
    return [{**image, **changes} if image["id"] == number else image for image in images]


def reordered(images: Sequence[Image], numbers: Sequence[int]) -> list[Image]:
    """Return the images with these numbers first, in this order; the others keep their order."""
    first = [image for number in numbers for image in images if image["id"] == number]
    return [*first, *(image for image in images if image["id"] not in numbers)]


def without_image(images: Sequence[Image], number: int) -> list[Image]:
    """Return all images except one."""
    return [image for image in images if image["id"] != number]


def digest_of(image: Mapping[str, Any]) -> str:
    """Return the SHA-256 that names the folder of the image's files, or "" if it is not valid."""
    digest = image.get("sha256")
    return digest if isinstance(digest, str) and is_digest(digest) else ""


def removed_digests(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the digests of the images that a product had before and does not have after."""
    digests = (set(map(digest_of, images_of(product))) for product in (before, after))
    return next(digests) - next(digests) - {""}


def is_digest(text: str) -> bool:
    """Return True if a text is a SHA-256 in hexadecimal digits."""
    return bool(_SHA256.fullmatch(text))


def required_files(image: Mapping[str, Any]) -> set[str]:
    """Return the names of the files that an image needs: its thumbnails, and what they wait for.

    In whichever state it is, the product shows the thumbnails that it has.
    """
    is_rendered_next = image.get("state") in WAITING_STATES and not image.get("is_due")
    originals = {original_file(digest_of(image))} if is_rendered_next else set()
    thumbnails = image.get("thumbnails")
    sizes = thumbnails.values() if isinstance(thumbnails, dict) else ()
    return originals | {
        path.removeprefix("/media/")
        for size in sizes
        if isinstance(size, dict)
        for path in size.values()
        if isinstance(path, str)
    }


def original_file(digest: str) -> str:
    """Return the name of the file that was uploaded; it is never served."""
    return f"{digest}/original"
