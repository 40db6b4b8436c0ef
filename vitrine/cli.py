"""The ``vitrine`` command."""

import os
import signal
import time
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shared.config.settings import Settings, SettingsError, ignored, load_dotenv
from vitrine import stack
from vitrine.commands.cache import cache_command
from vitrine.commands.doctor import doctor_command
from vitrine.commands.logs import logs_command
from vitrine.commands.reconcile import reconcile_command
from vitrine.commands.status import ask, problem, remarks_of, status_command
from vitrine.commands.token import token_command
from vitrine.errors import StackError
from vitrine.local.signals import Stopped, stop_on_signals
from vitrine.local.supervisor import Supervisor
from vitrine.stack import ROOT, Service
from vitrine.transfer.commands import export_command, import_command

console = Console(highlight=False, soft_wrap=True)

STOP_SECONDS = 10


class _Commands(click.Group):
    """Commands whose expected failures are one sentence, not a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, or fail with the sentence it failed with."""
        try:
            return super().invoke(ctx)
        except (SettingsError, StackError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vitrine")
def main() -> None:
    """A product catalog that is never stale: start it, fill it, look at it."""
    load_dotenv(ROOT / ".env")


main.add_command(import_command)
main.add_command(export_command)
main.add_command(cache_command)
main.add_command(doctor_command)
main.add_command(reconcile_command)
main.add_command(token_command)
main.add_command(status_command)
main.add_command(logs_command)


@main.command()
@click.option("--only", metavar="A,B", help="Start these services only.")
@click.option("--with", "extra", multiple=True, metavar="FOLDER", help="Add a service of yours.")
def up(only: str | None, extra: tuple[str, ...]) -> None:
    """Start everything here, with a MongoDB and a Redis of its own, until Ctrl-C."""
    settings = Settings.from_env()
    services = _chosen(stack.find_services(settings, extra), only)
    stop_on_signals()
    with stack.lock(stack.data_folder(settings)) as lock:
        started = time.monotonic()
        running = Supervisor(settings, services, lock.fileno(), console.print)
        try:
            running.start()
            _print_stack(running, services, settings, time.monotonic() - started)
            running.watch()
        except Stopped:
            console.print("Stopping")
            running.stop()
            console.print("Stopped; the data stays.")
        finally:
            running.stop()


@main.command()
def stop() -> None:
    """End a stack that runs."""
    folder = stack.data_folder(Settings.from_env())
    running = stack.read(folder)
    if running is None:
        console.print("Vitrine does not run.")
        return
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while stack.read(folder):
        if time.monotonic() > deadline:
            raise StackError(f"Process {running.pid} has not ended in {STOP_SECONDS} seconds.")
        time.sleep(0.05)
    console.print("Stopped; the data stays.")


def _chosen(services: list[Service], only: str | None) -> list[Service]:
    if only is None:
        return services
    names = [name.strip() for name in only.split(",")]
    known = [service.name for service in services]
    for name in names:
        if name not in known:
            raise StackError(f"There is no service {name!r}; there are {', '.join(known)}.")
    return [service for service in services if service.name in names]


def _print_stack(
    running: Supervisor, services: list[Service], settings: Settings, seconds: float
) -> None:
    table = Table("what", "where")
    for service in services:
        table.add_row(service.name, service.url + ("" if service.is_local else " (elsewhere)"))
    table.add_row("MongoDB", stack.without_password(running.mongo_uri))
    table.add_row("Redis", stack.without_password(running.redis_url))
    if running.dashboard_url:
        table.add_row("job queue", running.dashboard_url)
    folder = stack.data_folder(settings)
    table.add_row("data", str(folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder))
    console.print(table)
    for sentence in ignored():
        console.print(sentence, style="bold")
    console.print(f"Ready in {seconds:.1f} s. Try, in another terminal:")
    for command in _suggestions(services[0], settings):
        console.print(f"  {command}", markup=False)
    for service in services:
        ready = ask(service.url)
        for each in filter(None, (problem(ready), *remarks_of(ready))):
            console.print(f"Not all is well: {service.name}: {each}.")
    console.print("Ctrl-C here, or `.venv/bin/vitrine stop` there, ends it.")


def _suggestions(service: Service, settings: Settings) -> list[str]:
    """Return commands to begin with: they read, write and look into the cache."""
    url, token = f"{service.url}/{service.name}", ""
    commands = [f"curl -i {url}"]
    if settings.auth_mode == "token":
        token = '-H "Authorization: Bearer $TOKEN" '
        secret = "AUTH_MODE=token SECRET_KEY='that of this stack'"
        commands = [f"export {secret}  # or both in .env"]
        commands += ["TOKEN=$(.venv/bin/vitrine token --scope admin)", f"curl -i {token}{url}"]
    json = "-H 'Content-Type: application/json'"
    return [
        *commands,
        f"""curl -X POST {url} {token}{json} -d '{{"name": "Teapot"}}'""",
        f"curl {service.url}/__ping/redis",
    ]
