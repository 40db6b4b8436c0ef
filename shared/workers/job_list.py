"""Jobs of a service as lists: those that wait, run or have failed, and the workers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rq import Queue, Worker
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import BaseRegistry

from shared.http.errors import Conflict, NotFound
from shared.schema.fields import timestamp
from shared.workers.declared_jobs import fetch_jobs, function_name
from shared.workers.queue import find, is_alive, service_queue

WAITING, RUNNING, FAILED = "waiting", "running", "failed"
STATES = (RUNNING, FAILED, WAITING)  # in the order of a list of all of them
MAX_ERROR = 300  # characters of an error
MAX_RETRIED = 1000  # jobs that one request retries

Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Source:
    """A list of job ids in Redis: its length, and a slice of it, the newest first."""

    count: int
    slice: Callable[[int, int], list[str]]


def overview(state: str, number: int, per: int) -> Mapping[str, Any]:
    """Return a page of jobs with the number in each state, and the workers."""
    items, total = page(state, number, per)
    return {
        "items": items,
        "total": total,
        "page": number,
        "per": per,
        "counts": counts(),
        "workers": workers(),
    }


def page(state: str, number: int, per: int) -> tuple[list[Shown], int]:
    """Return a page of the jobs in a state, the newest first, and the number of all of them.

    Without a state it is that of the running, the failed and the waiting ones, in this order.
    """
    queue = service_queue()
    sources = [source for each in STATES if state in ("", each) for source in _sources(queue, each)]
    ids: list[str] = []
    start, stop = (number - 1) * per, number * per
    for source in sources:
        if start < source.count and stop > 0:
            ids += source.slice(max(0, start), min(stop, source.count))
        start, stop = start - source.count, stop - source.count
    jobs = [job for job in fetch_jobs(ids, queue.connection) if job]
    return [shown(job, queue) for job in jobs], sum(source.count for source in sources)


def counts() -> dict[str, int]:
    """Return the number of jobs in each state."""
    queue = service_queue()
    return {
        state: sum(source.count for source in _sources(queue, state))
        for state in (WAITING, RUNNING, FAILED)
    }


def workers() -> list[Shown]:
    """Return the workers that are alive: their job, and how many they have done."""
    return [
        {
            "name": worker.name,
            "state": worker.get_state(),
            "job": worker.get_current_job_id(),
            "since": timestamp(worker.birth_date) if worker.birth_date else None,
            "heartbeat": timestamp(worker.last_heartbeat) if worker.last_heartbeat else None,
            "done": worker.successful_job_count,
            "failed": worker.failed_job_count,
        }
        for worker in Worker.all(queue=service_queue())
        if is_alive(worker)
    ]


def retry(id: str) -> Shown:
    """Queue a failed job again, and return it.

    Raises:
        NotFound: No job has this id.
        Conflict: The job has not failed.
    """
    job = _get(id)
    try:
        if job.get_status() != JobStatus.FAILED:
            raise InvalidJobOperation
        job.requeue()
    except InvalidJobOperation as error:
        raise Conflict(
            f"The job {id} has not failed, so it cannot be retried. Read its state again."
        ) from error
    return shown(_get(id), service_queue())


def retry_all() -> int:
    """Queue all failed jobs again, ``MAX_RETRIED`` at most; return how many they were."""
    queue = service_queue()
    retried = 0
    ids = queue.failed_job_registry.get_job_ids(0, MAX_RETRIED - 1)
    for job in fetch_jobs(ids, queue.connection):
        # Another request may have retried it meanwhile.
        try:
            retried += bool(job and job.requeue())
        except InvalidJobOperation:
            continue
    return retried


def delete(id: str) -> None:
    """Remove a job that does not run; its work stays due, if the service has noted it in MongoDB.

    Raises:
        NotFound: No job has this id.
        Conflict: The job runs.
    """
    job = _get(id)
    if job.get_status() == JobStatus.STARTED:
        raise Conflict(f"The job {id} runs. Delete it after it has ended.")
    job.delete()


def shown(job: Job, queue: Queue) -> Shown:
    """Return a job as clients see it, with the last line of its error."""
    status = job.get_status(refresh=False)
    due = None
    if status == JobStatus.SCHEDULED:
        try:
            due = queue.scheduled_job_registry.get_scheduled_time(job)
        except NoSuchJobError:
            due = None  # It was queued meanwhile.
    return {
        "id": job.id,
        "state": status.value if status else "",
        "name": function_name(job),
        **{
            name: timestamp(value) if value else None
            for name, value in (
                ("created_at", job.created_at),
                ("enqueued_at", job.enqueued_at),
                ("started_at", job.started_at),
                ("ended_at", job.ended_at),
                ("due_at", due),
            )
        },
        "request_id": job.meta.get("request_id"),
        "retries_left": job.retries_left or 0,
        "error": _error(job) if status in (JobStatus.FAILED, JobStatus.SCHEDULED) else "",
        "worker": job.worker_name or None,
    }


def _get(id: str) -> Job:
    job = find(id)
    if job is None:
        raise NotFound(f"There is no job {id[:100]}; jobs are kept for a day.")
    return job


def _sources(queue: Queue, state: str) -> Iterator[_Source]:
    """Yield the lists in Redis that hold the jobs in a state."""
    if state == RUNNING:
        yield _of_registry(queue.started_job_registry)
    elif state == FAILED:
        yield _of_registry(queue.failed_job_registry)
    else:
        count = queue.count

        def newest(start: int, stop: int) -> list[str]:
            # The oldest job is the first one of the queue.
            return queue.get_job_ids(count - stop, stop - start)[::-1]

        yield _Source(count, newest)
        yield _of_registry(queue.scheduled_job_registry)


def _of_registry(registry: BaseRegistry) -> _Source:
    # RQ's own clean-up is for workers: it would end jobs of other processes.
    def newest(start: int, stop: int) -> list[str]:
        return registry.get_job_ids(start, stop - 1, desc=True, cleanup=False)

    return _Source(registry.get_job_count(cleanup=False), newest)


def _error(job: Job) -> str:
    """Return the last line of the error of a job, empty for none."""
    result = job.latest_result()
    lines = ((result and result.exc_string) or "").strip().splitlines()
    return lines[-1][:MAX_ERROR] if lines else ""
