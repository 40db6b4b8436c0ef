"""Declaration of orders: the schemas, the query and the resource."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates
from marshmallow.experimental.context import Context
from pymongo import IndexModel

from api_orders.line_kinds import KINDS, PRODUCT
from api_orders.pricing import quantities_by_product
from api_orders.states import SETTLED_STATES, STATES
from shared.resource import Resource
from shared.resource.members import is_same, refusal
from shared.schema import (
    DocumentSchema,
    Id,
    Key,
    Moment,
    Money,
    Query,
    Ref,
    Revision,
    Searched,
    Text,
    Timestamp,
    Uuid,
    Whole,
    eq,
    gte,
    lte,
    timestamp,
)
from shared.storage.connections import connections

MAX_LINES = 2000  # lines of an order
MAX_QUANTITY = 1_000_000

_STORED_QUANTITY = Whole(-MAX_QUANTITY, MAX_QUANTITY, required=True)
_PRICED = {
    "optional": True,
    "instead": "the product has it when it is ordered, so leave it out. POST /orders:batch stores "
    "past orders with names and prices of their own",
}
_OF_ITEMS = {"instead": "it follows from the items, so leave it out"}
_OF_PAST = {"instead": "leave it out. POST /orders:batch stores past orders, which have it"}
_TEXT = {"shown": fields.String(allow_none=True)}
_OTHER_KIND = "Past orders alone have lines of other kinds. Send product, or leave it out."


def _status() -> fields.String:
    return fields.String(validate=validate.OneOf(STATES), metadata={"component": "OrderStatus"})


class OrderLineSchema(Schema):
    """A product of an order, its quantity, and its name and price when it was ordered.

    A line of a past order may be of another kind, such as shipping; without a kind it is a product.
    """

    kind = fields.String(
        validate=validate.OneOf(KINDS),
        metadata={"component": "OrderLineKind", "optional": True},
    )
    # A past order may lack the product's id, and a returned line has a negative quantity.
    product_id = Ref(required=True, metadata={"stored": Ref(), "optional": True})
    quantity = Whole(1, MAX_QUANTITY, required=True, metadata={"stored": _STORED_QUANTITY})
    # A rejected order was never priced.
    name = fields.Raw(dump_only=True, metadata=_TEXT | _PRICED)
    sku = fields.Raw(dump_only=True, metadata=_TEXT | _PRICED)
    unit_price = Money(dump_only=True, metadata=_PRICED)
    discount = Money(dump_only=True, metadata=_PRICED)
    total = Money(dump_only=True, metadata=_PRICED)

    @validates("kind")
    def _check_kind(self, kind: str, **_: Any) -> None:
        if kind != PRODUCT:
            raise ValidationError(_OTHER_KIND)

    @pre_load
    def _drop_read_only(self, line: Any, **_: Any) -> Any:
        """Leave out read-only fields; they must be as a line of the stored order shows them."""
        if not isinstance(line, Mapping):
            return line
        read_only = self.fields.keys() - self.load_fields.keys()
        sent = {name: value for name, value in line.items() if name in read_only}
        if wrong := _changed_in_line(self, line, {n: v for n, v in sent.items() if v is not None}):
            raise ValidationError({n: [refusal(self.fields[n].metadata)] for n in wrong})
        return {name: value for name, value in line.items() if name not in sent}


def _changed_in_line(schema: Schema, line: Mapping[str, Any], sent: Mapping[str, Any]) -> list[str]:
    """Return the read-only fields of a line that the stored lines of its product do not have."""
    items = Context[dict[str, Any]].get()["stored"].get("items") if sent else None
    product = line.get("product_id")
    lines = [
        schema.dump(stored)
        for stored in (items if isinstance(items, list) else ())
        if isinstance(stored, dict) and stored.get("product_id") == product
    ]
    return [
        name
        for name, value in sent.items()
        if not any(is_same(value, stored.get(name)) for stored in lines)
    ]


class OrderLines(fields.List[Any]):
    """The lines of an order; a value broken by a hand edit is shown as it is."""

    def __init__(self, **kwargs: Any):
        super().__init__(
            fields.Nested(OrderLineSchema), validate=validate.Length(1, MAX_LINES), **kwargs
        )

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if isinstance(value, list) and all(isinstance(line, dict) for line in value):
            return super()._serialize(value, attr, obj, **kwargs)
        return value


class OrderStepSchema(Schema):
    """The moment when an order came to a state."""

    status = _status()
    at = Timestamp()


class OrderSchema(DocumentSchema):
    """An order as clients send and receive it."""

    id = Id()
    external_ref = Key(200, allow_none=True)
    client_id = Ref(allow_none=True, metadata={"aliases": ("client",)})
    note = Text(2000, lines=True, allow_none=True, metadata={"example": "Leave it at the door"})
    items = OrderLines(
        required=True,
        metadata={
            "example": [{"product_id": 1, "quantity": 2}],
            "flat": ("product_id", "quantity"),
        },
    )
    status = fields.Raw(
        dump_only=True,
        metadata={
            "shown": _status(),
            "example": "placed",
            "instead": "send POST /orders/ID/pay, ship, deliver or cancel",
        },
    )
    reason = fields.Raw(dump_only=True, metadata=_TEXT)
    currency = fields.Raw(dump_only=True, metadata=_TEXT | _OF_ITEMS | {"example": "EUR"})
    total = Money(dump_only=True, metadata=_OF_ITEMS | {"example": 25})
    # Of past orders whose prices contain the tax, so that they have no line of it.
    included_tax = Money(dump_only=True, metadata=_OF_PAST)
    units = fields.Raw(
        dump_only=True, metadata=_OF_ITEMS | {"shown": fields.Integer(), "example": 2}
    )
    placed_at = Timestamp(metadata=_OF_PAST)
    uuid = fields.Raw(dump_only=True, metadata={"shown": fields.UUID()})
    history = fields.Function(
        lambda order: _history_to_json(order.get("history")),
        metadata={"reads": ("history",), "shown": fields.List(fields.Nested(OrderStepSchema))},
    )
    created_at = Timestamp()
    updated_at = Timestamp()
    revision = Revision()

    @pre_load
    def _read_flat_line(self, order: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Read ``product_id`` and ``quantity`` outside of ``items`` as the only line."""
        stored = Context[dict[str, Any]].get()["stored"]
        if stored and "items" in order and order["items"] == self.dump(stored)["items"]:
            return {name: value for name, value in order.items() if name != "items"}
        flat = [name for name in self.fields["items"].metadata["flat"] if name in order]
        if not flat:
            return order
        if "items" in order:
            message = "Cannot be combined with items. Send it inside items."
            raise ValidationError({flat[0]: [message]})
        others = {name: value for name, value in order.items() if name not in flat}
        return others | {"items": [{name: order[name] for name in flat}]}

    @post_load
    def _check(self, order: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Check that the client exists, and that the lines of a stored order stay the same."""
        stored = Context[dict[str, Any]].get()["stored"]
        client_id = order.get("client_id")
        if client_id not in (None, stored.get("client_id")) and not _client_exists(client_id):
            message = f"There is no client {client_id}. Create it first with POST /clients."
            raise ValidationError({"client_id": [message]})
        if "items" in order and stored:
            if quantities_by_product(order.pop("items")) != _stored_quantities(stored.get("items")):
                message = "Cannot change. Cancel the order and place another one."
                raise ValidationError({"items": [message]})
        elif "items" in order:
            quantities = quantities_by_product(order["items"])
            for id, quantity in quantities.items():
                if quantity > MAX_QUANTITY:
                    message = f"More than {MAX_QUANTITY:,} of product {id}. Send several orders."
                    raise ValidationError({"items": [message]})
            order["items"] = [{"product_id": id, "quantity": n} for id, n in quantities.items()]
        return order


def _client_exists(id: int | str) -> bool:
    return connections().services.get("clients", "clients", str(id)) is not None


def _stored_quantities(items: Any) -> dict[Any, int] | None:
    try:
        return quantities_by_product(items)
    except (TypeError, KeyError):
        return None  # A hand edit broke the lines.


def _history_to_json(steps: Any) -> Any:
    if not isinstance(steps, list):
        return []
    return [
        {**step, "at": timestamp(step.get("at"))} if isinstance(step, dict) else step
        for step in steps
    ]


class OrderQuery(Query):
    """Filters by client, status, product, date or total."""

    sortable: tuple[str, ...] = ("placed_at", "total")
    countable = ("status", "currency", "client_id", "total")

    client_id = eq(Ref(), "client_id", aliases=("client",))
    status = eq(_status(), "status")
    product_id = eq(Ref(), "items.product_id", aliases=("product",))
    sku = eq(Key(64), "items.sku")
    external_ref = eq(Key(200), "external_ref")
    uuid = eq(Uuid(), "uuid")
    placed_at__gte = gte(Moment(), "placed_at", aliases=("from",))
    placed_at__lte = lte(Moment(end=True), "placed_at", aliases=("to",))
    total__gte = gte(Money(signed=True), "total", aliases=("total_min",))
    total__lte = lte(Money(signed=True), "total", aliases=("total_max",))


orders = Resource(
    "orders",
    "order",
    OrderSchema(),
    OrderQuery(),
    unique=("external_ref",),
    searched=Searched(title=("note",), codes=("external_ref",)),
    partition="client_id",
    together={"update": {}, "delete": {"status": SETTLED_STATES}, "restore": {}},
    indexes=(
        IndexModel([("uuid", 1)], unique=True, partialFilterExpression={"uuid": {"$gt": ""}}),
        IndexModel([("due", 1)], sparse=True),
        # Covers the sums by day and by client of /orders/stats.
        IndexModel(
            [
                (name, 1)
                for name in ("placed_at", "status", "currency", "client_id", "total", "units")
            ]
        ),
    ),
)
