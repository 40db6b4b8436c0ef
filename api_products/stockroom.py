"""What is in stock: how it changed and why, what orders hold of it, and whether it adds up."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError, fields, validate, validates

from api_products import counts, movements, reservations
from api_products.resource import products
from shared import auth
from shared.fields import Ref, Text, Whole
from shared.idempotency import resumes
from shared.query import Query
from shared.resource import flag
from shared.responses import conditional, empty, respond

MAX_LINES = 1000  # of a reservation
MAX_QUANTITY = 1_000_000
MAX_HELD = 500  # reservations listed at once

# Reasons that nobody else gives.
_OURS = ("created", "edited", "ordered", "released", "counted", "reconciled")

blueprint = Blueprint("stock", __name__)


@blueprint.get("/products/<ref>/stock")
@auth.requires(auth.READ)
def list_stock(ref: str) -> Response:
    """Answer how a product's stock changed, the latest first: by how many, why, by which order."""
    asked = _LedgerQuery().parse(request.query_string, ())
    product = products.repository.get(ref)
    return conditional(respond(movements.entries(product, asked.page, asked.per)))


@blueprint.post("/products/<ref>/stock")
def change_stock(ref: str) -> Response:
    """Add to a product's stock, or take from it: ``{"change": -3, "reason": "damaged"}``.

    Answer the product.  409 when less than none would be left, or when it is not tracked.
    """
    products.check_parameters()
    values = _StockChange().load(products.body())
    return products.answer(movements.change(ref, values["change"], values["reason"]))


@blueprint.put("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
def reserve(id: UUID) -> Response:
    """Take ``{"lines": [{"product_id": 1, "quantity": 2}]}`` from the stocks, all or nothing.

    Answer the lines with name, SKU and price; 409 names every line that cannot be had, and what is
    left.  The id is the order's; sent again, it is answered again.
    """
    lines = _Reservation().load(products.body())["lines"]
    wanted: dict[int | str, int] = {}
    for each in lines:
        wanted[each["product_id"]] = wanted.get(each["product_id"], 0) + each["quantity"]
    return respond(reservations.shown(reservations.reserve(str(id), wanted)))


@blueprint.get("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
def get_reservation(id: UUID) -> Response:
    """Answer what an order holds, held, shipped or released."""
    return respond(reservations.shown(reservations.get(str(id))))


@blueprint.delete("/products/reservations/<uuid:id>")
@auth.requires(auth.ADMIN)
def release(id: UUID) -> Response:
    """Give back what a reservation holds; it cannot be made again, even if it never was."""
    reservations.release(str(id))
    return empty()


@blueprint.post("/products/reservations/<uuid:id>/ship")
@auth.requires(auth.ADMIN)
def ship(id: UUID) -> Response:
    """Keep what a reservation holds for good, because it has left the house."""
    reservations.ship(str(id))
    return empty()


@blueprint.get("/products:reservations")
@auth.requires(auth.ADMIN)
def list_held() -> Response:
    """Answer the ids of reservations held for a minute or longer, in order, behind ``after``."""
    products.check_parameters("after")
    after = request.args.get("after", "")
    return respond({"items": reservations.held(after, MAX_HELD)})


@blueprint.get("/products:stock")
@auth.requires(auth.ADMIN)
def check_stock() -> Response:
    """Answer the products whose stock is not what the ledger of its changes adds up to."""
    products.check_parameters()
    return respond({"drift": [counts.shown(each) for each in counts.check()]})


@blueprint.post("/products:stock")
@auth.requires(auth.ADMIN)
@resumes
def repair_stock() -> Response:
    """Set these stocks to what the ledger says; with ``accept=true`` tell the ledger instead.

    Answer what was found, and what is left of it: a stock that is no number is not accepted.
    """
    products.check_parameters("accept")
    accept = flag("accept")
    found = counts.check()
    counts.repair(found, accept)
    left = counts.check() if found else []
    return respond({"drift": list(map(counts.shown, found)), "left": list(map(counts.shown, left))})


class _LedgerQuery(Query):
    class Meta:
        exclude = ("ordering", "q", "shown")


class _StockChange(Schema):
    change = Whole(-MAX_QUANTITY, MAX_QUANTITY, required=True)
    reason = Text(200, required=True, validate=validate.NoneOf(_OURS, error="Is said by Vitrine."))

    @validates("change")
    def _check(self, change: int, **_: Any) -> None:
        if change == 0:
            raise ValidationError("Changes nothing.")


class _Line(Schema):
    product_id = Ref(required=True)
    quantity = Whole(1, MAX_QUANTITY, required=True)


class _Reservation(Schema):
    lines = fields.List(fields.Nested(_Line), required=True, validate=validate.Length(1, MAX_LINES))
