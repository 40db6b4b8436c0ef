"""Faults in turn on a stack of its own, under reads, writes and orders.

    make chaos                                  # about twenty minutes
    python -m tests.chaos --minutes 60 --server granian

The faults are those of ``vitrine doctor --fault``, in an order that the seed decides.  The exit
status is 1 if a read was stale, if a write or an order was lost, doubled or not answered, or if the
stack has not healed.
"""

import argparse
import random
import sys
import time

from tests.support.buyers import Buyers, audit, stock
from tests.support.stack import running_stack
from vitrine import stack as stacks
from vitrine.fuzz.faults import FAULTS, SLOT_SECONDS
from vitrine.fuzz.fuzz import FuzzRun

HEADINGS = ("fault", "acknowledged", "refused", "reads", "refused", "stale", "healed")
PRODUCTS, STOCK = 20, 1_000_000
SERVICES = ("products", "clients", "categories")


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--server", choices=("gunicorn", "granian"), default="gunicorn")
    parser.add_argument("--seed", type=int, default=0, help="0 for another one each time")
    parser.add_argument("--reads", type=float, default=float("inf"), help="at most, in a second")
    parser.add_argument("--faults", default=",".join(FAULTS), help="with commas between")
    return parser.parse_args()


def main():
    options = arguments()
    seed = options.seed or random.SystemRandom().randrange(1, 10**6)
    print(f"Chaos on {options.server}, seed {seed}", flush=True)
    names = options.faults.split(",")
    random_ = random.Random(seed)
    until = time.monotonic() + options.minutes * 60
    problems, reads, writes = [], 0, 0
    with running_stack(SERVER=options.server, WORKERS="2", JOB_WORKERS="1") as stack:
        running = stacks.read(stack.folder)
        urls = {name: [running.services[name]] for name in SERVICES}
        ids = stock(stack, PRODUCTS, stock=STOCK)
        with Buyers(stack, ids, clients=2) as buyers:
            print(row(HEADINGS), flush=True)
            while time.monotonic() < until:
                shuffled = random_.sample(names, len(names))
                left = max(1, round((until - time.monotonic()) / SLOT_SECONDS))
                shuffled = shuffled[:left]
                seconds = len(shuffled) * SLOT_SECONDS
                report = FuzzRun(
                    urls,
                    running.mongo_uri,
                    seconds,
                    fault_names=shuffled,
                    running=running,
                    reads_per_second=options.reads,
                ).run()
                for fault in report.faults:
                    print(row(cells(fault)), flush=True)
                problems += report.wrong
                reads, writes = reads + report.reads, writes + report.writes
        found = audit(stack, buyers, ids, STOCK)
        checked = stack.run("reconcile")
    if checked.returncode:
        problems.append(f"Stock and ledger differ: {checked.stdout}")
    problems += [f"An order was answered {problem}" for problem in buyers.problems]
    print(
        f"{writes:,} writes, {reads:,} reads, {len(buyers.orders):,} orders: {found.lost} lost, "
        f"{found.doubled} doubled, {found.drift} stocks with drift, {len(problems)} problems"
    )
    for problem in problems[:20]:
        print(problem)
    sys.exit(1 if problems or any(found) else 0)


def cells(fault):
    healed = "no" if fault.healed is None else f"{fault.healed:.1f} s"
    counts = (fault.acknowledged, fault.refused, fault.reads, fault.refused_reads, fault.stale)
    return (fault.name, *map(str, counts), healed)


def row(texts):
    return f"{texts[0]:18}" + "".join(f"{text:>13}" for text in texts[1:])


if __name__ == "__main__":
    main()
