"""From rows to items: columns, maps, sets, keys."""

import pytest

from vitrine.errors import StackError
from vitrine.transfer.mapping import VOLATILE, RowMapping, reference

FIELDS = {
    name: {"type": kind, "required": name == "name", "read_only": name == "id", "aliases": aliases}
    for name, kind, aliases in (
        ("id", "Id", []),
        ("name", "Text", ["title"]),
        ("sku", "Text", []),
        ("price", "Money", []),
        ("stock", "Whole", ["quantity"]),
        ("category", "Text", []),
        ("attributes", "Attributes", []),
    )
}


def mapping(fields=FIELDS, maps=(), sets=(), nulls=(), attributes=None):
    return RowMapping(fields, maps, sets, nulls, attributes)


def test_columns_match_fields_in_any_case_and_by_alias():
    row = {"Title": "A", " SKU ": "S1", "Quantity": "3.0", "PRICE": "1.50", "id": 7}
    assert mapping().item(row) == {"name": "A", "sku": "S1", "stock": 3, "price": "1.50"}


def test_other_columns_are_attributes_with_guessed_types():
    row = {"name": "A", "speed": "3200", "ratio": "0.5", "zip": "007", "on": "TRUE", "list": [1]}
    attributes = {"speed": 3200, "ratio": 0.5, "zip": "007", "on": True, "list": [1]}
    assert mapping().item(row) == {"name": "A", "attributes": attributes}


def test_only_the_attributes_asked_for_are_kept():
    rows = mapping(attributes=["speed"])
    assert rows.item({"name": "A", "speed": 1, "x": 2})["attributes"] == {"speed": 1}
    assert dict(rows.ignored_columns) == {"x": 1}


def test_without_free_attributes_other_columns_are_counted():
    fields = {name: field for name, field in FIELDS.items() if name != "attributes"}
    rows = mapping(fields)
    assert rows.item({"name": "A", "fax": "1"}) == {"name": "A"}
    assert dict(rows.ignored_columns) == {"fax": 1}


def test_a_map_reads_a_column_or_an_expression():
    maps = ["name=Unit name", "sku=codes[0].value", "attr.first=join(' ', [a, b])"]
    row = {"Unit name": "A", "codes": [{"value": "S1"}], "a": "x", "b": "y"}
    item = mapping(maps=maps, attributes=[]).item(row)
    assert item == {"name": "A", "sku": "S1", "attributes": {"first": "x y"}}


def test_a_field_stays_if_a_map_finds_nothing():
    assert mapping(maps=["sku=nope"]).item({"name": "A"}) == {"name": "A"}
    assert mapping(maps=["sku=code"]).item({"name": "A", "code": None})["sku"] is None


def test_a_set_is_the_same_for_all():
    item = mapping(sets=["category=memory", "stock=5", "attr.new=true"]).item({"name": "A"})
    assert item == {"name": "A", "category": "memory", "stock": 5, "attributes": {"new": True}}


def test_a_text_may_stand_for_null():
    item = mapping(nulls=["NULL"], maps=["sku=Code"]).item(
        {"name": "A", "price": "NULL", "Code": "NULL"}
    )
    assert item == {"name": "A", "price": None, "sku": None}


@pytest.mark.parametrize("wrong", ["name", "nope=1", "id=1", "=x"])
def test_a_map_to_an_unknown_field_names_the_fields(wrong):
    with pytest.raises(StackError, match="attributes, category, name, price, sku, stock"):
        mapping(maps=[wrong])


def test_a_reference_is_equal_for_equal_values_except_volatile_ones():
    def of(**changes):
        attributes = {"speed": 5, "price_per_gb": 1} | changes.pop("attributes", {})
        item = {"name": "A", "price": 1, "attributes": attributes} | changes
        return reference(item, "memory", VOLATILE)

    assert of() == of(price=2) == of(attributes={"price_per_gb": 2}) == of(stock=3)
    assert len({of(), of(name="B"), of(attributes={"speed": 6})}) == 3
    assert of().startswith("memory:")
