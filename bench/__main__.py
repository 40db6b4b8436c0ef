"""Measures Vitrine and its peers side by side on this machine, and writes what it found.

    make bench            # about 25 minutes
    make bench-quick      # under three minutes; writes nothing

All targets take turns, round after round, so that other work of the machine slows all of them
alike.  MongoDB and Redis are started for the run, with the same products for all targets.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import catalog, imported, report, targets, works
from bench.measure import Bench, BenchError, Result
from bench.page import page
from bench.report import Results
from bench.servers import databases
from bench.targets import BIN, Target

SEVERAL = (works.ITEM_HIT, works.LIST_HIT, works.MIX)  # what is measured with two workers, too
IN_PICTURE = (works.ITEM_HIT, works.ITEM_MISS, works.LIST_MISS, works.MIX)

SAID = """
Requests a second, then beside Vitrine on gunicorn (1.00): more is better, – was not measured.
One worker on one core, 16 connections; bench/RESULTS.md says what else there is to know."""


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="in each of which all take turns")
    parser.add_argument("--seconds", type=float, default=2.5, help="that each work is done for")
    parser.add_argument("--products", type=int, default=50_000, help="in the catalog")
    parser.add_argument("--connections", type=int, default=16, help="with a request under way each")
    parser.add_argument("--quick", action="store_true", help="less of all, and write nothing")
    parser.add_argument("--only", default="", help="targets whose names have this in them")
    parser.add_argument("--works", default="", help="works by name, with commas between")
    parser.add_argument("--vs", default="", help="a revision of Vitrine to measure as well")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="what servers say")
    parser.add_argument("--out", type=Path, help="the folder of RESULTS.md, bench when all is run")
    options = parser.parse_args()
    if not any(options.only.lower() in each.name.lower() for each in targets.ALL):
        parser.error(f"--only is part of one of: {', '.join(each.name for each in targets.ALL)}")
    known = {each.name for each in works.ALL}
    if options.works and not set(options.works.split(",")) <= known:
        parser.error(f"--works are, with commas between: {', '.join(sorted(known))}")
    if options.quick:
        options.rounds, options.seconds, options.products = 2, 0.4, 10_000
    elif not (options.only or options.works or options.out or options.vs):
        options.out = catalog.ROOT / "bench"
    return options


def chosen_targets(options: argparse.Namespace, folder: Path) -> list[Target]:
    """Return the targets to measure; ``--vs`` unpacks its revision into a folder."""
    chosen = [each for each in targets.ALL if options.only.lower() in each.name.lower()]
    if options.vs:
        archive = ["git", "archive", options.vs]
        files = subprocess.run(archive, cwd=catalog.ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=files, check=True)
        now = [each for each in targets.VITRINE_NOW if each in chosen]
        chosen += [targets.before(each, options.vs, folder) for each in now]
    return chosen


def measured(options: argparse.Namespace, chosen: list[Target]) -> Iterator[Result]:
    """Yield all results, round after round."""
    names = options.works.split(",")
    do = tuple(work for work in works.ALL if not options.works or work.name in names)
    several = tuple(work for work in SEVERAL if work in do and not options.quick)
    with databases(options.products) as (servers, items):
        bench = Bench(servers, items, options.seconds, options.connections, options.log)
        for number in range(options.rounds):
            for workers, some in ((1, do), (2, several)):
                # The first target may find MongoDB busy with the writes of the last one.
                turn = number * len(chosen) // options.rounds
                for target in (*chosen[turn:], *chosen[:turn]) if some else ():
                    started = time.monotonic()
                    yield from _done(bench, target, workers, some, number)
                    took = time.monotonic() - started
                    said = f"round {number + 1}: {target.name}, {workers}: {took:.0f} s"
                    print(said, file=sys.stderr, flush=True)
            if several:
                yield imported.result(bench)


def _done(
    bench: Bench, target: Target, workers: int, some: tuple[works.Work, ...], number: int
) -> list[Result]:
    """Return a round of a target; what goes wrong once is tried again."""
    try:
        return list(bench.round(target, workers, some, number))
    except BenchError as error:
        print(f"again, because: {error}", file=sys.stderr, flush=True)
        return list(bench.round(target, workers, some, number))


def main() -> None:
    """Measure, print the ratios, and write the page and its picture."""
    options = arguments()
    if not BIN.exists() and "vitrine" not in options.only.lower():
        sys.exit("The peers are not installed; run: make bench")
    if Path(".env").exists():
        sys.exit("The defaults are what is measured: put .env away first.")
    started, load = time.monotonic(), os.getloadavg()[0]
    known: list[Result] = []
    stopped = ""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        chosen = chosen_targets(options, Path(folder))
        results = Results(known, chosen)
        try:
            for result in measured(options, chosen):
                known.append(result)
        except BenchError as error:
            stopped = f"The bench stopped, and nothing is written: {error}"
        except KeyboardInterrupt:
            stopped = "Interrupted; nothing is written."
    print(
        SAID, report.shown(report.rates(results)), report.shown(report.ratios(results)), sep="\n\n"
    )
    if options.vs:
        for figure in ("rate", "cpu"):
            print(f"\n{report.shown(report.versus(results, options.vs, figure))}")
    if not options.quick:
        print(f"\n{report.shown(report.promises(results))}")
    if load > (os.cpu_count() or 1):
        print(
            f"\nThe load was {load:.0f} before it began: something else runs, so trust none of it."
        )
    print(f"\n{time.monotonic() - started:.0f} s in all; what is measured: bench/RESULTS.md")
    if stopped:
        sys.exit(stopped)
    if options.out:
        chart = report.picture(results, IN_PICTURE)
        (options.out / "results.svg").write_text(chart)
        (options.out / "RESULTS.md").write_text(page(results, options))


if __name__ == "__main__":
    main()
