"""Collapsed lists: one entry for each group, over a list, a search and facets."""

import itertools
import random

import pytest
from bson import Int64

from api_products.resource import products as resource
from shared.resource import collapsed_page
from tests.support.services import on_real_servers

repository = resource.repository

ITEMS = [
    {"name": "Linen shirt", "group": "shirt", "options": {"Size": "S"}, "price": 9, "stock": 1},
    {"name": "Mug", "price": 8, "stock": 5, "options": {"Color": "Blue"}},
    {"name": "Linen shirt", "group": "shirt", "options": {"Size": "M"}, "price": 7, "stock": 2},
    {"name": "Linen scarf", "group": "scarf", "options": {"Color": "Red"}, "price": 20},
    {"name": "Linen shirt", "group": "shirt", "options": {"Size": "L"}, "price": 11, "stock": 0},
    {"name": "Scarf", "group": "scarf", "options": {"Color": "Blue"}, "price": "12.50", "stock": 1},
]


@pytest.fixture
def shop(products):
    answer = products.post("/products:batch", json=ITEMS).get_json()
    assert answer["summary"] == {"created": len(ITEMS)}


def page(client, query):
    response = client.get(f"/products?collapse=group&{query}")
    assert response.status_code == 200, response.get_json()
    return response.get_json()


def ids(client, query):
    return [item["id"] for item in page(client, query)["items"]]


@on_real_servers
class TestList:
    def test_has_the_first_item_of_each_group(self, products, shop):
        whole = page(products, "")
        assert [item["id"] for item in whole["items"]] == [1, 2, 4]
        assert (whole["total"], whole["total_is"]) == (3, "exact")
        assert ids(products, "ordering=price") == [3, 2, 6]
        assert ids(products, "ordering=-price") == [4, 5, 2]
        assert ids(products, "ordering=-id") == [6, 5, 2]

    def test_sums_up_the_variants(self, products, shop):
        shirt, mug, scarf = [item["variants"] for item in page(products, "")["items"]]
        assert shirt == {
            "count": 3,
            "price": {"min": 7, "max": 11},
            "stock": 3,
            "options": {"Size": ["S", "M", "L"]},
        }
        assert mug == {
            "count": 1,
            "price": {"min": 8, "max": 8},
            "stock": 5,
            "options": {"Color": ["Blue"]},
        }
        # The stock of one scarf is not tracked.
        assert (scarf["price"], scarf["stock"]) == ({"min": 12.5, "max": 20}, None)

    def test_has_what_the_filters_find(self, products, shop):
        found = page(products, "price__gte=9&ordering=price")
        assert [item["id"] for item in found["items"]] == [1, 6]
        assert found["items"][0]["variants"]["options"] == {"Size": ["S", "L"]}
        assert found["total"] == 2
        assert ids(products, "group=shirt") == [1]
        assert ids(products, "group=hat") == []

    def test_shows_variants_beside_the_fields_asked_for(self, products, shop):
        first = page(products, "fields=name&per=1")["items"][0]
        assert first.keys() == {"name", "variants"}
        assert first["variants"]["count"] == 3

    def test_of_products_that_are_not_for_sale(self, products):
        products.post("/products", json={"name": "A", "group": "a"})
        (item,) = page(products, "")["items"]
        assert item["variants"] == {"count": 1, "price": None, "stock": None, "options": {}}

    def test_needs_a_group_to_collapse(self, products):
        answer = products.get("/products?collapse=brand")
        assert answer.status_code == 400
        assert answer.get_json()["errors"] == [
            {"parameter": "collapse", "message": "Is not valid; send collapse=group."}
        ]

    def test_counts_no_total_if_none_is_asked_for(self, products, shop):
        answer = products.get("/products?collapse=group", headers={"Prefer": "count=none"})
        assert answer.get_json()["total"] is None
        answer = products.get("/products?collapse=group", headers={"Prefer": "count=exact"})
        assert (answer.get_json()["total"], answer.get_json()["total_is"]) == (3, "exact")

    @pytest.mark.by_hand
    def test_shows_what_a_hand_edit_left(self, products, shop, db):
        for id, group in ((1, ["shirt"]), (2, ""), (4, {"a": "b"}), (6, "")):
            db["products"].update_one({"_id": id}, {"$set": {"group": group}})
        db["products"].update_one({"_id": 3}, {"$set": {"price": "cheap", "options": ["M"]}})
        for query in ("", "ordering=price&per=2", "q=linen"):
            assert set(ids(products, query)) <= {1, 2, 3, 4, 6}
        assert ids(products, "") == [1, 2, 3, 4, 6]
        assert page(products, "")["total"] == 5
        assert page(products, "facets=status")["facets"]["status"]["values"][0]["count"] == 5
        by_id = {item["id"]: item["variants"] for item in page(products, "")["items"]}
        assert by_id[3] == {
            "count": 2,
            "price": {"min": 11, "max": 11},
            "stock": 2,
            "options": {"Size": ["L"]},
        }

    @pytest.mark.by_hand
    def test_has_a_product_whose_group_a_hand_edit_left_empty(self, products, shop, db):
        for id in (1, 2):
            db["products"].update_one({"_id": id}, {"$set": {"group": ""}})
        assert {1, 2} < set(ids(products, ""))
        exact = products.get("/products?collapse=group", headers={"Prefer": "count=exact"})
        assert exact.get_json()["total"] == len(exact.get_json()["items"])
        counted = products.get("/products?collapse=group&facets=status").get_json()
        (active,) = counted["facets"]["status"]["values"]
        assert active["count"] == exact.get_json()["total"]
        variants = products.get("/products/1/variants").get_json()
        assert [item["id"] for item in variants["items"]] == [1]

    @pytest.mark.by_hand
    def test_sums_up_a_stock_of_any_whole_number(self, products, shop, db):
        (before,) = (item for item in page(products, "")["items"] if item["id"] == 1)
        stock = db["products"].find_one({"_id": 1})["stock"]
        db["products"].update_one({"_id": 1}, {"$set": {"stock": Int64(stock)}})
        (after,) = (item for item in page(products, "per=99")["items"] if item["id"] == 1)
        assert after["variants"]["stock"] == before["variants"]["stock"] > stock


def store(db, count, chance):
    """Store products by hand in groups of different sizes, some without a group."""
    documents = [
        {
            "_id": id,
            "name": chance.choice(("Red shirt", "Blue shirt", "Mug")),
            "slug": f"p-{id}",
            "revision": 1,
            "stock": chance.randrange(9),
            "status": chance.choice(("active", "active", "archived", "draft")),
            **({"group": f"g-{chance.randrange(count // 5)}"} if chance.random() < 0.9 else {}),
            **({"brand": "Acme"} if chance.random() < 0.5 else {}),
        }
        for id in range(1, count + 1)
    ]
    db["products"].insert_many(documents)
    return documents


def expected(documents, key, keep):
    """Return the ids of a collapsed list, worked out from all documents."""
    seen, first = set(), []
    for document in sorted(filter(keep, documents), key=key):
        group = document.get("group", document["_id"])
        if group not in seen:
            seen.add(group)
            first.append(document["_id"])
    return first


ORDERS = {
    "id": lambda document: document["_id"],
    "-id": lambda document: -document["_id"],
    "stock": lambda document: (document["stock"], document["_id"]),
    "-stock": lambda document: (-document["stock"], -document["_id"]),
}


@on_real_servers
@pytest.mark.parametrize("count", [300, 1500])
class TestPages:
    """Small lists are sorted in memory, large ones are read from an index."""

    @pytest.fixture
    def documents(self, products, db, count, monkeypatch):
        monkeypatch.setattr(collapsed_page, "SORTED", 1000)
        repository_is_ready = products.post("/products", json={"name": "First"})
        assert repository_is_ready.status_code == 201
        db["products"].delete_many({})
        return store(db, count, random.Random(count))

    @pytest.mark.parametrize(("ordering", "per"), [*itertools.product(ORDERS, (31, 100))])
    def test_by_number_and_by_cursor_show_each_group_once(self, products, documents, ordering, per):
        keep = lambda document: document["status"] != "archived"  # noqa: E731
        right = expected(documents, ORDERS[ordering], keep)
        query = f"ordering={ordering}&per={per}"
        numbered = [
            id
            for number in range(1, len(right) // per + 2)
            for id in ids(products, f"{query}&page={number}")
        ]
        assert numbered == right
        exact = products.get(f"/products?collapse=group&{query}", headers={"Prefer": "count=exact"})
        assert exact.get_json()["total"] == len(right)
        most = page(products, query)
        assert most["total_is"] == ("exact" if len(documents) < 1000 else "at_least")
        assert most["total"] == len(right) or most["total_is"] == "at_least"
        assert self.by_cursor(products, query) == right

    def test_with_a_filter_are_of_its_matches(self, products, documents):
        keep = lambda document: document.get("brand") and document["status"] == "active"  # noqa: E731
        right = expected(documents, ORDERS["stock"], keep)
        query = "ordering=stock&per=9&brand=Acme&status=active"
        assert self.by_cursor(products, query) == right

    def test_end_early_after_many_items_that_others_precede(self, products, documents, monkeypatch):
        monkeypatch.setattr(collapsed_page, "MAX_WALKED", 20)
        keep = lambda document: document["status"] != "archived"  # noqa: E731
        right = expected(documents, ORDERS["-id"], keep)
        assert self.by_cursor(products, "ordering=-id&per=5") == right

    def test_a_first_page_ends_early_where_few_groups_are_large(
        self, products, db, count, monkeypatch
    ):
        monkeypatch.setattr(collapsed_page, "MAX_WALKED", 20)
        items = [
            {"_id": id, "name": "P", "slug": f"p-{id}", "group": f"g-{3 * id // count}"}
            for id in range(1, count + 1)
        ]
        db["products"].delete_many({})
        db["products"].insert_many(items)
        first = page(products, "per=3")
        assert [item["id"] for item in first["items"]] == [1]
        assert "cursor=" in first["links"]["next"]
        assert self.by_cursor(products, "per=3") == [1, count // 3, 2 * count // 3, count]
        assert products.get("/products?collapse=group&per=3&page=2").status_code == 400

    def test_end_early_on_the_first_page_as_well(self, products, documents, monkeypatch):
        """Where few groups have many items, the first page has the cursor of the next one."""
        monkeypatch.setattr(collapsed_page, "MAX_WALKED", 20)
        monkeypatch.setattr(collapsed_page, "MAX_BATCH", 5)
        keep = lambda document: document["status"] != "archived"  # noqa: E731
        right = expected(documents, ORDERS["-id"], keep)
        assert self.by_cursor(products, "ordering=-id&per=100") == right
        answer = products.get("/products?collapse=group&ordering=-id&per=100&page=2")
        assert answer.status_code == 400
        assert "the cursor of links.next" in answer.get_json()["detail"]

    def by_cursor(self, products, query):
        found, current = [], page(products, query)
        while True:
            found += [item["id"] for item in current["items"]]
            if not current["next_cursor"]:
                return found
            current = page(products, f"{query}&cursor={current['next_cursor']}")
            assert len(found) <= 2000


@on_real_servers
class TestSearch:
    def test_shows_the_best_match_of_each_group(self, products, shop):
        found = page(products, "q=linen")
        assert [item["id"] for item in found["items"]] == [1, 4]
        assert (found["total"], found["total_is"]) == (2, "exact")
        assert found["items"][1]["variants"]["count"] == 1
        # The whole name of the sixth product is the word, so it is the best of its group.
        assert ids(products, "q=scarf") == [6]
        assert page(products, "q=scarf")["items"][0]["variants"]["count"] == 2

    def test_by_an_order_is_a_list(self, products, shop):
        assert ids(products, "q=linen&ordering=price") == [3, 4]

    def test_has_pages(self, products, shop):
        assert ids(products, "q=linen&per=1&page=2") == [4]
        assert "next" not in page(products, "q=linen&per=1&page=2")["links"]

    def test_of_a_frequent_word_shows_the_best_and_counts_at_least_them(self, products):
        items = [
            {"name": "Linen", "group": f"g-{number // 2}", "options": {"No": str(number)}}
            for number in range(1100)
        ]
        for start in (0, 1000):
            products.post("/products:batch", json=items[start : start + 1000])
        found = page(products, "q=linen&per=100")
        assert len(found["items"]) == 100
        assert (found["total"], found["total_is"]) == (100, "at_least")
        answer = products.get("/products?collapse=group&q=linen", headers={"Prefer": "count=exact"})
        assert (answer.get_json()["total"], answer.get_json()["total_is"]) == (550, "exact")
        assert products.get("/products?collapse=group&q=linen&per=100&page=2").status_code == 400


@on_real_servers
def test_facets_count_each_group_once(products, shop):
    facets = page(products, "facets=price,attr.material,status")["facets"]
    assert facets["status"]["values"] == [{"value": "active", "count": 3}]
    assert sum(bucket["count"] for bucket in facets["price"]["ranges"]) >= 3
    for bucket in facets["price"]["ranges"]:
        bounds = f"price__gte={bucket['from']}&price__lte={bucket['to']}"
        assert page(products, bounds)["total"] == bucket["count"]
