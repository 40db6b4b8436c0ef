"""Import of items: the rows of files, sent in batches to the batch endpoint of a service."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TextIO

import orjson

from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.categories import CategoryNode, CategoryResolver, import_tree
from vitrine.transfer.columns.facts import fit_types
from vitrine.transfer.files.csv_rows import Row
from vitrine.transfer.identity import RowIdentity
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.texts import TOO_LONG, long_number

BATCH_ITEMS = 1000
READ_ROWS = 200  # rows whose missing categories are created together
BATCH_BYTES = 4_000_000
MAX_SENT = 2  # batches that the service works on at once
MAX_KEPT_ERRORS = 10  # different reasons
MAX_NAMED_ROWS = 3  # of one reason

Item = dict[str, Any]
NumberedItem = tuple[int, Item]  # with the number of its row


class NumberedRows(Protocol):
    """A file of rows, or what stands for one.

    Attributes:
        path: Its name.
        size: Its bytes.
    """

    path: str
    size: int

    @property
    def has_texts(self) -> bool:
        """True if the cells are texts without types."""

    @property
    def position(self) -> int:
        """The bytes that this reading has read so far."""

    def rows(self) -> Iterator[Row]:
        """Yield each row with its number, or with a text that says why it cannot be read."""


@dataclass(slots=True)
class SameErrors:
    """Errors with the same column and reason: the first rows, and the number of all."""

    rows: list[int | None]
    count: int = 0

    def add(self, row: int | None, max_rows: int) -> None:
        """Count a row, and keep it if it is one of the first."""
        self.count += 1
        if len(self.rows) < max_rows:
            self.rows.append(row)


@dataclass(slots=True)
class ImportReport:
    """Results of an import: counts by result, the first errors, and a log of all errors.

    Attributes:
        counts: The number of rows by result.
        removed: The number of items that lost an attribute, by its name.
        same_names: The number of new items with the name of an item that was there before.
        renamed: The rows that gave an item another name.
        missing: The number of items that the files no longer have, by what is done to them.
        is_missing_skipped: True if that was not looked for, because a row has failed.
        log: The file that all errors are written to, if there is one.
        file: The file that is read, if there are several.
        resource: The resource that is imported, if there may be several.
        other_errors: The number of errors that are not among the first reasons.
        max_kept: The number of different reasons that are kept.
        max_rows: The number of rows that are kept of one reason.
    """

    counts: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    same_names: int = 0
    renamed: SameErrors = field(default_factory=lambda: SameErrors([]))
    missing: Counter[str] = field(default_factory=Counter)
    is_missing_skipped: bool = False
    log: TextIO | None = None
    file: str = ""
    resource: str = ""
    other_errors: int = 0
    max_kept: int = MAX_KEPT_ERRORS
    max_rows: int = MAX_NAMED_ROWS
    _errors: dict[tuple[str, str, str], SameErrors] = field(default_factory=dict)

    def add(self, result: Item) -> None:
        """Count the result of one item, as the service has answered it."""
        self.counts[result["result"]] += 1
        self.same_names += "same_name" in result
        for pointer in result.get("removed", ()):
            _, field, name = pointer.split("/", 2)
            if field == "attributes":  # A row brings all options of a variant.
                self.removed[name.replace("~1", "/").replace("~0", "~")] += 1

    def fail(self, row: int | None, column: str, reason: str) -> None:
        """Record an error: keep it if its reason is one of the first, and write it to the log.

        Args:
            row: The number of the row; 0 for a category that no row brings; None for an item
                that the files no longer have.
            column: The column at fault, or "".
            reason: A sentence.
        """
        if self.log:
            line = {"row": row, "column": column, "reason": reason}
            line |= {"file": self.file} if self.file else {}
            line |= {"resource": self.resource} if self.resource else {}
            self.log.write(orjson.dumps(line).decode() + "\n")
        key = (self.file, column, reason)
        if key not in self._errors:
            if len(self._errors) == self.max_kept:
                self.other_errors += 1
                return
            self._errors[key] = SameErrors([])
        self._errors[key].add(row, self.max_rows)

    @property
    def errors(self) -> list[str]:
        """The first different errors, each with its rows."""
        return [
            ": ".join(filter(None, (file, _joined(place_of(same), column), reason)))
            for (file, column, reason), same in self._errors.items()
        ]

    @property
    def reasons(self) -> Mapping[tuple[str, str, str], SameErrors]:
        """The first different errors, by their file, column and reason."""
        return self._errors

    @property
    def failed_columns(self) -> set[str]:
        """The columns of the first errors."""
        return {column for _, column, _ in self._errors}


def _joined(*texts: str) -> str:
    return ", ".join(filter(None, texts))


def place_of(same: SameErrors) -> str:
    """Return the rows of equal errors: "row 2", or "rows 2, 4, 5 and 133 more"."""
    if None in same.rows:
        return ""
    if not any(same.rows):
        return "a parent without a row of its own"
    if same.count == 1:
        return f"row {same.rows[0]}"
    *first, last = map(str, same.rows)
    more = same.count - len(same.rows)
    if more:
        return f"rows {', '.join([*first, last])} and {more:,} more"
    return f"rows {', '.join(first)} and {last}"


@dataclass(frozen=True, slots=True)
class WriteMode:
    """How items are written.

    Attributes:
        dry_run: Have the service validate only.
        merges_attributes: Keep the attributes of an item that its row does not name.
        keeps_ids: Keep the ids of the items, so that the missing ones can be found.
        left_out: The fields that are not sent.
    """

    dry_run: bool
    merges_attributes: bool
    keeps_ids: bool = False
    left_out: tuple[str, ...] = ()


class ItemImporter:
    """Sends the rows of files to one service, a thousand at a time."""

    def __init__(
        self,
        client: Client,
        mapping: RowMapping,
        categories: CategoryResolver | None,
        identity: RowIdentity,
        mode: WriteMode,
        report: ImportReport,
        path_separator: str | None = None,
    ):
        """Prepare an import.

        Args:
            client: The service.
            mapping: Turns a row into an item.
            categories: Turns the categories of products into slugs; None for other services.
            identity: Gives items their keys.
            mode: How items are written.
            report: Collects the results.
            path_separator: The sign between the names of a path of categories.
        """
        self.client = client
        self._mapping = mapping
        self._categories = categories
        self.identity = identity
        self._query = {"dry_run": "true"} if mode.dry_run else {}
        self._query |= {"merge": "attributes"} if mode.merges_attributes else {}
        self._left_out = mode.left_out
        self._path_separator = path_separator
        # The ids of all items that the rows are about, if they are to be kept.
        self.ids: set[Any] | None = set() if mode.keeps_ids else None
        self.report = report

    def run(self, source: NumberedRows) -> Iterator[int]:
        """Import a file; yield the number of rows that are done after each batch."""
        if self.client.service == "categories":
            rows = (item for batch in self._batches(source) for item in batch)
            import_tree(rows, self._send_level, self._path_separator)
            yield self.report.counts.total()
            return
        yield from self._send_batches(source)

    def _send_batches(self, source: NumberedRows) -> Iterator[int]:
        """Send the batches of a file, a few at once; record their results in order.

        While the service works on one batch, the next one is made and sent.
        """
        sent: deque[tuple[list[NumberedItem], Future[list[Item]]]] = deque()
        with ThreadPoolExecutor(MAX_SENT) as pool:
            try:
                for batch in self._batches(source):
                    sent.append((batch, pool.submit(self._send, batch)))
                    if len(sent) == MAX_SENT:
                        yield self._record_first(sent)
                while sent:
                    yield self._record_first(sent)
            except BaseException:
                # The service may have written these batches, so that they count.
                for batch, results in sent:
                    if not results.cancel() and results.exception() is None:
                        self._record(batch, results.result())
                raise

    def _record_first(self, sent: deque[tuple[list[NumberedItem], Future[list[Item]]]]) -> int:
        """Wait for the first batch and record its results; return the number of rows done."""
        batch, pending = sent[0]
        results = pending.result()  # If this is interrupted, the batch stays among those sent.
        sent.popleft()
        self._record(batch, results)
        return self.report.counts.total()

    def _batches(self, source: NumberedRows) -> Iterator[list[NumberedItem]]:
        batch: list[NumberedItem] = []
        size = 0
        rows = iter(source.rows())
        while part := list(islice(rows, READ_ROWS)):
            for number, item in self._items(part, source.has_texts):
                batch.append((number, item))
                size += len(orjson.dumps(item, default=str))
                if len(batch) == BATCH_ITEMS or size > BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    def _items(
        self, rows: Iterable[tuple[int, Item | str]], are_texts: bool
    ) -> Iterator[NumberedItem]:
        """Yield the items of some rows; report those that cannot be sent."""
        mapped = [(number, row, self._mapped(number, row, are_texts)) for number, row in rows]
        if self._categories:
            self._categories.create_missing(item for *_, item in mapped if item is not None)
        for number, row, item in mapped:
            if item is None or not self._complete(number, row, item, are_texts):
                self.report.counts["failed"] += 1
            else:
                yield number, item

    def _mapped(self, number: int, row: Item | str, are_texts: bool) -> Item | None:
        """Return the item of a row as its file has it; None after an error, which is reported."""
        if isinstance(row, str):
            self.report.fail(number, "", row)
            return None
        try:
            item = self._mapping.item(row, are_texts)
        except StackError as error:
            self.report.fail(number, "", str(error))
            return None
        for name in self._left_out:
            item.pop(name, None)
        return item

    def _complete(self, number: int, row: Any, item: Item, are_texts: bool) -> bool:
        """Give an item its category, types and key; False after an error, which is reported."""
        try:
            if self._categories:
                self._categories.resolve(item)
                if rules := self._categories.rules(item):
                    self._mapping.add_declared(item, row, rules)
                    texts = self._mapping.attribute_texts(row) if are_texts else {}
                    fit_types(item, rules, texts)
            self._identify(number, item, row)
            orjson.dumps(item)
        except StackError as error:
            self.report.fail(number, "", str(error))
            return False
        except TypeError as error:
            if place := long_number(item):
                field, *inner = place.split("/", 1)
                column = "/".join([self._mapping.columns.get(field, field), *inner])
                self.report.fail(number, column, TOO_LONG)
                return False
            self.report.fail(number, "", f"Cannot be sent as JSON: {error}.")
            return False
        return True

    def _identify(self, number: int, item: Item, row: Item) -> None:
        """Give an item its key; a category without one gets it when its parent is known."""
        if self.client.service != "categories":
            self.identity.identify(item, row, number, self.report.file)
            return
        self.identity.adopt_id(item, row)
        if self.identity.key_of(item):
            self.identity.check_first(item, number, self.report.file)

    def _send(self, rows: Sequence[NumberedItem]) -> list[dict[str, Any]]:
        """Send items, those with the same key together; return a result for each row.

        It runs in threads, so that it changes nothing of the importer.
        """
        results: dict[int, dict[str, Any]] = {}
        keys = [self.identity.key_of(item) for _, item in rows]
        for key in dict.fromkeys(keys):
            positions = [position for position, name in enumerate(keys) if name == key]
            key_results = self._post([rows[position] for position in positions], key)
            results |= dict(zip(positions, key_results, strict=True))
        return [results[position] for position in range(len(rows))]

    def _post(self, rows: Sequence[NumberedItem], key: str) -> list[dict[str, Any]]:
        """Post one batch; if it is refused as a whole, its halves, down to the row at fault."""
        query = self._query | ({"key": key} if key else {})
        try:
            items = [item for _, item in rows]
            response = self.client.batch(items, **query)
        except RequestRefused as error:
            if len(rows) > 1:
                half = len(rows) // 2
                return self._post(rows[:half], key) + self._post(rows[half:], key)
            response = {"results": [{"result": "failed", "errors": [{"message": str(error)}]}]}
        results: list[dict[str, Any]] = response["results"]
        return results

    def _record(self, rows: Sequence[NumberedItem], results: Sequence[Item]) -> None:
        """Count the results of rows, and report their errors."""
        for (number, _), result in zip(rows, results, strict=True):
            self.report.add(result)
            if result.get("renamed"):
                self.report.renamed.add(number, self.report.max_rows)
            if self.ids is not None:
                self.ids.add(result.get("id"))
            for problem in result.get("errors", ()):
                name = problem.get("pointer", "").removeprefix("/")
                self.report.fail(number, self._mapping.columns.get(name, name), problem["message"])

    def _send_level(self, nodes: list[CategoryNode]) -> dict[str, str | None]:
        """Send one level of a category tree; return the slug of each reference."""
        slugs: dict[str, str | None] = {}
        for node in nodes:
            if node.has_outer_parent and not node.fault:
                self._find_outer_parent(node)
            if node.fault:
                self.report.counts["failed"] += 1
                self.report.fail(node.row, "", node.fault)
        nodes = [node for node in nodes if not node.fault]
        for node in nodes:
            if not self.identity.key_of(node.item):
                self.identity.derive(
                    node.item, {"name": node.item.get("name"), "parent": node.item.get("parent")}
                )
        for start in range(0, len(nodes), BATCH_ITEMS):
            part = nodes[start : start + BATCH_ITEMS]
            rows = [(node.row, node.item) for node in part]
            results = self._send(rows)
            self._record(rows, results)
            for node, result in zip(part, results, strict=True):
                # In a dry run a new category has no slug yet, so that its children have no parent.
                if result["result"] != "failed":
                    slugs[node.ref] = result.get("slug")
        return slugs

    def _find_outer_parent(self, node: CategoryNode) -> None:
        """Set the parent of a category to the slug of a stored category.

        The file names it by its slug, or by its id in another system.  The service would read a
        number as an id of its own.
        """
        for name in ("slug", "external_ref"):
            try:
                page = self.client.get("/categories", fields="slug", per=1, **{name: node.parent})
            except RequestRefused:
                return  # The service refuses the parent and says why.
            if page["items"]:
                node.item["parent"] = page["items"][0]["slug"]
                return
        if node.parent and node.parent.isdecimal():
            node.fault = (
                f"There is no category with the reference {node.parent!r}, neither in the file nor "
                "in the shop. Import it first, or write the slug of the parent."
            )
