"""Connections to MongoDB: when they last failed."""

import time

from pymongo.monitoring import PoolClearedEvent, PoolReadyEvent

from shared.observability.mongo_pool import RECOVERY_SECONDS, PoolListener

ADDRESS = ("127.0.0.1", 27017)


def test_a_failure_is_known_for_a_while(monkeypatch):
    pool = PoolListener()
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pool.pool_ready(PoolReadyEvent(ADDRESS))
    assert not pool.failed_lately()
    pool.pool_cleared(PoolClearedEvent(ADDRESS))
    assert pool.failed_lately()
    now[0] += RECOVERY_SECONDS
    assert not pool.failed_lately()
    # A MongoDB that is back after a long failure is slow at first.
    pool.pool_ready(PoolReadyEvent(ADDRESS))
    assert pool.failed_lately()
    now[0] += RECOVERY_SECONDS
    pool.pool_ready(PoolReadyEvent(ADDRESS))
    assert not pool.failed_lately()
