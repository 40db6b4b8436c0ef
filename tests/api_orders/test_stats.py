"""Sums of sales: groups, filters, order and cache."""

import pytest

from shared.storage import documents, pages
from tests.support.services import on_real_servers


@on_real_servers
class TestStats:
    @pytest.fixture
    def sold(self, place, orders, products, clients, teapot):
        products.post("/products", json={"name": "Cup", "price": "0.35", "currency": "EUR"})
        products.post("/products", json={"name": "Saucer", "price": "0.35"})
        clients.post("/clients", json={"name": "A"})
        place((1, 1), client_id=1)
        place((1, 2), (2, 3))
        place((3, 1), client_id=1)
        place((2, 100), client_id=1)
        orders.post("/orders/4/cancel")
        place((1, 99))  # rejected

    def ask(self, orders, query):
        response = orders.get(f"/orders/stats?{query}")
        assert response.status_code == 200, response.get_json()
        return response.get_json()

    def test_by_day(self, orders, sold):
        day = documents.now().date().isoformat()
        found = self.ask(orders, "by=day")
        assert found["items"] == [
            {"day": day, "currency": None, "orders": 1, "units": 1, "total": 0.35},
            {"day": day, "currency": "EUR", "orders": 2, "units": 6, "total": 38.55},
        ]
        assert [each["currency"] for each in found["sums"]] == [None, "EUR"]
        assert found["total"] == 2
        assert self.ask(orders, "by=day&ordering=-total")["items"] == found["items"][::-1]
        assert self.ask(orders, "to=2020-01-01")["items"] == []

    def test_by_product(self, orders, sold):
        items = self.ask(orders, "by=product")["items"]
        assert [
            (each["product"], each["name"], each["units"], each["total"]) for each in items
        ] == [
            (1, "Teapot", 3, 37.5),
            (2, "Cup", 3, 1.05),
            (3, "Saucer", 1, 0.35),
        ]

    def test_of_one_product_only_its_lines_count(self, orders, sold):
        for query in ("product_id=1", "sku=TP"):
            found = self.ask(orders, f"by=product&{query}")
            assert [each["product"] for each in found["items"]] == [1]
            assert found["sums"][0]["total"] == 37.5

    def test_by_client(self, orders, sold):
        items = self.ask(orders, "by=client&per=1")["items"]
        assert [(each["client"], each["total"]) for each in items] == [(None, 26.05)]
        assert self.ask(orders, "by=client&client_id=1&status=cancelled")["sums"][0]["total"] == 35

    def test_they_are_cached_and_never_stale(self, orders, place, sold):
        self.ask(orders, "by=day")
        again = orders.get("/orders/stats?by=day")
        assert "hit" in again.headers["Cache-Status"]
        place((2, 1))
        assert self.ask(orders, "")["sums"] != again.get_json()["sums"]

    @pytest.mark.parametrize(
        "query",
        [
            "by=nope",
            "nope=1",
            "from=x",
            "page=0",
            "q=x",
            "fields=day",
            "ordering=-client",
            "ordering=id",
        ],
    )
    def test_mistakes_are_named(self, orders, query):
        assert orders.get(f"/orders/stats?{query}").status_code == 400


@on_real_servers
def test_by_product_each_other_kind_of_lines_is_a_sum(orders):
    lines = [
        {"sku": "T-1", "name": "Teapot", "quantity": 2, "unit_price": 20},
        {"kind": "shipping", "name": "Standard", "quantity": 1, "unit_price": 5},
        {"kind": "discount", "name": "WELCOME", "quantity": 1, "unit_price": -4},
    ]
    past = {"external_ref": "1", "placed_at": "2025-01-01", "items": lines}
    orders.post("/orders:batch?key=external_ref", json=[past, past | {"external_ref": "2"}])
    found = orders.get("/orders/stats?by=product").get_json()
    shared = {"product": None, "currency": None, "lines": 2}
    assert found["items"] == [
        {**shared, "sku": "T-1", "name": "Teapot", "units": 4, "total": 80},
        {**shared, "kind": "shipping", "units": 0, "total": 10},
        {**shared, "kind": "discount", "units": 0, "total": -8},
    ]
    assert (found["sums"][0]["units"], found["sums"][0]["total"]) == (4, 82)
    (by_day,) = orders.get("/orders/stats?by=day").get_json()["items"]
    assert (by_day["units"], by_day["total"]) == (4, 82)


@on_real_servers
@pytest.mark.parametrize("odd", ["soon", 5, [1], {"a": 1}, True, b"x", None])
def test_a_date_broken_by_hand_does_not_break_the_sums(place, orders, teapot, db, odd):
    for _ in range(2):
        place((1, 1))
    db["orders"].update_one({"_id": 1}, {"$set": {"placed_at": odd}})
    for by in ("day", "product", "client"):
        assert orders.get(f"/orders/stats?by={by}").status_code == 200
    assert orders.get("/orders/stats").get_json()["sums"][0]["orders"] == 1


@on_real_servers
def test_sums_without_time_left_are_refused_with_what_to_change(orders, monkeypatch):
    monkeypatch.setattr(pages, "QUERY_TIMEOUT_SECONDS", 1e-6)
    response = orders.get("/orders/stats")
    assert response.status_code == 400
    assert "between from= and to=" in response.get_json()["detail"]
