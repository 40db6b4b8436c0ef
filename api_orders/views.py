"""``/orders``: read like any collection, placed and moved on by rules of their own."""

from flask import Response
from marshmallow import Schema, fields

from api_orders import jobs, placement, states, stats
from api_orders.past_orders import HistoricOrderSchema, history
from api_orders.resource import orders
from shared.http import auth
from shared.http.contract import ITEM, NEW, Batch, accepts, like, returns
from shared.http.errors import Conflict, PreconditionFailed, ServiceUnavailable, WriteConflict
from shared.http.responses import empty, respond
from shared.resource import purges, resumes
from shared.schema.serialization import Document
from shared.storage import trash
from shared.storage.retries import attempts

blueprint = orders.blueprint("list", "get", "update", "restore")
blueprint.add_url_rule("/orders/stats", "stats", stats.show)


@blueprint.post("/orders")
@resumes
@accepts(NEW)
@returns(ITEM, 201, headers=("Location",))
def create() -> Response:
    """Place an order: take its lines from the stock, all or none, at the prices of now.

    The body has ``items``, or ``product_id`` and ``quantity`` of a single one.  409 names every
    line that is short and what is left; a 503 that names products says that nothing was ordered.
    """
    orders.reject_unknown_parameters()
    sent = orders.body()
    order = placement.begun() or placement.begin(orders.load(sent))
    return orders.created_response(placement.place(order, sent))


@blueprint.post("/orders/<ref>/<any(pay, ship, deliver, cancel):action>")
@resumes
@accepts(headers=("If-Match",))
@returns(ITEM)
def move(ref: str, action: str) -> Response:
    """Move an order on: pay, ship, deliver; or cancel it, which gives its stock back.

    Moved twice is moved once; 409 names the state that does not allow it, and what it allows.
    """
    orders.reject_unknown_parameters()
    return orders.to_response(placement.finish(placement.move(ref, states.ACTIONS[action])))


@blueprint.delete("/orders/<ref>")
@like(orders.delete)
def delete(ref: str) -> Response:
    """Move an order to the trash, or purge it; one that can be cancelled is cancelled first."""
    orders.reject_unknown_parameters()
    order, is_ours = None, False
    for _ in attempts():
        if order is None:
            order = orders.get_including_trash(ref) if purges() else orders.get_for_update(ref)
        if order.get("status") == states.PENDING:
            raise Conflict("This order is being placed; ask again shortly.")
        try:
            if states.allows(str(order.get("status")), states.CANCELLED):
                order, is_ours = placement.moved(order, states.CANCELLED), True
                order = placement.finish(order)
            _remove(order)
        except PreconditionFailed:
            # Our own change is no reason to ask for the version again, anybody else's is.
            order = orders.repository.get(ref) if is_ours else None
            continue
        return empty()
    raise WriteConflict("Too many others are writing this order at once; try again.")


def _remove(order: Document) -> None:
    if not purges():
        trash.delete(orders.repository, order)
        return
    if order.get("due"):
        raise ServiceUnavailable("The products service does not answer; purge the order later.")
    trash.purge(orders.repository, order)


@blueprint.post("/orders:batch")
@like(orders.batch)
@accepts(Batch(HistoricOrderSchema))
def import_history() -> Response:
    """Store up to 1,000 orders of the past as they were, found again by ``key=external_ref``."""
    return history.batch()


class DueSchema(Schema):
    """What is to be done of an order."""

    order = fields.String(metadata={"example": "1"})
    due = fields.String(metadata={"example": "release"})


class UnsettledSchema(Schema):
    """What is due of orders, and the reservations without one."""

    due = fields.List(fields.Nested(DueSchema))
    orphans = fields.List(fields.String())


@blueprint.get("/orders:unsettled")
@auth.requires(auth.ADMIN)
@returns(UnsettledSchema)
def check() -> Response:
    """Answer what is due of which orders, and which reservations have no order any more."""
    orders.reject_unknown_parameters()
    return _unsettled(jobs.due(), jobs.gone(jobs.every_held()))


@blueprint.post("/orders:unsettled")
@auth.requires(auth.ADMIN)
@resumes
@returns(UnsettledSchema)
def settle() -> Response:
    """Settle what ``GET`` shows and answer it."""
    orders.reject_unknown_parameters()
    due, orphans = jobs.due(), jobs.gone(jobs.every_held())
    jobs.settle(due)
    jobs.release(orphans)
    return _unsettled(due, orphans)


def _unsettled(due: list[Document], orphans: list[str]) -> Response:
    # In the trash the id is an ordinary field.
    shown = [{"order": str(each.get("id", each["_id"])), "due": each["due"]} for each in due]
    return respond({"due": shown, "orphans": orphans})
