"""Validators for MongoDB, which MongoDB and the doctor apply in the same way."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from bson import Decimal128, Int64, ObjectId
from marshmallow import Schema, fields, validate

from shared.schema.fields import (
    Attributes,
    Birthday,
    Email,
    Id,
    Moment,
    Money,
    Ref,
    Slug,
    Text,
    Timestamp,
    Whole,
)
from shared.schema.mongo_schema import json_schema, row, violations
from tests.support.services import SERVICES

RESOURCES = [
    getattr(import_module(f"{name}.resource"), name.removeprefix("api_")) for name in SERVICES
]
each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def inside(field):
    """Yield a field and all fields in it."""
    yield field
    if isinstance(field, fields.List):
        yield from inside(field.inner)
    if isinstance(field, fields.Dict) and field.value_field:
        yield from inside(field.value_field)
    if isinstance(field, fields.Nested):
        for each in field.schema.fields.values():
            yield from inside(each)


@each_resource
def test_every_class_of_field_in_use_has_a_row(resource):
    for name, field in resource.schema.fields.items():
        for each in inside(field):
            assert row(each) is not None, f"{name}: {type(each).__name__} has no row in STORED"


def test_a_class_without_a_row_is_noticed():
    class Odd(fields.Field):
        pass

    assert row(Odd()) is None
    assert row(type("Even", (Text,), {})(10)) == row(Text(10))


class _Part(Schema):
    size = Whole(1, 9, required=True)


class _Thing(Schema):
    id = Id()
    slug = Slug()
    name = Text(5, required=True)
    code = fields.String(allow_none=True, validate=validate.Regexp(r"[A-Z]{2}\Z"))
    kind = fields.String(validate=validate.OneOf(("a", "b")))
    price = Money(allow_none=True)
    total = Money(dump_only=True)
    stock = Whole(0, 10)
    weight = fields.Float()
    seen = fields.Boolean()
    born = Birthday()
    email = Email()
    owner = Ref()
    lender = Ref(required=True, metadata={"stored": Ref()})
    at = Moment()
    made = Timestamp()
    extra = Attributes()
    parts = fields.List(fields.Nested(_Part), validate=validate.Length(1, 2))
    named = fields.Dict(fields.String(), fields.Nested(_Part))
    whatever = fields.Raw()
    shown = fields.Function(lambda thing: 1)
    renamed = Whole(attribute="other")


RULES = json_schema(_Thing())
FITS = [
    {},
    {"price": None, "stock": None, "kind": None, "parts": None, "slug": None},
    {"price": 3, "stock": 3},
    {"price": Int64(3), "stock": Int64(3)},
    {"price": 3.5, "stock": 3.0, "weight": 1.5},
    {"price": Decimal128("0"), "total": Decimal128("-3")},
    {"name": "ééééé"},
    {"slug": "a-1", "kind": "b", "code": "AB", "seen": True, "email": "x"},
    {"born": "29/10/2001"},
    {"born": "2001-10-29"},
    {"owner": 1},
    {"owner": "6b020c7c7d1a6827d65110aa"},
    {"_id": ObjectId("6b020c7c7d1a6827d65110aa")},
    {"_id": 7.0},
    {"at": NOW, "made": NOW, "extra": {"a": [1]}},
    {"parts": [{"size": 1}, {"size": 9.0}], "named": {"x": {"size": 2}}},
    {"whatever": "x", "shown": 5, "unknown": {}, "renamed": "x"},
    {"revision": 3, "created_at": NOW, "terms": ["=a"], "written": "0" * 16, "old_slugs": ["b"]},
]
BROKEN = [
    ({"name": None}, "/name", "is of type null, not string"),
    ({"name": 5}, "/name", "is of type int, not string"),
    ({"name": "   "}, "/name", r"does not match \S"),
    ({"name": ""}, "/name", "is empty"),
    ({"name": "éééééé"}, "/name", "has more than 5 characters"),
    ({"slug": "25"}, "/slug", "does not match"),
    ({"slug": "A b"}, "/slug", "does not match"),
    ({"slug": ["a", "b"]}, "/slug", "is of type array"),
    ({"code": "ab"}, "/code", "does not match"),
    ({"kind": "c"}, "/kind", "is not one of a, b"),
    ({"price": "12.50"}, "/price", "is of type string, not number"),
    ({"price": -1}, "/price", "is less than 0"),
    ({"price": Decimal128("-0.01")}, "/price", "is less than 0"),
    ({"price": 10.0**12}, "/price", "is more than 10000000000"),
    ({"price": float("nan")}, "/price", "is less than 0"),
    ({"price": Decimal128("NaN")}, "/price", "is less than 0"),
    ({"price": True}, "/price", "is of type bool"),
    ({"total": "3"}, "/total", "is of type string"),
    ({"stock": "3"}, "/stock", "is of type string, not int or long or double"),
    ({"stock": 2.5}, "/stock", "is not a whole number"),
    ({"stock": 11}, "/stock", "is more than 10"),
    ({"stock": Decimal128("3")}, "/stock", "is of type decimal"),
    ({"weight": "1"}, "/weight", "is of type string"),
    ({"seen": 1}, "/seen", "is of type int, not bool"),
    ({"born": "tomorrow"}, "/born", "does not match"),
    ({"owner": 0}, "/owner", "is less than 1"),
    ({"owner": "x"}, "/owner", "does not match"),
    ({"_id": "x"}, "/_id", "is of type string"),
    ({"_id": -5}, "/_id", "is less than 1"),
    ({"_id": 2.5}, "/_id", "is not a whole number"),
    ({"at": "2024-01-31"}, "/at", "is of type string, not date"),
    ({"made": "2024-01-31"}, "/made", "is of type string, not date"),
    ({"extra": []}, "/extra", "is of type array, not object"),
    ({"extra": {f"{n}": n for n in range(101)}}, "/extra", "has more than 100 fields"),
    ({"parts": []}, "/parts", "has fewer than 1 items"),
    ({"parts": [{"size": 1}] * 3}, "/parts", "has more than 2 items"),
    ({"parts": [{"size": 1}, {}]}, "/parts/1/size", "is missing"),
    ({"parts": [{"size": 10}]}, "/parts/0/size", "is more than 9"),
    ({"parts": ["x"]}, "/parts/0", "is of type string, not object"),
    ({"named": {"a/b~": {"size": "x"}}}, "/named/a~1b~0/size", "is of type string"),
    ({"other": "x"}, "/other", "is of type string"),
    ({"revision": "x"}, "/revision", "is of type string"),
    ({"created_at": 5}, "/created_at", "is of type int, not date"),
]


@pytest.mark.parametrize("values", FITS, ids=str)
def test_values_that_fit(values):
    assert not list(violations({"name": "x", **values}, RULES))


@pytest.mark.parametrize(("values", "place", "why"), BROKEN, ids=str)
def test_a_value_that_does_not_fit(values, place, why):
    (found, text), *others = violations({"name": "x", **values}, RULES)
    assert {found, *(each for each, _ in others)} == {place}
    assert why in text


def test_a_required_field_that_is_missing():
    assert list(violations({}, RULES)) == [("/name", "is missing")]


@pytest.mark.real
def test_mongodb_finds_the_same_violations(real_connections):
    """All that a document may have wrong is found by MongoDB, and nothing else."""
    collection = real_connections[0]["validated"]
    documents = [{"name": "x", **values} for values in [*FITS, *(each for each, *_ in BROKEN)]]
    collection.insert_many([{"case": n, **each} for n, each in enumerate([*documents, {}])])
    found = collection.find({"$nor": [{"$jsonSchema": RULES}]})
    assert {each["case"] for each in found} == set(range(len(FITS), len(documents) + 1))


@pytest.mark.real
@each_resource
def test_mongodb_accepts_the_validator_of_every_service(real_connections, resource):
    schema = {"$jsonSchema": json_schema(resource.schema)}
    assert real_connections[0]["validated"].count_documents({"$nor": [schema]}) == 0
