"""Counts what becomes of the connections to MongoDB: how many are open, in use, waited for."""

from pymongo import monitoring

from shared.observability.metrics import CONNECTION_FAILURES, CONNECTION_WAITS, CONNECTIONS

LONG_SECONDS = 0.01

_OPEN = CONNECTIONS.labels("open")
_IN_USE = CONNECTIONS.labels("in_use")


class PoolListener(monitoring.ConnectionPoolListener):
    """What a ``MongoClient`` tells of its pools, counted (CMAP specification of MongoDB)."""

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:
        """Count a connection that is opened."""
        _OPEN.inc()

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:
        """Count a connection that is no more."""
        _OPEN.dec()

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        """Count a connection that is used from now on, and a long wait for it."""
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
        """Its end tells all there is to know."""

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None:
        """It was counted when it was created."""

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None:
        """Its connections count, not the pool."""

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None:
        """Its connections count, not the pool."""

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None:
        """Each connection of it that is closed says so itself."""

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None:
        """Each connection of it that is closed says so itself."""
