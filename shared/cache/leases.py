"""Leases of the cache, as followers announce them in MongoDB, and the writes that wait for them.

Redis cannot say how long stale entries may be served when it does not answer a write.  So a
follower announces in MongoDB how long the root may live, before it lets it live so long, and up to
which change it has invalidated the cache.  All times are those of MongoDB.
"""

import time
from collections.abc import Mapping
from typing import Any

import pymongo
from bson import Timestamp
from pymongo import ReadPreference
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.cache.cache import LEASE_SECONDS, Cache, Write
from shared.schema.serialization import Document

ANNOUNCED_SECONDS = 7.0  # seconds that are announced: the lease, and until the next announcement
STATE_SECONDS = 0.5  # seconds that MongoDB has to answer for the state of the followers
RETRY_SECONDS = 0.2  # seconds between two tries to invalidate while a write waits
# MongoDB and Redis count whole milliseconds, and their clocks may drift by 0.05 % (NTP's limit).
CLOCKS_SECONDS = 0.01
_UNTIL = "leased_until"
_SEEN = "seen"


def followers(db: Database[Document]) -> Collection[Document]:
    """Return the collection in which each follower stores its state, as the primary has it."""
    return db.get_collection("followers", read_preference=ReadPreference.PRIMARY)


def announce(
    db: Database[Document], service: str, progress: Mapping[str, Any], seen: Timestamp | None = None
) -> float:
    """Announce that the root of a service may live for ``ANNOUNCED_SECONDS``.

    Args:
        db: The database of the service.
        service: The name of the service.
        progress: Fields of the follower's state that are stored with it.
        seen: The time of MongoDB up to which the follower has invalidated all changes, if known.

    Returns:
        The time of the monotonic clock until which the root may live.
    """
    until = time.monotonic() + ANNOUNCED_SECONDS
    announced = {"$add": ["$$NOW", round(ANNOUNCED_SECONDS * 1000)]}
    values = {name: {"$literal": value} for name, value in progress.items()}
    # Another follower may have announced more.
    values[_UNTIL] = {"$max": [f"${_UNTIL}", announced]}
    if seen:
        values[_SEEN] = {"$max": [f"${_SEEN}", seen]}
    followers(db).update_one({"_id": service}, [{"$set": values}], upsert=True)
    return until


def seconds_left(db: Database[Document], service: str) -> float:
    """Return how long entries may be valid that no write can invalidate, at most.

    A root that lives longer is one that a follower has let live on after it had seen, and
    invalidated, all writes of before this call.
    """
    left = {"$subtract": [f"${_UNTIL}", "$$NOW"]}
    try:
        state = followers(db).find_one({"_id": service}, {"left": left})
    except PyMongoError:
        state = None
    milliseconds = (state or {}).get("left")
    if milliseconds is None:
        return LEASE_SECONDS
    return min(max(0.0, float(milliseconds) / 1000), LEASE_SECONDS)


def invalidate(db: Database[Document], cache: Cache, writes: list[Write]) -> None:
    """Invalidate what some writes made stale; return when all entries from before are invalid.

    Call it after the commit and before the writes are acknowledged.  If Redis is down or refuses
    writes, it tries again until the follower has invalidated them or the lease has ended, five
    seconds at most.  Without followers it does not wait.
    """
    # A follower that extends the lease after this moment has seen the writes.
    started = time.monotonic()
    if cache.invalidate(*writes) or not cache.leased:
        return
    services = {write.service for write in writes}
    with pymongo.timeout(STATE_SECONDS):
        now = mongo_time(db)
        left = max(seconds_left(db, service) for service in services)
    deadline = min(time.monotonic() + left, started + LEASE_SECONDS) + CLOCKS_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, RETRY_SECONDS))
        if time.monotonic() >= deadline or cache.remove_generations(*writes):
            return
        with pymongo.timeout(STATE_SECONDS):
            if now and all(has_seen(db, service, now) for service in services):
                return


def mongo_time(db: Database[Document]) -> Timestamp | None:
    """Return the time of MongoDB's last operation; None if MongoDB does not answer."""
    try:
        moment: Timestamp | None = db.command("ping").get("operationTime")
    except PyMongoError:
        return None
    return moment


def has_seen(db: Database[Document], service: str, moment: Timestamp) -> bool:
    """Return True if the follower of a service has invalidated all changes up to a moment."""
    try:
        return followers(db).count_documents({"_id": service, _SEEN: {"$gte": moment}}) > 0
    except PyMongoError:
        return False
