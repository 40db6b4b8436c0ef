"""Parts of an import: the files of one resource, read and mapped, ready to be imported.

They are put together from the classes of ``vitrine import shop``, and send the same requests.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from vitrine.client import Client
from vitrine.transfer.columns.field_names import FIELD_NAMES
from vitrine.transfer.columns.kinds_of_tables import CLIENTS, ORDERS
from vitrine.transfer.columns.summary import summary
from vitrine.transfer.identity import VOLATILE, RowIdentity
from vitrine.transfer.importer import ImportReport, ItemImporter, NumberedRows, WriteMode
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.past_orders import OrderRules, PastOrderImporter, order_mapping
from vitrine.transfer.progress import identity_lines, note_lines
from vitrine.transfer.shop_orders.exports import ExportRows, by_resource
from vitrine.transfer.shops.preparation import Prepared, ShopOptions, open_source, prepare
from vitrine.transfer.shops.product_import import importers, photo_line
from vitrine.transfer.sources import ReadOptions

PRODUCTS = "products"
SHOWN_ROWS = 5  # of a file
PHOTOS = "The page Jobs shows those that wait or failed"
# The scopes that an import of each resource needs; some of its writes go to another service.
SCOPES = {
    PRODUCTS: ("products:write", "categories:write"),
    CLIENTS: ("clients:write",),
    ORDERS: ("orders:write", "clients:write", "clients:read"),
}

# Bytes of all copies of one import, of files that are unpacked, or are not CSV in UTF-8.
MAX_COPY_BYTES = 64_000_000

ClientOf = Callable[[str], Client]
Shares = Generator[float, None, None]  # of the work that is done


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an import, as ``vitrine import shop`` has them; empty lets the files decide."""

    format: str = ""
    currency: str = ""
    weight_unit: str = ""
    decimal: str = ""
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    source: str = ""
    photos: bool = True


def services_of(parts: Sequence["Part"]) -> set[str]:
    """Return the services to which an import of some parts writes."""
    scopes = (scope for part in parts for scope in SCOPES[part.resource])
    return {scope.partition(":")[0] for scope in scopes}


class Part(Protocol):
    """The files of one resource.

    Attributes:
        resource: The resource.
    """

    resource: str

    def run(self, client: ClientOf, dry_run: bool, report: ImportReport) -> Shares:
        """Import the files; yield how much is done after each batch, from 0 to 1."""

    def lines(self, report: ImportReport, dry_run: bool) -> Iterator[str]:
        """Yield what else is to be said after an import."""


def parts_of(
    opened: ExitStack, files: Sequence[str], options: Options, client: ClientOf
) -> list[Part]:
    """Return the parts of an import, in the order in which they are imported.

    Args:
        opened: Closes the files.
        files: Their paths.
        options: What the caller says about them.
        client: Returns the client of a service.

    Raises:
        StackError: A file cannot be read, or is of no known kind.
    """
    reading = ReadOptions(
        None,
        options.encoding or None,
        options.separator or None,
        PRODUCTS,
        options.sheet or None,
        max_bytes=MAX_COPY_BYTES // (len(files) or 1),
    )
    groups = {"": list(files)} if options.format else by_resource(files, reading)
    parts: list[Part] = []
    if of_products := groups.pop("", []):
        fields = client(PRODUCTS).get("/")["fields"]
        prepared = _prepared(opened, of_products, options, reading, fields)
        parts.append(ProductsPart(prepared, options))
    for resource in sorted(groups):  # Orders find their clients.
        sources = [opened.enter_context(ExportRows(file, reading)) for file in groups[resource]]
        if resource == ORDERS:
            parts.append(OrdersPart(sources, options))
        else:
            parts.append(ClientsPart(sources, options, client(CLIENTS).get("/")["fields"]))
    return parts


def _prepared(
    opened: ExitStack,
    files: Sequence[str],
    options: Options,
    reading: ReadOptions,
    fields: Mapping[str, Any],
) -> list[Prepared]:
    """Return files with products, read and mapped as ``vitrine import shop`` does."""
    chosen = ShopOptions(
        options.format or None,
        options.currency or None,
        options.weight_unit or None,
        options.decimal or None,
        options.photos,
        SHOWN_ROWS,
    )
    sources = (open_source(opened, file, reading, chosen.format) for file in files)
    return [prepare(opened, source, fields, chosen) for source in sources]


class ProductsPart:
    """Files with products.

    Attributes:
        prepared: The files.
    """

    resource = PRODUCTS

    def __init__(self, prepared: Sequence[Prepared], options: Options):
        self.prepared = prepared
        self._source = options.source
        self._identity: RowIdentity | None = None

    def run(self, client: ClientOf, dry_run: bool, report: ImportReport) -> Shares:
        """Import the files; yield how much is done."""
        services = client(PRODUCTS), client("categories")
        for one in self.prepared:
            one.mapping.notes.clear()  # The import counts these again.
        files = importers(*services, self.prepared, dry_run, report, self._source)
        for number, (one, importer) in enumerate(files):
            self._identity = importer.identity
            for share in _shares(importer, one.source):
                yield (number + share) / len(self.prepared)

    def lines(self, report: ImportReport, dry_run: bool) -> Iterator[str]:
        """Yield what was changed and left out, and how items were found."""
        for one in self.prepared:
            yield from note_lines(one.mapping)
            if line := photo_line(one, PHOTOS):
                yield line
        if self._identity:
            yield from identity_lines(report, self._identity, self.resource, dry_run)


class ExportsPart:
    """Exports of one resource, whose rows one mapping reads.

    Attributes:
        resource: The resource.
        sources: The files.
        mapping: The mapping, which has surveyed them.
    """

    resource: str

    def __init__(self, sources: Sequence[ExportRows], mapping: RowMapping):
        self.sources = sources
        self.mapping = mapping
        mapping.survey_files(sources)

    def summary(self) -> Iterator[str]:
        """Yield what was found out about the files."""
        yield from summary(self.sources, self.mapping, self.resource)
        for source in self.sources:
            yield from source.notes

    def named(self, report: ImportReport) -> Iterator[ExportRows]:
        """Yield each file; meanwhile the report names it, if there are several."""
        for source in self.sources:
            report.file = source.path if len(self.sources) > 1 else ""
            yield source
        report.file = ""


class ClientsPart(ExportsPart):
    """Exports of clients."""

    resource = CLIENTS

    def __init__(self, sources: Sequence[ExportRows], options: Options, fields: Mapping[str, Any]):
        names = FIELD_NAMES.get(CLIENTS)
        mapping = RowMapping(fields, (), (), (), None, names, options.decimal or None)
        super().__init__(sources, mapping)
        self._identity: RowIdentity | None = None
        self._source = options.source

    def run(self, client: ClientOf, dry_run: bool, report: ImportReport) -> Shares:
        """Import the files; yield how much is done."""
        service = client(CLIENTS)
        self.mapping.notes.clear()
        self._identity = identity = RowIdentity(service, None, VOLATILE, self._source)
        mode = WriteMode(dry_run, self.mapping.has_free_attributes)
        importer = ItemImporter(service, self.mapping, None, identity, mode, report)
        for number, source in enumerate(self.named(report)):
            for share in _shares(importer, source):
                yield (number + share) / len(self.sources)

    def lines(self, report: ImportReport, dry_run: bool) -> Iterator[str]:
        """Yield what was changed, and how items were found."""
        yield from note_lines(self.mapping)
        if self._identity:
            yield from identity_lines(report, self._identity, self.resource, dry_run)


class OrdersPart(ExportsPart):
    """Exports of orders; the clients that are missing are created."""

    resource = ORDERS

    def __init__(self, sources: Sequence[ExportRows], options: Options):
        super().__init__(sources, order_mapping((), (), (), options.decimal or None))
        self._currency = options.currency or None
        self._source = options.source

    def run(self, client: ClientOf, dry_run: bool, report: ImportReport) -> Shares:
        """Import the files; yield how much is done."""
        rules = OrderRules(
            create_clients=True, dry_run=dry_run, currency=self._currency, source=self._source
        )
        importer = PastOrderImporter(client(ORDERS), client(CLIENTS), rules, report)
        for source in self.named(report):
            importer.read(source, self.mapping, ())
            yield 0.0
        for done in importer.send():
            yield done / (importer.lines or 1)

    def lines(self, report: ImportReport, dry_run: bool) -> Iterator[str]:
        """Yield nothing: the report says it all."""
        yield from ()


def _shares(importer: ItemImporter, source: NumberedRows) -> Shares:
    """Import a file; yield how much of it is done after each batch."""
    for _ in importer.run(source):
        yield min(source.position / (source.size or 1), 1)


def first_rows(source: Any) -> list[dict[str, Any]]:
    """Return the first rows of a file, as they stand in it."""
    readable = (row for _, row in source.rows() if isinstance(row, dict))
    return list(islice(readable, SHOWN_ROWS))
