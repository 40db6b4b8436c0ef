"""Import of items: the rows of files, sent in batches to the batch endpoint of a service."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import orjson

from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.categories import CategoryNode, CategoryResolver, import_tree
from vitrine.transfer.mapping import KEYS, RowMapping, reference
from vitrine.transfer.sources import RowSource

BATCH_ITEMS = 1000
BATCH_BYTES = 4_000_000
MAX_KEPT_ERRORS = 10

Item = dict[str, Any]
NumberedItem = tuple[int, Item]  # with the number of its row


@dataclass(slots=True)
class ImportReport:
    """Results of an import: counts by result, the first errors, and a log of all errors."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    log: TextIO | None = None
    file: str = ""  # the file that is read, if there are several

    def fail(self, row: int, column: str, reason: str) -> None:
        """Record an error: keep it if it is one of the first, and write it to the log.

        Args:
            row: The number of the row; 0 for a category that no row brings.
            column: The column at fault, or "".
            reason: A sentence.
        """
        if self.log:
            line = {"row": row, "column": column, "reason": reason}
            line |= {"file": self.file} if self.file else {}
            self.log.write(orjson.dumps(line).decode() + "\n")
        if len(self.errors) < MAX_KEPT_ERRORS:
            place = f"row {row}" if row else "a parent without a row of its own"
            place = f"{self.file}: {place}" if self.file else place
            self.errors.append(f"{place}, {column}: {reason}" if column else f"{place}: {reason}")


class ItemImporter:
    """Sends the rows of files to one service, a thousand at a time."""

    def __init__(
        self,
        client: Client,
        mapping: RowMapping,
        categories: CategoryResolver | None,
        key: str | None,
        volatile: Iterable[str],
        dry_run: bool,
        report: ImportReport,
    ):
        """Prepare an import.

        Args:
            client: The service.
            mapping: Turns a row into an item.
            categories: Turns the categories of products into slugs; None for other services.
            key: The field that identifies items; None to use the one that each item has.
            volatile: Patterns of fields that a reference made from an item leaves out.
            dry_run: Have the service validate only.
            report: Collects the results.

        Raises:
            StackError: The service has no such key.
        """
        self._client = client
        self._mapping = mapping
        self._categories = categories
        self._volatile = tuple(volatile)
        self._query = {"dry_run": "true"} if dry_run else {}
        self._derived: Counter[str] = Counter()
        keys = client.get("/")["keys"]
        if key and key not in keys:
            raise StackError(
                f"{client.service} has no key {key!r}; it has {', '.join(keys) or 'none'}."
            )
        self._keys = [key] if key else [name for name in KEYS if name in keys]
        # Decided by --key, else by the first row: either all rows have a key of their own or none.
        self._has_keys: bool | None = True if key else None
        self._can_derive = "external_ref" in keys
        self.report = report

    def run(self, source: RowSource) -> Iterator[int]:
        """Import a file; yield the number of rows that are done after each batch."""
        if self._client.service == "categories":
            rows = (item for batch in self._batches(source) for item in batch)
            import_tree(rows, self._send_level)
            yield self.report.counts.total()
            return
        for batch in self._batches(source):
            self._send(batch)
            yield self.report.counts.total()

    def _batches(self, source: RowSource) -> Iterator[list[NumberedItem]]:
        batch: list[NumberedItem] = []
        size = 0
        for number, row in source.rows():
            item = self._item(number, row)
            if item is None:
                self.report.counts["failed"] += 1
                continue
            batch.append((number, item))
            size += len(orjson.dumps(item, default=str))
            if len(batch) == BATCH_ITEMS or size > BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _item(self, number: int, row: Item | str) -> Item | None:
        """Return the item of a row; None if it cannot be sent, with the error reported."""
        if isinstance(row, str):
            self.report.fail(number, "", row)
            return None
        item = self._mapping.item(row)
        try:
            if self._categories:
                self._categories.resolve(item)
            if self._client.service != "categories":
                self._ensure_key(item)
            orjson.dumps(item)
        except StackError as error:
            self.report.fail(number, "", str(error))
            return None
        except TypeError as error:
            self.report.fail(number, "", f"Cannot be sent as JSON: {error}.")
            return None
        return item

    def _ensure_key(self, item: Item) -> None:
        """Make a reference for an item without a key, or raise ``StackError`` if others have one.

        The first item decides whether the items of this import have keys.
        """
        key = self._key_of(item)
        if self._has_keys is None:
            self._has_keys = bool(key)
        if key:
            return
        if self._has_keys:
            raise StackError(f"Has no {' or '.join(self._keys)}, by which items are found.")
        if self._can_derive:
            self._derive_reference(item)

    def _key_of(self, item: Mapping[str, Any]) -> str:
        """Return the name of the first key that an item has, or ""."""
        return next((key for key in self._keys if item.get(key)), "")

    def _derive_reference(self, item: Item) -> None:
        """Give an item an ``external_ref`` made of its values, numbered if items are equal."""
        label = str(item.get("category") or self._client.service)
        ref = reference(item, label, self._volatile)
        self._derived[ref] += 1
        item["external_ref"] = ref if self._derived[ref] == 1 else f"{ref}:{self._derived[ref]}"

    def _send(self, rows: Sequence[NumberedItem]) -> list[dict[str, Any]]:
        """Send items, those with the same key together; return a result for each row."""
        results: dict[int, dict[str, Any]] = {}
        keys = [self._key_of(item) for _, item in rows]
        for key in dict.fromkeys(keys):
            positions = [position for position, name in enumerate(keys) if name == key]
            key_results = self._post([rows[position] for position in positions], key)
            results |= dict(zip(positions, key_results, strict=True))
        return [results[position] for position in range(len(rows))]

    def _post(self, rows: Sequence[NumberedItem], key: str) -> list[dict[str, Any]]:
        """Post one batch; if it is refused as a whole, its halves, down to the row at fault."""
        query = self._query | ({"key": key} if key else {})
        try:
            response = self._client.post(
                f"/{self._client.service}:batch", [item for _, item in rows], **query
            )
        except RequestRefused as error:
            if len(rows) > 1:
                half = len(rows) // 2
                return self._post(rows[:half], key) + self._post(rows[half:], key)
            response = {"results": [{"result": "failed", "errors": [{"message": str(error)}]}]}
        results: list[dict[str, Any]] = response["results"]
        for (number, _), result in zip(rows, results, strict=True):
            self.report.counts[result["result"]] += 1
            for problem in result.get("errors", ()):
                name = problem.get("pointer", "").removeprefix("/")
                self.report.fail(number, self._mapping.columns.get(name, name), problem["message"])
        return results

    def _send_level(self, nodes: list[CategoryNode]) -> dict[str, str | None]:
        """Send one level of a category tree; return the slug of each reference."""
        slugs: dict[str, str | None] = {}
        for node in nodes:
            if not self._key_of(node.item):
                self._derive_reference(node.item)
        for start in range(0, len(nodes), BATCH_ITEMS):
            part = nodes[start : start + BATCH_ITEMS]
            results = self._send([(node.row, node.item) for node in part])
            for node, result in zip(part, results, strict=True):
                # In a dry run a new category has no slug yet, so that its children have no parent.
                if result["result"] != "failed":
                    slugs[node.ref] = result.get("slug")
        return slugs
