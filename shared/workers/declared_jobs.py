"""Jobs of RQ whose data cannot run code: declared functions and plain values only.

A client of the queue's Redis can store any job there.  RQ itself would call any function that a job
names, and unpickle data that calls functions while it is read.
"""

import io
import pickle
from collections.abc import Callable, Iterable
from typing import Any

from redis import Redis
from rq import Queue
from rq.exceptions import DeserializationError
from rq.job import Job


class JobRefused(Exception):
    """A job names a function that the service does not declare, or holds more than plain values."""


class PlainUnpickler(pickle.Unpickler):
    """Unpickler of plain values: texts, numbers, lists, dictionaries and the like."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every class and function; plain values name none."""
        raise JobRefused(f"Jobs hold plain values only; this one names {module}.{name}.")


class PlainSerializer:
    """Serializer of RQ for plain values, in the format of RQ's own serializer.

    So jobs of the version before stay readable, and the tools of RQ read those of this one.
    """

    @staticmethod
    def dumps(value: Any, /) -> bytes:
        """Return a value as bytes."""
        return pickle.dumps(value)

    @staticmethod
    def loads(data: bytes, /) -> Any:
        """Return the value of bytes.

        Raises:
            JobRefused: The bytes name a class or function.
        """
        return PlainUnpickler(io.BytesIO(data)).load()


class DeclaredJob(Job):
    """Job that calls one of the functions in ``declared``, which its worker sets; else none.

    The callbacks and webhooks of RQ are not used, so that those in a job are ignored.
    """

    declared: frozenset[str] = frozenset()

    @property
    def func(self) -> Callable[..., Any]:
        """Import the function to call.

        Raises:
            JobRefused: The service does not declare it.
        """
        if self.instance is not None or self.func_name not in self.declared:
            raise JobRefused(
                f"{self.func_name} is not a job of this service; its JOBS name those that are."
            )
        function: Callable[..., Any] = super().func
        return function

    @property
    def success_callback(self) -> None:
        """Ignore the function to call after a success."""

    @property
    def failure_callback(self) -> None:
        """Ignore the function to call after a failure."""

    @property
    def stopped_callback(self) -> None:
        """Ignore the function to call after a stop."""

    def send_webhooks(self, status: Any, *, exc_string: str | None = None) -> None:
        """Send nothing to the URLs that a job names."""


def function_name(job: Job) -> str:
    """Return the name of the function that a job calls, without its module."""
    try:
        return str(job.func_name).rpartition(".")[2]
    except DeserializationError:
        return "unknown"


def job_queue(service: str, redis: Redis) -> Queue:
    """Return the queue of a service."""
    return Queue(service, connection=redis, job_class=DeclaredJob, serializer=PlainSerializer)


def fetch_jobs(ids: Iterable[str], redis: Redis) -> list[Job | None]:
    """Return jobs by their ids, None for each that is missing."""
    return DeclaredJob.fetch_many(ids, connection=redis, serializer=PlainSerializer)
