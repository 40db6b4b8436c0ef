"""Jobs that workers refuse: undeclared functions, data that runs code, callbacks."""

from importlib import import_module

import pytest
from fakeredis import FakeRedis, FakeServer
from rq import Callback, Queue
from rq.job import Job
from rq.serializers import PickleSerializer
from rq.utils import import_attribute

from shared.workers.declared_jobs import JobRefused, PlainSerializer, fetch_jobs
from shared.workers.worker import declared_jobs
from tests.support.services import ROOT

PACKAGES = sorted(path.parent.name for path in ROOT.glob("api_*/jobs.py"))
called = []


def note(*args):
    called.append(args)


class Hostile:
    """Calls a function wherever it is unpickled."""

    def __reduce__(self):
        return note, ("unpickled",)


@pytest.fixture
def redis():
    called.clear()
    with FakeRedis(server=FakeServer()) as redis:
        yield redis


@pytest.fixture
def sender(redis):
    """The queue as a hostile client uses it."""
    return Queue("things", connection=redis)


def test_a_declared_function_is_called(sender):
    job = sender.enqueue(f"{__name__}.note", 1)
    (fetched,) = fetch_jobs([job.id], sender.connection)
    fetched.declared = frozenset({f"{__name__}.note"})
    called.clear()
    fetched.perform()
    assert called == [(1,)]


@pytest.mark.parametrize("function", ["os.getuid", "no_such_module.function", f"{__name__}.note"])
def test_a_function_that_is_not_declared_is_neither_imported_nor_called(sender, function):
    (job,) = fetch_jobs([sender.enqueue(function).id], sender.connection)
    with pytest.raises(JobRefused, match=f"{function} is not a job of this service"):
        job.perform()
    assert not called


def test_a_method_of_a_value_is_refused(sender):
    job = Job.create("x", connection=sender.connection)
    job.data = PickleSerializer.dumps(("upper", "a text", (), {}))
    job.save()
    (fetched,) = fetch_jobs([job.id], sender.connection)
    fetched.declared = frozenset({"upper"})
    with pytest.raises(JobRefused):
        fetched.perform()


def test_data_that_calls_a_function_is_refused():
    data = PickleSerializer.dumps(("os.getuid", None, (Hostile(),), {}))
    with pytest.raises(JobRefused, match="plain values only"):
        PlainSerializer.loads(data)
    assert not called


def test_plain_values_stay_as_they_are():
    value = ("a.b", None, (1, 2.5, "x", b"y", True), {"a": [1, {"b": None}]})
    assert PlainSerializer.loads(PlainSerializer.dumps(value)) == value
    assert PlainSerializer.loads(PickleSerializer.dumps(value)) == value
    assert PickleSerializer.loads(PlainSerializer.dumps(value)) == value


def test_callbacks_are_ignored(sender):
    hook = Callback(note)
    job = sender.enqueue(f"{__name__}.note", on_success=hook, on_failure=hook, on_stopped=hook)
    (fetched,) = fetch_jobs([job.id], sender.connection)
    assert fetched.success_callback is fetched.failure_callback is fetched.stopped_callback is None


@pytest.mark.parametrize("package", PACKAGES)
def test_every_declared_function_is_there(package):
    for path in declared_jobs(package):
        assert callable(import_attribute(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_function_that_is_queued_is_declared(package):
    """The paths are written as ``f"{__name__}.name"`` or in full."""
    jobs = import_module(f"{package}.jobs")
    source = (ROOT / package / "jobs.py").read_text()
    names = {path.rpartition(".")[2] for path in jobs.JOBS}
    queued = {part.split('"')[0] for part in source.split('f"{__name__}.')[1:]}
    assert queued <= names


def test_a_package_without_jobs_ends_with_one_sentence(monkeypatch):
    jobs = import_module("api_orders.jobs")
    monkeypatch.delattr(jobs, "JOBS")
    with pytest.raises(SystemExit, match=r"Vitrine cannot start: api_orders\.jobs needs JOBS"):
        declared_jobs("api_orders")
