"""Stock: reservations, the ledger of every change, and the stock check."""

from uuid import uuid4

import pytest
from bson import Decimal128

from shared.http.json import MAX_WHOLE
from tests.support.services import on_real_servers


@pytest.fixture
def made(products):
    return products.post("/products", json={"name": "Teapot", "price": 9, "stock": 5}).get_json()


@pytest.fixture
def entries(products):
    def entries(ref=1):
        items = products.get(f"/products/{ref}/stock").get_json()["items"]
        return [(each["change"], each["stock"], each["reason"]) for each in items]

    return entries


@pytest.fixture
def reserve(products):
    def reserve(*lines, id=None):
        body = {"lines": [{"product_id": ref, "quantity": n} for ref, n in lines]}
        return products.put(f"/products/reservations/{id or uuid4()}", json=body)

    return reserve


@pytest.fixture
def drift(products):
    return lambda: products.get("/products:stock").get_json()["drift"]


def test_every_change_is_an_entry_with_its_reason(products, made, entries, reserve):
    products.put("/products/1", json={"stock": 9})
    products.patch("/products/1", json={"stock": 9, "name": "Kettle"})
    products.post("/products/1/stock", json={"change": -3, "reason": "damaged"})
    id = uuid4()
    reserve((1, 2), id=id)
    products.delete(f"/products/reservations/{id}")
    products.post("/products:batch?key=slug", json=[{"slug": "teapot", "stock": 1}])
    products.patch("/products/1", json={"stock": None})
    assert entries() == [
        (-1, 0, "edited"),
        (-5, 1, "edited"),
        (2, 6, "released"),
        (-2, 4, "ordered"),
        (-3, 6, "damaged"),
        (4, 9, "edited"),
        (5, 5, "created"),
    ]
    shown = products.get("/products/1/stock?per=1&page=3").get_json()
    assert (shown["stock"], shown["total"], shown["items"][0]["order"]) == (None, 7, str(id))


def test_an_entry_names_the_request(products, made):
    products.put("/products/1", json={"stock": 1}, headers={"X-Request-ID": "mine"})
    (first, _) = products.get("/products/1/stock").get_json()["items"]
    assert (first["request_id"], first["revision"]) == ("mine", 2)


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"change": -6, "reason": "x"}, 409, "5 left"),
        ({"change": 0, "reason": "x"}, 422, "/change"),
        ({"change": 1}, 422, "/reason"),
        ({"change": "1", "reason": "x"}, 422, "/change"),
        ({"change": 1.5, "reason": "x"}, 422, "/change"),
        ({"change": 1, "reason": " "}, 422, "/reason"),
        ({"change": 1, "reason": "ordered"}, 422, "/reason"),
        ({"change": 1, "reason": "x", "by": "me"}, 422, "/by"),
    ],
)
def test_an_invalid_change_is_refused(products, made, entries, body, status, detail):
    response = products.post("/products/1/stock", json=body)
    assert response.status_code == status
    assert detail in response.get_json()["detail"]
    assert len(entries()) == 1


def test_a_stock_stays_a_number_that_json_can_hold(products, made):
    products.put("/products/1", json={"stock": MAX_WHOLE - 2})
    assert (
        products.post("/products/1/stock", json={"change": 2, "reason": "delivery"}).status_code
        == 200
    )
    refused = products.post("/products/1/stock", json={"change": 1, "reason": "delivery"})
    assert refused.status_code == 409
    assert f"It may be {MAX_WHOLE:,} at most" in refused.get_json()["detail"]
    assert products.get("/products/1").get_json()["stock"] == MAX_WHOLE


def test_stock_that_is_not_tracked_is_not_changed(products):
    products.post("/products", json={"name": "Download"})
    response = products.post("/products/1/stock", json={"change": 1, "reason": "x"})
    assert (response.status_code, "not tracked" in response.get_json()["detail"]) == (409, True)


def test_a_stock_that_is_not_a_number_is_named_so(products, made, db):
    db["products"].update_one({}, {"$set": {"stock": "many"}})
    response = products.post("/products/1/stock", json={"change": 1, "reason": "x"})
    assert (response.status_code, "not a number" in response.get_json()["detail"]) == (409, True)


def test_a_change_honours_if_match(products, made):
    old = products.get("/products/1").headers["ETag"]
    body = {"change": 1, "reason": "found"}
    for status in (200, 412):
        headers = {"If-Match": old}
        assert products.post("/products/1/stock", json=body, headers=headers).status_code == status


def test_a_reservation_is_made_once(products, made, reserve):
    id = uuid4()
    first = reserve((1, 2), id=id)
    assert first.status_code == 200
    assert first.get_json() == {
        "id": str(id),
        "state": "held",
        "lines": [
            {
                "product_id": 1,
                "quantity": 2,
                "name": "Teapot",
                "sku": None,
                "unit_price": 9,
                "currency": None,
            }
        ],
    }
    products.patch("/products/1", json={"name": "Kettle", "price": 99})
    assert reserve((1, 2), id=id).get_json() == first.get_json()
    assert reserve((1, 3), id=id).status_code == 409
    assert products.get(f"/products/reservations/{id}").get_json() == first.get_json()
    assert products.get("/products/1").get_json()["stock"] == 3


def test_a_repeated_reservation_of_the_last_items_has_the_same_answer(products, made, reserve):
    id = uuid4()
    assert reserve((1, 5), id=id).status_code == 200
    assert reserve((1, 5), id=id).status_code == 200
    assert reserve((1, 1)).status_code == 409


@pytest.mark.parametrize("reason", ["ordered", "Ordered", " ordered ", "ｏrdered"])
def test_a_reason_of_vitrine_is_refused_however_it_is_written(products, made, reason):
    change = {"change": 1, "reason": reason}
    refused = products.post("/products/1/stock", json=change)
    assert refused.status_code == 422
    assert "Is reserved for Vitrine" in refused.get_json()["detail"]


def test_a_released_id_cannot_be_reserved_even_if_it_was_unknown(products, made, reserve):
    for _ in range(2):
        id = uuid4()
        assert products.delete(f"/products/reservations/{id}").status_code == 204
        assert products.delete(f"/products/reservations/{id}").status_code == 204
        late = reserve((1, 2), id=id)
        assert (late.status_code, late.get_json()["state"]) == (409, "released")
    assert products.get("/products/1").get_json()["stock"] == 5


def test_a_shipped_reservation_is_not_given_back(products, made, reserve):
    id = uuid4()
    reserve((1, 2), id=id)
    for _ in range(2):
        assert products.post(f"/products/reservations/{id}/ship").status_code == 204
    assert products.delete(f"/products/reservations/{id}").status_code == 409
    assert products.get("/products/1").get_json()["stock"] == 3
    for missing in (uuid4(), uuid4()):
        assert products.post(f"/products/reservations/{missing}/ship").status_code == 409


@pytest.mark.parametrize("path", ["nope", "1", "../1"])
def test_a_reservation_has_a_uuid(products, path):
    assert products.put(f"/products/reservations/{path}", json={}).status_code in (404, 405)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": [{"product_id": 1}]},
        {"lines": [{"product_id": 1, "quantity": 0}]},
    ],
)
def test_a_reservation_of_nothing_is_refused(products, body):
    assert products.put(f"/products/reservations/{uuid4()}", json=body).status_code == 422


def test_stock_of_a_deleted_product_comes_back_with_it(products, made, entries, reserve):
    id = uuid4()
    reserve((1, 2), id=id)
    products.delete("/products/1")
    products.delete(f"/products/reservations/{id}")
    assert products.post("/products/1/restore").get_json()["stock"] == 5
    assert entries()[0] == (2, 5, "released")


def test_a_restore_keeps_stock_that_was_given_back_meanwhile(
    products, categories, made, reserve, transport, monkeypatch
):
    """The stock is given back after the restore has read the trash, and before it writes."""
    categories.post("/categories", json={"name": "Tea"})
    products.patch("/products/1", json={"category": "tea"})
    id = uuid4()
    reserve((1, 2), id=id)
    products.delete("/products/1")
    send = transport.send

    def slow(service, *args):
        if service == "categories":
            monkeypatch.undo()
            products.delete(f"/products/reservations/{id}")
        return send(service, *args)

    monkeypatch.setattr(transport, "send", slow)
    assert products.post("/products/1/restore").get_json()["stock"] == 5


@pytest.mark.parametrize("path", ["/products/1/stock?q=x", "/products/1/stock?ordering=id"])
def test_a_parameter_that_a_ledger_does_not_have_is_named(products, made, path):
    assert products.get(path).status_code == 400
    assert products.get("/products:reservations?afterr=1").status_code == 400


def test_a_stock_that_is_not_tracked_any_more_is_not_changed(products, made, reserve):
    id = uuid4()
    reserve((1, 2), id=id)
    products.patch("/products/1", json={"stock": None})
    products.delete(f"/products/reservations/{id}")
    assert products.get("/products/1").get_json()["stock"] is None


def test_a_release_after_a_purge_succeeds(products, made, reserve):
    id = uuid4()
    reserve((1, 2), id=id)
    products.delete("/products/1?purge=true")
    assert products.delete(f"/products/reservations/{id}").status_code == 204


def test_a_sale_invalidates_the_lists_of_its_category_only(products, categories, reserve):
    for name in ("Games", "Books"):
        categories.post("/categories", json={"name": name})
        body = {"name": f"One of {name}", "price": 1, "stock": 5, "category": name}
        products.post("/products", json=body)
    paths = ["/products/1", "/products/2", "/products?category=games", "/products?category=books"]
    for path in paths:
        products.get(path)
    reserve((1, 1))
    hits = ["hit" in products.get(path).headers["Cache-Status"] for path in paths]
    assert hits == [False, True, False, True]
    assert products.get("/products?category=games").get_json()["items"][0]["stock"] == 4


def test_a_restore_may_set_another_stock(products, made, entries):
    products.delete("/products/1")
    assert products.post("/products/1/restore", json={"stock": 8}).status_code == 200
    assert entries()[0] == (3, 8, "edited")


@on_real_servers  # The fake has neither these stages nor transactions.
class TestReconcile:
    def test_writes_through_the_api_match_the_ledger(self, products, made, reserve, drift):
        items = [{"name": f"P{n}", "sku": f"S{n}", "price": 1, "stock": n} for n in range(20)]
        for _ in range(2):
            products.post("/products:batch?key=sku", json=items)
            items = [each | {"stock": each["stock"] * 2} for each in items]
        products.post("/products:batch?key=sku&on_error=reject_all", json=items[:5])
        reserve((1, 2), (6, 1))
        products.patch("/products/3", json={"stock": None})
        products.delete("/products/4")
        products.post("/products/4/restore", json={"stock": 100})
        assert drift() == []

    def test_an_edit_by_hand_is_a_drift_that_is_undone(self, products, made, db, drift, entries):
        db["products"].update_one({"_id": 1}, {"$set": {"stock": 2}})
        assert drift() == [{"product_id": 1, "name": "Teapot", "stock": 2, "ledger": 5}]
        products.get("/products/1")
        assert products.post("/products:stock").get_json()["drift"][0]["ledger"] == 5
        assert products.get("/products/1").get_json()["stock"] == 5
        assert (drift(), len(entries())) == ([], 1)

    def test_an_edit_by_hand_can_be_accepted(self, products, made, db, drift, entries):
        db["products"].update_one({"_id": 1}, {"$set": {"stock": 2}})
        assert products.post("/products:stock?accept=true").status_code == 200
        assert products.get("/products/1").get_json()["stock"] == 2
        assert (drift(), entries()[0]) == ([], (-3, 2, "counted"))

    @pytest.mark.parametrize(
        ("odd", "accepted"),
        [(-4, 0), (None, None), (3.5, 3), (4.0, 4), ("7", 7), (Decimal128("7"), 7)],
    )
    @pytest.mark.parametrize("accept", ["true", "false"])
    def test_any_stock_is_corrected(self, products, made, db, drift, odd, accepted, accept):
        db["products"].update_one({"_id": 1}, {"$set": {"stock": odd}})
        assert len(drift()) == 1
        assert products.post(f"/products:stock?accept={accept}").status_code == 200
        assert drift() == []
        stock = products.get("/products/1").get_json()["stock"]
        assert (stock, type(stock)) == (
            (5, int) if accept == "false" else (accepted, type(accepted))
        )

    @pytest.mark.parametrize("odd", ["many", float("nan"), float("inf"), [3]])
    def test_a_stock_that_is_not_a_number_is_reported_until_it_is_set(
        self, products, made, db, drift, odd
    ):
        db["products"].update_one({"_id": 1}, {"$set": {"stock": odd}})
        answer = products.post("/products:stock?accept=true").get_json()
        assert [each["product_id"] for each in answer["left"]] == [1]
        assert len(drift()) == 1
        assert products.post("/products:stock").status_code == 200
        assert drift() == []
        assert products.get("/products/1").get_json()["stock"] == 5

    @pytest.mark.parametrize(
        "name", ["change", "balance", "revision", "reason", "at", "request_id"]
    )
    @pytest.mark.parametrize("odd", [None, "x", [1], {"a": 1}, Decimal128("1"), True])
    @pytest.mark.by_hand
    def test_a_ledger_edited_by_hand_breaks_nothing(self, products, made, db, drift, name, odd):
        products.put("/products/1", json={"stock": 9})
        db["products.ledger"].update_one({}, {"$set": {name: odd}})
        assert products.get("/products/1/stock").status_code == 200
        assert len(drift()) <= 1
        assert products.post("/products:stock").status_code == 200
        db["products.ledger"].update_one({}, {"$unset": {name: ""}})
        assert products.get("/products/1/stock").status_code == 200
        assert products.post("/products:stock?accept=true").status_code == 200

    def test_a_product_made_by_hand_starts_with_its_stock(self, products, db, drift, reserve):
        db["products"].insert_one({"_id": 1, "name": "By hand", "price": 3, "stock": 7})
        assert drift() == []
        assert reserve((1, 2)).status_code == 200
        assert drift() == []
        db["products"].update_one({"_id": 1}, {"$inc": {"stock": 1}})
        assert drift()[0]["ledger"] == 5

    def test_a_negative_balance_is_set_to_0(self, products, made, db, drift, reserve):
        db["products"].update_one({"_id": 1}, {"$set": {"stock": 100}})
        assert reserve((1, 50)).status_code == 200
        assert drift() == [{"product_id": 1, "name": "Teapot", "stock": 50, "ledger": -45}]
        products.post("/products:stock")
        assert (products.get("/products/1").get_json()["stock"], drift()) == (0, [])

    def test_a_ledger_without_a_first_entry_starts_with_the_stock(self, products, made, db, drift):
        db["products.ledger"].delete_many({})
        assert drift() == []
        products.put("/products/1", json={"stock": 3})
        assert drift() == []
