"""Tails a collection's change stream and invalidates what others wrote: ``vitrine up`` runs it.

    python -m shared.follower api_products

It covers what a request cannot: a process killed between commit and invalidation, Redis out of
reach at that moment, edits made beside the API.  While it has caught up with MongoDB, on an
unbroken connection to the same Redis, it keeps extending the root's lease of five seconds; after
any break, and when Redis was started again or another one took its place, it renews the root
instead, because it cannot know what the break has hidden.  So whatever fails, nothing stale
outlives the lease.  Several followers of one service may run at once.
"""

import logging
import signal
import sys
import threading
import time
from importlib import import_module
from types import FrameType
from typing import Any

from bson import Timestamp
from pymongo import MongoClient
from pymongo.change_stream import ChangeStream
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError
from redis import Redis

from shared import cluster, documents, sweep
from shared.cache import LEASE_SECONDS, Cache
from shared.cluster import REDIS_ERRORS
from shared.documents import Document
from shared.keys import new_token, root_of, tag_of
from shared.mongo import Repository
from shared.settings import Settings, SettingsError

log = logging.getLogger("vitrine.follower")

POLL_MILLISECONDS = 200
EXTEND_SECONDS = 0.5
SAVE_SECONDS = 1.0
SWEEP_SECONDS = 0.3
_HISTORY_LOST = (280, 286)


class Follower:
    """One service's follower: one change stream, one connection to Redis."""

    def __init__(self, repository: Repository, db: Database[Document], redis: Redis, ttl: int):
        self._repository = repository
        self._service = repository.name
        self._db = db
        self._redis = redis
        self._cache = Cache(redis, ttl)
        self._cache.leased = True
        self._servers: frozenset[str] = frozenset()
        self._extended = self._saved = 0.0
        self._goal: Timestamp | None = None
        self._to_sweep = threading.Event()
        self.stopping = False

    def run(self) -> None:
        """Follow until ``stopping``; after a failure, begin again with a renewed root."""
        threading.Thread(target=self._sweep, daemon=True).start()
        while not self.stopping:
            try:
                self._follow()
            except (PyMongoError, *REDIS_ERRORS) as error:
                log.warning("%s: following again after %s", self._service, _brief(error))
                self._redis.close()
                time.sleep(0.2)

    def _follow(self) -> None:
        self._enable_images()
        with self._open() as stream:
            # What happened before the stream began may be hidden from it; the root covers that.
            self._renew_root()
            log.info("%s: following", self._service)
            while not self.stopping:
                event = stream.try_next()
                if event is None:
                    self._confirm(stream)
                elif not self._handle(event):
                    return
                elif self._has_passed(event["clusterTime"]):
                    self._confirm(stream)

    def _open(self) -> ChangeStream[Document]:
        options: dict[str, Any] = {
            "full_document": "whenAvailable",
            "full_document_before_change": "whenAvailable",
            "max_await_time_ms": POLL_MILLISECONDS,
        }
        collection = self._db[self._service]
        saved = self._followers.find_one({"_id": self._service}) or {}
        try:
            return collection.watch(resume_after=saved.get("token"), **options)
        except OperationFailure as error:
            if error.code not in _HISTORY_LOST:
                raise
            log.warning("%s: the oplog no longer holds what was missed", self._service)
            self._followers.delete_one({"_id": self._service})
            return collection.watch(**options)

    def _enable_images(self) -> None:
        """See that changes carry the document as it was before: it tells the old partition."""
        if self._service not in self._db.list_collection_names():
            self._db.create_collection(self._service)
        self._db.command("collMod", self._service, changeStreamPreAndPostImages={"enabled": True})

    def _handle(self, event: Document) -> bool:
        """Renew the tags of one change; return whether the stream goes on."""
        kind = event["operationType"]
        before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
        known = [each for each in (before, after) if each]
        complete = {"insert": after, "delete": before}.get(kind, before and after)
        self._to_sweep.set()
        if not complete:
            # Dropped, renamed, or without images: what it concerned is not known.
            self._renew_root()
            return bool(kind != "invalidate")
        tags = sorted(documents.tags(known, self._repository.partition))
        names = [tag_of(self._service, tag) for tag in tags]
        current = cluster.read(self._redis, names)
        now = {tag: (each or b"").decode() for tag, each in zip(tags, current, strict=True)}
        own = _written_by_request(event, now)
        stale = [tag for tag in tags if not own or now[tag] != own]
        if stale:
            keys = [f"{self._repository.item}:{ref}" for ref in documents.refs(known)]
            self._cache.renew(self._service, stale, new_token(), sorted(keys))
        if after and not own:
            self._find_by_new_words(after)
        return True

    def _find_by_new_words(self, document: Document) -> None:
        """Give a document that was edited by hand the search terms of what it says now."""
        if self._repository.searched:
            terms = self._repository.searched.terms(document)
            if document.get("terms") != terms:
                same = {"_id": document["_id"], "revision": document.get("revision")}
                self._db[self._service].update_one(same, {"$set": {"terms": terms}})

    def _has_passed(self, moment: Timestamp) -> bool:
        """Whether all is seen that was written until lately, though writes never end.

        Now and then MongoDB is asked what time it is there; a moment later than that, in the
        stream, tells that we know all that was written until we asked.
        """
        if self._goal is None and time.monotonic() - self._extended >= EXTEND_SECONDS:
            self._goal = self._db.command("ping")["operationTime"]
            return False
        return self._goal is not None and moment > self._goal

    def _confirm(self, stream: ChangeStream[Document]) -> None:
        """Extend the lease and remember how far we are, both now and then."""
        now = time.monotonic()
        if now - self._extended >= EXTEND_SECONDS:
            self._extend()
        if now - self._saved >= SAVE_SECONDS:
            self._followers.update_one(
                {"_id": self._service},
                {"$set": {"token": stream.resume_token, "at": documents.now()}},
                upsert=True,
            )
            self._saved = now

    def _extend(self) -> None:
        same = cluster.servers(self._redis) == self._servers
        if not same or not self._redis.expire(root_of(self._service), LEASE_SECONDS):
            self._renew_root()
        self._extended, self._goal = time.monotonic(), None

    def _sweep(self) -> None:
        """Sweep what was made worthless, beside the following, which must not wait for it."""
        while not self.stopping:
            if self._to_sweep.wait(SWEEP_SECONDS):
                self._to_sweep.clear()
                try:
                    sweep.sweep(self._redis, self._service)
                except REDIS_ERRORS as error:
                    log.warning("%s: nothing is swept: %s", self._service, _brief(error))
                time.sleep(SWEEP_SECONDS)

    def _renew_root(self) -> None:
        self._servers = cluster.servers(self._redis)
        self._redis.set(root_of(self._service), new_token(), ex=LEASE_SECONDS)
        self._extended = time.monotonic()
        self._to_sweep.set()

    @property
    def _followers(self) -> Collection[Document]:
        return self._db["followers"]


def _written_by_request(event: Document, now: dict[str, str]) -> str:
    """Return the token of a request that wrote this change and renewed the tags, else nothing.

    A hand edit leaves the token of the write before in the document, so the change itself must
    have brought it, and the generation of the document's own tag must be this very token.
    """
    document = event.get("fullDocument") or {}
    token = document.get("written")
    if not isinstance(token, str) or now.get(str(document["_id"])) != token:
        return ""
    if event["operationType"] == "update":
        brought = "written" in event["updateDescription"]["updatedFields"]
    else:
        brought = (event.get("fullDocumentBeforeChange") or {}).get("written") != token
    return token if brought else ""


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(',')[0][:200]}"


def connect(package: str, settings: Settings) -> Follower:
    """Return a follower of a service, by the name of its package."""
    name = package.removeprefix("api_")
    resource = getattr(import_module(f"{package}.resource"), name)
    mongo: MongoClient[Document] = MongoClient(
        settings.mongo_uri, tz_aware=True, serverSelectionTimeoutMS=2000, socketTimeoutMS=10_000
    )
    # No second try: a break must be noticed, not mended.
    redis = cluster.connect(settings.redis_write_url or settings.redis_url, 1, tries=1)
    db = mongo.get_default_database("vitrine")
    return Follower(resource.repository, db, redis, settings.cache_ttl_seconds)


def main() -> None:
    """Follow the service named on the command line until told to stop."""
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        sys.exit(f"Vitrine cannot start: {error}")
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    follower = connect(sys.argv[1], settings)

    def stop(number: int, frame: FrameType | None) -> None:
        follower.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    follower.run()


if __name__ == "__main__":
    main()
