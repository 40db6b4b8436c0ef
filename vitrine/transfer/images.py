"""Import of images: photos of a folder, uploaded to the products that name them."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from shared.schema.text import name_key
from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer import exporter

_BETWEEN_URLS = re.compile(r",\s*(?=[a-z]+://)", re.IGNORECASE)
_QUERY = re.compile("[?#].*", re.DOTALL)

# The spellings by which a product may name one photo.
Spellings = tuple[str, ...]


@dataclass(slots=True)
class ImageReport:
    """Results: ``attached``, ``unchanged`` or ``failed`` for each photo of each product."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)  # photos that no product names
    photos: int = 0
    naming_products: int = 0  # products that name a photo
    missing: int = 0  # photos that products name and the folder lacks


def attach_images(
    client: Client, folder: Path, fields: Sequence[str], *, dry_run: bool
) -> ImageReport:
    """Upload each photo of a folder to the products that name it.

    A product names ``/m/h/hat.jpg`` by that path, by a URL that ends with it, by ``hat.jpg`` or by
    ``hat``, in any case and any Unicode form.  One field may name several photos, separated by
    commas.  A product that has a photo keeps it.

    Args:
        client: The products service.
        folder: The folder of the photos.
        fields: The fields and attributes of a product that name its photos.
        dry_run: Upload nothing.

    Raises:
        StackError: The folder cannot be read.
    """
    try:
        photos = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise StackError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    products = _products_by_photo(exporter.items(client, "id"), fields)
    by_spelling: dict[str, set[int]] = defaultdict(set)
    for spellings, ids in products.items():
        for spelling in spellings:
            by_spelling[spelling] |= ids
    in_folder = {name for path in photos for name in _names_of(path.name)}
    report = ImageReport(
        photos=len(photos),
        naming_products=len({id for ids in products.values() for id in ids}),
        missing=sum(in_folder.isdisjoint(spellings) for spellings in products),
    )
    for path in photos:
        matches = (by_spelling.get(name, ()) for name in _names_of(path.name))
        ids = {id for match in matches for id in match}
        if not ids:
            report.unmatched.append(path.name)
        for id in sorted(ids):
            try:
                report.counts[_attach_image(client, id, path, dry_run)] += 1
            except RequestRefused as error:
                report.counts["failed"] += 1
                report.errors.append(f"{path.name}: {error}")
    return report


def _products_by_photo(
    products: Iterable[Mapping[str, Any]], fields: Sequence[str]
) -> dict[Spellings, set[int]]:
    """Return the ids of the products that name each photo."""
    ids: dict[Spellings, set[int]] = defaultdict(set)
    for product in products:
        for name in fields:
            value = product.get(name, product.get("attributes", {}).get(name))
            for photo in filter(None, map(_spellings, _split(value))):
                ids[photo].add(product["id"])
    return ids


def _split(value: Any) -> list[str]:
    """Return the photos in a field that holds a path or URL, several of them, or a list."""
    if isinstance(value, list):
        return list(map(str, value))
    text = str(value or "")
    # A URL may have commas of its own.
    return _BETWEEN_URLS.split(text) if "://" in text else text.split(",")


def _spellings(photo: str) -> Spellings:
    """Return the file name in a path or URL: as it is, and as it is meant if it is a URL's."""
    photo = photo.strip().replace("\\", "/")
    path = _QUERY.sub("", photo)
    literal = photo[path.rfind("/") + 1 :]
    meant = PurePosixPath(unquote(path)).name
    return tuple(dict.fromkeys(filter(None, map(name_key, (literal, meant)))))


def _names_of(file_name: str) -> set[str]:
    """Return the names by which a product may name a file, with and without its suffix."""
    spellings = _spellings(file_name)
    return {*spellings, *(PurePosixPath(spelling).stem for spelling in spellings)}


def _attach_image(client: Client, id: int, path: Path, dry_run: bool) -> str:
    """Upload a photo unless the product has it; return ``attached`` or ``unchanged``."""
    data = path.read_bytes()
    images = client.get(f"/products/{id}/images")["items"]
    if hashlib.sha256(data).hexdigest() in {image["sha256"] for image in images}:
        return "unchanged"
    if not dry_run:
        client.upload(f"/products/{id}/images", path.name, data)
    return "attached"
