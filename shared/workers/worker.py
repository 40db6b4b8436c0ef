"""Worker: runs the queued jobs of a service.

``vitrine up`` runs one for each core, as ``python -m shared work api_products``.  Every job runs in
a process of its own with limits of time and memory, so that a job that crashes, hangs or grows
ends alone, and the worker goes on.
"""

import contextlib
import logging
import os
import resource
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from redis import RedisError
from rq import Queue, Worker, worker_registration
from rq.exceptions import InvalidJobOperation
from rq.executions import Execution
from rq.job import Job, JobStatus

from shared.cache import redis_topology
from shared.config import startup
from shared.config.settings import Settings
from shared.observability import job_metrics, log_format, sentry
from shared.storage.outages import is_outage
from shared.workers.declared_jobs import DeclaredJob, PlainSerializer, function_name, job_queue
from shared.workers.queue import JOB_SECONDS, RemoteUnavailable

log = logging.getLogger("vitrine.jobs")

LEVELS = {"done": logging.INFO, "retried": logging.WARNING, "failed": logging.ERROR}
MEMORY_BYTES = 400_000_000  # bytes that a job may use besides the worker's own
SWEEP_SECONDS = 10  # seconds between two sweeps of the service's work
HEARTBEAT_SECONDS = 5  # seconds between two heartbeats of a running job
WORKER_SECONDS = 25  # seconds until an idle worker counts as dead; RQ wakes it 15 s before


class JobKilled(Exception):
    """The process of a job was killed before the job ended."""


class ServiceWorker(Worker):
    """RQ worker whose jobs run inside the app of the service of a package."""

    def __init__(self, package: str, settings: Settings):
        redis = redis_topology.client(settings.queue_url)
        self._service = package.removeprefix("api_")
        super().__init__(
            [job_queue(self._service, redis)],
            connection=redis,
            job_class=DeclaredJob,
            serializer=PlainSerializer,
            worker_ttl=WORKER_SECONDS,
            maintenance_interval=SWEEP_SECONDS,
            job_monitoring_interval=HEARTBEAT_SECONDS,
        )
        self._create_app = import_module(f"{package}.app").create_app
        self._sweep = f"{package}.jobs.sweep"
        self._declared = declared_jobs(package)

    def run_maintenance_tasks(self) -> None:
        """Clean up as RQ does, and queue the sweep, which finds work that has lost its job."""
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        worker_registration.register(self)  # again, because Redis may have been emptied
        # The first worker that sets the key queues the sweep for all of them.
        if self.connection.set(f"{self._service}:swept", 1, nx=True, ex=SWEEP_SECONDS - 1):
            self.queues[0].enqueue_call(
                self._sweep, timeout=JOB_SECONDS, result_ttl=0, failure_ttl=60, at_front=True
            )

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job to its end, count it, and log one line."""
        # The job's process logs and calls other services with the id of the request as well.
        log_format.ABOUT.set({"request_id": job.meta.get("request_id") or job.id, "job": job.id})
        started = time.perf_counter()
        try:
            super().execute_job(job, queue)
            with contextlib.suppress(RedisError):  # Redis is down: the outcome is unknown.
                self._report(function_name(job), _outcome(job), time.perf_counter() - started)
        finally:
            log_format.ABOUT.set({})

    def _report(self, name: str, outcome: str, seconds: float) -> None:
        # A sweep that succeeds, every ten seconds, is not worth a line.
        level = logging.DEBUG if (name, outcome) == ("sweep", "done") else LEVELS[outcome]
        fields = {"name": name, "outcome": outcome, "ms": round(seconds * 1000, 2)}
        log.log(level, "", extra={"fields": fields})
        job_metrics.note(self.connection, self._service, name, outcome, seconds)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log an exception of a job, and report it to Sentry unless the job is retried.

        An outage gets one line, without a stack trace.  RQ calls this in the job's process, which
        ends immediately afterwards.
        """
        error, name = exc_info[1], function_name(job)
        if is_outage(error) or isinstance(error, RemoteUnavailable):
            level = logging.WARNING if job.should_retry else logging.ERROR
            log.log(level, "%s failed: %s", name, error)
        else:
            log.error("%s failed", name, exc_info=exc_info)
        if not job.should_retry and not is_outage(error):
            sentry.report(error, name)
            sentry.flush()

    def handle_work_horse_killed(self, job: Job, *ended: Any) -> None:
        """Log that the process of a job was killed, and report it unless the job is retried."""
        super().handle_work_horse_killed(job, *ended)  # type: ignore[no-untyped-call]
        if not job.should_retry:
            sentry.report(
                JobKilled(f"The process of the job ended with status {ended[1]}."),
                function_name(job),
            )

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run a job in the app of the service, within its limits; RQ calls this in its process."""
        if isinstance(job, DeclaredJob):
            job.declared = self._declared
        with self._create_app().app_context():
            # Of the data, not of the address space, of which each thread reserves a large part.
            limit = _data_bytes() + MEMORY_BYTES
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
            # The kernel's limit, because a decoder that hangs reacts to no signal of RQ.
            resource.setrlimit(resource.RLIMIT_CPU, (JOB_SECONDS, JOB_SECONDS))
            return bool(super().perform_job(job, queue, execution))


def declared_jobs(package: str) -> frozenset[str]:
    """Return the paths of the functions that the worker of a package calls, its ``JOBS``.

    End the process with one sentence if the package declares none.
    """
    module = import_module(f"{package}.jobs")
    paths = getattr(module, "JOBS", ())
    if f"{package}.jobs.sweep" not in paths:
        sys.exit(
            f"Vitrine cannot start: {package}.jobs needs JOBS, the paths of the functions that its "
            f"worker calls, such as {package}.jobs.sweep."
        )
    return frozenset(paths)


def _outcome(job: Job) -> str:
    """Return how a job ended, as a label of ``shared.observability.job_metrics``."""
    try:
        status = job.get_status()
    except InvalidJobOperation:
        return "done"  # RQ has removed it, because its result is not kept.
    return {JobStatus.FINISHED: "done", JobStatus.FAILED: "failed"}.get(status, "retried")


def _data_bytes() -> int:
    """Return the size of this process as RLIMIT_DATA counts it, in bytes; 0 if unknown."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[5]) * resource.getpagesize() if statm.exists() else 0


def work(package: str) -> None:
    """Run the jobs of the service of a package until the process is stopped."""
    service = package.removeprefix("api_")
    settings = startup.read_settings()
    log_format.start(service, settings.log_level)
    logging.captureWarnings(True)
    sentry.start(settings, service, startup.code_digest(import_module(f"{package}.app")))
    # The processes that the worker forks are jobs and the scheduler of retries.
    os.register_at_fork(after_in_child=lambda: startup.end_with_parent(signal.SIGKILL))
    worker = ServiceWorker(package, settings)
    # RQ's lines about each job contain the arguments, which may be confidential.
    worker.work(logging_level="WARNING", with_scheduler=True)
