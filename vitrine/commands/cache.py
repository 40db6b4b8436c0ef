"""``vitrine cache``: look into the cache of a running stack, or throw some of it away."""

from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shared.config.settings import Settings
from vitrine import stack
from vitrine.client import Client
from vitrine.errors import StackError

console = Console(highlight=False, soft_wrap=True)


@click.group("cache")
def cache_command() -> None:
    """Look into the cache of a running stack, or throw some of it away."""


@cache_command.command()
def stats() -> None:
    """Count the entries of every service, by the kind of their keys."""
    table = Table("keys", "entries")
    for client, _ in _services():
        for prefix, count in client.get("/__cache")["entries"].items():
            table.add_row(f"{prefix}…", f"{count:,}")
    console.print(table)


@cache_command.command()
@click.argument("key")
def show(key: str) -> None:
    """Show the entry under KEY, such as product:1, and why it counts or not."""
    found = _service_of(key).get("/__cache", key=key)
    console.print(f"{key} {'counts' if found['counts'] else 'does not count'}: {found['why']}")
    for name in ("ttl", "bytes", "generations"):
        if name in found:
            console.print(f"  {name}: {found[name]}")
    for name, value in found.get("head", {}).items():
        console.print(f"  {name}: {value}", markup=False)


@cache_command.command()
@click.argument("prefix")
def purge(prefix: str) -> None:
    """Remove the entries whose keys begin with PREFIX, such as products:list:."""
    found = _service_of(prefix).delete("/__cache", prefix=prefix)
    console.print(f"{found['purged']:,} entries removed.")


def _services() -> list[tuple[Client, dict[str, Any]]]:
    settings = Settings.from_env()
    running = stack.read(stack.data_folder(settings))
    if running is None:
        raise StackError("Vitrine does not run; start it with `vitrine up`.")
    clients = [Client(name, url) for name, url in running.services.items()]
    return [(client, client.get("/")) for client in clients]


def _service_of(key: str) -> Client:
    """Return the service whose keys begin like this one."""
    owner = key.partition(":")[0]
    for client, described in _services():
        if owner in (described["item"], described["service"]):
            return client
    raise StackError(f"No service that runs here has keys like {key}.")
