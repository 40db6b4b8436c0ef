"""``vitrine import orders``: lines of another shop's books become orders of the past.

Each row is a line; the rows of one invoice, wherever they stand, are one order.  A row with
``items``, as `vitrine export orders` writes it, is a whole order.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.importer import Report
from vitrine.transfer.mapping import Shape
from vitrine.transfer.sources import Source

BATCH_ORDERS = 500
BATCH_LINES = 3000

# What a row may bring along, of what type, and what such columns are called elsewhere.
_ORDER = {
    "external_ref": ("Text", ("invoiceno", "invoice_no", "invoice", "orderid", "order_id")),
    "placed_at": ("Text", ("invoicedate", "invoice_date", "orderdate", "order_date", "date")),
    "client": ("Text", ("customerid", "customer_id", "customer")),
    "client_id": ("Whole", ()),
    "status": ("Text", ()),
    "currency": ("Text", ()),
    "note": ("Text", ()),
}
_WHOLE = {"items": ("List", ()), "uuid": ("Text", ())}
_LINE = {
    "sku": ("Text", ("stockcode", "stock_code", "productid", "product_id")),
    "name": ("Text", ("description", "productname", "product_name")),
    "quantity": ("Whole", ("qty",)),
    "unit_price": ("Money", ("unitprice", "price")),
    "discount": ("Money", ()),
}
_KEPT = ("product_id", *_LINE)
# A letter C before the number of an invoice says that it takes another one back.
_CANCELS = re.compile(r"C\d+")
_DECIMAL = re.compile(r"(\d+)\.0")


def shape(maps: Iterable[str], sets: Iterable[str], nulls: Iterable[str]) -> Shape:
    """Return how rows become lines, with what they say of their order."""
    fields = {
        name: {"type": type, "read_only": False, "aliases": aliases}
        for name, (type, aliases) in (_ORDER | _LINE | _WHOLE).items()
    }
    return Shape(fields, maps, sets, nulls, None)


class Invoices:
    """Gathers the lines of files into orders, and sends these to the orders service."""

    def __init__(
        self, orders: Client, clients: Client, create_clients: bool, dry_run: bool, report: Report
    ):
        self._orders = orders
        self._clients = clients
        self._create = create_clients
        self._dry_run = dry_run
        self._found: dict[str, tuple[int, dict[str, Any]]] = {}
        self._rows: dict[str, list[int]] = {}
        self._columns: Mapping[str, str] = {}
        self.report = report
        self.lines = 0

    def read(self, source: Source, shape: Shape, joins: "Sequence[Join]") -> None:
        """Take the rows of a file, each with what other files say of it."""
        self._columns = shape.columns
        for number, row in source.rows():
            if isinstance(row, str):
                self.report.counts["failed"] += 1
                self.report.fail(number, "", row)
                continue
            whole = row
            for join in joins:
                whole = join.found(whole) | whole
            self._add(number, shape.item(whole))

    def _add(self, number: int, item: Mapping[str, Any]) -> None:
        """Take one row into the order it is of; the first row that tells something counts."""
        self.lines += 1
        ref = item.get("external_ref") or item.get("uuid")
        if not ref:
            self.report.fail(number, "", "Names no invoice; say --map external_ref=COLUMN.")
            self.report.counts["failed"] += 1
            return
        new: dict[str, Any] = {"external_ref": ref, "items": []}
        _, order = self._found.setdefault(ref, (number, new))
        for name in _ORDER:
            if item.get(name) is not None:
                order.setdefault(name, item[name])
        for each in item.get("items", [item]):
            line = {name: each[name] for name in _KEPT if each.get(name) is not None}
            if not str(line.get("name", "x")).strip():
                del line["name"]
            order["items"].append(line)
            self._rows.setdefault(ref, []).append(number)

    def send(self) -> Iterator[int]:
        """Send all orders; yield how many lines are done after each batch."""
        ids = self._client_ids(
            {each["client"] for _, each in self._found.values() if each.get("client")}
        )
        batch: list[tuple[int, dict[str, Any]]] = []
        done = lines = 0
        for number, order in self._found.values():
            lines += len(order["items"])
            if finished := self._finished(number, order, ids):
                batch.append((number, finished))
            if len(batch) == BATCH_ORDERS or lines - done > BATCH_LINES:
                self._post(batch)
                batch, done = [], lines
                yield done
        self._post(batch)
        yield lines

    def _finished(
        self, number: int, order: dict[str, Any], ids: Mapping[str, int]
    ) -> dict[str, Any] | None:
        back = _CANCELS.fullmatch(order["external_ref"])
        order.setdefault("status", "returned" if back else "delivered")
        name = order.pop("client", None)
        if name is None:
            return order
        if _plain(name) in ids:
            return order | {"client_id": ids[_plain(name)]}
        if self._create:  # Only a dry run comes here.
            return order
        self.report.counts["failed"] += 1
        self.report.fail(number, "client", f"There is no client {name!r}; add --create-clients.")
        return None

    def _client_ids(self, names: Iterable[str]) -> dict[str, int]:
        """Return the ids of clients by their references, making those that are missing if asked."""
        ids: dict[str, int] = {}
        missing = []
        for name in sorted(set(map(_plain, names))):
            found = self._clients.get("/clients", external_ref=name, fields="id", per=1)["items"]
            if found:
                ids[name] = found[0]["id"]
            else:
                missing.append(name)
        if self._create and not self._dry_run:
            for start in range(0, len(missing), BATCH_ORDERS):
                part = missing[start : start + BATCH_ORDERS]
                new = [{"external_ref": name, "name": f"Client {name}"} for name in part]
                answer = self._clients.post("/clients:batch", new, key="external_ref")
                results = zip(part, answer["results"], strict=True)
                ids |= {name: each["id"] for name, each in results if "id" in each}
        return ids

    def _post(self, batch: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Send some orders; where they are refused as a whole, their halves."""
        if not batch:
            return
        query = {"key": "external_ref"} | ({"dry_run": "true"} if self._dry_run else {})
        try:
            answer = self._orders.post("/orders:batch", [order for _, order in batch], **query)
        except RequestRefused as error:
            if len(batch) > 1:
                half = len(batch) // 2
                self._post(batch[:half])
                self._post(batch[half:])
                return
            answer = {"results": [{"result": "failed", "errors": [{"message": str(error)}]}]}
        for (number, order), result in zip(batch, answer["results"], strict=True):
            self.report.counts[result["result"]] += 1
            for wrong in result.get("errors", ()):
                self._fail(number, order["external_ref"], wrong)

    def _fail(self, number: int, ref: str, wrong: Mapping[str, str]) -> None:
        """Note an error by the row and column that the place in the order came from."""
        steps = wrong.get("pointer", "").split("/")
        if steps[1:2] == ["items"] and len(steps) > 2 and len(self._rows[ref]) > int(steps[2]):
            number = self._rows[ref][int(steps[2])]
        column = self._columns.get(steps[-1], steps[-1])
        message = wrong["message"]
        if steps[-1] in _ORDER | _LINE and steps[-1] not in self._columns:
            message += f" Say --map {steps[-1]}=COLUMN."
        self.report.fail(number, column, f"{message} (invoice {ref})")


def _plain(name: Any) -> str:
    """Return a reference as text, without the decimal that a spreadsheet has put behind it."""
    text = str(name).strip()
    decimal = _DECIMAL.fullmatch(text)
    return decimal[1] if decimal else text


class Join:
    """The rows of a further file, by what they have in a column."""

    def __init__(self, file: str, column: str):
        self._column = column
        with Source(file, None) as source:
            rows = [row for _, row in source.rows() if isinstance(row, dict) and column in row]
        self._rows = {str(row[column]): row for row in rows}
        if not rows:
            raise StackError(f"No row of {file} has a column {column}.")
        if len(self._rows) < len(rows):
            raise StackError(f"Several rows of {file} have the same {column}; join by another.")

    def found(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row that has the same in the column, or nothing."""
        return self._rows.get(str(row.get(self._column)), {})


def split(text: str) -> tuple[str, str]:
    """Split ``FILE=COLUMN`` of --join, or raise ``StackError``."""
    file, equals, name = text.rpartition("=")
    if not (equals and file and name):
        raise StackError(f"--join {text}: write FILE=COLUMN, the column that both files have.")
    return file, name
