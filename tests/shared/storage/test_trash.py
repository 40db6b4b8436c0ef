"""Many documents of the trash, as the undo of an import reads and restores them."""

from datetime import timedelta

import pytest

from api_products.resource import products as resource
from shared.schema import sizes
from shared.storage import documents, trash
from shared.storage.retries import DocumentChanged
from shared.storage.transactions import transaction
from tests.support.services import on_fakes, on_real_servers

repository = resource.repository


@pytest.fixture(autouse=True)
def app_context(products):
    with products.application.app_context():
        yield


def put_in_trash(db, id, minutes, **values):
    """Store a document as it was deleted some minutes ago."""
    moment = documents.now() - timedelta(minutes=minutes)
    db["products.trash"].insert_one({"id": id, "deleted_at": moment, "name": "Pot", **values})


@on_fakes
def test_as_many_are_read_as_a_page_may_hold_the_highest_ids_first(db, monkeypatch):
    monkeypatch.setattr(sizes, "MAX_PAGE", 25_000)
    for id in (2, 1, 4, 3):
        put_in_trash(db, id, 1, description="x" * 10_000)
    found, is_all = trash.get_many(repository, [1, 2, 3, 4])
    assert (list(found), is_all) == ([4, 3], False)
    found, is_all = trash.get_many(repository, [1, 2])
    assert (list(found), is_all) == ([2, 1], True)


@on_fakes
@pytest.mark.parametrize("limit", [100, 5_000_000])
def test_of_two_copies_the_one_that_was_deleted_last_is_read(db, monkeypatch, limit):
    monkeypatch.setattr(sizes, "MAX_PAGE", limit)
    for minutes, name in ((2, "Old"), (1, "New"), (3, "Oldest")):
        put_in_trash(db, 1, minutes, name=name)
    found, _ = trash.get_many(repository, [1])
    assert found[1]["name"] == "New"


@on_real_servers
def test_a_transaction_around_the_restore_of_many_does_not_commit_a_part_of_it(db, products):
    for id in (1, 2):
        products.post("/products", json={"name": f"Pot {id}"})
        products.delete(f"/products/{id}")
    read, _ = trash.get_many(repository, [1, 2])
    db["products.trash"].delete_one({"id": 1})
    inputs = [(document, {}) for document in read.values()]
    assert trash.restore_many(repository, inputs) == set()
    with pytest.raises(DocumentChanged):
        transaction(lambda: trash.restore_many(repository, inputs))
    assert [each["id"] for each in db["products.trash"].find()] == [2]
    assert db["products"].count_documents({}) == 0
