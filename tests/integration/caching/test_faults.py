"""The fuzzer during faults: no acknowledged write is missed, and no edit by hand after a lease."""

import contextlib
import os
import signal
import threading
import time

import pytest
import urllib3
from pymongo import MongoClient
from redis import Redis

from shared.cache.cache import LEASE_SECONDS
from tests.integration.caching.test_never_stale import HAND_EDIT_SECONDS, fuzz, tell
from tests.support.polling import poll
from tests.support.proxy import Proxy
from tests.support.stack import instance, running_stack
from vitrine import stack as stacks
from vitrine.fuzz.writers import VisibilityLimits

SLACK = 2.0  # seconds for a request that was running on a busy machine
HEALING_SECONDS = 2.0


@pytest.fixture(scope="module")
def proxy(start_redis):
    proxy = Proxy(start_redis())
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def stack(proxy):
    """A stack whose Redis is reached through a proxy."""
    url = f"redis://127.0.0.1:{proxy.port}/0"
    with running_stack("--only", "products,categories", REDIS_URL=url) as stack:
        yield stack


class Storm:
    """A fuzz run in the background, with a fault in the middle of it."""

    def __init__(self, stack, capsys, what, seconds=7, others=()):
        self._bounds = VisibilityLimits(by_hand=HAND_EDIT_SECONDS)
        run = fuzz(stack, seconds, others, self._bounds, ("products", "categories"))
        self._thread = threading.Thread(target=self._run, args=(run,))
        self._stack, self._capsys, self._what = stack, capsys, what

    def _run(self, run):
        self.report = run.run()

    def __enter__(self):
        self._thread.start()
        # Readers are ready before the first write.
        poll(lambda: not self._thread.is_alive() or self._is_written(), what="a first write")
        wait_until(time.monotonic() + 1)
        self._bounds.by_hand = LEASE_SECONDS + SLACK
        self.began = time.monotonic()
        return self

    def _is_written(self):
        with MongoClient(stacks.read(self._stack.folder).mongo_uri) as client:
            return client["vitrine"].products.find_one({"revision": {"$gt": 1}})

    def __exit__(self, *error):
        """Once healed, nothing stale is left soon."""
        self.ended = time.monotonic()
        wait_until(self.ended + HEALING_SECONDS)
        self._bounds.by_hand = HAND_EDIT_SECONDS
        self._thread.join()
        # The readers ran meanwhile.
        assert self.began < max(self.report.read_results.moments)
        assert self.report.milliseconds(50, self.began, self.ended)
        p50, p99 = (self.report.milliseconds(each, self.began, self.ended) for each in (50, 99))
        with self._capsys.disabled():
            tell(self.report, f"\n{self._what}: ")
            print(f"  meanwhile p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def wait_until(moment):
    while (left := moment - time.monotonic()) > 0:
        time.sleep(left)


@pytest.mark.long
def test_redis_stopped_for_five_seconds(stack, proxy, capsys):
    with Redis(port=proxy.target) as redis:
        pid = redis.info("server")["process_id"]
    with Storm(stack, capsys, "Redis stopped for 5 s", 12) as storm:
        os.kill(pid, signal.SIGSTOP)
        wait_until(time.monotonic() + 5)
        os.kill(pid, signal.SIGCONT)
    assert storm.report.wrong == []


@pytest.mark.long
def test_a_replica_that_missed_the_last_generations_is_promoted(stack, proxy, start_redis, capsys):
    first = proxy.target
    second = start_redis("--replicaof", f"127.0.0.1 {first}", "--repl-diskless-sync-delay", "0")
    with Redis(port=second) as replica:
        poll(lambda: replica.info("replication")["master_link_status"] == "up")
        with Storm(stack, capsys, "a replica promoted that missed 2 s") as storm:
            replica.replicaof("NO", "ONE")
            wait_until(time.monotonic() + 2)
            proxy.switch(second)
    assert storm.report.wrong == []
    poll(lambda: "hit" in _status(stack))


def test_one_instance_is_cut_off_from_redis(stack, proxy, capsys):
    """Its writes invalidate nothing; they wait until the follower has seen to it."""
    own = Proxy(proxy.target)
    url = f"redis://127.0.0.1:{own.port}/0"
    with contextlib.closing(own), instance(stack, REDIS_URL=url) as other:
        with Storm(stack, capsys, "one instance cut off from Redis", 11, [other]) as storm:
            own.switch(None)
            wait_until(time.monotonic() + 4)
            own.switch(proxy.target)
        assert storm.report.wrong == []


def test_servers_of_others_are_not_harmed(stack):
    """The Redis of this stack is not its own."""
    for fault in ("redis-oom", "kill"):
        done = stack.run("doctor", "--fuzz", "25s", "--fault", fault)
        assert f"--fault {fault} would harm Redis at redis://127.0.0.1:" in done.stderr
        assert done.returncode == 1
    done = stack.run("doctor", "--fuzz", "10s", "--fault", "stepdown")
    assert "These faults need 25 s: send --fuzz 25s or more." in done.stderr


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cluster", "replica"])
def test_other_kinds_of_redis(request, servers, capsys, kind):
    """A Redis Cluster, and a replica to read cached answers from."""
    if kind == "cluster":
        urls = {"REDIS_URL": request.getfixturevalue("redis_cluster")}
    else:
        replica = request.getfixturevalue("redis_replica")
        urls = {
            "REDIS_URL": f"redis://127.0.0.1:{servers[1]}/0",
            "REDIS_READ_URL": f"redis://127.0.0.1:{replica}/0",
        }
    with running_stack("--only", "products,categories", **urls) as stack:
        report = fuzz(stack, 4, only=("products", "categories")).run()
        assert stack.run("cache", "stats").returncode == 0
    with capsys.disabled():
        tell(report, f"\n{kind}: ")
    assert report.wrong == []
    assert report.hit_ratio > 0.1


def test_a_worker_is_killed_between_commit_and_invalidation(stack):
    """The write was not acknowledged, but it is in MongoDB, so it has to show."""
    made = stack.request("POST", "products", "/products", {"name": "Kept", "price": 0})[1]
    path = f"/products/{made['id']}"
    broken = "tests.support.broken:dies_before_invalidating"
    with instance(stack, broken) as url:
        for price in (1, 2, 3):
            poll(lambda: "hit" in _status(stack, path))
            with pytest.raises(urllib3.exceptions.ProtocolError):
                stack._http.request("PATCH", url + path, json={"price": price})
            poll(lambda price=price: stack.get("products", path)["price"] == price)


def _status(stack, path="/products?per=1"):
    answer = stack._http.request("GET", stack.url("products") + path)
    return answer.headers["Cache-Status"]
