"""Attribute schemas, inherited down the tree."""

import pytest


def rules(categories, slug):
    return categories.get(f"/categories/{slug}").get_json()["all_attributes"]


def test_a_category_has_the_rules_of_all_above_nearer_ones_overriding(categories, clothes):
    clothes, shoes, boots = (rules(categories, slug) for slug in ("clothes", "shoes", "boots"))
    assert (clothes["size"], clothes.keys()) == ({"type": "string"}, {"size", "color"})
    assert (shoes["size"]["max"], shoes["color"]) == (60, clothes["color"])
    assert boots == shoes | {"shaft": {"type": "number", "unit": "cm"}}
    own = categories.get("/categories/boots").get_json()["attributes"]
    assert own.keys() == {"shaft"}
    assert rules(categories, "games") == {}


def test_the_rules_of_a_whole_list_are_those_of_each(categories, clothes):
    for query in ("", "&fields=slug,all_attributes", "&parent=clothes"):
        for each in categories.get(f"/categories?per=50{query}").get_json()["items"]:
            assert each["all_attributes"] == rules(categories, each["slug"])


def test_products_are_held_against_the_rules_of_all_above(products, clothes):
    def post(category, **attributes):
        body = {"name": "X", "category": category, "attributes": attributes}
        response = products.post("/products", json=body)
        return response.status_code, [
            (each["pointer"], each["message"]) for each in response.get_json().get("errors", [])
        ]

    assert post("boots", size=42, color="red", shaft=30.5) == (201, [])
    assert post("clothes", size="XL") == (201, [])
    assert post("boots", size=61) == (422, [("/attributes/size", "Must be at most 60 EU.")])
    assert post("boots", color="pink")[1] == [("/attributes/color", "Must be one of red, blue.")]
    assert post("boots", size="XL")[1] == [("/attributes/size", "Must be of type integer in EU.")]


def test_a_cached_category_shows_changes_of_its_ancestors(categories, clothes):
    for path in ("/categories/boots", "/categories/3", "/categories?parent=shoes", "/categories"):
        for rule in ({"type": "string"}, {"type": "boolean"}):
            categories.patch("/categories/clothes", json={"attributes": {"size": {}, "wool": rule}})
            shown = categories.get(path).get_json()
            (boots,) = [each for each in shown.get("items", [shown]) if each["slug"] == "boots"]
            assert boots["all_attributes"]["wool"] == rule
            assert "hit" in categories.get(path).headers["Cache-Status"]


def test_inherited_attributes_do_not_change_the_version(categories, clothes):
    etag = categories.get("/categories/boots").headers["ETag"]
    categories.patch("/categories/clothes", json={"attributes": {}})
    assert categories.get("/categories/boots").headers["ETag"] != etag
    body, headers = {"description": "High"}, {"If-Match": etag}
    assert categories.patch("/categories/boots", json=body, headers=headers).status_code == 200
    assert categories.patch("/categories/boots", json=body, headers=headers).status_code == 412


@pytest.mark.by_hand
def test_a_broken_schema_of_an_ancestor_is_ignored(categories, products, clothes, db):
    for odd in ([], 5, {"size": 7, "color": {"choices": 5}}):
        db.categories.update_one({"slug": "clothes"}, {"$set": {"attributes": odd}})
        db.categories.update_one({"slug": "boots"}, {"$set": {"ancestors": ["clothes", 5, ["x"]]}})
        body = {"name": "X", "category": "boots", "attributes": {"size": "any", "color": "any"}}
        # A new product also invalidates cached categories.
        assert products.post("/products", json=body).status_code == 201
        assert rules(categories, "boots")["shaft"] == {"type": "number", "unit": "cm"}


@pytest.mark.parametrize(
    ("rule", "pointer", "message"),
    [
        ({"min": 3}, "min", "Needs a type of integer or number."),
        ({"type": "string", "max": 3}, "max", "Needs a type of integer or number."),
        ({"type": "number", "min": 3, "max": 2}, "max", "Is less than min, 3."),
        (
            {"type": "integer", "min": 1.2, "max": 1.8},
            "max",
            "No integer lies between 1.2 and 1.8.",
        ),
        (
            {"required": "maybe"},
            "required",
            "Is 'maybe', neither true nor false; send one of them.",
        ),
        ({"required": [1]}, "required", "Is [1], neither true nor false; send one of them."),
        ({"type": "number", "min": "3"}, "min", "Not a number."),
        ({"type": "number", "min": True}, "min", "Not a number."),
        ({"type": "number", "max": 1e30}, "max", "Is too large: at most 9,007,199,254,740,991."),
        ({"type": "integer", "choices": [1, "2"]}, "choices/1", "Must be of type integer."),
        ({"type": "integer", "choices": [5], "min": 6}, "choices/0", "Must be at least 6."),
    ],
)
def test_a_rule_that_no_value_fits_is_refused(categories, rule, pointer, message):
    refused = categories.post("/categories", json={"name": "X", "attributes": {"a": rule}})
    assert refused.status_code == 422
    (error,) = refused.get_json()["errors"]
    assert (error["pointer"], error["message"]) == (f"/attributes/a/{pointer}", message)


@pytest.mark.parametrize("name", ["a.b", "$a", "a__gte"])
def test_an_attribute_name_that_no_product_can_have_is_refused(categories, name):
    refused = categories.post("/categories", json={"name": "X", "attributes": {name: {}}})
    (error,) = refused.get_json()["errors"]
    assert error["pointer"] == f"/attributes/{name}"
    assert error["message"].startswith("The name is not valid")


@pytest.mark.parametrize(
    "rule",
    [
        {"type": "number", "min": 0, "max": 0, "choices": [0]},
        {"type": "integer", "min": 1.2, "max": 2},
        {"type": "boolean", "choices": [True]},
        {"choices": ["a", 1, True]},
        {},
    ],
)
def test_a_rule_that_some_value_fits_is_accepted(categories, rule):
    made = categories.post("/categories", json={"name": "X", "attributes": {"a": rule}})
    assert made.get_json()["attributes"] == {"a": rule}
