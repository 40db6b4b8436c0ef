"""Past orders: imports that touch no stock."""

from datetime import UTC, datetime

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

    @pytest.mark.parametrize("placed_at", ["2010-12-03 08:26:00", "2011-12-01", "2009-12-01"])
    def test_an_order_of_another_shop_with_the_same_number_changes_nothing(self, orders, placed_at):
        self.batch(orders, self.past())
        answer = self.batch(orders, self.past(placed_at=placed_at, status="cancelled"))
        (result,) = answer["results"]
        assert result["errors"][0]["pointer"] == "/external_ref"
        assert "SHOP:1001" in result["errors"][0]["message"]
        assert orders.get("/orders/1").get_json()["status"] == "delivered"

    def test_an_order_of_another_client_in_another_currency_is_another_one(self, orders):
        def sent(client, currency):
            order = self.past(client_id=client, currency=currency)
            return self.batch(orders, order)["summary"]

        assert sent(1, "EUR") == {"created": 1}
        assert sent(2, "EUR") == {"updated": 1}
        assert sent(2, "GBP") == {"updated": 1}
        assert sent(3, "USD") == {"failed": 1}

    def test_the_time_of_an_order_may_have_another_time_zone(self, orders):
        self.batch(orders, self.past())
        again = self.past(placed_at="2010-12-01T18:26:00Z")
        assert self.batch(orders, again)["summary"] == {"updated": 1}

    def test_returns_are_negative(self, orders):
        line = {"sku": "D", "quantity": -1, "unit_price": 27.5}
        self.batch(orders, self.past(external_ref="C536379", status="returned", items=[line]))
        order = orders.get("/orders/1").get_json()
        assert (order["status"], order["total"], order["units"]) == ("returned", -27.5, -1)

    @pytest.mark.parametrize(
        ("quantity", "price", "status"),
        [(1, -11062.06, "delivered"), (1, "-0.5", "returned"), (-3, -2, "delivered")],
    )
    def test_an_invoice_may_be_below_zero(self, orders, quantity, price, status):
        line = {"sku": "B", "name": "Adjust bad debt", "quantity": quantity, "unit_price": price}
        self.batch(orders, self.past(external_ref="A563186", status=status, items=[line]))
        order = orders.get("/orders/1").get_json()
        assert order["items"][0]["unit_price"] == float(price)
        assert order["total"] == quantity * float(price)

    def test_an_invoice_may_have_1114_lines(self, orders):
        lines = [
            {"sku": f"S{n}", "name": "Heart " * 40, "quantity": 1, "unit_price": 1}
            for n in range(1114)
        ]
        assert self.batch(orders, self.past(items=lines))["summary"] == {"created": 1}
        assert orders.get("/orders/1").get_json()["total"] == 1114

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"items": [{"quantity": 1, "unit_price": -1e10}]}, "/items/0/unit_price"),
            ({"status": "pending"}, "/status"),
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

    @pytest.mark.parametrize("placed_at", ["2099-01-01", "9999-12-31T23:59:59Z"])
    def test_a_day_of_the_future_is_refused(self, orders, placed_at):
        (result,) = self.batch(orders, self.past(placed_at=placed_at))["results"]
        (error,) = result["errors"]
        assert error["pointer"] == "/placed_at"
        assert error["message"].startswith(f"Is in the future: {placed_at[:10]}. Send the day")
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        assert self.batch(orders, self.past(placed_at=today))["summary"] == {"created": 1}

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

    def test_the_lines_of_other_kinds_make_the_total(self, orders):
        lines = [
            {"kind": "product", "sku": "T-1", "quantity": 2, "unit_price": 20},
            {"kind": "shipping", "name": "Standard", "quantity": 1, "unit_price": "5.00"},
            {"kind": "tax", "name": "VAT", "quantity": 1, "unit_price": "8.61"},
            {"kind": "discount", "name": "WELCOME", "quantity": 1, "unit_price": "-4.00"},
        ]
        assert self.batch(orders, self.past(items=lines))["summary"] == {"created": 1}
        order = orders.get("/orders/1").get_json()
        assert (order["total"], order["units"]) == (49.61, 2)
        kinds = [line.get("kind") for line in order["items"]]
        assert kinds == [None, "shipping", "tax", "discount"]
        assert self.batch(orders, self.past(items=lines))["summary"] == {"unchanged": 1}
        # A response may be sent back.
        assert orders.put("/orders/1", json=order | {"note": "Seen"}).status_code == 200

    def test_a_return_negates_each_kind(self, orders):
        lines = [
            {"sku": "T-1", "quantity": -2, "unit_price": 20},
            {"kind": "discount", "quantity": -1, "unit_price": "-4.00"},
        ]
        self.batch(orders, self.past(status="returned", items=lines))
        order = orders.get("/orders/1").get_json()
        assert (order["total"], order["units"]) == (-36, -2)

    @pytest.mark.parametrize(
        ("line", "field"),
        [
            ({"kind": "parcel"}, "kind"),
            ({"kind": "shipping", "product_id": 1}, "product_id"),
            ({"kind": "shipping", "sku": "S"}, "sku"),
            ({"kind": "discount"}, "unit_price"),
            ({"kind": "refund"}, "unit_price"),
            ({"quantity": 3, "unit_price": "3.3333", "total": "10.01"}, "total"),
            ({"total": "0.99"}, "total"),
        ],
    )
    def test_a_line_that_contradicts_itself_is_refused(self, orders, line, field):
        lines = [{"quantity": 1, "unit_price": 1} | line]
        (result,) = self.batch(orders, self.past(items=lines))["results"]
        assert result["errors"][0]["pointer"] == f"/items/0/{field}"

    def test_a_total_keeps_what_the_price_rounds_away(self, orders):
        line = {"sku": "C-1", "quantity": 3, "unit_price": "3.3333", "total": "10.00"}
        self.batch(orders, self.past(items=[line]))
        order = orders.get("/orders/1").get_json()
        assert (order["total"], order["items"][0]["total"]) == (10, 10)
        assert self.batch(orders, self.past(items=[line]))["summary"] == {"unchanged": 1}

    def test_the_tax_that_prices_contain_is_kept(self, orders):
        self.batch(orders, self.past(included_tax="2.66"))
        assert orders.get("/orders/1").get_json()["included_tax"] == 2.66

    def test_an_open_order_holds_no_stock_and_moves_on(self, orders, teapot, stock_of):
        line = {"product_id": 1, "quantity": 2, "unit_price": 12.5}
        self.batch(orders, self.past(status="paid", items=[line]))
        shipped = orders.post("/orders/1/ship").get_json()
        assert (shipped["status"], stock_of()) == ("shipped", 5)
        # The same import again would bring it back to an earlier state.
        (result,) = self.batch(orders, self.past(status="paid", items=[line]))["results"]
        assert result["errors"][0]["pointer"] == "/status"
        assert "the order became shipped here" in result["errors"][0]["message"]
        again = self.past(status="shipped", items=[line], note="Seen")
        assert self.batch(orders, again)["summary"] == {"updated": 1}
        assert orders.get("/orders/1").get_json()["history"] == shipped["history"]

    def test_a_cancelled_open_order_gives_no_stock_back(self, orders, teapot, stock_of):
        line = {"product_id": 1, "quantity": 2, "unit_price": 12.5}
        self.batch(orders, self.past(status="placed", items=[line]))
        assert orders.post("/orders/1/cancel").get_json()["status"] == "cancelled"
        assert stock_of() == 5

    def test_an_order_of_today_has_products_alone(self, orders, teapot, stock_of):
        line = {"product_id": 1, "quantity": 1}
        refused = orders.post("/orders", json={"items": [line | {"kind": "shipping"}]})
        assert refused.status_code == 422
        assert refused.get_json()["errors"][0]["pointer"] == "/items/0/kind"
        assert stock_of() == 5
        placed = orders.post("/orders", json={"items": [line | {"kind": "product"}]})
        assert placed.status_code == 201
        assert "kind" not in placed.get_json()["items"][0]
