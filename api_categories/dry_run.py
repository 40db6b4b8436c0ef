"""What a change of a category would do to products, tried out without being made."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response

from api_categories import moves
from api_categories.resource import categories
from api_categories.tree import inherited, path_of
from shared.http.errors import ContentTooLarge, ServiceUnavailable
from shared.http.json import encode
from shared.http.responses import respond
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.connections import connections

CHECK_SECONDS = 60.0  # for the products service to look at all products of a category


def report(ref: str) -> Response:
    """Answer what the change in the body would do to products, without doing it."""
    categories.reject_unknown_parameters()
    category = categories.get_for_update(ref)
    repository = categories.repository
    values = categories.load(categories.body(), category)
    if clash := repository.find_conflict(values, category["_id"]):
        raise clash
    change = documents.change(category, repository.named(category, values), "", None)
    before = moves.tree()
    after = before | {category["_id"]: change.after if change else category}
    slug = category.get("slug", "")
    body = {"category": slug, "changes": list(_schema_changes(slug, before, after))}
    status, answer = connections().peers.ask(
        "POST", "products", "products:misfits", body=body, seconds=CHECK_SECONDS
    )
    if status == ContentTooLarge.status:
        raise ContentTooLarge("The schemas of all categories below are too large to check at once.")
    if status >= 400:
        raise ServiceUnavailable(f"The products service refused a request of ours ({status}).")
    return respond(answer)


def _schema_changes(
    slug: str, before: Mapping[Any, Document], after: Mapping[Any, Document]
) -> Iterator[Document]:
    """Yield the attribute schemas of a category and all below it, each pair of them once."""
    places = moves.above(before, after)
    old = {each["slug"]: each.get("attributes") for each in before.values()}
    new = {each["slug"]: each.get("attributes") for each in after.values()}
    alike: dict[bytes, list[str]] = {}
    for id, each in before.items():
        path = path_of(each)
        if slug in path:
            steps = [*places.get(id, map(str, path[:-1])), after[id]["slug"]]
            pair = {
                "before": inherited(old.get(str(step)) for step in path),
                "after": inherited(new.get(step) for step in steps),
            }
            alike.setdefault(encode(pair), []).append(each["slug"])
    for encoded, slugs in alike.items():
        yield {"categories": slugs, **json.loads(encoded)}
