"""Transactions of MongoDB: all writes of a function are committed together, or none."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, DuplicateKeyError

from shared.cache.cache import Write
from shared.storage.connections import connections

T = TypeVar("T")

TRANSACTION_SECONDS = 8  # that a transaction may take
ATTEMPTS = 5  # of a transaction that meets a unique value taken by another write


@dataclass(slots=True)
class _Transaction:
    """A running transaction: what to invalidate and what to call after its commit."""

    session: ClientSession
    writes: list[Write] = field(default_factory=list)
    calls: list[Callable[[], object]] = field(default_factory=list)


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

        def attempt(_: ClientSession) -> T:
            running.writes.clear()
            running.calls.clear()
            entered = _running.set(running)
            try:
                return work()
            finally:
                _running.reset(entered)

        result = session.with_transaction(attempt)
    connections().cache.invalidate(*running.writes)
    for call in running.calls:
        call()
    return result


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
        connections().cache.invalidate(write)


def on_commit(call: Callable[[], object]) -> None:
    """Call a function after the commit; outside of a transaction at once.

    It is for effects that cannot be rolled back, such as queueing a job.
    """
    running = _running.get()
    if running:
        running.calls.append(call)
    else:
        call()
