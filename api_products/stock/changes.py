"""Stock changes: adds to stocks or subtracts from them, each time with an entry in the ledger."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import Counter

from api_products.resource import products
from shared.http import Conflict
from shared.http.json import MAX_WHOLE
from shared.schema import Document, timestamp
from shared.storage import ledger
from shared.storage.documents import Change
from shared.storage.retries import DocumentChanged
from shared.storage.transactions import current_session, transaction

stock_conflicts = Counter(
    "vitrine_stock_conflicts", "Orders and changes of stock refused because too few were left."
)

_READ_FIELDS = dict.fromkeys(
    (
        *("name", "sku", "price", "currency", "stock", "status"),
        *("revision", "created_at"),
        *products.repository.tagged_by,
    ),
    True,
)


def change_stock(ref: str, count: int, reason: str) -> Document:
    """Add to the stock of a product; return the product.

    Args:
        ref: The product's id or slug.
        count: How many to add; negative to subtract.
        reason: The reason for the ledger.

    Raises:
        Conflict: The stock would become negative or too large, or is not tracked.
    """

    def write() -> Document:
        product = products.get_for_update(ref)
        stock = product.get("stock")
        if not ledger.is_number(stock):
            state = "not tracked" if stock is None else "not a number"
            raise Conflict(
                f"The stock of {product.get('name')} is {state}. Set it first, for example with "
                'PATCH {"stock": 0}.'
            )
        if count > 0 and (stock or 0) + count > MAX_WHOLE:
            raise Conflict(
                f"The stock of {product.get('name')} is {stock:,}. It may be {MAX_WHOLE:,} at most."
            )
        (after,) = add_to_stocks([product], {product["_id"]: count}, reason)
        return product | after

    return transaction(write)


def ledger_page(product: Document, page: int, per: int) -> Document:
    """Return a page of the ledger of a product, the latest entry first."""
    of_product = {"item": product["_id"]}
    entries = products.repository.ledger.find(
        of_product, sort=[("revision", -1), ("_id", -1)], skip=(page - 1) * per, limit=per
    )
    return {
        "stock": product.get("stock"),
        "items": [
            {
                "change": entry.get("change"),
                "stock": entry.get("balance"),
                "reason": entry.get("reason"),
                "order": entry.get("order"),
                "revision": entry.get("revision"),
                "request_id": entry.get("request_id"),
                "at": timestamp(entry.get("at")),
            }
            for entry in entries
        ],
        "page": page,
        "per": per,
        "total": products.repository.ledger.count_documents(of_product),
    }


def add_to_stocks(
    stored: Iterable[Document], counts: Mapping[Any, int], reason: str, **fields: Any
) -> list[Document]:
    """Add to the stocks of several products; return the products whose stock changed.

    A stock that is not tracked stays as it is.

    Args:
        stored: The products, read in the running transaction.
        counts: How many to add, by the product's id; negative to subtract.
        reason: The reason for the ledger.
        **fields: Further fields of the ledger entries.

    Raises:
        Conflict: A stock would become negative.
    """
    if not counts:
        return []
    tracked = [
        product
        for product in stored
        if product["_id"] in counts and ledger.is_number(product.get("stock"))
    ]
    short = [
        product
        for product in tracked
        if counts[product["_id"]] < 0 and product["stock"] + counts[product["_id"]] < 0
    ]
    if short:
        raise _too_few(short)
    additions = [_addition(product, counts[product["_id"]]) for product in tracked]
    try:
        after = products.repository.apply(additions, reason, **fields)
    except DocumentChanged as error:
        raise _too_few([]) from error
    deleted = counts.keys() - {product["_id"] for product in tracked}
    in_trash = list(_additions_in_trash(deleted, counts))
    products.repository.apply(in_trash, reason, in_trash=True, **fields)
    return after


def _too_few(short: Iterable[Document]) -> Conflict:
    stock_conflicts.inc()
    left = [f"{product.get('name')}: {max(0, int(product['stock']))} left" for product in short]
    return Conflict(f"Too few are in stock. {', '.join(left)}".strip())


def _addition(product: Document, count: int) -> Change:
    """Return the change that adds to a stock, or subtracts from one that is large enough."""
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


def read_products(ids: Sequence[Any]) -> list[Document]:
    """Read the fields of products that ordering needs."""
    return list(products.repository.select({"_id": {"$in": ids}}, _READ_FIELDS))
