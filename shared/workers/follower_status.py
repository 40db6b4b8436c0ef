"""Who sees to it that edits made beside the API are noticed, as far as one can tell from here."""

from dataclasses import dataclass

from shared.cache.keys import root_of
from shared.storage import documents
from shared.storage.connections import connections


@dataclass(frozen=True, slots=True)
class Following:
    """Whether a service is followed, and when its follower had last seen everything.

    ``state`` is ``ok`` or a sentence; ``lag_seconds`` is at most about 1 while all is well, and
    None where that is not known.
    """

    state: str
    lag_seconds: float | None = None


def following(service: str) -> Following:
    """Ask Redis for the root and MongoDB for what the follower has noted; raise their errors."""
    if not connections().cache.leased:
        return Following(
            "none: without change streams, edits by hand show only when entries expire"
        )
    noted = connections().db["followers"].find_one({"_id": service}, {"at": True}) or {}
    at = noted.get("at")
    lag = round((documents.now() - at).total_seconds(), 2) if at else None
    if connections().redis.exists(root_of(service)):
        return Following("ok", lag)
    return Following("away: nothing is cached until it is back", lag)
