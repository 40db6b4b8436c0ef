"""Random writes, by the API and straight into MongoDB, against many readers at every instance."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from pymongo import MongoClient

from tests.integration.conftest import ROOT, instance, process_of, running_stack
from vitrine import stack as stacks
from vitrine.fuzz import Bounds, Fuzz

SECONDS = 60


@pytest.fixture(scope="module")
def stack():
    with running_stack() as stack:
        yield stack


def fuzz(stack, seconds, others=(), bounds=None, only=("products", "clients", "categories")):
    running = stacks.read(stack.folder)
    urls = {name: [running.services[name]] for name in only}
    urls["products"] += others
    return Fuzz(urls, running.mongo_uri, seconds, bounds or Bounds())


def tell(report, what=""):
    print(
        f"{what}{report.reads} reads, {report.hit_ratio:.0%} hits, {report.writes} writes, of "
        f"which {report.hand_writes} straight in MongoDB, p50 {report.milliseconds(50):.1f} ms, "
        f"p99 {report.milliseconds(99):.1f} ms"
    )
    for each in report.wrong[:5]:
        print(each)


@contextmanager
def second_follower(stack, package):
    running = stacks.read(stack.folder)
    servers = {"MONGO_URI": running.mongo_uri, "REDIS_URL": running.redis_url}
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.follower", package], cwd=ROOT, env=stack.env | servers
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(5)


def test_no_read_is_older_than_what_was_acknowledged_before_it(stack, capsys):
    """At every instance, with several followers, what must be seen is."""
    with instance(stack) as other, second_follower(stack, "api_products"):
        report = fuzz(stack, SECONDS, [other]).run()
    with capsys.disabled():
        tell(report, "\nnever stale: ")
    assert report.wrong == []
    assert report.reads > 20_000
    assert report.writes > 500
    assert 0 < report.hand_writes < report.writes
    assert report.hit_ratio > 0.5


def test_an_instance_that_ignores_generations_is_found_out(stack):
    with instance(stack, "tests.integration.broken:believes_anything()") as broken:
        report = fuzz(stack, 6, [broken], only=("products",)).run()
    assert report.problems
    assert f" {broken} " in report.problems[0]
    assert "write " in report.problems[0]
    assert "read " in report.problems[0]


def test_a_follower_that_sees_nothing_is_found_out(stack):
    follower = process_of(stack, b"shared.follower", b"api_products")
    os.kill(follower, signal.SIGSTOP)
    try:
        report = fuzz(stack, 4, only=("products",)).run()
    finally:
        os.kill(follower, signal.SIGCONT)
    assert any("straight in MongoDB" in problem for problem in report.problems)


def test_nothing_is_left_of_a_run(stack):
    fuzz(stack, 1).run()
    with MongoClient(stacks.read(stack.folder).mongo_uri) as client:
        for name in ("products", "clients", "categories"):
            for collection in (name, f"{name}.trash"):
                assert client["vitrine"][collection].count_documents({}) == 0


def test_doctor_says_what_it_did_and_that_all_is_well(stack):
    done = stack.run("doctor", "--fuzz", "3s")
    assert "products at http" in done.stdout
    assert "0 violations" in done.stdout
    assert done.returncode == 0
    wrong = stack.run("doctor", "--fuzz", "soon")
    assert "is no time from 1s to 60m" in wrong.stderr
    assert wrong.returncode == 2
