"""Category checks: products and categories misplaced by hand edits, on a real MongoDB."""

import pytest

from tests.support.services import on_real_servers

pytestmark = on_real_servers


def totals(answer):
    return {what: kind["total"] for what, kind in answer.get_json().items() if kind["total"]}


@pytest.fixture
def shop(products, categories):
    for name, parent in (("Computers", None), ("Memory", "computers"), ("Books", None)):
        categories.post("/categories", json={"name": name, "parent": parent})
    for name in ("DDR4", "DDR5"):
        products.post("/products", json={"name": name, "category": "memory"})
    return products


def test_correct_data_has_no_faults(shop, categories):
    assert totals(shop.get("/products:categories")) == {}
    assert totals(categories.get("/categories:tree")) == {}


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"category": "books"}, ["books"]),
        ({"category": "Books"}, ["books"]),
        ({"category_path": None}, ["computers", "memory"]),
        ({"category_path": ["memory"]}, ["computers", "memory"]),
        ({"category_path": "memory"}, ["computers", "memory"]),
        ({"category": None}, None),
    ],
    ids=str,
)
def test_a_product_is_put_where_its_category_is(shop, db, broken, path):
    db.products.update_one({"_id": 1}, {"$set": broken})
    assert shop.get("/products:categories").get_json()["misplaced"]["mends"] == 1
    assert shop.post("/products:categories").get_json()["misplaced"]["mends"] == 1
    assert totals(shop.get("/products:categories")) == {}
    product = shop.get("/products/1").get_json()
    assert product["category_path"] == path
    assert product["category"] == (path[-1] if path else None)
    assert shop.get("/products?category=memory").get_json()["total"] == 1 + (
        path == ["computers", "memory"]
    )


def test_a_repair_does_not_invalidate_other_products(shop, db):
    shop.post("/products", json={"name": "Novel", "category": "books"})
    db.products.update_one({"_id": 1}, {"$set": {"category_path": ["memory"]}})
    for path in ("/products/1", "/products/2", "/products?category=books"):
        shop.get(path)
    shop.post("/products:categories")
    assert shop.get("/products/1").get_json()["category_path"] == ["computers", "memory"]
    for path in ("/products/2", "/products?category=books"):
        assert shop.get(path).headers["Cache-Status"].startswith("vitrine; hit")


def test_a_category_that_does_not_exist_is_reported_and_not_changed(shop, db):
    db.products.update_one({"_id": 1}, {"$set": {"category": "nowhere"}})
    for request in (shop.get, shop.post):
        (case,) = request("/products:categories").get_json()["astray"]["cases"]
        assert case["path"] == "/products/1"
        assert "'nowhere'" in case["why"]


def test_categories_are_put_where_their_parents_are(shop, categories, db):
    db.categories.update_one({"slug": "computers"}, {"$set": {"parent": "books"}})
    faults = categories.post("/categories:tree").get_json()
    assert (faults["unsettled"]["total"], faults["unsettled"]["mends"]) == (2, 2)
    assert totals(categories.get("/categories:tree")) == {}
    path = ["books", "computers", "memory"]
    assert categories.get("/categories/memory").get_json()["path"] == path
    assert shop.get("/products/1").get_json()["category_path"] == path


def test_cycles_and_missing_parents_are_reported_and_not_changed(shop, categories, db):
    db.categories.update_one({"slug": "computers"}, {"$set": {"parent": "memory"}})
    db.categories.update_one({"slug": "books"}, {"$set": {"parent": "nowhere"}})
    for request in (categories.get, categories.post, categories.get):
        answer = request("/categories:tree")
        assert totals(answer) == {"parentless": 1, "circular": 2}
        (case,) = answer.get_json()["parentless"]["cases"]
        assert case["path"] == "/categories/books"
