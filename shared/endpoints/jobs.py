"""``/jobs``: the jobs of the queue; ``/jobs/<id>``: the state of one, for a day."""

import logging

from flask import Flask, Response
from marshmallow import Schema, fields, validate

from shared.http import auth
from shared.http.contract import accepts, returns
from shared.http.errors import NotFound
from shared.http.parameters import read_parameters
from shared.http.request_state import state
from shared.http.responses import respond
from shared.resource.idempotency import idempotent
from shared.schema.fields import Timestamp, Whole, timestamp
from shared.workers import job_list, queue

MAX_PAGE = 1_000_000

audit = logging.getLogger("vitrine.audit")


def init_app(app: Flask) -> None:
    """Serve ``/jobs``, and show the queue in ``/health/ready`` and ``/metrics``."""
    app.extensions["has_queue"] = True
    app.add_url_rule("/jobs", "list_jobs", list_jobs, methods=["GET"])
    app.add_url_rule("/jobs:retry", "retry_jobs", retry_jobs, methods=["POST"])
    app.add_url_rule("/jobs/<id>", "get_job", show_job, methods=["GET"])
    app.add_url_rule("/jobs/<id>", "delete_job", delete_job, methods=["DELETE"])
    app.add_url_rule("/jobs/<id>/retry", "retry_job", retry_job, methods=["POST"])


class DeliverySchema(Schema):
    """The delivery of a message to one address."""

    url = fields.String()
    attempts = fields.Integer()
    delivered = fields.Boolean()
    status = fields.Integer(metadata={"optional": True})
    error = fields.String(allow_none=True, metadata={"optional": True})


class JobSchema(Schema):
    """The state of a job."""

    id = fields.String()
    state = fields.String(metadata={"example": "finished"})
    created_at = Timestamp()
    ended_at = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    request_id = fields.String(metadata={"optional": True})
    problem = fields.String(
        metadata={
            "optional": True,
            "description": "Why the work of a job that is finished has failed, such as a picture.",
        }
    )
    deliveries = fields.List(fields.Nested(DeliverySchema), metadata={"optional": True})


@auth.requires(auth.WRITE)
@returns(JobSchema)
def show_job(id: str) -> Response:
    """Return the state of a job and its own report; both are kept for a day."""
    job = queue.find(id)
    status = job and job.get_status(refresh=False)
    if not (job and status):
        raise NotFound(f"There is no job {id[:100]}; jobs are kept for a day.")
    return respond(
        {
            "id": job.id,
            "state": status.value,
            "created_at": timestamp(job.created_at),
            "ended_at": timestamp(job.ended_at) if job.is_finished or job.is_failed else None,
            **job.meta,
        }
    )


class ListedJobSchema(Schema):
    """A job of the queue: its state, its times, and the last line of its error."""

    id = fields.String()
    state = fields.String(metadata={"example": "failed"})
    name = fields.String(metadata={"example": "make_thumbnails"})
    created_at = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    enqueued_at = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    started_at = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    ended_at = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    due_at = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    request_id = fields.String(allow_none=True)
    retries_left = fields.Integer()
    error = fields.String()
    worker = fields.String(allow_none=True)


class WorkerSchema(Schema):
    """A worker that is alive."""

    name = fields.String()
    state = fields.String(metadata={"example": "idle"})
    job = fields.String(allow_none=True)
    since = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    heartbeat = fields.Raw(allow_none=True, metadata={"shown": Timestamp()})
    done = fields.Integer()
    failed = fields.Integer()


class JobsSchema(Schema):
    """A page of jobs, the number of jobs in each state, and the workers."""

    items = fields.List(fields.Nested(ListedJobSchema))
    total = fields.Integer()
    page = fields.Integer()
    per = fields.Integer()
    counts = fields.Dict(fields.String(), fields.Integer())
    workers = fields.List(fields.Nested(WorkerSchema))


class RetriedSchema(Schema):
    """The number of jobs that were queued again."""

    retried = fields.Integer()


@auth.requires(auth.ADMIN)
@accepts(
    state=fields.String(
        validate=validate.OneOf(job_list.STATES, error="Is unknown; send one of {choices}."),
        metadata={"description": "Only the jobs in this state."},
    ),
    page=Whole(1, MAX_PAGE, strict=False, load_default=1),
    per=Whole(1, 100, strict=False, load_default=20),
)
@returns(JobsSchema)
def list_jobs() -> Response:
    """Return the jobs of the queue, the newest first, and the workers.

    Without ``state``, the running jobs come first, then the failed ones, then those that wait.
    """
    asked = read_parameters()
    return respond(job_list.overview(asked.get("state", ""), asked["page"], asked["per"]))


@idempotent
@auth.requires(auth.ADMIN)
@returns(ListedJobSchema, 202, errors=(404, 409))
def retry_job(id: str) -> Response:
    """Queue a failed job again."""
    job = job_list.retry(id)
    _log("%s retried", id)
    return respond(job, 202)


@idempotent
@auth.requires(auth.ADMIN)
@returns(RetriedSchema, 202)
def retry_jobs() -> Response:
    """Queue all failed jobs again, at most a thousand of them."""
    retried = job_list.retry_all()
    _log("%s failed jobs retried", retried)
    return respond({"retried": retried}, 202)


@auth.requires(auth.ADMIN)
@returns(None, 204, errors=(404, 409))
def delete_job(id: str) -> Response:
    """Remove a job that does not run.

    If the service has noted the work of the job as due, it queues the job again.
    """
    job_list.delete(id)
    _log("%s deleted", id)
    return Response(status=204)


def _log(text: str, subject: object) -> None:
    """Log who has changed the queue."""
    audit.warning(f"Job {text}, by %s, request %s", subject, auth.caller(), state().id)
