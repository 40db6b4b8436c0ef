"""Variants on a whole stack: sales and hand edits show in every list that sums them up."""

import pytest
from pymongo import MongoClient

from tests.support.polling import poll
from vitrine import stack as stacks

SIZES = ("S", "M")
COLLAPSED = ("/products?collapse=group", "/products?collapse=group&q=shirt")
PATHS = (*COLLAPSED, "/products?group=shirt", "/products/1/variants", "/products/shirt/variants")


@pytest.fixture(scope="module")
def shop(emptied_stack):
    """A stack with two variants of a shirt, and a mug."""
    for size in SIZES:
        shirt = {"name": "Shirt", "group": "shirt", "options": {"Size": size}}
        shirt |= {"price": 10, "stock": 5}
        assert emptied_stack.request("POST", "products", "/products", shirt)[0] == 201
    assert emptied_stack.request("POST", "products", "/products", {"name": "Mug"})[0] == 201
    return emptied_stack


@pytest.fixture
def mongo(shop):
    with MongoClient(stacks.read(shop.folder).mongo_uri) as client:
        yield client["vitrine"]["products"]


def read(shop, path):
    """Return the items of the shirt's group in a list, and True for an answer of the cache."""
    answer = shop._http.request("GET", shop.url("products") + path)
    assert answer.status == 200
    items = [item for item in answer.json()["items"] if item["group"] == "shirt"]
    return items, "; hit" in answer.headers["Cache-Status"]


def stock(shop, path):
    items, _ = read(shop, path)
    return sum(item.get("variants", item)["stock"] for item in items)


def all_are_hits(shop):
    return all(read(shop, path)[1] for path in PATHS)


def options(shop, path):
    return {size for item in read(shop, path)[0] for size in item["variants"]["options"]["Size"]}


def test_a_sale_shows_at_once_in_the_lists_of_its_group(shop):
    for left in (9, 8):
        poll(lambda: all_are_hits(shop))
        order = {"product_id": 2, "quantity": 1}
        assert shop.request("POST", "orders", "/orders", order)[0] == 201
        assert [stock(shop, path) for path in PATHS] == [left] * len(PATHS)
    assert stock(shop, "/products/2/variants") == 8


def test_a_hand_edit_shows_in_the_lists_of_its_group(shop, mongo):
    poll(lambda: all_are_hits(shop))
    mongo.update_one({"_id": 2}, {"$set": {"stock": 90}})
    poll(lambda: {stock(shop, path) for path in PATHS} == {95} and all_are_hits(shop))
    mongo.update_one({"_id": 3}, {"$set": {"group": "shirt", "options": {"Size": "L"}}})
    poll(lambda: options(shop, COLLAPSED[0]) == {"S", "M", "L"})
    poll(lambda: len(read(shop, "/products/1/variants")[0]) == 3 and all_are_hits(shop))
    mongo.update_one({"_id": 3}, {"$unset": {"group": ""}})
    poll(lambda: len(read(shop, "/products/1/variants")[0]) == 2 and all_are_hits(shop))
    mongo.delete_one({"_id": 1})
    poll(lambda: options(shop, COLLAPSED[0]) == {"M"})
    poll(lambda: [item["id"] for item in read(shop, "/products/2/variants")[0]] == [2])


def test_a_hand_edit_takes_options_and_frees_them(shop, mongo):
    """The follower stores by which options another product is refused."""
    red = {"group": "cap", "options": {"Color": "Red"}}
    blue = {"group": "cap", "options": {"Color": "Blue"}}
    _, cap = shop.request("POST", "products", "/products", {"name": "Cap", **red})
    mongo.update_one({"_id": cap["id"]}, {"$set": {"options": {"Color": "Blue"}}})
    poll(lambda: "blue" in mongo.find_one({"_id": cap["id"]})["group_variant"])
    assert shop.request("POST", "products", "/products", {"name": "Cap", **blue})[0] == 409
    status, other = shop.request("POST", "products", "/products", {"name": "Cap", **red})
    assert status == 201
    # A hand edit makes both the same: the second one loses its place.
    mongo.update_one({"_id": other["id"]}, {"$set": {"options": {"Color": "Blue"}}})
    poll(lambda: "group_variant" not in mongo.find_one({"_id": other["id"]}))
    assert shop.request("POST", "products", "/products", {"name": "Cap", **red})[0] == 201
