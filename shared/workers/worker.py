"""Does the queued jobs of a service: ``vitrine up`` runs one worker per core.

    python -m shared work api_products

Every job runs in a process of its own, with a limit on its time and memory, so that whatever a job
does ends that job and never the worker.
"""

import contextlib
import logging
import os
import resource
import signal
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from redis import RedisError
from rq import Queue, Worker, worker_registration
from rq.exceptions import DeserializationError, InvalidJobOperation
from rq.executions import Execution
from rq.job import Job, JobStatus

from shared.cache import redis_topology
from shared.config import startup
from shared.config.settings import Settings
from shared.observability import job_metrics, log_format, sentry
from shared.storage.connections import is_outage
from shared.workers.queue import JOB_SECONDS

log = logging.getLogger("vitrine.jobs")

LEVELS = {"done": logging.INFO, "retried": logging.WARNING, "failed": logging.ERROR}
MEMORY_BYTES = 400_000_000
SWEEP_SECONDS = 10
HEARTBEAT_SECONDS = 5
WORKER_SECONDS = 25  # RQ wakes an idle worker 15 s before it would be given up.


class JobKilled(Exception):
    """The process of a job ended before the job did."""


class ServiceWorker(Worker):
    """A worker whose jobs run inside the app of a service, by the name of its package."""

    def __init__(self, package: str, settings: Settings):
        redis = redis_topology.client(settings.queue_url)
        self._service = package.removeprefix("api_")
        super().__init__(
            [Queue(self._service, connection=redis)],
            connection=redis,
            worker_ttl=WORKER_SECONDS,
            maintenance_interval=SWEEP_SECONDS,
            job_monitoring_interval=HEARTBEAT_SECONDS,
        )
        self._create_app = import_module(f"{package}.app").create_app
        self._sweep = f"{package}.jobs.sweep"

    def run_maintenance_tasks(self) -> None:
        """Clean up as RQ does, and queue the service's own look at what was left lying."""
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        worker_registration.register(self)  # A Redis that was emptied has forgotten it.
        # One of all the workers does it, the others find that it was done.
        if self.connection.set(f"{self._service}:swept", 1, nx=True, ex=SWEEP_SECONDS - 1):
            self.queues[0].enqueue_call(
                self._sweep, timeout=JOB_SECONDS, result_ttl=0, failure_ttl=60, at_front=True
            )

    def execute_job(self, job: Job, queue: Queue) -> None:
        """See a job through to its end, whatever that is; count it, and log one line."""
        # What its own process says and asks for is on behalf of the same request.
        log_format.ABOUT.set({"request_id": job.meta.get("request_id") or job.id, "job": job.id})
        started = time.perf_counter()
        try:
            super().execute_job(job, queue)
            with contextlib.suppress(RedisError):  # It is down, and does not say how it ended.
                self._tell(_name(job), _outcome(job), time.perf_counter() - started)
        finally:
            log_format.ABOUT.set({})

    def _tell(self, name: str, outcome: str, seconds: float) -> None:
        # That the sweep, every ten seconds, has nothing to tell is not worth a line.
        level = logging.DEBUG if (name, outcome) == ("sweep", "done") else LEVELS[outcome]
        fields = {"name": name, "outcome": outcome, "ms": round(seconds * 1000, 2)}
        log.log(level, "", extra={"fields": fields})
        job_metrics.note(self.connection, self._service, name, outcome, seconds)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log what a job raised, and report it when it is not tried again; called in its process.

        That process ends at once.
        """
        log.error("%s failed", _name(job), exc_info=exc_info)
        if not job.should_retry and not is_outage(exc_info[1]):
            sentry.report(exc_info[1], _name(job))
            sentry.flush()

    def handle_work_horse_killed(self, job: Job, *ended: Any) -> None:
        """Log that the process of a job was killed, and report it when it is not tried again."""
        super().handle_work_horse_killed(job, *ended)  # type: ignore[no-untyped-call]
        if not job.should_retry:
            sentry.report(JobKilled(f"Its process ended with status {ended[1]}."), _name(job))

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Do a job; called in the process that was made for it."""
        with self._create_app().app_context():
            # Address space is no measure: each thread reserves a lot that it never uses.
            limit = _data_bytes() + MEMORY_BYTES
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
            # A decoder that hangs listens to nothing else.
            resource.setrlimit(resource.RLIMIT_CPU, (JOB_SECONDS, JOB_SECONDS))
            return bool(super().perform_job(job, queue, execution))


def _name(job: Job) -> str:
    """Return the name of the function that a job is a call of."""
    try:
        return str(job.func_name).rpartition(".")[2]
    except DeserializationError:
        return "unknown"


def _outcome(job: Job) -> str:
    """Say how a job ended, in one of the words of ``shared.observability.job_metrics``."""
    try:
        status = job.get_status()
    except InvalidJobOperation:
        return "done"  # It was not to be kept.
    return {JobStatus.FINISHED: "done", JobStatus.FAILED: "failed"}.get(status, "retried")


def _data_bytes() -> int:
    """Return the bytes this process may write to, as its limit counts them; 0 if unknown."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[5]) * resource.getpagesize() if statm.exists() else 0


def work(package: str) -> None:
    """Run the jobs of the service of a package until the process is stopped."""
    service = package.removeprefix("api_")
    settings = startup.read_settings()
    log_format.start(service, settings.log_level)
    logging.captureWarnings(True)
    sentry.start(settings, service, startup.code_digest(import_module(f"{package}.app")))
    # The job that runs and the scheduler of retries are processes of their own.
    os.register_at_fork(after_in_child=lambda: startup.end_with_parent(signal.SIGKILL))
    worker = ServiceWorker(package, settings)
    # Its lines about each job hold the arguments, which are nobody's business.
    worker.work(logging_level="WARNING", with_scheduler=True)
