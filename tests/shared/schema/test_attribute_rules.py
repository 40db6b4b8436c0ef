"""Attributes against the rules of a schema, with hand edits in either."""

import pytest

from shared.schema.attribute_rules import misfits

EMPTY = (None, "", " \u00a0", "\u200b", [], [""], ["", " "], [None])


def wrong(value, **rule):
    """Return the error of one attribute, or an empty text."""
    return misfits({"a": value}, {"a": rule}).get("a", [""])[0]


@pytest.mark.parametrize(
    ("value", "rule", "message"),
    [
        (2.9, {"type": "number", "min": 3, "unit": "mm"}, "Must be at least 3 mm."),
        ([5, 11], {"type": "integer", "max": 10}, "Must be at most 10."),
        ("5", {"type": "integer", "unit": "mm"}, "Must be of type integer in mm."),
        (True, {"type": "integer"}, "Must be of type integer."),
        (1, {"type": "boolean"}, "Must be of type boolean."),
        ("c", {"choices": ["a", "b"]}, "Must be one of a, b."),
        (True, {"choices": [1]}, "Must be one of 1."),
        *((value, {"required": True}, "Is required in this category.") for value in EMPTY),
        ("", {"choices": ["a"]}, "Must be one of a."),
        (5.5, {"type": "integer"}, "Must be of type integer."),
    ],
)
def test_a_misfit_is_reported_with_the_bound_and_the_unit(value, rule, message):
    assert wrong(value, **rule) == message


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (3, {"type": "number", "min": 3, "max": 3}),
        ([3, 10.0], {"type": "number", "min": 3, "max": 10}),
        ([], {"type": "integer"}),
        (["", "x"], {"type": "string", "required": True}),
        (0, {"type": "integer", "required": True}),
        (5.0, {"type": "integer", "required": True, "choices": [5]}),
        (2.0, {"choices": [2]}),
        (False, {"type": "boolean", "required": True, "choices": [False]}),
        (None, {"type": "integer", "min": 3}),
    ],
)
def test_a_value_that_fits_has_no_message(value, rule):
    assert wrong(value, **rule) == ""


def test_a_message_names_some_of_many_choices():
    message = wrong("x", choices=[str(number) for number in range(200)])
    assert message.endswith("18, 19 or 180 others.")


@pytest.mark.parametrize(
    "rule",
    [5, None, [], {"type": ["x"]}, {"min": "a", "max": None}, {"choices": 5}, {"unit": 5}],
)
def test_rules_edited_by_hand_demand_nothing_more(rule):
    for value in (1, "x", True, None, {"deep": []}):
        assert misfits({"a": value}, {"a": rule}) == {}


@pytest.mark.parametrize("attributes", [None, [], "x", 5])
def test_attributes_of_another_type_lack_the_required_ones(attributes):
    assert misfits(attributes, {"a": {"required": True}, "b": {}}).keys() == {"a"}
