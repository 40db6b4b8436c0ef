"""``vitrine import images``: photos of a folder become images of the products that name them."""

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
class Report:
    """What became of the photos: ``attached``, ``unchanged`` or ``failed`` for each product."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    photos: int = 0
    naming: int = 0  # products that name any photo
    absent: int = 0  # photos that products name and the folder has not


def attach(client: Client, folder: Path, names: Sequence[str], *, dry_run: bool) -> Report:
    """Give each photo of a folder to the products that name it in a field or an attribute.

    A product names ``/m/h/hat.jpg`` by that path, by ``hat.jpg`` or by ``hat``, in capitals or not;
    several photos may stand there with commas between.  Who has a photo already keeps it.
    """
    try:
        photos = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise StackError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    products = _by_photo(exporter.items(client, "id"), names)
    there = {name.casefold() for path in photos for name in (path.name, path.stem)}
    report = Report(
        photos=len(photos),
        naming=len({id for ids in products.values() for id in ids}),
        absent=len(products.keys() - there),
    )
    for path in photos:
        named = (products.get(name.casefold(), ()) for name in (path.name, path.stem))
        ids = sorted({id for ids in named for id in ids})
        if not ids:
            report.unmatched.append(path.name)
        for id in ids:
            try:
                report.counts[_give(client, id, path, dry_run)] += 1
            except RequestRefused as error:
                report.counts["failed"] += 1
                report.errors.append(f"{path.name}: {error}")
    return report


def _by_photo(items: Iterable[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[int]]:
    """Return the ids of the products that name each photo."""
    found: dict[str, list[int]] = defaultdict(list)
    for item in items:
        for name in names:
            value = item.get(name, item.get("attributes", {}).get(name))
            for photo in filter(None, _photos(value)):
                found[photo].append(item["id"])
    return found


def _photos(value: Any) -> Iterator[str]:
    """Yield the file names in a field: of one path, of several, or of a list."""
    for each in value if isinstance(value, list) else str(value or "").split(","):
        yield PurePosixPath(str(each).strip()).name.casefold()


def _give(client: Client, id: int, path: Path, dry_run: bool) -> str:
    """Upload a photo unless the product has it; return what was done."""
    data = path.read_bytes()
    known = client.get(f"/products/{id}/images")["items"]
    if hashlib.sha256(data).hexdigest() in {each["sha256"] for each in known}:
        return "unchanged"
    if not dry_run:
        client.upload(f"/products/{id}/images", path.name, data)
    return "attached"
