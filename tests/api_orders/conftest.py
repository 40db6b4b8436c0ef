"""A product to order, and functions that order it and sweep."""

from datetime import timedelta

import pytest

from api_orders import jobs
from shared.storage import documents


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
