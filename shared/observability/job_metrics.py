"""How long the jobs of a service took and how they ended, counted in the queue's Redis.

Not in files, as ``shared.observability.metrics`` does: a worker may run on another machine than
the service that tells Prometheus, each of its jobs is a process of its own, and some are killed.
The worker counts when a job has ended, whatever ended it.
"""

from collections import defaultdict
from itertools import accumulate
from typing import cast

from prometheus_client import Metric
from prometheus_client.core import HistogramMetricFamily
from redis import Redis

# Seconds, the most in each, as Prometheus writes them.
BUCKETS = ("0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "+Inf")


def note(redis: Redis, service: str, name: str, outcome: str, seconds: float) -> None:
    """Count a job by its name and outcome: ``done``, ``retried`` or ``failed``."""
    bucket = next(each for each in BUCKETS if seconds <= float(each))
    pipeline = redis.pipeline(transaction=False)
    pipeline.hincrby(_key(service), f"{name} {outcome} {bucket}")
    pipeline.hincrbyfloat(_key(service), f"{name} {outcome} sum", seconds)
    pipeline.execute()


def read(redis: Redis, service: str) -> Metric:
    """Return what was counted since Redis was last emptied."""
    found: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    counts = cast(dict[bytes, bytes], redis.hgetall(_key(service)))
    for field, value in counts.items():
        name, outcome, bucket = field.decode().split(" ")
        found[name, outcome][bucket] = float(value)
    told = HistogramMetricFamily(
        "vitrine_job_seconds", "Jobs and how long they took.", labels=["name", "outcome"]
    )
    for labels, each in sorted(found.items()):
        up_to = accumulate(each.get(bucket, 0) for bucket in BUCKETS)
        told.add_metric(labels, list(zip(BUCKETS, up_to, strict=True)), each.get("sum", 0))
    return told


def _key(service: str) -> str:
    return f"{service}:jobs"
