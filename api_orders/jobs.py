"""Jobs of orders, done by ``shared.workers.worker``: settle orders that were left unfinished."""

import logging
import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from api_orders import placement, states
from api_orders.resource import orders
from shared.http import ApiError, ServiceUnavailable
from shared.schema import Document
from shared.storage import documents
from shared.storage.connections import connections

log = logging.getLogger(__name__)

# The functions that workers call; jobs of all other functions are refused.
JOBS = ("api_orders.jobs.sweep",)
DUE_SECONDS = 5  # seconds that an order is left to its own request
MAX_ORDERS = 500  # of each collection in one sweep
MAX_FAILURES = 3  # in a row, before products is considered down

_CURSOR = {"_id": "orders:reservations"}


def sweep() -> None:
    """Settle due orders, and release the next reservations whose orders are gone.

    Stop early when products does not answer; the next sweep continues.
    """
    try:
        settle(due_orders())
        ids = _held_reservations(_read_cursor())
        release(orphaned(ids))
    except ServiceUnavailable as error:
        log.warning("Orders are settled later: %s", error)
    else:
        cursor = {"$set": {"after": ids[-1] if ids else ""}}
        connections().db["counters"].update_one(_CURSOR, cursor, upsert=True)


def due_orders() -> list[Document]:
    """Return orders, live or in the trash, with a request to products that is overdue."""
    moment = documents.now() - timedelta(seconds=DUE_SECONDS)
    overdue = {
        "due": {"$in": [placement.RESERVE, placement.RELEASE, placement.SHIP]},
        "uuid": {"$type": "string"},
        "updated_at": {"$lt": moment},
    }
    places = (orders.repository.collection, orders.repository.trash)
    due = [order for place in places for order in place.find(overdue, limit=MAX_ORDERS)]
    # In random order, so that orders which cannot be settled do not always come first.
    random.shuffle(due)
    return due


def settle(due: Iterable[Document]) -> None:
    """Settle orders; raise ``ServiceUnavailable`` when products does not answer."""
    failures = 0
    for order in due:
        try:
            if order["due"] == placement.RESERVE:
                placement.confirm(order)
            elif placement.settle(order).get("due"):
                raise ServiceUnavailable("The products service does not answer.")
            failures = 0
        except ServiceUnavailable:
            failures += 1  # A single failure may be the fault of this order.
            if failures == MAX_FAILURES:
                raise
        except ApiError as error:
            log.info("Order %s was settled: %s", order["_id"], error)
        except Exception:
            log.exception("Order %s cannot be settled", order["_id"])


def all_held_reservations() -> Iterator[str]:
    """Yield the ids of all reservations that have been held for a while."""
    after = ""
    while ids := _held_reservations(after):
        yield from ids
        after = ids[-1]


def orphaned(ids: Iterable[str]) -> list[str]:
    """Return the reservations that no order holds stock by, live or in the trash."""
    reservations = list(ids)
    condition: Document = {"uuid": {"$in": reservations}}
    condition |= {"$or": [{"status": {"$in": states.HOLDING_STATES}}, {"due": placement.SHIP}]}
    with_order: set[Any] = set()
    # Live orders twice, because an order may be restored after the first reading.
    for place in (
        orders.repository.collection,
        orders.repository.trash,
        orders.repository.collection,
    ):
        with_order |= {order["uuid"] for order in place.find(condition, {"uuid": True})}
    return [id for id in reservations if id not in with_order]


def release(ids: Iterable[str]) -> None:
    """Release reservations whose orders are gone.

    Raise ``ServiceUnavailable`` when products does not answer.
    """
    failures = 0
    for id in ids:
        try:
            placement.release(id)
        except ApiError as error:
            log.error("Reservation %s, whose order is gone, cannot be released: %s", id, error)
            failures += 1
            if failures == MAX_FAILURES:
                raise
        else:
            failures = 0
            log.warning("Reservation %s was released: its order is gone", id)


def _read_cursor() -> str:
    """Return the id of the last reservation that the sweep has checked."""
    cursor = connections().db["counters"].find_one(_CURSOR) or {}
    return str(cursor.get("after", ""))


def _held_reservations(after: str) -> list[str]:
    answer = connections().services.get("products", "products:reservations", after=after)
    ids: list[str] = answer["items"] if answer else []
    return ids
