"""Drafts on a whole stack: what a write and a hand edit hide is gone from hits and lists."""

import pytest
from pymongo import MongoClient

from tests.support.polling import poll
from tests.support.stack import running_stack
from vitrine import stack as stacks

SECRET = "0123456789abcdef0123456789abcdef"
LISTS = ("/products", "/products?category=kitchen", "/products?q=secretpot", "/products?per=1")
PATHS = ("/products/1", "/products/secretpot", "/products/1?fields=name")


@pytest.fixture(scope="module")
def shop():
    """A stack with tokens, and a product in a category."""
    options = {"AUTH_MODE": "token", "SECRET_KEY": SECRET}
    with running_stack("--only", "products,categories", **options) as stack:
        token = stack.run("token", "--scope", "admin").stdout.strip()
        stack.editor = {"Authorization": f"Bearer {token}"}
        kitchen, pot = {"name": "Kitchen"}, {"name": "Secretpot", "category": "kitchen"}
        stack.request("POST", "categories", "/categories", kitchen, **stack.editor)
        assert stack.request("POST", "products", "/products", pot, **stack.editor)[0] == 201
        yield stack


@pytest.fixture
def mongo(shop):
    with MongoClient(stacks.read(shop.folder).mongo_uri) as client:
        yield client["vitrine"]


def ask(shop, path, **headers):
    return shop._http.request("GET", shop.url("products") + path, headers=headers)


def is_hit(answer):
    return answer.status == 200 and "hit" in answer.headers["Cache-Status"]


def shows(shop, expected, **headers):
    """Return True if all answers come from the cache, and all show the product or none does."""
    items = [ask(shop, path, **headers) for path in PATHS]
    lists = [ask(shop, path, **headers) for path in LISTS]
    if not all(map(is_hit, lists)) or (expected and not all(map(is_hit, items))):
        return False
    shown = [answer.status == 200 for answer in items]
    shown += [b"Secretpot" in answer.data for answer in lists]
    shown += [answer.json()["total"] == 1 for answer in lists]
    return set(shown) == {expected}


def counts(shop, expected):
    path = shop.url("categories") + "/categories/kitchen"
    return shop._http.request("GET", path).json()["product_count"] == expected


def test_a_hand_edit_to_draft_is_gone_from_hits_and_lists(shop, mongo):
    for _ in range(2):
        poll(lambda: shows(shop, True) and counts(shop, 1))
        poll(lambda: is_hit(ask(shop, "/products", **shop.editor)))
        mongo.products.update_one({"_id": 1}, {"$set": {"status": "draft"}})
        poll(lambda: shows(shop, False) and counts(shop, 0))
        for path in (*PATHS, *LISTS):
            assert b"Secretpot" in ask(shop, path, **shop.editor).data
        assert shows(shop, False)
        mongo.products.update_one({"_id": 1}, {"$unset": {"status": ""}})
        poll(lambda: shows(shop, True) and counts(shop, 1))


def test_a_write_to_draft_is_gone_with_its_answer(shop):
    for status in ("draft", "active", "archived", "active"):
        path, body = "/products/1", {"status": status}
        assert shop.request("PATCH", "products", path, body, **shop.editor)[0] == 200
        seen = [ask(shop, path) for path in LISTS]
        assert {answer.json()["total"] for answer in seen} == {int(status == "active")}
        assert ask(shop, "/products/1").status == (404 if status == "draft" else 200)
        poll(lambda: all(is_hit(ask(shop, path)) for path in LISTS))
