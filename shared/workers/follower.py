"""Follower: tails the change stream of a collection and invalidates the cache for each change.

``vitrine up`` runs one for each service, as ``python -m shared follow api_products``.  It covers
the changes that no request invalidates: the process was killed between commit and invalidation,
Redis did not answer at that moment, or the document was edited outside of the API.

The follower extends the lease of five seconds on the root generation while it is up to date with
MongoDB and its connection to the same Redis is unbroken.  After a break it renews the root instead,
because it cannot know which changes the break has hidden; the same when Redis was restarted or
another server took its place.  So under any fault, nothing stale outlives the lease.  A follower
that is stopped ends the lease itself.  Several followers of one service may run at once.
"""

import contextlib
import logging
import re
import signal
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Any

from bson import Timestamp
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError
from redis import Redis

from shared.cache import redis_topology, sweeper
from shared.cache.cache import LEASE_SECONDS, Cache, Write
from shared.cache.keys import new_token, root_of, tag_of
from shared.cache.redis_topology import REDIS_ERRORS
from shared.config import startup
from shared.config.settings import Settings
from shared.observability import log_format, sentry
from shared.schema.mongo_schema import json_schema
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.audit_log import AuditLog
from shared.storage.change_stream import HISTORY_LOST, ChangeStream, Token
from shared.storage.connections import open_mongo
from shared.storage.outages import is_outage
from shared.storage.repository import Repository

log = logging.getLogger("vitrine.follower")

GATHER_SECONDS = 0.02  # seconds between two batches: changes of this time are handled together
EXTEND_SECONDS = 0.5  # seconds between two extensions of the lease
SAVE_SECONDS = 1.0  # seconds between two stored resume tokens
RETRY_SECONDS = 0.2  # seconds from a failure to the next attempt
MAX_FAILURES = 3  # failures in a row at one place of the stream, until it is skipped
SWEEP_SECONDS = 0.3  # seconds between two sweeps, at least
SWEEP_PAUSE = 19  # pause after a sweep, as a multiple of its time: a sweep scans all keys
_NEVER = Timestamp(0, 0)
_IMAGES = ("fullDocumentBeforeChange", "fullDocument")  # the document before and after a change
_TOKEN = re.compile(rb"[0-9a-f]{16}")


class Follower:
    """Follower of one service, with one change stream and one connection to Redis.

    Args:
        repository: The repository of the service.
        validator: The JSON schema by which Compass warns of documents that do not fit.
        db: The database of the collection; the resume token is stored in ``followers``.
        redis: A client that never repeats a command: a break must be noticed, not repaired.
        ttl: Seconds that an entry of the cache lives.
        history: The audit log, in which each change gets an entry.
    """

    def __init__(
        self,
        repository: Repository,
        validator: Document,
        db: Database[Document],
        redis: Redis,
        ttl: int,
        history: AuditLog,
    ):
        self._repository = repository
        self._history = history
        self._validator = validator
        self._service = repository.name
        self._db = db
        self._redis = redis
        self._cache = Cache(redis, ttl, leased=True)
        self._servers: frozenset[str] = frozenset()
        self._target: Timestamp | None = None
        self._target_read_at = self._saved_at = 0.0
        self._failures = 0
        self._sweep_due = threading.Event()
        self._stopped = threading.Event()
        self.stopping = False

    def run(self) -> None:
        """Follow until ``stopping`` is true; after a failure, start again with a renewed root."""
        sweeping = threading.Thread(target=self._sweep, daemon=True)
        sweeping.start()
        while not self.stopping:
            try:
                self._follow()
            except Exception as error:
                log.warning("%s: following again after %s", self._service, _summary(error))
                self._redis.close()
                time.sleep(RETRY_SECONDS)
                if not is_outage(error):
                    self._count_failure(error)
        self._end_lease()
        self._stopped.set()
        self._sweep_due.set()
        sweeping.join()

    def _follow(self) -> None:
        self._prepare_collection()
        with self._open_stream() as stream:
            # The stream may lack changes from before it was opened; a new root covers them.
            self._renew_root()
            self._target = None
            log.info("%s: following", self._service)
            while not self.stopping:
                events, token = stream.next()
                continues = self._handle(events) if events else True
                # Recorded before the resume token is stored, so that no change is left out.
                self._history.record(events)
                if not continues:
                    # The collection is gone, and this stream with it: start a new one.
                    self._followers.delete_one({"_id": self._service})
                    return
                self._confirm(token, bool(events))
                if events:
                    time.sleep(GATHER_SECONDS)

    def _prepare_collection(self) -> None:
        """Have MongoDB keep each document as it was before a change, and check documents.

        The earlier document shows the partition that the document has left.  Compass warns of
        documents that do not fit the validator.
        """
        if self._service not in self._db.list_collection_names():
            self._db.create_collection(self._service)
        self._db.command(
            "collMod",
            self._service,
            changeStreamPreAndPostImages={"enabled": True},
            validator={"$jsonSchema": self._validator},
            validationLevel="strict",
            validationAction="warn",
        )

    def _open_stream(self) -> ChangeStream:
        """Return the stream from the stored resume token on, or from the present without one."""
        collection = self._db[self._service]
        stored = self._followers.find_one({"_id": self._service}) or {}
        if token := stored.get("token"):
            try:
                return ChangeStream(collection, token)
            except OperationFailure as error:
                if error.code not in HISTORY_LOST:
                    raise
                log.warning(
                    "%s: the oplog does not hold all changes since the last run", self._service
                )
        stream = ChangeStream(collection)
        if stream.start:
            self._save(stream.start)
        return stream

    def _handle(self, events: Sequence[Document]) -> bool:
        """Renew the generations that changes concern; return False if the stream has ended.

        A change whose request has renewed the generations already is skipped, so that a write
        costs one miss and not two.
        """
        self._sweep_due.set()
        if not all(map(_has_images, events)):
            # A drop, a rename, or a change without images: the changed documents are unknown.
            self._renew_root()
            return all(event["operationType"] != "invalidate" for event in events)
        partition = self._repository.partition
        tags_of_events = [documents.cache_tags(_images(event), partition) for event in events]
        generations = self._read_generations(sorted(set().union(*tags_of_events)))
        stale_tags: set[str] = set()
        keys: set[str] = set()
        # From the last change to the first: a generation that the request of a change has renewed
        # covers all changes before it as well.
        renewed: set[str] = set()
        for event, tags in zip(reversed(events), reversed(tags_of_events), strict=True):
            token = _request_token(event, generations)
            renewed |= {token} - {""}
            if missed := {tag for tag in tags if generations[tag] not in renewed}:
                stale_tags |= missed
                refs = documents.refs(_images(event))
                keys |= {f"{self._repository.item}:{ref}" for ref in refs}
            if not token and (document := event.get("fullDocument")):
                self._update_search_terms(document)
        if stale_tags:
            write = Write(self._service, stale_tags, new_token(), sorted(keys))
            self._cache.renew_generations(write)
        return True

    def _read_generations(self, tags: Sequence[str]) -> dict[str, str]:
        """Return the current generations of tags; one that is missing is an empty text."""
        keys = [tag_of(self._service, tag) for tag in tags]
        tokens = redis_topology.read(self._redis, keys)
        texts = [(token or b"").decode(errors="replace") for token in tokens]
        return dict(zip(tags, texts, strict=True))

    def _update_search_terms(self, document: Document) -> None:
        """Store the search terms of a document that was edited outside of the API."""
        if self._repository.searched:
            terms = self._repository.searched.terms(document)
            if document.get("terms") != terms:
                unchanged = {"_id": document["_id"], "revision": document.get("revision")}
                self._db[self._service].update_one(unchanged, {"$set": {"terms": terms}})

    def _confirm(self, token: Token, had_events: bool) -> None:
        """Extend the lease and store the resume token, if all recent writes were seen.

        Every half second MongoDB is asked for its time of operation.  When the stream has reached
        that time, all writes before the question were seen, and the lease starts at the question.
        An empty stream alone proves nothing: it waits for a majority of MongoDB's members.
        """
        if self._target is None:
            if time.monotonic() - self._target_read_at < EXTEND_SECONDS:
                return
            self._target_read_at = time.monotonic()
            self._target = self._db.command("ping")["operationTime"]
        reached = token_time(token)
        # Several changes may have one time, and more of them may follow.
        if reached < self._target or (had_events and reached == self._target):
            return
        self._target = None
        elapsed = time.monotonic() - self._target_read_at
        milliseconds = round((LEASE_SECONDS - elapsed) * 1000)
        if milliseconds > 0:
            self._extend_lease(milliseconds)
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._failures = 0
            self._save(token)

    def _save(self, token: Token) -> None:
        self._saved_at = time.monotonic()
        progress = {"token": token, "at": documents.now()}
        self._followers.update_one({"_id": self._service}, {"$set": progress}, upsert=True)

    def _extend_lease(self, milliseconds: int) -> None:
        """Let the root live on, or renew it if it is not the root of an unbroken lease."""
        root = root_of(self._service)
        (current,) = redis_topology.read(self._redis, [root])
        is_same = redis_topology.servers(self._redis) == self._servers
        if not is_same or not _is_token(current) or not self._redis.pexpire(root, milliseconds):
            self._renew_root()

    def _renew_root(self) -> None:
        self._servers = redis_topology.servers(self._redis)
        self._redis.set(root_of(self._service), new_token(), ex=LEASE_SECONDS)
        self._sweep_due.set()

    def _end_lease(self) -> None:
        """Remove the root: MongoDB may be restored before the next follower starts."""
        with contextlib.suppress(*REDIS_ERRORS):
            self._redis.unlink(root_of(self._service))

    def _count_failure(self, error: Exception) -> None:
        """Skip the place in the stream at which following has failed several times."""
        self._failures += 1
        if self._failures == MAX_FAILURES:
            sentry.report(error, "follower")
        if self._failures % MAX_FAILURES == 0:
            with contextlib.suppress(PyMongoError):
                self._followers.delete_one({"_id": self._service})
                log.error("%s: skipping the changes at which following fails", self._service)

    def _sweep(self) -> None:
        """Remove stale entries in a thread of its own, because following must not wait for it."""
        while self._sweep_due.wait() and not self.stopping:
            self._sweep_due.clear()
            started = time.monotonic()
            try:
                sweeper.sweep(self._redis, self._service)
            except Exception as error:
                log.warning("%s: stale entries stay: %s", self._service, _summary(error))
            self._stopped.wait(max(SWEEP_SECONDS, SWEEP_PAUSE * (time.monotonic() - started)))

    @property
    def _followers(self) -> Collection[Document]:
        return self._db["followers"]


def _images(event: Document) -> list[Document]:
    """Return the document of a change as it was before and as it is after, if they exist."""
    return [document for name in _IMAGES if (document := event.get(name))]


def _has_images(event: Document) -> bool:
    """Return True if an event has all documents that its type of change has."""
    before, after = (bool(event.get(name)) for name in _IMAGES)
    return {"insert": after, "delete": before}.get(event["operationType"], before and after)


def _request_token(event: Document, generations: dict[str, str]) -> str:
    """Return the token of the request that made a change and renewed the generations, or "".

    An edit outside of the API leaves the token of the previous write in the document.  So the
    change itself must have set the token, and the generation of the document's own tag must be
    equal to it.
    """
    document = event.get("fullDocument") or {}
    token = document.get("written")
    if not isinstance(token, str) or generations.get(str(document["_id"])) != token:
        return ""
    if event["operationType"] == "update":
        is_new = "written" in event["updateDescription"]["updatedFields"]
    else:
        is_new = (event.get("fullDocumentBeforeChange") or {}).get("written") != token
    return token if is_new else ""


def token_time(token: Token) -> Timestamp:
    """Return the time of a resume token, which starts with a type and a BSON timestamp."""
    data = str(token.get("_data", ""))
    return Timestamp(int(data[2:10], 16), int(data[10:18], 16)) if len(data) >= 18 else _NEVER


def _is_token(value: Any) -> bool:
    return isinstance(value, bytes) and bool(_TOKEN.fullmatch(value))


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(',')[0][:200]}"


def connect(package: str, settings: Settings) -> Follower:
    """Return the follower of the service of a package."""
    name = package.removeprefix("api_")
    resource = getattr(import_module(f"{package}.resource"), name)
    mongo = open_mongo(settings.mongo_uri, 10)
    # One attempt: a break must be noticed, not repaired.
    redis = redis_topology.connect(settings.redis_write_url or settings.redis_url, 1, tries=1)
    db = mongo.get_default_database("vitrine")
    validator = json_schema(resource.schema)
    history = AuditLog(db[f"{name}.history"], resource.origins)
    return Follower(resource.repository, validator, db, redis, settings.cache_ttl_seconds, history)


def follow(package: str) -> None:
    """Follow the service of a package until the process is stopped."""
    service = package.removeprefix("api_")
    settings = startup.read_settings()
    log_format.start(service, settings.log_level)
    logging.captureWarnings(True)
    sentry.start(settings, service, startup.code_digest(import_module(f"{package}.resource")))
    follower = connect(package, settings)

    def stop(signal_number: int, frame: FrameType | None) -> None:
        follower.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    follower.run()
