"""Routes of ``/orders``: the standard methods, the states of an order, and past orders."""

from flask import Response

from api_orders import jobs, placement, states, stats
from api_orders.past_orders import PastOrderSchema, past_orders
from api_orders.resource import orders
from api_orders.schemas import SettlementCheckSchema
from shared.http import ITEM, NEW, Batch, accepts, auth, empty, like, respond, returns
from shared.resource import purges, resumes
from shared.schema import Document

blueprint = orders.blueprint("list", "get", "update", "restore")
blueprint.add_url_rule("/orders/stats", "list_order_stats", stats.list_sums)


@blueprint.post("/orders")
@resumes
@accepts(NEW)
@returns(ITEM, 201, headers=("Location",))
def create() -> Response:
    """Place an order: reserve all its lines, or none, at the present prices.

    The body has ``items``, or ``product_id`` and ``quantity`` of a single line.  409 names every
    line that is short and how many are left.  After a 503 from products, nothing was ordered.
    """
    orders.reject_unknown_parameters()
    sent = orders.body()
    order = placement.resumed_order() or placement.create_pending(orders.load(sent))
    return orders.created_response(placement.place(order, sent))


@blueprint.post("/orders/<ref>/pay")
@resumes
@accepts(headers=("If-Match",))
@returns(ITEM)
def pay_order(ref: str) -> Response:
    """Mark an order as paid.

    If it is paid already, nothing changes.  409 names its state and the actions that it allows.
    """
    return _move(ref, "pay")


@blueprint.post("/orders/<ref>/ship")
@resumes
@accepts(headers=("If-Match",))
@returns(ITEM)
def ship_order(ref: str) -> Response:
    """Mark an order as shipped: its stock has left and is never given back.

    If it is shipped already, nothing changes.  409 names its state and the actions that it allows.
    """
    return _move(ref, "ship")


@blueprint.post("/orders/<ref>/deliver")
@resumes
@accepts(headers=("If-Match",))
@returns(ITEM)
def deliver_order(ref: str) -> Response:
    """Mark an order as delivered.

    If it is delivered already, nothing changes.  409 names its state and the actions that it
    allows.
    """
    return _move(ref, "deliver")


@blueprint.post("/orders/<ref>/cancel")
@resumes
@accepts(headers=("If-Match",))
@returns(ITEM)
def cancel_order(ref: str) -> Response:
    """Cancel an order, and give its stock back.

    If it is cancelled already, nothing changes.  409 names its state and the actions that it
    allows.
    """
    return _move(ref, "cancel")


def _move(ref: str, action: str) -> Response:
    orders.reject_unknown_parameters()
    return orders.to_response(placement.settle(placement.move(ref, states.ACTIONS[action])))


@blueprint.delete("/orders/<ref>")
@like(orders.delete)
def delete(ref: str) -> Response:
    """Move an order to the trash, or purge it; if its state allows, it is cancelled first."""
    orders.reject_unknown_parameters()
    placement.delete(ref, purge=purges())
    return empty()


@blueprint.post("/orders:batch")
@like(orders.batch)
@accepts(Batch(PastOrderSchema))
def import_past_orders() -> Response:
    """Store up to 1,000 past orders as they were; ``key=external_ref`` finds stored ones.

    Lines may be of other kinds than products, such as shipping, tax and discount, so that the total
    of an order, the sum of its lines, is the one that was paid.  No stock changes.
    """
    return past_orders.batch()


@blueprint.get("/orders:unsettled")
@auth.requires(auth.ADMIN)
@returns(SettlementCheckSchema)
def check_settlement() -> Response:
    """List the orders with a request to products still due, and reservations without an order."""
    orders.reject_unknown_parameters()
    return _settlement_response(jobs.due_orders(), jobs.orphaned(jobs.all_held_reservations()))


@blueprint.post("/orders:unsettled")
@auth.requires(auth.ADMIN)
@resumes
@returns(SettlementCheckSchema)
def settle_orders() -> Response:
    """Settle the orders and reservations that ``GET`` lists, and list them."""
    orders.reject_unknown_parameters()
    due, orphans = jobs.due_orders(), jobs.orphaned(jobs.all_held_reservations())
    jobs.settle(due)
    jobs.release(orphans)
    return _settlement_response(due, orphans)


def _settlement_response(due: list[Document], orphans: list[str]) -> Response:
    # A document in the trash has its id in the field ``id``.
    due_json = [{"order": str(order.get("id", order["_id"])), "due": order["due"]} for order in due]
    return respond({"due": due_json, "orphans": orphans})
