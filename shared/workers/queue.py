"""Jobs for other processes, by RQ, in a Redis database that is not the cache's.

Each service has a queue of its own name.  What a job is to bring about is written down in MongoDB;
the queue may be lost at any time, and whoever keeps the state queues the job again.
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

_ID = re.compile(r"[\w-]{1,200}", re.ASCII)

log = logging.getLogger(__name__)

JOB_SECONDS = 30
KEPT_SECONDS = 86_400
RETRY_SECONDS = (1, 5, 10)
DEAD_SECONDS = 15  # without a heartbeat of the worker, which is due every five


def enqueue(
    id: str,
    function: str,
    *args: Any,
    retry_seconds: Sequence[int] = RETRY_SECONDS,
    delay_seconds: int = 0,
) -> bool:
    """Queue a call of an importable function, given by its path, under an id of its own.

    It begins after a delay; when it fails it is tried again, after some seconds each time.  What it
    writes is by this service, with the id of this request.
    Return False when Redis is down.
    """
    try:
        queue = _queue()
        job = queue.create_job(
            function,
            args,
            job_id=id,
            timeout=JOB_SECONDS,
            result_ttl=KEPT_SECONDS,
            failure_ttl=KEPT_SECONDS,
            retry=Retry(len(retry_seconds), list(retry_seconds)) if retry_seconds else None,
            # On whose behalf it is done; for want of a request the worker takes the job's own id.
            meta={"request_id": asked} if (asked := log_format.request_id()) else {},
        )
        if delay_seconds:
            queue.schedule_job(job, datetime.now(UTC) + timedelta(seconds=delay_seconds))
        else:
            queue.enqueue_job(job)
    except RedisError as error:
        log.error("%s could not be queued: %s", id, error)
        return False
    return True


def alive() -> set[str]:
    """Return the ids of all jobs that wait, run or are to be tried again."""
    queue = _queue()
    # In the order in which a job goes round, lest one that moves meanwhile be missed.
    scheduled = queue.scheduled_job_registry.get_job_ids(cleanup=False)
    waiting = queue.job_ids
    started = queue.started_job_registry.get_job_ids(cleanup=False)
    running = [
        job.id
        for job in Job.fetch_many(started, connection=queue.connection)
        if job and _is_recent(job)
    ]
    again = queue.scheduled_job_registry.get_job_ids(cleanup=False)
    return {*scheduled, *waiting, *running, *again}


def state() -> dict[str, Any]:
    """Return how many workers there are, how many jobs wait, and the oldest one's seconds."""
    queue = _queue()
    oldest = next(iter(queue.get_jobs(0, 1)), None)
    waited = (datetime.now(UTC) - oldest.enqueued_at) if oldest and oldest.enqueued_at else None
    return {
        "workers": sum(map(_is_recent, Worker.all(queue=queue))),
        "waiting": queue.count,
        "oldest_seconds": round(waited.total_seconds(), 1) if waited else None,
    }


def find(id: str) -> Job | None:
    """Return a job by its id, or None if there is none; a job is kept for a day."""
    return Job.fetch_many([id], connection=connections().queue)[0] if _ID.fullmatch(id) else None


def _is_recent(beating: Job | BaseWorker) -> bool:
    last = beating.last_heartbeat
    return bool(last and last > datetime.now(UTC) - timedelta(seconds=DEAD_SECONDS))


def _queue() -> Queue:
    return Queue(current_app.extensions["resource"].name, connection=connections().queue)
