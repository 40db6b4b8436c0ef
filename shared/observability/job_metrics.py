"""Metrics of jobs: how long they took and how they ended, counted in the queue's Redis.

They are not in files, as those of ``shared.observability.metrics`` are.  A worker may run on
another machine than the service that Prometheus asks, each of its jobs is a process of its own, and
some jobs are killed.  The worker counts a job after its end, even if it was killed.
"""

from collections import defaultdict
from itertools import accumulate
from typing import cast

from prometheus_client import Metric
from prometheus_client.core import HistogramMetricFamily
from redis import Redis

# Upper bounds of the buckets, in seconds, as Prometheus writes them.
BUCKETS = ("0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "+Inf")


def note(redis: Redis, service: str, name: str, outcome: str, seconds: float) -> None:
    """Count a job.

    Args:
        redis: The Redis of the queue.
        service: The name of the service whose job it is.
        name: The name of the job.
        outcome: ``done``, ``retried`` or ``failed``.
        seconds: How long the job took.
    """
    bucket = next(bound for bound in BUCKETS if seconds <= float(bound))
    pipeline = redis.pipeline(transaction=False)
    pipeline.hincrby(_key(service), f"{name} {outcome} {bucket}")
    pipeline.hincrbyfloat(_key(service), f"{name} {outcome} sum", seconds)
    pipeline.execute()


def read(redis: Redis, service: str) -> Metric:
    """Return the histogram of all jobs since Redis was last emptied."""
    jobs: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    counts = cast(dict[bytes, bytes], redis.hgetall(_key(service)))
    for field, value in counts.items():
        name, outcome, bucket = field.decode().split(" ")
        jobs[name, outcome][bucket] = float(value)
    histogram = HistogramMetricFamily(
        "vitrine_job_seconds", "Jobs and how long they took.", labels=["name", "outcome"]
    )
    for labels, job in sorted(jobs.items()):
        cumulative = accumulate(job.get(bucket, 0) for bucket in BUCKETS)
        histogram.add_metric(labels, list(zip(BUCKETS, cumulative, strict=True)), job.get("sum", 0))
    return histogram


def _key(service: str) -> str:
    return f"{service}:jobs"
