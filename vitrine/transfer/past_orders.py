"""Import of past orders: the order lines of another shop become orders that are already over.

Each row is an order line.  The rows with the same order number are one order, wherever they stand
in the files.  A row with ``items``, as `vitrine export orders` writes it, is a whole order.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.schema.text import clean_key
from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.identity import source_prefix
from vitrine.transfer.importer import ImportReport
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.sources import RowSource
from vitrine.transfer.texts import TOO_LONG, long_number

BATCH_ORDERS = 500
BATCH_LINES = 3000
RETURNS = r"C\d+"  # order numbers of returns, as the Online Retail data set of UCI has them
CLIENT_NAME = "Client {}"

# Fields of an order and of a line: their types, and names of their columns in other shops' files.
_ORDER_FIELDS = {
    "external_ref": (
        "Text",
        (
            *("invoiceno", "invoice_no", "invoice", "orderid", "order_id", "order"),
            *("order number", "ordernumber", "order no"),
        ),
    ),
    "placed_at": (
        "Text",
        ("invoicedate", "invoice_date", "orderdate", "order_date", "date", "ordered_at"),
    ),
    "client": (
        "Reference",
        (
            *("customerid", "customer_id", "customer", "email", "customer email"),
            *("client email", "buyer email", "email address"),
        ),
    ),
    "client_id": ("Whole", ()),
    "status": ("Text", ()),
    "currency": ("Text", ()),
    "included_tax": ("Money", ()),
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
# Fields of which the rows of an order have one value; notes are put together.
_OF_ORDER = ("placed_at", "client", "client_id", "status", "currency", "included_tax")
_KEPT_LINE_FIELDS = ("product_id", "kind", "total", *_LINE_FIELDS)
_OF_EACH_LINE = ("quantity", "unit_price")  # without which the service refuses it
# Fields of a client that an order may bring, beside the reference.
_CLIENT_DETAILS = ("name", "phone", "city", "addresses")
_DECIMAL = re.compile(r"(\d+)\.0")
_TIME = re.compile(r"[T ]+\d{1,2}:\d\d.*")  # of a day, which may differ among the lines of an order


def order_mapping(
    maps: Iterable[str],
    sets: Iterable[str],
    nulls: Iterable[str],
    decimal: str | None = None,
) -> RowMapping:
    """Return the mapping of rows to order lines with the fields of their order."""
    all_fields = _ORDER_FIELDS | _LINE_FIELDS | _WHOLE_ORDER_FIELDS
    fields = {
        name: {"type": type, "read_only": False, "aliases": ()}
        for name, (type, _) in all_fields.items()
    }
    names = {name: names for name, (_, names) in all_fields.items()}
    return RowMapping(fields, maps, sets, nulls, None, names, decimal)


@dataclass(frozen=True, slots=True)
class OrderRules:
    """Options of an import of past orders.

    Attributes:
        returns: Regular expression: an order is a return if its whole number matches.
        create_clients: Create the clients that do not exist.
        client_name: Name of a created client; ``{}`` stands for its reference.
        dry_run: Have the services validate only.
        currency: The currency of orders without one.
        source: The shop of the orders, which goes before their numbers and before those of
            clients; empty for none.
    """

    returns: str = RETURNS
    create_clients: bool = False
    client_name: str = CLIENT_NAME
    dry_run: bool = False
    currency: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Raise ``StackError`` if ``returns`` is not a regular expression, or ``source`` long."""
        source_prefix(self.source)
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
        self._prefix = source_prefix(rules.source)  # of the references of orders and clients
        self._orders: dict[str, tuple[int, dict[str, Any]]] = {}  # with the row of the first line
        self._rows: dict[str, list[int]] = {}  # the row of each line of an order
        # Of each order, the row that a field is from, with its file if there are several.
        self._places: dict[str, dict[str, tuple[int, str]]] = {}
        # Row, field and text of each order whose rows contradict each other.
        self._contradicted: dict[str, tuple[int, str, str]] = {}
        # The time of the latest order of each client, with what it says of the client.
        self._clients: dict[str, tuple[str, dict[str, Any]]] = {}
        self._refused_clients: set[str] = set()
        self._columns: Mapping[str, str] = {}
        self._dry = {"dry_run": "true"} if rules.dry_run else {}  # of every batch
        self.report = report
        self.lines = 0

    def survey(
        self, source: RowSource, mapping: RowMapping, joined_files: "Sequence[JoinedFile]"
    ) -> None:
        """Have a mapping survey the rows of a file, each joined with the rows of other files."""
        mapping.meet(source.header)
        for _, row in source.rows():
            if isinstance(row, dict):
                mapping.survey(_joined(row, joined_files))

    def read(
        self, source: RowSource, mapping: RowMapping, joined_files: "Sequence[JoinedFile]"
    ) -> None:
        """Read the rows of a file, each joined with the rows of other files."""
        self._columns = mapping.columns
        are_texts = source.has_texts
        for number, row in source.rows():
            if isinstance(row, str):
                self.report.counts["failed"] += 1
                self.report.fail(number, "", row)
                continue
            self.lines += 1
            try:
                self._add(number, mapping.item(_joined(row, joined_files), are_texts))
            except StackError as error:
                self.report.counts["failed"] += 1
                self.report.fail(number, "", str(error))

    def _add(self, number: int, item: dict[str, Any]) -> None:
        """Add a row to its order; note if it contradicts an earlier row of the order.

        Raises:
            StackError: The row has no order number, or a value that cannot be one of its fields.
        """
        ref = item.get("external_ref") or item.get("uuid")
        if not ref:
            raise StackError("Has no order number; say --map external_ref=COLUMN.")
        if not isinstance(ref, str):
            raise StackError(f"The order number {ref!r} is not a text.")
        ref = self._prefix + ref
        lines = item.get("items", [item])
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise StackError("The items are not a list of objects, one for each line.")
        if place := long_number(item):
            raise StackError(f"{place}: {TOO_LONG}")
        if "items" in item and ref in self._orders:
            raise StackError(f"Order {ref} is in row {self._orders[ref][0]} too; leave one out.")
        if item.get("client") is not None:
            item["client"] = self._named_client(item["client"], str(item.get("placed_at")))
        new: dict[str, Any] = {"external_ref": ref, "items": []}
        _, order = self._orders.setdefault(ref, (number, new))
        self._add_fields(ref, order, item, (number, self.report.file))
        for source_line in lines:
            line = {
                name: source_line[name]
                for name in _KEPT_LINE_FIELDS
                if source_line.get(name) is not None
            }
            if not str(line.get("name", "x")).strip():
                del line["name"]
            order["items"].append(line)
            self._rows.setdefault(ref, []).append(number)

    def _add_fields(
        self, ref: str, order: dict[str, Any], item: Mapping[str, Any], place: tuple[int, str]
    ) -> None:
        """Add the fields of a row to its order; note the first that contradicts an earlier row."""
        places = self._places.setdefault(ref, {})
        for name in _ORDER_FIELDS:
            value = item.get(name)
            if value is None or (value == "" and name in order):
                continue
            first = order.setdefault(name, value)
            known = places.setdefault(name, place)
            if name == "note" and value not in str(first).split("\n"):
                order[name] = f"{first}\n{value}"
            if name not in _OF_ORDER or self._is_same(name, first, value):
                continue
            text = (
                f"The rows of order {ref} have {str(first)!r} in {_row_of(known)} and "
                f"{str(value)!r} in {_row_of(place)}. Correct one of the two, or give each order a "
                "number of its own."
            )
            self._contradicted.setdefault(ref, (place[0], name, text))

    def _is_same(self, name: str, first: Any, value: Any) -> bool:
        """Return True if two cells have one value of an order: a time may differ within a day."""
        if name == "client":
            return self._reference_of(first) == self._reference_of(value)
        texts = [str(each).strip().casefold() for each in (first, value)]
        if name == "placed_at":
            texts = [_TIME.sub("", text.upper()) for text in texts]
        return texts[0] == texts[1]

    def _named_client(self, value: Any, placed_at: str) -> str:
        """Return the text that names a client, and note what its latest order says of it.

        Raises:
            StackError: It has none.
        """
        name = _name_of_client(value)
        if isinstance(value, dict):
            details = {field: value[field] for field in _CLIENT_DETAILS if value.get(field)}
            ref = self._reference_of(name)
            if details and placed_at >= self._clients.get(ref, ("", {}))[0]:
                self._clients[ref] = placed_at, details
        return name

    def _reference_of(self, name: Any) -> str:
        """Return the reference by which a client is found: an email, or a number of its shop."""
        ref = _client_reference(name)
        return ref if _is_email(ref) else self._prefix + ref

    def send(self) -> Iterator[int]:
        """Send all orders; yield the number of lines that are done after each batch."""
        ids = self._client_ids()
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
        if wrong := self._contradicted.get(order["external_ref"]):
            row, name, text = wrong
            self.report.counts["failed"] += 1
            self.report.fail(row, self._columns.get(name, name), text)
            return None
        own_number = order["external_ref"].removeprefix(self._prefix)
        is_return = re.fullmatch(self._rules.returns, own_number)
        order.setdefault("status", "returned" if is_return else "delivered")
        if self._rules.currency:
            order.setdefault("currency", self._rules.currency)
        name = order.pop("client", None)
        if name is None:
            return order
        ref = self._reference_of(name)
        if ref in ids:
            return order | {"client_id": ids[ref]}
        if self._rules.create_clients and ref not in self._refused_clients:
            return order  # A dry run, which creates no client.
        self.report.counts["failed"] += 1
        hint = "it was refused" if self._rules.create_clients else "add --create-clients"
        self.report.fail(number, "client", f"There is no client {ref!r}; {hint}.")
        return None

    def _client_ids(self) -> dict[str, int]:
        """Return the ids of the clients of all orders by their references.

        Missing ones are created if that is asked, unless all their orders will be refused.
        """
        ids: dict[str, int] = {}
        missing = []
        has_whole: dict[str, bool] = {}  # by the reference of a client
        for ref, order in ((ref, order) for ref, (_, order) in self._orders.items()):
            if order.get("client"):
                is_whole = _is_whole(order) and ref not in self._contradicted
                client = self._reference_of(order["client"])
                has_whole[client] = has_whole.get(client, False) or is_whole
        for client in sorted(has_whole):
            found = self._find_client(client)
            if found is not None:
                ids[client] = found
            elif has_whole[client]:
                missing.append(client)
        if self._rules.create_clients:
            for start in range(0, len(missing), BATCH_ORDERS):
                ids |= self._create_clients(missing[start : start + BATCH_ORDERS])
        return ids

    def _find_client(self, ref: str) -> int | None:
        """Return the id of the client with an email address or a reference."""
        for name in ("email", "external_ref") if _is_email(ref) else ("external_ref",):
            try:
                page = self._clients_client.get("/clients", fields="id", per=1, **{name: ref})
            except RequestRefused:
                if name != "email":
                    raise
                continue  # It looks like an email address and is none.
            if page["items"]:
                found: int = page["items"][0]["id"]
                return found
        return None

    def _create_clients(self, references: Sequence[str]) -> dict[str, int]:
        """Create clients, in a dry run none, and return their ids by their references."""
        ids: dict[str, int] = {}
        for key in ("email", "external_ref"):
            chosen = [ref for ref in references if _is_email(ref) == (key == "email")]
            if not chosen:
                continue
            clients = [
                {"name": self._rules.client_name.replace("{}", ref)}
                | self._clients.get(ref, ("", {}))[1]
                | {key: ref}
                for ref in chosen
            ]
            response = self._clients_client.post("/clients:batch", clients, key=key, **self._dry)
            for ref, result in zip(chosen, response["results"], strict=True):
                if "id" in result:
                    ids[ref] = result["id"]
                for problem in result.get("errors", ()):
                    self._refused_clients.add(ref)
                    place = problem.get("pointer", "").removeprefix("/")
                    self.report.fail(None, "", f"Client {ref}: {place}: {problem['message']}")
        return ids

    def _post(self, batch: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Post some orders; if they are refused as a whole, their halves."""
        if not batch:
            return
        orders = [order for _, order in batch]
        try:
            response = self._orders_client.post(
                "/orders:batch", orders, key="external_ref", **self._dry
            )
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
        has_column = steps[-1] in self._columns
        if has_column or steps[-1] not in _ORDER_FIELDS | _LINE_FIELDS:
            message += f" (order {ref})"
        # Else all rows have the same error, and the report says once how to name the column.
        self.report.fail(number, column, message)


def _is_whole(order: Mapping[str, Any]) -> bool:
    """Return True if an order has its time, and each line the pieces and the price."""
    return bool(order.get("placed_at")) and all(
        name in line for line in order["items"] for name in _OF_EACH_LINE
    )


def _row_of(place: tuple[int, str]) -> str:
    """Return a row in words, with its file if there are several."""
    number, file = place
    return f"row {number} of {file}" if file else f"row {number}"


def _name_of_client(value: Any) -> str:
    """Return the text that names a client: a cell, or a member of an object of another shop.

    Raises:
        StackError: It has none.
    """
    if isinstance(value, dict):
        names = (value.get(name) for name in ("email", "external_ref", "id"))
        value = next((name for name in names if name not in (None, "")), None)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise StackError("The client is neither a text nor an object with an email or an id.")
    return str(value)


def _client_reference(name: Any) -> str:
    """Return a client's reference as text, without the ``.0`` that spreadsheets append."""
    text = clean_key(str(name))
    decimal = _DECIMAL.fullmatch(text)
    if _is_email(text):
        return text.lower()
    return decimal[1] if decimal else text


def _is_email(reference: str) -> bool:
    return "@" in reference


def _joined(row: dict[str, Any], joined_files: "Sequence[JoinedFile]") -> dict[str, Any]:
    """Return a row with the rows of other files added to it."""
    for file in joined_files:
        row = file.row_for(row) | row
    return row


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
