"""What adds to stocks and takes from them, each change with its entry in the ledger."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import Counter

from api_products.resource import products
from shared.http import Conflict
from shared.schema import Document, timestamp
from shared.storage import ledger
from shared.storage.documents import Change
from shared.storage.retries import DocumentChanged
from shared.storage.transactions import current_session, transaction

SHORT = Counter("vitrine_stock_conflicts", "What was refused because too few were left.")


def change(ref: str, count: int, reason: str) -> Document:
    """Add to the stock of a product, or take from it; return the product.

    Raise ``Conflict`` when less than none would be left, or when it is not tracked.
    """

    def add() -> Document:
        product = products.get_for_update(ref)
        stock = product.get("stock")
        if not ledger.is_number(stock):
            why = "tracked" if stock is None else "a number"
            raise Conflict(
                f"The stock of {product.get('name')} is not {why}; set one first, such as by "
                'PATCH {"stock": 0}.'
            )
        (after,) = move([product], {product["_id"]: count}, reason)
        return product | after

    return transaction(add)


def entries(product: Document, page: int, per: int) -> Document:
    """Return a page of the ledger of a product, the latest entry first."""
    asked = {"item": product["_id"]}
    found = products.repository.ledger.find(
        asked, sort=[("revision", -1), ("_id", -1)], skip=(page - 1) * per, limit=per
    )
    return {
        "stock": product.get("stock"),
        "items": [
            {
                "change": each.get("change"),
                "stock": each.get("balance"),
                "reason": each.get("reason"),
                "order": each.get("order"),
                "revision": each.get("revision"),
                "request_id": each.get("request_id"),
                "at": timestamp(each.get("at")),
            }
            for each in found
        ],
        "page": page,
        "per": per,
        "total": products.repository.ledger.count_documents(asked),
    }


def move(
    found: Iterable[Document], changes: Mapping[Any, int], reason: str, **more: Any
) -> list[Document]:
    """Add to the stocks of products by their ids; return those whose stock changed.

    They were ``found`` in the running transaction.  One that is not tracked stays as it is.  Raise
    ``Conflict`` where less than 0 would be left.
    """
    if not changes:
        return []
    tracked = [
        product
        for product in found
        if product["_id"] in changes and ledger.is_number(product.get("stock"))
    ]
    short = [
        product
        for product in tracked
        if changes[product["_id"]] < 0 and product["stock"] + changes[product["_id"]] < 0
    ]
    if short:
        raise _less_than_none(short)
    additions = [_addition(product, changes[product["_id"]]) for product in tracked]
    try:
        after = products.repository.apply(additions, reason, **more)
    except DocumentChanged as error:
        raise _less_than_none([]) from error
    deleted = changes.keys() - {product["_id"] for product in tracked}
    in_trash = list(_additions_in_trash(deleted, changes))
    products.repository.apply(in_trash, reason, in_trash=True, **more)
    return after


def _less_than_none(short: Iterable[Document]) -> Conflict:
    SHORT.inc()
    left = ", ".join(f"{each.get('name')}: {max(0, int(each['stock']))} left" for each in short)
    return Conflict(f"That would leave less than none. {left}".strip())


def _addition(product: Document, count: int) -> Change:
    """Return the change that adds to a stock, or takes from one that has enough."""
    enough = {"stock": {"$gte": -count}} if count < 0 else {}
    return Change(
        filter={"_id": product["_id"]} | enough,
        update={"$inc": {"stock": count}},
        before=product,
        after=product | {"stock": product["stock"] + count},
    )


def _additions_in_trash(ids: Iterable[Any], counts: Mapping[Any, int]) -> Iterator[Change]:
    """Yield changes that add to the stocks of deleted products, which may be restored."""
    for id in ids:
        deleted = products.repository.trash.find_one(
            {"id": id}, sort=[("deleted_at", -1)], session=current_session()
        )
        if deleted and ledger.is_number(deleted.get("stock")):
            product, stock = deleted | {"_id": id}, max(0, deleted["stock"] + counts[id])
            yield Change(
                filter={"_id": deleted["_id"]},
                update={"$set": {"stock": stock}},
                before=product,
                after=product | {"stock": stock},
            )


def find(ids: Sequence[Any]) -> list[Document]:
    """Return what ordering needs to know of products, by their ids."""
    found = products.repository.collection.find(
        {"_id": {"$in": ids}}, _READ, session=current_session()
    )
    return list(found)


_READ = dict.fromkeys(
    (
        *("name", "sku", "price", "currency", "stock", "status"),
        *("slug", "category_path", "revision", "created_at"),
    ),
    True,
)
