"""The images of a product, as they are stored with it: plain lists, each change a new one.

The first one is the main one.  Numbers count up and are never given twice.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Image = dict[str, Any]

MOST_NUMBERS = 2**31
WAITING = ["queued", "processing"]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = ("id", "state", "reason", "sha256", "width", "height", "color", "alt", "thumbnails")


def of(product: Mapping[str, Any]) -> list[Image]:
    """Return a product's images; what a hand edit has put there instead is none."""
    found = product.get("images")
    images = found if isinstance(found, list) else []
    return [each for each in images if isinstance(each, dict) and _is_number(each.get("id"))]


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 < value < MOST_NUMBERS


def find(images: Iterable[Image], number: int) -> Image | None:
    """Return the image with a number, if it is there."""
    return next((each for each in images if each["id"] == number), None)


def shown(image: Mapping[str, Any]) -> Image:
    """Return an image as clients see it; under which name it was uploaded nobody knows."""
    return {name: image.get(name) for name in _SHOWN}


def ready(images: Iterable[Image]) -> list[Image]:
    """Return what a product's own JSON shows: the images that can be looked at."""
    hidden = ("state", "reason", "sha256")
    return [
        {name: value for name, value in shown(each).items() if name not in hidden}
        for each in images
        if each.get("state") == "ready"
    ]


def made(product: Mapping[str, Any]) -> int:
    """Return how many images the product ever had."""
    count = product.get("images_made")
    return count if isinstance(count, int) and _is_number(count) else 0


def queued(now: datetime, digest: str, width: int, height: int, color: str | None) -> Image:
    """Return a new image, still without a number, that waits for its thumbnails."""
    facts = {"width": width, "height": height, "color": color}
    return {"state": "queued", "since": now, "sha256": digest, **facts}


def begun(image: Mapping[str, Any], now: datetime) -> Image:
    """Return what changes when somebody begins to make its thumbnails."""
    return {"state": "processing", "since": now, "tries": tries(image) + 1}


def tries(image: Mapping[str, Any]) -> int:
    """Return how often somebody has begun to make its thumbnails."""
    count = image.get("tries")
    return count if isinstance(count, int) else 0


def waits_since(image: Mapping[str, Any], moment: datetime) -> bool:
    """Whether it is neither ready nor failed, and nobody has touched it since a moment."""
    since = image.get("since")
    return image.get("state") in WAITING and not (isinstance(since, datetime) and since > moment)


def changed(images: Sequence[Image], number: int, **changes: Any) -> list[Image]:
    """Return the images with some values of one changed."""
    return [{**each, **changes} if each["id"] == number else each for each in images]


def without(images: Sequence[Image], number: int) -> list[Image]:
    """Return the images but one."""
    return [each for each in images if each["id"] != number]


def ordered(images: Sequence[Image], numbers: Sequence[int]) -> list[Image]:
    """Return the images with these numbers first, in this order, and the others as they were."""
    first = [each for number in numbers for each in images if each["id"] == number]
    return [*first, *(each for each in images if each["id"] not in numbers)]


def digest(image: Mapping[str, Any]) -> str:
    """Return the name of the folder its files are in; none is named by what is no SHA-256."""
    found = image.get("sha256")
    return found if isinstance(found, str) and is_digest(found) else ""


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 in hexadecimal digits."""
    return bool(_SHA256.fullmatch(text))


def needs(image: Mapping[str, Any]) -> set[str]:
    """Return the names of the files without which an image is not what it says."""
    if image.get("state") in WAITING:
        return {original(digest(image))}
    if image.get("state") != "ready":
        return set()
    sizes = image.get("thumbnails")
    shown = sizes.values() if isinstance(sizes, dict) else ()
    return {
        path.removeprefix("/media/")
        for size in shown
        if isinstance(size, dict)
        for path in size.values()
        if isinstance(path, str)
    }


def original(digest: str) -> str:
    """Return the name of the file as it was uploaded, which is never served."""
    return f"{digest}/original"
