"""Metrics for Prometheus, which all worker processes of a service share.

The processes keep them in files in ``PROMETHEUS_MULTIPROC_DIR``, which
``shared.observability.multiprocess`` creates.  ``shared.endpoints.metrics`` serves them, together
with metrics of the moment.
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
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_flask_exporter import PrometheusMetrics

# The time at which each counter was created, in a sample of its own.
disable_created_metrics()  # type: ignore[no-untyped-call]

TEXT = "text/plain; version=0.0.4; charset=utf-8"

# Decorators for the routes of service authors, such as ``@metrics.counter("sales", "Sales.")``.
# They count in the same files.  ``REQUESTS`` counts all requests, because hits never reach Flask.
metrics = PrometheusMetrics(None, path=None, export_defaults=False)

# A histogram for each route and status would have two thousand samples, which take longer to
# scrape than a slow request.
REQUESTS = Counter("vitrine_requests", "Requests, by route.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "vitrine_request_seconds",
    "Seconds that requests took, by the result of the cache lookup.",
    ["method", "cache"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ROUTE_SECONDS = Counter(
    "vitrine_route_seconds",
    "Seconds of all requests that were not hits, by route.",
    ["method", "route"],
)
LOOKUPS = Counter(
    "vitrine_cache_lookups",
    "Lookups of cacheable responses: hit, or miss, stale and bypass with why.",
    ["state", "detail"],
)
FILLS = Counter("vitrine_cache_fills", "Responses stored in the cache.")
WAITS = Counter("vitrine_cache_waits", "Reads that waited for another request to fill.")
REFUSALS = Counter(
    "vitrine_auth_refused",
    "Requests refused because of their token or its scopes.",
    ["why"],
)
LIMITED = Counter(
    "vitrine_limits_refused", "Requests refused because a rate limit was exceeded.", ["limit"]
)
UNCHECKED = Counter(
    "vitrine_limits_unchecked", "Requests accepted without a count because Redis did not answer."
)
CACHE_ERRORS = Counter(
    "vitrine_cache_errors",
    "Calls of the cache to Redis that failed; for a second none follows.",
)
LEFT_TO_FOLLOWER = Counter("vitrine_cache_left", "Writes that only the follower could invalidate.")
CONNECTIONS = Gauge(
    "vitrine_mongodb_connections",
    "Connections to MongoDB that are open, and those in use.",
    ["state"],
    multiprocess_mode="livesum",
)
CONNECTION_WAITS = Counter(
    "vitrine_mongodb_waits", "Operations that waited more than 10 ms for a connection to MongoDB."
)
CONNECTION_FAILURES = Counter(
    "vitrine_mongodb_failures", "Operations that got no connection to MongoDB."
)


# An alert tells 0 from a missing metric, so these are 0 until the first refusal.
for _why in ("token", "scope"):
    REFUSALS.labels(_why)
for _limit in ("anonymous", "token", "writes", "uploads"):
    LIMITED.labels(_limit)


class _Collector:
    """Collector of metrics that exist already."""

    def __init__(self, metrics: Iterable[Metric]):
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._metrics


def render(current: Iterable[Metric]) -> bytes:
    """Return all metrics and some of the moment in the text format of Prometheus (0.0.4)."""
    registry = CollectorRegistry()
    registry.register(_Collector(current))
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return generate_latest(REGISTRY) + generate_latest(registry)
    # A process that is killed while it creates its file leaves an empty one.
    files = [str(file) for file in Path(folder).glob("*.db") if file.stat().st_size]
    registry.register(_Collector(MultiProcessCollector.merge(files)))  # type: ignore[no-untyped-call]
    return generate_latest(registry)
