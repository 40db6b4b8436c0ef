"""How many products would not fit, were their categories to ask for other attributes."""

from collections.abc import Iterable, Mapping
from typing import Any

from api_products.resource import products
from shared.schema.attribute_rules import misfits
from shared.schema.serialization import Document


def report(category: str, changes: Iterable[Mapping[str, Any]]) -> Document:
    """Return how many products are in a category and below it, and how many would not fit.

    A change is ``{"categories": [slug, ...], "before": schema, "after": schema}``.  Misfits are
    new where the product, or its attribute, fits before.  The products are read one by one, so
    that there may be any number of them.
    """
    schemas = {
        slug: (each["before"], each["after"]) for each in changes for slug in each["categories"]
    }
    counts = {"products": 0, "misfits": 0, "new_misfits": 0}
    attributes: dict[str, Document] = {}
    found = products.repository.collection.find(
        {"category_path": category}, {"category": True, "attributes": True}
    )
    for product in found:
        before, after = schemas.get(str(product.get("category")), ({}, {}))
        wrong = misfits(product.get("attributes"), after)
        known = misfits(product.get("attributes"), before) if wrong else {}
        counts["products"] += 1
        counts["misfits"] += bool(wrong)
        counts["new_misfits"] += bool(wrong) and not known
        for name, messages in wrong.items():
            told = attributes.setdefault(name, {"misfits": 0, "new_misfits": 0})
            _note(told, product, messages[0], name not in known)
    worst = sorted(attributes.items(), key=lambda each: -each[1]["misfits"])
    return {**counts, "attributes": dict(worst)}


def _note(told: Document, product: Document, message: str, is_new: bool) -> None:
    """Count one misfit of an attribute; the first new one is its example, else the first."""
    if not told["misfits"] or (is_new and not told["new_misfits"]):
        id = products.schema.fields["id"].serialize("_id", product)
        told |= {"message": message, "example": f"/products/{id}"}
    told["misfits"] += 1
    told["new_misfits"] += is_new
