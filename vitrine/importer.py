"""``vitrine import``: rows of a file become items, through the batch API of a service."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

import orjson

from vitrine.client import Client
from vitrine.rows import Source
from vitrine.shaping import KEYS, Shape, reference
from vitrine.shelves import Node, Shelves, import_tree
from vitrine.stack import StackError

BATCH_ITEMS = 1000
BATCH_BYTES = 4_000_000
SHOWN_ERRORS = 10


@dataclass(slots=True)
class Report:
    """What became of the rows: counts by result, and the first errors."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    log: TextIO | None = None

    def fail(self, row: int, column: str, reason: str) -> None:
        """Note one error; the first ten are kept, all go to the log."""
        if self.log:
            line = {"row": row, "column": column, "reason": reason}
            self.log.write(orjson.dumps(line).decode() + "\n")
        if len(self.errors) < SHOWN_ERRORS:
            place = f"row {row}" if row else "a parent that no row brings"
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
        self._key = key
        self._volatile = tuple(volatile)
        self._query = {"dry_run": "true"} if dry_run else {}
        self._seen: Counter[str] = Counter()
        self._known = client.get("/")["keys"]
        self.report = report

    def run(self, source: Source) -> Iterator[int]:
        """Import a file; yield how many rows are done after each batch."""
        if self._client.service == "categories":
            rows = (each for batch in self._batches(source) for each in batch)
            import_tree(rows, self._send_level)
            yield self.report.counts.total()
            return
        for batch in self._batches(source):
            self._send([row for row, _ in batch], [item for _, item in batch])
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
        except StackError as error:
            self.report.fail(number, self._shape.columns.get("category", ""), str(error))
            return None
        if self._key is None:
            given = (key for key in KEYS if key in self._known and item.get(key))
            self._key = "" if "path" in item else next(given, "")
        if not self._key and self._client.service != "categories":
            self._derive(item)
        return item

    def _derive(self, item: dict[str, Any]) -> None:
        """Give an item a reference of its own, numbered where rows are alike."""
        label = str(item.get("category") or self._client.service)
        ref = reference(item, label, self._volatile)
        self._seen[ref] += 1
        item["external_ref"] = ref if self._seen[ref] == 1 else f"{ref}:{self._seen[ref]}"

    def _send(self, numbers: list[int], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        path = f"/{self._client.service}:batch"
        answer = self._client.post(path, items, key=self._key or "external_ref", **self._query)
        results: list[dict[str, Any]] = answer["results"]
        self.report.counts.update(answer["summary"])
        for number, result in zip(numbers, results, strict=True):
            for error in result.get("errors", ()):
                name = error.get("pointer", "").removeprefix("/")
                self.report.fail(number, self._shape.columns.get(name, name), error["message"])
        return results

    def _send_level(self, nodes: list[Node]) -> dict[str, str | None]:
        slugs: dict[str, str | None] = {}
        for start in range(0, len(nodes), BATCH_ITEMS):
            part = nodes[start : start + BATCH_ITEMS]
            if not self._key:
                for node in part:
                    self._reference(node)
            results = self._send([node.row for node in part], [node.item for node in part])
            for node, result in zip(part, results, strict=True):
                for ref in (node.item.get("external_ref"), node.item.get("slug")):
                    # In a dry run a new category has no slug yet: what is below it hangs free.
                    if ref and result["result"] != "failed":
                        slugs[str(ref)] = result.get("slug")
        return slugs

    def _reference(self, node: Node) -> None:
        if not node.item.get("external_ref"):
            self._derive(node.item)
