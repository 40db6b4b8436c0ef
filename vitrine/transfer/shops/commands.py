"""The command ``vitrine import shop``."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import click

from shared.config.settings import Settings
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer.columns.kinds_of_tables import ORDERS
from vitrine.transfer.columns.summary import notes, summary
from vitrine.transfer.identity import source_prefix
from vitrine.transfer.progress import (
    ImportRun,
    console,
    open_log,
    open_report,
    print_identity,
    print_notes,
    print_report,
    reported_if_stopped,
    run_with_progress,
)
from vitrine.transfer.shop_orders.exports import by_resource
from vitrine.transfer.shops.plan_text import column_lines, count_line, kind_lines, product_lines
from vitrine.transfer.shops.preparation import Prepared, ShopOptions, open_source, prepare
from vitrine.transfer.shops.product_import import importers, photo_line
from vitrine.transfer.shops.shop_rows import ShopRows
from vitrine.transfer.sources import ReadOptions, RowSource

PHOTOS = (
    "`vitrine images list --state queued` shows those that wait, `vitrine images list` those that "
    "failed"
)


@click.command("shop")
@click.argument("files", nargs=-1, required=True, metavar="FILE|URL...")
@click.option("--yes", is_flag=True, help="Import without asking.")
@click.option(
    "--format",
    "kind",
    metavar="NAME",
    help="Kind of each FILE, such as shopify, or the path of a TOML file.  [default: recognised]",
)
@click.option("--currency", metavar="CODE", help="Currency of the prices, such as EUR.")
@click.option(
    "--weight-unit",
    type=click.Choice(("g", "kg", "lb", "oz")),
    help="Unit of weights, where the file names none.",
)
@click.option(
    "--source",
    default="",
    metavar="SHOP",
    help="Put SHOP: before the keys of products, clients and orders, because another shop may have "
    "the same.",
)
@click.option("--no-images", is_flag=True, help="Leave the photos out.")
@click.option(
    "--decimal",
    type=click.Choice((".", ",")),
    help="Decimal mark of amounts.  [default: as the file shows it]",
)
@click.option("--encoding", metavar="NAME", help="Character encoding.  [default: detected]")
@click.option(
    "--separator", metavar="SIGN", help="Sign between the cells of CSV.  [default: detected]"
)
@click.option("--sheet", metavar="NAME", help="Sheet of XLSX.  [default: the first with a header]")
@click.option("--dry-run", is_flag=True, help="Validate everything and write nothing.")
@click.option(
    "--errors",
    type=click.Path(),
    metavar="FILE",
    help="Write every error to FILE, a JSON object a line.",
)
@click.pass_context
def import_shop(
    ctx: click.Context,
    files: tuple[str, ...],
    yes: bool,
    kind: str | None,
    currency: str | None,
    weight_unit: str | None,
    source: str,
    no_images: bool,
    decimal: str | None,
    encoding: str | None,
    separator: str | None,
    sheet: str | None,
    dry_run: bool,
    errors: str | None,
) -> None:
    """Bring a shop in: the products, clients and orders of each FILE that another shop exported.

    The kind of the file is recognised by its columns. What each column becomes and the first
    products are shown first; then the command asks, or --yes says it. Products, variants,
    categories and photos are created. Costs and other private columns stay out.

    Running it again changes nothing. `vitrine import --undo` takes all of it back.
    """
    options = ShopOptions(kind, currency, weight_unit, decimal, not no_images)
    reading = ReadOptions(None, encoding, separator, "products", sheet)
    groups = {"": list(files)} if kind else by_resource(files, reading)
    others: dict[str, Any] = {"decimal": decimal, "encoding": encoding, "separator": separator}
    others |= {"sheet": sheet, "dry_run": dry_run, "source": source}
    failed = 0
    with open_log(errors) as log:
        run = ImportRun(has_parts=True, log=log)
        try:
            if of_products := groups.pop("", []):
                failed += _import_products(of_products, yes, options, reading, dry_run, run, source)
            if groups and not of_products and not dry_run:
                _ask(yes)
            # Orders find their clients.
            for resource in sorted(groups):
                own = others | ({"currency": currency} if resource == ORDERS else {})
                failed += _import_others(ctx, resource, groups[resource], own, run)
        finally:
            run.print_undo()
    sys.exit(1 if failed else 0)


def _import_others(
    ctx: click.Context,
    resource: str,
    files: Sequence[str],
    options: Mapping[str, Any],
    run: ImportRun,
) -> int:
    """Import files by the command of their resource; return its exit status."""
    group = ctx.parent.command if ctx.parent else None
    assert isinstance(group, click.Group)
    command = group.get_command(ctx, resource)
    assert command
    creates = {"create_clients": True} if resource == ORDERS else {}
    console.print(f"{resource}: {', '.join(files)}", markup=False)
    try:
        ctx.invoke(command, files=tuple(files), run=run, **options, **creates)
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def _import_products(
    files: Sequence[str],
    yes: bool,
    options: ShopOptions,
    reading: ReadOptions,
    dry_run: bool,
    run: ImportRun,
    source: str,
) -> int:
    """Show the plan, ask, and import products; return 0 if all of their rows are there."""
    settings = Settings.from_env()
    products, categories = (
        Client.find(name, settings, run.id) for name in ("products", "categories")
    )
    kind = options.format
    with ExitStack() as opened:
        fields = products.get("/")["fields"]
        prepared = []
        for file in files:
            rows = open_source(opened, file, reading, kind)
            prepared.append(prepare(opened, rows, fields, options))
            _print_plan(prepared[-1], products.service, bool(kind))
        if prefix := source_prefix(source):
            console.print(f"{prefix} goes before the references and groups.", markup=False)
        if not dry_run:
            _ask(yes)
        return _import(products, categories, prepared, dry_run, run, source)


def _print_plan(prepared: Prepared, service: str, is_named: bool) -> None:
    """Print what kind of file it is, what each column becomes, and the first products."""
    source, mapping = prepared.source, prepared.mapping
    lines: list[str] = []
    if isinstance(source, ShopRows) and prepared.fit:
        lines += [
            *kind_lines(prepared.fit, source, is_named),
            *column_lines(source),
            *notes(mapping),
        ]
        lines += [f"{count:,} {text}" for text, count in source.notes.items()]
        lines.append(count_line(source, mapping.rows))
    elif isinstance(source, RowSource):
        lines.append(f"{source.path}: a plain table, by the names of its columns")
        lines += summary([source], mapping, service)
    if prepared.first:
        lines.append("The first products will be:")
    for item, photos in prepared.first:
        lines += product_lines(item, photos)
    for line in lines:
        console.print(line, markup=False)


def _ask(yes: bool) -> None:
    """Ask on a terminal whether to import; raise ``StackError`` if there is none."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise StackError("Nothing was imported. Add --yes, or run this in a terminal to be asked.")
    click.confirm("Import this?", abort=True, err=True)


def _import(
    products: Client,
    categories: Client,
    prepared: Sequence[Prepared],
    dry_run: bool,
    run: ImportRun,
    source: str,
) -> int:
    """Import the files and print the report; return 0 if all of their rows are there."""
    seconds = 0.0
    mapping = prepared[0].mapping
    with open_report(None, run, products.service) as report:
        for one, importer in importers(products, categories, prepared, dry_run, report, source):
            with reported_if_stopped(report, one.mapping, run.id, dry_run, "rows"):
                seconds += run_with_progress(one.source, importer.run(one.source))
    print_report(report, mapping, seconds, dry_run, "rows")
    for one in prepared:
        print_notes(one.mapping)
        if line := photo_line(one, PHOTOS):
            console.print(line)
    print_identity(report, importer.identity, products, dry_run)
    run.end(report, dry_run)
    return report.counts["failed"] or not report.counts.total()
