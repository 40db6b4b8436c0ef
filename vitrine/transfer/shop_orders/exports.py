"""The exports that are known, by their columns, and a file that is read as one of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vitrine.errors import StackError
from vitrine.transfer.columns.field_names import key_of
from vitrine.transfer.columns.kinds_of_tables import CLIENTS, ORDERS
from vitrine.transfer.files.csv_rows import Row
from vitrine.transfer.shop_orders import shopify, woocommerce
from vitrine.transfer.shop_orders.cells import Cells, Names, check_same
from vitrine.transfer.shop_orders.documents import flat_row, shopify_rows
from vitrine.transfer.shop_orders.sales import WITH_TAX, Sale, past_orders
from vitrine.transfer.sources import STDIN, ReadOptions, RowSource

MAX_NAMED = 5  # orders in one remark

CellsOfRow = Mapping[str, Any]
ReadClient = Callable[[CellsOfRow], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Export:
    """A kind of file that a shop exports.

    Attributes:
        shop: The name of the shop.
        resource: ``ORDERS`` or ``CLIENTS``.
        columns: The columns by which it is recognised; of several spellings in one text, one.
        without: Columns that it does not have.
        rows: Turns an object of JSON into rows; None for a table.
        number: The columns with the number of an order.
        whole: The columns about a whole order, on which its rows agree.
        sale: Turns the rows of an order into a sale.
        client: Turns a row into a client.
    """

    shop: str
    resource: str
    columns: tuple[str, ...]
    number: Names = ()
    whole: tuple[Names, ...] = ()
    sale: Callable[[Sequence[CellsOfRow]], Sale] | None = None
    client: ReadClient | None = None
    without: tuple[str, ...] = ()
    rows: Callable[[CellsOfRow], list[dict[str, Any]]] | None = None

    @property
    def label(self) -> str:
        """The name of the export, such as ``orders of Shopify``."""
        return f"{self.resource} of {self.shop}"


_SHOPIFY_ORDERS = ("Name", "Email", "Financial Status", "Lineitem name", "Lineitem price")
_SHOPIFY_CUSTOMERS = (
    *("First Name", "Last Name", "Email"),
    "Total Spent|Accepts Email Marketing|Accepts Marketing",
)
_WOO_ORDERS = (
    *("order_id|order_number", "order_date|date", "status|order_status", "order_total"),
    "line_items|line_item_1|item_name",
)
_WOO_ORDERS_IN_WORDS = (
    *("Order Number|Order ID", "Order Status", "Order Total Amount", "Item Name|Product Name"),
)
_WOO_CUSTOMERS = ("billing_first_name", "billing_last_name", "email|user_email|billing_email")
_WOO_REPORT = ("Name", "Username", "Email", "Total spend", "AOV")
# Orders name their client as well, and so do the orders of other shops.
_NOT_CUSTOMERS = ("order_total", "Order Total Amount", "Order ID", "order_number", "Order Date")
# Members of the objects of the APIs.
_SHOPIFY_ORDER = ("line_items", "financial_status", "total_price")
_SHOPIFY_CUSTOMER = ("first_name", "last_name", "email", "default_address|addresses")
_WOO_ORDER = ("line_items", "billing", "date_created", "total")
_WOO_CUSTOMER = ("first_name", "last_name", "email", "billing")
EXPORTS = (
    Export("Shopify", ORDERS, _SHOPIFY_ORDERS, shopify.NUMBER, shopify.WHOLE, shopify.sale),
    Export(
        "Shopify",
        CLIENTS,
        _SHOPIFY_CUSTOMERS,
        client=shopify.customer,
        without=("billing_first_name",),  # which WooCommerce has, beside a column total_spent
    ),
    Export(
        "WooCommerce", ORDERS, _WOO_ORDERS, woocommerce.NUMBER, woocommerce.WHOLE, woocommerce.sale
    ),
    Export(
        "WooCommerce",
        ORDERS,
        _WOO_ORDERS_IN_WORDS,
        woocommerce.NUMBER,
        woocommerce.WHOLE,
        woocommerce.sale,
    ),
    Export(
        "WooCommerce",
        CLIENTS,
        _WOO_CUSTOMERS,
        client=woocommerce.customer,
        without=_NOT_CUSTOMERS,
    ),
    Export("WooCommerce", CLIENTS, _WOO_REPORT, client=woocommerce.customer),
    Export(
        "Shopify",
        ORDERS,
        _SHOPIFY_ORDER,
        shopify.NUMBER,
        shopify.WHOLE,
        shopify.sale,
        rows=shopify_rows,
    ),
    Export("Shopify", CLIENTS, _SHOPIFY_CUSTOMER, client=shopify.customer, rows=flat_row),
    Export(
        "WooCommerce",
        ORDERS,
        _WOO_ORDER,
        woocommerce.NUMBER,
        woocommerce.WHOLE,
        woocommerce.sale,
        rows=flat_row,
    ),
    Export("WooCommerce", CLIENTS, _WOO_CUSTOMER, client=woocommerce.customer, rows=flat_row),
)


def recognised(names: Iterable[str], is_table: bool = True) -> Export | None:
    """Return the export with some columns, or with some members of objects; None for any other."""
    keys = set(map(key_of, names))
    for export in EXPORTS:
        if (export.rows is None) != is_table:
            continue
        has_all = all(_has_one(keys, text.split("|")) for text in export.columns)
        if has_all and not _has_one(keys, export.without):
            return export
    return None


def by_resource(
    files: Iterable[str], options: ReadOptions | str | None = None
) -> dict[str, list[str]]:
    """Return files by the resource they are exports of; those of no export by an empty text.

    Args:
        files: The files; stdin and addresses of the web, which are read once, are not looked at.
        options: What is known about the files.
    """
    found: dict[str, list[str]] = {}
    for file in files:
        resource = ""
        # A file that cannot be read may have its header further below; if not, the import says so.
        if file != STDIN and "://" not in file:
            with suppress(StackError), ExportRows(file, options) as source:
                resource = source.export.resource if source.export else ""
        found.setdefault(resource, []).append(file)
    return found


def _has_one(keys: set[str], names: Iterable[str]) -> bool:
    return any(key_of(name) in keys for name in names)


def _client(read: ReadClient, row: CellsOfRow) -> dict[str, Any] | str:
    """Return the client of a row, or a text that says why its cells cannot be read."""
    try:
        return read(row)
    except StackError as error:
        return str(error)


class ExportRows(RowSource):
    """File whose rows are past orders or clients, even if it is the export of a shop.

    Attributes:
        export: The export that the file is; None for any other file.
        remarks: The orders about which there is something to report, by the remark.
    """

    def __init__(self, path: str, options: ReadOptions | str | None = None):
        """Look at a file; raise ``StackError`` as ``RowSource`` does."""
        super().__init__(path, options)
        is_table = bool(self.header)
        self.export = recognised(self.header if is_table else self._members(), is_table)
        self.remarks: dict[str, list[str]] = {}
        if self.export:
            self.header = []  # The rows have the names of Vitrine's fields.

    def _members(self) -> Iterable[str]:
        """Return the names of the members of the first object of JSON."""
        _, first = next(super().rows(), (0, {}))
        return first if isinstance(first, dict) else ()

    @property
    def label(self) -> str:
        """The encoding and the format of the file, after the name of its export."""
        label = super().label
        return f"{self.export.label}, {label}" if self.export else label

    @property
    def notes(self) -> Iterator[str]:
        """The remarks in words, after the rows were read."""
        for remark, numbers in self.remarks.items():
            more = ", …" if len(numbers) > MAX_NAMED else ""
            yield f"{remark}: {len(numbers):,} ({', '.join(numbers[:MAX_NAMED])}{more})"

    def rows(self) -> Iterator[Row]:
        """Yield each row, order or client, as ``RowSource`` does."""
        rows = self._tabular(super().rows())
        if not self.export:
            yield from rows
        elif self.export.sale:
            yield from self._orders(rows, self.export)
        elif self.export.client:
            for number, row in rows:
                yield number, row if isinstance(row, str) else _client(self.export.client, row)

    def _tabular(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows, those of an object of JSON with its number."""
        split = self.export.rows if self.export else None
        for number, row in rows:
            if isinstance(row, str) or not split:
                yield number, row
                continue
            try:
                yield from ((number, part) for part in split(row))
            except StackError as error:
                yield number, str(error)

    def _orders(self, rows: Iterable[Row], export: Export) -> Iterator[Row]:
        """Yield the order of the rows with one number, and its returns."""
        self.remarks = {}
        orders: dict[str, list[tuple[int, CellsOfRow]]] = {}
        for number, row in rows:
            if isinstance(row, str):
                yield number, row
                continue
            try:
                ref = Cells(row).text(export.number)
            except StackError as error:
                yield number, str(error)
                continue
            if ref:
                orders.setdefault(ref, []).append((number, row))
            else:
                yield number, "Has no order number."
        assert export.sale
        for ref, numbered in orders.items():
            first, _ = numbered[0]
            try:
                check_same(numbered, export.whole)
                sale = export.sale([row for _, row in numbered])
                made = list(past_orders(sale))
            except StackError as error:
                yield first, f"Order {ref}: {error}"
                continue
            for remark in (sale.remark, WITH_TAX if "included_tax" in made[0] else ""):
                if remark:
                    self.remarks.setdefault(remark, []).append(ref)
            yield from ((first, order) for order in made)
