"""``/jobs``: the queue of each service that has jobs."""

import pytest
from rq import Queue
from rq.job import JobStatus

from shared.workers.declared_jobs import job_queue
from tests.support.services import on_fakes

pytestmark = on_fakes


@pytest.fixture
def queue(client, transport, resource):
    """The queue of the service; skip services without one."""
    if "has_queue" not in client.application.extensions:
        pytest.skip(f"{resource.name} has no jobs")
    return job_queue(resource.name, transport.connections.queue)


def fail(queue: Queue, id, error="ValueError: not an image"):
    """Make a job that has failed, as a worker leaves it."""
    job = queue.enqueue_call("api_x.jobs.work", job_id=id, failure_ttl=86_400)
    queue.remove(job)
    job.set_status(JobStatus.FAILED)
    with queue.connection.pipeline() as pipeline:
        job._handle_failure(f"Traceback\n  line\n{error}", pipeline)
        pipeline.execute()
    return job


def test_jobs_are_listed_by_state_the_newest_first(client, queue):
    for number in range(3):
        queue.enqueue_call("api_x.jobs.work", job_id=f"wait-{number}")
    fail(queue, "bad")
    waiting = client.get("/jobs?state=waiting&per=2").json
    assert [job["id"] for job in waiting["items"]] == ["wait-2", "wait-1"]
    assert waiting["total"] == 3
    assert waiting["counts"] == {"waiting": 3, "running": 0, "failed": 1}
    assert [job["id"] for job in client.get("/jobs?state=waiting&per=2&page=2").json["items"]] == [
        "wait-0"
    ]
    (failed,) = client.get("/jobs?state=failed").json["items"]
    assert (failed["id"], failed["state"], failed["name"]) == ("bad", "failed", "work")
    assert failed["error"] == "ValueError: not an image"
    assert [job["id"] for job in client.get("/jobs?per=100").json["items"]] == [
        "bad",
        "wait-2",
        "wait-1",
        "wait-0",
    ]


def test_failed_jobs_are_retried(client, queue):
    fail(queue, "one")
    fail(queue, "two")
    retried = client.post("/jobs/one/retry")
    assert (retried.status_code, retried.json["state"]) == (202, "queued")
    assert client.post("/jobs/one/retry").status_code == 409
    assert client.post("/jobs/none/retry").status_code == 404
    assert client.post("/jobs:retry").json == {"retried": 1}
    assert client.get("/jobs").json["counts"] == {"waiting": 2, "running": 0, "failed": 0}


def test_a_job_is_deleted_unless_it_runs(client, queue):
    fail(queue, "bad")
    running = queue.enqueue_call("api_x.jobs.work", job_id="running")
    running.set_status(JobStatus.STARTED)
    assert client.delete("/jobs/running").status_code == 409
    assert client.delete("/jobs/bad").status_code == 204
    assert client.delete("/jobs/bad").status_code == 404
    assert client.get("/jobs?state=failed").json["total"] == 0


@pytest.mark.parametrize("query", ["state=done", "per=0", "per=1000", "page=0", "stat=failed"])
def test_a_wrong_page_is_refused(client, queue, query):
    assert client.get(f"/jobs?{query}").status_code == 400


def test_a_hostile_job_is_shown_and_runs_nothing(client, queue):
    job = queue.enqueue_call("api_x.jobs.work", job_id="hostile")
    queue.connection.hset(job.key, "data", b"cos\nsystem\n(S'true'\ntR.")
    (shown,) = client.get("/jobs").json["items"]
    assert (shown["id"], shown["name"]) == ("hostile", "unknown")
