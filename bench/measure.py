"""Starts a target, has it do its works, and counts what that took."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from redis import Redis

from bench import catalog, targets, works
from bench.catalog import ROOT, Product
from bench.load import Found, Plan
from bench.targets import Servers, Target
from bench.works import Headers, Requests, Work
from vitrine.local.processes import free_port, spawn, stop

START_SECONDS = 60
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
_TICK = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A target does not do what it is measured for; the text says what it did instead."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one target for one work in one round: rates, milliseconds, microseconds, MiB."""

    target: str
    workers: int
    work: str
    rate: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    cpu: float = 0.0
    busy: float = 0.0  # of the cores it has
    memory: float = 0.0
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how long all is measured."""

    servers: Servers
    items: list[Product]
    seconds: float
    connections: int
    log: Path

    def round(
        self, target: Target, workers: int, chosen: tuple[Work, ...], seed: int
    ) -> Iterator[Result]:
        """Start a target, and yield what it did of each work that it can do."""
        requests = Requests(self.items, target.query, target.headers, seed, target.gives_ids)
        with self.serving(target, workers) as (port, processes, start):
            for work in chosen:
                if work not in target.works:
                    continue
                conditions = _conditions(port) if work is works.NOT_MODIFIED else {}
                if conditions is not None:
                    plan = self.prepare(target, port, work, requests, conditions)
                    yield self._measure(target, workers, work, plan, processes, start)
        if works.CREATE in chosen:
            # The next target creates the same products.
            catalog.trim(self.servers.mongo_uri, self.servers.sqlite, len(self.items))

    @contextmanager
    def serving(self, target: Target, workers: int) -> Iterator[tuple[int, list[int], float]]:
        """Start a target; yield its port, its processes, and the seconds until it answered."""
        port = free_port(0)
        env = targets.environment(target, port, workers, self.servers)
        with Redis.from_url(self.servers.redis_url) as redis:
            redis.flushall()
        beside = [spawn(target.beside, self.log, env, cwd=target.folder)] if target.beside else []
        started = time.perf_counter()
        server = spawn(target.command(port, workers), self.log, env, cwd=target.folder)
        try:
            pin(server.pid, CORES[:workers])
            _wait(server, port)
            took = time.perf_counter() - started
            yield port, [server.pid, *(each.pid for each in beside)], took
        finally:
            for each in (server, *beside):
                stop(each, 10)

    def prepare(
        self, target: Target, port: int, work: Work, requests: Requests, conditions: Headers
    ) -> Plan:
        """Warm the server, and the cache for hits; return what is to be sent."""
        if target.is_vitrine:
            wait_for_hit(port)
        # Twice, so that the second round is of hits; threads are started by that as well.
        carry_out(Plan(port, requests.hot(work) * 2, self.connections, 60, once=True))
        hit = work.hit if target.is_vitrine else None
        sent = requests.of(work, conditions)
        return Plan(port, sent, self.connections, self.seconds, work.once, work.status, hit)

    def _measure(
        self,
        target: Target,
        workers: int,
        work: Work,
        plan: Plan,
        processes: list[int],
        start: float,
    ) -> Result:
        """Have a plan carried out, and count what it took."""
        with Redis.from_url(self.servers.redis_url) as redis:
            before, known = cpu_seconds(processes), _keyspace(redis)
            found = carry_out(plan)
            used, asked = cpu_seconds(processes) - before, _keyspace(redis)
        hits, misses = (after - first for after, first in zip(asked, known, strict=True))
        _check(target, work, found, hits, misses)
        return Result(
            target.name,
            workers,
            work.name,
            rate=found.answered / found.seconds,
            p50=found.p50,
            p99=found.p99,
            cpu=used / found.answered * 1e6,
            busy=used / found.seconds / min(workers, len(CORES)),
            memory=memory(processes),
            start=start,
        )


def _check(target: Target, work: Work, found: Found, hits: int, misses: int) -> None:
    """See that what was measured is what the work is; Redis has counted its hits and misses."""
    if found.wrong or not found.answered:
        said = f"{found.answered} answers right, {found.wrong} wrong: {found.first_wrong!r}"
        raise BenchError(f"{target.name}, {work.name}: {said}")
    least = found.answered * 0.99
    if target.is_vitrine and work.hit:
        return  # Each answer says in its Cache-Status that it is a hit.
    if target.cached and work.hit is not None and (hits if work.hit else misses) < least:
        said = f"{hits} hits and {misses} misses for {found.answered} answers"
        raise BenchError(f"{target.name}, {work.name}: {said}")


def carry_out(plan: Plan) -> Found:
    """Have a process with a core of its own carry out a plan."""
    command = [sys.executable, str(ROOT / "bench/load.py")]
    process = subprocess.run(
        command,
        input=json.dumps(asdict(plan)).encode(),
        stdout=subprocess.PIPE,
        preexec_fn=lambda: pin(0, CORES[-1:]),
    )
    if process.returncode:
        raise BenchError("The load generator failed; its error is above.")
    return Found(**json.loads(process.stdout))


def pin(pid: int, cores: list[int]) -> None:
    """Keep a process, and what it starts from now on, on these cores, where there are two."""
    if hasattr(os, "sched_setaffinity") and len(CORES) > 1:
        os.sched_setaffinity(pid, cores)


def _conditions(port: int) -> Headers | None:
    """Return how a client says what it has, None to a server that then sends it all the same."""
    answer = _get(port, {})
    if etag := answer.headers.get("ETag"):
        conditions = {"If-None-Match": etag}
    else:
        conditions = {"If-Modified-Since": answer.headers.get("Last-Modified", "")}
    return conditions if _get(port, conditions).status == 304 else None


def _get(port: int, headers: Headers) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/products/1", headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait for the first right answer."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if _get(port, {}).status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.01)
    raise BenchError(f"{server.args!r} does not answer; --log FILE keeps what it says.")


def wait_for_hit(port: int) -> None:
    """Wait until answers are kept: the follower has to have caught up before."""
    deadline = time.monotonic() + START_SECONDS
    while "hit" not in _get(port, {}).headers.get("Cache-Status", ""):
        if time.monotonic() > deadline:
            raise BenchError("Vitrine keeps no answers: its follower does not follow.")
        time.sleep(0.01)


def _keyspace(redis: "Redis") -> tuple[int, int]:
    stats = redis.info("stats")
    return stats["keyspace_hits"], stats["keyspace_misses"]


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += family(int(child))
    return found


def _all(pids: list[int]) -> set[int]:
    return {each for pid in pids for each in family(pid)}


def cpu_seconds(pids: list[int]) -> float:
    """Return what processes and their descendants, the ended ones too, have used of the CPU."""
    ticks = 0
    for pid in _all(pids):
        # The name, in parentheses, may hold anything.
        values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, values[11:15]))
    return ticks / _TICK


def memory(pids: list[int]) -> float:
    """Return the MiB that processes have, what they share counted once (PSS)."""
    total = 0
    for pid in _all(pids):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024
