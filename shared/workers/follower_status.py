"""State of a service's follower, as the service sees it in Redis and MongoDB."""

from dataclasses import dataclass

from shared.cache.keys import root_of
from shared.storage import documents
from shared.storage.connections import connections


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """State of a follower, and how long ago it was last up to date.

    ``state`` is ``ok`` or a sentence.  ``lag_seconds`` is about 1 at most while the follower works,
    and None if it is unknown.
    """

    state: str
    lag_seconds: float | None = None


def follower_status(service: str) -> FollowerStatus:
    """Return the state of a service's follower, or raise the errors of Redis and MongoDB."""
    if not connections().cache.leased:
        return FollowerStatus(
            "none: without change streams, edits by hand show only when entries expire"
        )
    progress = connections().db["followers"].find_one({"_id": service}, {"at": True}) or {}
    saved_at = progress.get("at")
    lag = round((documents.now() - saved_at).total_seconds(), 2) if saved_at else None
    if connections().redis.exists(root_of(service)):
        return FollowerStatus("ok", lag)
    return FollowerStatus("away: nothing is cached until it is back", lag)
