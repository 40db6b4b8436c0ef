"""What was sold: sums of orders by day, product or client."""

from datetime import UTC, datetime
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields, validate

from api_orders.resource import OrderQuery, orders
from api_orders.states import SOLD
from shared.cache.keys import ALL, Address, key_of
from shared.http.contract import CACHED, accepts, returns
from shared.http.errors import BadRequest
from shared.http.responses import respond
from shared.resource import cached
from shared.schema.fields import Money, Ref
from shared.schema.query import PageRequest
from shared.schema.serialization import Document

_SUMS = {
    "orders": {"$sum": 1},
    "units": {"$sum": "$units"},
    "total": {"$sum": "$total"},
}
_DAY = {"$dateToString": {"date": "$placed_at", "format": "%Y-%m-%d"}}
# For each way of grouping: what comes before, the group's name, what is added up, the order.
_WAYS: dict[str, tuple[list[Document], Any, Document, Document]] = {
    "day": ([], _DAY, _SUMS, {"_id": 1}),
    "client": ([], {"$ifNull": ["$client_id", None]}, _SUMS, {"total": -1, "_id": 1}),
    "product": (
        [{"$unwind": "$items"}],
        {"$ifNull": ["$items.product_id", None]},
        {
            "sku": {"$last": "$items.sku"},
            "name": {"$last": "$items.name"},
            "lines": {"$sum": 1},
            "units": {"$sum": "$items.quantity"},
            "total": {"$sum": "$items.total"},
        },
        {"total": -1, "_id": 1},
    ),
}


# A hand edit may have left something else there, or a year that has no name.
_DATED = {"placed_at": {"$type": "date", "$lt": datetime(9999, 12, 31, tzinfo=UTC)}}
_ADDED = ("orders", "lines", "units", "total")


class StatsQuery(OrderQuery):
    """Sum by day, product or client; narrow like a list of orders."""

    sortable = ("day", "client", "product", "orders", "lines", "units", "total")

    class Meta:
        """Sums have no words to be found by, and show all there is."""

        exclude = ("cursor", "deleted", "facets", "q", "shown")

    by = fields.String(load_default="day", validate=validate.OneOf(tuple(_WAYS)))


_query = StatsQuery()


class SumSchema(Schema):
    """One sum: of a day, a product or a client, in one currency."""

    day = fields.String(metadata={"example": "2026-01-31", "optional": True})
    client = fields.Raw(allow_none=True, metadata={"shown": Ref(), "optional": True})
    product = fields.Raw(allow_none=True, metadata={"shown": Ref(), "optional": True})
    currency = fields.String(allow_none=True)
    sku = fields.String(allow_none=True, metadata={"optional": True})
    name = fields.String(allow_none=True, metadata={"optional": True})
    orders = fields.Integer(metadata={"optional": True})
    lines = fields.Integer(metadata={"optional": True})
    units = fields.Integer()
    total = Money(dump_only=True, metadata={"example": 25})


class SumsSchema(Schema):
    """A page of sums, and the sums of all."""

    items = fields.List(fields.Nested(SumSchema))
    page = fields.Integer()
    per = fields.Integer()
    total = fields.Integer()
    sums = fields.List(fields.Nested(SumSchema))


@accepts(query=StatsQuery)
@returns(SumsSchema, headers=CACHED, conditional=True)
def show() -> Response:
    """Answer sums of what was sold ``by`` day, product or client, a page of them, and of all.

    Sums are of one currency each.  Unless ``status`` says otherwise, orders count that were placed,
    paid, shipped or delivered, and returns, which are negative.
    """
    asked = _query.parse(request.query_string, ())
    key = key_of(
        f"{orders.name}:list:stats", [("page", asked.page), ("per", asked.per), *asked.given]
    )
    return cached(Address(orders.name, key, ALL), lambda: _sums(asked))


def _sums(asked: PageRequest) -> Response:
    found = orders.repository.collection.aggregate(_pipeline(asked), allowDiskUse=True)
    result = next(iter(found))
    return respond(
        {
            "items": [_shown(each) for each in result["items"]],
            "page": asked.page,
            "per": asked.per,
            "total": sum(each["groups"] for each in result["sums"]),
            "sums": [_shown(each | {"_id": {"currency": each["_id"]}}) for each in result["sums"]],
        }
    )


def _pipeline(asked: PageRequest) -> list[Document]:
    given = dict(asked.given)
    by = given.get("by", "day")
    sold = {} if "status" in given else {"status": {"$in": SOLD}}
    dated = _DATED if by == "day" else {}
    unwound, name, summed, order = _WAYS[by]
    group: Document = {by: name, "currency": {"$ifNull": ["$currency", None]}}
    if by == "product":
        unwound = [*unwound, *_of_lines(given)]
        # What has no id is known by its SKU.
        group["of"] = {"$cond": [{"$gt": [name, None]}, None, "$items.sku"]}
    every = {each: {"$sum": f"${each}"} for each in summed if each in _ADDED}
    page = [{"$skip": (asked.page - 1) * asked.per}, {"$limit": asked.per}]
    whole = {"_id": "$_id.currency", "groups": {"$sum": 1}, **every}
    return [
        {"$match": {"$and": [asked.filter, sold, dated]}},
        *unwound,
        {"$group": {"_id": group, **summed}},
        {
            "$facet": {
                "items": [{"$sort": _sort(asked, by) or order}, *page],
                "sums": [{"$group": whole}, {"$sort": {"_id": 1}}],
            }
        },
    ]


def _sort(asked: PageRequest, by: str) -> dict[str, int]:
    """Return the order that was asked for, by what the sums have, or nothing."""
    if "ordering" not in dict(asked.given):
        return {}
    known = {by: f"_id.{by}"} | {each: each for each in _WAYS[by][2] if each in _ADDED}
    # The id comes last of itself; sums have none that one could ask for.
    keys = asked.sort if asked.sort[-1][0] != "_id" or len(asked.sort) == 1 else asked.sort[:-1]
    if wrong := [name for name, _ in keys if name not in known]:
        message = (
            f"Cannot order sums by {by} by {wrong[0].strip('_')!r}, only by {', '.join(known)}."
        )
        raise BadRequest.parameter("ordering", message)
    return {known[name]: way for name, way in keys} | {"_id": 1}


def _of_lines(given: dict[str, str]) -> list[Document]:
    """Return what leaves the other lines of the orders out when products are asked for."""
    asked: Document = {}
    if "product_id" in given:
        asked["items.product_id"] = Ref().deserialize(given["product_id"])
    if "sku" in given:
        asked["items.sku"] = given["sku"]
    return [{"$match": asked}] if asked else []


def _shown(row: Document) -> Document:
    named = row.pop("_id") | row
    return {name: value for name, value in named.items() if name not in ("groups", "of")}
