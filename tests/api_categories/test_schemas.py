"""Attribute schemas: inherited down the tree, and tried out before they are changed."""

import pytest

from tests.scaffold import on_real_servers

MERGE_PATCH = "application/merge-patch+json"


@pytest.fixture
def tree(categories):
    """Clothes with a size and a color, Shoes and Boots below with a size of their own each."""
    size, color = {"type": "string"}, {"type": "string", "choices": ["red", "blue"]}
    for name, parent, attributes in (
        ("Clothes", None, {"size": size, "color": color}),
        ("Shoes", "clothes", {"size": {"type": "integer", "min": 15, "max": 60, "unit": "EU"}}),
        ("Boots", "shoes", {"shaft": {"type": "number", "unit": "cm"}}),
        ("Games", None, {}),
    ):
        body = {"name": name, "parent": parent, "attributes": attributes}
        assert categories.post("/categories", json=body).status_code == 201


def rules(categories, slug):
    return categories.get(f"/categories/{slug}").get_json()["all_attributes"]


def test_a_category_has_the_rules_of_all_above_nearer_ones_overriding(categories, tree):
    clothes, shoes, boots = (rules(categories, slug) for slug in ("clothes", "shoes", "boots"))
    assert (clothes["size"], clothes.keys()) == ({"type": "string"}, {"size", "color"})
    assert (shoes["size"]["max"], shoes["color"]) == (60, clothes["color"])
    assert boots == shoes | {"shaft": {"type": "number", "unit": "cm"}}
    own = categories.get("/categories/boots").get_json()["attributes"]
    assert own.keys() == {"shaft"}
    assert rules(categories, "games") == {}


def test_the_rules_of_a_whole_list_are_those_of_each(categories, tree):
    for query in ("", "&fields=slug,all_attributes", "&parent=clothes"):
        for each in categories.get(f"/categories?per=50{query}").get_json()["items"]:
            assert each["all_attributes"] == rules(categories, each["slug"])


def test_products_are_held_against_the_rules_of_all_above(products, tree):
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


def test_a_cached_category_shows_what_became_of_those_above(categories, tree):
    for path in ("/categories/boots", "/categories/3", "/categories?parent=shoes", "/categories"):
        for rule in ({"type": "string"}, {"type": "boolean"}):
            categories.patch("/categories/clothes", json={"attributes": {"size": {}, "wool": rule}})
            shown = categories.get(path).get_json()
            (boots,) = [each for each in shown.get("items", [shown]) if each["slug"] == "boots"]
            assert boots["all_attributes"]["wool"] == rule
            assert "hit" in categories.get(path).headers["Cache-Status"]


def test_what_is_inherited_makes_no_write_stale(categories, tree):
    etag = categories.get("/categories/boots").headers["ETag"]
    categories.patch("/categories/clothes", json={"attributes": {}})
    assert categories.get("/categories/boots").headers["ETag"] != etag
    body, headers = {"description": "High"}, {"If-Match": etag}
    assert categories.patch("/categories/boots", json=body, headers=headers).status_code == 200
    assert categories.patch("/categories/boots", json=body, headers=headers).status_code == 412


def test_what_hands_left_above_is_no_rule(categories, products, tree, db):
    for odd in ([], 5, {"size": 7, "color": {"choices": 5}}):
        db.categories.update_one({"slug": "clothes"}, {"$set": {"attributes": odd}})
        db.categories.update_one({"slug": "boots"}, {"$set": {"ancestors": ["clothes", 5, ["x"]]}})
        body = {"name": "X", "category": "boots", "attributes": {"size": "any", "color": "any"}}
        # A new product makes what is cached of categories worthless, too.
        assert products.post("/products", json=body).status_code == 201
        assert rules(categories, "boots")["shaft"] == {"type": "number", "unit": "cm"}


@pytest.mark.parametrize(
    ("rule", "pointer", "told"),
    [
        ({"min": 3}, "min", "Needs a type of integer or number."),
        ({"type": "string", "max": 3}, "max", "Needs a type of integer or number."),
        ({"type": "number", "min": 3, "max": 2}, "max", "Is less than min, 3."),
        ({"type": "integer", "min": 1.2, "max": 1.8}, "max", "No integer is from 1.2 to 1.8."),
        ({"type": "number", "min": "3"}, "min", "Not a number."),
        ({"type": "number", "min": True}, "min", "Not a number."),
        ({"type": "number", "max": 1e30}, "max", "Is too large."),
        ({"type": "integer", "choices": [1, "2"]}, "choices/1", "Must be of type integer."),
        ({"type": "integer", "choices": [5], "min": 6}, "choices/0", "Must be at least 6."),
    ],
)
def test_a_rule_that_nothing_fits_is_refused(categories, rule, pointer, told):
    refused = categories.post("/categories", json={"name": "X", "attributes": {"a": rule}})
    assert refused.status_code == 422
    (error,) = refused.get_json()["errors"]
    assert (error["pointer"], error["message"]) == (f"/attributes/a/{pointer}", told)


@pytest.mark.parametrize("name", ["a.b", "$a", "a__gte"])
def test_a_name_that_no_product_can_have_is_refused_where_it_is(categories, name):
    refused = categories.post("/categories", json={"name": "X", "attributes": {name: {}}})
    (error,) = refused.get_json()["errors"]
    assert error["pointer"] == f"/attributes/{name}"
    assert error["message"].startswith("A name has 1 to 64 characters")


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
def test_a_rule_that_something_fits_is_taken(categories, rule):
    made = categories.post("/categories", json={"name": "X", "attributes": {"a": rule}})
    assert made.get_json()["attributes"] == {"a": rule}


class TestTryingOut:
    @pytest.fixture
    def stocked(self, products, tree):
        """Three boots, of which one has no size, and two clothes."""
        for category, attributes in (
            ("boots", {"size": 42, "color": "red"}),
            ("boots", {"size": 44, "color": "blue"}),
            ("boots", {"color": "blue"}),
            ("clothes", {"size": "XL"}),
            ("clothes", {"size": "S", "color": "red"}),
        ):
            body = {"name": "X", "category": category, "attributes": attributes}
            assert products.post("/products", json=body).status_code == 201

    def try_out(self, categories, slug, body, verb="patch", dry_run="true"):
        before = categories.get("/categories").get_json()
        answer = getattr(categories, verb)(f"/categories/{slug}?dry_run={dry_run}", json=body)
        assert categories.get("/categories").get_json() == before, "something was written"
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()

    @pytest.mark.parametrize(("verb", "dry_run"), [("patch", "1"), ("put", "true")])
    def test_it_is_told_how_many_would_not_fit(self, categories, stocked, verb, dry_run):
        body = {"attributes": {"size": {"type": "integer", "max": 43, "unit": "EU"}}}
        assert self.try_out(categories, "shoes", body, verb, dry_run) == {
            "products": 3,
            "misfits": 1,
            "new_misfits": 1,
            "attributes": {
                "size": {
                    "misfits": 1,
                    "new_misfits": 1,
                    "message": "Must be at most 43 EU.",
                    "example": "/products/2",
                }
            },
        }

    def test_nothing_is_written_and_without_it_all_is(self, categories, products, stocked):
        body = {"attributes": {"size": {"type": "integer", "max": 43}}}
        self.try_out(categories, "shoes", body)
        assert rules(categories, "boots")["size"]["max"] == 60
        applied = categories.patch("/categories/shoes?dry_run=false", json=body)
        assert applied.get_json()["attributes"] == body["attributes"]
        assert rules(categories, "boots")["size"]["max"] == 43
        assert products.patch("/products/2", json={"price": 5}).status_code == 200
        assert products.patch("/products/2", json={"category": "boots"}).status_code == 422

    def test_a_change_above_counts_only_where_nothing_nearer_overrides(self, categories, stocked):
        body = {"attributes": {"size": {"type": "boolean"}, "color": {"required": True}}}
        told = self.try_out(categories, "clothes", body)
        assert (told["products"], told["misfits"]) == (5, 2)
        assert told["attributes"]["size"]["misfits"] == 2
        assert told["attributes"]["color"] == {
            "misfits": 1,
            "new_misfits": 1,
            "message": "Is required in this category.",
            "example": "/products/4",
        }
        assert list(told["attributes"]) == ["size", "color"], "the worst comes first"

    def test_those_that_do_not_fit_today_are_told_apart(self, categories, stocked, db):
        db.products.update_one({"_id": 1}, {"$set": {"attributes": {"size": "forty-two"}}})
        body = {"attributes": {"size": {"type": "integer", "required": True}}}
        told = self.try_out(categories, "shoes", body)
        assert (told["misfits"], told["new_misfits"]) == (2, 1)
        size = told["attributes"]["size"]
        assert (size["misfits"], size["new_misfits"]) == (2, 1)
        assert (size["example"], size["message"]) == (
            "/products/3",
            "Is required in this category.",
        )

    def test_a_move_brings_the_rules_of_the_new_place(self, categories, stocked):
        rule = {"color": {"type": "boolean"}, "size": {"type": "boolean"}}
        categories.patch("/categories/games", json={"attributes": rule})
        told = self.try_out(categories, "shoes", {"parent": "Games"})
        assert (told["products"], told["misfits"]) == (3, 3)
        assert told["attributes"].keys() == {"color"}

    def test_a_new_slug_changes_no_rule(self, categories, stocked):
        told = self.try_out(categories, "clothes", {"slug": "garments", "name": "Garments"})
        assert (told["products"], told["misfits"]) == (5, 0)

    def test_a_merge_patch_is_tried_out_as_it_would_be_applied(self, categories, stocked):
        answer = categories.patch(
            "/categories/shoes?dry_run=1",
            data='{"attributes": {"size": {"max": 43}}}',
            content_type=MERGE_PATCH,
        )
        assert answer.get_json()["attributes"]["size"]["message"] == "Must be at most 43 EU."

    @pytest.mark.parametrize(
        ("slug", "body", "status", "pointer"),
        [
            ("shoes", {"attributes": {"size": {"type": "date"}}}, 422, "/attributes/size/type"),
            ("shoes", {"nope": 1}, 422, "/nope"),
            ("shoes", {"slug": "games"}, 409, "/slug"),
            ("clothes", {"parent": "boots"}, 422, "/parent"),
        ],
    )
    def test_what_would_be_refused_is(self, categories, stocked, slug, body, status, pointer):
        refused = categories.patch(f"/categories/{slug}?dry_run=1", json=body)
        assert refused.status_code == status
        assert refused.get_json()["errors"][0]["pointer"] == pointer

    def test_if_match_and_misspellings_are_heeded(self, categories, stocked):
        stale = {"If-Match": '"nope"'}
        path = "/categories/shoes?dry_run=1"
        assert categories.patch(path, json={}, headers=stale).status_code == 412
        assert categories.patch("/categories/nope?dry_run=1", json={}).status_code == 404
        for query in ("dry_run=maybe", "dryrun=1", "dry_run=1&x=1"):
            refused = categories.patch(f"/categories/shoes?{query}", json={"name": "No"})
            assert refused.status_code == 400
        assert categories.get("/categories/shoes").get_json()["name"] == "Shoes"

    def test_products_that_are_down_are_named(self, categories, tree, transport):
        transport.down.add("products")
        down = categories.patch("/categories/shoes?dry_run=1", json={})
        assert down.status_code == 503
        assert "products service" in down.get_json()["detail"]

    def test_categories_with_the_same_rules_are_sent_together(self, categories, tree, transport):
        for number in range(5):
            body = {"name": f"Boots {number}", "parent": "boots"}
            categories.post("/categories", json=body)
        sent = []
        send = transport.send

        def note(service, method, path, body, *rest):
            sent.append(body)
            return send(service, method, path, body, *rest)

        transport.send = note
        assert self.try_out(categories, "boots", {"attributes": {}})["products"] == 0
        (change,) = next(body for body in sent if body)["changes"]
        assert len(change["categories"]) == 6
        assert (change["before"].keys() - change["after"].keys()) == {"shaft"}

    @on_real_servers
    def test_a_tree_that_would_grow_too_deep_is_refused(self, categories, tree):
        parent = "games"
        for number in range(18):
            body = {"name": f"Level {number}", "parent": parent}
            parent = categories.post("/categories", json=body).get_json()["slug"]
        refused = categories.patch("/categories/clothes?dry_run=1", json={"parent": parent})
        applied = categories.patch("/categories/clothes", json={"parent": parent})
        assert refused.status_code == applied.status_code == 422
        assert refused.get_json()["errors"] == applied.get_json()["errors"]
