"""``/metrics``: counts of all processes of the service, and gauges of the moment."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask, Response, current_app
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from pymongo.errors import PyMongoError
from redis import RedisError

from shared.cache.redis_topology import REDIS_ERRORS
from shared.endpoints import health
from shared.http.auth import public
from shared.http.contract import returns
from shared.observability import job_metrics, metrics, process_metrics
from shared.storage.connections import connections
from shared.workers import queue


def init_app(app: Flask) -> None:
    """Serve ``/metrics``."""
    app.add_url_rule("/metrics", "get_metrics", show_metrics)


@public
@returns(None, media=("text/plain",))
def show_metrics() -> Response:
    """Return the metrics of the service, for all its processes together."""
    return Response(
        metrics.render([*process_metrics.collect(), *_state(), *_jobs()]), content_type=metrics.TEXT
    )


def _state() -> Iterator[Metric]:
    probes = {"mongodb": health.probe_mongodb(), "redis": health.probe_redis()}
    up = GaugeMetricFamily(
        "vitrine_backend_up", "1 if a server that the service needs answers.", labels=["backend"]
    )
    for name, probe in probes.items():
        up.add_metric([name], float("latency_ms" in probe))
    yield up
    follower: Mapping[str, Any] = {}
    if all("latency_ms" in probe for probe in probes.values()):
        with contextlib.suppress(PyMongoError, *REDIS_ERRORS):  # Down meanwhile, so unknown.
            follower = health.follower()
    yield GaugeMetricFamily(
        "vitrine_follower_up",
        "1 if a follower extends the lease of the cache.",
        float(follower.get("follower") == "ok"),
    )
    yield GaugeMetricFamily(
        "vitrine_follower_lag_seconds",
        "Seconds since the follower had last seen every change.",
        follower.get("follower_lag_seconds"),
    )


def _jobs() -> Iterator[Metric]:
    if "has_queue" not in current_app.extensions:
        return
    try:
        state = queue.status()
        ended = job_metrics.read(connections().queue, current_app.extensions["resource"].name)
    except RedisError:
        return  # An alert can tell a missing metric from 0.
    yield GaugeMetricFamily("vitrine_queue_workers", "Workers that are alive.", state["workers"])
    yield GaugeMetricFamily("vitrine_queue_waiting", "Jobs that wait.", state["waiting"])
    yield GaugeMetricFamily(
        "vitrine_queue_oldest_seconds",
        "Seconds that the oldest of them has waited.",
        state["oldest_seconds"] or 0,
    )
    yield ended
