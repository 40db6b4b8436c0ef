"""``vitrine status``: addresses, readiness and figures of each service of a running stack."""

import sys
from concurrent.futures import ThreadPoolExecutor

import click
from rich import box
from rich.console import Console
from rich.table import Table

from shared.config.settings import Settings
from vitrine import stack
from vitrine.errors import StackError
from vitrine.readiness import Readiness, problem, readiness, remarks
from vitrine.stack import Running

FIGURES = ("MongoDB\nms", "Redis\nms", "lag\ns", "workers", "jobs")

console = Console(highlight=False, soft_wrap=True)


@click.command("status")
@click.option(
    "--secrets",
    "shows_secrets",
    is_flag=True,
    help="Show only the addresses of MongoDB and Redis, with their passwords.",
)
def status_command(shows_secrets: bool) -> None:
    """Show the address and the state of every service.

    The figures of each service: the milliseconds that MongoDB and Redis take to answer, the seconds
    that its follower lags behind MongoDB, its live workers, and the jobs that wait for them.

    The exit status is 1 if a service cannot do its work.

    The addresses that --secrets shows are for Compass, mongosh, RedisInsight and redis-cli -u.
    """
    settings = Settings.from_env()
    running = stack.asked_for(settings)
    if shows_secrets:
        if running is None:
            raise _no_secrets(settings)
        click.echo(f"MongoDB {running.mongo_uri}")
        click.echo(f"Redis   {running.redis_url}")
        click.echo(f"Jobs    {running.queue_url}")
        return
    urls = stack.addresses(settings)
    folder = stack.data_folder(settings)
    if stack.read(folder) is None and all(map(stack.is_local, urls.values())):
        raise stack.not_running(folder)
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
    if running:
        _print_rest(running)
    sys.exit(1 if is_down else 0)


def _no_secrets(settings: Settings) -> StackError:
    """Return the error for a question about a stack that does not run here."""
    folder = stack.data_folder(settings)
    if stack.read(folder) is None:
        return stack.not_running(folder)
    return StackError(
        "--secrets shows the addresses of the stack that runs here, and PRODUCTS_URL or the like "
        "names another one; unset it."
    )


def _print_rest(running: Running) -> None:
    """Print what else than services belongs to a stack of this machine."""
    console.print(
        f"MongoDB {stack.without_password(running.mongo_uri)}\n"
        f"Redis   {stack.without_password(running.redis_url)}",
        markup=False,
    )
    if running.console_url:
        console.print(f"Console {running.console_url}")
    console.print(f"Process {running.pid}")


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
