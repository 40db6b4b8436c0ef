"""The change that made an entry stale: that of this item or this list, from the own history."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.services import on_fakes

pytestmark = on_fakes
TOKEN = "a" * 16


@pytest.fixture
def redis(stores):
    return stores[2]


@pytest.fixture
def db(stores):
    return stores[1]


@pytest.fixture
def because(products):
    return lambda key: products.get("/__cache", query_string={"key": key}).json["because"]


@pytest.fixture
def make(db):
    """Make a product of a category."""

    def make(id, name, category):
        db.products.insert_one({"_id": id, "name": name, "slug": name, "category_path": [category]})

    return make


@pytest.fixture
def renew(redis, db):
    """Renew tags by one token for the changes of some items, as if all were made at one moment."""

    def renew(*items, tags=(), by="written", service="products", **more):
        for tag in tags:
            redis.set(f"products:generation:{tag}", TOKEN)
        entry = {"at": datetime.now(UTC), "kind": "updated", "fields": ["price"], **more}
        for item in items:
            made = {"_id": f"82{item}", "item": item, "by": f"author {item}", "request": None}
            db[f"{service}.history"].insert_one({**entry, **made, by: TOKEN})

    return renew


@pytest.mark.parametrize("by", ["written", "renewed"])
def test_of_many_changes_with_one_token_that_of_the_item_is_shown(make, renew, because, by):
    make(1, "cup", "cups")
    make(2, "plate", "plates")
    renew(1, 2, 3, tags=("1", "2", "3", "cup", "plate"), by=by)
    for key, item in (("1", 1), ("cup", 1), ("2", 2), ("plate", 2), ("3", 3)):
        shown = because(f"product:{key}")
        assert (shown["item"], shown["by"]) == (item, f"author {item}")


def test_of_many_changes_with_one_token_that_of_the_list_is_shown(make, renew, because):
    make(1, "cup", "cups")
    make(2, "plate", "plates")
    make(3, "fork", "forks")
    renew(1, 2, tags=("category=cups", "category=plates", "category=forks", "all"))
    renew(3, tags=(), before={"category_path": ["cups"]}, at=datetime.now(UTC) - timedelta(hours=1))
    listed = "products:list:page=1:per=20"
    assert because(f"{listed}:category=cups")["item"] == 1
    assert because(f"{listed}:category=plates")["item"] == 2
    assert because(f"{listed}:category=forks")["item"] == 3
    assert because(listed)["item"] == 2


def test_a_list_that_an_item_has_left_is_shown_with_its_change(make, renew, because):
    make(1, "cup", "cups")
    make(2, "plate", "plates")
    renew(1, 2, tags=("category=spoons",))
    assert because("products:list:page=1:per=20:category=spoons") is None
    renew(3, tags=("category=spoons",), before={"category_path": ["spoons"]})
    assert because("products:list:page=1:per=20:category=spoons")["item"] == 3


def test_an_item_that_was_deleted_is_found_by_its_slug(renew, because):
    renew(1, 2, tags=("bowl",))
    renew(3, before={"slug": "bowl"})
    assert because("product:bowl")["item"] == 3


def test_a_change_of_another_item_is_never_shown(make, renew, because):
    make(1, "cup", "cups")
    renew(2, 3, tags=("1", "cup", "gone"))
    for key in ("1", "cup", "gone"):
        assert because(f"product:{key}") is None


def test_the_history_of_another_service_is_not_read(make_client, renew, redis):
    categories = make_client("api_categories")
    assert categories.post("/categories", json={"name": "Cups"}).status_code == 201
    categories.get("/categories")
    renew(1, tags=("all",))
    (key,) = redis.keys("categories:list:*")
    shown = categories.get("/__cache", query_string={"key": key}).json["because"]
    assert shown.keys() == {"text", "part"}
    assert shown["part"] == "products"
    assert "ask the service products" in shown["text"]


@pytest.mark.parametrize("service", ["categories", "products"])
def test_a_new_root_is_shown_as_such(make_client, redis, service):
    """That of another service as well, which is not a write of that service."""
    categories = make_client("api_categories")
    categories.get("/categories")
    redis.set(f"{service}:generation", TOKEN)
    (key,) = redis.keys("categories:list:*")
    shown = categories.get("/__cache", query_string={"key": key}).json["because"]
    assert shown["part"] == "root"
