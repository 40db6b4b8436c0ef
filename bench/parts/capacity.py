"""CPU cost of a request in each tier: the service, Redis, MongoDB and the follower.

    .venv/bin/python bench/parts/capacity.py FOLDER [ROUNDS]

Needs Linux, wrk and two cores: one worker of products has the first core, wrk and all else the
second.  CPU is what /proc says that a process has used, so it tells what a request costs and not
how long it waits.  Arrangements take turns; figures are medians.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bson import Decimal128
from pymongo import MongoClient
from redis import Redis

from api_products.resource import products
from shared.storage import documents
from vitrine.local import embedded
from vitrine.local.processes import free_port, stop

ROOT = Path(__file__).parents[2]
COUNT = 50_000
CATEGORIES = 20
SECONDS = 3
TICKS = os.sysconf("SC_CLK_TCK")
# Each is a body of Lua that says the next request of wrk; n counts on from round to round.
KINDS = {
    "item, hit": 'return wrk.format("GET", "/products/" .. (n % 100 + 1))',
    "list of 20, hit": 'return wrk.format("GET", "/products?category=c" .. (n % 20))',
    "item, miss": 'return wrk.format("GET", "/products/" .. (n % 50000 + 1) .. "?fields=id,name,"'
    ' .. (math.floor(n / 50000) % 2 == 0 and "price" or "stock"))',
    "list of 20, miss": 'return wrk.format("GET", "/products?category=c" .. (n % 20)'
    ' .. "&price_max=" .. (n % 900000 + 50000) / 100)',
    "write": 'return wrk.format("PATCH", "/products/" .. (n % 50000 + 1),'
    ' {["Content-Type"] = "application/json"}, \'{"stock": \' .. (n % 90 + 1) .. "}")',
}
CACHED = ("item, hit", "list of 20, hit")


MODULES = ("follower", "serve")
SETTINGS = {
    "WORKERS": "1",
    "LOG_LEVEL": "WARNING",
    "CACHE_TTL_SECONDS": "3600",
    "RATE_LIMIT_ANONYMOUS": "1000000000/hour",
    "RATE_LIMIT_WRITES": "1000000000/hour",
}
ARRANGEMENTS = {
    "gunicorn": ("gunicorn", 1),
    "granian": ("granian", 1),
    "gunicorn, cluster of 3": ("gunicorn", 3),
    "gunicorn, cluster of 6": ("gunicorn", 6),
}


def made() -> Iterator[dict[str, Any]]:
    """Yield the products as the service stores them."""
    for number in range(1, COUNT + 1):
        values = {
            "slug": f"thing-{number}",
            "sku": f"T-{number:07d}",
            "name": f"Thing number {number} of a middling name",
            "description": "What it is for, and what it is not for. " * 5,
            "price": Decimal128(f"{number % 1000}.50"),
            "stock": 5,
            "category": f"c{number % CATEGORIES}",
            "category_path": [f"c{number % CATEGORIES}"],
            "attributes": {"color": "blue", "size": number % 10},
        }
        yield documents.new_document(values, number, "0" * 16, products.repository.derived)


def cpu(pids: list[int]) -> float:
    """Return the seconds of CPU that some processes and those below them have used."""
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        total += cpu([int(child) for child in children])
    return total


def start_redis(folder: Path, count: int) -> tuple[list[Any], str]:
    """Start one Redis, or a cluster of some primaries; return the processes and the URL."""
    ports, buses = ([free_port(0) for _ in range(count)] for _ in range(2))
    processes = []
    for port, bus in zip(ports, buses, strict=True):
        options = ["--save", "", "--appendonly", "no"]
        options += ["--cluster-enabled", "yes", "--cluster-port", str(bus)] if count > 1 else []
        log = folder / f"{port}.log"
        processes.append(embedded.start_redis(folder / str(port), port, log, (), *options))
        embedded.wait_for_redis(processes[-1], port, log)
    if count == 1:
        return processes, f"redis://127.0.0.1:{ports[0]}/0"
    nodes = [Redis(port=port) for port in ports]
    bounds = [16384 * place // count for place in range(count + 1)]
    for place, node in enumerate(nodes):
        node.execute_command("CLUSTER ADDSLOTSRANGE", bounds[place], bounds[place + 1] - 1)
        if place:
            node.execute_command("CLUSTER MEET", "127.0.0.1", ports[0], buses[0])
    while not all(
        len(node.cluster("slots")) == count and node.cluster("info")["cluster_state"] == "ok"
        for node in nodes
    ):
        time.sleep(0.05)
    return processes, f"redis+cluster://127.0.0.1:{ports[0]}"


class Tier:
    """The processes of one arrangement: a service, its follower, its Redis and its MongoDB."""

    def __init__(
        self, stack: ExitStack, folder: Path, mongo: Any, uri: str, server: str, nodes: int
    ):
        self.folder, self.count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        redis, self.redis_url = start_redis(folder, nodes)
        bind = f"127.0.0.1:{free_port(0)}"
        self.url = f"http://{bind}"
        env = os.environ | SETTINGS | {"MONGO_URI": uri, "BIND": bind, "SERVER": server}
        env["REDIS_URL"] = self.redis_url
        args = [[sys.executable, "-m", f"shared.{name}", "api_products"] for name in MODULES]
        logs = [(folder / f"{name}.log").open("w") for name in MODULES]
        follower, service = (
            subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
            for command, log in zip(args, logs, strict=True)
        )
        self.processes = {"service": [service], "Redis": redis, "MongoDB": [mongo]}
        self.processes["follower"] = [follower]
        for each in (*redis, follower, service):
            stack.callback(stop, each, 5)
        self._wait()
        pin([service.pid], 0)
        pin([each.pid for each in (*redis, mongo, follower)], 1)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while '"follower":"ok"' not in get(f"{self.url}/health/ready"):
            assert time.monotonic() < deadline, "the service does not get ready"
            time.sleep(0.1)

    def run(self, kind: str) -> dict[str, float]:
        """Run wrk for some seconds; return requests a second, and microseconds of each tier."""
        script = self.folder / "wrk.lua"
        step = f"function request() n = n + 1; {KINDS[kind]} end"
        script.write_text(f"n = {self.count}\n{step}\n")
        pids = {name: [each.pid for each in found] for name, found in self.processes.items()}
        before, seen = {name: cpu(found) for name, found in pids.items()}, self._lookups()
        command = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "-s", str(script), "--latency", self.url]
        said = subprocess.run(
            ["taskset", "-c", "1", *command], capture_output=True, text=True, check=True
        ).stdout
        time.sleep(0.3)
        used = {name: cpu(found) - before[name] for name, found in pids.items()}
        assert not re.search("Non-2xx|error", said), said
        self._check(kind, seen)
        count = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
        self.count += count + 100
        figures = {name: seconds / count * 1e6 for name, seconds in used.items()}
        return {"requests": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), **figures}  # type: ignore[index]

    def _lookups(self) -> Counter[str]:
        """Return how many lookups there were of each state."""
        text, found = get(f"{self.url}/metrics"), Counter[str]()
        for state, count in re.findall(r'cache_lookups_total{.*state="(\w+)".*} (\S+)', text):
            found[state] += int(float(count))
        return found

    def _check(self, kind: str, before: Counter[str]) -> None:
        """Raise ``AssertionError`` unless nearly all lookups were of the kind that is measured."""
        new = self._lookups() - before
        hits, count = new["hit"], new.total()
        if kind != "write":
            assert (hits if kind in CACHED else count - hits) > 0.9 * count > 0, (kind, new)


def get(url: str) -> str:
    """Return the output of curl, empty while the service is down."""
    return subprocess.run(["curl", "-s", url], capture_output=True, text=True, check=False).stdout


def pin(pids: list[int], core: int) -> None:
    """Keep processes, all their threads and those below them on one core."""
    for pid in pids:
        subprocess.run(["taskset", "-acp", str(core), str(pid)], capture_output=True, check=True)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pin([int(child) for child in children], core)


@contextmanager
def database(folder: Path) -> Iterator[tuple[Any, str]]:
    """A mongod that has the products; it ends with the block."""
    port, log = free_port(0), folder / "mongo.log"
    mongod = embedded.start_mongod(folder / "mongo", port, log, cache_gb=1)
    try:
        embedded.wait_for_mongod(mongod, port, log)
        uri = f"mongodb://127.0.0.1:{port}/capacity?directConnection=true"
        with MongoClient[dict[str, Any]](uri) as client:
            collection = client["capacity"]["products"]
            if collection.estimated_document_count() != COUNT:
                collection.drop()
                collection.insert_many(made(), ordered=False)
        yield mongod, uri
    finally:
        stop(mongod, 30)


def sizes(tier: Tier) -> dict[str, int]:
    """Return the bytes in Redis of an item, of a list of 20, and of a generation."""
    with Redis.from_url(tier.redis_url) as redis:
        keys = ("product:1", "products:list:page=1:per=20:category=c1", "products:generation:1")
        for path in ("/products/1", "/products?category=c1"):
            get(tier.url + path)
        return {key: redis.memory_usage(key) for key in keys}


def main() -> None:
    """Start all arrangements in turn, measure them, end them, and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for databases and logs; it stays")
    parser.add_argument("rounds", type=int, nargs="?", default=5, help="some two minutes each")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    with database(folder) as (mongod, uri):
        for place in range(options.rounds):
            for name, how in ARRANGEMENTS.items():
                # One at a time: every follower that runs costs MongoDB something at each write.
                with ExitStack() as stack:
                    tier = Tier(stack, folder / f"{place}-{name}", mongod, uri, *how)
                    for kind in KINDS if "cluster" not in name else CACHED:
                        found.setdefault((name, kind), []).append(tier.run(kind))
                    if name == "gunicorn" and not place:
                        print(sizes(tier))
    for (name, kind), runs in found.items():
        medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        spread = max(run["service"] for run in runs) / min(run["service"] for run in runs)
        text = "".join(f" {key} {value:6.0f}" for key, value in medians.items())
        print(f"{name:24}{kind:18}{text}  spread {spread:.2f}")


if __name__ == "__main__":
    main()
