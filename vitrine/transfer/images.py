"""Import of images: photos of a folder, uploaded to the products that name them."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer import exporter


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

    A product names ``/m/h/hat.jpg`` by that path, by ``hat.jpg`` or by ``hat``, in any case.  One
    field may name several photos, separated by commas.  A product that has a photo keeps it.

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
    in_folder = {name.casefold() for path in photos for name in (path.name, path.stem)}
    report = ImageReport(
        photos=len(photos),
        naming_products=len({id for ids in products.values() for id in ids}),
        missing=len(products.keys() - in_folder),
    )
    for path in photos:
        matches = (products.get(name.casefold(), ()) for name in (path.name, path.stem))
        ids = sorted({id for match in matches for id in match})
        if not ids:
            report.unmatched.append(path.name)
        for id in ids:
            try:
                report.counts[_attach_image(client, id, path, dry_run)] += 1
            except RequestRefused as error:
                report.counts["failed"] += 1
                report.errors.append(f"{path.name}: {error}")
    return report


def _products_by_photo(
    products: Iterable[Mapping[str, Any]], fields: Sequence[str]
) -> dict[str, list[int]]:
    """Return the ids of the products that name each photo."""
    ids: dict[str, list[int]] = defaultdict(list)
    for product in products:
        for name in fields:
            value = product.get(name, product.get("attributes", {}).get(name))
            for photo in filter(None, _file_names(value)):
                ids[photo].append(product["id"])
    return ids


def _file_names(value: Any) -> Iterator[str]:
    """Yield the file names in a field that holds a path, several paths, or a list."""
    for path in value if isinstance(value, list) else str(value or "").split(","):
        yield PurePosixPath(str(path).strip()).name.casefold()


def _attach_image(client: Client, id: int, path: Path, dry_run: bool) -> str:
    """Upload a photo unless the product has it; return ``attached`` or ``unchanged``."""
    data = path.read_bytes()
    images = client.get(f"/products/{id}/images")["items"]
    if hashlib.sha256(data).hexdigest() in {image["sha256"] for image in images}:
        return "unchanged"
    if not dry_run:
        client.upload(f"/products/{id}/images", path.name, data)
    return "attached"
