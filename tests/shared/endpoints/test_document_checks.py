"""Documents made and broken by hand, found and mended, on a real MongoDB."""

from datetime import datetime

import pytest
from bson import Decimal128, ObjectId

from shared.endpoints.document_checks import MAX_CASES
from tests.support.services import on_real_servers

pytestmark = on_real_servers


@pytest.fixture
def check(products):
    return lambda: products.get("/products:documents").get_json()


@pytest.fixture
def mend(products):
    return lambda: products.post("/products:documents").get_json()


@pytest.fixture
def make(products):
    """Make a product through the API, break it by hand, and return its id."""

    def make(db, broken, **values):
        body = {"name": "Pot", **values}
        id = products.post("/products", json=body).get_json()["id"]
        db.products.update_one({"_id": id}, {"$set": broken})
        return id

    return make


def totals(found):
    return {what: kind["total"] for what, kind in found.items() if kind["total"]}


def test_what_the_api_wrote_is_as_it_should_be(products, check):
    products.post("/products", json={"name": "Pot", "price": 1, "stock": 2, "sku": "P-1"})
    products.patch("/products/1", json={"name": "Pan"})
    products.delete("/products/1")
    products.post("/products/1/restore")
    products.post("/products", json={"name": "Gone"})
    products.delete("/products/2")
    nothing = {"total": 0, "mends": 0, "cases": []}
    assert check() == dict.fromkeys(("lacking", "broken", "unreachable", "twice"), nothing)


def test_a_document_made_by_hand_gets_what_it_lacks(products, db, check, mend):
    id = ObjectId()
    db.products.insert_many([{"_id": id, "name": "By Hand"}, {"_id": 7, "name": "By Hand"}])
    why = "lacks slug, revision, created_at, updated_at, search terms, sort keys"
    case = {"id": str(id), "path": f"/products/{id}", "why": why}
    assert check()["lacking"]["cases"][0] == case
    assert check()["lacking"]["mends"] == 2
    assert "slug" not in db.products.find_one({"_id": id})
    assert mend()["lacking"]["mends"] == 2
    assert totals(check()) == {}
    slugs = {each["slug"] for each in products.get("/products").get_json()["items"]}
    assert slugs == {"by-hand", "by-hand-2"}
    assert products.get("/products?q=hand").get_json()["total"] == 2


def test_search_terms_of_before_are_renewed(products, db, make, check, mend):
    make(db, {"terms": ["=something"]})
    assert check()["lacking"]["cases"][0]["why"] == "lacks search terms"
    mend()
    assert products.get("/products?q=pot").get_json()["total"] == 1


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ({"price": "12.50"}, {"price": 12.5}),
        ({"price": " 7 "}, {"price": 7}),
        ({"stock": "3"}, {"stock": 3}),
        ({"stock": Decimal128("3")}, {"stock": 3}),
        ({"name": 25}, {"name": "25"}),
        ({"sku": 12.5}, {"sku": "12.5"}),
        ({"sku": 12.0}, {"sku": "12"}),
        ({"sku": Decimal128("1.50")}, {"sku": "1.50"}),
        ({"created_at": "2024-01-31T10:00:00Z"}, {"created_at": "2024-01-31T10:00:00.000Z"}),
        ({"created_at": "2024-01-31"}, {"created_at": "2024-01-31T00:00:00.000Z"}),
        ({"revision": "many", "price": "1"}, {"revision": 1, "price": 1}),
    ],
    ids=str,
)
@pytest.mark.by_hand
def test_what_a_value_plainly_says_is_mended(products, db, make, check, mend, broken, mended):
    id = make(db, broken, price=1, stock=5)
    products.get(f"/products/{id}")  # So that it is cached.
    assert check()["broken"]["mends"] == 1
    assert mend()["broken"]["mends"] == 1
    assert totals(check()) == {}
    product = products.get(f"/products/{id}").get_json()
    assert {name: product[name] for name in mended} == mended


@pytest.mark.parametrize(
    "broken",
    [
        {"price": "12,50"},
        {"price": "cheap"},
        {"price": -1},
        {"price": [1]},
        {"stock": "3.5"},
        {"stock": 2.5},
        {"name": True},
        {"name": None},
        {"slug": 25},
        {"status": "gone"},
        {"currency": "eur"},
        {"created_at": 20240131},
        {"created_at": "yesterday"},
        {"attributes": "red"},
        {"old_slugs": "x"},
    ],
    ids=str,
)
def test_nothing_is_guessed(db, make, check, mend, broken):
    id = make(db, broken)
    ((name, value),) = broken.items()
    (case,) = mend()["broken"]["cases"]
    assert name in case["why"]
    assert mend()["broken"]["mends"] == 0
    assert totals(check())["broken"] == 1
    assert db.products.find_one({"_id": id})[name] == value


def test_what_is_sure_is_mended_beside_what_is_not(db, make, check, mend):
    id = make(db, {"price": "3", "stock": "many"})
    assert (check()["broken"]["mends"], mend()["broken"]["mends"]) == (0, 0)
    assert db.products.find_one({"_id": id})["price"] == Decimal128("3.00")
    assert check()["broken"]["cases"][0]["why"].startswith("stock is of type string")


def test_a_value_that_another_has_is_left(products, db, make, mend):
    products.post("/products", json={"name": "First", "sku": "25"})
    make(db, {"sku": 25})
    assert mend()["broken"]["mends"] == 0


def test_a_stock_is_mended_without_a_word_to_the_ledger(products, db, make, mend):
    """It was changed by hand, so it is for reconciling to say who is right."""
    id = make(db, {"stock": "3"}, stock=10)
    mend()
    (drift,) = products.get("/products:stock").get_json()["drift"]
    assert (drift["product_id"], drift["stock"], drift["ledger"]) == (id, 3, 10)


def test_ids_that_no_url_names_are_told_and_left(db, check, mend):
    ids = ["abc", -5, 0, 2.5]
    db.products.insert_many([{"_id": id, "name": "Odd"} for id in ids])
    for found in (check(), mend(), check()):
        assert [each["id"] for each in found["unreachable"]["cases"]] == ids
        assert {each["path"] for each in found["unreachable"]["cases"]} == {None}
        assert found["unreachable"]["mends"] == 0


def test_what_lives_and_is_in_the_trash_is_told_and_left(products, db, check, mend):
    products.post("/products", json={"name": "Pot"})
    products.delete("/products/1")
    kept = db["products.trash"].find_one()
    copy = {name: value for name, value in kept.items() if name not in ("id", "deleted_at")}
    db.products.insert_one(copy | {"_id": 1})
    for found in (check(), mend()):
        (case,) = found["twice"]["cases"]
        assert case["path"] == "/products/1"
        assert "products.trash" in case["why"]
        assert found["twice"]["mends"] == 0


def test_all_are_counted_though_not_all_are_told(db, check, mend):
    many = MAX_CASES + 5
    db.products.insert_many([{"_id": id, "name": f"N {id}"} for id in range(1, many + 1)])
    for found in (check(), mend()):
        assert len(found["lacking"]["cases"]) == MAX_CASES
        assert (found["lacking"]["total"], found["lacking"]["mends"]) == (many, many)
    assert totals(check()) == {}


def test_mending_is_a_write_like_any_other(products, db, make, mend):
    id = make(db, {"price": "3"})
    before = db.products.find_one({"_id": id})
    mend()
    after = db.products.find_one({"_id": id})
    assert after["revision"] == before["revision"] + 1
    assert after["written"] != before["written"]
    assert isinstance(after["updated_at"], datetime)
    assert products.get(f"/products/{id}").get_json()["price"] == 3


def test_a_parameter_is_refused(products):
    assert products.get("/products:documents?fix=true").status_code == 400
