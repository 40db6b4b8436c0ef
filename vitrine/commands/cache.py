"""``vitrine cache``: count, show and remove cache entries of a running stack."""

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
    """Count, show and remove cache entries of a running stack."""


@cache_command.command()
def stats() -> None:
    """Count the cache entries of every service by key prefix."""
    table = Table("keys", "entries")
    for client, _ in _services():
        for prefix, count in client.get("/__cache")["entries"].items():
            table.add_row(f"{prefix}…", f"{count:,}")
    console.print(table)


@cache_command.command()
@click.argument("key")
def show(key: str) -> None:
    """Show one entry, and why it is valid or not.

    KEY is such as product:1 or products:list:page=1:per=20.
    """
    entry = _service_of(key).get("/__cache", key=key)
    console.print(f"{key} {'is valid' if entry['counts'] else 'is not valid'}: {entry['text']}")
    if because := entry.get("because"):
        console.print(f"  because: {_because(because)}", markup=False)
    for name in ("ttl", "bytes", "generations"):
        if name in entry:
            console.print(f"  {name}: {entry[name]}")
    for name, value in entry.get("head", {}).items():
        console.print(f"  {name}: {value}", markup=False)


@cache_command.command()
@click.argument("prefix")
def purge(prefix: str) -> None:
    """Remove the entries whose keys begin with PREFIX.

    PREFIX is such as product: or products:list:, as `vitrine cache stats` shows them.
    """
    answer = _service_of(prefix).delete("/__cache", prefix=prefix)
    console.print(f"{answer['purged']:,} entries removed.")


def _because(because: dict[str, Any]) -> str:
    """Return the change that made an entry stale, as text."""
    if "item" not in because:
        return str(because["text"])
    request = f", request {because['request_id']}" if because["request_id"] else ""
    return f"{because['item']} was {because['text']} at {because['at']}{request}"


def _services() -> list[tuple[Client, dict[str, Any]]]:
    """Return a client of each service of the stack, with the service's description of itself."""
    urls = stack.addresses(Settings.from_env())
    clients = [Client(name, url) for name, url in urls.items()]
    return [(client, client.get("/")) for client in clients]


def _service_of(key: str) -> Client:
    """Return the service that has keys with the same first word, or raise ``StackError``."""
    owner = key.partition(":")[0]
    words = []
    for client, description in _services():
        if owner in (description["item"], description["service"]):
            return client
        words += [f"{description['item']}:", f"{description['service']}:"]
    raise StackError(
        f"No service of the stack has keys like {key}; keys begin with {', '.join(words)}."
    )
