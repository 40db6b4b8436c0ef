"""``vitrine reconcile``: compare stocks with their ledger, and settle unfinished orders."""

import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console

from shared.config.settings import Settings
from vitrine.client import Client

MAX_SHOWN = 20

console = Console(highlight=False, soft_wrap=True)


@click.command("reconcile")
@click.option("--fix", is_flag=True, help="Set stocks that differ to the sum of their ledger.")
@click.option(
    "--accept", is_flag=True, help="Keep the stocks; enter the difference into their ledger."
)
def reconcile_command(fix: bool, accept: bool) -> None:
    """Show stocks that differ from the sum of their ledger.

    Stocks differ after an edit by hand, or after the database was restored. With --fix the ledger
    is right, with --accept the stock is right.

    The command also shows orders that were left half-way, and reservations whose order has been
    gone for a minute. Both options settle these at once; otherwise they are settled within some
    minutes. The exit status is 1 if something is left.
    """
    if fix and accept:
        raise click.ClickException("--fix and --accept contradict each other; take one of them.")
    settings = Settings.from_env()
    products, orders = Client.find("products", settings), Client.find("orders", settings)
    repair = fix or accept
    # Orders first: settling them changes stocks.
    unsettled = _ask(orders, "/orders:unsettled", repair)
    stocks = _ask(products, "/products:stock", repair, **({"accept": "true"} if accept else {}))
    left = stocks.get("left", [])
    drifted = [stock for stock in stocks["drift"] if stock not in left]
    _print_cases("stocks that differ from their ledger", map(_stock_line, drifted), repair)
    _print_cases("orders that were left half-way", map(_order_line, unsettled["due"]), repair)
    _print_cases("reservations whose order is gone", unsettled["orphans"], repair)
    if left:
        _print_cases(
            "stocks that are not numbers; edit them by hand", map(_stock_line, left), False
        )
    if stocks["drift"] and not repair:
        console.print("--fix sets the stock to the ledger, --accept enters the difference.")
    is_wrong = bool(stocks["drift"] or unsettled["due"] or unsettled["orphans"])
    sys.exit(1 if left or (is_wrong and not repair) else 0)


def _ask(client: Client, path: str, repair: bool, **query: str) -> Any:
    """Return the findings of a check, repaired if that is asked."""
    return client.post(path, None, **query) if repair else client.get(path)


def _print_cases(noun: str, lines: Iterable[str], is_repaired: bool) -> None:
    """Print the number of cases and the first of them."""
    cases = sorted(lines)
    console.print(f"{len(cases):,} {noun}{', repaired' if cases and is_repaired else ''}")
    for case in cases[:MAX_SHOWN]:
        console.print(f"  {case}", markup=False)
    if len(cases) > MAX_SHOWN:
        console.print(f"  and {len(cases) - MAX_SHOWN:,} more")


def _stock_line(drift: dict[str, Any]) -> str:
    name = f"/products/{drift['product_id']} ({drift['name']})"
    stock = "not tracked" if drift["stock"] is None else drift["stock"]
    return f"{name}: stock {stock}, ledger {drift['ledger']}"


def _order_line(unsettled: dict[str, Any]) -> str:
    return f"/orders/{unsettled['order']}: {unsettled['due']} is due"
