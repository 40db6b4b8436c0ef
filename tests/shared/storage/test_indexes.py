"""Indexes: the one for an order, and those that stored documents do not allow."""

import pytest
from pymongo import IndexModel

from api_products.resource import products as resource
from shared.storage import indexes
from shared.storage.pages import choose_index
from tests.support.services import on_real_servers


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        # In an index of all names, those of a brand are far from both ends.
        (b"brand=Corsair&ordering=-name", ["brand", "sort_keys.name", "_id"]),
        (b"brand=Corsair&category=memory&ordering=name", ["brand", "sort_keys.name", "_id"]),
        (b"brand=Corsair&ordering=price", ["price", "_id"]),
        (b"brand=Corsair", ["brand", "_id"]),
        (b"category=memory&ordering=name", ["category_path", "sort_keys.name", "_id"]),
    ],
)
def test_a_list_is_read_from_the_index_with_most_of_its_filters(query, keys):
    scan = choose_index(resource.repository.indexes, resource.parse(query))
    assert [name for name, _ in scan.keys] == keys


@on_real_servers
@pytest.mark.parametrize("value", ["red", [1, 2]])
def test_an_index_that_documents_do_not_allow_is_left_out(db, caplog, value):
    shop = db.shop
    shop.insert_many([{"a": value, "b": value}, {"a": value, "b": value}])
    bad = IndexModel([("a", 1), ("b", 1)], unique=True)
    try:
        indexes.create(shop, [IndexModel([("before", 1)]), bad, IndexModel([("after", 1)])])
        assert {"before_1", "after_1"} < set(shop.index_information())
        assert "the index a_1_b_1 cannot be created" in caplog.text
    finally:
        shop.drop()


@on_real_servers
def test_a_shop_may_have_a_field_variant_of_its_own(products, db, caplog):
    db.products.insert_many([{"_id": id, "name": "Mug", "variant": "red"} for id in (1, 2)])
    indexes.create(db.products, resource.repository.indexes)
    assert "cannot be created" not in caplog.text
    assert products.patch("/products/1", json={"name": "Cup"}).status_code == 200
    assert db.products.find_one({"_id": 1})["variant"] == "red"
