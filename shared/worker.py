"""Does the queued jobs of a service: ``vitrine up`` runs one worker per core.

    python -m shared.worker api_products

Every job runs in a process of its own, with a limit on its time and memory, so that whatever a job
does ends that job and never the worker.
"""

import ctypes
import logging
import resource
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from flask import Flask
from redis import Redis
from rq import Queue, Worker
from rq.executions import Execution
from rq.job import Job

from shared.queue import JOB_SECONDS, NAME
from shared.settings import Settings, SettingsError

MEMORY_BYTES = 400_000_000
WORKER_SECONDS = 45  # so that an idle worker looks after things twice a minute
SWEEP_SECONDS = 30

_PR_SET_PDEATHSIG = 1


class ServiceWorker(Worker):
    """A worker whose jobs run inside the app of a service."""

    create_app: Callable[[], Flask]
    sweep: str

    def run_maintenance_tasks(self) -> None:
        """Clean up as RQ does, and queue the service's own look at what was left lying."""
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        self.queues[0].enqueue_call(self.sweep, timeout=JOB_SECONDS, result_ttl=0)

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Do a job; called in the process that was made for it, which ends with the worker."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with type(self).create_app().app_context():
            limit = _mapped() + MEMORY_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            return bool(super().perform_job(job, queue, execution))


def _mapped() -> int:
    """Return the bytes of address space this process has; libraries take most of it."""
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[0]) if statm.exists() else 1_000_000
    return pages * resource.getpagesize()


def main() -> None:
    """Work for the service named on the command line until told to stop."""
    try:
        settings = Settings.from_env()
    except SettingsError as error:
        sys.exit(f"Vitrine cannot start: {error}")
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    package = sys.argv[1]
    create_app = staticmethod(import_module(f"{package}.app").create_app)
    kind = type(
        "NamedWorker",
        (ServiceWorker,),
        {"create_app": create_app, "sweep": f"{package}.jobs.sweep"},
    )
    redis = Redis.from_url(settings.redis_queue_url)
    worker = kind(
        [Queue(NAME, connection=redis)],
        connection=redis,
        worker_ttl=WORKER_SECONDS,
        maintenance_interval=SWEEP_SECONDS,
        job_monitoring_interval=JOB_SECONDS,
    )
    worker.work(logging_level=settings.log_level)


if __name__ == "__main__":
    main()
