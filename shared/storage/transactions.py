"""Transactions of MongoDB: all writes of a function are committed together, or none."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidOperation,
    ServerSelectionTimeoutError,
)

from shared.cache import leases
from shared.cache.cache import Write
from shared.http.errors import ServiceUnavailable
from shared.storage.connections import connections
from shared.storage.outages import MONGODB_IS_DOWN

T = TypeVar("T")

TRANSACTION_SECONDS = 8  # that a transaction may take
COMMIT_SECONDS = 3  # for the commit, which pymongo repeats
PRIMARY_SECONDS = 1.5  # for a primary to be there
ABORT_SECONDS = 0.3  # for the abort of a transaction whose connection has failed; MongoDB ends it
ATTEMPTS = 5  # of a transaction that meets a unique value taken by another write


@dataclass(slots=True)
class _Transaction:
    """A running transaction: what to invalidate and what to call after its commit.

    ``is_connected`` is False until there is a primary, and again after a connection has failed.
    """

    session: ClientSession
    writes: list[Write] = field(default_factory=list)
    calls: list[Callable[[], object]] = field(default_factory=list)
    is_connected: bool = False


_running: ContextVar[_Transaction | None] = ContextVar("transaction", default=None)


def transaction(work: Callable[[], T]) -> T:
    """Return ``work()``, run in a transaction.

    ``work`` may run several times: after a conflict with another transaction it is repeated.  Each
    call to the database in it has to pass ``current_session()``.  Inside another transaction it
    becomes a part of that one.
    """
    if _running.get():
        return work()
    for _ in range(ATTEMPTS - 1):
        try:
            return _run(work)
        except (DuplicateKeyError, BulkWriteError):
            # Another write has taken a unique value; the next attempt reads its document.
            continue
    return _run(work)


def _run(work: Callable[[], T]) -> T:
    with pymongo.timeout(TRANSACTION_SECONDS), connections().open_session() as session:
        running = _Transaction(session)

        def attempt(session: ClientSession) -> T:
            if not running.is_connected:
                _select_primary(session)
                running.is_connected = True
            running.writes.clear()
            running.calls.clear()
            entered = _running.set(running)
            try:
                result = work()
                with pymongo.timeout(COMMIT_SECONDS):
                    session.commit_transaction()
                return result
            except ConnectionFailure:
                running.is_connected = False
                # Else pymongo would try to abort until all time is used up.
                with pymongo.timeout(ABORT_SECONDS):
                    if session.in_transaction:
                        session.abort_transaction()
                raise
            finally:
                _running.reset(entered)

        result = session.with_transaction(attempt)
    _invalidate(running.writes)
    for call in running.calls:
        call()
    return result


def _select_primary(session: ClientSession) -> None:
    """Wait for a primary, but not for all the time that a transaction may take.

    Raises:
        ServiceUnavailable: MongoDB has no primary, or does not answer.
    """
    try:
        with pymongo.timeout(PRIMARY_SECONDS):
            _ = session.client.address
    except InvalidOperation:
        return  # There are several mongos, and any of them may take the writes.
    except ServerSelectionTimeoutError as error:
        raise ServiceUnavailable(MONGODB_IS_DOWN) from error


def current_session() -> ClientSession | None:
    """Return the session of the running transaction, None outside of one."""
    running = _running.get()
    return running.session if running else None


def invalidate_on_commit(write: Write) -> None:
    """Invalidate what a write makes stale, after the commit; outside of a transaction at once."""
    running = _running.get()
    if running:
        running.writes.append(write)
    else:
        _invalidate([write])


def _invalidate(writes: list[Write]) -> None:
    leases.invalidate(connections().db, connections().cache, writes)


def on_commit(call: Callable[[], object]) -> None:
    """Call a function after the commit; outside of a transaction at once.

    It is for effects that cannot be rolled back, such as queueing a job.
    """
    running = _running.get()
    if running:
        running.calls.append(call)
    else:
        call()
