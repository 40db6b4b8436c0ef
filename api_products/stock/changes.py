"""What adds to stocks and takes from them, each change with its entry in the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import Counter
from pymongo import UpdateOne

from api_products.resource import products
from shared.cache.keys import new_token
from shared.http import Conflict
from shared.schema import Document, timestamp
from shared.storage import documents, ledger
from shared.storage.connections import connections

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

    return connections().transaction(add)


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
    token = new_token()
    writes, pairs = [], []
    for before in found:
        change = changes.get(before["_id"])
        if change is None or not ledger.is_number(before.get("stock")):
            continue
        stamp = documents.stamp(before, token)
        enough = {"stock": {"$gte": -change}} if change < 0 else {}
        update = {"$inc": {"stock": change}, "$set": stamp}
        writes.append(UpdateOne({"_id": before["_id"]} | enough, update))
        pairs.append((before, before | stamp | {"stock": before["stock"] + change}))
    short = [before for before, after in pairs if after["stock"] < 0 and changes[after["_id"]] < 0]
    session = connections().session
    if short or (
        writes
        and products.repository.writable.bulk_write(writes, session=session).matched_count
        < len(writes)
    ):
        SHORT.inc()
        left = ", ".join(f"{each.get('name')}: {max(0, int(each['stock']))} left" for each in short)
        raise Conflict(f"That would leave less than none. {left}".strip())
    gone = changes.keys() - {before["_id"] for before, _ in pairs}
    products.repository.record_in_ledger(
        [*pairs, *_move_in_trash(gone, changes, token)], reason, **more
    )
    products.repository.invalidate([each for pair in pairs for each in pair], token)
    return [after for _, after in pairs]


def _move_in_trash(
    ids: Iterable[Any], changes: Mapping[Any, int], token: str
) -> list[tuple[Document, Document]]:
    """Add to the stocks of deleted products, which may come back; return before and after."""
    pairs = []
    trash, session = products.repository.trash, connections().session
    for id in ids:
        kept = trash.find_one({"id": id}, sort=[("deleted_at", -1)], session=session)
        if kept and ledger.is_number(kept.get("stock")):
            before = kept | {"_id": id}
            after = documents.stamp(before, token) | {"stock": max(0, kept["stock"] + changes[id])}
            trash.update_one({"_id": kept["_id"]}, {"$set": after}, session=session)
            pairs.append((before, before | after))
    return pairs


def find(ids: Sequence[Any]) -> list[Document]:
    """Return what ordering needs to know of products, by their ids."""
    found = products.repository.collection.find(
        {"_id": {"$in": ids}}, _READ, session=connections().session
    )
    return list(found)


_READ = dict.fromkeys(
    (
        *("name", "sku", "price", "currency", "stock", "status"),
        *("slug", "category_path", "revision", "created_at"),
    ),
    True,
)
