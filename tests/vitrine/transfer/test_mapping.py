"""From rows to items: columns, maps, sets, keys."""

import re

import pytest

from vitrine.errors import StackError
from vitrine.transfer.columns.field_names import FIELD_NAMES
from vitrine.transfer.columns.plan import Kind
from vitrine.transfer.columns.summary import missing_columns, summary
from vitrine.transfer.mapping import RowMapping

FIELDS = {
    name: {"type": kind, "required": name == "name", "read_only": name == "id", "aliases": aliases}
    for name, kind, aliases in (
        ("id", "Id", []),
        ("name", "Text", ["title"]),
        ("sku", "Key", []),
        ("price", "Money", []),
        ("stock", "Whole", ["quantity"]),
        ("category", "Text", []),
        ("attributes", "Attributes", []),
        ("tags", "Tags", []),
        ("image_urls", "PhotoUrls", []),
        ("gtin", "Gtin", []),
        ("options", "Options", []),
        ("group", "Key", ["item_group_id"]),
    )
}


def mapping(*rows, fields=FIELDS, maps=(), sets=(), nulls=(), attributes=None, decimal=None):
    """Return a mapping that has surveyed some rows."""
    names = FIELD_NAMES["products"]
    prepared = RowMapping(fields, maps, sets, nulls, attributes, names, decimal)
    for row in rows:
        prepared.survey(row)
    prepared.decide()
    return prepared


def items(*rows, are_texts=True, **options):
    prepared = mapping(*rows, **options)
    return [prepared.item(row, are_texts) for row in rows]


def left_out(prepared):
    roles = prepared.plan.roles.items()
    return {column: role.reason for column, role in roles if role.kind is Kind.LEFT_OUT}


def test_columns_match_fields_in_any_case_and_by_alias():
    row = {"Title": "A", " SKU ": "S1", "Quantity": "3.0", "PRICE": "1.50", "id": "7"}
    assert items(row) == [{"name": "A", "sku": "S1", "stock": 3, "price": "1.50"}]


@pytest.mark.parametrize("cell", ["sale, new", '["sale", "new"]', "sale;new;", "sale | new"])
def test_a_cell_has_several_tags(cell):
    assert items({"Tags": cell}) == [{"tags": ["sale", "new"]}]


@pytest.mark.parametrize("cell", ["2024", "null", "true"])
def test_a_tag_that_looks_like_json_is_a_text(cell):
    assert items({"Tags": cell}) == [{"tags": [cell]}]


A, B = "https://shop.example/a,1.jpg", "http://shop.example/b.jpg"


@pytest.mark.parametrize(
    ("cell", "urls"),
    [
        (A, [A]),
        (f"{A},{B}", [A, B]),
        (f"{A} | {B}", [A, B]),
        (f"{A};\n{B} ", [A, B]),
        (f'["{A}", "{B}"]', [A, B]),
        (f'[{{"url": "{A}", "alt": "Pot"}}]', [{"url": A, "alt": "Pot"}]),
        ([A, B], [A, B]),
    ],
)
def test_a_cell_has_several_photos(cell, urls):
    assert items({"image_urls": cell}) == [{"image_urls": urls}]


def test_options_are_json_and_a_gtin_is_a_text():
    (item,) = items({"options": '{"Size": "L"}', "gtin": 4006381333931})
    assert item == {"options": {"Size": "L"}, "gtin": "4006381333931"}


def test_a_column_of_texts_has_one_type_for_the_whole_file():
    rows = [
        {"name": "A", "speed": "3200", "ratio": "0.5", "zip": "02138", "on": "TRUE", "v": "1.9"},
        {"name": "B", "speed": "-7", "ratio": "12", "zip": "10115", "on": "false", "v": "1.10"},
    ]
    first, second = (item["attributes"] for item in items(*rows))
    # As a number, 1.0 would be answered as 1.
    (release,) = items({"name": "A", "release": "1.0"})
    assert release["attributes"] == {"release": "1.0"}
    assert first == {"speed": 3200, "ratio": 0.5, "zip": "02138", "on": True, "v": "1.9"}
    assert second == {"speed": -7, "ratio": 12, "zip": "10115", "on": False, "v": "1.10"}


def test_the_texts_of_json_stay_texts():
    row = {"name": "A", "zip": "10115", "size": 5, "list": [1, "x"]}
    (item,) = items(row, are_texts=False)
    assert item["attributes"] == {"zip": "10115", "size": 5, "list": [1, "x"]}


def test_only_the_attributes_asked_for_are_kept():
    row = {"name": "A", "speed": "1", "x": "2"}
    assert items(row, attributes=["speed"])[0]["attributes"] == {"speed": 1}
    assert left_out(mapping(row, attributes=["speed"])) == {"x": "not in --attributes"}


def test_without_free_attributes_other_columns_are_left_out():
    fields = {name: field for name, field in FIELDS.items() if name != "attributes"}
    row = {"name": "A", "fax": "1", "home": {"city": "Ulm"}}
    assert items(row, fields=fields) == [{"name": "A"}]
    assert set(left_out(mapping(row, fields=fields)).values()) == {"no such field"}


def test_a_map_reads_a_column_or_an_expression():
    maps = ["name=Unit name", "sku=codes[0].value", "attr.first=join(' ', [a, b])"]
    row = {"Unit name": "A", "codes": [{"value": "S1"}], "a": "x", "b": "y"}
    (item,) = items(row, maps=maps)
    assert item == {"name": "A", "sku": "S1", "attributes": {"first": "x y"}}


def test_a_map_takes_exactly_the_columns_that_it_names():
    row = {"name": "A", "price": "5", "sale price": "4", "sale": "yes", "brand": {"name": "B"}}
    (item,) = items(row, maps=["attr.reduced=sale price", "attr.by=brand.name"])
    assert (item["name"], item["price"]) == ("A", "5")
    assert item["attributes"] == {"reduced": 4, "by": "B", "sale": "yes"}


def test_attributes_that_the_file_lacks_are_said():
    row = {"name": "A", "color": "red"}
    notes = mapping(row, attributes=["color", "size"]).plan.notes
    assert notes == ["Nothing in the file for --attributes size: is it misspelt?"]


def test_a_map_that_finds_nothing_is_refused_with_the_columns_there_are():
    with pytest.raises(StackError, match=r"--map sku=nope: is it misspelt. The columns are name"):
        mapping({"name": "A"}, maps=["sku=nope"])


def test_a_map_may_name_a_column_without_a_filled_cell():
    names = FIELD_NAMES["products"]
    prepared = RowMapping(FIELDS, ["sku=Code"], (), (), None, names)
    prepared.meet(["name", "Code", "category", "Product type"])
    row = {"name": "A", "Product type": "Toys"}
    prepared.survey(row)
    prepared.decide()
    assert prepared.item(row, True) == {"name": "A", "category": "Toys"}


def test_two_columns_of_one_field_in_a_header_are_refused():
    with pytest.raises(StackError, match="'Title' and 'name' both mean name"):
        RowMapping(FIELDS, (), (), (), None).meet(["sku", "Title", "name"])


def test_a_field_stays_in_rows_where_a_map_finds_nothing():
    rows = [{"name": "A"}, {"name": "B", "codes": ["x"]}]
    assert items(*rows, maps=["sku=codes[0]"])[0] == {"name": "A"}
    assert items({"name": "A", "code": None}, maps=["sku=code"])[0]["sku"] is None


def test_a_set_is_the_same_for_all():
    sets = ["category=memory", "stock=5", "attr.new=true"]
    (item,) = items({"name": "A"}, sets=sets)
    assert item == {"name": "A", "category": "memory", "stock": 5, "attributes": {"new": True}}


def test_a_text_may_stand_for_null():
    row = {"name": "A", "price": "NULL", "Code": "NULL"}
    (item,) = items(row, nulls=["NULL"], maps=["sku=Code"])
    assert item == {"name": "A", "price": None, "sku": None}


@pytest.mark.parametrize(
    "columns",
    [
        ("Title", "name"),
        ("quantity", "STOCK"),
        ("name", "Name*"),
        ("Price", "price "),
        ("size", "attr.size"),
    ],
)
def test_two_columns_of_one_field_are_refused_naming_both(columns):
    row = dict.fromkeys(columns, "5")
    with pytest.raises(StackError) as refused:
        mapping(row)
    assert all(repr(column) in str(refused.value) for column in columns)


def test_a_map_decides_between_two_columns_of_one_field():
    row = {"Title": "A", "name": "B"}
    assert items(row, maps=["name=Title"]) == [{"name": "A"}]
    assert left_out(mapping(row, maps=["name=Title"])) == {"name": "--map name=Title sets name"}
    row = {"name": "A", "size": "5", "attr.size": "XL"}
    assert items(row, maps=["attr.size=size"]) == [{"name": "A", "attributes": {"size": 5}}]


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Product Name", "name"),
        ("Inventory Level", "stock"),
        ("stockOnHand", "stock"),
        ("product_type", "category"),
        ("Body (HTML)", "description"),
        ("Vendor", "brand"),
        ("Variant Price", "price"),
    ],
)
def test_columns_of_other_shops_are_fields(column, field):
    fields = FIELDS | {
        name: FIELDS["name"] | {"required": False, "aliases": []} for name in ("brand",)
    }
    fields |= {"description": fields["brand"] | {"type": "Plain"}}
    assert field in items({column: "5"}, fields=fields)[0]


def test_of_several_names_the_first_of_the_table_is_the_field():
    rows = [{"product_type": "Toys", "Categories": "Games", "Category path": "x"}]
    (item,) = items(*rows)
    assert item["category"] == "Games"
    assert item["attributes"] == {"product_type": "Toys", "Category path": "x"}


@pytest.mark.parametrize(
    "column",
    ["Cost per item", "Wholesale price", "Supplier", "profitMargin", "unit_cost", "Purchase price"],
)
def test_private_columns_are_left_out_unless_they_are_asked_for(column):
    row = {"name": "A", column: "5"}
    assert items(row) == [{"name": "A"}]
    assert left_out(mapping(row)) == {column: "private"}
    assert items(row, maps=[f"attr.own={column}"])[0]["attributes"] == {"own": 5}
    assert items(row, attributes=[column])[0]["attributes"] == {column: 5}


@pytest.mark.parametrize("column", ["Shipping cost", "Costume", "Marginal notes", "Support"])
def test_other_columns_are_not_private(column):
    assert column in items({"name": "A", column: "5"})[0]["attributes"]


@pytest.mark.parametrize(
    ("row", "stock"),
    [
        ({"In stock?": "0"}, 0),
        ({"availability": "out_of_stock"}, 0),
        ({"availability": "out of stock", "stock": "7"}, 0),
        ({"Availability": "preorder", "stock": "7"}, 7),
        ({"Available": "TRUE", "is_in_stock": "no"}, 0),
        ({"stock": "5.0"}, 5),
        ({"stock": "-3"}, 0),
        ({"stock": "10+"}, 10),
        ({"stock": "1,200", "price": "3.50"}, 1200),
        ({"stock": "sold out"}, 0),
    ],
)
def test_availability_becomes_the_stock(row, stock):
    assert items({"name": "A", **row})[0]["stock"] == stock


@pytest.mark.parametrize(
    "row",
    [
        {"In stock?": "1"},
        {"availability": "in stock"},
        {"availability": "https://schema.org/InStock"},
        {"stock": "In stock"},
    ],
)
def test_a_yes_leaves_a_counted_stock_as_it_is(row):
    assert items({"name": "A", **row}) == [{"name": "A"}]


@pytest.mark.parametrize("stock", ["5.5", "many", "12 or so", "<5"])
def test_a_stock_that_is_no_number_stays_so_that_the_service_names_it(stock):
    assert items({"name": "A", "stock": stock})[0]["stock"] == stock


def test_stocks_of_json_are_whole_and_not_below_zero():
    rows = [{"name": "A", "stock": 5.0}, {"name": "B", "stock": -2}, {"name": "C", "stock": 2.5}]
    assert [item["stock"] for item in items(*rows, are_texts=False)] == [5, 0, 2.5]


@pytest.mark.parametrize("column", ["In stock?", "Available", "Verfügbar", "stock", "Stock level"])
@pytest.mark.parametrize("are_texts", [True, False])
def test_one_count_makes_all_numbers_of_a_column_counts(column, are_texts):
    cells = ["1", "0", "12"] if are_texts else [1, 0, 12]
    rows = [{"name": str(number), column: cell} for number, cell in enumerate(cells)]
    stocks = [item["stock"] for item in items(*rows, are_texts=are_texts)]
    assert stocks == [1, 0, 12]


def test_the_plan_says_that_a_column_about_availability_has_counts():
    rows = [{"name": "A", "In stock?": "1"}, {"name": "B", "In stock?": "12"}]
    (note,) = mapping(*rows).plan.notes
    assert note.startswith("In stock? has counts such as 12, so that all of its numbers are the s")
    assert [item["stock"] for item in items(*rows)] == [1, 12]


@pytest.mark.parametrize(
    ("cell", "stock"), [("yes", None), ("no", 0), ("1,200", 1200), ("12+", 12), ("-2", 0)]
)
def test_words_among_counts_keep_their_meaning(cell, stock):
    rows = [{"name": "A", "Available": "3.0"}, {"name": "B", "Available": cell}]
    rows.append({"name": "C", "price": "1.50"})
    assert items(*rows)[1].get("stock") == stock


def test_counts_beside_the_stock_become_an_attribute_and_the_plan_says_so():
    rows = [{"name": "A", "stock": "9", "Available": "7"}]
    assert items(*rows) == [{"name": "A", "stock": 9, "attributes": {"Available": 7}}]
    (note,) = mapping(*rows).plan.notes
    assert note.endswith("--map stock=Available reads this column instead")
    assert items(*rows, maps=["stock=Available"])[0]["stock"] == 7


@pytest.mark.parametrize("cell", ["1", "1.0", "1,0", 1, 1.0, True])
def test_ones_and_zeros_alone_say_whether_a_product_can_be_bought(cell):
    rows = [{"name": "A", "In stock?": cell}, {"name": "B", "In stock?": "0"}]
    assert items(*rows) == [{"name": "A"}, {"name": "B", "stock": 0}]
    line = (
        "In stock? has only 0 and 1, read as no and yes; if it counts pieces, say --map "
        "stock='In stock?'"
    )
    assert (line in summary([], mapping(*rows), "products")) == (cell is not True)


def test_ones_and_zeros_of_a_stock_are_pieces_and_the_plan_says_so():
    rows = [{"name": "A", "Stock": "1"}, {"name": "B", "Stock": "0"}]
    assert [item["stock"] for item in items(*rows)] == [1, 0]
    lines = list(summary([], mapping(*rows), "products"))
    assert lines[-1].startswith("Stock has only 0 and 1, read as numbers of pieces")


def test_an_availability_that_is_not_understood_is_refused_in_its_row():
    rows = [{"name": "A", "In stock?": "yes"}, {"name": "B", "In stock?": "ask us"}]
    prepared = mapping(*rows)
    assert prepared.item(rows[0], True) == {"name": "A"}
    with pytest.raises(
        StackError, match=r"In stock\?: 'ask us' is not understood. Write yes or no"
    ):
        prepared.item(rows[1], True)


def test_a_column_of_other_texts_is_no_availability():
    row = {"name": "A", "Availability": "2-3 days", "Active": "ingredient"}
    (item,) = items(row, fields=FIELDS | {"status": FIELDS["category"]})
    assert item == {"name": "A", "attributes": {"Availability": "2-3 days", "Active": "ingredient"}}


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"Published": "FALSE"}, "draft"),
        ({"Published": "1"}, "active"),
        ({"Active (0/1)": "0"}, "draft"),
        ({"Published": "TRUE", "Status": "archived"}, "archived"),
        ({"Published": "FALSE", "Status": "active"}, "draft"),
        ({"enabled": True}, "active"),
        ({"status": "odd", "Published": "1"}, "odd"),
    ],
)
def test_publication_becomes_the_status(row, status):
    fields = FIELDS | {"status": FIELDS["category"]}
    assert items({"name": "A", **row}, fields=fields)[0]["status"] == status


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        (["12,50", "1.299,00"], ["12.50", "1299.00"]),
        (["$1,299.00", "1,299"], ["1299.00", "1299"]),
        (["12.50 USD", "€12.50", "1 299.00"], ["12.50", "12.50", "1299.00"]),
        (["1.299", "3,5"], ["1299", "3.5"]),
        (["1'299.00", "1.299.000", "0.125"], ["1299.00", "1299000", "0.125"]),
        (["-5,00", "free", "12.50 / kg"], ["-5.00", "free", "12.50 / kg"]),
        (["12,50", "3.99"], ["12.50", "3.99"]),
    ],
)
def test_prices_are_read_as_people_write_them(prices, expected):
    rows = [{"name": "A", "price": price} for price in prices]
    assert [item["price"] for item in items(*rows)] == expected


def test_amounts_that_may_be_read_in_two_ways_are_asked_for():
    row = {"name": "A", "price": "1.299"}
    with pytest.raises(StackError, match=r"'1.299' .* Say --decimal . or --decimal ,"):
        mapping(row)
    assert items(row, decimal=",")[0]["price"] == "1299"
    assert items(row, decimal=".")[0]["price"] == "1.299"


@pytest.mark.parametrize(
    ("price", "currency"),
    [("349.00 EUR", "EUR"), ("€5.00", "EUR"), ("$5", "USD"), ("5,00 zł", "PLN"), ("CHF 5", "CHF")],
)
def test_a_price_brings_its_currency(price, currency):
    fields = FIELDS | {"currency": FIELDS["category"] | {"type": "Plain"}}
    assert items({"name": "A", "price": price}, fields=fields)[0]["currency"] == currency
    assert items({"name": "A", "price": price}, fields=fields, sets=["currency=SEK"]) == [
        {"name": "A", "price": items({"price": price})[0]["price"], "currency": "SEK"}
    ]


@pytest.mark.parametrize(
    ("cell", "code"),
    [("usd", "USD"), ("Euro", "EUR"), ("€", "EUR"), ("EUX", "EUX"), ("US dollar", "US dollar")],
)
def test_a_currency_is_a_code_in_any_case_or_a_sign(cell, code):
    """Another text stays, so that the service names it."""
    fields = FIELDS | {"currency": FIELDS["category"] | {"type": "Currency"}}
    (item,) = items({"name": "A", "currency": cell}, fields=fields)
    assert item["currency"] == code


@pytest.mark.parametrize(
    ("column", "price", "currency", "is_right"),
    [
        ("price", "$5", "EUR", False),
        ("price", "€5", "USD", False),
        ("price", "5 USD", "eur", False),
        ("Price (USD)", "5", "EUR", False),
        ("price", "$5", "CAD", True),
        ("price", "5 eur", "EUR", True),
        ("Price (USD)", "5", "USD", True),
    ],
)
def test_a_sign_that_contradicts_the_column_of_currencies_fails(column, price, currency, is_right):
    fields = FIELDS | {"currency": FIELDS["category"] | {"type": "Plain"}}
    row = {"name": "A", column: price, "currency": currency}
    prepared = mapping(row, fields=fields)
    if is_right:
        assert prepared.item(row, True)["currency"] == currency
    else:
        with pytest.raises(StackError, match=f"is not in {currency}, the currency of this row"):
            prepared.item(row, True)


WITH_UNITS = FIELDS | {
    "weight": FIELDS["price"] | {"type": "Grams"},
    "currency": FIELDS["category"] | {"type": "Plain"},
}


@pytest.mark.parametrize(
    ("column", "cell", "grams"),
    [
        ("Weight (kg)", "0.5", "500"),
        ("weight [KG]", "1,25", "1250"),
        ("Weight (lbs)", "1", "453.5924"),
        ("weight (oz.)", "2", "56.699"),
        ("Weight (g)", "250", "250"),
        ("weight_kg", "0.5", "500"),
        ("Gewicht in kg", "2,5", "2500"),
        ("weight", "1.5 kg", "1500"),
        ("weight", "350g", "350"),
        ("Weight (kg)", "350 g", "350"),
        ("weight", "1,5", "1.5"),
    ],
)
def test_a_unit_in_the_name_of_a_column_makes_grams(column, cell, grams):
    row = {"name": "A", column: cell}
    assert items(row, fields=WITH_UNITS)[0]["weight"] == grams
    assert items(row, fields=WITH_UNITS, maps=[f"weight={column}"])[0]["weight"] == grams


def test_a_weight_of_json_is_converted_too():
    (item,) = items({"Weight (kg)": 0.5}, fields=WITH_UNITS, are_texts=False)
    assert item["weight"] == "500"


def test_weights_and_prices_have_one_decimal_mark():
    (item,) = items({"weight": "1.250", "price": "1.299,00"}, fields=WITH_UNITS)
    assert (item["weight"], item["price"]) == ("1250", "1299.00")


def test_a_currency_in_the_name_of_a_column_is_that_of_its_prices():
    (item,) = items({"Price (USD)": "5"}, fields=WITH_UNITS)
    assert (item["price"], item["currency"]) == ("5", "USD")


@pytest.mark.parametrize("column", ["price (cents)", "Weight (stone)"])
def test_an_unknown_unit_is_refused_with_two_ways_out(column):
    field = column.split()[0].casefold()
    with pytest.raises(StackError, match=rf"is not known.* Say --map {field}='"):
        mapping({"name": "A", column: "5"}, fields=WITH_UNITS)
    row = {"name": "A", column: "5"}
    assert items(row, fields=WITH_UNITS, maps=[f"{field}={column}"])[0][field] == "5"
    assert items(row, fields=WITH_UNITS, maps=[f"attr.own={column}"])[0]["attributes"] == {"own": 5}


def test_an_option_has_a_decimal_point_whatever_the_file_has():
    (item,) = items({"name": "A", "weight": "1,5"}, fields=WITH_UNITS, sets=["price=1.500"])
    assert item["price"] == "1.500"


def test_attributes_that_may_be_thousands_stay_texts_among_decimal_commas():
    rows = [{"price": "9,50", "UVP": "1.299", "size": "1.5"}, {"UVP": "12", "size": "2"}]
    assert items(*rows)[0]["attributes"] == {"UVP": "1.299", "size": 1.5}
    assert items({"price": "9.50", "UVP": "1.299"})[0]["attributes"] == {"UVP": 1.299}


def test_names_that_an_attribute_cannot_have_are_changed():
    long = "x" * 70
    prepared = mapping({"name": "A", "a.b": "1", "a_b": "2", long: "3", "size__gte": "4"})
    names = {role.target for role in prepared.plan.roles.values() if role.kind is Kind.ATTRIBUTE}
    assert names == {"a_b 2", "a_b", long[:64], "size_gte"}
    assert len(prepared.plan.notes) == 3


def test_objects_are_flattened_by_one_level():
    row = {
        "name": "A",
        "size": {"width": 5, "deep": {"x": 1}},
        "colors": ["a", "b"],
        "reviews": [{"stars": 5}],
        "attributes": {"own": 1},
    }
    (item,) = items(row, are_texts=False)
    assert item["attributes"] == {"size_width": 5, "colors": ["a", "b"], "own": 1}
    assert left_out(mapping(row)) == {
        "size_deep": "nested too deep",
        "reviews": "nested too deep",
    }


@pytest.mark.parametrize("sku", ["'T-1", "' T-1", "T-1 "])
def test_keys_lose_the_apostrophe_of_spreadsheets(sku):
    assert items({"name": "A", "sku": sku}) == [{"name": "A", "sku": "T-1"}]


@pytest.mark.parametrize("wrong", ["name", "nope=1", "id=1", "=x"])
def test_a_map_to_an_unknown_field_names_the_fields(wrong):
    names = "attributes, category, group, gtin, image_urls, name, options, price, sku, stock, tags"
    with pytest.raises(StackError, match=names):
        mapping(maps=[wrong])


def test_the_columns_of_an_export_for_spreadsheets_keep_their_types():
    attributes = {"zip": "007", "size": 7, "price": "1", "tags": ["a"], "cost": "5"}
    row = {"name": "A", **{f"attr.{name}": value for name, value in attributes.items()}}
    assert items(row) == [{"name": "A", "attributes": attributes}]
    assert items(row, attributes=["zip"])[0]["attributes"] == {"zip": "007"}
    prepared = mapping(row, maps=["attr.zip=attr.size"])
    assert prepared.item(row, True)["attributes"]["zip"] == 7
    assert left_out(prepared) == {"attr.zip": "--map attr.zip=attr.size sets attr.zip"}


def test_an_id_is_said_to_be_the_key_of_rows_without_another():
    row = {"ID": "17", "name": "A"}
    fields = FIELDS | {"external_ref": FIELDS["sku"]}
    reason = "the external_ref of rows without another key"
    assert left_out(mapping(row, fields=fields)) == {"ID": reason}
    assert items(row, fields=fields) == [{"name": "A"}]


@pytest.mark.parametrize("column", ["barcode", "EAN", "Variant Barcode", "UPC", "gtin"])
def test_a_wrong_gtin_becomes_an_attribute_and_is_told(column):
    rows = [{"name": "A", column: "4006381333931"}, {"name": "B", column: "4006381333932"}]
    assert items(*rows) == [
        {"name": "A", "gtin": "4006381333931"},
        {"name": "B", "attributes": {column: "4006381333932"}},
    ]
    (note,) = mapping(*rows).plan.notes
    assert "(rows: 1), such as 4006381333932" in note
    assert items(rows[1], maps=[f"gtin={column}"])[0]["gtin"] == "4006381333932"


def test_options_of_variants_have_columns_and_a_group_is_a_slug():
    row = {"item_group_id": "AB-12", "options.Size": "L", "Colour": "red"}
    (item,) = items(row, maps=["options.Color=Colour"])
    assert item == {"group": "ab-12", "options": {"Size": "L", "Color": "red"}}


def test_a_group_without_options_stays_an_attribute():
    row = {"item_group_id": "AB-12", "size": "L"}
    assert items(row) == [{"attributes": row}]
    assert items({"group": "AB-12"}) == [{"group": "ab-12"}]


def test_the_summary_tells_of_an_oversold_stock_that_a_map_reads():
    row = {"name": "A", "left": "-5"}
    assert any(
        line.startswith("oversold") for line in summary([], mapping(row, maps=["stock=left"]), "x")
    )


def test_a_field_that_is_set_or_merged_is_not_said_to_be_missing():
    fields = FIELDS | {"status": FIELDS["category"]}
    row = {"name": "A", "Published": "yes"}
    prepared = mapping(row, fields=fields, sets=["sku=S"])
    assert not list(missing_columns(prepared, ["status", "sku"]))
    assert list(missing_columns(prepared, ["price"]))


def test_attributes_that_are_no_object_stay_so_that_the_service_names_them():
    (item,) = items({"name": "Tea", "attributes": ["x"], "color": "red"}, are_texts=False)
    assert item["attributes"] == ["x"]


def test_a_price_to_compare_with_that_is_not_above_the_price_is_left_out_and_counted():
    fields = FIELDS | {"compare_at_price": FIELDS["price"]}
    rows = [{"name": "A", "Preis": "5,00", "UVP": uvp} for uvp in ("5,00", "4,50", "0,00", "6,00")]
    prepared = mapping(*rows, {"name": "B", "UVP": "7,00"}, fields=fields)
    found = [prepared.item(row, are_texts=True)["compare_at_price"] for row in rows]
    assert found == [None, None, None, "6.00"]
    assert prepared.item({"name": "B", "UVP": "7,00"}, are_texts=True)["compare_at_price"] == "7.00"
    assert list(prepared.notes.values()) == [2]  # 0.00 stands for none.


@pytest.mark.parametrize("digits", ["1" * 30, "1" * 5000])
def test_an_amount_of_many_digits_stays_for_the_service_to_name(digits):
    fields = FIELDS | {"weight": FIELDS["price"] | {"type": "Grams"}}
    (item,) = items(
        {"name": "A", "stock": digits, "price": digits, "Weight (kg)": digits}, fields=fields
    )
    assert (item["stock"], item["price"], item["weight"]) == (digits,) * 3


@pytest.mark.parametrize(
    "text", ["Total", "TOTAL:", "Gesamt", "Summe", "Totale", "Totaal", "Somme"]
)
@pytest.mark.parametrize("sum", ["22", "1.299,00 €", 22.5])
def test_a_row_of_totals_is_refused(text, sum):
    rows = [{"name": "A", "sku": "A-1", "In stock?": "1", "price": "5,00"}]
    rows += [
        {"name": text, "price": sum},
        {"name": text, "In stock?": "12"},
        {"sku": text, "price": sum},
    ]
    prepared = mapping(*rows)
    assert prepared.item(rows[0], True) == {"name": "A", "sku": "A-1", "price": "5.00"}
    for row in rows[1:]:
        with pytest.raises(StackError, match=f"Is a row of totals: {text!r} is its only text"):
            prepared.item(row, True)


@pytest.mark.parametrize(
    "row",
    [
        {"name": "Total", "sku": "7001", "price": "5"},
        {"name": "Total", "price": "5", "brand": "General Mills"},
        {"name": "Total"},
        {"name": "Sum of all fears", "price": "5"},
    ],
)
def test_a_product_may_be_named_like_a_total(row):
    assert items(row)[0]["name"] == row["name"]


@pytest.mark.parametrize("column", ["sku", "Barcode", "Product code", "name", "category"])
@pytest.mark.parametrize("cell", ["1.23E+11", "4,00638E+12", "1e+05"])
def test_a_number_that_a_spreadsheet_has_shortened_is_refused(column, cell):
    reason = f"{column}: {cell!r} is a number that a spreadsheet has shortened"
    with pytest.raises(StackError, match=re.escape(reason)):
        items({"name": "A"} | {column: cell})


@pytest.mark.parametrize("cell", ["1E5", "E+10", "12E+1", "2E+1A"])
def test_an_sku_with_an_e_is_kept(cell):
    assert items({"name": "A", "sku": cell})[0]["sku"] == cell


@pytest.mark.parametrize("cell", ["TRUE", "false"])
def test_a_truth_value_is_no_key(cell):
    with pytest.raises(StackError, match=f"sku: '{cell}' is a truth value of a spreadsheet"):
        items({"name": "A", "sku": cell})
    assert items({"name": cell}) == [{"name": cell}]
    assert (
        items({"name": "A", "sku": True, "group": True, "options": {"a": "b"}}, are_texts=False)[0][
            "sku"
        ]
        is True
    )


@pytest.mark.parametrize("price", ["€12.50 $", "12.50 EUR USD", "EUR $5", "£5 €"])
def test_a_price_in_two_currencies_is_refused(price):
    with pytest.raises(StackError, match=r"price: .* has two currencies"):
        items({"name": "A", "price": price})


@pytest.mark.parametrize("price", ["USD $5.50", "$5.50 CAD", "€5.50€", "EUR €5.50"])
def test_a_code_and_its_sign_are_one_currency(price):
    assert items({"name": "A", "price": price})[0]["price"] == "5.50"


@pytest.mark.parametrize("cell", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NV", "#¡VALOR!"])
@pytest.mark.parametrize("column", ["brand", "name", "price", "options.Size"])
def test_an_error_of_a_spreadsheet_is_refused(cell, column):
    row = {"name": "A", "Cost": cell} | {column: cell}
    reason = f"{column}: {cell!r} is an error of a spreadsheet. Correct the cell or empty it"
    with pytest.raises(StackError, match=re.escape(reason)):
        items(row)
    (item,) = items(row, nulls=[cell])
    assert cell not in str(item)
    assert items({"name": "A", "Cost": cell}) == [{"name": "A"}]


def test_a_stock_with_thousands_is_no_yes():
    rows = [{"name": "A", "stock": "1.000"}, {"name": "B", "stock": "10,00"}]
    assert [item["stock"] for item in items(*rows)] == [1000, 10]


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        (["1.000"], "no other amount in the file tells it"),
        (["1.000", "10,00", "10.50"], "some have a decimal point and some a decimal comma"),
    ],
)
def test_an_amount_of_two_meanings_is_refused_with_what_the_others_tell(prices, said):
    rows = [{"name": "A", "price": price} for price in prices]
    with pytest.raises(StackError, match=f"'1.000' may have decimals or thousands, and .*{said}"):
        mapping(*rows)
    assert items(*rows, decimal=",")[0]["price"] == "1000"


@pytest.mark.parametrize(
    ("gross", "net"),
    [
        ("Price incl. VAT", "Price excl. VAT"),
        ("Price (incl. VAT)", "Price (excl. VAT)"),
        ("Bruttopreis", "Nettopreis"),
        ("Preis (brutto)", "Preis (netto)"),
        ("Prix TTC", "Prix HT"),
        ("Precio con IVA", "Precio sin IVA"),
        ("prezzo IVA inclusa", "prezzo IVA esclusa"),
        ("Prijs incl. btw", "Prijs excl. btw"),
    ],
)
def test_of_two_prices_the_one_with_tax_is_the_price_and_the_plan_says_so(gross, net):
    row = {"name": "A", net: "10.00", gross: "12.10"}
    kept = {net.replace(".", "_"): "10.00"}
    assert items(row) == [{"name": "A", "price": "12.10", "attributes": kept}]
    *_, note = mapping(row).plan.notes
    assert note.startswith(f"{gross} is read as the price, which contains the tax; {net} stays an")
    assert items(row, maps=[f"price={net}"])[0]["price"] == "10.00"
    assert "price" not in items({"name": "A", net: "10.00"})[0]
    assert f"{net} may be the price" in mapping({"name": "A", net: "10.00"}).plan.notes[-1]
    named = {"name": "A", "price": "10", gross: "12.10"}
    assert items(named)[0]["price"] == "10"
    assert mapping(named).plan.notes[-1].startswith(f"price is read as the price; {gross} stays")


MONEY = FIELDS | {
    name: FIELDS["price"] | {"type": type}
    for name, type in (("compare_at_price", "Money"), ("currency", "Currency"))
}


@pytest.mark.parametrize("number", [5, 5.5, "5.50"])
@pytest.mark.parametrize("code", ["currency", "currencyCode", "currency_code"])
@pytest.mark.parametrize("column", ["price", "Price", "unit price"])
def test_a_price_may_be_an_object_with_its_currency(number, code, column):
    row = {"name": "A", column: {"amount": number, code: "EUR"}}
    (item,) = items(row, fields=MONEY, are_texts=False)
    assert item == {"name": "A", "price": number, "currency": "EUR"}


def test_objects_with_amounts_in_two_currencies_are_refused():
    price = {"amount": 5, "currency": "EUR"}
    for other in ({"currency": "USD"}, {"compare_at_price": {"value": 6, "currency": "USD"}}):
        for row in ({"price": price} | other, other | {"price": price}):
            with pytest.raises(StackError, match=r"is not in (EUR|USD), the currency of this row"):
                items(row, fields=MONEY, are_texts=False)
    same = {"price": price, "currency": "EUR", "compare_at_price": {"value": 6, "currency": "EUR"}}
    (item,) = items(same, fields=MONEY, are_texts=False)
    assert (item["price"], item["compare_at_price"], item["currency"]) == (5, 6, "EUR")


def test_an_object_of_which_no_price_is_read_is_said():
    row = {"name": "A", "price": {"retail": 5, "member": 6}}
    assert mapping(row).plan.notes == [
        "price is an object with retail, member, and no price; if one of these is, say --map "
        "price=price.retail"
    ]
    assert mapping(row, maps=["price=price.member"]).plan.notes == []
    assert items(row, maps=["price=price.member"], are_texts=False)[0]["price"] == 6
