"""Bounds on the bytes of a product and of a page."""

import pytest

from shared.schema import sizes

MEGABYTE = 1_000_000


def large(size):
    """Return a product with attributes of this many bytes."""
    text = "x" * (size // 50)
    return {"name": "Large", "price": 1, "attributes": {f"part_{n}": text for n in range(50)}}


@pytest.fixture
def small_bounds(monkeypatch):
    """Bounds that are a hundredth of the real ones, because attributes are short."""
    monkeypatch.setattr(sizes, "MAX_DOCUMENT", MEGABYTE // 100)
    monkeypatch.setattr(sizes, "MAX_PAGE", 5 * MEGABYTE // 100)


def test_a_product_is_bounded(products, small_bounds):
    refused = products.post("/products", json=large(20_000))
    assert refused.status_code == 413
    assert "Send shorter texts, or fewer attributes." in refused.get_json()["detail"]
    created = products.post("/products", json=large(5_000))
    assert created.status_code == 201
    path = f"/products/{created.get_json()['id']}"
    more = {"attributes": {f"more_{n}": "y" * 100 for n in range(90)}}
    assert products.patch(path, json=more | {"description": "z" * 5_000}).status_code == 413
    assert products.patch(path, json={"name": "Small"}).status_code == 200


def test_one_large_product_of_a_batch_is_named(products, small_bounds):
    answer = products.post("/products:batch", json=[{"name": "Small"}, large(20_000)])
    assert [each["status"] for each in answer.get_json()["results"]] == [201, 413]


def test_a_product_that_is_too_large_already_can_become_smaller(products, db, small_bounds):
    id = products.post("/products", json=large(5_000)).get_json()["id"]
    db.products.update_one({"_id": id}, {"$set": {"description": "z" * 20_000}})
    assert products.patch(f"/products/{id}", json={"price": 2}).status_code == 200
    assert products.patch(f"/products/{id}", json={"description": "z" * 15_000}).status_code == 200
    assert products.patch(f"/products/{id}", json={"description": "z" * 19_000}).status_code == 413


def test_a_page_of_large_products_ends_early_and_goes_on(products, small_bounds):
    ids = [products.post("/products", json=large(8_000)).get_json()["id"] for _ in range(15)]
    seen, path = [], "/products?per=10"
    while path:
        answer = products.get(path)
        assert answer.status_code == 200
        assert len(answer.data) < 2 * sizes.MAX_PAGE
        page = answer.get_json()
        seen += [item["id"] for item in page["items"]]
        path = page["links"].get("next")
    assert sorted(seen) == ids
    numbered = products.get("/products?per=7&page=2")
    assert numbered.status_code == 400
    assert "Send a smaller per" in numbered.get_json()["detail"]
    assert products.get("/products?per=3&page=2").status_code == 200
    assert products.get("/products?per=7&page=2&fields=id,name").status_code == 200
    assert products.get("/products?per=10&q=large").status_code == 400


def test_the_trash_is_bounded(products, small_bounds):
    for _ in range(10):
        id = products.post("/products", json=large(8_000)).get_json()["id"]
        assert products.delete(f"/products/{id}").status_code == 204
    assert products.get("/products?deleted=only&per=10").status_code == 400
    assert products.get("/products?deleted=only&per=3").status_code == 200
