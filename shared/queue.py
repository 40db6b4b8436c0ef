"""Jobs for other processes, by RQ, in a Redis database that is not the cache's."""

import logging
from datetime import UTC, datetime
from typing import Any

from redis import RedisError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job

from shared.backends import backends

log = logging.getLogger(__name__)

NAME = "vitrine"
JOB_SECONDS = 30
KEPT_SECONDS = 3600


def enqueue(id: str, function: str, *args: Any) -> bool:
    """Queue a call of an importable function under an id of its own.

    Return False when Redis is down; whoever keeps the state asks again later.
    """
    try:
        Queue(NAME, connection=backends().queue).enqueue_call(
            function,
            args,
            job_id=id,
            timeout=JOB_SECONDS,
            result_ttl=KEPT_SECONDS,
            failure_ttl=KEPT_SECONDS,
        )
    except RedisError as error:
        log.error("%s could not be queued: %s", id, error)
        return False
    return True


def is_alive(id: str) -> bool:
    """Whether a job waits, runs or is to be tried again."""
    try:
        job = Job.fetch(id, connection=backends().queue)
    except NoSuchJobError:
        return False
    return not (job.is_failed or job.is_finished or job.is_canceled or job.is_stopped)


def state() -> dict[str, Any]:
    """Return how many workers there are, how many jobs wait, and the oldest one's seconds."""
    queue = Queue(NAME, connection=backends().queue)
    oldest = next(iter(queue.get_jobs(0, 1)), None)
    waited = (datetime.now(UTC) - oldest.enqueued_at) if oldest and oldest.enqueued_at else None
    return {
        "workers": Worker.count(queue=queue),
        "waiting": queue.count,
        "oldest_seconds": round(waited.total_seconds(), 1) if waited else None,
    }
