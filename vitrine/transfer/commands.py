"""The commands ``vitrine import`` and ``vitrine export``."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from shared.config.settings import Settings
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer import exporter
from vitrine.transfer.attribute_proposals import propose_attributes
from vitrine.transfer.categories import CategoryResolver
from vitrine.transfer.images import attach_images
from vitrine.transfer.importer import ImportReport, ItemImporter
from vitrine.transfer.mapping import VOLATILE, RowMapping
from vitrine.transfer.misplaced_options import ignored_options, refused_options, resource_first
from vitrine.transfer.past_orders import (
    CLIENT_NAME,
    RETURNS,
    JoinedFile,
    OrderRules,
    PastOrderImporter,
    order_mapping,
)
from vitrine.transfer.progress import console, print_report, run_with_progress
from vitrine.transfer.sources import FORMATS, STDIN, RowSource

MAX_SHOWN = 10  # errors and file names of an import of images

Command = Callable[..., Any]


class ImportGroup(click.Group):
    """A command for each resource; any other name is that of a service of one's own."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a resource."""
        return super().get_command(ctx, cmd_name) or _service_command(cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments, in which the resource may stand after options."""
        return super().parse_args(ctx, resource_first(args))


@click.group("import", cls=ImportGroup, subcommand_metavar="RESOURCE ...")
def import_command() -> None:
    """Import products, past orders or images from files.

    RESOURCE is products, clients, categories, orders (of the past) or images.

    `vitrine import RESOURCE --help` shows the options of each. For a service of your own, write its
    name: `vitrine import games FILE...`.

    Running an import again changes nothing, and finishes one that was interrupted.
    """


def _row_options(command: Command) -> Command:
    """Add the arguments and options of every import that reads rows."""
    for decorate in reversed(
        (
            click.argument("files", nargs=-1, required=True, metavar="FILE..."),
            click.option(
                "--format",
                type=click.Choice(FORMATS),
                help="Format of each FILE.  [default: by the ending of its name]",
            ),
            click.option(
                "--map",
                "maps",
                multiple=True,
                metavar="FIELD=COLUMN",
                help="Read FIELD from COLUMN, or from a JMESPath expression. May be repeated.",
            ),
            click.option(
                "--set",
                "sets",
                multiple=True,
                metavar="FIELD=VALUE",
                help="Set FIELD to VALUE in every row. May be repeated.",
            ),
            click.option(
                "--null",
                "nulls",
                multiple=True,
                metavar="TEXT",
                help="Read cells with this TEXT as null, such as NULL. May be repeated.",
            ),
            click.option("--dry-run", is_flag=True, help="Validate everything and write nothing."),
            click.option(
                "--errors",
                type=click.Path(),
                metavar="FILE",
                help="Write every error to FILE, a JSON object a line.",
            ),
        )
    ):
        command = decorate(command)
    return command


def _item_options(command: Command) -> Command:
    """Add the options of every import that finds existing items by a key."""
    for decorate in reversed(
        (
            click.option(
                "--key",
                metavar="FIELD",
                help="Field that finds existing items.  [default: the first of external_ref, "
                "slug, sku and email that a row has]",
            ),
            click.option(
                "--volatile",
                default=",".join(VOLATILE),
                show_default=True,
                metavar="A,B",
                help="Fields and attributes that may change, such as prices. If the rows have no "
                "key, all other values together find an existing item.",
            ),
        )
    ):
        command = decorate(command)
    return command


_attributes_option = click.option(
    "--attributes",
    metavar="A,B",
    help="Of the columns that are not fields, keep only these as attributes.  [default: all]",
)


@import_command.command("products")
@_row_options
@_item_options
@_attributes_option
@click.option("--create-categories", is_flag=True, help="Create the categories that are missing.")
@click.option(
    "--infer-attributes",
    is_flag=True,
    help="Propose attribute rules for each category and import nothing, unless --yes is given.",
)
@click.option("--yes", is_flag=True, help="Apply the rules of --infer-attributes, then import.")
@refused_options("products", "--join", "--create-clients", "--match")
def import_products(
    files: tuple[str, ...],
    attributes: str | None,
    create_categories: bool,
    infer_attributes: bool,
    yes: bool,
    **options: Any,
) -> None:
    """Import products from each FILE.

    A FILE is JSON lines, JSON or CSV, and may be compressed (.gz, .xz); - reads stdin. A column
    with the name of a field becomes that field, any other column becomes an attribute. In --map and
    --set, attr.NAME is the attribute NAME.

    The column "category" holds a slug, a name, or a path of names such as Men/Tops.
    """
    _check_inference(files, infer_attributes, yes, options["dry_run"])
    settings = Settings.from_env()
    client, categories = Client.find("products", settings), Client.find("categories", settings)
    mapping = _mapping(client, attributes, options)
    if infer_attributes and not propose_attributes(
        files,
        options["format"],
        mapping,
        categories,
        apply=yes,
        create_categories=create_categories,
    ):
        return
    resolver = CategoryResolver(categories, create_categories, options["dry_run"])
    _import_items(client, files, mapping, resolver, options)


@import_command.command("clients")
@_row_options
@_item_options
@refused_options("clients", "--join", "--create-clients", "--match", "--infer-attributes", "--yes")
@ignored_options("clients", "--attributes", "--create-categories")
def import_clients(files: tuple[str, ...], **options: Any) -> None:
    """Import clients from each FILE.

    A FILE is JSON lines, JSON or CSV, and may be compressed (.gz, .xz); - reads stdin. A column
    with the name of a field becomes that field; other columns are left out and named at the end.
    """
    _import_service("clients", files, None, options)


@import_command.command("categories")
@_row_options
@_item_options
@refused_options(
    "categories", "--join", "--create-clients", "--match", "--infer-attributes", "--yes"
)
@ignored_options("categories", "--attributes", "--create-categories")
def import_categories(files: tuple[str, ...], **options: Any) -> None:
    """Import a tree of categories from each FILE.

    A FILE is JSON lines, JSON or CSV, and may be compressed (.gz, .xz); - reads stdin. Rows may
    stand in any order.

    The place of a category is its column "parent" (the slug or the name of another row), or its
    column "path": names from the root such as Men/Tops, or a list of objects with id and name.
    """
    _import_service("categories", files, None, options)


@import_command.command("orders")
@_row_options
@click.option(
    "--join",
    "joins",
    multiple=True,
    metavar="FILE=COLUMN",
    help="Add to each row the row of FILE with the same value in COLUMN. May be repeated.",
)
@click.option("--create-clients", is_flag=True, help="Create the clients that are missing.")
@click.option(
    "--client-name",
    default=CLIENT_NAME,
    show_default=True,
    metavar="TEXT",
    help="Name of a client that is created; {} stands for its reference.",
)
@click.option(
    "--returns",
    default=RETURNS,
    show_default=True,
    metavar="REGEX",
    help="An order whose whole number matches is a return. Its quantities are negative.",
)
@refused_options(
    "orders",
    *("--key", "--attributes", "--create-categories", "--match", "--infer-attributes", "--yes"),
)
@ignored_options("orders", "--volatile")
def import_orders(
    files: tuple[str, ...],
    joins: tuple[str, ...],
    create_clients: bool,
    client_name: str,
    returns: str,
    **options: Any,
) -> None:
    """Import past orders of another shop from each FILE.

    A FILE is JSON lines, JSON or CSV, and may be compressed (.gz, .xz); - reads stdin. Each row is
    an order line; the rows with the same order number are one order. It keeps its own prices, and
    no stock changes.

    Columns named like InvoiceNo, InvoiceDate, CustomerID, StockCode, Description, Quantity and
    UnitPrice are found without --map. Fields: external_ref (the order number), placed_at, client
    (the external_ref of a client), client_id, status, currency, note, sku, name, quantity,
    unit_price and discount (a fraction).
    """
    settings = Settings.from_env()
    rules = OrderRules(returns, create_clients, client_name, options["dry_run"])
    mapping = order_mapping(options["maps"], options["sets"], options["nulls"])
    joined_files = [JoinedFile(option) for option in joins]
    with _report(options["errors"]) as report:
        importer = PastOrderImporter(
            Client.find("orders", settings), Client.find("clients", settings), rules, report
        )
        for file, source in _sources(files, options["format"]):
            report.file = file
            importer.read(source, mapping, joined_files)
        report.file = ""
        seconds = run_with_progress(None, importer.send(), importer.lines)
    print_report(report, mapping, seconds, rules.dry_run, "orders")
    console.print(f"Lines read: {importer.lines:,}")
    sys.exit(1 if report.counts["failed"] else 0)


@import_command.command("images")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@click.option(
    "--match",
    metavar="A,B",
    help="Fields and attributes of a product that name its photos, such as sku. Required.",
)
@click.option("--dry-run", is_flag=True, help="Upload nothing.")
@refused_options("images", "--join", "--create-clients", "--infer-attributes", "--yes")
@ignored_options(
    "images",
    *("--format", "--map", "--set", "--null", "--key", "--volatile", "--attributes"),
    *("--create-categories", "--errors"),
)
def import_images(folders: tuple[str, ...], match: str | None, dry_run: bool) -> None:
    """Upload the photos of each FOLDER as images of products.

    A product gets the photo hat.jpg if a field of --match holds hat, hat.jpg or a path to it.
    """
    if not match:
        raise click.ClickException("Say which field names a photo's file, such as --match sku.")
    client = Client.find("products", Settings.from_env())
    failed = [_import_folder(client, Path(folder), match, dry_run) for folder in folders]
    sys.exit(1 if any(failed) else 0)


def _service_command(service: str) -> click.Command:
    """Return the import command of a service that has no command of its own."""

    @click.command(service, help=f"Import {service} from each FILE: JSON lines, JSON or CSV.")
    @_row_options
    @_item_options
    @_attributes_option
    @refused_options(
        service, "--join", "--create-clients", "--match", "--infer-attributes", "--yes"
    )
    @ignored_options(service, "--create-categories")
    def import_service(files: tuple[str, ...], attributes: str | None, **options: Any) -> None:
        _import_service(service, files, attributes, options)

    return import_service


def _import_service(
    service: str, files: Sequence[str], attributes: str | None, options: dict[str, Any]
) -> None:
    client = Client.find(service, Settings.from_env())
    _import_items(client, files, _mapping(client, attributes, options), None, options)


def _mapping(client: Client, attributes: str | None, options: dict[str, Any]) -> RowMapping:
    return RowMapping(
        client.get("/")["fields"],
        options["maps"],
        options["sets"],
        options["nulls"],
        None if attributes is None else attributes.split(","),
    )


def _import_items(
    client: Client,
    files: Sequence[str],
    mapping: RowMapping,
    resolver: CategoryResolver | None,
    options: dict[str, Any],
) -> None:
    """Import files into a service, print the report, and exit with 1 if a row failed."""
    seconds = 0.0
    with _report(options["errors"]) as report:
        importer = ItemImporter(
            client,
            mapping,
            resolver,
            options["key"],
            options["volatile"].split(","),
            options["dry_run"],
            report,
        )
        for file, source in _sources(files, options["format"]):
            report.file = file
            try:
                seconds += run_with_progress(source, importer.run(source))
            except KeyboardInterrupt:
                rows = report.counts.total()
                raise StackError(
                    f"Interrupted after {rows:,} rows; run it again to finish."
                ) from None
    print_report(report, mapping, seconds, options["dry_run"], "rows")
    sys.exit(1 if report.counts["failed"] else 0)


@contextmanager
def _report(errors: str | None) -> Iterator[ImportReport]:
    """Yield a report that writes its errors to a file, if one is named."""
    with ExitStack() as opened:
        yield ImportReport(log=opened.enter_context(Path(errors).open("w")) if errors else None)


def _sources(files: Sequence[str], format: str | None) -> Iterator[tuple[str, RowSource]]:
    """Yield each file with its name for error messages, which is empty for the only file."""
    for file in files:
        with RowSource(file, format) as source:
            yield file if len(files) > 1 else "", source


def _check_inference(
    files: Sequence[str], infer_attributes: bool, yes: bool, dry_run: bool
) -> None:
    """Raise ``ClickException`` for options that contradict each other."""
    if yes and not infer_attributes:
        raise click.ClickException("--yes is for --infer-attributes.")
    if yes and dry_run:
        raise click.ClickException("--yes applies, --dry-run does not; take one of them.")
    if infer_attributes and any(file == STDIN or Path(file).is_fifo() for file in files):
        raise click.ClickException("--infer-attributes reads a file twice; name one on disk.")


def _import_folder(client: Client, folder: Path, match: str, dry_run: bool) -> int:
    """Import the photos of a folder and print the report; return the number of failures."""
    report = attach_images(client, folder, match.split(","), dry_run=dry_run)
    would = "would be " if dry_run else ""
    parts = [f"{report.counts[name]:,} {name}" for name in ("attached", "unchanged", "failed")]
    console.print(f"{report.counts.total():,} images: {would}{', '.join(parts)}")
    for error in report.errors[:MAX_SHOWN]:
        console.print(f"  {error}", markup=False)
    if report.unmatched:
        more = ", …" if len(report.unmatched) > MAX_SHOWN else ""
        names = ", ".join(report.unmatched[:MAX_SHOWN]) + more
        console.print(
            f"{len(report.unmatched):,} files that no product names: {names}", markup=False
        )
    if report.missing:
        console.print(f"{report.missing:,} photos that products name are not in the folder.")
    if not report.photos:
        console.print("The folder has no files.")
    if not report.naming_products:
        console.print(f"No product has a value in {match}: is it misspelt?", markup=False)
    return report.counts["failed"]


@click.command("export")
@click.argument("resource")
@click.argument("file", default=STDIN)
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="Format of FILE.  [default: by the ending of its name; jsonl for stdout]",
)
def export_command(resource: str, file: str, format: str | None) -> None:
    """Export all items of RESOURCE to FILE, or to stdout.

    RESOURCE is products, clients, categories, orders, or a service of your own. `vitrine import`
    reads such a FILE.
    """
    client = Client.find(resource, Settings.from_env())
    chosen = format or Path(file).suffix.lstrip(".") or "jsonl"
    if chosen not in FORMATS:
        raise click.ClickException(
            f"The ending of {file} names no format. Say --format with one of {', '.join(FORMATS)}."
        )
    if file == STDIN:
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
    """Write all items of a service to a file; return their number."""
    exported = exporter.items(client)
    if format == "csv":
        return exporter.write_csv(exported, file, exporter.fields(client))
    write = exporter.write_json if format == "json" else exporter.write_jsonl
    return write(exported, file)
