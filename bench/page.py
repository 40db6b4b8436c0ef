"""Page of results: the figures, the machine, and the conditions of the measurement."""

import argparse
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import report, targets, works
from bench.report import Results, markdown

OURS = ("vitrine", "flask", "gunicorn", "granian", "pymongo", "redis", "hiredis", "sentry-sdk")
PEERS = ("flask", "gunicorn", "granian", "pymongo", "redis", "eve", "django", "uvicorn")
MORE = ("djangorestframework", "django-redis", "fastapi")
FULL = 0.9  # of its core a server has to be busy for its rate to be its own

HEAD = """# Results

![Requests a second by target](results.svg)

Measured on {date} by `make bench`: {machine}.
{versions}

In each of {rounds} rounds, every target was started and did all its works for
{seconds:g} s, one target after the other. {connections} connections had one request each under way.
Figures are medians of the rounds. Ratios are medians of the ratios within a round, so they are
valid on other machines, even if the rates are not. All targets had the same {products:,} products.

* Vitrine is started by `python -m shared serve api_products`. It counts every request against rate
  limits (which are not reached), checks tokens, and writes metrics, request ids and logs (to
  `/dev/null`). It has a Sentry client and a follower, whose CPU and memory are included. The peers
  have none of these. All settings have their defaults, except for the rate limits.
* A server with one worker has one core, and the load generator another; MongoDB and Redis may use
  all cores. {shared}
* CPU is the time of all processes of the server, as the kernel counts it, per response. MiB is
  memory, with shared pages counted once (PSS). If a core was busy below {full:.0%}, the database or
  the load generator was the limit, not the server.
* The status of every response was checked. Of Vitrine, every Cache-Status was checked as well; of
  the others, the hits and misses in Redis's own count. A target with a wrong response repeats its
  round; a second wrong response ends the run.
* The load generator is written in Python. Against the raw WSGI callable on granian it sent
  {ceiling:,.0f} requests/s while that server was {ceiling_busy:.0%} busy: its own limit is at that
  rate or higher.
* Django REST framework uses SQLite, in the server's process and without waiting for a disk, because
  Django itself does not support MongoDB; PostgreSQL would add a round trip to each query. Its hits
  are complete responses from django-redis, found before the framework runs. Its search is `LIKE` on
  the name, as documented; the others use the text index of MongoDB.
* Eve has no cache on the server: its hits are queries. It does not count lists (its fast setting);
  the others do. "Uncounted" lists are Vitrine's responses to `Prefer: count=none`.
* Vitrine's writes are acknowledged by a majority, recorded in the history, and seen by the next
  read. The peers write one document with the client's default. Lists of FastAPI, and all cached
  responses of Django, stay the same for up to a minute after a write; the naive shop removes its
  lists by SCAN.
* The aims below were set before the first measurement, and some are missed. Eve caches nothing, so
  its misses cost nothing extra. FastAPI records no changes and counts no requests, so it serves
  more misses and writes a second.
* Products are created without a category, because Vitrine asks its categories service for it, and
  the peers accept any value. `vitrine import` stores {imported:,.0f} rows/s with their categories,
  with two workers each of products and categories.
"""


def page(results: Results, options: argparse.Namespace) -> str:
    """Return the page in Markdown."""
    ceiling = results.middle("rate", targets.RAW_GRANIAN, works.ITEM_HIT) or 0
    busy = results.middle("busy", targets.RAW_GRANIAN, works.ITEM_HIT) or 0
    cores = os.cpu_count() or 1
    head = HEAD.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine(),
        versions=versions(),
        shared="A server with two workers has two cores, and shares one with the generator."
        if cores < 3
        else "A server with two workers has two cores.",
        full=FULL,
        ceiling=ceiling,
        ceiling_busy=busy,
        imported=results.middle("rate", targets.VITRINE_GUNICORN, works.IMPORT, 2) or 0,
        **vars(options),
    )
    parts = [head, "## Requests a second, beside Vitrine on gunicorn\n"]
    parts += [markdown(report.ratios(results)), "\n## What we aim at\n"]
    parts += [markdown(report.promises(results)), "\n## From start to first answer\n"]
    parts.append(markdown(report.cold_starts(results)))
    for workers, said in ((1, "one worker"), (2, "two workers")):
        for work in works.ALL:
            if len(rows := report.details(results, work, workers)) > 1:
                parts.append(f"\n## {work.title[0].upper()}{work.title[1:]}: {said}\n")
                parts.append(markdown(rows))
    return "\n".join(parts) + "\n"


def machine() -> str:
    """Return a description of this machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (
        f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}, "
        f"{gigabytes:.0f} GiB of memory, {system}, Linux {kernel}, "
        f"CPython {platform.python_version()}"
    )


def versions() -> str:
    """Return the versions of the packages that the servers use."""
    ours = ", ".join(f"{name} {version(name)}" for name in OURS)
    code = f"from importlib.metadata import version as v; print(*map(v, {PEERS + MORE}))"
    python = str(targets.BIN / "python")
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    theirs = ", ".join(map(" ".join, zip(PEERS + MORE, said.split(), strict=True)))
    return f"Vitrine: {ours}. Peers: {theirs}."
