"""``vitrine status``: what runs where, and whether it can do its work."""

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

TIMEOUT_SECONDS = 4.0  # A service says after a second that its database does not answer.
HEADS = ("MongoDB\nms", "Redis\nms", "lag\ns", "workers", "jobs")

console = Console(highlight=False, soft_wrap=True)

Ready = Mapping[str, Any]


@click.command("status")
def status_command() -> None:
    """Show what runs where, and whether it can do its work.

    For each service: how long MongoDB and Redis take to answer, how far its follower is behind,
    its workers that are alive, and the jobs that wait for them.
    """
    running = stack.read(stack.data_folder(Settings.from_env()))
    if running is None:
        raise StackError("Vitrine does not run; start it with `vitrine up`.")
    urls = running.services
    with ThreadPoolExecutor(len(urls)) as pool:
        found = dict(zip(urls, pool.map(ask, urls.values()), strict=True))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for head in ("service", "address", "state"):
        table.add_column(head, no_wrap=True)
    for head in HEADS:
        table.add_column(head, justify="right")
    remarks, down = [], False
    for name, ready in found.items():
        wrong = problem(ready)
        down = down or bool(wrong)
        table.add_row(name, urls[name], _state(ready, wrong), *_figures(ready))
        remarks += [f"{name}: {each}." for each in (wrong, *remarks_of(ready)) if each]
    console.print(table)
    for remark in remarks:
        console.print(remark, markup=False)
    console.print(
        f"MongoDB {stack.without_password(running.mongo_uri)}\n"
        f"Redis   {stack.without_password(running.redis_url)}",
        markup=False,
    )
    if running.dashboard_url:
        console.print(f"Jobs    {running.dashboard_url}")
    console.print(f"Process {running.pid}")
    sys.exit(1 if down else 0)


def ask(url: str) -> Ready:
    """Return what a service says of itself, nothing when it does not answer."""
    try:
        # A connection that is kept would keep the service from ending, for two seconds.
        headers = {"Connection": "close"}
        answer = urllib3.request(
            "GET", f"{url}/health/ready", headers=headers, timeout=TIMEOUT_SECONDS, retries=False
        )
        ready = orjson.loads(answer.data)
    except (urllib3.exceptions.HTTPError, ValueError):
        return {}
    return ready if isinstance(ready, dict) and {"status", "redis", "mongodb"} <= set(ready) else {}


def problem(ready: Ready) -> str:
    """Return what keeps a service from its work, or an empty text."""
    if not ready:
        return "does not answer"
    return "" if ready["status"] == "ok" else str(ready["status"])


def _state(ready: Ready, wrong: str) -> str:
    if not ready:
        return "no answer"
    return "not well" if wrong else "ok"


def _figures(ready: Ready) -> list[str]:
    queue = ready.get("queue", {})
    found = (
        ready.get("mongodb", {}).get("latency_ms"),
        ready.get("redis", {}).get("latency_ms"),
        ready.get("follower_lag_seconds"),
        queue.get("workers"),
        queue.get("waiting"),
    )
    return ["" if each is None else f"{each:,}" for each in found]


def remarks_of(ready: Ready) -> list[str]:
    """Return what else there is to know, though requests are served."""
    follower, queue = str(ready.get("follower", "ok")), ready.get("queue", {})
    remarks = [] if follower in ("ok", "unknown") else [f"its follower is {follower}"]
    remarks += ["Redis is down and nothing is cached"] if "error" in ready.get("redis", {}) else []
    if queue.get("waiting") and not queue.get("workers"):
        remarks.append("no worker is alive to do the jobs that wait")
    return [*remarks, *(["the Redis of its queue is down"] if "error" in queue else [])]
