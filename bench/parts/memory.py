"""Memory growth of a worker during 1,000,000 requests for 100,000 URLs.

    .venv/bin/python -m bench.parts.memory

Half of the URLs are products, half are lists; they are asked for in turn, ten times over.  The
first time each is a miss; answers are kept for an hour here, so that later ones are hits.  Prints
the MiB that the worker and Redis have after each tenth.
"""

import os
from pathlib import Path

from redis import Redis

from bench import targets
from bench.load import Plan
from bench.measure import Bench, carry_out, family, wait_for_hit
from bench.servers import databases
from bench.works import Requests

URLS = 100_000
TIMES = 10


def resident(pid: int) -> float:
    """Return the MiB of a process that are in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def main() -> None:
    """Measure gunicorn's worker and granian's."""
    with databases(URLS // 2) as (servers, items):
        for server in ("gunicorn", "granian"):
            target = targets.vitrine(server, CACHE_TTL_SECONDS="3600")
            requests = Requests(items, target.query, target.headers, 1)
            urls = requests.every(URLS)
            bench = Bench(servers, items, 0, 16, Path(os.devnull))
            with bench.serving(target, 1) as (port, processes, _):
                wait_for_hit(port)
                worker = family(processes[0])[-1]
                print(f"{target.name}, {len(urls):,} URLs")
                print(f"{'requests':>10} {'worker':>8} {'Redis':>8}")
                print(f"{0:10,} {resident(worker):8.1f}")
                for number in range(1, TIMES + 1):
                    found = carry_out(Plan(port, urls, 16, 600, once=True))
                    assert not found.wrong, found.first_wrong
                    with Redis.from_url(servers.redis_url) as redis:
                        used = redis.info("memory")["used_memory"] / 2**20
                    print(
                        f"{number * len(urls):10,} {resident(worker):8.1f} {used:8.1f}", flush=True
                    )


if __name__ == "__main__":
    main()
