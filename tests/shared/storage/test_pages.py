"""Lists of more than a thousand items: read by cursor along an index, on a real MongoDB."""

import random

import pytest
from bson import Decimal128, MaxKey, MinKey, ObjectId
from bson.regex import Regex

from api_products import resource
from api_products.resource import ProductQuery
from shared.schema import cursor
from shared.schema.derived import sort_path
from shared.schema.text import sort_key
from shared.storage import pages
from tests.support.services import on_real_servers

pytestmark = [on_real_servers]
SIZE = 1200
FILTERS = {
    "": {},
    "category=all": {"category_path": "all"},
    "price__lte=10": {"price": {"$lte": 10}},
    "price__gte=9.99": {"price": {"$gte": Decimal128("9.99")}},
}


@pytest.fixture
def many(products, db):
    """Products of all kinds, some of them with values of a hand edit."""
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
    derived = resource.products.repository.derived
    db["products"].insert_many([each | derived.fields(each) for each in documents])
    return documents


def walk(client, query):
    """Return all ids of a list, page by page along its cursor."""
    found, link = [], ""
    while link is not None:
        response = client.get(f"/products?per=97&fields=id&{query}{link}")
        assert response.status_code == 200, response.get_json()
        page = response.get_json()
        found += [each["id"] for each in page["items"]]
        goes_on = page["next_cursor"]
        link = goes_on and f"&cursor={goes_on}"
    return found


@pytest.mark.parametrize("query", ["ordering=name", "q=thing", "collapse=group", "facets=brand"])
def test_a_list_without_time_left_is_refused_with_what_to_change(products, monkeypatch, query):
    """pymongo ends it before MongoDB does, and MongoDB answers."""
    monkeypatch.setattr(pages, "QUERY_TIMEOUT_SECONDS", 1e-6)
    response = products.get(f"/products?{query}")
    assert response.status_code == 400
    assert "takes too long" in response.get_json()["detail"]


def test_suggestions_without_time_left_are_refused_with_what_to_change(products, monkeypatch):
    monkeypatch.setattr(pages, "QUERY_TIMEOUT_SECONDS", 1e-6)
    response = products.get("/products/suggest?q=te")
    assert response.status_code == 400
    (error,) = response.get_json()["errors"]
    assert error == {
        "parameter": "q",
        "message": "Finding suggestions takes too long. Send more letters.",
    }


@pytest.mark.parametrize(
    "order", ["id", "-id", "price", "-price", "name", "-price,name", "price,-name"]
)
def test_a_cursor_finds_each_item_once_in_order(products, db, many, order):
    keys = [(key.strip("-"), -1 if key[0] == "-" else 1) for key in order.split(",")]
    collated = resource.products.repository.collated
    sort = [("_id" if name == "id" else sort_path(name, collated), way) for name, way in keys]
    if sort[-1][0] != "_id":
        sort.append(("_id", sort[-1][1]))
    for query, filter in FILTERS.items():
        expected = [
            str(each["_id"]) if isinstance(each["_id"], ObjectId) else each["_id"]
            for each in db["products"].find(filter).sort(sort)
        ]
        found = walk(products, f"ordering={order}&{query}")
        assert len(found) == len(set(found)) == len(expected)
        assert found == expected


@pytest.mark.by_hand
def test_an_order_without_an_index_is_limited_to_a_thousand_items(products, many):
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
    assert names == sorted(names, key=sort_key)
    assert len(names) == 100


def test_the_last_page_by_number_has_a_cursor(products, db, many):
    more = [{"_id": 10_000 + n, "name": "More"} for n in range(9000)]
    db["products"].insert_many(more, ordered=False)
    last = products.get("/products?page=100&per=100").get_json()
    assert "cursor=" in last["links"]["next"]
    assert "page=" not in last["links"]["next"]
    assert (last["total"], last["total_is"]) == (10_000, "at_least")
    after = products.get(last["links"]["next"]).get_json()
    assert after["items"][0]["id"] == last["items"][-1]["id"] + 1


def test_an_index_dropped_by_hand_is_created_again(products, db, many):
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


@pytest.mark.parametrize("count", [20, 1200])
@pytest.mark.parametrize("order", ["name", "-name"])
def test_lists_made_by_hand_have_one_place_in_an_order(clients, db, count, order):
    names = [f"n{number:05}" for number in range(count)]
    odd = [["a", "z"], [], [5, 500], ["n00003x"], [["x"]], {"a": 1}]
    documents = [{"_id": n, "name": name} for n, name in enumerate([*names, *odd], 1)]
    db["clients"].insert_many(documents)
    found, link = [], ""
    while link is not None:
        page = clients.get(f"/clients?per=7&fields=id&ordering={order}{link}").get_json()
        found += [each["id"] for each in page["items"]]
        assert len(found) <= len(documents)
        link = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert sorted(found) == [each["_id"] for each in documents]


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("ordering=id", [Regex("a(")]),
        ("ordering=id", [MaxKey()]),
        ("ordering=id", [{"$where": "1"}]),
        ("ordering=price", [999_999, Regex("a(")]),
        ("ordering=-price&price__gte=5", [1, 1]),
        ("ordering=price&price__lte=5", [{"$gt": 1}, MinKey()]),
    ],
)
@pytest.mark.by_hand
def test_a_forged_cursor_does_no_harm(products, many, query, values):
    asked = ProductQuery().parse(query.encode(), ())
    forged = cursor.encode(asked.bound, values)
    assert products.get(f"/products?{query}&cursor={forged}").status_code in (200, 400)


@pytest.mark.by_hand
def test_a_blank_in_an_order_changes_nothing(products, many):
    dear = products.get("/products?ordering=-price,name").get_json()["items"]
    assert products.get("/products?ordering=%20-price,%20name").get_json()["items"] == dear


def test_names_with_all_words_come_before_many_other_matches(products, db):
    fields = ({"name": f"Alfax {n}", "description": "betax"} for n in range(1100))
    rows = [*fields, *({"name": f"Alfax betax {n}"} for n in range(3))]
    for start in (0, 600):
        products.post("/products:batch", json=rows[start : start + 600])
    found = products.get("/products?q=alfax+betax&per=4").get_json()["items"]
    assert [each["name"][:11] for each in found[:3]] == ["Alfax betax"] * 3


def test_ids_that_cannot_be_compared_do_no_harm(clients, db):
    ids = ({"a": 1}, {"a": 2}, Decimal128("1.5"), Decimal128("2.5"), 3, "x", ObjectId())
    db["clients"].insert_many([{"_id": id, "name": "Zork", "terms": ["+zork"]} for id in ids])
    assert clients.get("/clients?q=zork").get_json()["total"] == len(ids) - 4


def test_a_search_of_many_words_is_answered(products, many):
    words = "+".join(f"{a}{b}" for a in "thing" for b in "abcdefgh")
    assert products.get(f"/products?q={words}").get_json()["total"] == 0
