"""``vitrine import --infer-attributes``: what a file says of each category's attributes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from vitrine.client import Client
from vitrine.errors import RequestRefused
from vitrine.transfer.attribute_inference import MAX_ATTRIBUTES, MIXED, Seen, Shelf
from vitrine.transfer.categories import Shelves, named
from vitrine.transfer.mapping import Shape
from vitrine.transfer.progress import with_progress
from vitrine.transfer.sources import Source

console = Console(highlight=False)  # wraps what is wide, unlike that of the import

COLUMNS = ("category", "attribute", "type", "choices", "seen in", "example")
BATCH = 100  # categories changed at once
STEP = 1000  # rows between two looks at the progress bar


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules for the attributes of a category that have none; ``depth`` is that of the category."""

    shelf: Shelf
    schema: Mapping[str, Any]
    depth: int = 0


def infer(
    files: Iterable[str], options: Mapping[str, Any], shape: Shape, categories: Client
) -> bool:
    """Propose schemas for the categories of some files; return whether they were applied.

    ``options`` are those of the command: ``format``, ``yes`` and ``create_categories``.
    """
    makes = options["yes"] and options["create_categories"]
    survey = Survey(shape, Shelves(categories, create=True, dry_run=not makes), categories)
    for file in files:
        with Source(file, options["format"]) as source:
            with_progress(source, survey.read(source))
    proposals = survey.proposals()
    survey.show(proposals)
    if options["yes"]:
        survey.apply(proposals)
        return True
    survey.try_out(proposals)
    for option in shape.not_found:
        console.print(f"Nothing in the file for {option}: is it misspelt?", markup=False)
    console.print("Run it again with --yes to apply it and import.")
    return False


class Survey:
    """Reads files as an import would, and proposes a schema for each category in them."""

    def __init__(self, shape: Shape, shelves: Shelves, categories: Client):
        self._shape = shape
        self._shelves = shelves
        self._categories = categories
        self._found: dict[str, Shelf] = {}
        self._rows = self._homeless = 0

    def read(self, source: Source) -> Iterator[int]:
        """Read a file; yield how many rows are done, now and then."""
        for _, row in source.rows():
            if isinstance(row, dict):
                self._note(row)
            self._rows += 1
            if self._rows % STEP == 0:
                yield self._rows

    def _note(self, row: Mapping[str, Any]) -> None:
        item = self._shape.item(row)
        try:
            orjson.dumps(item)
        except TypeError:
            return  # The import says why it cannot be sent.
        text = item.get("category")
        if not isinstance(text, str) or not text.strip():
            self._homeless += 1
            return
        try:
            self._shelves.place(item)
        except RequestRefused:
            item["category"] = None  # The import says why.
        slug = item["category"] or ""
        name = slug or named(text)
        self._found.setdefault(name.casefold(), Shelf(name, slug)).add(item.get("attributes"))

    def proposals(self) -> list[Proposal]:
        """Return a proposal for each category; what is ruled there or above it stays."""
        return [self._proposal(each) for each in self._found.values()]

    def _proposal(self, shelf: Shelf) -> Proposal:
        if not shelf.slug:
            return Proposal(shelf, shelf.schema({}))
        found = self._categories.get(f"/categories/{shelf.slug}", fields="path,all_attributes")
        return Proposal(shelf, shelf.schema(found["all_attributes"]), len(found["path"]))

    def show(self, proposals: list[Proposal]) -> None:
        """Print proposals as a table, and what they leave out."""
        table = Table(*(Column(name, overflow="fold") for name in COLUMNS))
        for each in proposals:
            for number, name in enumerate(each.schema):
                cells = _cells(each.shelf, name, each.shelf.attributes[name])
                table.add_row("" if number else escape(each.shelf.name), *map(escape, cells))
            table.add_section()
        if table.row_count:
            console.print(table)
        else:
            console.print("Nothing to propose: no attribute is without a rule.")
        ruled = sum(len(each.shelf.attributes) - len(each.schema) for each in proposals)
        if ruled:
            console.print(f"{ruled:,} attributes have rules already, which stay.")
        for each in proposals:
            if len(each.shelf.attributes) == MAX_ATTRIBUTES:
                much = f"{each.shelf.name} has too many attributes; those behind are left free."
                console.print(much, markup=False)
        if self._homeless:
            console.print(f"{self._homeless:,} rows have no category, and so no schema.")

    def try_out(self, proposals: list[Proposal]) -> None:
        """Print what each proposal, taken alone, would do to the products that are stored."""
        for each in proposals:
            if not each.shelf.slug or not each.schema:
                continue
            path, body = f"/categories/{each.shelf.slug}", {"attributes": each.schema}
            told = self._categories.patch(path, body, dry_run="true")
            if not told["new_misfits"]:
                continue
            attributes = told["attributes"].items()
            name, first = next(each for each in attributes if each[1]["new_misfits"])
            console.print(
                f"{each.shelf.slug}: {told['new_misfits']:,} of {told['products']:,} products that "
                f"are stored would not fit; {first['example']}, {name}: {first['message']}",
                markup=False,
            )

    def apply(self, proposals: list[Proposal]) -> None:
        """Merge proposals into their categories, but for those that do not exist."""
        for each in proposals:
            if not each.shelf.slug:
                missing = f"There is no category {each.shelf.name!r}; --create-categories makes it."
                console.print(missing, markup=False)
        # The deepest first: a rule above, taken alone, would be a rule for them as well.
        ordered = sorted(proposals, key=lambda proposal: -proposal.depth)
        items = [
            {"slug": each.shelf.slug, "attributes": each.schema}
            for each in ordered
            if each.shelf.slug and each.schema
        ]
        for start in range(0, len(items), BATCH):
            self._categories.merge_by_slug(items[start : start + BATCH])
        console.print(f"Schemas changed: {len(items):,}.")


def _cells(shelf: Shelf, name: str, seen: Seen) -> tuple[str, ...]:
    kind = f"list of {seen.type}" if seen.has_lists and seen.type != MIXED else seen.type
    rows = f"{seen.rows:,} of {shelf.rows:,}"
    return name, kind, ", ".join(seen.choices), rows, seen.example
