"""Connections of a service process: MongoDB, Redis, the job queue and the other services.

Tests replace them as a whole, with fakes or with other servers.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pymongo
from flask import Flask, current_app
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import AutoReconnect, PyMongoError
from redis import Redis

from shared.cache import redis_topology
from shared.cache.cache import Cache
from shared.config.settings import Settings
from shared.http.service_client import HttpTransport, ServiceClient
from shared.http.tokens import Tokens
from shared.observability.mongo_pool import PoolListener
from shared.schema.serialization import Document

READ_SECONDS = 0.1  # for a read of the cache: MongoDB answers faster than a slower Redis
MAX_COUNTS = 1_000  # counts that are kept
ANSWER_SECONDS = 1  # for a MongoDB that is busy, too
WRITE_SECONDS = 0.5  # for an invalidation, which is worth waiting for
QUEUE_SECONDS = 1  # for queueing a job; a job that is not queued is noted in MongoDB as due

Counted = TypeVar("Counted")


@dataclass(frozen=True, slots=True)
class Connections:
    """The database, the Redis of the cache, the other services, and the Redis of the job queue.

    ``pool`` knows when MongoDB was last lost.
    """

    db: Database[Document]
    redis: Redis
    cache: Cache
    services: ServiceClient
    queue: Redis
    pool: PoolListener = field(default_factory=PoolListener)
    _counts: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)
    # What a process keeps of other services.
    notes: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def connect(cls, settings: Settings, release: str = "0") -> "Connections":
        """Return clients that connect on first use, so that a server may be down meanwhile.

        Call it in the process that uses them, after any fork.

        Args:
            settings: The addresses of the servers.
            release: The name of the code that makes the responses to cache.
        """
        pool = PoolListener()
        db = open_mongo(settings.mongo_uri, 30, pool).get_default_database("vitrine")
        url = settings.redis_write_url or settings.redis_url
        redis = redis_topology.connect(url, READ_SECONDS, tries=1)
        writer = redis_topology.connect(url, WRITE_SECONDS, tries=1)
        read_url = settings.redis_read_url
        reader = redis_topology.connect(read_url, READ_SECONDS, tries=1) if read_url else None
        cache = Cache(
            redis,
            settings.cache_ttl_seconds,
            leased=has_change_streams(db),
            release=release,
            reader=reader,
            writer=writer,
        )
        return cls(
            db,
            redis,
            cache,
            ServiceClient(HttpTransport(settings), Tokens(settings)),
            redis_topology.connect(settings.queue_url, QUEUE_SECONDS, tries=2),
            pool,
        )

    def count(
        self, name: str, filter: Mapping[str, Any], limit: int = 0, tokens: tuple[str, ...] = ()
    ) -> int:
        """Return the number of documents that a filter finds.

        Args:
            name: The collection.
            filter: Finds the documents.
            limit: The number at which counting stops; 0 to count all.
            tokens: The generations of the cache that were current before, if a write to any of the
                documents renews one of them: while they are current, all counts are the same.
        """
        key = ("count", name, repr(filter), limit)
        return self.remember(key, tokens, lambda: self.count_now(name, filter, limit))

    def count_each(
        self,
        name: str,
        filters: Sequence[Mapping[str, Any]],
        limit: int = 0,
        tokens: tuple[str, ...] = (),
        session: ClientSession | None = None,
    ) -> list[int]:
        """Return the number of documents that each filter finds, by one query.

        The arguments are those of ``count``, and the session of a transaction.
        """
        keys = [("count", name, repr(filter), limit) for filter in filters]
        # Another thread may clear the counts at any time.
        kept = ((key, self._counts.get((key, tokens))) for key in keys)
        known = {key: count for key, count in kept if count is not None}
        missing = {key: each for key, each in zip(keys, filters, strict=True) if key not in known}
        counts = self.count_each_now(name, [*missing.values()], limit, session)
        known |= dict(zip(missing, counts, strict=True))
        return [self.remember(key, tokens, partial(known.__getitem__, key)) for key in keys]

    def remember(
        self, key: Hashable, tokens: tuple[str, ...], count: Callable[[], Counted]
    ) -> Counted:
        """Return what ``count`` returns, or has returned for this key and these tokens."""
        if not tokens:
            return count()
        key = key, tokens
        counted: Counted | None = self._counts.get(key)
        if counted is None:
            counted = count()
            if len(self._counts) >= MAX_COUNTS:
                self._counts.clear()
            self._counts[key] = counted
        return counted

    def count_now(self, name: str, filter: Mapping[str, Any], limit: int = 0) -> int:
        """Return the number of documents that a filter finds now, by the command ``count``.

        It counts the keys of an index in a third of the time of the aggregation that pymongo sends.
        """
        command: Document = {"count": name, "query": filter}
        command |= {"limit": limit} if limit else {}
        command |= {} if filter else {"hint": "_id_"}
        with self.open_session().bind():  # The command cannot read at an earlier moment.
            try:
                answer = self.db.command(command)
            except AutoReconnect:
                answer = self.db.command(command)  # Another member has become the primary.
        return int(answer["n"])

    def estimate(self, name: str) -> int:
        """Return the number of all documents, which MongoDB knows without counting them."""
        with self.open_session().bind():
            return self.db[name].estimated_document_count()

    def count_each_now(
        self,
        name: str,
        filters: Sequence[Mapping[str, Any]],
        limit: int = 0,
        session: ClientSession | None = None,
    ) -> list[int]:
        """Return the number of documents that each filter finds now, by one aggregation."""
        if not filters:
            return []
        if len(filters) == 1 and session is None:
            return [self.count_now(name, filters[0], limit)]
        groups: list[list[Document]] = [
            [
                {"$match": filter},
                *([{"$limit": limit}] if limit else []),
                {"$group": {"_id": {"$literal": place}, "n": {"$sum": 1}}},
            ]
            for place, filter in enumerate(filters)
        ]
        # Each part counts the keys of an index by itself; the branches of $facet would read all
        # documents.
        others = [{"$unionWith": {"coll": name, "pipeline": group}} for group in groups[1:]]
        counts = [0] * len(filters)
        pipeline, size = [*groups[0], *others], len(groups) + 1
        for group in self.db[name].aggregate(pipeline, session=session, batchSize=size):
            counts[group["_id"]] = group["n"]
        return counts

    def answers(self) -> bool:
        """Return True if MongoDB answers at once."""
        try:
            with self.open_session().bind(), pymongo.timeout(ANSWER_SECONDS):
                self.db.command("ping")
        except PyMongoError:
            return False
        return True

    def open_session(self) -> ClientSession:
        """Return a session of its own, as a transaction needs it."""
        return self.db.client.start_session()

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Read in this block what a majority of MongoDB's members had at its first read."""
        with self.db.client.start_session(snapshot=True).bind():
            yield


def open_mongo(uri: str, seconds: float, pool: PoolListener | None = None) -> MongoClient[Document]:
    """Return a client that connects on first use and waits ``seconds`` for an answer.

    Args:
        uri: The address of MongoDB.
        seconds: How long an answer may take.
        pool: Counts the connections, and knows when they last failed.
    """
    return MongoClient(
        uri,
        tz_aware=True,
        datetime_conversion="DATETIME_AUTO",  # A hand edit may have stored a year like 20260.
        w="majority",  # An acknowledged write survives the loss of any minority.
        serverSelectionTimeoutMS=1500,
        connectTimeoutMS=1500,
        socketTimeoutMS=round(seconds * 1000),
        # A MongoDB that stops answering is noticed after 2.5 s, and its requests end then.
        heartbeatFrequencyMS=1000,
        event_listeners=[pool or PoolListener()],
    )


def has_change_streams(db: Database[Document]) -> bool:
    """Return True if MongoDB has change streams, so that a follower keeps the cache's roots.

    The result is True while MongoDB does not answer, too: then nothing is cached.
    """
    try:
        hello = db.client.admin.command("hello")
    except PyMongoError:
        return True
    return "setName" in hello or hello.get("msg") == "isdbgrid"


def init_app(app: Flask, connections: Connections) -> None:
    """Set the connections of an app."""
    app.extensions["connections"] = connections


def settings() -> Settings:
    """Return the settings of the current app."""
    settings: Settings = current_app.extensions["settings"]
    return settings


def connections() -> Connections:
    """Return the connections of the current app."""
    connections: Connections = current_app.extensions["connections"]
    return connections
