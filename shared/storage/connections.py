"""Connections of a service process: MongoDB, Redis, the job queue and the other services.

Tests replace them as a whole, with fakes or with other servers.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
WRITE_SECONDS = 0.5  # for an invalidation, which is worth waiting for
QUEUE_SECONDS = 1  # for queueing a job; a job that is not queued is noted in MongoDB as due


@dataclass(frozen=True, slots=True)
class Connections:
    """The database, the Redis of the cache, the other services, and the Redis of the job queue."""

    db: Database[Document]
    redis: Redis
    cache: Cache
    services: ServiceClient
    queue: Redis
    _counts: dict[Hashable, int] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def connect(cls, settings: Settings, release: str = "0") -> "Connections":
        """Return clients that connect on first use, so that a server may be down meanwhile.

        Call it in the process that uses them, after any fork.

        Args:
            settings: The addresses of the servers.
            release: The name of the code that makes the responses to cache.
        """
        db = open_mongo(settings.mongo_uri, 30).get_default_database("vitrine")
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
        if not tokens:
            return self.count_now(name, filter, limit)
        key = name, repr(filter), limit, tokens
        counted = self._counts.get(key)
        if counted is None:
            counted = self.count_now(name, filter, limit)
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
        try:
            answer = self.db.command(command)
        except AutoReconnect:
            answer = self.db.command(command)  # Another member has become the primary.
        return int(answer["n"])

    def open_session(self) -> ClientSession:
        """Return a session for one transaction."""
        return self.db.client.start_session()


def open_mongo(uri: str, seconds: float) -> MongoClient[Document]:
    """Return a client that connects on first use and waits ``seconds`` for an answer."""
    return MongoClient(
        uri,
        tz_aware=True,
        datetime_conversion="DATETIME_AUTO",  # A hand edit may have stored a year like 20260.
        w="majority",  # An acknowledged write survives the loss of any minority.
        serverSelectionTimeoutMS=2000,
        connectTimeoutMS=2000,
        socketTimeoutMS=round(seconds * 1000),
        event_listeners=[PoolListener()],
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


def connections() -> Connections:
    """Return the connections of the current app."""
    connections: Connections = current_app.extensions["connections"]
    return connections
