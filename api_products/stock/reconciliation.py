"""Stock reconciliation: finds stocks that differ from their ledger, and corrects one of the two."""

from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import Any

from api_products.resource import products
from shared.schema import Document
from shared.storage import documents, ledger
from shared.storage.documents import Change
from shared.storage.transactions import current_session, transaction


def find_drifts() -> list[Document]:
    """Return the products whose stock differs from the sum of their ledger, with both numbers."""
    return [drift for drift in map(_drift, _suspects()) if drift]


def reconcile(drifts: Iterable[Document], accept: bool) -> None:
    """Set stocks to the sums of their ledgers, or with ``accept`` the ledgers to the stocks."""
    for drift in drifts:
        transaction(partial(_reconcile, drift["_id"], accept))


def drift_to_json(drift: Document) -> Document:
    """Return a drift as clients see it."""
    return {
        "product_id": products.schema.fields["id"].serialize("_id", drift),
        "name": drift["name"],
        "stock": drift["stock"],
        "ledger": documents.as_integer(drift["ledger"]),
    }


def _suspects() -> list[Any]:
    """Return the ids of products whose stock seems to differ from their ledger.

    The two are read at slightly different moments, so each product has to be compared again.
    """
    pipeline = [
        *ledger.balance_pipeline(),
        {
            "$lookup": {
                "from": products.name,
                "localField": "_id",
                "foreignField": "_id",
                "as": "product",
                "pipeline": [{"$project": {"stock": True}}],
            }
        },
        {"$unwind": "$product"},
        {"$set": {"stock": {"$ifNull": ["$product.stock", 0]}}},
        {"$match": {"$expr": {"$ne": ["$stock", "$balance"]}}},
        {"$project": {"_id": True}},
    ]
    suspects = products.repository.ledger.aggregate(pipeline, allowDiskUse=True)
    return [suspect["_id"] for suspect in suspects]


def _drift(id: Any) -> Document | None:
    """Compare a product with its ledger at one moment, which takes a transaction."""
    return transaction(lambda: _compare(id))


def _compare(id: Any) -> Document | None:
    """Return the product with its ``stock`` and ``ledger`` sum if these differ, else None."""
    product = products.repository.collection.find_one({"_id": id}, session=current_session())
    if product is None:
        return None
    stock = product.get("stock")
    balances = products.repository.ledger.aggregate(
        ledger.balance_pipeline({"$match": {"item": id}}), session=current_session()
    )
    balance = next((document["balance"] for document in balances), 0)
    if balance == (0 if stock is None else stock):
        return None
    return product | {"stock": stock, "ledger": balance}


def _as_count(value: Any) -> int | None:
    """Return a whole number, even if a hand edit left it as a double, a decimal or a text."""
    try:
        return int(Decimal(str(value)))
    except (ArithmeticError, ValueError):
        return None


def _reconcile(id: Any, accept: bool) -> None:
    drift = _compare(id)
    if drift is None:
        return
    right = drift["stock"] if accept else drift["ledger"]
    count = _as_count(right)
    if count is None and right is not None:
        return  # The stock is not a number, and only a person can say how many are left.
    # A stock that is accepted as not tracked stays None.
    new = {} if count is None else {"stock": max(0, count)}
    correction = Change(
        filter={"_id": id},
        update={"$set": new},
        before=drift | {"stock": drift["ledger"]},
        after=drift | new,
    )
    products.repository.apply([correction], "counted" if accept else "reconciled")
