"""Whether the stocks are what the ledger of all their changes says, and what to do if not."""

from decimal import Decimal
from functools import partial
from typing import Any

from api_products.resource import products
from shared.schema import Document
from shared.storage import documents, ledger
from shared.storage.documents import Change
from shared.storage.transactions import current_session, transaction


def check() -> list[Document]:
    """Return the products whose stock is not what the ledger adds up to, with both numbers."""
    return [found for found in map(_drift, _suspects()) if found]


def repair(found: list[Document], accept: bool) -> None:
    """Set these stocks to what the ledger says or, to ``accept`` them, tell the ledger of them."""
    for each in found:
        transaction(partial(_mend, each["_id"], accept))


def shown(drift: Document) -> Document:
    """Return a drift as clients see it."""
    return {
        "product_id": products.schema.fields["id"].serialize("_id", drift),
        "name": drift["name"],
        "stock": drift["stock"],
        "ledger": documents.as_integer(drift["ledger"]),
    }


def _suspects() -> list[Any]:
    """Return the ids of products that were other than their ledger at two moments close by."""
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
    found = products.repository.ledger.aggregate(pipeline, allowDiskUse=True)
    return [each["_id"] for each in found]


def _drift(id: Any) -> Document | None:
    """Compare one product with its ledger as both were at one moment."""
    return transaction(lambda: _compared(id))


def _compared(id: Any) -> Document | None:
    product = products.repository.collection.find_one({"_id": id}, session=current_session())
    if product is None:
        return None
    stock = product.get("stock")
    summed = products.repository.ledger.aggregate(
        ledger.balance_pipeline({"$match": {"item": id}}), session=current_session()
    )
    balance = next((each["balance"] for each in summed), 0)
    if balance == (0 if stock is None else stock):
        return None
    return product | {"stock": stock, "ledger": balance}


def _count(value: Any) -> int | None:
    """Return the whole number that a hand edit may have left as a double, decimal or text."""
    try:
        return int(Decimal(str(value)))
    except (ArithmeticError, ValueError):
        return None


def _mend(id: Any, accept: bool) -> None:
    drift = _compared(id)
    if drift is None:
        return
    believed = drift["stock"] if accept else drift["ledger"]
    # Accepted as not tracked, it stays so.
    count = _count(believed)
    if count is None and believed is not None:
        return  # Neither a number nor nothing: somebody has to look at it.
    new = {} if count is None else {"stock": max(0, count)}
    mending = Change(
        filter={"_id": id},
        update={"$set": new},
        before=drift | {"stock": drift["ledger"]},
        after=drift | new,
    )
    products.repository.apply([mending], "counted" if accept else "reconciled")
