"""Dry run of a change: it counts the products that would not fit, and writes nothing."""

import pytest

from tests.support.services import on_real_servers

MERGE_PATCH = "application/merge-patch+json"


def rules(categories, slug):
    return categories.get(f"/categories/{slug}").get_json()["all_attributes"]


@pytest.fixture
def stocked(products, clothes):
    """Three boots, one of them without a size, and two clothes."""
    for category, attributes in (
        ("boots", {"size": 42, "color": "red"}),
        ("boots", {"size": 44, "color": "blue"}),
        ("boots", {"color": "blue"}),
        ("clothes", {"size": "XL"}),
        ("clothes", {"size": "S", "color": "red"}),
    ):
        body = {"name": "X", "category": category, "attributes": attributes}
        assert products.post("/products", json=body).status_code == 201


def try_out(categories, slug, body, verb="patch", dry_run="true"):
    before = categories.get("/categories").get_json()
    answer = getattr(categories, verb)(f"/categories/{slug}?dry_run={dry_run}", json=body)
    assert categories.get("/categories").get_json() == before, "something was written"
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


@pytest.mark.parametrize(("verb", "dry_run"), [("patch", "1"), ("put", "true")])
def test_a_dry_run_counts_the_misfits(categories, stocked, verb, dry_run):
    body = {"attributes": {"size": {"type": "integer", "max": 43, "unit": "EU"}}}
    assert try_out(categories, "shoes", body, verb, dry_run) == {
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


def test_only_a_change_without_dry_run_is_written(categories, products, stocked):
    body = {"attributes": {"size": {"type": "integer", "max": 43}}}
    try_out(categories, "shoes", body)
    assert rules(categories, "boots")["size"]["max"] == 60
    applied = categories.patch("/categories/shoes?dry_run=false", json=body)
    assert applied.get_json()["attributes"] == body["attributes"]
    assert rules(categories, "boots")["size"]["max"] == 43
    assert products.patch("/products/2", json={"price": 5}).status_code == 200
    assert products.patch("/products/2", json={"category": "boots"}).status_code == 422


def test_a_change_above_counts_only_where_nothing_nearer_overrides(categories, stocked):
    body = {"attributes": {"size": {"type": "boolean"}, "color": {"required": True}}}
    answer = try_out(categories, "clothes", body)
    assert (answer["products"], answer["misfits"]) == (5, 2)
    assert answer["attributes"]["size"]["misfits"] == 2
    assert answer["attributes"]["color"] == {
        "misfits": 1,
        "new_misfits": 1,
        "message": "Is required in this category.",
        "example": "/products/4",
    }
    assert list(answer["attributes"]) == ["size", "color"], "the worst comes first"


def test_products_that_do_not_fit_today_are_counted_apart(categories, stocked, db):
    db.products.update_one({"_id": 1}, {"$set": {"attributes": {"size": "forty-two"}}})
    body = {"attributes": {"size": {"type": "integer", "required": True}}}
    answer = try_out(categories, "shoes", body)
    assert (answer["misfits"], answer["new_misfits"]) == (2, 1)
    size = answer["attributes"]["size"]
    assert (size["misfits"], size["new_misfits"]) == (2, 1)
    assert (size["example"], size["message"]) == (
        "/products/3",
        "Is required in this category.",
    )


def test_a_move_brings_the_rules_of_the_new_place(categories, stocked):
    rule = {"color": {"type": "boolean"}, "size": {"type": "boolean"}}
    categories.patch("/categories/games", json={"attributes": rule})
    answer = try_out(categories, "shoes", {"parent": "Games"})
    assert (answer["products"], answer["misfits"]) == (3, 3)
    assert answer["attributes"].keys() == {"color"}


def test_a_new_slug_does_not_change_the_rules(categories, stocked):
    answer = try_out(categories, "clothes", {"slug": "garments", "name": "Garments"})
    assert (answer["products"], answer["misfits"]) == (5, 0)


def test_a_merge_patch_is_tried_out_as_it_would_be_applied(categories, stocked):
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
def test_a_dry_run_refuses_the_same_as_a_change(categories, stocked, slug, body, status, pointer):
    refused = categories.patch(f"/categories/{slug}?dry_run=1", json=body)
    assert refused.status_code == status
    assert refused.get_json()["errors"][0]["pointer"] == pointer


def test_a_dry_run_honours_if_match_and_refuses_unknown_parameters(categories, stocked):
    stale = {"If-Match": '"nope"'}
    path = "/categories/shoes?dry_run=1"
    assert categories.patch(path, json={}, headers=stale).status_code == 412
    assert categories.patch("/categories/nope?dry_run=1", json={}).status_code == 404
    for query in ("dry_run=maybe", "dryrun=1", "dry_run=1&x=1"):
        refused = categories.patch(f"/categories/shoes?{query}", json={"name": "No"})
        assert refused.status_code == 400
    assert categories.get("/categories/shoes").get_json()["name"] == "Shoes"


def test_products_that_are_down_are_named(categories, clothes, transport):
    transport.down.add("products")
    down = categories.patch("/categories/shoes?dry_run=1", json={})
    assert down.status_code == 503
    assert "products service" in down.get_json()["detail"]


def test_categories_with_the_same_rules_are_sent_together(categories, clothes, transport):
    for number in range(5):
        body = {"name": f"Boots {number}", "parent": "boots"}
        categories.post("/categories", json=body)
    sent = []
    send = transport.send

    def note(service, method, path, body, *rest):
        sent.append(body)
        return send(service, method, path, body, *rest)

    transport.send = note
    assert try_out(categories, "boots", {"attributes": {}})["products"] == 0
    (change,) = next(body for body in sent if body)["changes"]
    assert len(change["categories"]) == 6
    assert (change["before"].keys() - change["after"].keys()) == {"shaft"}


@on_real_servers
def test_a_tree_that_would_grow_too_deep_is_refused(categories, clothes):
    parent = "games"
    for number in range(18):
        body = {"name": f"Level {number}", "parent": parent}
        parent = categories.post("/categories", json=body).get_json()["slug"]
    refused = categories.patch("/categories/clothes?dry_run=1", json={"parent": parent})
    applied = categories.patch("/categories/clothes", json={"parent": parent})
    assert refused.status_code == applied.status_code == 422
    assert refused.get_json()["errors"] == applied.get_json()["errors"]
