"""Placing and moving orders, such that a process may be killed at any point.

An order is stored first, as pending.  Then the products service reserves its lines under the
order's UUID.  Then the result is stored, as placed or rejected.  The request that products has not
answered yet is stored in the order, as ``due``: ``reserve``, ``release`` or ``ship``.  Each of them
may be sent again, so a repeated request of the client, or the sweep, continues at that point.
"""

import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from bson import Decimal128

from api_orders import line_kinds, pricing, states
from api_orders.resource import orders
from shared.http import (
    ApiError,
    Conflict,
    NotFound,
    ServiceUnavailable,
    Unprocessable,
)
from shared.resource import idempotency
from shared.schema import Document, Money, Ref
from shared.storage import documents, trash
from shared.storage.connections import connections
from shared.storage.retries import DocumentChanged, retry_conflicts

log = logging.getLogger(__name__)

NOTHING_ORDERED = "Nothing was ordered."  # the end of the reason of an order that was given up
RESERVE, RELEASE, SHIP = "reserve", "release", "ship"
# seconds to wait for products, so that a client has its answer within two seconds
ANSWER_SECONDS = 1.5
LINE_SECONDS = 0.005  # seconds more for each line


def resumed_order() -> Document | None:
    """Return the order that an earlier sending of this request stored, or None.

    Orders that an outage rejected do not count, because nothing was ordered.
    """
    if not idempotency.is_repeated():
        return None
    stored = map(_find, _uuids())
    return next(order for order in stored if order is None or not _was_given_up(order))


def create_pending(values: Mapping[str, Any]) -> Document:
    """Store a new order, pending; return it."""
    is_new = not idempotency.is_repeated()
    uuid = next(each for each in _uuids() if is_new or _find(each) is None)
    new = {"uuid": uuid, "status": states.PENDING, "due": RESERVE}
    history = _history_with({}, states.PENDING)
    return orders.repository.insert({**values, **new, "placed_at": documents.now(), **history})


def place(order: Document, sent: Mapping[str, Any]) -> Document:
    """Reserve the lines of a pending order; return it as placed.

    Args:
        order: The stored order.
        sent: The request body, for error pointers to its lines.

    Raises:
        Conflict: Lines are short of stock; the order is kept, as rejected.
        Unprocessable: Products do not exist; the order is kept, as rejected.
        ServiceUnavailable: Products did not answer, and nothing was ordered.
    """
    try:
        return confirm(order)
    except ServiceUnavailable as error:
        return _give_up(order, error)
    except ApiError as error:
        if error.errors:
            errors = [_point_at_sent_line(each, order, sent) for each in error.errors]
            raise type(error)("", errors, **error.extra) from error
        raise


def _point_at_sent_line(
    error: dict[str, str], order: Document, sent: Mapping[str, Any]
) -> dict[str, str]:
    """Return an error with a pointer into the request body, where a product may have many lines."""
    *_, index = error.get("pointer", "").split("/")
    lines = sent.get("items")
    if not isinstance(lines, list):
        return error | {"pointer": "/product_id"}
    product, read = order["items"][int(index)]["product_id"], Ref().deserialize
    first = next(n for n, line in enumerate(lines) if read(line["product_id"]) == product)
    return error | {"pointer": f"/items/{first}"}


def confirm(order: Document) -> Document:
    """Ask products to reserve a pending order; return it as placed, even if placed meanwhile.

    Raises:
        Conflict: The order is rejected, such as for lack of stock.
        Unprocessable: The order is rejected, because products do not exist.
        ServiceUnavailable: Products did not answer, and the order is still pending.
    """
    if order["status"] == states.REJECTED:
        raise Conflict(str(order.get("reason")), order=f"/orders/{order['_id']}")
    if order["status"] != states.PENDING:
        return order
    lines = [
        {"product_id": line["product_id"], "quantity": line["quantity"]} for line in order["items"]
    ]
    answer = _ask_products("PUT", order, body={"lines": lines})
    _check_status(answer, 200, 409, 422)
    status, body = answer
    try:
        if status == 200:
            return orders.repository.update(order, _placed_values(order, body["lines"]))
        return _reject(order, _to_error(body), None)
    except pricing.MixedCurrencies as error:
        return _reject(order, Conflict(str(error)), RELEASE)
    except DocumentChanged:
        return confirm(_read_again(order))


def move(ref: str, target: str) -> Document:
    """Bring an order into another state; return it, even if it is in that state already.

    Raise ``Conflict`` that names its state and the actions it allows.
    """

    def write() -> Document:
        order = orders.get_for_update(ref)
        return order if order.get("status") == target else change_state(order, target)

    return retry_conflicts(write, "this order")


def change_state(order: Document, target: str) -> Document:
    """Store another state in an order that was just read; return it.

    Raises:
        Conflict: Its state does not allow that.
        DocumentChanged: It was written after it was read.
    """
    state = str(order.get("status"))
    if not states.allows(state, target):
        allowed = states.allowed_actions(state)
        raise Conflict(states.refusal(state, target), state=state, allowed=allowed)
    due = {states.CANCELLED: RELEASE, states.SHIPPED: SHIP}.get(target)
    # Orders without a UUID, made by hand or long ago, hold no stock.
    changes = {"status": target, "due": due if isinstance(order.get("uuid"), str) else None}
    return orders.repository.update(order, changes | _history_with(order, target))


def delete(ref: str, purge: bool) -> None:
    """Move an order to the trash, or purge it; cancel it first if its state allows that.

    Raises:
        Conflict: The order is still being placed.
        ServiceUnavailable: The order is to be purged, but products has not released its stock.
    """
    read = orders.get_including_trash if purge else orders.get_for_update

    def write() -> None:
        nonlocal read
        order = read(ref)
        if order.get("status") == states.PENDING:
            raise Conflict("This order is being placed. Try again shortly.")
        if states.allows(str(order.get("status")), states.CANCELLED):
            order = change_state(order, states.CANCELLED)
            # After the cancellation If-Match cannot match, so it is not checked again.
            read = orders.repository.get
            order = settle(order)
        _remove(order, purge)

    retry_conflicts(write, "this order")


def _remove(order: Document, purge: bool) -> None:
    if not purge:
        trash.delete(orders.repository, order)
        return
    if order.get("due"):
        raise ServiceUnavailable("The products service does not answer. Purge the order later.")
    trash.purge(orders.repository, order)


def settle(order: Document) -> Document:
    """Send what is due to products, ``release`` or ``ship``; it stays due without an answer."""
    try:
        if order.get("due") == RELEASE:
            _check_status(_ask_products("DELETE", order), 204, 409)
        elif order.get("due") == SHIP:
            _check_status(_ask_products("POST", order, "ship"), 204, 409)
        else:
            return order
    except ServiceUnavailable as error:
        log.warning("Order %s: %s is still due: %s", order["_id"], order["due"], error)
        return order
    unchanged = {"uuid": order["uuid"], "due": order["due"]}
    for collection in (orders.repository.collection, orders.repository.trash):
        collection.update_one(unchanged, {"$unset": {"due": ""}})
    return {name: value for name, value in order.items() if name != "due"}


def release(uuid: str) -> None:
    """Release the reservation of an order that does not exist any more."""
    path = ("products", "reservations", uuid)
    _check_status(connections().services.request("DELETE", "products", *path), 204, 409)


def _give_up(order: Document, error: ServiceUnavailable) -> Document:
    """Reject an order after a request to products that failed, and release a reservation of it."""
    try:
        return _reject(order, ServiceUnavailable(f"{error} {NOTHING_ORDERED}"), RELEASE)
    except DocumentChanged:
        return confirm(_read_again(order))


def _reject(order: Document, error: ApiError, due: str | None) -> Document:
    """Store that an order is rejected, and raise the error with the reason."""
    changes = {"status": states.REJECTED, "reason": str(error), "due": due}
    rejected = orders.repository.update(order, changes | _history_with(order, states.REJECTED))
    if isinstance(error, ServiceUnavailable):
        idempotency.forget()
    else:
        error.extra["order"] = f"/orders/{order['_id']}"
        settle(rejected)
    raise error


def _placed_values(order: Document, reserved: Sequence[Mapping[str, Any]]) -> Document:
    """Return the values to store in a placed order: the reserved lines with prices, the total."""
    items = []
    for line in reserved:
        price = Money().deserialize(line["unit_price"])
        total = pricing.line_total(price.to_decimal(), line["quantity"])
        product = {name: line[name] for name in ("product_id", "quantity", "name", "sku")}
        items.append(product | {"unit_price": price, "total": Decimal128(total)})
    return {
        "status": states.PLACED,
        "due": None,
        "items": items,
        "currency": pricing.one_currency(line["currency"] for line in reserved),
        **totals(items),
        **_history_with(order, states.PLACED),
    }


def totals(items: Iterable[Mapping[str, Any]]) -> Document:
    """Return the units of products and the total of priced lines, as an order stores them."""
    lines = list(items)
    line_totals: list[Decimal] = [line["total"].to_decimal() for line in lines]
    return {
        "units": line_kinds.units(lines),
        "total": Decimal128(pricing.order_total(line_totals)),
    }


def _to_error(body: Any) -> ApiError:
    """Return the error for the client that a refusal of products stands for."""
    lines = body.get("lines", [])
    errors = [
        {**error, "pointer": error.get("pointer", "").replace("/lines", "/items")}
        for error in body.get("errors", [])
    ]
    unknown = any(line["why"] == "unknown" for line in lines)
    detail = "" if errors else str(body.get("detail"))
    return (Unprocessable if unknown else Conflict)(detail, errors, lines=lines)


def _ask_products(method: str, order: Document, *action: str, body: Any = None) -> tuple[int, Any]:
    """Send a request about the reservation of an order; return the status and the body."""
    path = ("products", "reservations", order["uuid"], *action)
    seconds = ANSWER_SECONDS + LINE_SECONDS * len(order.get("items") or ())
    return connections().services.request(method, "products", *path, body=body, seconds=seconds)


def _check_status(answer: tuple[int, Any], *statuses: int) -> None:
    status, body = answer
    if status not in statuses:
        raise ServiceUnavailable(
            f"The products service answered a request of this service with {status}; see its log."
        )
    if status == 409:
        log.warning("products: %s", body.get("detail"))


def _history_with(order: Mapping[str, Any], status: str) -> Document:
    """Return the history of an order with one more step."""
    stored = order.get("history")
    steps = stored if isinstance(stored, list) else []
    return {"history": [*steps, {"status": status, "at": documents.now()}]}


def _uuids() -> Iterator[str]:
    """Yield the UUIDs of this request's orders: a further one after each that an outage rejected.

    Each sending of the request under one ``Idempotency-Key`` has the same UUIDs.
    """
    first = idempotency.token()
    yield first
    for number in itertools.count(1):
        yield str(uuid5(NAMESPACE_OID, f"{first} {number}"))


def _was_given_up(order: Document) -> bool:
    """Return True if an order was rejected because products did not answer."""
    is_rejected = order.get("status") == states.REJECTED
    return is_rejected and str(order.get("reason")).endswith(NOTHING_ORDERED)


def _find(uuid: str) -> Document | None:
    return orders.repository.collection.find_one({"uuid": uuid})


def _read_again(order: Document) -> Document:
    """Return the present state of an order or raise ``NotFound``."""
    stored = _find(order["uuid"])
    if stored is None:
        raise NotFound(f"Order {order['_id']} was removed meanwhile.")
    return stored
