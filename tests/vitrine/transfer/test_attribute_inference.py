"""Attribute rules inferred from rows: every row fits them."""

import pytest

from shared.schema.attribute_rules import misfits
from vitrine.transfer.attribute_inference import MAX_ATTRIBUTES, MAX_CHOICES, CategoryAttributes


def rule(*values):
    """Return the rule inferred from values, and check that all of them fit it."""
    category = CategoryAttributes("x")
    for value in values:
        category.add({"a": value})
    (inferred,) = category.rules({}).values()
    for value in values:
        assert misfits({"a": value}, {"a": inferred}) == {}
    return inferred


@pytest.mark.parametrize(
    ("values", "type"),
    [
        ((1, 2, -3), "integer"),
        ((1, 2.0), "number"),
        ((1.5,), "number"),
        ((True, False), "boolean"),
        (("a", "1"), "string"),
        (([1, 2], 3, []), "integer"),
        (([1, 2.5], [4]), "number"),
        ((["a"], "b"), "string"),
    ],
)
def test_values_of_one_type_make_it_the_rule(values, type):
    assert rule(*values) == {"type": type}


@pytest.mark.parametrize(
    "values", [(1, "1"), (True, 1), ([1, "a"],), ([1, None],), ([],), (["a", True], "b")]
)
def test_mixed_values_make_an_empty_rule(values):
    assert rule(*values) == {}


def test_few_texts_that_repeat_are_choices():
    assert rule(*["b", "a"] * 5) == {"type": "string", "choices": ["a", "b"]}
    assert rule(*["b", "a"] * 4, "a") == {"type": "string"}, "not often enough"
    assert rule(*["a"] * 50) == {"type": "string"}, "one text makes no choice"
    assert rule(*[["a", "b"]] * 5) == {"type": "string", "choices": ["a", "b"]}
    assert rule(*[1, 2] * 50) == {"type": "integer"}
    assert rule(*["a", 1] * 50) == {}


@pytest.mark.parametrize(("count", "are_choices"), [(MAX_CHOICES, True), (MAX_CHOICES + 1, False)])
def test_texts_up_to_the_limit_are_choices(count, are_choices):
    values = [f"text {number}" for number in range(count)] * 9
    assert ("choices" in rule(*values)) == are_choices


def test_long_texts_are_not_choices_even_if_they_are_alike():
    assert "choices" in rule(*["x" * 99 + "1", "x" * 99 + "2"] * 9)
    assert rule(*["x" * 100 + "1", "x" * 100 + "2"] * 9) == {"type": "string"}


def test_the_memory_for_a_file_is_bounded():
    category = CategoryAttributes("x")
    for number in range(5 * MAX_ATTRIBUTES):
        category.add({f"name {number}": "x" * 10_000, "same": f"{number} " + "x" * 10_000})
    assert len(category.attributes) == MAX_ATTRIBUTES
    same = category.attributes["same"]
    kept = len(same.example) + sum(map(len, same.distinct))
    assert (same.rows, category.rows) == (5 * MAX_ATTRIBUTES, 5 * MAX_ATTRIBUTES)
    assert kept < 5_000


def test_existing_rules_stay_and_nothing_is_required():
    category = CategoryAttributes("x")
    for attributes in ({"a": 1, "b": None, "c": "x"}, None, ["odd"], {"c": {"deep": 1}}):
        category.add(attributes)
    assert category.rules({"a": {"type": "string"}}) == {"c": {"type": "string"}}
    assert (category.rows, category.attributes["c"].rows) == (4, 1)
