"""Metrics of the processes of a service: CPU, memory and open files, of all workers together.

Each worker has its process id in the file of its slot (``multiprocess``).
"""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from prometheus_client import Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from shared.observability import multiprocess

# Of several processes, these are not added up.
_LEAST = {"process_start_time_seconds": min, "process_max_fds": min}


def collect() -> Iterator[Metric]:
    """Yield ``process_*`` of the live workers, the sum of all, and ``vitrine_build_info``.

    The start is that of the oldest worker, and the limit of open files that of each.
    """
    for metrics in zip(*map(_metrics_of, _process_ids()), strict=False):
        first = metrics[0]
        values = [sample.value for metric in metrics for sample in metric.samples]
        total = _LEAST.get(first.name, sum)(values)
        first.samples = [sample._replace(value=total) for sample in first.samples]
        yield first
    build = GaugeMetricFamily(
        "vitrine_build_info", "Always 1; its labels are the versions.", labels=["version", "python"]
    )
    build.add_metric([version("vitrine"), platform.python_version()], 1)
    yield build


def _process_ids() -> list[int]:
    folder = os.environ.get(multiprocess.FOLDER)
    # Without shared files, prometheus_client itself has the metrics of the only process.
    return multiprocess.live_processes(Path(folder)) if folder else []


def _metrics_of(pid: int) -> list[Metric]:
    """Return the metrics of a process; none if it has just ended, or without ``/proc``."""
    return list(ProcessCollector(pid=lambda: pid, registry=None).collect())
