"""``/jobs/<id>``: the state of a queued job, for a day."""

from flask import Flask, Response
from marshmallow import Schema, fields

from shared.http import auth
from shared.http.contract import returns
from shared.http.errors import NotFound
from shared.http.responses import respond
from shared.schema.fields import Timestamp, timestamp
from shared.workers import queue


def init_app(app: Flask) -> None:
    """Serve ``/jobs/<id>``, and show the queue in ``/health/ready`` and ``/metrics``."""
    app.extensions["has_queue"] = True
    app.add_url_rule("/jobs/<id>", "job", show_job)


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
    deliveries = fields.List(fields.Nested(DeliverySchema), metadata={"optional": True})


@auth.requires(auth.WRITE)
@returns(JobSchema)
def show_job(id: str) -> Response:
    """Return the state of a job and its own report; both are kept for a day."""
    job = queue.find(id)
    state = job and job.get_status(refresh=False)
    if not (job and state):
        raise NotFound(f"There is no job {id[:100]}; jobs are kept for a day.")
    return respond(
        {
            "id": job.id,
            "state": state.value,
            "created_at": timestamp(job.created_at),
            "ended_at": timestamp(job.ended_at) if job.is_finished or job.is_failed else None,
            **job.meta,
        }
    )
