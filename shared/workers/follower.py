"""Tails a collection's change stream and invalidates what others wrote: ``vitrine up`` runs it.

    python -m shared follow api_products

It covers what a request cannot: a process killed between commit and invalidation, Redis out of
reach at that moment, edits made beside the API.  While it has caught up with MongoDB, on an
unbroken connection to the same Redis, it keeps extending the root's lease of five seconds; after
any break, and when Redis was started again or another one took its place, it renews the root
instead, because it cannot know what the break has hidden.  So whatever fails, nothing stale
outlives the lease, and when it is told to stop it ends the lease itself.  Several followers of one
service may run at once.
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
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from redis import Redis

from shared.cache import redis_topology
from shared.cache import sweeper as sweep
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
from shared.storage.repository import Repository

log = logging.getLogger("vitrine.follower")

GATHER_SECONDS = 0.02  # What comes meanwhile is handled at once.
EXTEND_SECONDS = 0.5
SAVE_SECONDS = 1.0
RETRY_SECONDS = 0.2
FAILURES = 3
SWEEP_SECONDS = 0.3
SWEEP_REST = 19  # times as long as a sweep took: it goes through all keys there are
_NEVER = Timestamp(0, 0)
_IMAGES = ("fullDocumentBeforeChange", "fullDocument")
_TOKEN = re.compile(rb"[0-9a-f]{16}")


class Follower:
    """One service's follower: one change stream, one connection to Redis."""

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
        self._asked = self._saved = 0.0
        self._failures = 0
        self._goal: Timestamp | None = None
        self._to_sweep = threading.Event()
        self._ended = threading.Event()
        self.stopping = False

    def run(self) -> None:
        """Follow until ``stopping``; after a failure, begin again with a renewed root."""
        sweeper = threading.Thread(target=self._sweep, daemon=True)
        sweeper.start()
        while not self.stopping:
            try:
                self._follow()
            except Exception as error:
                log.warning("%s: following again after %s", self._service, _brief(error))
                self._redis.close()
                time.sleep(RETRY_SECONDS)
                if not isinstance(error, (ConnectionFailure, *REDIS_ERRORS)):
                    self._skip_what_fails(error)
        self._give_up_lease()
        self._ended.set()
        self._to_sweep.set()
        sweeper.join()

    def _follow(self) -> None:
        self._prepare()
        with self._open() as changes:
            # What happened before the stream began may be hidden from it; the root covers that.
            self._renew_root()
            self._goal = None
            log.info("%s: following", self._service)
            while not self.stopping:
                events, token = changes.next()
                goes_on = self._handle(events) if events else True
                # Before it is noted how far we are, lest any change be left out.
                self._history.record(events)
                if not goes_on:
                    # The collection is gone, and this stream with it; the next one begins anew.
                    self._followers.delete_one({"_id": self._service})
                    return
                self._confirm(token, bool(events))
                if events:
                    time.sleep(GATHER_SECONDS)

    def _open(self) -> ChangeStream:
        collection = self._db[self._service]
        saved = self._followers.find_one({"_id": self._service}) or {}
        if token := saved.get("token"):
            try:
                return ChangeStream(collection, token)
            except OperationFailure as error:
                if error.code not in HISTORY_LOST:
                    raise
                log.warning("%s: the oplog no longer holds what was missed", self._service)
        changes = ChangeStream(collection)
        if changes.start:
            self._save(changes.start)
        return changes

    def _prepare(self) -> None:
        """Have changes carry the document as it was before, and Compass warn of what does not fit.

        The document before tells the old partition.
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

    def _handle(self, events: Sequence[Document]) -> bool:
        """Renew the tags of some changes; return whether the stream goes on."""
        self._to_sweep.set()
        if not all(map(_is_complete, events)):
            # Dropped, renamed, or without images: what it concerned is not known.
            self._renew_root()
            return all(event["operationType"] != "invalidate" for event in events)
        partition = self._repository.partition
        tags = [documents.cache_tags(_documents(event), partition) for event in events]
        now = self._current(sorted(set().union(*tags)))
        stale: set[str] = set()
        keys: set[str] = set()
        # What a request has renewed is renewed for all that was written before it.
        renewed: set[str] = set()
        for event, concerned in zip(reversed(events), reversed(tags), strict=True):
            own = _written_by_request(event, now)
            renewed |= {own} - {""}
            if missed := {tag for tag in concerned if now[tag] not in renewed}:
                stale |= missed
                refs = documents.refs(_documents(event))
                keys |= {f"{self._repository.item}:{ref}" for ref in refs}
            if not own and (after := event.get("fullDocument")):
                self._find_by_new_words(after)
        if stale:
            self._cache.renew_generations(Write(self._service, stale, new_token(), sorted(keys)))
        return True

    def _current(self, tags: Sequence[str]) -> dict[str, str]:
        """Return the generations of some tags as they are now."""
        found = redis_topology.read(self._redis, [tag_of(self._service, tag) for tag in tags])
        tokens = [(each or b"").decode(errors="replace") for each in found]
        return dict(zip(tags, tokens, strict=True))

    def _find_by_new_words(self, document: Document) -> None:
        """Give a document that was edited by hand the search terms of what it says now."""
        if self._repository.searched:
            terms = self._repository.searched.terms(document)
            if document.get("terms") != terms:
                same = {"_id": document["_id"], "revision": document.get("revision")}
                self._db[self._service].update_one(same, {"$set": {"terms": terms}})

    def _confirm(self, token: Token, busy: bool) -> None:
        """Extend the lease when all is seen that was written until lately, and note how far we are.

        Now and then MongoDB is asked what time it is there.  Once the stream has come to that
        moment, we know all that was written until we asked, and the lease counts from then.  An
        empty stream alone would tell nothing: it waits for a majority of MongoDB's members.
        """
        if self._goal is None:
            if time.monotonic() - self._asked < EXTEND_SECONDS:
                return
            self._asked = time.monotonic()
            self._goal = self._db.command("ping")["operationTime"]
        moment = _moment(token)
        # Several changes may be of one moment, and after some there may be more of them.
        if moment < self._goal or (busy and moment == self._goal):
            return
        self._goal = None
        left = round((LEASE_SECONDS - (time.monotonic() - self._asked)) * 1000)
        if left > 0:
            self._extend(left)
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            self._failures = 0
            self._save(token)

    def _save(self, token: Token) -> None:
        self._saved = time.monotonic()
        note = {"token": token, "at": documents.now()}
        self._followers.update_one({"_id": self._service}, {"$set": note}, upsert=True)

    def _extend(self, milliseconds: int) -> None:
        root = root_of(self._service)
        (current,) = redis_topology.read(self._redis, [root])
        same = redis_topology.servers(self._redis) == self._servers
        if not same or not _is_token(current) or not self._redis.pexpire(root, milliseconds):
            self._renew_root()

    def _skip_what_fails(self, error: Exception) -> None:
        """Let go of the place in the stream when following fails again and again at it."""
        self._failures += 1
        if self._failures == FAILURES:
            sentry.report(error, "follower")
        if self._failures % FAILURES == 0:
            with contextlib.suppress(PyMongoError):
                self._followers.delete_one({"_id": self._service})
                log.error("%s: what it stumbles over is skipped", self._service)

    def _sweep(self) -> None:
        """Sweep what was made worthless, beside the following, which must not wait for it."""
        while self._to_sweep.wait() and not self.stopping:
            self._to_sweep.clear()
            started = time.monotonic()
            try:
                sweep.sweep(self._redis, self._service)
            except Exception as error:
                log.warning("%s: nothing is swept: %s", self._service, _brief(error))
            self._ended.wait(max(SWEEP_SECONDS, SWEEP_REST * (time.monotonic() - started)))

    def _renew_root(self) -> None:
        self._servers = redis_topology.servers(self._redis)
        self._redis.set(root_of(self._service), new_token(), ex=LEASE_SECONDS)
        self._to_sweep.set()

    def _give_up_lease(self) -> None:
        """Let nothing count until somebody has looked again: MongoDB may be restored meanwhile."""
        with contextlib.suppress(*REDIS_ERRORS):
            self._redis.unlink(root_of(self._service))

    @property
    def _followers(self) -> Collection[Document]:
        return self._db["followers"]


def _documents(event: Document) -> list[Document]:
    """Return the document of a change as it was and as it is, as far as there are such."""
    return [each for name in _IMAGES if (each := event.get(name))]


def _is_complete(event: Document) -> bool:
    """Whether a change tells all that it concerns."""
    before, after = (bool(event.get(name)) for name in _IMAGES)
    return {"insert": after, "delete": before}.get(event["operationType"], before and after)


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


def _moment(token: Token) -> Timestamp:
    """Return the moment a resume token is of: it begins with a type and a BSON timestamp."""
    data = str(token.get("_data", ""))
    return Timestamp(int(data[2:10], 16), int(data[10:18], 16)) if len(data) >= 18 else _NEVER


def _is_token(value: Any) -> bool:
    return isinstance(value, bytes) and bool(_TOKEN.fullmatch(value))


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(',')[0][:200]}"


def connect(package: str, settings: Settings) -> Follower:
    """Return a follower of a service, by the name of its package."""
    name = package.removeprefix("api_")
    resource = getattr(import_module(f"{package}.resource"), name)
    mongo = open_mongo(settings.mongo_uri, 10)
    # No second try: a break must be noticed, not mended.
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

    def stop(number: int, frame: FrameType | None) -> None:
        follower.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    follower.run()
