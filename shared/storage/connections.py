"""What a service process is connected to, and the single seam tests replace."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pymongo
from flask import Flask, current_app
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    PyMongoError,
)
from redis import Redis

from shared.cache import redis_topology
from shared.cache.cache import Cache, Write
from shared.cache.redis_topology import REDIS_ERRORS
from shared.config.settings import Settings
from shared.http.errors import ServiceUnavailable
from shared.http.service_client import HttpTransport, ServiceClient
from shared.http.tokens import Tokens
from shared.observability.mongo_pool import PoolListener
from shared.schema.serialization import Document

T = TypeVar("T")
TRANSACTION_SECONDS = 8
READ_SECONDS = 0.1  # A cache that takes longer than MongoDB is none.
WRITE_SECONDS = 0.5  # An invalidation is worth waiting for.
QUEUE_SECONDS = 1  # Whoever queues a job writes down that it is due.


@dataclass(slots=True)
class _Transaction:
    """A running transaction, and what to invalidate and to do once it is committed."""

    session: ClientSession | None
    writes: list[Write] = field(default_factory=list)
    calls: list[Callable[[], object]] = field(default_factory=list)


_running: ContextVar[_Transaction | None] = ContextVar("transaction", default=None)


@dataclass(frozen=True, slots=True)
class Connections:
    """One database, one Redis with the cache in it, the other services, and the job queue."""

    db: Database[Document]
    redis: Redis
    cache: Cache
    services: ServiceClient
    queue: Redis

    @classmethod
    def connect(cls, settings: Settings, release: str = "0") -> "Connections":
        """Open clients that connect on first use, so a dead server is not fatal.

        Call it in the process that uses them, after any fork.  ``release`` names the code that
        makes the responses to cache.
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

    @property
    def session(self) -> ClientSession | None:
        """The session of the running transaction; every call to the database passes it."""
        running = _running.get()
        return running.session if running else None

    def transaction(self, work: Callable[[], T]) -> T:
        """Return ``work()``, with all its writes done or none; it may run several times.

        Invalidations wait for the commit.  A transaction inside another one joins it.
        """
        if _running.get():
            return work()
        for last in (False, False, False, False, True):
            try:
                return self._attempt(work)
            except (DuplicateKeyError, BulkWriteError):
                # A race for a unique value: what took it is there to be seen the next time.
                if last:
                    raise
        raise AssertionError("unreachable")

    def _attempt(self, work: Callable[[], T]) -> T:
        with pymongo.timeout(TRANSACTION_SECONDS), self.open_session() as session:
            running = _Transaction(session)

            def attempt(_: ClientSession | None) -> T:
                running.writes.clear()
                running.calls.clear()
                entered = _running.set(running)
                try:
                    return work()
                finally:
                    _running.reset(entered)

            result = session.with_transaction(attempt)
        self.cache.invalidate(*running.writes)
        for call in running.calls:
            call()
        return result

    def count(self, name: str, filter: Mapping[str, Any], limit: int = 0) -> int:
        """Count the documents of a collection that a filter finds, no more than a limit, 0 for all.

        By MongoDB's own command, which counts the keys of an index in a third of the time that the
        aggregation takes which pymongo makes of it.
        """
        command: Document = {"count": name, "query": filter}
        command |= {"limit": limit} if limit else {}
        command |= {} if filter else {"hint": "_id_"}
        try:
            answer = self.db.command(command)
        except AutoReconnect:
            answer = self.db.command(command)  # Another member has taken over.
        return int(answer["n"])

    def open_session(self) -> ClientSession:
        """Open a session for one transaction."""
        return self.db.client.start_session()

    def invalidate(self, write: Write) -> None:
        """Invalidate what is cached, as ``Cache.invalidate``, once the write is committed."""
        running = _running.get()
        if running:
            running.writes.append(write)
        else:
            self.cache.invalidate(write)

    def on_commit(self, call: Callable[[], object]) -> None:
        """Do what must not be undone, such as queueing a job, when the transaction is committed.

        Without a transaction that is now.
        """
        running = _running.get()
        if running:
            running.calls.append(call)
        else:
            call()


def open_mongo(uri: str, seconds: float) -> MongoClient[Document]:
    """Open a client that waits so long for an answer, and connects on first use."""
    return MongoClient(
        uri,
        tz_aware=True,
        datetime_conversion="DATETIME_AUTO",  # A hand edit may have put the year 20260 there.
        w="majority",  # What was acknowledged survives the loss of any minority.
        serverSelectionTimeoutMS=2000,
        connectTimeoutMS=2000,
        socketTimeoutMS=round(seconds * 1000),
        event_listeners=[PoolListener()],
    )


def has_change_streams(db: Database[Document]) -> bool:
    """Return True if MongoDB has change streams, so that a follower keeps the cache's roots.

    True also while MongoDB does not answer, because then nothing is cached without a follower.
    """
    try:
        hello = db.client.admin.command("hello")
    except PyMongoError:
        return True
    return "setName" in hello or hello.get("msg") == "isdbgrid"


def init_app(app: Flask, connections: Connections) -> None:
    """Give the app its connections."""
    app.extensions["connections"] = connections


def connections() -> Connections:
    """Return the current app's connections."""
    connections: Connections = current_app.extensions["connections"]
    return connections


def is_outage(error: BaseException | None) -> bool:
    """Whether an error says no more than that a server is down or too slow, which passes."""
    if isinstance(error, PyMongoError):
        return isinstance(error, ConnectionFailure) or error.timeout
    return isinstance(error, (ServiceUnavailable, *REDIS_ERRORS))
