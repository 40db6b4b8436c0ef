"""The write path: revision, ledger and cache after each kind of write."""

import pytest

from api_products.resource import products as resource
from shared.cache.keys import tag_of
from shared.http.errors import PreconditionFailed
from shared.storage.documents import Change
from shared.storage.retries import DocumentChanged

TAG = tag_of("products", "1")


@pytest.fixture
def repository(products):
    """The products, with one of them: a pot, of which there are five."""
    assert products.post("/products", json={"name": "Pot", "stock": 5}).status_code == 201
    with products.application.app_context():
        yield resource.repository


def balances(repository):
    return [entry["balance"] for entry in repository.ledger.find(sort=[("revision", 1)])]


def addition(product, count, **condition):
    stock = {"stock": product["stock"] + count}
    return Change({"_id": product["_id"]} | condition, {"$set": stock}, product, product | stock)


def test_a_change_is_stamped_recorded_and_invalidated(repository, redis):
    product = repository.get("1")
    (after,) = repository.apply([addition(product, 2)], "delivered", order="7")
    assert after == repository.get("1")
    assert (after["stock"], after["revision"]) == (7, 2)
    assert redis.get(TAG).decode() == after["written"] != product["written"]
    assert balances(repository) == [5, 7]
    entry = repository.ledger.find_one({"revision": 2})
    assert (entry["reason"], entry["order"], entry["change"]) == ("delivered", "7", 2)


def test_a_change_without_a_reason_is_not_recorded(repository):
    repository.apply([addition(repository.get("1"), 2)])
    assert balances(repository) == [5]


def test_a_change_whose_filter_finds_nothing_invalidates_nothing(repository, redis):
    before = redis.get(TAG)
    with pytest.raises(DocumentChanged):
        repository.apply([addition(repository.get("1"), 2, stock=99)], "delivered")
    assert (redis.get(TAG), balances(repository)) == (before, [5])


def test_an_update_of_an_older_version_is_refused(repository):
    product = repository.get("1")
    repository.update(product, {"name": "Pan"})
    with pytest.raises(PreconditionFailed, match="The product changed while"):
        repository.update(product, {"name": "Lid"})


def test_a_counter_edited_by_hand_between_read_and_write_is_not_recorded(repository, db):
    product = repository.get("1")
    db.products.update_one({"_id": 1}, {"$set": {"stock": 9}})
    after = repository.update(product, {"name": "Pan"})
    assert (after["name"], after["stock"]) == ("Pan", 9)
    assert balances(repository) == [5]
