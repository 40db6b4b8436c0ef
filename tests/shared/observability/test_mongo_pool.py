"""Connections to MongoDB: when they last failed."""

import time

from pymongo.monitoring import PoolClearedEvent

from shared.observability.mongo_pool import RECOVERY_SECONDS, PoolListener


def test_a_failure_is_known_for_a_while(monkeypatch):
    pool = PoolListener()
    assert not pool.failed_lately()
    pool.pool_cleared(PoolClearedEvent(("127.0.0.1", 27017)))
    assert pool.failed_lately()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + RECOVERY_SECONDS)
    assert not pool.failed_lately()
