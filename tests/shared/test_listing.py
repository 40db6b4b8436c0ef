"""Lists of more than a thousand items: walked by cursor along an index, on a real MongoDB."""

import random

import pytest
from bson import Decimal128, ObjectId

from tests.scaffold import on_real_servers

pytestmark = [on_real_servers]
SIZE = 1500


@pytest.fixture
def many(products, db):
    """Products of all kinds, some of them as a hand edit leaves them."""
    chance = random.Random(4)
    prices = (Decimal128("9.99"), Decimal128("10"), 10, 10.5, "12", None, True, -1)
    documents = []
    for number in range(1, SIZE + 1):
        each = {"_id": number if number % 50 else ObjectId(), "name": f"Thing {number % 40}"}
        price = chance.choice(prices)
        if price is not None or number % 2:
            each["price"] = price
        each["category_path"] = ["all", chance.choice(("odd", "even"))]
        each["brand"] = chance.choice(("Acme", "Zeta"))
        documents.append(each)
    db["products"].insert_many(documents)
    return documents


def walk(client, query):
    """Return all ids of a list, page by page along its cursor."""
    found, cursor = [], ""
    while cursor is not None:
        response = client.get(f"/products?per=97&fields=id&{query}{cursor}")
        assert response.status_code == 200, response.get_json()
        page = response.get_json()
        found += [each["id"] for each in page["items"]]
        goes_on = page["next_cursor"]
        cursor = goes_on and f"&cursor={goes_on}"
    return found


@pytest.mark.parametrize(
    "order", ["id", "-id", "price", "-price", "name", "-price,name", "price,-name"]
)
@pytest.mark.parametrize(
    ("query", "filter"),
    [
        ("", {}),
        ("category=all", {"category_path": "all"}),
        ("price__lte=10", {"price": {"$lte": 10}}),
        ("price__gte=9.99", {"price": {"$gte": Decimal128("9.99")}}),
    ],
)
def test_a_cursor_finds_each_item_once_in_order(products, db, many, order, query, filter):
    keys = [(key.strip("-"), -1 if key[0] == "-" else 1) for key in order.split(",")]
    sort = [("_id" if name == "id" else name, way) for name, way in keys]
    if sort[-1][0] != "_id":
        sort.append(("_id", sort[-1][1]))
    expected = [
        str(each["_id"]) if isinstance(each["_id"], ObjectId) else each["_id"]
        for each in db["products"].find(filter).sort(sort)
    ]
    assert walk(products, f"ordering={order}&{query}") == expected


def test_an_order_that_no_index_has_is_for_a_thousand_items_at_most(products, many):
    response = products.get("/products?ordering=brand,name")
    assert response.status_code == 400
    (error,) = response.get_json()["errors"]
    assert error["parameter"] == "ordering"
    assert "1,000" in error["message"]
    names = [
        each["name"]
        for each in products.get(
            "/products?ordering=brand,name&category=odd&brand=Acme&per=100"
        ).get_json()["items"]
    ]
    assert names == sorted(names)
    assert len(names) == 100


def test_the_last_page_by_number_goes_on_by_cursor(products, db, many):
    more = [{"_id": 10_000 + n, "name": "More"} for n in range(9000)]
    db["products"].insert_many(more, ordered=False)
    last = products.get("/products?page=100&per=100").get_json()
    assert "cursor=" in last["links"]["next"]
    assert "page=" not in last["links"]["next"]
    assert (last["total"], last["total_is"]) == (10_000, "at_least")
    after = products.get(last["links"]["next"]).get_json()
    assert after["items"][0]["id"] == last["items"][-1]["id"] + 1


def test_an_index_that_was_dropped_by_hand_is_made_again(products, db, many):
    db["products"].drop_index("price_1__id_1")
    assert len(walk(products, "ordering=price")) == SIZE
    assert "price_1__id_1" in db["products"].index_information()


def test_a_search_of_many_matches_ranks_the_best(products, db):
    words = [{"name": f"Blue tea {n}"} for n in range(1200)]
    others = [{"name": f"Cup {n}", "description": "for blue tea"} for n in range(1200)]
    for start in range(0, 1200, 600):
        rows = others[start : start + 600] + words[start : start + 400]
        products.post("/products:batch", json=rows)
    products.post("/products", json={"name": "Blue tea"})
    found = products.get("/products?q=blue+tea&per=100").get_json()
    names = [each["name"] for each in found["items"]]
    assert names[0] == "Blue tea"
    assert all(name.startswith("Blue tea") for name in names)
    assert (found["total"], found["total_is"]) == (200, "at_least")
    second = products.get(found["links"]["next"]).get_json()
    assert not {each["id"] for each in second["items"]} & {each["id"] for each in found["items"]}
    assert "next" not in second["links"]
    response = products.get("/products?q=blue+tea&per=100&page=3")
    assert response.status_code == 400
    assert "ordering" in response.get_json()["detail"]
    exact = products.get("/products?q=blue+tea", headers={"Prefer": "count=exact"}).get_json()
    assert (exact["total"], exact["total_is"]) == (2001, "exact")
    assert len(walk(products, "q=blue+tea&ordering=name")) == 2001
