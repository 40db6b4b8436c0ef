"""What Prometheus asks for: counters that all worker processes of a service share.

The processes keep them in files in ``PROMETHEUS_MULTIPROC_DIR``, which
``shared.server.gunicorn_conf`` sets.
``shared.endpoints.metrics`` serves them, with what is worked out at that moment.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_flask_exporter import PrometheusMetrics

TEXT = "text/plain; version=0.0.4; charset=utf-8"

# Decorators for the routes of service authors, such as ``@metrics.counter("sales", "Sales.")``.
# They count in the same files.  ``REQUESTS`` counts all requests, because hits never reach Flask.
metrics = PrometheusMetrics(None, path=None, export_defaults=False)

REQUESTS = Histogram(
    "vitrine_request_seconds",
    "Requests and how long they took, by the rule of their route.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LOOKUPS = Counter(
    "vitrine_cache_lookups",
    "Reads of what can be cached: hit, or miss, stale and bypass with why.",
    ["state", "detail"],
)
FILLS = Counter("vitrine_cache_fills", "Answers stored in the cache.")
WAITS = Counter("vitrine_cache_waits", "Reads that waited for another one to fill.")
REFUSALS = Counter(
    "vitrine_auth_refused", "Requests refused for their token, or for a scope it lacks.", ["why"]
)
LIMITED = Counter(
    "vitrine_limits_refused", "Requests refused because a limit was reached.", ["limit"]
)
UNCHECKED = Counter(
    "vitrine_limits_unchecked", "Requests let through uncounted because Redis did not answer."
)
CACHE_ERRORS = Counter(
    "vitrine_cache_errors", "Calls of the cache to Redis that failed; for a second none follows."
)
LEFT = Counter(
    "vitrine_cache_left", "Writes that could not be invalidated and were left to the follower."
)
CONNECTIONS = Gauge(
    "vitrine_mongodb_connections",
    "Connections to MongoDB, and those of them that are in use.",
    ["state"],
    multiprocess_mode="livesum",
)
CONNECTION_WAITS = Counter(
    "vitrine_mongodb_waits", "Operations that waited more than 10 ms for a connection to MongoDB."
)
CONNECTION_FAILURES = Counter(
    "vitrine_mongodb_failures", "Operations that got no connection to MongoDB."
)


# An alert can tell 0 from nothing, so what has not happened yet is told as well.
for _why in ("token", "scope"):
    REFUSALS.labels(_why)
for _limit in ("anonymous", "token", "writes", "uploads"):
    LIMITED.labels(_limit)


class _Metrics:
    """Metrics to be told with others."""

    def __init__(self, metrics: Iterable[Metric]):
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._metrics


def text(now: Iterable[Metric]) -> bytes:
    """Return all metrics, with some of this moment, as Prometheus reads them (format 0.0.4)."""
    registry = CollectorRegistry()
    registry.register(_Metrics(now))
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return generate_latest(REGISTRY) + generate_latest(registry)
    # A process that was killed as it made its file has left an empty one.
    files = [str(file) for file in Path(folder).glob("*.db") if file.stat().st_size]
    registry.register(_Metrics(MultiProcessCollector.merge(files)))  # type: ignore[no-untyped-call]
    return generate_latest(registry)
