"""Checks of stored products: finds and repairs faults of files, images and categories."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from api_products import jobs
from api_products.categories import moves
from api_products.images import gallery
from api_products.images.model import digest_of, original_file, required_files
from api_products.resource import products
from shared.endpoints.document_checks import Kind
from shared.http import NotFound
from shared.resource import references
from shared.schema import Document
from shared.storage import documents
from shared.storage.connections import connections

MAX_SLUGS = 100  # categories asked for in one request


def find_file_faults() -> dict[str, list[Any]]:
    """Return the faults among files and images, by kind.

    * ``orphans``: files that no product refers to
    * ``missing``: images that lack a file which can be made again
    * ``lost``: images whose uploaded file is gone
    * ``stuck``: images that wait for thumbnails without a job
    """
    moment = documents.now() - timedelta(seconds=gallery.GRACE_SECONDS)
    stored = dict(gallery.files().entries())
    referenced = gallery.referenced_digests()
    incomplete = [
        (ref, image)
        for ref, image in gallery.every_image()
        # A file that was not listed above may have been stored since.
        if not all(map(gallery.files().has, required_files(image) - stored.keys()))
    ]
    missing: list[Document] = []
    lost: list[Document] = []
    for ref, image in incomplete:
        can_render = original_file(digest_of(image)) in stored
        (missing if can_render else lost).append(_case(ref, image["id"]))
    return {
        "orphans": sorted(
            name
            for name, modified in stored.items()
            if _digest_in(name) not in referenced and modified < moment
        ),
        "missing": missing,
        "lost": lost,
        "stuck": [_case(ref, image["id"]) for ref, image in jobs.stuck_images()],
    }


def repair_files(faults: Mapping[str, Sequence[Any]]) -> None:
    """Remove orphans, make missing thumbnails again, and queue jobs for stuck images.

    Lost images stay as they are, because MEDIA_URL may only name the wrong folder.
    """
    _remove(faults["orphans"])
    for case in faults["missing"]:
        ref, number = str(case["product"]), case["image"]
        queued: Document = {"state": "queued", "since": documents.now(), "tries": 0}
        queued |= {"thumbnails": None}  # Else the product would show files that are gone.
        with contextlib.suppress(NotFound):
            product = gallery.change_image(ref, number, **queued)
            jobs.queue_image(ref, gallery.get_image(product, number))
    jobs.queue_stuck_images()


def remove_orphans() -> None:
    """Remove the files that no product refers to; a job that runs once a day."""
    _remove(find_file_faults()["orphans"])


def _remove(orphans: Iterable[str]) -> None:
    for digest in set(map(_digest_in, orphans)):
        gallery.remove_unreferenced(digest)


def _digest_in(file_name: str) -> str:
    return file_name.partition("/")[0]


def _case(ref: str, number: int) -> Document:
    return {"product": int(ref) if ref.isdigit() else ref, "image": number}


def check_categories(repair: bool) -> dict[str, Kind]:
    """Find the products with a category or a category path that is wrong.

    * ``astray``: the category does not exist
    * ``misplaced``: ``category_path`` differs from the path that the categories service reports;
      with ``repair`` the products get that path
    """
    faults = {"astray": Kind(), "misplaced": Kind()}
    groups = list(products.repository.collection.aggregate(_BY_CATEGORY, allowDiskUse=True))
    categories = filter(_is_text, (group["_id"]["category"] for group in groups))
    paths = _category_paths(sorted(set(categories)))
    for group in groups:
        category, path = group["_id"]["category"], group["_id"]["path"]
        is_text = _is_text(category)
        right_path = paths.get(category) if is_text else None
        case = {"category": category, "path": f"/products/{group['first']}"}
        count = f"(products: {group['count']:,})"
        if category is not None and right_path is None:
            if is_text:  # The document check reports other types as broken.
                why = f"there is no category {category!r} {count}"
                faults["astray"].add(case | {"why": why}, False)
        elif (category, path) != (right_path[-1] if right_path else None, right_path):
            why = f"category {category!r} is at {right_path}, not {path} {count}"
            faults["misplaced"].add(case | {"why": why}, True)
            if repair:
                moves.put({"category": category, "category_path": path}, right_path or [])
    return faults


_BY_CATEGORY: list[Document] = [
    {
        "$group": {
            "_id": {
                "category": {"$ifNull": ["$category", None]},
                "path": {"$ifNull": ["$category_path", None]},
            },
            "first": {"$first": "$_id"},
            "count": {"$sum": 1},
        }
    },
]


def _is_text(value: Any) -> bool:
    """Return True for a text; BSON code is a subclass of ``str`` and is not accepted."""
    return type(value) is str


def _category_paths(refs: Sequence[str]) -> dict[str, list[str]]:
    """Return the path of the category that each text names; one that names none is left out."""
    paths: dict[str, list[str]] = {}
    slugs = [*filter(references.is_slug, refs)]
    for start in range(0, len(slugs), MAX_SLUGS):
        some = ",".join(slugs[start : start + MAX_SLUGS])
        paths |= connections().services.get("categories", "categories:paths", slugs=some) or {}
    for ref in set(refs) - paths.keys():
        if category := references.ask("categories", ref).one():
            paths[ref] = category["path"]
    return paths
