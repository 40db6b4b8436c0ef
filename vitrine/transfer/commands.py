"""The commands ``vitrine import`` and ``vitrine export``."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import click

from shared.config.settings import Settings
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer import exporter, images, past_orders
from vitrine.transfer.attribute_proposals import infer
from vitrine.transfer.categories import Shelves
from vitrine.transfer.importer import Importer, Report
from vitrine.transfer.mapping import VOLATILE, Shape
from vitrine.transfer.progress import console, show, with_progress
from vitrine.transfer.sources import FORMATS, Source

MOST_SHOWN = 10


@click.command("import")
@click.argument("resource")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--format", type=click.Choice(FORMATS), help="By default, what the name ends in.")
@click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Or a JMESPath.")
@click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same for all rows.")
@click.option("--null", "nulls", multiple=True, metavar="TEXT", help="A text that means nothing.")
@click.option("--attributes", metavar="A,B", help="Of the other columns, keep only these.")
@click.option("--key", help="The field that tells which items exist already.")
@click.option(
    "--volatile",
    default=",".join(VOLATILE),
    show_default=True,
    metavar="A,B",
    help="What may change in an item without a key, and it is still the same.",
)
@click.option("--create-categories", is_flag=True, help="Make the categories that are missing.")
@click.option(
    "--infer-attributes",
    is_flag=True,
    help="For products: propose what the attributes of each category are, and stop there.",
)
@click.option("--yes", is_flag=True, help="Apply what --infer-attributes proposes, and import.")
@click.option("--create-clients", is_flag=True, help="Make the clients that orders name.")
@click.option(
    "--join",
    "joins",
    multiple=True,
    metavar="FILE=COLUMN",
    help="For orders: add the row of FILE that has the same in COLUMN.",
)
@click.option("--match", metavar="A,B", help="For images: the fields that name a photo's file.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--errors", type=click.Path(), metavar="FILE", help="Write every error there.")
def import_command(resource: str, files: tuple[str, ...], **options: Any) -> None:
    """Import each FILE (JSON lines, JSON or CSV, .gz or .xz too; - for stdin) into RESOURCE.

    Columns that are no field become attributes.  Items are found again by --key, or by all
    their values but the volatile ones, so running an import again changes nothing, and one
    that was interrupted is finished by running it again.

    With RESOURCE images, FILE is a folder of photos: each becomes an image of the products that
    name it in one of the fields or attributes of --match.

    With RESOURCE orders, each row is a line of an invoice of the past: it becomes an order as it
    was, at its own prices, and touches no stock.
    """
    settings = Settings.from_env()
    if options["match"] and resource != "images":
        raise click.ClickException("--match is for images; --key tells which items exist already.")
    if options["joins"] and resource != "orders":
        raise click.ClickException("--join is for orders.")
    if options["create_clients"] and resource != "orders":
        raise click.ClickException("--create-clients is for orders.")
    for name in ("key", "attributes", "create_categories"):
        if options[name] and resource == "orders":
            raise click.ClickException(f"--{name.replace('_', '-')} is not for orders.")
    _check_inference(resource, files, options)
    if resource == "images":
        failed = [
            _import_images(Path(each), options["match"], options["dry_run"]) for each in files
        ]
    elif resource == "orders":
        failed = [_import_orders(files, options, settings)]
    else:
        failed = [_import_items(resource, files, options, settings)]
    sys.exit(1 if any(failed) else 0)


def _import_items(
    resource: str, files: Sequence[str], options: Mapping[str, Any], settings: Settings
) -> int:
    client = Client.find(resource, settings)
    shape = _shape(client, options)
    shelves = None
    if resource == "products":
        categories = Client.find("categories", settings)
        if options["infer_attributes"] and not infer(files, options, shape, categories):
            return 0
        shelves = Shelves(categories, options["create_categories"], options["dry_run"])
    with ExitStack() as opened:
        report = _report(options["errors"], opened)
        importer = Importer(
            client,
            shape,
            shelves,
            options["key"],
            options["volatile"].split(","),
            options["dry_run"],
            report,
        )
        seconds = 0.0
        for file in files:
            report.file = file if len(files) > 1 else ""
            source = opened.enter_context(Source(file, options["format"]))
            try:
                seconds += with_progress(source, importer.run(source))
            except KeyboardInterrupt:
                done = report.counts.total()
                raise StackError(
                    f"Interrupted after {done:,} rows; run it again to finish."
                ) from None
    show(report, shape, seconds, options["dry_run"], "rows")
    return report.counts["failed"]


def _shape(client: Client, options: Mapping[str, Any]) -> Shape:
    attributes = options["attributes"]
    return Shape(
        client.get("/")["fields"],
        options["maps"],
        options["sets"],
        options["nulls"],
        None if attributes is None else attributes.split(","),
    )


def _check_inference(resource: str, files: Sequence[str], options: Mapping[str, Any]) -> None:
    if not options["infer_attributes"]:
        if options["yes"]:
            raise click.ClickException("--yes is for --infer-attributes.")
        return
    if resource != "products":
        raise click.ClickException("--infer-attributes is for products.")
    if options["yes"] and options["dry_run"]:
        raise click.ClickException("--yes applies, --dry-run does not; take one of them.")
    for file in files:
        if file == "-" or Path(file).is_fifo():
            raise click.ClickException("--infer-attributes reads a file twice; name one on disk.")


def _report(errors: str | None, opened: ExitStack) -> Report:
    return Report(log=opened.enter_context(Path(errors).open("w")) if errors else None)


def _import_orders(files: Sequence[str], options: Mapping[str, Any], settings: Settings) -> int:
    shape = past_orders.shape(options["maps"], options["sets"], options["nulls"])
    joins = [past_orders.Join(*past_orders.split(each)) for each in options["joins"]]
    with ExitStack() as opened:
        report = _report(options["errors"], opened)
        gathered = past_orders.Invoices(
            Client.find("orders", settings),
            Client.find("clients", settings),
            options["create_clients"],
            options["dry_run"],
            report,
        )
        for file in files:
            report.file = file if len(files) > 1 else ""
            source = opened.enter_context(Source(file, options["format"]))
            gathered.read(source, shape, joins)
        report.file = ""
        seconds = with_progress(None, gathered.send(), gathered.lines)
    show(report, shape, seconds, options["dry_run"], "orders")
    console.print(f"Lines read: {gathered.lines:,}")
    return report.counts["failed"]


def _import_images(folder: Path, match: str | None, dry_run: bool) -> int:
    if not match:
        raise click.ClickException("Say --match and the field that names a photo's file.")
    client = Client.find("products", Settings.from_env())
    report = images.attach(client, folder, match.split(","), dry_run=dry_run)
    would = "would be " if dry_run else ""
    parts = [f"{report.counts[name]:,} {name}" for name in ("attached", "unchanged", "failed")]
    console.print(f"{report.counts.total():,} images: {would}{', '.join(parts)}")
    for error in report.errors[:MOST_SHOWN]:
        console.print(f"  {error}", markup=False)
    if report.unmatched:
        more = ", …" if len(report.unmatched) > MOST_SHOWN else ""
        shown = ", ".join(report.unmatched[:MOST_SHOWN]) + more
        console.print(f"{len(report.unmatched):,} files no product names: {shown}", markup=False)
    if report.absent:
        console.print(f"{report.absent:,} photos that products name are not in the folder.")
    if not report.photos:
        console.print("The folder has no files.")
    if not report.naming:
        console.print(f"No product has anything in {match}: is it misspelt?", markup=False)
    return report.counts["failed"]


@click.command("export")
@click.argument("resource")
@click.argument("file", default="-")
@click.option("--format", type=click.Choice(FORMATS), help="By default, what the name ends in.")
def export_command(resource: str, file: str, format: str | None) -> None:
    """Export RESOURCE to FILE (- for stdout), as `vitrine import` reads it."""
    client = Client.find(resource, Settings.from_env())
    chosen = format or Path(file).suffix.lstrip(".") or "jsonl"
    if chosen not in FORMATS:
        raise click.ClickException(f"Say --format {', '.join(FORMATS)}.")
    if file == "-":
        count = _write(chosen, client, sys.stdout)
    else:
        draft = Path(file + ".part")
        try:
            with draft.open("w", encoding="utf-8", newline="") as opened:
                count = _write(chosen, client, opened)
            draft.replace(file)
        except OSError as error:
            raise StackError(f"{file} cannot be written: {error.strerror}.") from error
        finally:
            draft.unlink(missing_ok=True)
    console.print(f"{count:,} {resource} exported.")


def _write(format: str, client: Client, file: TextIO) -> int:
    found = exporter.items(client)
    if format == "csv":
        described = client.get("/")["fields"]
        told = exporter.PAST.get(client.service, ())
        fields = [
            name for name, field in described.items() if not field["read_only"] or name in told
        ]
        return exporter.write_csv(found, file, fields)
    return {"json": exporter.write_json, "jsonl": exporter.write_jsonl}[format](found, file)
