"""``vitrine import``: rows of a file become items, through the batch API of a service."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import orjson

from vitrine.client import Client
from vitrine.errors import RequestRefused, StackError
from vitrine.transfer.categories import Node, Shelves, import_tree
from vitrine.transfer.mapping import KEYS, Shape, reference
from vitrine.transfer.sources import Source

BATCH_ITEMS = 1000
BATCH_BYTES = 4_000_000
SHOWN_ERRORS = 10


@dataclass(slots=True)
class Report:
    """What became of the rows: counts by result, and the first errors."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    log: TextIO | None = None
    file: str = ""

    def fail(self, row: int, column: str, reason: str) -> None:
        """Note one error; the first ten are kept, all go to the log."""
        if self.log:
            line = {"row": row, "column": column, "reason": reason}
            line |= {"file": self.file} if self.file else {}
            self.log.write(orjson.dumps(line).decode() + "\n")
        if len(self.errors) < SHOWN_ERRORS:
            place = f"row {row}" if row else "a parent that no row brings"
            place = f"{self.file}: {place}" if self.file else place
            self.errors.append(f"{place}, {column}: {reason}" if column else f"{place}: {reason}")


class Importer:
    """Sends the rows of one file to one service, a thousand at a time."""

    def __init__(
        self,
        client: Client,
        shape: Shape,
        shelves: Shelves | None,
        key: str | None,
        volatile: Iterable[str],
        dry_run: bool,
        report: Report,
    ):
        self._client = client
        self._shape = shape
        self._shelves = shelves
        self._volatile = tuple(volatile)
        self._query = {"dry_run": "true"} if dry_run else {}
        self._seen: Counter[str] = Counter()
        known = client.get("/")["keys"]
        if key and key not in known:
            raise StackError(
                f"{client.service} has no key {key!r}; it has {', '.join(known) or 'none'}."
            )
        self._keys = [key] if key else [each for each in KEYS if each in known]
        self._keyed: bool | None = True if key else None
        self._derives = "external_ref" in known
        self.report = report

    def run(self, source: Source) -> Iterator[int]:
        """Import a file; yield how many rows are done after each batch."""
        if self._client.service == "categories":
            rows = (each for batch in self._batches(source) for each in batch)
            import_tree(rows, self._send_level)
            yield self.report.counts.total()
            return
        for batch in self._batches(source):
            self._send(batch)
            yield self.report.counts.total()

    def _batches(self, source: Source) -> Iterator[list[tuple[int, dict[str, Any]]]]:
        batch: list[tuple[int, dict[str, Any]]] = []
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

    def _item(self, number: int, row: dict[str, Any] | str) -> dict[str, Any] | None:
        if isinstance(row, str):
            self.report.fail(number, "", row)
            return None
        item = self._shape.item(row)
        try:
            if self._shelves:
                self._shelves.place(item)
            if self._client.service != "categories":
                self._give_key(item)
            orjson.dumps(item)
        except StackError as error:
            self.report.fail(number, "", str(error))
            return None
        except TypeError as error:
            self.report.fail(number, "", f"Cannot be sent as JSON: {error}.")
            return None
        return item

    def _give_key(self, item: dict[str, Any]) -> None:
        """See that an item can be found again; the first one tells whether the file has keys."""
        own = self._own_key(item)
        if self._keyed is None:
            self._keyed = bool(own)
        if own:
            return
        if self._keyed:
            raise StackError(f"Has no {' or '.join(self._keys)} to be found by.")
        if self._derives:
            self._derive(item)

    def _own_key(self, item: Mapping[str, Any]) -> str:
        return next((key for key in self._keys if item.get(key)), "")

    def _derive(self, item: dict[str, Any]) -> None:
        """Give an item a reference of its own, numbered where rows are alike."""
        label = str(item.get("category") or self._client.service)
        ref = reference(item, label, self._volatile)
        self._seen[ref] += 1
        item["external_ref"] = ref if self._seen[ref] == 1 else f"{ref}:{self._seen[ref]}"

    def _send(self, rows: Sequence[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
        """Send items, those with the same kind of key together; return a result for each row."""
        results: dict[int, dict[str, Any]] = {}
        keys = [self._own_key(item) for _, item in rows]
        for key in dict.fromkeys(keys):
            numbers = [number for number, each in enumerate(keys) if each == key]
            answers = self._post([rows[number] for number in numbers], key)
            results |= dict(zip(numbers, answers, strict=True))
        return [results[number] for number in range(len(rows))]

    def _post(self, rows: Sequence[tuple[int, dict[str, Any]]], key: str) -> list[dict[str, Any]]:
        """Post one batch; where it is refused as a whole, its halves, down to the row at fault."""
        query = self._query | ({"key": key} if key else {})
        try:
            answer = self._client.post(
                f"/{self._client.service}:batch", [item for _, item in rows], **query
            )
        except RequestRefused as error:
            if len(rows) > 1:
                half = len(rows) // 2
                return self._post(rows[:half], key) + self._post(rows[half:], key)
            answer = {"results": [{"result": "failed", "errors": [{"message": str(error)}]}]}
        results: list[dict[str, Any]] = answer["results"]
        for (number, _), result in zip(rows, results, strict=True):
            self.report.counts[result["result"]] += 1
            for wrong in result.get("errors", ()):
                name = wrong.get("pointer", "").removeprefix("/")
                self.report.fail(number, self._shape.columns.get(name, name), wrong["message"])
        return results

    def _send_level(self, nodes: list[Node]) -> dict[str, str | None]:
        slugs: dict[str, str | None] = {}
        for node in nodes:
            if not self._own_key(node.item):
                self._derive(node.item)
        for start in range(0, len(nodes), BATCH_ITEMS):
            part = nodes[start : start + BATCH_ITEMS]
            results = self._send([(node.row, node.item) for node in part])
            for node, result in zip(part, results, strict=True):
                # In a dry run a new category has no slug yet: what is below it hangs free.
                if result["result"] != "failed":
                    slugs[node.ref] = result.get("slug")
        return slugs
