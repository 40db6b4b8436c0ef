"""How an order is placed and moved on, such that it may be killed at any point and goes on later.

An order is stored first, as pending; then the products service is asked to take its lines from the
stock, under the order's UUID; then the answer is stored, as placed or rejected.  What is still to
be asked stands in the order itself, as ``due``: to ``reserve``, ``release`` or ``ship``.  All of
that may be asked again, so whoever finds it due, a request that is sent again or the sweep, simply
goes on.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from bson import Decimal128

from api_orders import pricing, states
from api_orders.resource import orders
from shared.http.errors import (
    ApiError,
    Conflict,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
    Unprocessable,
    WriteConflict,
)
from shared.resource import idempotency
from shared.schema.fields import Money
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.connections import connections
from shared.storage.retries import attempts

log = logging.getLogger(__name__)

RESERVE, RELEASE, SHIP = "reserve", "release", "ship"
# A client that waits has an answer within two seconds, also when products hangs.
ANSWER_SECONDS = 1.5
LINE_SECONDS = 0.005  # more for each line


def begun() -> Document | None:
    """Return the order that was stored when this very request was sent before, if any."""
    return _find(idempotency.token()) if idempotency.is_again() else None


def begin(values: Mapping[str, Any]) -> Document:
    """Store a new order, pending."""
    new = {"uuid": idempotency.token(), "status": states.PENDING, "due": RESERVE}
    step = _step({}, states.PENDING)
    return orders.repository.insert({**values, **new, "placed_at": documents.now(), **step})


def place(order: Document, sent: Mapping[str, Any]) -> Document:
    """Take the lines of a pending order from the stock; return it as placed.

    Raise ``Conflict`` or ``Unprocessable`` naming the lines that cannot be had, by their places in
    what was ``sent``; the order is kept, as rejected.  Raise ``ServiceUnavailable`` when products
    does not answer; nothing was ordered then.
    """
    try:
        return settle(order)
    except ServiceUnavailable as error:
        return _give_up(order, error)
    except ApiError as error:
        if error.errors:
            errors = [_where(each, order, sent) for each in error.errors]
            raise type(error)("", errors, **error.extra) from error
        raise


def _where(error: dict[str, str], order: Document, sent: Mapping[str, Any]) -> dict[str, str]:
    """Point at the line that was sent, where lines of one product have become one."""
    *_, index = error.get("pointer", "").split("/")
    lines = sent.get("items")
    if not isinstance(lines, list):
        return error | {"pointer": "/product_id"}
    product = order["items"][int(index)]["product_id"]
    first = next(n for n, each in enumerate(lines) if str(each["product_id"]) == str(product))
    return error | {"pointer": f"/items/{first}"}


def settle(order: Document) -> Document:
    """Bring a pending order to placed; return it, also when somebody else was faster.

    Raise ``Conflict`` or ``Unprocessable`` when it is rejected, ``ServiceUnavailable`` when
    products does not answer; then it is pending still.
    """
    if order["status"] == states.REJECTED:
        raise Conflict(str(order.get("reason")), order=f"/orders/{order['_id']}")
    if order["status"] != states.PENDING:
        return order
    lines = [
        {"product_id": each["product_id"], "quantity": each["quantity"]} for each in order["items"]
    ]
    answer = _ask("PUT", order, body={"lines": lines})
    _expect(answer, 200, 409, 422)
    status, value = answer
    try:
        if status == 200:
            return orders.repository.update(order, _priced(order, value["lines"]))
        return _reject(order, _refusal(value), None)
    except pricing.MixedCurrencies as error:
        return _reject(order, Conflict(str(error)), RELEASE)
    except PreconditionFailed:
        return settle(_again(order))


def move(ref: str, target: str) -> Document:
    """Bring an order into another state, once; return it.

    Raise ``Conflict`` that names its state and what that allows.
    """
    for _ in attempts():
        order = orders.get_for_update(ref)
        if order.get("status") == target:
            return order
        try:
            return moved(order, target)
        except PreconditionFailed:
            continue
    raise WriteConflict("Too many others are writing this order at once; try again.")


def moved(order: Document, target: str) -> Document:
    """Bring an order, as it was read, into another state.

    Raise ``Conflict`` when that is not allowed, ``PreconditionFailed`` when it was written
    meanwhile.
    """
    state = str(order.get("status"))
    if not states.allows(state, target):
        allowed = states.actions(state)
        raise Conflict(states.why_not(state, target), state=state, allowed=allowed)
    due = {states.CANCELLED: RELEASE, states.SHIPPED: SHIP}.get(target)
    # What was made by hand or long ago holds no stock.
    changes = {"status": target, "due": due if isinstance(order.get("uuid"), str) else None}
    return orders.repository.update(order, changes | _step(order, target))


def finish(order: Document) -> Document:
    """Ask what is due of an order that was moved on; if products does not answer, it stays due."""
    try:
        if order.get("due") == RELEASE:
            _expect(_ask("DELETE", order), 204, 409)
        elif order.get("due") == SHIP:
            _expect(_ask("POST", order, "ship"), 204, 409)
        else:
            return order
    except ServiceUnavailable as error:
        log.warning("Order %s: %s is due still: %s", order["_id"], order["due"], error)
        return order
    same = {"uuid": order["uuid"], "due": order["due"]}
    for collection in (orders.repository.collection, orders.repository.trash):
        collection.update_one(same, {"$unset": {"due": ""}})
    return {name: value for name, value in order.items() if name != "due"}


def release(uuid: str) -> None:
    """Give back the stock that an order held which is gone."""
    path = ("products", "reservations", uuid)
    _expect(connections().services.request("DELETE", "products", *path), 204, 409)


def _give_up(order: Document, error: ServiceUnavailable) -> Document:
    """Reject an order of which nobody knows whether products has taken it, and have it released."""
    try:
        return _reject(order, ServiceUnavailable(f"{error} Nothing was ordered."), RELEASE)
    except PreconditionFailed:
        return settle(_again(order))


def _reject(order: Document, error: ApiError, due: str | None) -> Document:
    """Store that an order is rejected and raise the error that says why."""
    changes = {"status": states.REJECTED, "reason": str(error), "due": due}
    rejected = orders.repository.update(order, changes | _step(order, states.REJECTED))
    if isinstance(error, ServiceUnavailable):
        idempotency.forget()
    else:
        error.extra["order"] = f"/orders/{order['_id']}"
        finish(rejected)
    raise error


def _priced(order: Document, lines: Sequence[Mapping[str, Any]]) -> Document:
    """Return what is known of an order once it is placed: the lines as they are now, the total."""
    items = []
    for each in lines:
        price = Money().deserialize(each["unit_price"])
        cost = pricing.line_total(price.to_decimal(), each["quantity"])
        named = {name: each[name] for name in ("product_id", "quantity", "name", "sku")}
        items.append(named | {"unit_price": price, "total": Decimal128(cost)})
    return {
        "status": states.PLACED,
        "due": None,
        "items": items,
        "currency": pricing.one_currency(each["currency"] for each in lines),
        **sums(items),
        **_step(order, states.PLACED),
    }


def sums(items: Iterable[Mapping[str, Any]]) -> Document:
    """Return the units and the total of priced lines."""
    known = list(items)
    totals: list[Decimal] = [each["total"].to_decimal() for each in known]
    return {
        "units": sum(each["quantity"] for each in known),
        "total": Decimal128(pricing.total(totals)),
    }


def _refusal(answer: Any) -> ApiError:
    """Say to the client what products has said to us."""
    lines = answer.get("lines", [])
    errors = [
        {**each, "pointer": each.get("pointer", "").replace("/lines", "/items")}
        for each in answer.get("errors", [])
    ]
    unknown = any(each["why"] == "unknown" for each in lines)
    detail = "" if errors else str(answer.get("detail"))
    return (Unprocessable if unknown else Conflict)(detail, errors, lines=lines)


def _ask(method: str, order: Document, *action: str, body: Any = None) -> tuple[int, Any]:
    path = ("products", "reservations", order["uuid"], *action)
    seconds = ANSWER_SECONDS + LINE_SECONDS * len(order.get("items") or ())
    return connections().services.request(method, "products", *path, body=body, seconds=seconds)


def _expect(answer: tuple[int, Any], *statuses: int) -> None:
    status = answer[0]
    if status not in statuses:
        raise ServiceUnavailable(f"The products service refused a request of ours ({status}).")
    if status == 409:
        log.warning("products: %s", answer[1].get("detail"))


def _step(order: Mapping[str, Any], status: str) -> Document:
    """Return the history of an order with one more step."""
    known = order.get("history")
    before = known if isinstance(known, list) else []
    return {"history": [*before, {"status": status, "at": documents.now()}]}


def _find(uuid: str) -> Document | None:
    return orders.repository.collection.find_one({"uuid": uuid})


def _again(order: Document) -> Document:
    """Return an order as it is now, or raise ``NotFound``."""
    found = _find(order["uuid"])
    if found is None:
        raise NotFound(f"There is no order {order['_id']} any more.")
    return found
