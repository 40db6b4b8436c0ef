"""Past orders: imports that touch no stock."""

import pytest


class TestPastOrders:
    def batch(self, orders, *items):
        response = orders.post("/orders:batch?key=external_ref", json=list(items))
        assert response.status_code == 207
        return response.get_json()

    def past(self, **changes):
        line = {"sku": "85123A", "name": "Heart", "quantity": 6, "unit_price": "2.55"}
        return {
            "external_ref": "536365",
            "placed_at": "2010-12-01 08:26:00",
            "items": [line],
        } | changes

    def test_the_past_is_stored_as_it_was(self, orders, products, teapot, stock_of):
        line = {"product_id": 1, "quantity": 7, "unit_price": 2.5, "discount": 0.05}
        assert self.batch(orders, self.past(items=[line, line]))["summary"] == {"created": 1}
        order = orders.get("/orders/1").get_json()
        assert (order["status"], order["total"], order["units"]) == ("delivered", 33.25, 14)
        assert [each["total"] for each in order["items"]] == [16.625, 16.625]
        assert order["placed_at"] == "2010-12-01T08:26:00.000Z"
        assert order["history"] == [{"status": "delivered", "at": "2010-12-01T08:26:00.000Z"}]
        assert stock_of() == 5

    def test_again_changes_nothing(self, orders):
        self.batch(orders, self.past())
        assert self.batch(orders, self.past())["summary"] == {"unchanged": 1}
        assert self.batch(orders, self.past(status="cancelled"))["summary"] == {"updated": 1}

    def test_returns_are_negative(self, orders):
        line = {"sku": "D", "quantity": -1, "unit_price": 27.5}
        self.batch(orders, self.past(external_ref="C536379", status="returned", items=[line]))
        order = orders.get("/orders/1").get_json()
        assert (order["status"], order["total"], order["units"]) == ("returned", -27.5, -1)

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"status": "placed"}, "/status"),
            ({"status": "returned"}, "/items"),
            ({"items": [{"quantity": 0, "unit_price": 1}]}, "/items/0/quantity"),
            ({"placed_at": "yesterday"}, "/placed_at"),
            ({"items": []}, "/items"),
            ({"items": [{"sku": "x", "quantity": 1}]}, "/items/0/unit_price"),
            ({"items": [{"quantity": 1, "unit_price": 1, "discount": 2}]}, "/items/0/discount"),
        ],
    )
    def test_mistakes_are_named(self, orders, changes, pointer):
        (result,) = self.batch(orders, self.past(**changes))["results"]
        assert (result["status"], result["errors"][0]["pointer"]) == (422, pointer)

    def test_a_response_may_be_sent_back(self, orders):
        line = {"sku": "D", "quantity": -1, "unit_price": 27.5}
        self.batch(orders, self.past(external_ref="C1", status="returned", items=[line]))
        order = orders.get("/orders/1").get_json()
        again = orders.put("/orders/1", json=order | {"note": "Seen"})
        assert (again.status_code, again.get_json()["items"]) == (200, order["items"])

    def test_an_incomplete_line_is_refused_in_a_change_too(self, orders):
        self.batch(orders, self.past())
        for line in ({"quantity": 1, "sku": "x"}, {}):
            (result,) = self.batch(orders, {"external_ref": "536365", "items": [line]})["results"]
            assert result["status"] == 422

    def test_an_order_placed_here_is_not_a_past_order(self, orders, place, teapot):
        order = place((1, 1), external_ref="536365").get_json()
        for ref in ("536365", order["uuid"]):
            (result,) = self.batch(orders, self.past(external_ref=ref))["results"]
            assert result["errors"][0]["pointer"] == "/external_ref"
