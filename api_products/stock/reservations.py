"""Stock that an order holds: taken when the order is placed, given back when it is cancelled.

A reservation has the order's UUID as its id, so that asking again changes nothing.  It is ``held``,
then ``shipped`` for good, or ``released``: that, too, may be said of one that never was, so that a
request which comes late finds it given up.  Reservation, stocks and ledger change in one
transaction, or not at all.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
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
from shared.storage.connections import connections
from shared.storage.transactions import current_session, transaction

T = TypeVar("T")
STATES = HELD, SHIPPED, RELEASED = "held", "shipped", "released"
# A reservation is asked after no sooner: its order may be on its way still.
SETTLE_SECONDS = 60

ProductId = int | str
# The index of a line, its product, how many of it, and why not.
_Refused = tuple[int, ProductId, int, rules.Refusal]
# Transactions that meet in some product break each other off.  With many products they often do, so
# those of one process take turns.
_turn = threading.Lock()


class _Known(Exception):
    """The reservation is there already."""


def reserve(id: str, wanted: Mapping[ProductId, int]) -> Document:
    """Take so many of each product from its stock; return the reservation with its priced lines.

    Raise ``Conflict`` naming every line that cannot be had, or when it was released before.
    """

    def take() -> Document:
        found = changes.find([_key(each) for each in wanted])
        lines, refused = _priced(wanted, found)
        new = {"_id": id, "state": HELD, "lines": lines, "at": documents.now()}
        try:
            # First of all, so that of two requests at once the second one meets the first.
            _reservations().insert_one(new, session=current_session())
        except DuplicateKeyError as error:
            raise _Known from error
        if refused:
            if any(wrong.why == rules.SHORT for *_, wrong in refused):
                changes.SHORT.inc()
            raise _refused(refused)
        taken = {_key(each["product_id"]): -each["quantity"] for each in lines if each["tracked"]}
        changes.move(found, taken, "ordered", order=id)
        return new

    try:
        with _turn if len(wanted) > 1 else nullcontext():
            return _transaction(take)
    except _Known:
        known = get(id)
    if known["state"] == RELEASED:
        raise Conflict("This reservation was released.", state=RELEASED)
    if {each["product_id"]: each["quantity"] for each in known["lines"]} != dict(wanted):
        raise Conflict("This reservation holds other lines.", state=known["state"])
    return known


def get(id: str) -> Document:
    """Return a reservation or raise ``NotFound``."""
    found = _reservations().find_one({"_id": id}, session=current_session())
    if found is None:
        raise NotFound(f"There is no reservation {id}.")
    return found


def release(id: str) -> None:
    """Give back what a reservation holds; raise ``Conflict`` when it was shipped."""

    def give_back() -> None:
        known = _end(id, RELEASED)
        if known is None or known["state"] == RELEASED:
            return
        if known["state"] == SHIPPED:
            raise Conflict("This reservation was shipped.", state=SHIPPED)
        given = {
            _key(each["product_id"]): each["quantity"] for each in known["lines"] if each["tracked"]
        }
        changes.move(changes.find(list(given)), given, "released", order=id)

    _transaction(give_back)


def ship(id: str) -> None:
    """Keep what a reservation holds for good; raise ``Conflict`` when there is nothing held."""

    def close() -> None:
        known = _end(id, SHIPPED)
        if known is None or known["state"] == RELEASED:
            raise Conflict("This reservation holds nothing.", state=RELEASED)

    _transaction(close)


def held(after: str, most: int) -> list[str]:
    """Return the ids of reservations that have been held for a while, in order, from one on."""
    moment = documents.now() - timedelta(seconds=SETTLE_SECONDS)
    asked = {"state": HELD, "_id": {"$gt": after}, "at": {"$lt": moment}}
    found = _reservations().find(asked, {"_id": True}, sort=[("_id", 1)], limit=most)
    return [each["_id"] for each in found]


def _end(id: str, state: str) -> Document | None:
    """Bring a reservation into its last state, also one that is not there; return it as it was."""
    change = {"state": state, "ended_at": documents.now()}
    held = {"_id": id, "state": HELD}
    session = current_session()
    known = _reservations().find_one_and_update(held, {"$set": change}, session=session)
    if known is None:
        known = _reservations().find_one({"_id": id}, session=session)
        if known is None and state == RELEASED:
            new = {"_id": id, "lines": [], "at": change["ended_at"], **change}
            _reservations().insert_one(new, session=session)
    return known


def _key(id: ProductId) -> Any:
    return ObjectId(id) if isinstance(id, str) else id


def _priced(
    wanted: Mapping[ProductId, int], found: Sequence[Document]
) -> tuple[list[Document], list[_Refused]]:
    """Return a line for each product at its price of now, and what cannot be had."""
    known = {each["_id"]: each for each in found}
    lines, refused = [], []
    for index, (id, quantity) in enumerate(wanted.items()):
        product = known.get(_key(id))
        price = _price(product) if product else None
        lines.append(_line(product or {}, id, quantity, price))
        if wrong := rules.refusal(product, id, price, quantity):
            refused.append((index, id, quantity, wrong))
    return lines, refused


def _line(product: Document, id: ProductId, quantity: int, price: Any) -> Document:
    """Return what an order keeps of a product, whatever becomes of it later."""
    return {
        "product_id": id,
        "quantity": quantity,
        "name": product.get("name"),
        "sku": product.get("sku"),
        "unit_price": price,
        "currency": product.get("currency"),
        "tracked": rules.is_tracked(product),
    }


def _price(product: Document) -> Any:
    """Return a price as an amount, also one that a hand edit left as a number or a text."""
    price = product.get("price")
    try:
        return Money().deserialize(str(price)) if price is not None else None
    except ValidationError:
        return None


def _refused(lines: Sequence[_Refused]) -> Conflict:
    errors = [
        {"pointer": f"/lines/{index}", "message": wrong.message} for index, _, _, wrong in lines
    ]
    named = [
        {"product_id": id, "why": wrong.why, "wanted": quantity, "left": wrong.left}
        for _, id, quantity, wrong in lines
    ]
    return Conflict("", errors, lines=named)


def shown(reservation: Document) -> Document:
    """Return a reservation as clients see it."""
    lines = [
        {name: value for name, value in each.items() if name != "tracked"}
        for each in reservation["lines"]
    ]
    return {"id": reservation["_id"], "state": reservation["state"], "lines": lines}


def _transaction(work: Callable[[], T]) -> T:
    """Return what a transaction that writes reservations returns.

    The index is there before the first of them.  Of a collection that has documents it is made only
    when all members of the replica set vote, and until then nobody gets on.
    """
    _reservations()
    return transaction(work)


def _reservations() -> Collection[Document]:
    """Return the collection, with its index in place."""
    name = f"{products.name}.reservations"
    found = connections().db[name]
    indexed: set[str] = current_app.extensions.setdefault("indexed", set())
    if name not in indexed and not current_session():
        found.create_indexes([IndexModel([("state", 1), ("_id", 1)])])
        indexed.add(name)
    return found
