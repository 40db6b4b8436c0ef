"""The page of results: what was measured, on what, and what the figures do not say."""

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

{rounds} rounds, in each of which every target was started and did all its works for
{seconds:g} s, one target after the other. {connections} connections had one request under way each.
Figures are medians of the rounds; ratios are medians of the ratios within a round, so they hold on
other machines where the rates do not. {products:,} products, the same for all.

* Vitrine is started by `python -m shared serve api_products`, with limits that count each
  request (and are not reached), tokens, metrics, request ids, a Sentry client, its logs to
  `/dev/null`, and its follower, whose CPU and memory are counted as its own. Peers have none of
  these. All settings have their defaults, except for the limits.
* A server with one worker has one core, the load generator another; MongoDB and Redis have all.
  {shared}
* CPU is that of all processes of the server, by the kernel's count, for each answer. MiB is memory
  with what is shared counted once (PSS). Where the core was busy below {full:.0%}, the database or
  the load generator was the bound, and not the server.
* Every answer's status was checked; of Vitrine every Cache-Status as well, of the others Redis's
  own count of hits and misses. A target with a wrong answer does its round again, and ends the run
  with a second one.
* The load generator is Python. Against the raw WSGI callable on granian it sent {ceiling:,.0f}
  requests/s while that server was {ceiling_busy:.0%} busy: its ceiling is there or above.
* Django REST framework is on SQLite, in the server's process and waiting for no disk, because
  Django itself has no MongoDB; PostgreSQL would cost it a round trip more for each query. Its hits
  are whole answers from django-redis, found before the framework runs. Its search is `LIKE` on the
  name, as documented; the others' on MongoDB is by its text index.
* Eve has no cache on the server: its hits are look-ups. It counts no lists (its fast setting); the
  others do. Lists that are "uncounted" are Vitrine's to `Prefer: count=none`.
* Vitrine's writes are acknowledged by a majority, recorded in the history, and seen by the next
  read. The peers write one document with the client's default. Lists of FastAPI, and all that
  Django keeps, stay as they were for up to a minute after a write; the naive shop looks for its
  lists by SCAN.
* The aims below were set before anything was measured, and some are missed.  Eve, which caches
  nothing, has no misses to pay for; FastAPI, which records no change and counts no request, answers
  more misses and writes a second.
* Products are created without a category: Vitrine asks its service of categories for that, while
  its peers believe anything.  `vitrine import` takes in {imported:,.0f} rows/s, categories and all,
  with two workers of that service and of categories.
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
        shared="With two workers there are two cores, one of which is the generator's as well."
        if cores < 3
        else "With two workers there are two cores.",
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
    """Return what machine this is, in words."""
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
    """Return what the servers run on."""
    ours = ", ".join(f"{name} {version(name)}" for name in OURS)
    code = f"from importlib.metadata import version as v; print(*map(v, {PEERS + MORE}))"
    python = str(targets.BIN / "python")
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    theirs = ", ".join(map(" ".join, zip(PEERS + MORE, said.split(), strict=True)))
    return f"Vitrine: {ours}. Peers: {theirs}."
