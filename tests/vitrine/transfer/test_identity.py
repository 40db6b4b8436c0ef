"""The key by which the item of a row is found again."""

import pytest

from vitrine.errors import StackError
from vitrine.transfer.identity import VOLATILE, RowIdentity

FIELDS = {
    name: {"aliases": aliases}
    for name, aliases in (
        ("id", ()),
        ("external_ref", ()),
        ("sku", ()),
        ("name", ("title",)),
        ("price", ()),
        ("stock", ("quantity",)),
    )
}


class Service:
    """A service, as the first request of an import finds it."""

    def __init__(self, keys=("slug", "sku", "external_ref")):
        self.service = "products"
        self.keys = keys

    def get(self, path):
        return {"keys": self.keys, "fields": FIELDS}


def identity(key=None, volatile=VOLATILE, source="", **options):
    return RowIdentity(Service(**options), key, volatile, source)


def ref(row, item=None, **options):
    """Return the key that is made of a row."""
    item = dict(item or {"name": "A"})
    identity(**options).identify(item, row, 1)
    return item["external_ref"]


@pytest.mark.parametrize("row", [{"external_ref": " 7"}, {"id": 7}])
def test_the_source_goes_before_a_reference_or_an_id(row):
    item = {"name": "Ada", **{name: value for name, value in row.items() if name != "id"}}
    identity(source=" north").identify(item, row, 1)
    assert item["external_ref"] == "north:7"


def test_the_source_goes_before_a_sku_that_another_shop_may_have():
    item = {"sku": "7"}
    identity(source="north").identify(item, item, 1)
    assert item == {"sku": "7", "external_ref": "north:7"}


@pytest.mark.parametrize("group", ["tee", "t" * 90])
def test_the_source_keeps_groups_apart(group):
    groups = set()
    for source in ("North Shop", "south", ""):
        item = {"sku": "7", "group": group}
        identity(source=source).identify(item, item, 1)
        groups.add(item["group"])
        assert len(item["group"]) <= 100
    assert len(groups) == 3
    assert "north-shop-tee" in groups or len(group) > 3


def test_the_source_is_no_part_of_an_email_address():
    item = {"email": "ada@example.org"}
    identity(source="north", keys=("external_ref", "email")).identify(item, item, 1)
    assert item == {"email": "ada@example.org"}


def test_the_source_goes_before_a_key_that_is_made_of_a_row():
    assert ref({"Name": "Cup"}, source="north") == "north:" + ref({"Name": "Cup"})


def test_a_key_is_made_of_the_row_and_not_of_the_item():
    row = {"Name": "Cup", "color": "red", "price": "5"}
    of_row = ref(row)
    assert of_row.startswith("products:")
    assert of_row == ref(row, {"name": "Other", "category": "cups", "attributes": {"x": 1}})
    assert of_row != ref(row | {"color": "blue"})


@pytest.mark.parametrize(
    "column",
    [
        *("price", "PRICE", "price_usd", "Sale price", "salePrice", "Variant Price"),
        *("Quantity", "stock", "Inventory Level", "In stock?", "Cost per item", "cost"),
    ],
)
def test_columns_that_change_are_no_part_of_the_key(column):
    assert ref({"name": "A", column: "1"}) == ref({"name": "A", column: "2"}) == ref({"name": "A"})


def test_other_columns_are_left_out_on_demand():
    rows = {"name": "A", "rating": "1"}, {"name": "A", "rating": "2"}
    assert len({ref(row) for row in rows}) == 2
    assert len({ref(row, volatile=["rat*"]) for row in rows}) == 1


def test_blanks_and_order_and_empty_cells_do_not_matter():
    assert (
        ref({"name": "Caf\u00e9", "size": "5"})
        == ref({"size": " 5 ", " name ": "Cafe\u0301"})
        == ref({"name": "Caf\u00e9", "size": 5, "more": None, "also": " "})
    )


def test_equal_rows_without_keys_are_numbered():
    rows, items = identity(), [{"name": "A"} for _ in range(3)]
    for number, item in enumerate(items):
        rows.identify(item, {"name": "A"}, number)
    first, *others = [item["external_ref"] for item in items]
    assert others == [f"{first}:2", f"{first}:3"]


def test_a_second_row_with_a_key_names_the_first_at_any_distance():
    rows = identity()
    for number in range(2, 5000):
        rows.identify({"sku": f"S{number}"}, {}, number)
    message = "Has the sku 'S2' of row 2{}; leave one of the two out."
    with pytest.raises(StackError, match=message.format("")):
        rows.identify({"sku": "S2"}, {}, 5000)
    rows.identify({"sku": "B1"}, {}, 1, "b.csv")
    with pytest.raises(StackError, match=r"Has the sku 'B1' of row 1 in b\.csv;"):
        rows.identify({"sku": "B1"}, {}, 1, "c.csv")
    with pytest.raises(StackError, match=message.format("")):
        rows.identify({"sku": " S2\u00a0"}, {}, 2, "b.csv")


def test_the_same_value_in_another_key_is_another_key():
    rows = identity()
    rows.identify({"sku": "7"}, {}, 1)
    rows.identify({"external_ref": "7"}, {}, 2)
    assert rows.used == {"sku", "external_ref"}


@pytest.mark.parametrize("column", ["id", "ID", " Id ", "_id"])
def test_the_id_of_another_system_becomes_the_external_ref(column):
    rows, item = identity(), {"name": "A"}
    rows.identify(item, {"name": "A", column: 17}, 1)
    assert (item["external_ref"], rows.adopted_column) == ("17", column)


def test_an_id_is_not_adopted_where_there_is_a_better_key():
    rows, item = identity(), {"name": "A", "sku": "S1"}
    rows.identify(item, {"name": "A", "id": 17, "sku": "S1"}, 1)
    assert (item, rows.adopted_column) == ({"name": "A", "sku": "S1"}, "")
    with pytest.raises(StackError, match="Has no sku"):
        identity(key="sku").identify({"name": "A"}, {"id": 17}, 1)


def test_either_all_rows_have_keys_or_none():
    rows = identity()
    rows.identify({"sku": "S1"}, {}, 1)
    with pytest.raises(StackError, match="Has no external_ref or slug or sku, by which"):
        rows.identify({"name": "B"}, {"name": "B"}, 2)


def test_an_unknown_key_is_refused():
    with pytest.raises(StackError, match="has no key 'ean'; it has slug, sku, external_ref"):
        identity(key="ean")


def test_a_row_with_another_key_of_an_earlier_row_is_refused():
    rows = identity()
    rows.identify({"external_ref": "X1", "sku": "S1"}, {}, 1)
    with pytest.raises(StackError, match="Has the sku 'S1' of row 1;"):
        rows.identify({"sku": "S1"}, {}, 2)


def test_texts_that_become_one_slug_are_one_key():
    rows = identity()
    rows.identify({"slug": "Red_Mug"}, {}, 1)
    with pytest.raises(StackError, match="of row 1"):
        rows.identify({"slug": "red-mug"}, {}, 5000)


def test_patterns_of_volatile_columns_are_trimmed_and_must_fit_a_column():
    rows = identity(volatile=["price", " lager", "ean*"])
    assert rows._lasting({"lager": "5", "name": "Cup"}) == {"name": "Cup"}
    rows.check_volatile(["name", "lager", "EAN-13"])
    with pytest.raises(StackError, match=r"--volatile lager: .* The columns are name, EAN\."):
        rows.check_volatile(["name", "EAN"])
