"""Metrics of the connections to MongoDB, open, in use, waited for, and when they last failed."""

import time

from pymongo import monitoring

from shared.observability.metrics import CONNECTION_FAILURES, CONNECTION_WAITS, CONNECTIONS

LONG_SECONDS = 0.01  # seconds of a wait for a connection that is counted
RECOVERY_SECONDS = 10.0  # seconds after a failure in which MongoDB may still be slow

_OPEN = CONNECTIONS.labels("open")
_IN_USE = CONNECTIONS.labels("in_use")


class PoolListener(monitoring.ConnectionPoolListener):
    """Counter of the events of a ``MongoClient``'s pools (CMAP specification of MongoDB)."""

    def __init__(self) -> None:
        self._failed_at = float("-inf")
        self._down: set[tuple[str, int | None]] = set()

    def failed_lately(self) -> bool:
        """Return True if a server of MongoDB was lost or came back within the last seconds."""
        return time.monotonic() - self._failed_at < RECOVERY_SECONDS

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:
        """Count a new connection."""
        _OPEN.inc()

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:
        """Count a closed connection."""
        _OPEN.dec()

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        """Count a connection in use, and a long wait for it."""
        _IN_USE.inc()
        if (event.duration or 0) > LONG_SECONDS:
            CONNECTION_WAITS.inc()

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        """Count an operation that got no connection."""
        CONNECTION_FAILURES.inc()

    def connection_checked_in(self, event: monitoring.ConnectionCheckedInEvent) -> None:
        """Count a connection that is free again."""
        _IN_USE.dec()

    def connection_check_out_started(
        self, event: monitoring.ConnectionCheckOutStartedEvent
    ) -> None:
        """Do nothing: the event at its end is counted."""

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None:
        """Do nothing: the connection was counted when it was created."""

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        """Do nothing: only connections are counted."""

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None:
        """Note the end of a failure; the first start of a pool is none."""
        if event.address in self._down:
            self._down.discard(event.address)
            self._failed_at = time.monotonic()

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None:
        """Note the failure; each connection that is closed has an event of its own."""
        self._down.add(event.address)
        self._failed_at = time.monotonic()

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None:
        """Do nothing: each connection that is closed has an event of its own."""
