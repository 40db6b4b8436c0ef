"""What is in stock: how it changed and why, what orders hold of it, and whether it adds up."""

from uuid import UUID

from flask import Blueprint, Response, request
from marshmallow import fields

from api_products.resource import products
from api_products.stock import changes, reconciliation, reservations
from api_products.stock.schemas import (
    HeldReservationsSchema,
    LedgerQuery,
    LedgerSchema,
    ReservationRequestSchema,
    ReservationSchema,
    StockChangeSchema,
    StockCheckSchema,
)
from shared.http import ITEM, accepts, auth, conditional, empty, read_parameters, respond, returns
from shared.resource import resumes
from shared.schema import Flag

MAX_HELD = 500  # reservations listed at once

blueprint = Blueprint("stock", __name__)


@blueprint.get("/products/<ref>/stock")
@auth.requires(auth.READ)
@accepts(query=LedgerQuery)
@returns(LedgerSchema, conditional=True)
def list_stock(ref: str) -> Response:
    """Answer how a product's stock changed, the latest first: by how many, why, by which order."""
    asked = LedgerQuery().parse(request.query_string, ())
    product = products.repository.get(ref)
    return conditional(respond(changes.entries(product, asked.page, asked.per)))


@blueprint.post("/products/<ref>/stock")
@accepts(StockChangeSchema, headers=("If-Match",))
@returns(ITEM)
def change_stock(ref: str) -> Response:
    """Add to a product's stock, or take from it: ``{"change": -3, "reason": "damaged"}``.

    Answer the product.  409 when less than none would be left, or when it is not tracked.
    """
    products.reject_unknown_parameters()
    values = StockChangeSchema().load(products.body())
    return products.to_response(changes.change(ref, values["change"], values["reason"]))


@blueprint.put("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
@accepts(ReservationRequestSchema)
@returns(ReservationSchema)
def reserve(id: UUID) -> Response:
    """Take ``{"lines": [{"product_id": 1, "quantity": 2}]}`` from the stocks, all or nothing.

    Answer the lines with name, SKU and price; 409 names every line that cannot be had, and what is
    left.  The id is the order's; sent again, it is answered again.
    """
    lines = ReservationRequestSchema().load(products.body())["lines"]
    wanted: dict[int | str, int] = {}
    for each in lines:
        wanted[each["product_id"]] = wanted.get(each["product_id"], 0) + each["quantity"]
    return respond(reservations.shown(reservations.reserve(str(id), wanted)))


@blueprint.get("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
@returns(ReservationSchema)
def get_reservation(id: UUID) -> Response:
    """Answer what an order holds, held, shipped or released."""
    return respond(reservations.shown(reservations.get(str(id))))


@blueprint.delete("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
@returns(None, 204)
def release(id: UUID) -> Response:
    """Give back what a reservation holds; it cannot be made again, even if it never was."""
    reservations.release(str(id))
    return empty()


@blueprint.post("/products/reservations/<uuid:id>/ship")
@auth.requires(auth.ADMIN)
@returns(None, 204)
def ship(id: UUID) -> Response:
    """Keep what a reservation holds for good, because it has left the house."""
    reservations.ship(str(id))
    return empty()


@blueprint.get("/products:reservations")
@auth.requires(auth.ADMIN)
@accepts(after=fields.String(metadata={"blank": True}))
@returns(HeldReservationsSchema)
def list_held() -> Response:
    """Answer the ids of reservations held for a minute or longer, in order, behind ``after``."""
    after = read_parameters().get("after", "")
    return respond({"items": reservations.held(after, MAX_HELD)})


@blueprint.get("/products:stock")
@auth.requires(auth.ADMIN)
@returns(StockCheckSchema)
def check_stock() -> Response:
    """Answer the products whose stock is not what the ledger of its changes adds up to."""
    products.reject_unknown_parameters()
    return respond({"drift": [reconciliation.shown(each) for each in reconciliation.check()]})


@blueprint.post("/products:stock")
@auth.requires(auth.ADMIN)
@resumes
@accepts(accept=Flag())
@returns(StockCheckSchema)
def repair_stock() -> Response:
    """Set these stocks to what the ledger says; with ``accept=true`` tell the ledger instead.

    Answer what was found, and what is left of it: a stock that is no number is not accepted.
    """
    accept = bool(read_parameters().get("accept"))
    found = reconciliation.check()
    reconciliation.repair(found, accept)
    left = reconciliation.check() if found else []
    return respond(
        {
            "drift": list(map(reconciliation.shown, found)),
            "left": list(map(reconciliation.shown, left)),
        }
    )
