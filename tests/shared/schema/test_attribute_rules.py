"""Attributes against the rules of a schema, with hand edits in either."""

import pytest

from shared.schema.attribute_rules import misfits


def wrong(value, **rule):
    """Return the error of one attribute, or an empty text."""
    return misfits({"a": value}, {"a": rule}).get("a", [""])[0]


@pytest.mark.parametrize(
    ("value", "rule", "told"),
    [
        (2.9, {"type": "number", "min": 3, "unit": "mm"}, "Must be at least 3 mm."),
        ([5, 11], {"type": "integer", "max": 10}, "Must be at most 10."),
        ("5", {"type": "integer", "unit": "mm"}, "Must be of type integer in mm."),
        (True, {"type": "integer"}, "Must be of type integer."),
        (1, {"type": "boolean"}, "Must be of type boolean."),
        ("c", {"choices": ["a", "b"]}, "Must be one of a, b."),
        (True, {"choices": [1]}, "Must be one of 1."),
        (None, {"required": True}, "Is required in this category."),
    ],
)
def test_what_does_not_fit_is_told_with_the_bound_and_the_unit(value, rule, told):
    assert wrong(value, **rule) == told


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (3, {"type": "number", "min": 3, "max": 3}),
        ([3, 10.0], {"type": "number", "min": 3, "max": 10}),
        ([], {"type": "integer", "required": True}),
        (2.0, {"choices": [2]}),
        (False, {"type": "boolean", "required": True, "choices": [False]}),
        (None, {"type": "integer", "min": 3}),
    ],
)
def test_what_fits_fits(value, rule):
    assert wrong(value, **rule) == ""


def test_long_lists_of_choices_are_told_in_part():
    told = wrong("x", choices=[str(number) for number in range(200)])
    assert told.endswith("18, 19 or 180 others.")


@pytest.mark.parametrize(
    "rule",
    [5, None, [], {"type": ["x"]}, {"min": "a", "max": None}, {"choices": 5}, {"unit": 5}],
)
def test_rules_made_by_hand_ask_for_nothing_they_do_not_say(rule):
    for value in (1, "x", True, None, {"deep": []}):
        assert misfits({"a": value}, {"a": rule}) == {}


@pytest.mark.parametrize("attributes", [None, [], "x", 5])
def test_attributes_that_are_none_lack_what_is_required(attributes):
    assert misfits(attributes, {"a": {"required": True}, "b": {}}).keys() == {"a"}
