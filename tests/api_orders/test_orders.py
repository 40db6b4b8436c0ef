"""Orders beyond the contract: lines, snapshots, states, stock, and recovery from faults."""

from datetime import timedelta

import pytest
from bson import Decimal128, ObjectId

from api_orders import jobs, placement
from shared.storage import documents
from tests.support.services import on_real_servers


@pytest.fixture
def teapot(products):
    body = {"name": "Teapot", "price": "12.50", "stock": 5, "sku": "TP", "currency": "EUR"}
    return products.post("/products", json=body).get_json()


@pytest.fixture
def stock_of(products):
    return lambda ref=1: products.get(f"/products/{ref}").get_json()["stock"]


@pytest.fixture
def place(orders):
    def place(*lines, **more):
        items = [{"product_id": id, "quantity": quantity} for id, quantity in lines]
        return orders.post("/orders", json={"items": items, **more})

    return place


@pytest.fixture
def sweep(orders, db):
    """Return a function that sweeps like the worker, after all that is due has waited an hour."""

    def sweep():
        past = documents.now() - timedelta(hours=1)
        for name in ("orders", "orders.trash"):
            db[name].update_many({"due": {"$gt": ""}}, {"$set": {"updated_at": past}})
        db["products.reservations"].update_many({}, {"$set": {"at": past}})
        with orders.application.app_context():
            jobs.sweep()

    return sweep


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
    products.post("/products", json={"name": "Cup", "price": 3})
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
        (f"from={day}&to={day}", [1, 2, 3]),
        ("to=2020-01-01", []),
        ("from=2020-01-01T00:00:00Z&ordering=-total", [3, 1, 2]),
    ):
        found = orders.get(f"/orders?{query}").get_json()
        assert [each["id"] for each in found["items"]] == ids, query
    for query in ("status=nope", "from=x", "from=2026-01-02&to=2026-01-01", "client_id=x"):
        assert orders.get(f"/orders?{query}").status_code == 400


def test_an_order_of_one_client_leaves_the_lists_of_others_cached(place, orders, clients, products):
    products.post("/products", json={"name": "Cup", "price": 3})
    for name in ("A", "B"):
        clients.post("/clients", json={"name": name})
    for path in ("/orders?client_id=1", "/orders?client_id=2"):
        orders.get(path)
    place((1, 1), client_id=1)
    assert "hit" in orders.get("/orders?client=2").headers["Cache-Status"]
    assert "hit" not in orders.get("/orders?client=1").headers["Cache-Status"]


class TestBrokenSteps:
    def test_products_being_down_is_named_and_nothing_is_ordered(
        self, place, transport, orders, teapot, stock_of, sweep
    ):
        transport.down.add("products")
        response = place((1, 1))
        assert response.status_code == 503
        assert "products service" in response.get_json()["detail"]
        assert "Nothing was ordered" in response.get_json()["detail"]
        transport.down.clear()
        sweep()
        assert orders.get("/orders/1").get_json()["status"] == "rejected"
        assert stock_of() == 5

    def test_a_lost_response_of_products_leaves_no_stock_reserved(
        self, place, transport, orders, teapot, stock_of, sweep, db
    ):
        transport.lost = {"products"}
        assert place((1, 1)).status_code == 503
        transport.lost = set()
        assert db["products"].find_one()["stock"] == 4
        sweep()
        assert stock_of() == 5
        assert db["orders"].find_one({"due": {"$gt": ""}}) is None

    def test_a_pending_order_is_settled_later(self, place, orders, teapot, db, sweep, stock_of):
        pending(db, 1, [{"product_id": 1, "quantity": 2}])
        pending(db, 2, [{"product_id": 1, "quantity": 9}])
        sweep()
        assert [orders.get(f"/orders/{id}").get_json()["status"] for id in (1, 2)] == [
            "placed",
            "rejected",
        ]
        assert stock_of() == 3

    def test_a_pending_order_with_a_reservation_reserves_once(
        self, orders, products, teapot, db, sweep, stock_of
    ):
        order = pending(db, 1, [{"product_id": 1, "quantity": 5}])
        path = f"/products/reservations/{order['uuid']}"
        lines = {"lines": [{"product_id": 1, "quantity": 5}]}
        assert products.put(path, json=lines).status_code == 200
        sweep()
        assert orders.get("/orders/1").get_json()["total"] == 62.5
        assert stock_of() == 0

    def test_a_repeated_request_continues_the_same_order(self, place, orders, teapot, db, stock_of):
        headers = {"Idempotency-Key": "k"}
        body = {"product_id": 1, "quantity": 2}
        orders.post("/orders", json=body, headers=headers)
        # As if the process had been killed before it stored that the order is placed.
        unfinished = {"status": "pending", "due": "reserve"}
        db["orders"].update_one({"_id": 1}, {"$set": unfinished, "$unset": {"total": ""}})
        past = documents.now() - timedelta(minutes=1)
        left = {"$set": {"state": "running", "until": past}}
        db["orders.idempotency"].update_one({}, left)
        again = orders.post("/orders", json=body, headers=headers)
        assert (again.status_code, again.get_json()["id"]) == (201, 1)
        assert again.get_json()["status"] == "placed"
        assert db["orders"].count_documents({}) == 1
        assert stock_of() == 3

    @pytest.mark.parametrize("action", ["cancel", "ship"])
    def test_an_action_succeeds_while_products_is_down_and_is_sent_later(
        self, place, orders, products, teapot, transport, sweep, stock_of, action
    ):
        order = place((1, 2)).get_json()
        orders.post("/orders/1/pay")
        transport.down.add("products")
        assert orders.post(f"/orders/1/{action}").status_code == 200
        purged = orders.delete("/orders/1?purge=true")
        assert (purged.status_code, "Purge" in purged.get_json()["detail"]) == (503, True)
        transport.down.clear()
        sweep()
        held = products.get(f"/products/reservations/{order['uuid']}").get_json()
        assert held["state"] == {"cancel": "released", "ship": "shipped"}[action]
        assert stock_of() == {"cancel": 5, "ship": 3}[action]

    def test_the_due_request_of_a_deleted_order_is_sent(
        self, place, orders, teapot, transport, sweep, stock_of, db
    ):
        place((1, 2))
        transport.down.add("products")
        assert orders.delete("/orders/1").status_code == 204
        transport.down.clear()
        sweep()
        assert stock_of() == 5
        assert db["orders.trash"].find_one({"due": {"$gt": ""}}) is None

    def test_a_reservation_whose_order_is_gone_is_released(
        self, place, orders, teapot, db, sweep, stock_of
    ):
        for _ in range(3):
            place((1, 1))
        for action in ("pay", "ship"):
            orders.post(f"/orders/3/{action}")
        db["orders"].delete_many({"_id": {"$in": [1, 3]}})
        unsettled = orders.get("/orders:unsettled").get_json()
        assert unsettled == {"due": [], "orphans": []}  # They are too new to be listed.
        sweep()
        sweep()
        assert stock_of() == 3  # The second order is placed, and the third is shipped.

    def test_unsettled_reservations_are_listed_and_settled(
        self, place, orders, teapot, db, stock_of
    ):
        place((1, 1))
        uuid = db["orders"].find_one()["uuid"]
        db["orders"].delete_one({})
        past = documents.now() - timedelta(hours=1)
        db["products.reservations"].update_many({}, {"$set": {"at": past}})
        shown = {"due": [], "orphans": [uuid]}
        assert orders.get("/orders:unsettled").get_json() == shown
        assert orders.post("/orders:unsettled").get_json() == shown
        assert orders.get("/orders:unsettled").get_json() == {"due": [], "orphans": []}
        assert stock_of() == 5

    @pytest.mark.by_hand
    def test_an_order_that_cannot_be_settled_does_not_stop_others(self, orders, teapot, db, sweep):
        pending(db, 1, "nonsense")
        pending(db, 2, [{"product_id": 1, "quantity": 1}])
        sweep()
        assert orders.get("/orders/2").get_json()["status"] == "placed"
        assert orders.get("/orders").get_json()["total"] == 2

    def test_a_key_finds_its_order_though_the_client_is_not_answered(
        self, orders, clients, teapot, db, transport, stock_of, sweep
    ):
        clients.post("/clients", json={"name": "A"})
        headers = {"Idempotency-Key": "k"}
        body = {"product_id": 1, "quantity": 2, "client_id": 1}
        orders.post("/orders", json=body, headers=headers)
        past = documents.now() - timedelta(minutes=1)
        left = {"$set": {"state": "running", "until": past}}
        db["orders.idempotency"].update_one({}, left)
        transport.down.add("clients")
        again = orders.post("/orders", json=body, headers=headers)
        assert (again.status_code, again.get_json()["id"], stock_of()) == (201, 1, 3)

    def test_a_failure_after_the_order_was_stored_does_not_double_it(
        self, orders, teapot, db, monkeypatch, stock_of
    ):
        headers = {"Idempotency-Key": "k"}
        body = {"product_id": 1, "quantity": 2}
        with monkeypatch.context() as broken:
            broken.setattr(placement, "_placed_values", lambda *args: 1 / 0)
            assert orders.post("/orders", json=body, headers=headers).status_code == 500
        again = orders.post("/orders", json=body, headers=headers)
        assert (again.status_code, again.get_json()["id"]) == (201, 1)
        assert (db["orders"].count_documents({}), stock_of()) == (1, 3)

    def test_after_a_503_the_key_begins_anew(self, orders, teapot, transport, sweep, stock_of):
        headers = {"Idempotency-Key": "k"}
        body = {"product_id": 1, "quantity": 2}
        transport.down.add("products")
        assert orders.post("/orders", json=body, headers=headers).status_code == 503
        transport.down.clear()
        again = orders.post("/orders", json=body, headers=headers)
        assert (again.status_code, again.get_json()["id"]) == (201, 2)
        sweep()
        assert stock_of() == 3

    @pytest.mark.parametrize(
        ("broken", "left"),
        [
            # The stock that the order held is given back.
            ({"uuid": "no uuid", "due": "release"}, 5),
            ({"uuid": 5, "due": "release"}, 5),
            ({"uuid": "../x?y", "due": "ship"}, 5),
            ({"due": "foo"}, 4),
            ({"items": None, "status": "pending", "due": "reserve"}, 4),
        ],
    )
    def test_an_order_broken_by_hand_does_not_stop_others(
        self, place, orders, products, teapot, db, transport, sweep, stock_of, broken, left
    ):
        for _ in range(2):
            place((1, 1))
        db["orders"].update_one({"_id": 1}, {"$set": broken})
        transport.down.add("products")
        orders.post("/orders/2/cancel")
        transport.down.clear()
        for _ in range(2):
            sweep()
        assert stock_of() == left
        assert orders.post("/orders:unsettled").status_code == 200

    def test_an_order_with_a_shipped_reservation_can_be_cancelled(
        self, place, orders, products, teapot, db
    ):
        uuid = place((1, 2)).get_json()["uuid"]
        products.post(f"/products/reservations/{uuid}/ship")
        assert orders.post("/orders/1/cancel").status_code == 200
        assert db["orders"].find_one({"due": {"$gt": ""}}) is None

    def test_a_negative_stock_grows_by_a_cancelled_order(
        self, place, orders, products, teapot, db, stock_of
    ):
        place((1, 2))
        db["products"].update_one({}, {"$set": {"stock": -10}})
        assert orders.post("/orders/1/cancel").status_code == 200
        assert stock_of() == -8

    @pytest.mark.parametrize("currency", [["EUR"], {"a": 1}, 5])
    def test_a_currency_that_is_not_a_text_is_refused(self, place, teapot, db, currency):
        db["products"].update_one({}, {"$set": {"currency": currency}})
        response = place((1, 1))
        assert (response.status_code, "currency" in response.get_json()["detail"]) == (409, True)

    def test_a_deletion_honours_if_match_to_its_end(
        self, place, orders, teapot, transport, monkeypatch, stock_of
    ):
        """The order is paid after the deletion has read it, and before it is cancelled."""
        old = place((1, 2)).headers["ETag"]
        change_state = placement.change_state

        def late(order, target):
            monkeypatch.undo()
            orders.post("/orders/1/pay")
            return change_state(order, target)

        monkeypatch.setattr(placement, "change_state", late)
        assert orders.delete("/orders/1", headers={"If-Match": old}).status_code == 412
        assert orders.get("/orders/1").get_json()["status"] == "paid"


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


@on_real_servers
@pytest.mark.parametrize("odd", ["soon", 5, [1], {"a": 1}, True, b"x", None])
def test_a_date_broken_by_hand_does_not_break_the_sums(place, orders, teapot, db, odd):
    for _ in range(2):
        place((1, 1))
    db["orders"].update_one({"_id": 1}, {"$set": {"placed_at": odd}})
    for by in ("day", "product", "client"):
        assert orders.get(f"/orders/stats?by={by}").status_code == 200
    assert orders.get("/orders/stats").get_json()["sums"][0]["orders"] == 1


def pending(db, id, items):
    """Store an order as a process leaves it that is killed right after storing it."""
    order = {
        "_id": id,
        "uuid": f"00000000-0000-0000-0000-{id:012}",
        "status": "pending",
        "due": "reserve",
        "items": items,
        "revision": 1,
    }
    db["orders"].insert_one(order)
    return order


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


@on_real_servers
class TestStats:
    @pytest.fixture
    def sold(self, place, orders, products, clients, teapot):
        products.post("/products", json={"name": "Cup", "price": "0.35"})
        clients.post("/clients", json={"name": "A"})
        place((1, 1), client_id=1)
        place((1, 2), (2, 3))
        place((2, 1), client_id=1)
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
            (2, "Cup", 1, 0.35),
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


class TestHistory:
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
