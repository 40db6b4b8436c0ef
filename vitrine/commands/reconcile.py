"""``vitrine reconcile``: do stocks, their ledger, reservations and orders agree?"""

import sys
from typing import Any

import click
from rich.console import Console

from shared.config.settings import Settings
from vitrine.client import Client

MOST_SHOWN = 20

console = Console(highlight=False, soft_wrap=True)


@click.command("reconcile")
@click.option("--fix", is_flag=True, help="Set stocks to what the ledger says; settle orders.")
@click.option("--accept", is_flag=True, help="Tell the ledger of the stocks as they are instead.")
def reconcile_command(fix: bool, accept: bool) -> None:
    """Add up the ledger of every product's stock and show where the stock is another.

    That is after an edit by hand, or after a restore of the database.  --fix believes the ledger,
    --accept believes the stock.  Orders that were left half-way, and reservations whose order is
    gone for a minute, are shown as well; both options settle them now, and by themselves they are
    settled within some minutes.
    """
    if fix and accept:
        raise click.ClickException("Either --fix or --accept.")
    settings = Settings.from_env()
    products, orders = Client.find("products", settings), Client.find("orders", settings)
    mend = fix or accept
    # Orders first: what they give back changes the stocks.
    unsettled = _ask(orders, "/orders:unsettled", mend)
    drift = _ask(products, "/products:stock", mend, **({"accept": "true"} if accept else {}))
    left = drift.get("left", [])
    told = [each for each in drift["drift"] if each not in left]
    _show("stocks that are not what the ledger says", map(_drifted, told), mend)
    _show("orders that were left half-way", map(_due, unsettled["due"]), mend)
    _show("reservations whose order is gone", unsettled["orphans"], mend)
    wrong = bool(drift["drift"] or unsettled["due"] or unsettled["orphans"])
    if left:
        _show("stocks that are no numbers and stay as they are", map(_drifted, left), False)
    if drift["drift"] and not mend:
        console.print("--fix believes the ledger, --accept believes the stock.")
    sys.exit(1 if left or (wrong and not mend) else 0)


def _ask(client: Client, path: str, mend: bool, **query: str) -> Any:
    return client.post(path, None, **query) if mend else client.get(path)


def _show(what: str, cases: Any, mend: bool) -> None:
    known = sorted(cases)
    console.print(f"{len(known):,} {what}{', mended' if known and mend else ''}")
    for case in known[:MOST_SHOWN]:
        console.print(f"  {case}", markup=False)
    if len(known) > MOST_SHOWN:
        console.print(f"  and {len(known) - MOST_SHOWN:,} more")


def _drifted(each: dict[str, Any]) -> str:
    name = f"/products/{each['product_id']} ({each['name']})"
    stock = "not tracked" if each["stock"] is None else each["stock"]
    return f"{name}: stock {stock}, ledger {each['ledger']}"


def _due(each: dict[str, Any]) -> str:
    return f"/orders/{each['order']}: {each['due']} is due"
