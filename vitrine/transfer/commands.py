"""The command ``vitrine import``, with a command for each resource."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from shared.config.settings import Settings
from vitrine.client import Client
from vitrine.commands.imports import LATEST, undo_import
from vitrine.errors import StackError
from vitrine.transfer import missing
from vitrine.transfer.attribute_proposals import propose_attributes
from vitrine.transfer.categories import CategoryResolver, PathRules
from vitrine.transfer.columns.field_names import FIELD_NAMES
from vitrine.transfer.columns.kinds_of_tables import (
    CATEGORIES,
    CLIENTS,
    ORDERS,
    PRODUCTS,
    check_kind,
)
from vitrine.transfer.columns.summary import summary
from vitrine.transfer.identity import RowIdentity
from vitrine.transfer.images import attach_images
from vitrine.transfer.importer import ItemImporter, WriteMode
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.options import (
    attribute_options,
    ignored_options,
    item_options,
    path_option,
    refused_options,
    resource_first,
    row_options,
)
from vitrine.transfer.past_orders import (
    CLIENT_NAME,
    RETURNS,
    JoinedFile,
    OrderRules,
    PastOrderImporter,
    order_mapping,
)
from vitrine.transfer.progress import (
    ImportRun,
    console,
    open_report,
    print_identity,
    print_notes,
    print_report,
    reported_if_stopped,
    run_with_progress,
)
from vitrine.transfer.shop_orders.exports import ExportRows
from vitrine.transfer.shops.commands import import_shop
from vitrine.transfer.sources import ReadOptions, RowSource

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


@click.group(
    "import",
    cls=ImportGroup,
    invoke_without_command=True,
    no_args_is_help=True,
    subcommand_metavar="RESOURCE ...",
)
@click.option(
    "--undo",
    is_flag=False,
    flag_value=LATEST,
    metavar="[IMPORT]",
    help="Take an import back, by default the latest; `vitrine imports` lists them.",
)
@click.option("--dry-run", is_flag=True, help="With --undo: only say what would be done.")
@click.pass_context
def import_command(ctx: click.Context, undo: str | None, dry_run: bool) -> None:
    """Import products, past orders or images from files.

    RESOURCE is shop (the products of another shop), products, clients, categories, orders (of the
    past) or images.

    `vitrine import RESOURCE --help` shows the options of each. For a service of your own, write its
    name: `vitrine import games FILE...`.

    Running an import again changes nothing, and finishes one that was interrupted.

    --undo moves the items that an import created to the trash, and puts back what it changed. What
    was changed since stays as it is and is listed; the exit status is then 1.
    """
    if ctx.invoked_subcommand is None:
        if undo is None:
            raise click.UsageError("Name a RESOURCE, or --undo.", ctx)
        undo_import(undo, dry_run)
    elif undo is not None or dry_run:
        raise click.UsageError("--undo takes an import back; leave out the RESOURCE.", ctx)


@import_command.command("products")
@row_options
@item_options
@attribute_options
@path_option
@click.option("--create-categories", is_flag=True, help="Create the categories that are missing.")
@click.option(
    "--infer-attributes",
    is_flag=True,
    help="Propose attribute rules for each category and import nothing, unless --yes is given.",
)
@click.option("--yes", is_flag=True, help="Apply the rules of --infer-attributes, then import.")
@click.option("--no-images", is_flag=True, help="Leave out the photos, which image_urls names.")
@refused_options("products", "--join", "--create-clients", "--match")
def import_products(
    files: tuple[str, ...],
    attributes: str | None,
    path_separator: str | None,
    create_categories: bool,
    infer_attributes: bool,
    yes: bool,
    **options: Any,
) -> None:
    """Import products from each FILE.

    A FILE is CSV, XLSX, JSON, JSON lines, XML or a page with JSON-LD, or the address of one
    (https://...), and may be compressed (.gz, .xz); - reads stdin. A column
    with the name of a field becomes that field, any other column becomes an attribute. In --map and
    --set, attr.NAME is the attribute NAME. What each column becomes is printed first.

    The column "category" holds a slug, a name, or a path of names such as Men/Tops or Men > Tops.
    """
    _check_inference(infer_attributes, yes, options["dry_run"])
    settings, run = Settings.from_env(), ImportRun()
    client, categories = (
        Client.find(name, settings, run.id) for name in ("products", "categories")
    )
    mapping = _mapping(client, attributes, options)
    options["attributes"] = attributes
    with _surveyed(files, mapping, client.service, options) as sources:
        paths = PathRules.of(*mapping.texts("category"), path_separator)
        if infer_attributes and not propose_attributes(
            sources,
            mapping,
            categories,
            paths,
            apply=yes,
            create_categories=create_categories,
        ):
            return
        resolver = CategoryResolver(categories, create_categories, options["dry_run"], paths)
        mapping.notes.clear()  # Those of the proposals.
        _import_items(client, sources, mapping, resolver, options, run)


@import_command.command("clients")
@row_options
@item_options
@click.option(
    "--source",
    default="",
    metavar="SHOP",
    help="Put SHOP: before the external_ref, because another shop has the same ones.",
)
@refused_options("clients", "--join", "--create-clients", "--match", "--infer-attributes", "--yes")
@ignored_options("clients", "--attributes", "--create-categories")
def import_clients(
    files: tuple[str, ...], source: str = "", run: ImportRun | None = None, **options: Any
) -> None:
    """Import clients from each FILE.

    A FILE is CSV, XLSX, JSON, JSON lines, XML or a page with JSON-LD, or the address of one
    (https://...), and may be compressed (.gz, .xz); - reads stdin. A column
    with the name of a field becomes that field; other columns are left out and named at the end.

    An export of the customers of Shopify or WooCommerce is recognised by its columns.
    """
    _import_service("clients", files, None, options | {"source": source}, run=run)


@import_command.command("categories")
@row_options
@item_options
@path_option
@refused_options(
    "categories", "--join", "--create-clients", "--match", "--infer-attributes", "--yes"
)
@ignored_options("categories", "--attributes", "--create-categories")
def import_categories(files: tuple[str, ...], path_separator: str | None, **options: Any) -> None:
    """Import a tree of categories from each FILE.

    A FILE is CSV, XLSX, JSON, JSON lines, XML or a page with JSON-LD, or the address of one
    (https://...), and may be compressed (.gz, .xz); - reads stdin. Rows may
    stand in any order.

    The place of a category is its column "parent" (the slug or the name of another row), or its
    column "path": names from the root such as Men/Tops, or a list of objects with id and name.
    """
    if path_separator == "none":
        raise click.ClickException("--path-separator none is for products only.")
    _import_service("categories", files, None, options, path_separator)


@import_command.command("orders")
@row_options
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
@click.option(
    "--source",
    default="",
    metavar="SHOP",
    help="Put SHOP: before the numbers of orders and clients, because another shop has the same.",
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
    source: str = "",
    run: ImportRun | None = None,
    currency: str | None = None,
    **options: Any,
) -> None:
    """Import past orders of another shop from each FILE.

    A FILE is CSV, XLSX, JSON, JSON lines, XML or a page with JSON-LD, or the address of one
    (https://...), and may be compressed (.gz, .xz); - reads stdin. Each row is
    an order line; the rows with the same order number are one order. It keeps its own prices, and
    no stock changes.

    An order export of Shopify or WooCommerce is recognised by its columns: its shipping, tax and
    discount become lines of their own kinds, and its refunds returns.

    Columns named like InvoiceNo, InvoiceDate, CustomerID, StockCode, Description, Quantity and
    UnitPrice are found without --map. Fields: external_ref (the order number), placed_at, client
    (the external_ref of a client), client_id, status, currency, note, sku, name, quantity,
    unit_price and discount (a fraction).
    """
    dry_run = options["dry_run"]
    rules = OrderRules(returns, create_clients, client_name, dry_run, currency, source)
    sys.exit(1 if _import_past_orders(files, joins, rules, options, run or ImportRun()) else 0)


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


import_command.add_command(import_shop)


def _import_past_orders(
    files: Sequence[str],
    joins: Sequence[str],
    rules: OrderRules,
    options: dict[str, Any],
    run: ImportRun,
) -> int:
    """Import past orders and print the report; return 0 if all of them are there."""
    options = options | {"joins": joins}
    mapping = order_mapping(options["maps"], options["sets"], options["nulls"], options["decimal"])
    joined_files = [JoinedFile(option) for option in joins]
    settings = Settings.from_env()
    orders, clients = (Client.find(name, settings, run.id) for name in (ORDERS, CLIENTS))
    with ExitStack() as opened, open_report(options["errors"], run, ORDERS) as report:
        importer = PastOrderImporter(orders, clients, rules, report)
        sources = [opened.enter_context(_source(file, ORDERS, options)) for file in files]
        for source in sources:
            importer.survey(source, mapping, joined_files)
        mapping.decide()
        _check_kinds(sources, mapping, ORDERS, options)
        for line in summary(sources, mapping, ORDERS) if mapping.rows else ():
            console.print(line, markup=False)
        for source in sources:
            for line in source.notes if isinstance(source, ExportRows) else ():
                console.print(line, markup=False)
        for source in sources:
            report.file = source.path if len(sources) > 1 else ""
            importer.read(source, mapping, joined_files)
        report.file = ""
        with reported_if_stopped(report, mapping, run.id, rules.dry_run, ORDERS):
            seconds = run_with_progress(None, importer.send(), importer.lines)
    print_report(report, mapping, seconds, rules.dry_run, ORDERS)
    console.print(f"Rows read: {sum(source.rows_read for source in sources):,}")
    run.end(report, rules.dry_run)
    return report.counts["failed"] or not report.counts.total()


def _service_command(service: str) -> click.Command:
    """Return the import command of a service that has no command of its own."""

    @click.command(service, help=f"Import {service} from each FILE: CSV, XLSX, JSON or XML.")
    @row_options
    @item_options
    @attribute_options
    @refused_options(
        service, "--join", "--create-clients", "--match", "--infer-attributes", "--yes"
    )
    @ignored_options(service, "--create-categories")
    def import_service(files: tuple[str, ...], attributes: str | None, **options: Any) -> None:
        _import_service(service, files, attributes, options)

    return import_service


def _import_service(
    service: str,
    files: Sequence[str],
    attributes: str | None,
    options: dict[str, Any],
    path_separator: str | None = None,
    run: ImportRun | None = None,
) -> None:
    run = run or ImportRun()
    client = Client.find(service, Settings.from_env(), run.id)
    mapping = _mapping(client, attributes, options)
    with _surveyed(files, mapping, service, options) as sources:
        _import_items(client, sources, mapping, None, options, run, path_separator)


def _mapping(client: Client, attributes: str | None, options: dict[str, Any]) -> RowMapping:
    return RowMapping(
        client.get("/")["fields"],
        options["maps"],
        options["sets"],
        options["nulls"],
        None if attributes is None else attributes.split(","),
        FIELD_NAMES.get(client.service),
        options["decimal"],
    )


@contextmanager
def _surveyed(
    files: Sequence[str], mapping: RowMapping, service: str, options: dict[str, Any]
) -> Iterator[list[RowSource]]:
    """Open files, survey all of their rows, print what was found out, and yield the files."""
    with ExitStack() as opened:
        sources = [opened.enter_context(_source(file, service, options)) for file in files]
        mapping.survey_files(sources)
        _check_kinds(sources, mapping, service, options)
        for line in summary(sources, mapping, service) if mapping.rows else ():
            console.print(line, markup=False)
        yield sources


def _check_kinds(
    sources: Sequence[RowSource], mapping: RowMapping, service: str, options: dict[str, Any]
) -> None:
    """Raise ``StackError`` for the tables of another resource, unless options say how to read."""
    is_chosen = options.get("attributes") is not None if service == PRODUCTS else options["maps"]
    is_known = any(isinstance(source, ExportRows) and source.export for source in sources)
    if not is_chosen and not is_known:
        check_kind(service, mapping.facts, ", ".join(source.path for source in sources))


def _source(file: str, service: str, options: dict[str, Any]) -> RowSource:
    names = ("format", "encoding", "separator", "sheet")
    chosen = ReadOptions(**{name: options[name] for name in names}, resource=service)
    is_plain = service in (ORDERS, CLIENTS) and (options["maps"] or options.get("joins"))
    if is_plain or service not in (PRODUCTS, CATEGORIES, CLIENTS, ORDERS):
        return RowSource(file, chosen)
    source = ExportRows(file, chosen)
    if source.export and source.export.resource != service:
        source.close()
        raise StackError(
            f"{file} has {source.export.label}; write `vitrine import {source.export.resource}`."
        )
    return source


def _import_items(
    client: Client,
    sources: Sequence[RowSource],
    mapping: RowMapping,
    resolver: CategoryResolver | None,
    options: dict[str, Any],
    run: ImportRun,
    path_separator: str | None = None,
) -> None:
    """Import files into a service, print the report, and exit with 1 if a row failed."""
    seconds, among, dry_run = 0.0, _filters(options["among"]), options["dry_run"]
    if options["missing"]:
        missing.check(client, options["missing"], among)
    elif among:
        raise click.ClickException("--among is for --missing.")
    with open_report(options["errors"], run, client.service) as report:
        identity = RowIdentity(
            client, options["key"], options["volatile"].split(","), options.get("source", "")
        )
        if mapping.rows:
            identity.check_volatile({mapping.parent(column) for column in mapping.facts})
        merges = mapping.has_free_attributes and not options.get("replace_attributes")
        left_out = ("image_urls",) if options.get("no_images") else ()
        mode = WriteMode(dry_run, merges, bool(options["missing"]), left_out)
        importer = ItemImporter(client, mapping, resolver, identity, mode, report, path_separator)
        with reported_if_stopped(report, mapping, run.id, dry_run, "rows"):
            for source in sources:
                report.file = source.path if len(sources) > 1 else ""
                seconds += run_with_progress(source, importer.run(source))
            report.file = ""
            if options["missing"]:
                missing.remove_missing(importer, options["missing"], among, dry_run)
    print_report(report, mapping, seconds, dry_run, "rows")
    print_notes(mapping)
    print_identity(report, identity, client, dry_run)
    run.end(report, dry_run)
    sys.exit(1 if report.counts["failed"] or not report.counts.total() else 0)


def _filters(among: Sequence[str]) -> dict[str, str]:
    """Return the filters of --among by name, or raise ``ClickException``."""
    for text in among:
        if "=" not in text:
            raise click.ClickException(f"--among {text}: write FILTER=VALUE, such as brand=Acme.")
    return dict(text.split("=", 1) for text in among)


def _check_inference(infer_attributes: bool, yes: bool, dry_run: bool) -> None:
    """Raise ``ClickException`` for options that contradict each other."""
    if yes and not infer_attributes:
        raise click.ClickException("--yes is for --infer-attributes.")
    if yes and dry_run:
        raise click.ClickException("--yes applies, --dry-run does not; take one of them.")


def _import_folder(client: Client, folder: Path, match: str, dry_run: bool) -> int:
    """Import the photos of a folder and print the report; return 0 if all of them are there."""
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
    return report.counts["failed"] or not report.photos
