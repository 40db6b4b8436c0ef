"""Placing orders: recovery from crashes, failures of products and hand edits."""

from datetime import timedelta

import pytest

from api_orders import placement
from shared.resource import idempotency
from shared.storage import documents


class TestRecovery:
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

    @pytest.mark.parametrize("failures", [1, 3])
    def test_an_outage_burns_no_key_even_if_it_is_not_forgotten(
        self, orders, teapot, transport, monkeypatch, sweep, stock_of, failures
    ):
        """As if MongoDB had failed as well, just when the key was to be given back."""
        headers = {"Idempotency-Key": "k"}
        body = {"product_id": 1, "quantity": 2}
        transport.down.add("products")
        with monkeypatch.context() as broken:
            broken.setattr(idempotency, "forget", lambda: None)
            for _ in range(failures):
                assert orders.post("/orders", json=body, headers=headers).status_code == 503
        transport.down.clear()
        answers = [orders.post("/orders", json=body, headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert {answer.get_json()["id"] for answer in answers} == {failures + 1}
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
