"""``vitrine up`` and ``vitrine stop``: a stack on this machine, and its end."""

import os
import signal
import time

import click
from rich.console import Console
from rich.table import Table

from shared.config.settings import Settings, misspelt
from vitrine import stack
from vitrine.errors import StackError
from vitrine.local.signals import Stopped, stop_on_signals
from vitrine.local.supervisor import Supervisor
from vitrine.readiness import problem, readiness, remarks
from vitrine.stack import Service

console = Console(highlight=False, soft_wrap=True)

STOP_SECONDS = 10
MAX_WIDTH = 5000  # characters of the longest path
# A new item of each service that needs no other one.
_EXAMPLES = {
    "products": '{"name": "Teapot", "price": 12.5, "stock": 5}',
    "categories": '{"name": "Kitchen"}',
    "clients": '{"name": "Ada Lovelace"}',
}


@click.command("up")
@click.option("--only", metavar="A,B", help="Start these services only, such as products,clients.")
@click.option(
    "--with",
    "extra",
    multiple=True,
    metavar="FOLDER",
    help="Start the service in FOLDER as well, such as examples/api_games. May be repeated.",
)
@click.option("--no-console", is_flag=True, help="Start no console.")
def up_command(only: str | None, extra: tuple[str, ...], no_console: bool) -> None:
    """Start all services, MongoDB and Redis; Ctrl-C ends them.

    With MONGO_URI or REDIS_URL, the services use those servers instead. Settings are environment
    variables, or lines in .env; .env.example explains each. The data is in the folder DATA_DIR.
    """
    settings = Settings.from_env()
    services = _selected(stack.find_services(settings, extra), only)
    stop_on_signals()
    stack.keep_private()
    with stack.lock(stack.data_folder(settings)) as lock:
        started = time.monotonic()
        supervisor = Supervisor(
            settings, services, lock.fileno(), console.print, has_console=not no_console
        )
        try:
            supervisor.start()
            _print_stack(supervisor, services, settings, time.monotonic() - started)
            supervisor.watch()
        except Stopped:
            console.print("Stopping")
            supervisor.stop()
            console.print("Stopped; the data stays.")
        finally:
            supervisor.stop()


@click.command("stop")
def stop_command() -> None:
    """Stop the running services, MongoDB and Redis; the data stays."""
    folder = stack.data_folder(Settings.from_env())
    running = stack.read(folder)
    if running is None:
        console.print(f"Vitrine does not run in {folder}.", markup=False)
        return
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while stack.read(folder):
        if time.monotonic() > deadline:
            raise StackError(
                f"Process {running.pid} has not ended within {STOP_SECONDS} seconds; end it with "
                f"kill -9 {running.pid}."
            )
        time.sleep(0.05)
    console.print("Stopped; the data stays.")


def _selected(services: list[Service], only: str | None) -> list[Service]:
    """Return the services that ``--only`` names, or raise ``StackError`` for an unknown one."""
    if only is None:
        return services
    names = [name.strip() for name in only.split(",")]
    existing = [service.name for service in services]
    for name in names:
        if name not in existing:
            raise StackError(
                f"There is no service {name!r}; name one or more of {','.join(existing)}."
            )
    return [service for service in services if service.name in names]


def _print_stack(
    supervisor: Supervisor, services: list[Service], settings: Settings, seconds: float
) -> None:
    """Print the addresses of a stack, commands to try, and its problems."""
    table = Table("what")
    table.add_column("where", no_wrap=True, overflow="ignore")
    for service in services:
        table.add_row(service.name, service.url + ("" if service.is_local else " (elsewhere)"))
    table.add_row("MongoDB", stack.without_password(supervisor.mongo_uri))
    table.add_row("Redis", stack.without_password(supervisor.cache_url))
    if supervisor.console_url:
        table.add_row("console", supervisor.console_url)
    table.add_row("data", str(stack.data_folder(settings)))
    # As wide as its longest address, even if the terminal is narrower.
    needed = console.measure(table, options=console.options.update_width(MAX_WIDTH)).maximum
    Console(highlight=False, width=max(console.width, needed)).print(table)
    for warning in misspelt(os.environ):
        console.print(warning, style="bold")
    console.print(f"Ready in {seconds:.1f} s. Try, in another terminal:")
    for command in _suggestions(services, settings):
        console.print(f"  {command}", markup=False)
    console.print(
        f"Addresses with passwords, for Compass and RedisInsight: `{stack.program()} status "
        "--secrets`."
    )
    for service in services:
        ready = readiness(service.url)
        for text in filter(None, (problem(ready), *remarks(ready))):
            console.print(f"Problem: {service.name}: {text}.")
    console.print(f"Ctrl-C here, or `{stack.program()} stop` in another terminal, ends it.")


def _suggestions(services: list[Service], settings: Settings) -> list[str]:
    """Return commands for a first try: a read, a write, and a look at Redis."""
    by_name = {service.name: service for service in services}
    name = next((name for name in _EXAMPLES if name in by_name), services[0].name)
    base, token = by_name[name].url, ""
    url = f"{base}/{name}"
    commands = [f"curl -i {url}"]
    if settings.auth_mode == "token":
        token = '-H "Authorization: Bearer $TOKEN" '
        secret = "AUTH_MODE=token SECRET_KEY='the key of this stack'"
        commands = [f"export {secret}  # or write both into .env"]
        commands += [f"TOKEN=$({stack.program()} token --scope admin)", f"curl -i {token}{url}"]
    if name in _EXAMPLES:
        json = "-H 'Content-Type: application/json'"
        commands.append(f"curl -X POST {url} {token}{json} -d '{_EXAMPLES[name]}'")
    else:
        commands.append(f"curl {base}/openapi.json")  # It says what the service accepts.
    return [*commands, f"curl {base}/__ping/redis"]
