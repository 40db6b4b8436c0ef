"""What was sold: sums of orders by day, product or client."""

from typing import Any

from flask import Response, request
from marshmallow import fields, validate

from api_orders.resource import OrderQuery, orders
from api_orders.states import SOLD
from shared.documents import Document
from shared.keys import ALL, Address, key_of
from shared.query import PageRequest
from shared.responses import respond

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
        {"$ifNull": ["$items.product_id", "$items.sku", None]},
        {
            "name": {"$last": "$items.name"},
            "lines": {"$sum": 1},
            "units": {"$sum": "$items.quantity"},
            "total": {"$sum": "$items.total"},
        },
        {"total": -1, "_id": 1},
    ),
}


class StatsQuery(OrderQuery):
    """Sum by day, product or client; narrow like a list of orders."""

    by = fields.String(load_default="day", validate=validate.OneOf(tuple(_WAYS)))


_query = StatsQuery()


def show() -> Response:
    """Answer sums of what was sold ``by`` day, product or client, a page of them, and of all.

    Sums are of one currency each.  Unless ``status`` says otherwise, orders count that were placed,
    paid, shipped or delivered, and returns, which are negative.
    """
    asked = _query.parse(request.query_string, ())
    key = key_of(
        f"{orders.name}:list:stats", [("page", asked.page), ("per", asked.per), *asked.given]
    )
    return orders.cached(Address(orders.name, key, ALL), lambda: _sums(asked))


def _sums(asked: PageRequest) -> Response:
    given = dict(asked.given)
    by = given.get("by", "day")
    sold = {} if "status" in given else {"status": {"$in": SOLD}}
    unwound, name, summed, order = _WAYS[by]
    skipped = (asked.page - 1) * asked.per
    groups = {"_id": {by: name, "currency": {"$ifNull": ["$currency", None]}}, **summed}
    every: Document = {each: {"$sum": f"${each}"} for each in summed if each != "name"}
    found = orders.repository.collection.aggregate(
        [
            {"$match": {"$and": [asked.filter, sold]}},
            *unwound,
            {"$group": groups},
            {
                "$facet": {
                    "items": [{"$sort": order}, {"$skip": skipped}, {"$limit": asked.per}],
                    "sums": [{"$group": {"_id": "$_id.currency", "groups": {"$sum": 1}, **every}}],
                }
            },
        ],
        allowDiskUse=True,
    )
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


def _shown(row: Document) -> Document:
    return {**row.pop("_id"), **{name: value for name, value in row.items() if name != "groups"}}
