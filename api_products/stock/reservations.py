"""Reservations: the stock that an order holds until it is shipped or cancelled.

The id of a reservation is the order's UUID, so a request to reserve may be repeated.  A reservation
is ``held``, and in the end ``shipped`` or ``released``.  An unknown reservation can be released as
well, so that a delayed request to reserve is refused afterwards.  Reservation, stocks and ledger
change in one transaction.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from bson import ObjectId
from flask import current_app
from marshmallow import ValidationError
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from api_products.resource import products
from api_products.stock import changes, rules
from shared.http import Conflict, NotFound
from shared.schema import Document, Money
from shared.storage import documents
from shared.storage.connections import connections, settings
from shared.storage.transactions import current_session, transaction

T = TypeVar("T")
STATES = HELD, SHIPPED, RELEASED = "held", "shipped", "released"
# seconds before a reservation is listed: until then its order may not be stored yet
SETTLE_SECONDS = 60

ProductId = int | str
# Transactions that share a product abort each other.  With many products that happens often, so
# the large ones of a process run one after the other.
_one_at_a_time = threading.Lock()


class _AlreadyReserved(Exception):
    """A reservation with this id exists."""


@dataclass(frozen=True, slots=True)
class _RefusedLine:
    """A line that cannot be reserved, by its place in the request."""

    index: int
    product_id: ProductId
    quantity: int
    refusal: rules.Refusal


def reserve(id: str, quantities: Mapping[ProductId, int]) -> Document:
    """Reserve products for an order; return the reservation with its priced lines.

    Args:
        id: The order's UUID.
        quantities: How many of each product.

    Raises:
        Conflict: Lines cannot be reserved, or the id is of a released or a different reservation.
    """

    def write() -> Document:
        stored = changes.read_products([_stored_id(product_id) for product_id in quantities])
        lines, refused = _price_lines(quantities, stored)
        new = {"_id": id, "state": HELD, "lines": lines, "at": documents.now()}
        try:
            # Inserted first, so that the second of two equal requests fails here.
            _reservations().insert_one(new, session=current_session())
        except DuplicateKeyError as error:
            raise _AlreadyReserved from error
        if refused:
            if any(line.refusal.why == rules.SHORT for line in refused):
                changes.stock_conflicts.inc()
            raise _refusal_error(refused)
        taken = {product_id: -quantity for product_id, quantity in _tracked(lines).items()}
        changes.add_to_stocks(stored, taken, "ordered", order=id)
        return new

    try:
        with _one_at_a_time if len(quantities) > 1 else nullcontext():
            return _transaction(write)
    except _AlreadyReserved:
        reservation = get(id)
    if reservation["state"] == RELEASED:
        raise Conflict("This reservation was released. Use a new id.", state=RELEASED)
    if {line["product_id"]: line["quantity"] for line in reservation["lines"]} != dict(quantities):
        state = reservation["state"]
        raise Conflict("This reservation holds other lines. Use a new id.", state=state)
    return reservation


def get(id: str) -> Document:
    """Return a reservation or raise ``NotFound``."""
    reservation = _reservations().find_one({"_id": id}, session=current_session())
    if reservation is None:
        raise NotFound(f"There is no reservation {id}.")
    return reservation


def release(id: str) -> None:
    """Release a reservation and give its stock back; raise ``Conflict`` if it was shipped."""

    def write() -> None:
        reservation = _end(id, RELEASED)
        if reservation is None or reservation["state"] == RELEASED:
            return
        if reservation["state"] == SHIPPED:
            raise Conflict("This reservation was shipped.", state=SHIPPED)
        returned = _tracked(reservation["lines"])
        stored = changes.read_products(list(returned))
        changes.add_to_stocks(stored, returned, "released", order=id)

    _transaction(write)


def ship(id: str) -> None:
    """Mark a reservation as shipped; raise ``Conflict`` if it holds nothing."""

    def write() -> None:
        reservation = _end(id, SHIPPED)
        if reservation is None or reservation["state"] == RELEASED:
            raise Conflict("This reservation holds nothing.", state=RELEASED)

    _transaction(write)


def held_ids(after: str, limit: int) -> list[str]:
    """Return the ids of reservations held for a while, sorted, from the one after ``after``."""
    moment = documents.now() - timedelta(seconds=SETTLE_SECONDS)
    held = {"state": HELD, "_id": {"$gt": after}, "at": {"$lt": moment}}
    stored = _reservations().find(held, {"_id": True}, sort=[("_id", 1)], limit=limit)
    return [reservation["_id"] for reservation in stored]


def reservation_to_json(reservation: Document) -> Document:
    """Return a reservation as clients see it."""
    lines = [
        {name: value for name, value in line.items() if name != "tracked"}
        for line in reservation["lines"]
    ]
    return {"id": reservation["_id"], "state": reservation["state"], "lines": lines}


def _end(id: str, state: str) -> Document | None:
    """Bring a reservation into its last state; return it as it was, None if it did not exist.

    An unknown reservation is stored as released, but not as shipped.
    """
    changed = {"state": state, "ended_at": documents.now()}
    held = {"_id": id, "state": HELD}
    session = current_session()
    before = _reservations().find_one_and_update(held, {"$set": changed}, session=session)
    if before is None:
        before = _reservations().find_one({"_id": id}, session=session)
        if before is None and state == RELEASED:
            new = {"_id": id, "lines": [], "at": changed["ended_at"], **changed}
            _reservations().insert_one(new, session=session)
    return before


def _stored_id(id: ProductId) -> Any:
    return ObjectId(id) if isinstance(id, str) else id


def _tracked(lines: Sequence[Document]) -> dict[Any, int]:
    """Return the quantities of the lines whose stock is tracked, by stored product id."""
    return {_stored_id(line["product_id"]): line["quantity"] for line in lines if line["tracked"]}


def _price_lines(
    quantities: Mapping[ProductId, int], stored: Sequence[Document]
) -> tuple[list[Document], list[_RefusedLine]]:
    """Return a line for each product at its present price, and the lines that are refused."""
    by_id = {product["_id"]: product for product in stored}
    lines, refused = [], []
    for index, (id, quantity) in enumerate(quantities.items()):
        product = by_id.get(_stored_id(id))
        if product and products.is_hidden(product):
            product = None  # Its name is not for customers.
        price = _price(product) if product else None
        lines.append(_line(product or {}, id, quantity, price))
        if refusal := rules.refusal(product, id, price, quantity):
            refused.append(_RefusedLine(index, id, quantity, refusal))
    return lines, refused


def _line(product: Document, id: ProductId, quantity: int, price: Any) -> Document:
    """Return the values of a product that an order keeps, even if the product changes later."""
    return {
        "product_id": id,
        "quantity": quantity,
        "name": product.get("name"),
        "sku": product.get("sku"),
        "unit_price": price,
        "currency": product.get("currency") or settings().currency or None,
        "tracked": rules.is_tracked(product),
    }


def _price(product: Document) -> Any:
    """Return a price as an amount, even if a hand edit left it as a number or a text."""
    price = product.get("price")
    try:
        return Money().deserialize(str(price)) if price is not None else None
    except ValidationError:
        return None


def _refusal_error(refused: Sequence[_RefusedLine]) -> Conflict:
    errors = [
        {"pointer": f"/lines/{line.index}", "message": line.refusal.message} for line in refused
    ]
    lines = [
        {
            "product_id": line.product_id,
            "why": line.refusal.why,
            "wanted": line.quantity,
            "left": line.refusal.left,
        }
        for line in refused
    ]
    return Conflict("", errors, lines=lines)


def _transaction(write: Callable[[], T]) -> T:
    """Run a write of reservations in a transaction, once their index exists.

    MongoDB completes an index on a collection with documents only when all voting members of the
    replica set answer, and the writers of the collection would wait for it.
    """
    _reservations()
    return transaction(write)


def _reservations() -> Collection[Document]:
    """Return the collection of reservations; create its index first, outside of a transaction."""
    name = f"{products.name}.reservations"
    collection = connections().db[name]
    indexed: set[str] = current_app.extensions.setdefault("indexed", set())
    if name not in indexed and not current_session():
        collection.create_indexes([IndexModel([("state", 1), ("_id", 1)])])
        indexed.add(name)
    return collection
