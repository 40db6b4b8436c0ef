"""``vitrine imports``: list imports, or show what one did and what its undo would leave."""

import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from shared.config.settings import Settings
from shared.http.import_id import UNDO
from vitrine.commands import undo
from vitrine.errors import StackError

console = Console(highlight=False, soft_wrap=True)

_STARTED = "2026-01-31 09:30"  # what is shown of a time
_WIDE = 100  # columns of a terminal that has room for authors
LATEST = "latest"  # the value of --undo without an id
MAX_SHOWN = 20  # reasons why an undo leaves items as they are


@click.command("imports")
@click.option("--number", default=20, show_default=True, type=click.IntRange(1, 100))
def imports_command(number: int) -> None:
    """List the last imports of all services.

    `vitrine import --undo IMPORT` takes one back, and with --dry-run says what that would do.
    Imports are known for HISTORY_DAYS.
    """
    known = undo.find_imports(undo.clients(Settings.from_env()), number)
    if not known:
        console.print("The history of the services knows no import.")
        return
    console.print(_table(known))


def _table(known: Sequence[undo.KnownImport]) -> Table:
    """Return the table of imports: ids are whole, to be copied; a narrow one has no authors."""
    table = Table()
    table.add_column("import", no_wrap=True, min_width=max(len(one.id) for one in known))
    table.add_column("started", no_wrap=True, min_width=len(_STARTED))
    has_authors = console.width >= _WIDE
    if has_authors:
        table.add_column("by")
    table.add_column("changes", no_wrap=True)
    for one in known:
        changes = "\n".join(
            f"{name}: {count:,} {kind}"
            for name, sums in one.changes.items()
            for kind, count in sums.items()
        )
        authors = [one.by] if has_authors else []
        started = one.started_at[: len(_STARTED)].replace("T", " ")
        table.add_row(one.id, started, *authors, changes)
    return table


def undo_import(asked: str, dry_run: bool) -> None:
    """Take an import back, print what was done and what stays, and exit with 1 if something does.

    Args:
        asked: The id of the import, or ``LATEST``.
        dry_run: Only say what would be done.
    """
    settings = Settings.from_env()
    id = undo.latest(undo.clients(settings)) if asked == LATEST else asked
    own_id = f"{UNDO}{id}"
    try:
        report = undo.undo(undo.clients(settings, own_id), id, dry_run)
    except KeyboardInterrupt:
        raise StackError(
            f"Interrupted; `vitrine import --undo {id}` takes back the rest."
        ) from None
    would = "would be " if dry_run else ""
    done = ", ".join(f"{count:,} {would}{what}" for what, count in report.done.items())
    console.print(f"Import {id}: {done or 'nothing to do'}.")
    _print_left("Changed since, and left as it is", report.kept, id)
    _print_left("Refused", report.refused, id)
    if report.hidden:
        console.print(f"Left out, because the token may not undo there: {len(report.hidden):,}")
    for line in report.hidden:
        console.print(f"  {line}", markup=False)
    if report.done and not dry_run:
        console.print(f"`vitrine import --undo {own_id}` brings it back.")
    sys.exit(1 if report.kept or report.refused or report.hidden else 0)


def _print_left(title: str, left: Sequence[undo.Left], id: str) -> None:
    """Print the first reasons why something stays, each with the items that it is about."""
    if left:
        console.print(f"{title}: {len(left):,}")
    lines = undo.left_lines(left)
    for line in lines[:MAX_SHOWN]:
        console.print(f"  {line}", markup=False)
    if more := len(lines[MAX_SHOWN:]):
        console.print(f"  … and {more:,} more reasons; GET /products:imports/{id} lists all items.")
