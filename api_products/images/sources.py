"""Photos by URL: pure functions on the list of images that is stored with a product.

An image that comes from a URL has the member ``url``.  ``is_due`` is true until its photo was
fetched, ``etag`` and ``modified`` are the validators with which its source has answered, and
``import`` is the import that has asked for it, of which the writes of the job are a part.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from api_products.images.model import DUE, Image, appended, images_of

MAX_PHOTOS = 250  # photos by URL of one product
MAX_URL = 2000  # characters
SCHEMES = {"http": 80, "https": 443}  # with their usual ports
MIN_PORT = 1024  # the lowest port besides the usual ones


def clean_url(text: str) -> str:
    """Return the one spelling of the URL of a photo, without its fragment.

    Raises:
        ValueError: The URL cannot be that of a photo; the text says why.
    """
    return split_url(text).url


def split_url(text: str) -> Url:
    """Return the parts of the URL of a photo, or raise as ``clean_url`` does."""
    text = text.strip()
    if len(text) > MAX_URL:
        raise ValueError(f"Has more than {MAX_URL} characters; send a shorter URL.")
    if "\\" in text or not text.isprintable():
        raise ValueError("Contains a backslash or a control character; remove it.")
    try:
        parts = parse_url(text)
    except LocationParseError as error:
        raise ValueError("Is not a URL; send one such as https://shop.example/1.jpg.") from error
    if parts.scheme not in SCHEMES or not parts.host:
        raise ValueError("Is not a URL of http or https; send one such as https://shop.example/1.")
    if parts.auth is not None:
        raise ValueError("Contains a user name or password; remove it.")
    clean = parts._replace(fragment=None, path=parts.path or "/")
    if len(clean.url) > MAX_URL:
        raise ValueError(f"Has more than {MAX_URL} characters; send a shorter URL.")
    return clean


def port_of(url: Url) -> int:
    """Return the port that a URL names, or the usual one of its scheme."""
    return url.port if url.port is not None else SCHEMES[str(url.scheme)]


def is_usual_port(port: int) -> bool:
    """Return True for the ports of websites: 80, 443, and those of programs without privileges."""
    return port in SCHEMES.values() or port >= MIN_PORT


def photos_to_json(images: Collection[Image]) -> list[Image]:
    """Return the URLs and texts of the images that come from URLs."""
    return [
        {"url": image["url"], "alt": image.get("alt")} for image in images if is_from_url(image)
    ]


def is_from_url(image: Mapping[str, Any]) -> bool:
    """Return True if an image comes from a URL."""
    return isinstance(image.get("url"), str)


def is_uploaded(image: Mapping[str, Any]) -> bool:
    """Return True if an image does not come from a URL."""
    return not is_from_url(image)


def new_photo(photo: Mapping[str, Any], now: datetime, import_id: str) -> Image:
    """Return an image that waits for its photo; it gets its number when it is stored.

    Args:
        photo: The ``url``, and the text ``alt`` if there is one.
        now: The present time.
        import_id: The import that asks for it, or an empty text.
    """
    image: Image = {"url": photo["url"]}
    image |= {"alt": photo["alt"]} if photo.get("alt") is not None else {}
    return image | waiting(now, import_id)


def waiting(now: datetime, import_id: str) -> Image:
    """Return the values of an image whose photo is to be fetched, for the first time or again."""
    values = {"state": DUE, "reason": None, "since": now, "tries": 0, "is_due": True}
    return values | {"import": import_id or None}


def with_photos(
    product: Mapping[str, Any],
    photos: Sequence[Mapping[str, Any]],
    now: datetime,
    import_id: str,
    *,
    keeps_others: bool = False,
) -> dict[str, Any]:
    """Return the values of a product to change, so that it has these photos by URL.

    An image whose URL is among them stays, in its place; its text changes if the photo has one.
    Uploaded images stay.  Nothing is returned if nothing changes.

    Args:
        product: The product as it is stored.
        photos: The photos.
        now: The present time.
        import_id: The import that asks for them, or an empty text.
        keeps_others: Keep the images of other URLs as well.
    """
    stored = images_of(product)
    wanted = {photo["url"]: photo for photo in photos}
    kept = [
        _described(image, wanted.get(image.get("url"), {}))
        for image in stored
        if keeps_others or not is_from_url(image) or image["url"] in wanted
    ]
    present = {image.get("url") for image in kept}
    new = [new_photo(photo, now, import_id) for url, photo in wanted.items() if url not in present]
    if not new and kept == stored:
        return {}
    return appended({**product, "images": kept}, new, product)


def _described(image: Image, photo: Mapping[str, Any]) -> Image:
    if "alt" not in photo or photo["alt"] == image.get("alt"):
        return image
    return {**image, "alt": photo["alt"]}
