"""Collapsed lists while an item changes its group: each shows the items of one moment."""

from contextvars import Context

import pytest
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from shared.storage.connections import Connections
from tests.support.polling import poll

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("own_apps")]

READS = ("find", "aggregate")
MOVED = {"_id": 1}


class Mover(CommandListener):
    """Moves an item to the other group just before each read."""

    def __init__(self, products):
        self.products = products
        self.is_moving = False
        self.moves = 0

    def started(self, event):
        if self.is_moving and event.command_name in READS:
            self.moves += 1
            group = ("shawl", "scarf")[self.moves % 2]
            # Outside of the request, whose session and time limit are not those of the edit.
            Context().run(self.products.update_one, MOVED, {"$set": {"group": group}})

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


@pytest.fixture
def mover(real_connections):
    return Mover(real_connections[0]["products"])


@pytest.fixture
def stores(servers, real_connections, mover):
    db, redis = real_connections
    uri = f"mongodb://127.0.0.1:{servers[0]}"
    with MongoClient(uri, tz_aware=True, w="majority", event_listeners=[mover]) as client:
        yield Connections, client[db.name], redis


# The item that moves is the first of its group in each order.
@pytest.mark.parametrize("found_by", ["brand=Knit", "brand=Knit&ordering=-name", "q=scarf"])
def test_an_item_that_moves_is_in_one_group(products, mover, found_by):
    for color, group in ("Red", "scarf"), ("Green", "scarf"), ("Blue", "shawl"):
        scarf = {"name": f"{color} scarf", "brand": "Knit", "group": group}
        assert (
            products.post("/products", json=scarf | {"options": {"Color": color}}).status_code
            == 201
        )
    mover.is_moving = True
    for per in (10, 11):  # Two lists, because the first one may be in the cache.
        path = f"/products?collapse=group&{found_by}&per={per}"
        # A request that takes too long, because of other processes, is refused.
        answer = poll(lambda path=path: _if_found(products.get(path)), 120)
        assert sum(item["variants"]["count"] for item in answer["items"]) == 3
    assert mover.moves > 4


def _if_found(response):
    assert response.status_code in (200, 503)
    return response.status_code == 200 and response.get_json()
