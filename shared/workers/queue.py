"""Job queue of a service, by RQ, in another Redis database than the cache.

Each service has one queue, with the name of the service.  The work that a job has to do is stored
in MongoDB as well.  So the queue may be lost at any time: the service queues the job again.
"""

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from redis import RedisError
from rq import Queue, Retry, Worker
from rq.job import Job
from rq.worker import BaseWorker

from shared.observability import log_format
from shared.storage.connections import connections
from shared.workers.declared_jobs import fetch_jobs, job_queue

_ID = re.compile(r"[\w-]{1,200}", re.ASCII)

log = logging.getLogger(__name__)

JOB_SECONDS = 30  # time limit of a job
KEPT_SECONDS = 86_400  # seconds that an ended job is kept
RETRY_SECONDS = (1, 5, 10)  # seconds from each failure to the next attempt
DEAD_SECONDS = 15  # seconds without a heartbeat after which a worker is dead; one is due every 5


class RemoteUnavailable(Exception):
    """Raised by a job: a server that is not part of the stack does not answer as it should.

    The job is tried again, as after any error; its log line has no stack trace.
    """


def enqueue(
    id: str,
    function: str,
    *args: Any,
    retry_seconds: Sequence[int] = RETRY_SECONDS,
    delay_seconds: int = 0,
) -> bool:
    """Queue a job: a call of an importable function.

    The history names the service as the author of the job's writes, with the id of this request.

    Args:
        id: The id of the job; a job with the same id is replaced.
        function: The path of the function, such as ``api_products.jobs.sweep``; ``JOBS`` of the
            service's ``jobs`` module must name it.
        args: The arguments of the call; values that pickle can store.
        retry_seconds: The seconds from each failure to the next attempt; empty for one attempt.
        delay_seconds: The seconds until the job is due.

    Returns:
        False if Redis is down, else True.
    """
    try:
        queue = service_queue()
        job = queue.create_job(
            function,
            args,
            job_id=id,
            timeout=JOB_SECONDS,
            result_ttl=KEPT_SECONDS,
            failure_ttl=KEPT_SECONDS,
            retry=Retry(len(retry_seconds), list(retry_seconds)) if retry_seconds else None,
            # The request that the job works for; without one the worker uses the id of the job.
            meta={"request_id": request_id} if (request_id := log_format.request_id()) else {},
        )
        if delay_seconds:
            queue.schedule_job(job, datetime.now(UTC) + timedelta(seconds=delay_seconds))
        else:
            queue.enqueue_job(job)
    except RedisError as error:
        log.error("The job %s cannot be queued: %s", id, error)
        return False
    return True


def live_job_ids() -> set[str]:
    """Return the ids of all jobs that wait, run or will be retried."""
    queue = service_queue()
    # In the order in which a job moves, so that a job that moves meanwhile is not missed.
    scheduled = queue.scheduled_job_registry.get_job_ids(cleanup=False)
    waiting = queue.job_ids
    started = queue.started_job_registry.get_job_ids(cleanup=False)
    running = [job.id for job in fetch_jobs(started, queue.connection) if job and is_alive(job)]
    retried = queue.scheduled_job_registry.get_job_ids(cleanup=False)
    return {*scheduled, *waiting, *running, *retried}


def is_waiting(id: str) -> bool:
    """Return True if a job has not begun yet; False if Redis is down."""
    try:
        return service_queue().get_job_position(id) is not None
    except RedisError:
        return False


def waiting() -> int:
    """Return the number of jobs that wait for a worker."""
    return service_queue().count


def status() -> dict[str, Any]:
    """Return the numbers of workers and of waiting jobs, and the seconds that the oldest waits."""
    queue = service_queue()
    oldest = next(iter(queue.get_jobs(0, 1)), None)
    waited = (datetime.now(UTC) - oldest.enqueued_at) if oldest and oldest.enqueued_at else None
    return {
        "workers": sum(map(is_alive, Worker.all(queue=queue))),
        "waiting": queue.count,
        "oldest_seconds": round(waited.total_seconds(), 1) if waited else None,
    }


def find(id: str) -> Job | None:
    """Return a job by its id, or None if there is none; a job is kept for a day."""
    return fetch_jobs([id], connections().queue)[0] if _ID.fullmatch(id) else None


def is_alive(sender: Job | BaseWorker) -> bool:
    """Return True if a running job or a worker has sent a heartbeat lately."""
    heartbeat = sender.last_heartbeat
    return bool(heartbeat and heartbeat > datetime.now(UTC) - timedelta(seconds=DEAD_SECONDS))


def service_queue() -> Queue:
    """Return the queue of the service."""
    return job_queue(current_app.extensions["resource"].name, connections().queue)
