"""Sums of sales by day, product or client: ``/orders/stats``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import Response, request
from marshmallow import Schema, fields, validate

from api_orders.line_kinds import KINDS
from api_orders.resource import OrderQuery, orders
from api_orders.states import SOLD_STATES
from shared.cache.keys import ALL, Address, key_of
from shared.http import CACHED, BadRequest, Content, accepts, returns
from shared.resource import cached
from shared.schema import Document, Money, PageRequest, Ref
from shared.storage import pages


@dataclass(frozen=True, slots=True)
class Grouping:
    """One way to group sales: the group's key, its sums, the default order, and stages before."""

    key: Document
    sums: Document
    sort: dict[str, int]
    stages: list[Document] = field(default_factory=list)


_ORDER_SUMS: Document = {
    "orders": {"$sum": 1},
    "units": {"$sum": "$units"},
    "total": {"$sum": "$total"},
}
# The kind of a line, null for products, of which alone the pieces are counted.
_LINE_KIND = {"$ifNull": ["$items.kind", None]}
_LINE_SUMS: Document = {
    "sku": {"$last": "$items.sku"},
    "name": {"$last": "$items.name"},
    "lines": {"$sum": 1},
    "units": {"$sum": {"$cond": [{"$gt": [_LINE_KIND, None]}, 0, "$items.quantity"]}},
    "total": {"$sum": "$items.total"},
}
_LARGEST_FIRST = {"total": -1, "_id": 1}
_GROUPINGS = {
    "day": Grouping(
        {"$dateToString": {"date": "$placed_at", "format": "%Y-%m-%d"}}, _ORDER_SUMS, {"_id": 1}
    ),
    "client": Grouping({"$ifNull": ["$client_id", None]}, _ORDER_SUMS, _LARGEST_FIRST),
    "product": Grouping(
        {"$ifNull": ["$items.product_id", None]},
        _LINE_SUMS,
        _LARGEST_FIRST,
        [{"$unwind": "$items"}],
    ),
}
_TOO_SLOW = (
    "Adding up these orders takes too long. Send fewer, such as those between from= and to=."
)
# The sums that add up over all groups.
_ADDABLE = ("orders", "lines", "units", "total")
# MongoDB cannot format a value of another type, as a hand edit may leave, or a later year.
_HAS_DAY = {"placed_at": {"$type": "date", "$lt": datetime(9999, 12, 31, tzinfo=UTC)}}


class StatsQuery(OrderQuery):
    """Grouping by day, product or client, with the filters of a list of orders."""

    sortable = ("day", "client", "product", "orders", "lines", "units", "total")

    class Meta:
        """Sums have no text search, and no selection of fields."""

        exclude = ("cursor", "deleted", "facets", "q", "shown")

    by = fields.String(load_default="day", validate=validate.OneOf(tuple(_GROUPINGS)))


_query = StatsQuery()


class SumSchema(Schema):
    """The sales of a day, a product or a client, in one currency.

    By product, lines of other kinds, such as shipping, are summed by their kind.
    """

    day = fields.String(metadata={"example": "2026-01-31", "optional": True})
    client = fields.Raw(allow_none=True, metadata={"shown": Ref(), "optional": True})
    product = fields.Raw(allow_none=True, metadata={"shown": Ref(), "optional": True})
    kind = fields.String(
        validate=validate.OneOf(KINDS),
        metadata={"component": "OrderLineKind", "optional": True},
    )
    currency = fields.String(allow_none=True)
    sku = fields.String(allow_none=True, metadata={"optional": True})
    name = fields.String(allow_none=True, metadata={"optional": True})
    orders = fields.Integer(metadata={"optional": True})
    lines = fields.Integer(metadata={"optional": True})
    units = fields.Integer()
    total = Money(dump_only=True, metadata={"example": 25})


class SumsSchema(Schema):
    """A page of sums, and the sums of all groups."""

    items = fields.List(fields.Nested(SumSchema))
    page = fields.Integer()
    per = fields.Integer()
    total = fields.Integer()
    sums = fields.List(fields.Nested(SumSchema))


@accepts(query=StatsQuery)
@returns(SumsSchema, headers=CACHED, conditional=True)
def list_sums() -> Response:
    """List a page of the sums of sales ``by`` day, product or client, with the sums of all groups.

    Each sum is of one currency.  Without a ``status`` the sums include orders that were placed,
    paid, shipped or delivered, and returns, which are negative.  A total contains shipping, tax and
    discounts, if orders have lines of them; by product, each of these kinds is a sum of its own.
    Units are pieces of products.
    """
    query = _query.parse(request.query_string, ())
    parameters = [("page", query.page), ("per", query.per), *query.parameters]
    key = key_of(f"{orders.name}:list:stats", parameters)
    return cached(Address(orders.name, key, ALL), lambda tokens: _sums(query))


def _sums(query: PageRequest) -> Content:
    with pages.refused_if_slow(BadRequest(_TOO_SLOW)):
        results = orders.repository.collection.aggregate(_pipeline(query), allowDiskUse=True)
        result = next(iter(results))
    sums = result["sums"]
    currencies = [group | {"_id": {"currency": group["_id"]}} for group in sums]
    return Content.of(
        {
            "items": [_to_json(group) for group in result["items"]],
            "page": query.page,
            "per": query.per,
            "total": sum(group["groups"] for group in sums),
            "sums": list(map(_to_json, currencies)),
        }
    )


def _pipeline(query: PageRequest) -> list[Document]:
    """Return the stages that add up sales: a page of groups, and the sums of each currency."""
    parameters = dict(query.parameters)
    by = parameters.get("by", "day")
    grouping = _GROUPINGS[by]
    sold = {} if "status" in parameters else {"status": {"$in": SOLD_STATES}}
    has_day = _HAS_DAY if by == "day" else {}
    stages = grouping.stages
    group: Document = {by: grouping.key, "currency": {"$ifNull": ["$currency", None]}}
    if by == "product":
        stages = [*stages, *_line_filter(parameters)]
        # Lines without a product id are grouped by SKU.
        group["of"] = {"$cond": [{"$gt": [grouping.key, None]}, None, "$items.sku"]}
        group["kind"] = _LINE_KIND
    totals = {name: {"$sum": f"${name}"} for name in grouping.sums if name in _ADDABLE}
    page = [{"$skip": (query.page - 1) * query.per}, {"$limit": query.per}]
    by_currency = {"_id": "$_id.currency", "groups": {"$sum": 1}, **totals}
    return [
        {"$match": {"$and": [query.filter, sold, has_day]}},
        *stages,
        {"$group": {"_id": group, **grouping.sums}},
        {
            "$facet": {
                "items": [{"$sort": _sort(query, by) or grouping.sort}, *page],
                "sums": [{"$group": by_currency}, {"$sort": {"_id": 1}}],
            }
        },
    ]


def _sort(query: PageRequest, by: str) -> dict[str, int]:
    """Return the sort keys of the parameter ``ordering``, or {} without one.

    Raise ``BadRequest`` for a name that this grouping does not have.
    """
    if "ordering" not in dict(query.parameters):
        return {}
    paths = {by: f"_id.{by}"} | {name: name for name in _GROUPINGS[by].sums if name in _ADDABLE}
    # Drop the id that ends the sort of a list, unless it is the only key.
    ends_with_id = query.sort[-1][0] == "_id" and len(query.sort) > 1
    keys = query.sort[:-1] if ends_with_id else query.sort
    if unknown := [name for name, _ in keys if name not in paths]:
        message = (
            f"Sums by {by} cannot be ordered by {unknown[0].strip('_')!r}. "
            f"Send one of {', '.join(paths)}."
        )
        raise BadRequest.parameter("ordering", message)
    return {paths[name]: direction for name, direction in keys} | {"_id": 1}


def _line_filter(parameters: Mapping[str, str]) -> list[Document]:
    """Return the stage that keeps only the lines of the product or the SKU in the filters."""
    condition: Document = {}
    if "product_id" in parameters:
        condition["items.product_id"] = Ref().deserialize(parameters["product_id"])
    if "sku" in parameters:
        condition["items.sku"] = parameters["sku"]
    return [{"$match": condition}] if condition else []


def _to_json(group: Document) -> Document:
    """Return a group as clients see it."""
    values = group.pop("_id") | group
    hidden = {"groups", "of"} | ({"sku", "name"} if values.get("kind") else {"kind"})
    return {name: value for name, value in values.items() if name not in hidden}
