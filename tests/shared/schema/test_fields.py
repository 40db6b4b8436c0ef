"""Fields: the values they accept, refuse and dump."""

from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
from bson import Decimal128
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from shared.http.json import plain_number
from shared.schema.fields import (
    Attributes,
    Birthday,
    Email,
    Key,
    Money,
    Plain,
    Ref,
    Slug,
    Text,
    Timestamp,
    Whole,
)

TOMORROW = (date.today() + timedelta(days=1)).isoformat()


def shown(value):
    """Return the JSON that a client reads for a price that was sent as ``value``."""
    dumped = Money()._serialize(Money().deserialize(value), "price", {})
    return orjson.dumps(dumped).decode()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("29.99", "29.99"),
        (29.99, "29.99"),
        (70, "70"),
        (99.99, "99.99"),
        ("29.990", "29.99"),
        ("0", "0"),
        ("-0", "0"),
        (0.1, "0.1"),
        ("1e2", "100"),
        (" 5 ", "5"),
        ("0.0001", "0.0001"),
        ("9999999999.9999", "9999999999.9999"),
    ],
)
def test_an_amount_is_dumped_without_rounding_noise(sent, answered):
    assert shown(sent) == answered


@given(st.decimals(min_value=0, max_value=9_999_999_999, places=4))
def test_every_amount_survives_json_and_back(amount):
    assert Money().deserialize(orjson.loads(shown(str(amount)))) == Money().deserialize(str(amount))


@pytest.mark.parametrize(
    "wrong",
    [
        -1,
        "-0.01",
        "1,50",
        "",
        "x",
        True,
        [],
        {},
        "NaN",
        "Infinity",
        1e10,
        "1e400",
        0.00001,
        "9" * 5000,
        "1" + "0" * 1_000_001,
        "0." + "0" * 1_000_001 + "1",
        "1_0",
        "٣",
    ],
)
def test_a_value_that_is_not_an_amount_is_refused(wrong):
    with pytest.raises(ValidationError):
        Money().deserialize(wrong)


@pytest.mark.parametrize("kept", ["12.50", 12.5, None, {"odd": 1}])
def test_a_price_edited_by_hand_is_shown_unchanged(kept):
    assert Money()._serialize(kept, "price", {}) == kept


def test_an_infinite_price_edited_by_hand_is_valid_json():
    assert Money()._serialize(Decimal128("Infinity"), "price", {}) == "Infinity"


@pytest.mark.parametrize(
    "day", ["29/10/2001", "2001-10-29", "29/02/2000", date.today().isoformat()]
)
def test_a_birthday_is_stored_as_sent(day):
    assert Birthday().deserialize(day) == day


@pytest.mark.parametrize(
    "day",
    [
        "31/02/2001",
        "29/02/2001",
        "2001-13-01",
        "1/1/2001",
        "29-10-2001",
        "yesterday",
        "",
        20011029,
        TOMORROW,
    ],
)
def test_an_impossible_birthday_is_refused(day):
    with pytest.raises(ValidationError):
        Birthday().deserialize(day)


@pytest.mark.parametrize("wrong", ["x", "a@b", "a." * 5000 + "x@b.co", "x@" + "b" * 300 + ".co"])
def test_a_text_that_is_not_an_email_address_is_refused(wrong):
    with pytest.raises(ValidationError):
        Email().deserialize(wrong)


def test_two_spellings_of_an_email_address_are_one_value():
    assert Email().deserialize(" Ada@Example.ORG".strip()) == "ada@example.org"


@pytest.mark.parametrize("wrong", ["5", 5.5, True, 2**53, -(2**53), None])
def test_a_value_that_is_not_a_whole_number_is_refused(wrong):
    with pytest.raises(ValidationError):
        Whole().deserialize(wrong)


@pytest.mark.parametrize("sent", [5, 5.0])
def test_a_number_without_decimals_is_whole_however_it_is_written(sent):
    whole = Whole(0, 9).deserialize(sent)
    assert (whole, type(whole)) == (5, int)


@pytest.mark.parametrize(("sent", "number"), [("5.0", 5), ("-2.00", -2), (" 7 ", 7)])
def test_a_text_of_a_query_string_is_a_whole_number_as_json_is(sent, number):
    assert Whole(strict=False).deserialize(sent) == number


@pytest.mark.parametrize("sent", ["5.5", "5.", ".0", "5,0", "1e1"])
def test_a_text_that_is_no_whole_number_is_refused(sent):
    with pytest.raises(ValidationError):
        Whole(strict=False).deserialize(sent)


@pytest.mark.parametrize("sent", [10.0, -1.0, 1e300, float(2**53)])
def test_a_whole_number_with_a_point_is_bounded_like_any_other(sent):
    with pytest.raises(ValidationError):
        Whole(0).deserialize(sent) if sent > 10 else Whole(0, 9).deserialize(sent)


@pytest.mark.parametrize(
    "attributes",
    [{}, {"a": "x"}, {"a b": [1, "x", True, 2.5]}, {"été": 5}, {"a-b_c": False}],
)
def test_attributes_are_stored_as_sent(attributes):
    assert Attributes().deserialize(attributes) == attributes


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"a.b": 1}, "a.b"),
        ({"$where": 1}, "$where"),
        ({"": 1}, ""),
        ({"a\x07b": 1}, "a\x07b"),
        ({"a": "x\x07"}, "a"),
        ({"a": 1, " a\u200b": 2}, " a\u200b"),
        ({"a" * 65: 1}, "a" * 65),
        ({"year__gte": 1}, "year__gte"),
        ({"a": {"$ne": None}}, "a"),
        ({"a": [[1]]}, "a"),
        ({"a": 2**60}, "a"),
        ({"a": 1e305}, "a"),
        ({"a": list(range(101))}, "a"),
        ({"a": "x" * 10_001}, "a"),
        ({f"a{n}": 1 for n in range(101)}, "_schema"),
    ],
)
def test_attributes_that_are_not_valid_are_named(attributes, named):
    with pytest.raises(ValidationError) as raised:
        Attributes().deserialize(attributes)
    assert list(raised.value.messages) == [named]


@pytest.mark.parametrize("wrong", [[], "x", 5])
def test_attributes_that_are_not_an_object_are_refused(wrong):
    with pytest.raises(ValidationError):
        Attributes().deserialize(wrong)


def test_a_moment_is_utc_with_milliseconds():
    moment = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert Timestamp()._serialize(moment, "at", {}) == "2026-01-31T09:30:00.000Z"
    assert Timestamp()._serialize("by hand", "at", {}) == "by hand"


@pytest.mark.parametrize(
    ("amount", "answered"),
    [
        ("8999909999.9999", 8999909999.9999),
        ("9000009999999909.9999", "9000009999999909.9999"),
        ("1234566655432809.8763", "1234566655432809.8763"),
        ("0.10", 0.1),
    ],
)
def test_a_number_that_a_double_cannot_hold_is_shown_as_text(amount, answered):
    assert plain_number(Decimal128(amount)) == answered


@pytest.mark.parametrize(
    ("field", "sent", "stored"),
    [
        (Text(), " Cafe\u0301\u00a0", "Café"),
        (Text(), "é" * 255, "é" * 255),
        (Text(), "e\u0301" * 255 + "  ", "é" * 255),
        (Text(40, lines=True), "one\ntwo\n", "one\ntwo"),
        (Plain(), "\ufeffone\r\n\ttwo ", "one\r\n\ttwo"),
        (Plain(), " \u200b", ""),
        (Key(64), "'T\u200b-1 ", "T-1"),
        (Email(), "\u00a0Ada@Example.ORG\u200b", "ada@example.org"),
        (Slug(), "Red_Mug", "red-mug"),
        (Slug(), "pot.html", "pot-html"),
        (Slug(), " Été 2026 ", "ete-2026"),
        (Whole(0), 5.0, 5),
        (Whole(0, strict=False), " 5\u00a0", 5),
        (Ref(), 7.0, 7),
        (Ref(), " 7 ", 7),
        (Attributes(), {" colour ": " red\u00a0", "sizes": [1.0, " L"]},
         {"colour": "red", "sizes": [1, "L"]}),
        (Attributes(), {"weight": 5.5, "on": True}, {"weight": 5.5, "on": True}),
    ],
)  # fmt: skip
def test_a_value_is_stored_clean(field, sent, stored):
    loaded = field.deserialize(sent)
    assert loaded == stored
    assert repr(loaded) == repr(stored)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        (Text(), "a\tb"),
        (Text(), "a\nb"),
        (Text(), "a\x9fb"),
        (Text(), "\u200b\u2060 "),
        (Text(), "x" * 256),
        (Plain(), "a\x07"),
        (Key(64), "\u00ad"),
        (Slug(), "!!!"),
        (Slug(), "2026"),
        (Slug(), "x" * 101),
        (Whole(), 5.5),
        (Whole(), True),
        (Whole(), 1e300),
        (Ref(), 7.5),
        (Ref(), True),
    ],
)
def test_a_value_that_cannot_be_cleaned_is_refused(field, wrong):
    with pytest.raises(ValidationError):
        field.deserialize(wrong)
