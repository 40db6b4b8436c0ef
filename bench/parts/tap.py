"""Cost of the tap: hits a second with no watcher, and while a client watches, on both servers.

    python -m bench.parts.tap                # about two minutes
    python -m bench.parts.tap --vs REVISION  # beside a revision, such as one without the tap

All take turns, round after round; a ratio is the median of those of the rounds.  The aims: below
1 % with no watcher, below 5 % while a client watches.
"""

import argparse
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import urllib3

from bench import catalog, targets, works
from bench.measure import Bench, carry_out, cpu_seconds
from bench.servers import databases
from bench.targets import Target
from shared.config.settings import Settings
from shared.http.tokens import ADMIN, Tokens

START_SECONDS = 1.5  # until each process has seen that a client watches
Figures = tuple[float, float]  # requests a second, microseconds of CPU for each


@contextmanager
def watched(port: int) -> Iterator[None]:
    """Watch a service in a block, as the console does."""
    token = Tokens(Settings(secret_key=targets.SECRET_KEY)).mint("bench", [ADMIN], 3600)
    url = f"http://127.0.0.1:{port}/__cache/live"
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    response = urllib3.request("GET", url, headers=headers, preload_content=False, timeout=30)
    if response.status != 200:
        raise SystemExit(f"{url} answers {response.status}: {response.read()!r}")
    is_over = threading.Event()

    def read() -> None:
        for _ in response.stream():
            if is_over.is_set():
                return

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    is_over.wait(START_SECONDS)
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        response.close()


def figures(bench: Bench, target: Target, number: int) -> Iterator[tuple[str, Figures]]:
    """Yield the figures of one round of a target: without a watcher, and with one."""
    requests = works.Requests(bench.items, target.query, target.headers, number, target.gives_ids)
    with bench.serving(target, 1) as (port, processes, _):
        plan = bench.prepare(target, port, works.ITEM_HIT, requests, {})
        carry_out(plan)
        yield "no watcher", _figures(plan, processes)
        if "," in target.name:
            return  # It may be one without the tap, which cannot be watched.
        with watched(port):
            yield "watched", _figures(plan, processes)


def _figures(plan: object, processes: list[int]) -> Figures:
    before = cpu_seconds(processes)
    found = carry_out(plan)
    used = cpu_seconds(processes) - before
    return found.answered / found.seconds, used / found.answered * 1e6


def main() -> None:
    """Measure, and print the medians and the ratios."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.parts.tap", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.5)
    parser.add_argument("--products", type=int, default=2_000)
    parser.add_argument("--vs", default="", help="a revision to measure as well")
    options = parser.parse_args()
    found: dict[tuple[str, str], list[Figures]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder,
        databases(options.products) as (servers, items),
    ):
        bench = Bench(servers, items, options.seconds, 16, Path("/dev/null"))
        chosen = list(targets.VITRINE_NOW)
        if options.vs:
            archive = ["git", "archive", options.vs]
            files = subprocess.run(archive, cwd=catalog.ROOT, capture_output=True, check=True)
            subprocess.run(["tar", "-x", "-C", folder], input=files.stdout, check=True)
            chosen += [targets.before(each, options.vs, Path(folder)) for each in chosen]
        for number in range(options.rounds):
            for target in chosen:
                for state, figure in figures(bench, target, number):
                    found.setdefault((target.name, state), []).append(figure)
    print(f"{'':44} requests/s   µs CPU   beside no watcher")
    for (name, state), rows in found.items():
        # A revision is named after its target, and is measured beside it.
        beside = zip(rows, found[name.partition(",")[0], "no watcher"], strict=True)
        ratio = median(cpu / base for (_, cpu), (_, base) in beside)
        rate, cpu = (median(column) for column in zip(*rows, strict=True))
        print(f"{name + ', ' + state:44} {rate:10,.0f} {cpu:8.1f}   {ratio:6.3f}")


if __name__ == "__main__":
    main()
