"""Faults that a fuzz run causes on a stack of its own, one after the other, and takes back.

Each fault is a context manager: the fault lasts as long as the block, even if it is interrupted.
Only servers that ``vitrine up`` has started are harmed.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import urllib3
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from redis import Redis, RedisError, ResponseError

from vitrine.client import authorization
from vitrine.errors import StackError
from vitrine.stack import Running, without_password

FAULT_SECONDS = 4.0  # seconds that a fault lasts: less than a lease, so that it may be alive after
LIMIT_SECONDS = 7.0  # seconds after which an edit in MongoDB must be visible, during a fault
HEALING_SECONDS = 20.0  # seconds after a fault within which all must be well again
SLOT_SECONDS = 25  # seconds of a run that each fault needs
_NOWHERE = ("127.0.0.1", "1")  # a port without a Redis
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """One fault: when it began, by the monotonic clock, and what happened until the next one.

    ``healed`` are the seconds after its end until each service answered from the cache again, None
    if that took too long.
    """

    name: str
    began: float
    until: float
    healed: float | None
    acknowledged: int = 0
    refused: int = 0
    reads: int = 0
    refused_reads: int = 0
    stale: int = 0

    def count(self, moments: Iterable[float]) -> int:
        """Return how many of some moments were from its begin until the next fault."""
        return sum(self.began <= moment <= self.until for moment in moments)


@contextmanager
def redis_readonly(running: Running) -> Iterator[None]:
    """Make Redis the replica of a server that does not exist: it answers reads only."""
    with _redis(running) as redis:
        try:
            redis.replicaof(*_NOWHERE)
            yield
        finally:
            redis.replicaof("NO", "ONE")


@contextmanager
def redis_oom(running: Running) -> Iterator[None]:
    """Leave Redis no memory: it answers reads, and refuses to store anything."""
    with _redis(running) as redis:
        before: Mapping[str, str] = redis.config_get("maxmemory", "maxmemory-policy")
        try:
            redis.config_set("maxmemory-policy", "noeviction")  # first, so that no job is evicted
            redis.config_set("maxmemory", 1)
            yield
        finally:
            try:
                redis.config_set("maxmemory", before["maxmemory"])
            finally:
                redis.config_set("maxmemory-policy", before["maxmemory-policy"])


@contextmanager
def redis_pause_write(running: Running) -> Iterator[None]:
    """Have Redis answer reads at once, and writes only after the fault."""
    with _redis(running) as redis:
        try:
            redis.client_pause(round(FAULT_SECONDS * 2000), all=False)
            yield
        finally:
            redis.client_unpause()


@contextmanager
def stepdown(running: Running) -> Iterator[None]:
    """Have the primary of MongoDB step down, so that nothing can be written or read."""
    with MongoClient[dict[str, Any]](running.mongo_uri, directConnection=True) as client:
        command = {"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 0, "force": True}
        try:
            client.admin.command(command)
            yield
        except OperationFailure as error:
            raise StackError(f"MongoDB does not step down: {error.details}.") from error
        finally:
            client.admin.command("replSetFreeze", 0)


@contextmanager
def kill(running: Running) -> Iterator[None]:
    """Kill Redis, which ``vitrine up`` starts again at once."""
    os.kill(_redis_pid(running), signal.SIGKILL)
    yield


@contextmanager
def stop(running: Running) -> Iterator[None]:
    """Suspend Redis, so that it answers nothing."""
    with _suspended(_redis_pid(running)):
        yield


@contextmanager
def mongodb_kill(running: Running) -> Iterator[None]:
    """Kill MongoDB, which ``vitrine up`` starts again at once."""
    os.kill(_mongodb_pid(running), signal.SIGKILL)
    yield


@contextmanager
def mongodb_stop(running: Running) -> Iterator[None]:
    """Suspend MongoDB, so that it answers nothing."""
    with _suspended(_mongodb_pid(running)):
        yield


FAULTS: Mapping[str, Callable[[Running], AbstractContextManager[None]]] = {
    "redis-readonly": redis_readonly,
    "redis-oom": redis_oom,
    "redis-pause-write": redis_pause_write,
    "stepdown": stepdown,
    "kill": kill,
    "stop": stop,
    "mongodb-kill": mongodb_kill,
    "mongodb-stop": mongodb_stop,
}
_OF_MONGODB = ("stepdown", "mongodb-kill", "mongodb-stop")


def check(names: Sequence[str], running: Running | None, seconds: float) -> None:
    """Raise ``StackError`` if faults cannot be caused on a stack, or not within some seconds."""
    if running is None:
        raise StackError("--fault needs a stack on this machine: start one with `vitrine up`.")
    for name in names:
        server, url, setting = "Redis", running.redis_url, "REDIS_URL"
        if name in _OF_MONGODB:
            server, url, setting = "MongoDB", running.mongo_uri, "MONGO_URI"
        if server not in running.embedded:
            raise StackError(
                f"--fault {name} would harm {server} at {without_password(url)}, which `vitrine "
                f"up` has not started: it may serve others. Start a stack without {setting}."
            )
    if seconds < (needed := len(names) * SLOT_SECONDS):
        raise StackError(f"These faults need {needed} s: send --fuzz {needed}s or more.")


def wait_until_healed(urls: Mapping[str, Sequence[str]], paths: Mapping[str, str]) -> float | None:
    """Wait until every instance answers from the cache again.

    Args:
        urls: The instances of each service.
        paths: A path of each service to read.

    Returns:
        The seconds that it took, or None after ``HEALING_SECONDS``.
    """
    started = time.monotonic()
    waiting = [f"{url}{paths[service]}" for service in urls for url in urls[service]]
    health = [f"{url}/health/ready" for service in urls for url in urls[service]]
    headers = {"Authorization": authorization()}
    with urllib3.PoolManager(retries=False, timeout=5.0, headers=headers) as http:
        while waiting or health:
            if time.monotonic() - started > HEALING_SECONDS:
                return None
            health = [url for url in health if not _is_ready(http, url)]
            waiting = [url for url in waiting if not _is_hit(http, url)]
            time.sleep(_POLL_SECONDS)
    return time.monotonic() - started


def _is_hit(http: urllib3.PoolManager, url: str) -> bool:
    try:
        return "; hit" in http.request("GET", url).headers.get("Cache-Status", "")
    except urllib3.exceptions.HTTPError:
        return False


def _is_ready(http: urllib3.PoolManager, url: str) -> bool:
    try:
        ready = orjson.loads(http.request("GET", url).data)
        return bool(ready["status"] == "ok" and "error" not in ready["redis"])
    except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _redis(running: Running) -> Iterator[Any]:
    """Yield a client of the stack's Redis; a command that it refuses is a ``StackError``."""
    with Redis.from_url(running.redis_url, decode_responses=True, socket_timeout=5) as redis:
        try:
            yield redis
        except ResponseError as error:
            raise StackError(f"Redis does not allow this fault: {error}.") from error


@contextmanager
def _suspended(pid: int) -> Iterator[None]:
    try:
        os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _mongodb_pid(running: Running) -> int:
    try:
        with MongoClient[dict[str, Any]](running.mongo_uri, directConnection=True) as client:
            return int(client.admin.command("serverStatus")["pid"])
    except PyMongoError as error:
        raise StackError(f"MongoDB does not answer: {error}.") from error


def _redis_pid(running: Running) -> int:
    try:
        with _redis(running) as redis:
            return int(redis.info("server")["process_id"])
    except RedisError as error:
        raise StackError(f"Redis does not answer: {error}.") from error
