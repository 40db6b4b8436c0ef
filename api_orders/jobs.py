"""Jobs of orders, done by ``shared.workers.worker``: finish orders that were left half-way."""

import logging
import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from api_orders import placement, states
from api_orders.resource import orders
from shared.http.errors import ApiError, ServiceUnavailable
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.connections import connections

log = logging.getLogger(__name__)

DUE_SECONDS = 5
MOST = 500  # orders of one sweep
PATIENCE = 3  # failures one after the other

_CURSOR = {"_id": "orders:reservations"}


def sweep() -> None:
    """Do what is due, and look at the next reservations, whether their orders are still there.

    Ends early when products does not answer; the next sweep goes on.
    """
    try:
        settle(due())
        ids = _held(_cursor())
        release(gone(ids))
    except ServiceUnavailable as error:
        log.warning("Orders are settled later: %s", error)
    else:
        after = {"$set": {"after": ids[-1] if ids else ""}}
        connections().db["counters"].update_one(_CURSOR, after, upsert=True)


def due() -> list[Document]:
    """Return the orders, also in the trash, of which something was to be done for a while."""
    moment = documents.now() - timedelta(seconds=DUE_SECONDS)
    asked = {
        "due": {"$in": [placement.RESERVE, placement.RELEASE, placement.SHIP]},
        "uuid": {"$type": "string"},
        "updated_at": {"$lt": moment},
    }
    places = (orders.repository.collection, orders.repository.trash)
    found = [each for place in places for each in place.find(asked, limit=MOST)]
    # In no order, so that what cannot be settled stands in nobody's way for long.
    random.shuffle(found)
    return found


def settle(found: Iterable[Document]) -> None:
    """Do what is due of some orders; raise ``ServiceUnavailable`` when products does not answer."""
    failed = 0
    for order in found:
        try:
            if order["due"] == placement.RESERVE:
                placement.settle(order)
            elif placement.finish(order).get("due"):
                raise ServiceUnavailable("The products service does not answer.")
            failed = 0
        except ServiceUnavailable:
            failed += 1  # One alone may be to blame for it itself.
            if failed == PATIENCE:
                raise
        except ApiError as error:
            log.info("Order %s was settled: %s", order["_id"], error)
        except Exception:
            log.exception("Order %s cannot be settled", order["_id"])


def every_held() -> Iterator[str]:
    """Yield the ids of all reservations that have been held for a while."""
    after = ""
    while ids := _held(after):
        yield from ids
        after = ids[-1]


def gone(ids: Iterable[str]) -> list[str]:
    """Return those reservations that no order, not even one in the trash, holds stock by."""
    known = list(ids)
    asked: Document = {"uuid": {"$in": known}}
    asked |= {"$or": [{"status": {"$in": states.HOLDING}}, {"due": placement.SHIP}]}
    held: set[Any] = set()
    # The living once more, for one that is just being restored.
    for place in (
        orders.repository.collection,
        orders.repository.trash,
        orders.repository.collection,
    ):
        held |= {each["uuid"] for each in place.find(asked, {"uuid": True})}
    return [id for id in known if id not in held]


def release(ids: Iterable[str]) -> None:
    """Have the stock of reservations given back whose orders are gone.

    Raise ``ServiceUnavailable`` when products does not answer.
    """
    failed = 0
    for id in ids:
        try:
            placement.release(id)
        except ApiError as error:
            log.error("Reservation %s, whose order is gone, cannot be released: %s", id, error)
            failed += 1
            if failed == PATIENCE:
                raise
        else:
            failed = 0
            log.warning("Reservation %s was released: its order is gone", id)


def _cursor() -> str:
    found = connections().db["counters"].find_one(_CURSOR) or {}
    return str(found.get("after", ""))


def _held(after: str) -> list[str]:
    answer = connections().services.get("products", "products:reservations", after=after)
    ids: list[str] = answer["items"] if answer else []
    return ids
