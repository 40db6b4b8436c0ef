"""Events for Sentry, received by a server of this test in its place."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import brotli
import pytest
from redis import Redis
from rq import Queue, Retry

from tests.support.polling import poll
from tests.support.services import ROOT
from tests.support.stack import instance
from vitrine import stack as stacks
from vitrine.client import authorization
from vitrine.local.processes import spawn, stop

SECRETS = ("ada@", "hunter2", "Lovelace", "127.0.0.1", "Bearer", "eyJ")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        unpack = {"gzip": gzip.decompress, "br": brotli.decompress}
        data = unpack.get(self.headers.get("Content-Encoding"), bytes)(data)
        _, *rest = data.decode().splitlines()
        kinds = [json.loads(line)["type"] for line in rest[::2]]
        self.server.events += zip(kinds, map(json.loads, rest[1::2]), strict=True)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.dsn = f"http://key@127.0.0.1:{server.server_port}/1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def events(server):
    server.events = []
    return server.events


def only(events):
    """The one event there is, also a moment later."""
    poll(lambda: events)
    late = time.monotonic() + 0.5
    poll(lambda: time.monotonic() > late)
    ((kind, event),) = events
    assert kind == "event"
    assert not [each for each in SECRETS if each in json.dumps(event)]
    assert event["release"].startswith("vitrine@")
    return event


def test_a_request_that_fails_is_one_event_with_its_request_id(stack, server, events):
    app = "tests.support.broken:fails"
    with instance(stack, app, SENTRY_DSN=server.dsn) as url:
        known = {"Authorization": authorization(), "Cookie": "a=hunter2"}
        headers = {"X-Request-ID": "mine"} | known
        answer = stack._http.request(
            "POST",
            f"{url}/fails/1?email=ada@example.org",
            json={"name": "Lovelace"},
            headers=headers,
        )
        assert answer.status == 500
        event = only(events)
        for path in ("/products", "/products/99", "/products?nope=1", "/nowhere"):
            stack._http.request("GET", url + path)
    assert (event["tags"]["service"], event["tags"]["request_id"]) == ("products", "mine")
    assert event["transaction"] == "POST /fails/<name>"
    assert event["request"] == {"method": "POST", "url": "/fails/1"}
    (error,) = event["exception"]["values"]
    assert error["value"] == "No luck: [removed] of [removed] at [removed]"
    assert error["stacktrace"]["frames"][-1]["function"] == "fail"
    assert len(events) == 1


@contextmanager
def worker(stack, queue, **env):
    """A worker of the service with faulty jobs, and with a queue of its own."""
    running = stacks.read(stack.folder)
    known = {"MONGO_URI": running.mongo_uri, "REDIS_URL": running.redis_url}
    known |= {"REDIS_QUEUE_URL": queue, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/tests/support"}
    env = stack.env | known | env
    args = [sys.executable, "-m", "shared", "work", "api_faulty"]
    process = spawn(args, Path(f"{stack.output}-worker"), env)
    try:
        yield
    finally:
        stop(process, 5)


@pytest.mark.long
@pytest.mark.parametrize(
    ("job", "error"), [("raise_error", "RuntimeError"), ("crash", "JobKilled")]
)
def test_a_job_that_fails_for_good_is_one_event(stack, server, events, job, error):
    url = stacks.read(stack.folder).redis_url.removesuffix("0") + "2"
    with Redis.from_url(url) as redis, worker(stack, url, SENTRY_DSN=server.dsn):
        queue = Queue("faulty", connection=redis)
        # The first job fails because a server is down, which is not reported.
        queue.enqueue("api_faulty.jobs.miss_server")
        queue.enqueue_call(
            f"api_faulty.jobs.{job}",
            args=("ada@example.org",) if job == "raise_error" else (),
            job_id=f"job-{job}",
            retry=Retry(max=1),
            meta={"request_id": "mine"},
        )
        event = only(events)
        redis.flushdb()
    tags = {"service": "faulty", "request_id": "mine", "job": f"job-{job}"}
    assert event["tags"] == tags
    assert event["transaction"] == job
    assert event["exception"]["values"][0]["type"] == error


def test_without_a_dsn_nothing_is_imported(stack):
    """It would take its time at each start of each process."""
    code = (
        "import sys, api_products.app as app; app.create_app(); print('sentry_sdk' in sys.modules)"
    )
    running = stacks.read(stack.folder)
    known = {"MONGO_URI": running.mongo_uri, "REDIS_URL": running.redis_url}
    said = subprocess.check_output([sys.executable, "-c", code], env=stack.env | known, cwd=ROOT)
    assert said.split()[-1] == b"False"
