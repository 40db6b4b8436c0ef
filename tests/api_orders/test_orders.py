"""Orders beyond the contract: lines, prices, states, filters and stock."""

from dataclasses import replace

import pytest
from bson import Decimal128, ObjectId

from shared.storage import documents
from tests.support.services import on_real_servers


def test_a_flat_body_is_an_order_of_one_line(orders, teapot, stock_of):
    response = orders.post("/orders", json={"product_id": 1, "quantity": 2})
    assert response.status_code == 201
    order = response.get_json()
    assert order["items"] == [
        {
            "product_id": 1,
            "quantity": 2,
            "name": "Teapot",
            "sku": "TP",
            "unit_price": 12.5,
            "total": 25,
        }
    ]
    assert (order["status"], order["total"], order["currency"]) == ("placed", 25, "EUR")
    assert [each["status"] for each in order["history"]] == ["pending", "placed"]
    assert response.headers["Location"] == "/orders/1"
    assert orders.get("/orders/1").get_json() == order
    assert stock_of() == 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"product_id": 1}, "/items/0/quantity"),
        ({"quantity": 1}, "/items/0/product_id"),
        ({"product_id": 1, "quantity": 0}, "/items/0/quantity"),
        ({"product_id": 1, "quantity": -1}, "/items/0/quantity"),
        ({"product_id": 1, "quantity": 1.5}, "/items/0/quantity"),
        ({"product_id": 1, "quantity": 10**9}, "/items/0/quantity"),
        ({"product_id": 0, "quantity": 1}, "/items/0/product_id"),
        ({"product_id": {"$gt": 0}, "quantity": 1}, "/items/0/product_id"),
        ({"product_id": 1, "quantity": 1, "items": []}, "/product_id"),
        ({"items": []}, "/items"),
        ({"items": [{"product_id": 1, "qty": 1}]}, "/items/0/quantity"),
        ({"items": [5]}, "/items/0"),
        ({"items": [{"product_id": 1, "quantity": 1}], "client_id": 99}, "/client_id"),
    ],
)
def test_an_invalid_order_names_its_mistakes_and_is_not_stored(orders, db, body, pointer):
    response = orders.post("/orders", json=body)
    assert response.status_code == 422
    assert pointer in [error["pointer"] for error in response.get_json()["errors"]]
    assert db["orders"].find_one() is None


def test_lines_of_one_product_are_summed_before_stock_is_checked(place, teapot, stock_of):
    response = place((1, 3), (1, 3))
    assert response.status_code == 409
    problem = response.get_json()
    assert problem["lines"] == [{"product_id": 1, "why": "short", "wanted": 6, "left": 5}]
    assert problem["errors"][0]["message"] == "Teapot: 6 wanted, 5 left."
    assert stock_of() == 5
    assert place((1, 2), (1, 3)).get_json()["items"][0]["quantity"] == 5
    assert stock_of() == 0


def test_every_refused_line_is_named_and_no_stock_is_reserved(
    place, products, orders, teapot, stock_of
):
    for body in (
        {"name": "Cup", "price": 3, "stock": 1},
        {"name": "Priceless"},
        {"name": "Old", "price": 1, "status": "archived"},
    ):
        products.post("/products", json=body)
    response = place((1, 1), (2, 2), (3, 1), (4, 1))
    assert response.status_code == 409
    problem = response.get_json()
    assert [(each["product_id"], each["why"], each["left"]) for each in problem["lines"]] == [
        (2, "short", 1),
        (3, "not_for_sale", None),
        (4, "not_for_sale", None),
    ]
    assert [error["pointer"] for error in problem["errors"]] == ["/items/1", "/items/2", "/items/3"]
    assert (stock_of(1), stock_of(2)) == (5, 1)
    kept = orders.get(problem["order"]).get_json()
    assert (kept["status"], kept["total"]) == ("rejected", None)
    assert "Cup: 2 wanted, 1 left." in kept["reason"]


@pytest.mark.parametrize("spelling", [1.0, "1 ", "'1"])
def test_a_refused_line_is_named_however_its_product_is_spelled(place, teapot, spelling):
    error = place((99, 1), (spelling, 1)).get_json()["errors"][0]
    assert error["pointer"] == "/items/0"
    refused = place((spelling, 9))
    assert refused.status_code == 409, refused.get_json()
    assert refused.get_json()["errors"][0]["pointer"] == "/items/0"


def test_error_pointers_lead_into_the_request_body(place, orders, teapot):
    (error,) = place((1, 1), (1, 1), (99, 1)).get_json()["errors"]
    assert error["pointer"] == "/items/2"
    problem = orders.post("/orders", json={"product_id": 99, "quantity": 1}).get_json()
    assert problem["errors"][0]["pointer"] == "/product_id"
    assert problem["detail"] == "/product_id: There is no product 99."


@pytest.mark.by_hand
def test_an_order_that_lost_its_lines_by_hand_is_shown(place, orders, teapot, db):
    place((1, 1))
    db["orders"].update_one({}, {"$unset": {"items": "", "history": "", "total": ""}})
    order = orders.get("/orders/1").get_json()
    assert (order["items"], order["history"], order["total"]) == (None, [], None)


def test_a_product_that_does_not_exist_is_a_mistake(place, teapot):
    response = place((1, 1), (99, 1))
    assert response.status_code == 422
    assert response.get_json()["errors"] == [
        {"pointer": "/items/1", "message": "There is no product 99."}
    ]


def test_untracked_stock_never_runs_out_and_a_price_may_be_zero(place, products, stock_of):
    products.post("/products", json={"name": "Download", "price": 0})
    order = place((1, 1_000_000)).get_json()
    assert (order["status"], order["total"]) == ("placed", 0)
    assert stock_of() is None


def test_an_old_order_does_not_change_with_its_product(place, products, orders, teapot):
    before = place((1, 1)).get_json()
    products.patch("/products/1", json={"name": "Kettle", "price": 99, "sku": "KT"})
    assert orders.get("/orders/1").get_json() == before


def test_an_order_has_one_currency(place, products, teapot, stock_of, sweep):
    products.post("/products", json={"name": "Mug", "price": 4, "stock": 2, "currency": "USD"})
    response = place((1, 1), (2, 1))
    assert response.status_code == 409
    assert "EUR and USD" in response.get_json()["detail"]
    assert (stock_of(1), stock_of(2)) == (5, 2)


def test_a_product_without_a_currency_is_not_sold_beside_another(place, products, teapot, stock_of):
    products.post("/products", json={"name": "Mug", "price": 4, "stock": 2})
    refused = place((1, 1), (2, 1))
    assert refused.status_code == 409
    assert "CURRENCY" in refused.get_json()["detail"]
    assert (stock_of(1), stock_of(2)) == (5, 2)
    assert place((2, 1)).get_json()["currency"] is None


class TestDefaultCurrency:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, currency="EUR")

    def test_it_is_the_currency_of_all_that_name_none(self, place, products, orders, teapot, db):
        mug = products.post("/products", json={"name": "Mug", "price": 4, "stock": 2}).get_json()
        assert mug["currency"] == "EUR"
        db["products"].update_one({"_id": 2}, {"$unset": {"currency": True}})
        order = place((1, 1), (2, 1)).get_json()
        assert (order["currency"], order["total"]) == ("EUR", 16.5)
        products.post("/products", json={"name": "Jug", "price": 4, "currency": "USD"})
        assert place((2, 1), (3, 1)).status_code == 409
        line = {"name": "Jug", "quantity": 1, "unit_price": 2}
        for ref, more in (("a", {}), ("b", {"currency": "USD"})):
            past = {"external_ref": ref, "placed_at": "2020-01-01", "items": [line]} | more
            orders.post("/orders:batch?key=external_ref", json=[past])
        imported = orders.get("/orders?ordering=placed_at&per=2&fields=currency").get_json()
        assert [each["currency"] for each in imported["items"]] == ["EUR", "USD"]

    def test_it_decides_the_decimals_of_a_price_without_a_currency(self, products):
        refused = products.post("/products", json={"name": "Mug", "price": 1.234})
        assert refused.status_code == 422


def test_the_client_must_exist_and_may_be_left_out(place, clients, teapot):
    clients.post("/clients", json={"name": "Nirina"})
    assert place((1, 1), client=1).get_json()["client_id"] == 1
    assert place((1, 1)).get_json()["client_id"] is None


def test_an_order_goes_from_state_to_state_and_twice_is_once(place, orders, teapot, stock_of):
    place((1, 2))
    for action, state in (("pay", "paid"), ("ship", "shipped"), ("deliver", "delivered")):
        first = orders.post(f"/orders/1/{action}")
        assert (first.status_code, first.get_json()["status"]) == (200, state)
        assert orders.post(f"/orders/1/{action}").get_json() == first.get_json()
    steps = [each["status"] for each in orders.get("/orders/1").get_json()["history"]]
    assert steps == ["pending", "placed", "paid", "shipped", "delivered"]
    assert stock_of() == 3


@pytest.mark.parametrize(
    ("actions", "wrong", "allowed"),
    [
        ((), "ship", ["pay", "cancel"]),
        ((), "deliver", ["pay", "cancel"]),
        (("pay", "ship"), "cancel", ["deliver"]),
        (("cancel",), "pay", []),
    ],
)
def test_a_refused_action_names_the_state_and_the_allowed_actions(
    place, orders, teapot, actions, wrong, allowed
):
    place((1, 2))
    for action in actions:
        assert orders.post(f"/orders/1/{action}").status_code == 200
    refused = orders.post(f"/orders/1/{wrong}")
    assert refused.status_code == 409
    problem = refused.get_json()
    assert problem["allowed"] == allowed
    assert problem["state"] == orders.get("/orders/1").get_json()["status"]
    assert problem["state"] in problem["detail"]


@pytest.mark.parametrize("actions", [(), ("pay",)])
def test_cancelling_gives_the_stock_back_once(place, orders, teapot, stock_of, actions):
    place((1, 2))
    for action in (*actions, "cancel", "cancel"):
        assert orders.post(f"/orders/1/{action}").status_code == 200
    assert stock_of() == 5
    assert orders.post("/orders/1/fly").status_code == 404


def test_every_action_honours_if_match(place, orders, teapot):
    old = place((1, 1)).headers["ETag"]
    assert orders.post("/orders/1/pay", headers={"If-Match": old}).status_code == 200
    assert orders.post("/orders/1/cancel", headers={"If-Match": old}).status_code == 412


def test_the_lines_of_an_order_are_not_changed(place, orders, teapot):
    order = place((1, 1), note="Quick").get_json()
    changed = orders.put("/orders/1", json=order | {"note": "Slow"})
    assert (changed.status_code, changed.get_json()["note"]) == (200, "Slow")
    refused = orders.patch("/orders/1", json={"items": [{"product_id": 1, "quantity": 9}]})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/items"


def test_deleting_an_order_cancels_it(place, orders, teapot, stock_of):
    place((1, 2))
    assert orders.delete("/orders/1").status_code == 204
    assert stock_of() == 5
    assert orders.post("/orders/1/restore").get_json()["status"] == "cancelled"
    place((1, 2))
    orders.post("/orders/2/pay")
    assert orders.delete("/orders/2?purge=true").status_code == 204
    assert stock_of() == 5
    place((1, 2))
    for action in ("pay", "ship"):
        orders.post(f"/orders/3/{action}")
    assert orders.delete("/orders/3?purge=true").status_code == 204
    assert stock_of() == 3


@on_real_servers  # The fake does not compare decimals.
def test_lists_are_narrowed_by_client_status_product_date_and_total(
    place, orders, products, clients, teapot
):
    products.post("/products", json={"name": "Cup", "price": 3, "currency": "EUR"})
    for name in ("A", "B"):
        clients.post("/clients", json={"name": name})
    place((1, 1), client_id=1)
    place((2, 2), client_id=2)
    place((1, 1), (2, 1), client_id=2)
    orders.post("/orders/2/pay")
    day = documents.now().date().isoformat()
    for query, ids in (
        ("client_id=2", [2, 3]),
        ("client=1", [1]),
        ("status=paid", [2]),
        ("product_id=2", [2, 3]),
        ("product=1&client=2", [3]),
        ("total__gte=6&total__lte=12.5", [1, 2]),
        ("total__lte=-1", []),
        (f"from={day}&to={day}", [1, 2, 3]),
        ("to=2020-01-01", []),
        ("from=2020-01-01T00:00:00Z&ordering=-total", [3, 1, 2]),
    ):
        found = orders.get(f"/orders?{query}").get_json()
        assert [each["id"] for each in found["items"]] == ids, query
    for query in ("status=nope", "from=x", "from=2026-01-02&to=2026-01-01", "client_id=x"):
        assert orders.get(f"/orders?{query}").status_code == 400


def test_an_order_of_one_client_leaves_the_lists_of_others_cached(place, orders, clients, products):
    products.post("/products", json={"name": "Cup", "price": 3, "currency": "EUR"})
    for name in ("A", "B"):
        clients.post("/clients", json={"name": name})
    for path in ("/orders?client_id=1", "/orders?client_id=2"):
        orders.get(path)
    place((1, 1), client_id=1)
    assert "hit" in orders.get("/orders?client=2").headers["Cache-Status"]
    assert "hit" not in orders.get("/orders?client=1").headers["Cache-Status"]


@pytest.mark.parametrize("spelling", ["'1", "1\u200b", " 1 "])
def test_a_list_by_any_spelling_of_a_client_follows_its_orders(
    place, orders, clients, teapot, spelling
):
    clients.post("/clients", json={"name": "A"})
    for total in (0, 1, 2):
        for _ in range(2):
            found = orders.get("/orders", query_string={"client_id": spelling})
            assert found.get_json()["total"] == total
        place((1, 1), client_id=1)
    assert "client_id=1&" in found.get_json()["links"]["self"] + "&"
    assert "hit" in found.headers["Cache-Status"]


@pytest.mark.parametrize(
    "body",
    [
        {"items": [{}]},
        {"items": [{"quantity": 1}]},
        {"items": [{"product_id": 1}]},
        {"product_id": 5},
    ],
)
def test_an_incomplete_line_is_refused_in_a_change_too(place, orders, teapot, body):
    place((1, 1))
    assert orders.patch("/orders/1", json=body).status_code == 422
    orders.delete("/orders/1")
    assert orders.post("/orders/1/restore", json=body).status_code == 422


def test_lines_that_sum_up_to_too_many_are_refused(place, teapot, db):
    assert place((1, 600_000), (1, 600_000)).status_code == 422
    assert db["orders"].find_one() is None


def test_products_made_by_hand_can_be_ordered(orders, products, db, stock_of):
    hand = ObjectId()
    db["products"].insert_one({"_id": hand, "name": "By hand", "price": 4.2, "stock": 3.0})
    db["products"].insert_one({"_id": 7.0, "name": "Double", "price": "1.5", "stock": 2})
    db["products"].insert_one({"_id": 8, "name": "Odd", "price": Decimal128("1"), "stock": "many"})
    order = orders.post("/orders", json={"product_id": str(hand), "quantity": 2}).get_json()
    assert (order["status"], order["total"]) == ("placed", 8.4)
    assert stock_of(hand) == 1
    assert orders.post("/orders", json={"product_id": 7, "quantity": 2}).get_json()["total"] == 3
    assert orders.post("/orders", json={"product_id": 8, "quantity": 1}).status_code == 409
    assert orders.post("/orders/1/cancel").status_code == 200
    assert stock_of(hand) == 3


def test_what_the_service_sets_is_refused_in_a_new_order(orders, teapot, db):
    line = {"product_id": 1, "quantity": 1}
    sent = {"status": "paid", "total": 1, "placed_at": "2020-01-01T00:00:00Z"}
    refused = orders.post("/orders", json={"items": [line | {"unit_price": 1}], **sent})
    assert refused.status_code == 422
    errors = {each["pointer"]: each["message"] for each in refused.get_json()["errors"]}
    assert set(errors) == {"/items/0/unit_price", "/status", "/total", "/placed_at"}
    assert "POST /orders/ID/pay" in errors["/status"]
    assert "POST /orders:batch" in errors["/placed_at"]
    assert db["orders"].find_one() is None
    for name in ("unit_price", "colour"):
        refused = orders.post("/orders", json={"product_id": 1, "quantity": 1, name: 1})
        assert refused.get_json()["errors"][0]["pointer"] == f"/{name}"


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_state_is_not_changed_by_a_value(orders, place, teapot, method):
    order = place((1, 1), note="Ring").get_json()
    change = getattr(orders, method)
    for body in ({"status": "paid"}, order | {"status": "paid"}):
        refused = change("/orders/1", json=body)
        assert refused.status_code == 422
        assert refused.get_json()["errors"] == [
            {
                "pointer": "/status",
                "message": "Is read-only; send POST /orders/ID/pay, ship, deliver or cancel.",
            }
        ]
    orders.post("/orders/1/pay")
    # What was read before the payment may still be sent back.
    assert change("/orders/1", json=order | {"note": "Knock"}).get_json()["status"] == "paid"


def test_the_price_of_a_line_is_not_changed_by_a_value(orders, place, teapot):
    order = place((1, 1)).get_json()
    (line,) = order["items"]
    refused = orders.patch("/orders/1", json={"items": [line | {"unit_price": 1}]})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/items/0/unit_price"
    for items in ([line], [{"product_id": 1, "quantity": 1, "unit_price": 12.5}]):
        assert orders.patch("/orders/1", json={"items": items}).status_code == 200


def test_an_action_refuses_members_that_it_does_not_read(orders, place, teapot):
    place((1, 1))
    refused = orders.post("/orders/1/cancel", json={"reason": "too late"})
    assert refused.status_code == 422
    assert refused.get_json()["errors"] == [
        {"pointer": "/reason", "message": "Unknown member; leave it out."}
    ]
    assert orders.get("/orders/1").get_json()["status"] == "placed"


def test_options_of_a_batch_of_past_orders_belong_into_the_query_string(orders, db):
    refused = orders.post("/orders:batch", json={"items": [], "dry_run": True})
    assert refused.status_code == 422
    assert "/orders:batch?dry_run=VALUE" in refused.get_json()["detail"]


def test_a_filter_by_uuid_needs_a_uuid(orders, place, teapot):
    uuid = place((1, 1)).get_json()["uuid"]
    assert orders.get(f"/orders?uuid={uuid.upper()}").get_json()["total"] == 1
    refused = orders.get("/orders?uuid=abc")
    assert refused.status_code == 400
    assert refused.get_json()["errors"][0]["message"].startswith("Is not a UUID; send one")
