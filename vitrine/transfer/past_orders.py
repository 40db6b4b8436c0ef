"""Import of past orders: the order lines of another shop become orders that are already over.

Each row is an order line.  The rows with the same order number are one order, wherever they stand
in the files.  A row with ``items``, as `vitrine export orders` writes it, is a whole order.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.importer import ImportReport
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.sources import RowSource

BATCH_ORDERS = 500
BATCH_LINES = 3000
RETURNS = r"C\d+"  # order numbers of returns, as the Online Retail data set of UCI has them
CLIENT_NAME = "Client {}"

# Fields of an order and of a line: their types, and names of their columns in other shops' files.
_ORDER_FIELDS = {
    "external_ref": ("Text", ("invoiceno", "invoice_no", "invoice", "orderid", "order_id")),
    "placed_at": ("Text", ("invoicedate", "invoice_date", "orderdate", "order_date", "date")),
    "client": ("Text", ("customerid", "customer_id", "customer")),
    "client_id": ("Whole", ()),
    "status": ("Text", ()),
    "currency": ("Text", ()),
    "note": ("Text", ()),
}
_WHOLE_ORDER_FIELDS = {"items": ("List", ()), "uuid": ("Text", ())}
_LINE_FIELDS = {
    "sku": ("Text", ("stockcode", "stock_code", "productid", "product_id")),
    "name": ("Text", ("description", "productname", "product_name")),
    "quantity": ("Whole", ("qty",)),
    "unit_price": ("Money", ("unitprice", "price")),
    "discount": ("Money", ()),
}
_KEPT_LINE_FIELDS = ("product_id", *_LINE_FIELDS)
_DECIMAL = re.compile(r"(\d+)\.0")


def order_mapping(maps: Iterable[str], sets: Iterable[str], nulls: Iterable[str]) -> RowMapping:
    """Return the mapping of rows to order lines with the fields of their order."""
    fields = {
        name: {"type": type, "read_only": False, "aliases": aliases}
        for name, (type, aliases) in (_ORDER_FIELDS | _LINE_FIELDS | _WHOLE_ORDER_FIELDS).items()
    }
    return RowMapping(fields, maps, sets, nulls, None)


@dataclass(frozen=True, slots=True)
class OrderRules:
    """Options of an import of past orders.

    Attributes:
        returns: Regular expression: an order is a return if its whole number matches.
        create_clients: Create the clients that do not exist.
        client_name: Name of a created client; ``{}`` stands for its reference.
        dry_run: Have the services validate only.
    """

    returns: str = RETURNS
    create_clients: bool = False
    client_name: str = CLIENT_NAME
    dry_run: bool = False

    def __post_init__(self) -> None:
        """Raise ``StackError`` if ``returns`` is not a regular expression."""
        try:
            re.compile(self.returns)
        except re.error as error:
            raise StackError(
                f"--returns {self.returns}: not a regular expression ({error}); write one such as "
                f"{RETURNS}."
            ) from error


class PastOrderImporter:
    """Gathers the lines of files into orders, then sends these to the orders service."""

    def __init__(self, orders: Client, clients: Client, rules: OrderRules, report: ImportReport):
        self._orders_client = orders
        self._clients_client = clients
        self._rules = rules
        self._orders: dict[str, tuple[int, dict[str, Any]]] = {}  # with the row of the first line
        self._rows: dict[str, list[int]] = {}  # the row of each line of an order
        self._columns: Mapping[str, str] = {}
        self.report = report
        self.lines = 0

    def read(
        self, source: RowSource, mapping: RowMapping, joined_files: "Sequence[JoinedFile]"
    ) -> None:
        """Read the rows of a file, each joined with the rows of other files."""
        self._columns = mapping.columns
        for number, row in source.rows():
            if isinstance(row, str):
                self.report.counts["failed"] += 1
                self.report.fail(number, "", row)
                continue
            joined_row = row
            for file in joined_files:
                joined_row = file.row_for(joined_row) | joined_row
            self._add(number, mapping.item(joined_row))

    def _add(self, number: int, item: Mapping[str, Any]) -> None:
        """Add a row to its order; for a field of the order, the first row that has it wins."""
        self.lines += 1
        ref = item.get("external_ref") or item.get("uuid")
        if not ref:
            self.report.fail(number, "", "Has no order number; say --map external_ref=COLUMN.")
            self.report.counts["failed"] += 1
            return
        new: dict[str, Any] = {"external_ref": ref, "items": []}
        _, order = self._orders.setdefault(ref, (number, new))
        for name in _ORDER_FIELDS:
            if item.get(name) is not None:
                order.setdefault(name, item[name])
        for source_line in item.get("items", [item]):
            line = {
                name: source_line[name]
                for name in _KEPT_LINE_FIELDS
                if source_line.get(name) is not None
            }
            if not str(line.get("name", "x")).strip():
                del line["name"]
            order["items"].append(line)
            self._rows.setdefault(ref, []).append(number)

    def send(self) -> Iterator[int]:
        """Send all orders; yield the number of lines that are done after each batch."""
        references = {order["client"] for _, order in self._orders.values() if order.get("client")}
        ids = self._client_ids(references)
        batch: list[tuple[int, dict[str, Any]]] = []
        done = lines = 0
        for number, order in self._orders.values():
            lines += len(order["items"])
            if complete := self._complete(number, order, ids):
                batch.append((number, complete))
            if len(batch) == BATCH_ORDERS or lines - done > BATCH_LINES:
                self._post(batch)
                batch, done = [], lines
                yield done
        self._post(batch)
        yield lines

    def _complete(
        self, number: int, order: dict[str, Any], ids: Mapping[str, int]
    ) -> dict[str, Any] | None:
        """Return an order with its status and client id; None if its client does not exist."""
        is_return = re.fullmatch(self._rules.returns, order["external_ref"])
        order.setdefault("status", "returned" if is_return else "delivered")
        name = order.pop("client", None)
        if name is None:
            return order
        if _client_reference(name) in ids:
            return order | {"client_id": ids[_client_reference(name)]}
        if self._rules.create_clients:
            return order  # A dry run, which creates no client.
        self.report.counts["failed"] += 1
        self.report.fail(number, "client", f"There is no client {name!r}; add --create-clients.")
        return None

    def _client_ids(self, references: Iterable[str]) -> dict[str, int]:
        """Return the ids of clients by their references; create missing ones if that is asked."""
        ids: dict[str, int] = {}
        missing = []
        for ref in sorted(set(map(_client_reference, references))):
            page = self._clients_client.get("/clients", external_ref=ref, fields="id", per=1)
            if page["items"]:
                ids[ref] = page["items"][0]["id"]
            else:
                missing.append(ref)
        if self._rules.create_clients and not self._rules.dry_run:
            for start in range(0, len(missing), BATCH_ORDERS):
                ids |= self._create_clients(missing[start : start + BATCH_ORDERS])
        return ids

    def _create_clients(self, references: Sequence[str]) -> dict[str, int]:
        """Create clients and return their ids by their references."""
        clients = [
            {"external_ref": ref, "name": self._rules.client_name.replace("{}", ref)}
            for ref in references
        ]
        response = self._clients_client.post("/clients:batch", clients, key="external_ref")
        results = zip(references, response["results"], strict=True)
        return {ref: result["id"] for ref, result in results if "id" in result}

    def _post(self, batch: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Post some orders; if they are refused as a whole, their halves."""
        if not batch:
            return
        query = {"key": "external_ref"} | ({"dry_run": "true"} if self._rules.dry_run else {})
        orders = [order for _, order in batch]
        try:
            response = self._orders_client.post("/orders:batch", orders, **query)
        except RequestRefused as error:
            if len(batch) > 1:
                half = len(batch) // 2
                self._post(batch[:half])
                self._post(batch[half:])
                return
            response = {"results": [{"result": "failed", "errors": [{"message": str(error)}]}]}
        for (number, order), result in zip(batch, response["results"], strict=True):
            self.report.counts[result["result"]] += 1
            for problem in result.get("errors", ()):
                self._fail(number, order["external_ref"], problem)

    def _fail(self, number: int, ref: str, problem: Mapping[str, str]) -> None:
        """Report an error by the row and column of the place in the order that it points to."""
        steps = problem.get("pointer", "").split("/")
        if steps[1:2] == ["items"] and len(steps) > 2 and len(self._rows[ref]) > int(steps[2]):
            number = self._rows[ref][int(steps[2])]
        column = self._columns.get(steps[-1], steps[-1])
        message = problem["message"]
        if steps[-1] in _ORDER_FIELDS | _LINE_FIELDS and steps[-1] not in self._columns:
            message += f" Say --map {steps[-1]}=COLUMN."
        self.report.fail(number, column, f"{message} (order {ref})")


def _client_reference(name: Any) -> str:
    """Return a client's reference as text, without the ``.0`` that spreadsheets append."""
    text = str(name).strip()
    decimal = _DECIMAL.fullmatch(text)
    return decimal[1] if decimal else text


class JoinedFile:
    """Rows of another file by their value in one column, for ``--join FILE=COLUMN``."""

    def __init__(self, option: str):
        """Read a file.

        Args:
            option: ``FILE=COLUMN``.

        Raises:
            StackError: The option has another form, or no row or several rows have one value.
        """
        file, equals, column = option.rpartition("=")
        if not (equals and file and column):
            raise StackError(
                f"--join {option}: write FILE=COLUMN, with a column that both files have."
            )
        with RowSource(file, None) as source:
            rows = [row for _, row in source.rows() if isinstance(row, dict) and column in row]
        if not rows:
            raise StackError(f"No row of {file} has a column {column}; name one that both have.")
        self._column = column
        self._rows = {str(row[column]): row for row in rows}
        if len(self._rows) < len(rows):
            raise StackError(
                f"Several rows of {file} have the same {column}; join by another column."
            )

    def row_for(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row with the same value in the column, or an empty one."""
        return self._rows.get(str(row.get(self._column)), {})
