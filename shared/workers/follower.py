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
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import FrameType
from typing import Any

from bson import Timestamp
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError
from redis import Redis

from shared.cache import leases, redis_topology, sweeper
from shared.cache.cache import LEASE_SECONDS, Cache, Write
from shared.cache.keys import mark_of, new_root, new_token, root_of, tag_of
from shared.cache.redis_topology import REDIS_ERRORS
from shared.config import startup
from shared.config.settings import Settings
from shared.observability import log_format, sentry
from shared.observability.tap import TAP
from shared.schema.groups import VARIANT
from shared.schema.mongo_schema import json_schema
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.audit_log import OUTSIDE, AuditLog
from shared.storage.change_stream import HISTORY_LOST, ChangeStream, Token
from shared.storage.connections import open_mongo
from shared.storage.outages import is_outage
from shared.storage.repository import Repository
from shared.storage.search.vocabulary import Vocabulary, VocabularyKeeper
from shared.workers.derived_fields import fill_in

log = logging.getLogger("vitrine.follower")

POLL_MILLISECONDS = 500  # that MongoDB waits for the first event of a batch
GATHER_SECONDS = 0.02  # seconds between two batches: changes of this time are handled together
EXTEND_SECONDS = 0.5  # seconds between two extensions of the lease
SAVE_SECONDS = 1.0  # seconds between two stored resume tokens
RETRY_SECONDS = 0.2  # seconds from a failure to the next attempt
MAX_FAILURES = 3  # failures in a row at one place of the stream, until it is skipped
SWEEP_SECONDS = 0.3  # seconds between two sweeps, at least
SWEEP_RETRY_SECONDS = 5.0  # seconds from a sweep that failed to the next one, at least
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
        self._runs: frozenset[str] = frozenset()
        searched = repository.searched
        vocabulary = Vocabulary(db[f"{repository.name}.words"])
        self._keeper = VocabularyKeeper(vocabulary, searched) if searched else None
        # The token by which this follower has renewed tags, by the place of the change.
        self._renewed: dict[str, str] = {}
        self._handled_at = 0.0  # the time at which the latest changes were handled
        self._mark = b""  # the beginning of this run's roots
        self._target: Timestamp | None = None
        self._target_read_at = self._saved_at = self._announced_until = 0.0
        self._failures = 0
        self._sweep_due = threading.Event()
        self._stopped = threading.Event()
        self.stopping = False

    def run(self) -> None:
        """Follow until ``stopping`` is true; after a failure, start again with a renewed root."""
        sweeping = threading.Thread(target=self._sweep, daemon=True)
        sweeping.start()
        collection = self._db[self._service]
        others = [
            threading.Thread(
                target=fill_in, args=(self._repository, collection, self._stopped), daemon=True
            )
        ]
        if self._keeper:
            others.append(
                threading.Thread(target=self._read_words, args=(self._keeper,), daemon=True)
            )
        for thread in others:
            thread.start()
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
        for thread in others:
            thread.join()

    def _follow(self) -> None:
        self._prepare_collection()
        with self._open_stream() as stream:
            # The stream may lack changes from before it was opened; a new root covers them.
            self._renew_root()
            self._target = None
            log.info("%s: following", self._service)
            while not self.stopping:
                events, token = stream.next(POLL_MILLISECONDS)
                self._renewed = {}
                continues = self._handle(events) if events else True
                # Recorded before the resume token is stored, so that no change is left out.
                entries = self._history.record(events, self._renewed)
                if TAP.on:
                    self._note(entries, events)
                if self._keeper:
                    self._keeper.store()
                if not continues:
                    # The collection is gone, and this stream with it: start a new one.
                    self._forget_position()
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
        self._handled_at = time.time()
        if not all(map(_has_images, events)):
            # A drop, a rename, or a change without images: the changed documents are unknown.
            self._renew_root()
            return all(event["operationType"] != "invalidate" for event in events)
        partitions = self._repository.partitions
        tags_of_events = [documents.cache_tags(_images(event), partitions) for event in events]
        generations = self._read_generations(sorted(set().union(*tags_of_events)))
        token_of_follower = new_token()
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
                self._renewed[event["_id"]["_data"]] = token_of_follower
                refs = documents.refs(_images(event))
                keys |= {f"{self._repository.item}:{ref}" for ref in refs}
            before, after = (event.get(name) for name in _IMAGES)
            # Most changes are of a price or a stock, and following them must not take long.
            if self._repository.derived.is_touched(before, after):
                if self._keeper:
                    self._keeper.note(before, after)
                if after:
                    self._update_derived(after, before)
        if stale_tags:
            write = Write(self._service, stale_tags, token_of_follower, sorted(keys))
            self._cache.renew_generations(write)
        self._sweep_due.set()  # Not before: a sweep leaves what is not stale yet.
        return True

    def _note(self, entries: Sequence[Document], events: Sequence[Document]) -> None:
        """Note changes for those who watch: who made them, and the tags that they concern."""
        partitions = self._repository.partitions
        images = {event["_id"]["_data"]: _images(event) for event in events}
        for entry in entries:
            TAP.note(
                {
                    "kind": "change",
                    "at": self._handled_at,
                    "service": self._service,
                    "id": entry["request"] or "",
                    "by": entry["by"] or OUTSIDE,
                    "outside": entry["by"] is None,
                    "place": entry["_id"],
                    "type": entry["kind"],
                    "item": documents.as_integer(entry["item"]),
                    "fields": entry["fields"],
                    "revision": entry["revision"],
                    "tags": sorted(documents.cache_tags(images[entry["_id"]], partitions)),
                    "renewed": entry["_id"] in self._renewed,
                    "token": entry.get("renewed") or entry.get("written", ""),
                }
            )

    def _read_generations(self, tags: Sequence[str]) -> dict[str, str]:
        """Return the current generations of tags; one that is missing is an empty text."""
        keys = [tag_of(self._service, tag) for tag in tags]
        tokens = redis_topology.read(self._redis, keys)
        texts = [(token or b"").decode(errors="replace") for token in tokens]
        return dict(zip(tags, texts, strict=True))

    def _update_derived(self, document: Document, before: Document | None) -> None:
        """Store the derived fields of a document, if its last writer left others.

        That is an edit outside of the API, or an instance of another version.
        """
        if fields := self._repository.derived.outdated(document, before):
            collection = self._db[self._service]
            unchanged = {"_id": document["_id"], "revision": document.get("revision")}
            try:
                collection.update_one(unchanged, _setting(fields))
            except DuplicateKeyError:
                # Another document has its options.  An old variant would keep them from others.
                collection.update_one(unchanged, _setting(fields | {VARIANT: None}))

    def _read_words(self, keeper: VocabularyKeeper) -> None:
        """Read the words of all documents once, in a thread of its own."""
        while not self._stopped.is_set():
            try:
                keeper.read_all(self._db[self._service], self._stopped)
                return
            except PyMongoError as error:
                log.warning("%s: words are read again after %s", self._service, _summary(error))
                self._stopped.wait(RETRY_SECONDS)

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
        seen, self._target = self._target, None
        until = min(self._target_read_at + LEASE_SECONDS, self._announced_until)
        if time.monotonic() < until:
            self._extend_lease(until)
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._failures = 0
            self._save(token, seen)

    def _save(self, token: Token, seen: Timestamp | None = None) -> None:
        self._saved_at = time.monotonic()
        self._announce({"token": token, "at": documents.now()}, seen)

    def _announce(self, progress: Document, seen: Timestamp | None = None) -> None:
        """Announce in MongoDB how long the root may live, for writes that Redis does not accept."""
        self._announced_until = leases.announce(self._db, self._service, progress, seen)

    def _forget_position(self) -> None:
        """Remove the resume token; what was announced stays true."""
        self._followers.update_one({"_id": self._service}, {"$unset": {"token": True}})

    def _extend_lease(self, until: float) -> None:
        """Let the root live on until a time of the monotonic clock.

        Renew it if it is not the root of an unbroken lease.  The end is a time of Redis's clock, so
        that a command that Redis runs late prolongs nothing.
        """
        root = root_of(self._service)
        (current,) = redis_topology.read(self._redis, [root])
        servers = redis_topology.servers(self._redis)
        end = servers.milliseconds + round((until - time.monotonic()) * 1000)
        is_same = servers.runs == self._runs
        # A follower of the version before makes roots that no reader of this version accepts.
        is_own = _is_token(current) and current.startswith(self._mark)
        if not is_same or not is_own or not self._redis.pexpireat(root, end):
            self._renew_root()

    def _renew_root(self) -> None:
        """Give the service a root that is valid in this run of Redis, for five seconds."""
        root = root_of(self._service)
        servers = redis_topology.servers(self._redis)
        # A Redis that accepts no writes refuses this one, and nothing is announced in vain.
        self._redis.unlink(root)
        self._announce({})
        self._runs = servers.runs
        # Of a cluster, the run that the root is in is unknown.
        is_known = len(servers.runs) == 1
        token = new_root(*servers.runs) if is_known else new_token()
        self._mark = mark_of(*servers.runs).encode() if is_known else b""
        self._redis.set(root, token, pxat=servers.milliseconds + LEASE_SECONDS * 1000)
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
                self._forget_position()
                log.error("%s: skipping the changes at which following fails", self._service)

    def _sweep(self) -> None:
        """Remove stale entries in a thread of its own, because following must not wait for it.

        Of failures in a row, the first is logged.
        """
        is_failing = False
        while self._sweep_due.wait() and not self.stopping:
            self._sweep_due.clear()
            started, pause = time.monotonic(), SWEEP_SECONDS
            try:
                sweeper.sweep(self._redis, self._service)
                is_failing = False
            except Exception as error:
                if not is_failing:
                    log.warning("%s: stale entries stay: %s", self._service, _summary(error))
                is_failing, pause = True, SWEEP_RETRY_SECONDS
                self._sweep_due.set()  # until the next sweep
            self._stopped.wait(max(pause, SWEEP_PAUSE * (time.monotonic() - started)))

    @property
    def _followers(self) -> Collection[Document]:
        return leases.followers(self._db)


def _setting(values: Mapping[str, Any]) -> Document:
    """Return the update that sets some fields, and removes those whose value is None."""
    removed = [name for name, value in values.items() if value is None]
    update = {
        "$set": {name: value for name, value in values.items() if value is not None},
        "$unset": dict.fromkeys(removed, ""),
    }
    return {operator: fields for operator, fields in update.items() if fields}


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
    # A connection of its own: the follower draws conclusions from a break of the other one.
    url = settings.redis_write_url or settings.redis_url
    TAP.start(redis_topology.connect(url, 1, tries=1), service)

    def stop(signal_number: int, frame: FrameType | None) -> None:
        follower.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    follower.run()
