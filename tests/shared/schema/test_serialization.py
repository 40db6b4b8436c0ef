"""Serialization: ``DocumentSchema`` dumps the same values as marshmallow, in less time."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from bson import Decimal128, ObjectId
from bson.tz_util import utc
from marshmallow import Schema, fields
from marshmallow.experimental.context import Context

from api_categories.resource import categories
from api_clients.resource import clients
from api_orders.resource import orders
from api_products.resource import products
from shared.http.json import MAX_WHOLE, plain_number
from shared.schema.serialization import load
from shared.storage.documents import differing_fields

MOMENT = datetime(2026, 1, 31, 9, 30, 0, 5000, tzinfo=utc)
# Values of a field, stored by the service or left by a hand edit.
VALUES = (
    *(None, True, 0, 7, -1, 2**60, 1.5, 3.0, float("inf"), "", "text", "Crépin", b"bytes"),
    *(MOMENT, MOMENT.replace(tzinfo=UTC), ObjectId("0" * 24), {}, {"a": 1}, {"at": MOMENT}),
    *([], ["a", "b"], [{}], [1, {"id": 1}], [{"id": 1, "state": "ready", "width": 5}]),
    *([{"product_id": 1, "quantity": 2, "unit_price": Decimal128("1.50")}], [{"at": MOMENT}]),
    *(Decimal128("12.50"), Decimal128("NaN"), Decimal128("-0"), Decimal128("1E+30")),
)


def documents(schema):
    """Return documents with any of the values in any field, and without fields."""
    chance = random.Random(6)
    sources = {field.attribute or name for name, field in schema.dump_fields.items()}
    sources |= {
        each for field in schema.fields.values() for each in field.metadata.get("reads", ())
    }
    for _ in range(400):
        yield {name: chance.choice(VALUES) for name in sorted(sources) if chance.random() < 0.8}
    yield {}


@pytest.mark.parametrize("resource", [categories, clients, orders, products], ids=lambda r: r.name)
def test_documents_are_dumped_as_marshmallow_dumps_them(resource, monkeypatch):
    schema = resource.schema
    for document in documents(schema):
        with Context({"shown": ()}):
            shown = schema.dump(document)
        with Context({"shown": ()}), monkeypatch.context() as patch:
            patch.setattr(type(schema), "_serialize", Schema._serialize)
            patch.setattr(
                schema, "get_attribute", lambda each, name, default: each.get(name, default)
            )
            plain = schema.dump(document)
        assert repr(shown) == repr({name: plain.get(name) for name in resource.names})


class Box(Schema):
    tags = fields.List(fields.String(), allow_none=True, dump_default=[])
    options = fields.Dict(allow_none=True, dump_default={})
    notes = fields.List(fields.String(), allow_none=True)


@pytest.mark.parametrize("stored", [{}, {"tags": None}, {"tags": [], "options": {}}])
@pytest.mark.parametrize("sent", [{"tags": [], "options": {}}, {"tags": None, "options": None}])
def test_an_empty_field_that_is_sent_back_as_it_was_shown_is_no_change(stored, sent):
    loaded = load(Box(), sent, {"_id": 1} | stored, patch=False)
    assert {name: stored.get(name) for name in sent} == loaded
    assert not differing_fields(loaded, stored)


def test_an_empty_list_is_a_change_of_a_filled_one_and_of_a_field_that_is_shown_as_null():
    assert load(Box(), {"tags": []}, {"tags": ["a"]}, patch=False) == {"tags": []}
    assert load(Box(), {"notes": []}, {"_id": 1}, patch=False) == {"notes": []}
    assert load(Box(), {"tags": [], "notes": []}, None, patch=False) == {"tags": None, "notes": []}


@pytest.mark.parametrize("exponent", range(-6, 3))
def test_the_number_of_a_decimal_is_exact(exponent):
    chance = random.Random(exponent)
    for digits in range(1, 20):
        for sign in ("", "-"):
            text = f"{sign}{chance.randrange(10 ** (digits - 1), 10**digits)}E{exponent}"
            shown = plain_number(Decimal128(text))
            assert Decimal(str(shown)) == Decimal(text)
            assert isinstance(shown, str) or abs(shown) <= MAX_WHOLE
            whole = Decimal(text) == Decimal(text).to_integral_value()
            assert isinstance(shown, int if whole else float) or digits + max(exponent, 0) > 15
