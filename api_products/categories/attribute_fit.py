"""Attribute fit: counts the products that would not fit changed attribute schemas."""

from collections.abc import Iterable, Mapping
from typing import Any

from api_products.resource import products
from shared.schema import Document
from shared.schema.attribute_rules import misfits


def count_misfits(category: str, changes: Iterable[Mapping[str, Any]]) -> Document:
    """Count the products in a category and its descendants, and those that would not fit.

    A change is ``{"categories": [slug, ...], "before": schema, "after": schema}``.  A misfit is new
    if the product, or the attribute, fits the schema before the change.  The products are read one
    by one, so their number is not limited.
    """
    schemas = {
        slug: (change["before"], change["after"])
        for change in changes
        for slug in change["categories"]
    }
    counts = {"products": 0, "misfits": 0, "new_misfits": 0}
    attributes: dict[str, Document] = {}
    stored_products = products.repository.select(
        {"category_path": category}, {"category": True, "attributes": True, "status": True}
    )
    for product in stored_products:
        before, after = schemas.get(str(product.get("category")), ({}, {}))
        misfits_after = misfits(product.get("attributes"), after)
        misfits_before = misfits(product.get("attributes"), before) if misfits_after else {}
        counts["products"] += 1
        counts["misfits"] += bool(misfits_after)
        counts["new_misfits"] += bool(misfits_after) and not misfits_before
        for name, messages in misfits_after.items():
            count = attributes.setdefault(name, {"misfits": 0, "new_misfits": 0})
            _count(count, product, messages[0], name not in misfits_before)
    most_misfits_first = sorted(attributes.items(), key=lambda item: -item[1]["misfits"])
    return {**counts, "attributes": dict(most_misfits_first)}


def _count(count: Document, product: Document, message: str, is_new: bool) -> None:
    """Count one misfit of an attribute; its example is the first new misfit, else the first one."""
    is_better = "example" not in count or (is_new and not count["new_misfits"])
    # The caller may not see drafts, so they are counted only.
    if is_better and not products.is_hidden(product):
        id = products.schema.fields["id"].serialize("_id", product)
        count |= {"message": message, "example": f"/products/{id}"}
    count["misfits"] += 1
    count["new_misfits"] += is_new
