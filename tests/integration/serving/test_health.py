"""Readiness while MongoDB stops and comes back, and how a stack shows its state."""

import time

import pytest
from pymongo import MongoClient

from tests.support.polling import poll
from tests.support.processes import suspended_process
from tests.support.stack import process_of, running_stack
from vitrine import stack as stacks

STOPPED_SECONDS = 3.0  # Long enough for the driver to give up its connections.


@pytest.fixture(scope="module")
def stack():
    with running_stack("--only", "products", JOB_WORKERS="1") as stack:
        yield stack


def ready(stack):
    return stack.request("GET", "products", "/health/ready")


def scrape(stack):
    return stack._http.request("GET", stack.url("products") + "/metrics").data.decode()


def flips(stack, status):
    """Return the response once readiness has flipped."""
    return poll(
        lambda: answer if (answer := ready(stack))[0] == status else None, what=f"a {status}"
    )[1]


def test_everything_is_told_with_its_latency(stack):
    value = poll(lambda: answer if (answer := ready(stack)[1])["follower"] == "ok" else None)
    assert value["status"] == "ok"
    assert value["mongodb"]["latency_ms"] > 0
    assert value["redis"]["latency_ms"] > 0
    assert poll(lambda: 0 <= ready(stack)[1]["follower_lag_seconds"] < 5)
    assert poll(lambda: ready(stack)[1]["queue"]["workers"]) == 1


def test_readiness_flips_when_mongodb_is_held_and_let_go(stack):
    with suspended_process(process_of(stack, b"mongod")):
        value = flips(stack, 503)
        assert value["status"] == "MongoDB is down"
        assert "error" in value["mongodb"]
        held = time.monotonic() + STOPPED_SECONDS
        while time.monotonic() < held:
            assert ready(stack)[0] == 503  # It answers although MongoDB does not.
        assert 'backend="mongodb"} 0.0' in scrape(stack)
        status = stack.run("status")
        assert (status.returncode, "products: MongoDB is down." in status.stdout) == (1, True)
    flips(stack, 200)


def test_readiness_flips_when_mongodb_is_killed_and_back(stack, kill):
    uri = stacks.read(stack.folder).mongo_uri
    kill(process_of(stack, b"mongod"))
    flips(stack, 503)
    with MongoClient(uri, directConnection=True, serverSelectionTimeoutMS=90_000) as client:
        poll(lambda: client.admin.command("hello")["isWritablePrimary"])
    assert flips(stack, 200)["status"] == "ok"


def test_status_is_a_table_with_figures(stack):
    poll(lambda: ready(stack)[1]["queue"]["workers"] == 1)
    poll(lambda: ready(stack)[1]["queue"]["waiting"] == 0)
    status = stack.run("status")
    assert status.returncode == 0, status.stdout
    (row,) = [line for line in status.stdout.splitlines() if stack.url("products") in line]
    name, address, state, mongodb, redis, lag, workers, waiting = row.split()
    assert (name, address, state) == ("products", stack.url("products"), "ok")
    assert float(mongodb) > 0
    assert float(redis) > 0
    assert float(lag) >= 0
    assert (workers, waiting) == ("1", "0")
    assert max(map(len, status.stdout.splitlines())) <= 80
