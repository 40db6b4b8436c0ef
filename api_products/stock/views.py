"""Stock routes: changes with their ledger, reservations of orders, and the stock check."""

from uuid import UUID

from flask import Blueprint, Response, request
from marshmallow import fields

from api_products.resource import products
from api_products.stock import changes, reservations
from api_products.stock.reconciliation import drift_to_json, find_drifts, reconcile
from api_products.stock.schemas import (
    HeldReservationsSchema,
    LedgerQuery,
    LedgerSchema,
    ReservationRequestSchema,
    ReservationSchema,
    StockChangeSchema,
    StockCheckSchema,
)
from shared.http import ITEM, accepts, auth, empty, read_parameters, respond, returns
from shared.resource import resumes
from shared.schema import Flag

MAX_HELD = 500  # reservations listed at once

blueprint = Blueprint("stock", __name__)


@blueprint.get("/products/<ref>/stock")
@auth.requires(auth.READ)
@accepts(query=LedgerQuery)
@returns(LedgerSchema, conditional=True)
def get_ledger(ref: str) -> Response:
    """List the changes of a product's stock, the latest first, each with reason and order."""
    query = LedgerQuery().parse(request.query_string, ())
    product = products.get_visible(ref)
    return respond(changes.ledger_page(product, query.page, query.per))


@blueprint.post("/products/<ref>/stock")
@accepts(StockChangeSchema, headers=("If-Match",))
@returns(ITEM)
def change_stock(ref: str) -> Response:
    """Add to a product's stock, or subtract from it: ``{"change": -3, "reason": "damaged"}``.

    409 if the stock would become negative, or if it is not tracked.
    """
    products.reject_unknown_parameters()
    values = StockChangeSchema().load(products.body())
    return products.to_response(changes.change_stock(ref, values["change"], values["reason"]))


@blueprint.put("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
@accepts(ReservationRequestSchema)
@returns(ReservationSchema)
def reserve_stock(id: UUID) -> Response:
    """Reserve all of ``{"lines": [{"product_id": 1, "quantity": 2}]}``, or nothing.

    The answer has the name, SKU and price of each line.  409 names every line that is refused, and
    how many are left.  The id is the order's UUID; a repeated request has the same answer.
    """
    lines = ReservationRequestSchema().load(products.body())["lines"]
    quantities: dict[int | str, int] = {}
    for line in lines:
        quantities[line["product_id"]] = quantities.get(line["product_id"], 0) + line["quantity"]
    return respond(reservations.reservation_to_json(reservations.reserve(str(id), quantities)))


@blueprint.get("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
@returns(ReservationSchema)
def get_reservation(id: UUID) -> Response:
    """Return a reservation, in any state: held, shipped or released."""
    return respond(reservations.reservation_to_json(reservations.get(str(id))))


@blueprint.delete("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
@returns(None, 204)
def release_reservation(id: UUID) -> Response:
    """Release a reservation: its stock is given back, and its id cannot be used again."""
    reservations.release(str(id))
    return empty()


@blueprint.post("/products/reservations/<uuid:id>/ship")
@auth.requires(auth.ADMIN)
@returns(None, 204)
def ship_reservation(id: UUID) -> Response:
    """Mark a reservation as shipped: its stock has left and is never given back."""
    reservations.ship(str(id))
    return empty()


@blueprint.get("/products:reservations")
@auth.requires(auth.ADMIN)
@accepts(after=fields.String(metadata={"blank": True}))
@returns(HeldReservationsSchema)
def list_held_reservations() -> Response:
    """List the ids of reservations held for a minute or longer that follow ``after``, sorted."""
    after = read_parameters().get("after", "")
    return respond({"items": reservations.held_ids(after, MAX_HELD)})


@blueprint.get("/products:stock")
@auth.requires(auth.ADMIN)
@returns(StockCheckSchema)
def check_stock() -> Response:
    """List the products whose stock differs from the sum of its ledger."""
    products.reject_unknown_parameters()
    return respond({"drift": list(map(drift_to_json, find_drifts()))})


@blueprint.post("/products:stock")
@auth.requires(auth.ADMIN)
@resumes
@accepts(accept=Flag())
@returns(StockCheckSchema)
def repair_stock() -> Response:
    """Set these stocks to the sums of their ledgers; with ``accept=true`` correct the ledgers.

    The answer lists the differences, and those that are left: a stock that is not a number cannot
    be accepted.
    """
    accept = bool(read_parameters().get("accept"))
    drifts = find_drifts()
    reconcile(drifts, accept)
    left = find_drifts() if drifts else []
    return respond(
        {"drift": list(map(drift_to_json, drifts)), "left": list(map(drift_to_json, left))}
    )
