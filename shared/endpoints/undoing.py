"""Undo of many items at once: the inverse requests of a page of an import, by a few writes.

It does nothing that the requests alone would not do.  What it leaves out is for a request of its
own: items whose methods have rules of the service (``Resource.together``), items that were changed
meanwhile, and values that the service refuses.  That request says why.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError

from shared.endpoints.inverse import Comparison, Inverse
from shared.http.errors import ApiError
from shared.resource import Resource
from shared.schema.serialization import Document
from shared.storage import trash
from shared.storage.bulk import bulk

# The method of the resource that an inverse request calls.
_METHODS = {"DELETE": "delete", "PATCH": "update", "POST": "restore"}


def undo_together(
    resource: Resource, pairs: Sequence[tuple[Comparison, Inverse]], deleted: dict[Any, Document]
) -> set[Any]:
    """Undo what can be undone together; return the ids of the items that are undone.

    Args:
        resource: The collection.
        pairs: Each item as it was compared, and its inverse.
        deleted: The items of the trash, by id.
    """
    by_method: dict[str, list[tuple[Comparison, Document]]] = {name: [] for name in _METHODS}
    for comparison, inverse in pairs:
        stored = comparison.now or deleted.get(comparison.effect.item)
        request = inverse.request
        if request and stored and resource.may_join(_METHODS[request["method"]], stored):
            by_method[request["method"]].append((replace(comparison, now=stored), request))
    removed = [each.now for each, _ in by_method["DELETE"] if each.now]
    done = trash.delete_many(resource.repository, removed) if removed else set()
    done |= _restore(resource, by_method["POST"])
    return done | _put_back(resource, by_method["PATCH"])


def _restore(resource: Resource, requests: Sequence[tuple[Comparison, Document]]) -> set[Any]:
    inputs = [
        (stored, values)
        for comparison, request in requests
        if (stored := comparison.now)
        and (values := _loaded(resource, request, stored, is_restored=True)) is not None
    ]
    return trash.restore_many(resource.repository, inputs) if inputs else set()


def _put_back(resource: Resource, requests: Sequence[tuple[Comparison, Document]]) -> set[Any]:
    """Change items back; return the ids of those that have their earlier values now."""
    inputs = [
        (comparison, stored, values)
        for comparison, request in requests
        if (stored := comparison.now)
        and (values := _loaded(resource, request, stored, is_restored=False)) is not None
    ]
    if not inputs:
        return set()
    pairs = [(stored, values) for _, stored, values in inputs]
    written = bulk(resource.repository, pairs, atomic=False)
    return {
        comparison.effect.item
        for (comparison, _, _), document in zip(inputs, written, strict=True)
        if document and replace(comparison, now=document).inverse().request is None
    }


def _loaded(
    resource: Resource, request: Document, stored: Document, is_restored: bool
) -> Document | None:
    """Return the validated values of a request; None if the service refuses them."""
    values = request["body"] or {}
    try:
        return (resource.load_restored if is_restored else resource.load)(values, stored)
    except ValidationError:
        return None
    except ApiError as error:
        if error.status >= 500:
            raise
        return None
