"""Dry run: checks how a change of a category would affect products, without making it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from api_categories.resource import categories
from api_categories.stored_tree import read_tree, slugs_above
from api_categories.tree import inherited, path_of
from shared.http import ContentTooLarge, ServiceUnavailable, encode
from shared.schema import Document
from shared.schema.derived import Derived
from shared.storage import documents
from shared.storage.connections import connections

CHECK_SECONDS = 60.0  # seconds for the products service to read all products of a category


def count_misfits(ref: str) -> Document:
    """Return how many products would not fit after the change in the request's body.

    Raises:
        ContentTooLarge: The attribute schemas of the category's descendants are too large.
        ServiceUnavailable: The products service does not answer.
    """
    category = categories.get_for_update(ref)
    repository = categories.repository
    values = categories.load(categories.body(), category)
    if conflict := repository.find_conflict(values, category["_id"]):
        raise conflict
    changed = documents.change(category, repository.with_slug(category, values), Derived()).after
    before = read_tree()
    after = before | {category["_id"]: changed}
    slug = category.get("slug", "")
    body = {"category": slug, "changes": list(_schema_changes(slug, before, after))}
    status, answer = connections().services.request(
        "POST", "products", "products:misfits", body=body, seconds=CHECK_SECONDS
    )
    if status == ContentTooLarge.status:
        raise ContentTooLarge(
            "The attribute schemas of all categories below this one are too large for a dry run. "
            "Try the change on one of these categories."
        )
    if status >= 400:
        raise ServiceUnavailable(
            f"The products service answered a request of this service with {status}; see its log."
        )
    misfits: Document = answer
    return misfits


def _schema_changes(
    slug: str, before: Mapping[Any, Document], after: Mapping[Any, Document]
) -> Iterator[Document]:
    """Yield the changed attribute schemas of a category and its descendants.

    Categories with the same schemas before and after share one change.
    """
    above = slugs_above(before, after)
    own_before = {category["slug"]: category.get("attributes") for category in before.values()}
    own_after = {category["slug"]: category.get("attributes") for category in after.values()}
    slugs_by_schemas: dict[bytes, list[str]] = {}
    for id, category in before.items():
        path = path_of(category)
        if slug in path:
            path_after = [*above.get(id, map(str, path[:-1])), after[id]["slug"]]
            schemas = {
                "before": inherited(own_before.get(str(step)) for step in path),
                "after": inherited(own_after.get(step) for step in path_after),
            }
            slugs_by_schemas.setdefault(encode(schemas), []).append(category["slug"])
    for schemas_json, slugs in slugs_by_schemas.items():
        yield {"categories": slugs, **json.loads(schemas_json)}
