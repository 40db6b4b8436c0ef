"""Facets: counts per value beside a list of products."""

import pytest

from tests.support.services import on_real_servers

PARTS = [
    {"name": "A", "brand": "Acme", "price": 10, "attributes": {"speed": 3200, "tags": ["x", "y"]}},
    {"name": "B", "brand": "Acme", "price": "20.50", "attributes": {"speed": 3600}},
    {"name": "C", "brand": "Zeta", "price": 30, "attributes": {"speed": 3600, "tags": ["x"]}},
    {"name": "D", "stock": 4, "attributes": {"speed": "fast"}},
]


@pytest.fixture
def parts(products):
    assert products.post("/products:batch", json=PARTS).get_json()["summary"] == {"created": 4}


def facets(client, query):
    response = client.get(f"/products?{query}")
    assert response.status_code == 200, response.get_json()
    return response.get_json()["facets"]


@on_real_servers
def test_values_are_counted_the_most_frequent_first(products, parts):
    assert facets(products, "facets=brand") == {
        "brand": {
            "values": [{"value": "Acme", "count": 2}, {"value": "Zeta", "count": 1}],
            "more": False,
        }
    }


@on_real_servers
def test_prices_are_counted_in_ranges_that_filters_accept(products, parts):
    found = facets(products, "facets=price")["price"]["ranges"]
    assert found == [{"from": price, "to": price, "count": 1} for price in (10, 20.5, 30)]
    for each in found:
        query = f"price__gte={each['from']}&price__lte={each['to']}"
        assert products.get(f"/products?{query}").get_json()["total"] == each["count"]


@on_real_servers
def test_each_element_of_a_list_counts_and_types_stay_apart(products, parts):
    found = facets(products, "facets=attr.tags,attr.speed")
    assert found["attr.tags"]["values"] == [{"value": "x", "count": 2}, {"value": "y", "count": 1}]
    assert found["attr.speed"]["values"] == [
        {"value": 3600, "count": 2},
        {"value": 3200, "count": 1},
        {"value": "fast", "count": 1},
    ]


@on_real_servers
def test_an_item_counts_once_however_often_its_list_has_a_value(products):
    modules = ([8, 8], [8], [4, 8], 4)
    many = [{"name": f"N {n}", "attributes": {"m": each}} for n, each in enumerate(modules)]
    products.post("/products:batch", json=many)
    found = facets(products, "facets=attr.m")["attr.m"]["values"]
    assert found == [{"value": 8, "count": 3}, {"value": 4, "count": 2}]
    for each in found:
        assert (
            products.get(f"/products?attr.m={each['value']}").get_json()["total"] == each["count"]
        )


@on_real_servers
def test_numbers_in_lists_are_counted_in_ranges_too(products):
    many = [{"name": f"N {n}", "attributes": {"speed": [n, n + 1000]}} for n in range(30)]
    products.post("/products:batch", json=many)
    found = facets(products, "facets=attr.speed")["attr.speed"]["ranges"]
    assert sum(each["count"] for each in found) == 60
    for each in found:
        query = f"attr.speed__gte={each['from']}&attr.speed__lte={each['to']}"
        assert products.get(f"/products?{query}").get_json()["total"] == each["count"]


@on_real_servers
def test_many_different_numbers_of_an_attribute_become_ranges(products):
    many = [{"name": f"N {n}", "attributes": {"weight": n}} for n in range(1, 61)]
    products.post("/products:batch", json=many)
    found = facets(products, "facets=attr.weight")["attr.weight"]["ranges"]
    assert [each["count"] for each in found] == [10] * 6
    assert (found[0], found[-1]) == (
        {"from": 1, "to": 10, "count": 10},
        {"from": 51, "to": 60, "count": 10},
    )


@on_real_servers
def test_facets_count_only_products_that_match_filter_and_search(products, parts):
    assert facets(products, "facets=brand&attr.speed=3600")["brand"]["values"] == [
        {"value": "Acme", "count": 1},
        {"value": "Zeta", "count": 1},
    ]
    assert facets(products, "facets=brand&q=b")["brand"]["values"] == [
        {"value": "Acme", "count": 1}
    ]
    assert facets(products, "facets=brand&q=nope") == {"brand": {"values": [], "more": False}}


@on_real_servers
def test_a_facet_shows_that_there_are_more_values(products):
    many = [{"name": f"N {n}", "brand": f"Brand {n}"} for n in range(60)]
    products.post("/products:batch", json=many)
    found = facets(products, "facets=brand")["brand"]
    assert (len(found["values"]), found["more"]) == (50, True)


@on_real_servers
def test_counts_are_new_after_a_write(products, parts):
    facets(products, "facets=brand")
    products.post("/products", json={"name": "E", "brand": "Zeta"})
    assert {each["count"] for each in facets(products, "facets=brand")["brand"]["values"]} == {2}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("facets=nope", "brand"),
        ("facets=attr.", "attr.NAME"),
        ("facets=" + ",".join(f"attr.a{n}" for n in range(11)), "more than 10"),
        ("facets=", "Has no value"),
    ],
)
def test_a_field_that_cannot_be_counted_is_named(products, query, message):
    response = products.get(f"/products?{query}")
    assert response.status_code == 400
    (error,) = response.get_json()["errors"]
    assert error["parameter"] == "facets"
    assert message in error["message"]
