"""``vitrine status``: addresses, readiness and figures of each service of a running stack."""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click
import orjson
import urllib3
from rich import box
from rich.console import Console
from rich.table import Table

from shared.config.settings import Settings
from vitrine import stack
from vitrine.errors import StackError

TIMEOUT_SECONDS = 4.0  # A service answers after one second if its database does not.
FIGURES = ("MongoDB\nms", "Redis\nms", "lag\ns", "workers", "jobs")

console = Console(highlight=False, soft_wrap=True)

Readiness = Mapping[str, Any]


@click.command("status")
def status_command() -> None:
    """Show the address and the state of every running service.

    The figures of each service: the milliseconds that MongoDB and Redis take to answer, the seconds
    that its follower lags behind MongoDB, its live workers, and the jobs that wait for them.

    The exit status is 1 if a service cannot do its work.
    """
    running = stack.read(stack.data_folder(Settings.from_env()))
    if running is None:
        raise StackError("Vitrine does not run; start it with `vitrine up`.")
    urls = running.services
    with ThreadPoolExecutor(len(urls)) as pool:
        services = dict(zip(urls, pool.map(readiness, urls.values()), strict=True))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for head in ("service", "address", "state"):
        table.add_column(head, no_wrap=True)
    for head in FIGURES:
        table.add_column(head, justify="right")
    sentences, is_down = [], False
    for name, ready in services.items():
        error = problem(ready)
        is_down = is_down or bool(error)
        table.add_row(name, urls[name], _state(ready, error), *_figures(ready))
        sentences += [f"{name}: {text}." for text in (error, *remarks(ready)) if text]
    console.print(table)
    for sentence in sentences:
        console.print(sentence, markup=False)
    console.print(
        f"MongoDB {stack.without_password(running.mongo_uri)}\n"
        f"Redis   {stack.without_password(running.redis_url)}",
        markup=False,
    )
    if running.dashboard_url:
        console.print(f"Jobs    {running.dashboard_url}")
    console.print(f"Process {running.pid}")
    sys.exit(1 if is_down else 0)


def readiness(url: str) -> Readiness:
    """Return the answer of a service's ``/health/ready``; empty if it does not answer."""
    try:
        # A connection that stays open would delay the end of the service by two seconds.
        headers = {"Connection": "close"}
        response = urllib3.request(
            "GET", f"{url}/health/ready", headers=headers, timeout=TIMEOUT_SECONDS, retries=False
        )
        ready = orjson.loads(response.data)
    except (urllib3.exceptions.HTTPError, ValueError):
        return {}
    return ready if isinstance(ready, dict) and {"status", "redis", "mongodb"} <= set(ready) else {}


def problem(ready: Readiness) -> str:
    """Return why a service cannot serve requests, or ""."""
    if not ready:
        return "does not answer"
    return "" if ready["status"] == "ok" else str(ready["status"])


def remarks(ready: Readiness) -> list[str]:
    """Return the problems of a service that do not keep it from serving requests."""
    texts = []
    follower, queue = str(ready.get("follower", "ok")), ready.get("queue", {})
    if follower not in ("ok", "unknown"):
        texts.append(f"its follower is {follower}")
    if "error" in ready.get("redis", {}):
        texts.append("Redis is down, so that nothing is cached")
    if queue.get("waiting") and not queue.get("workers"):
        texts.append("jobs wait, but no worker is alive")
    if "error" in queue:
        texts.append("the Redis of its job queue is down")
    return texts


def _state(ready: Readiness, error: str) -> str:
    if not ready:
        return "no answer"
    return "not well" if error else "ok"


def _figures(ready: Readiness) -> list[str]:
    """Return the cells of a service below the heads ``FIGURES``."""
    queue = ready.get("queue", {})
    figures = (
        ready.get("mongodb", {}).get("latency_ms"),
        ready.get("redis", {}).get("latency_ms"),
        ready.get("follower_lag_seconds"),
        queue.get("workers"),
        queue.get("waiting"),
    )
    return ["" if figure is None else f"{figure:,}" for figure in figures]
