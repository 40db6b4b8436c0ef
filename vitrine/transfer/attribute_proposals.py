"""Proposals of attribute rules: ``vitrine import products --infer-attributes``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer.attribute_inference import (
    MAX_ATTRIBUTES,
    MIXED,
    AttributeValues,
    CategoryAttributes,
)
from vitrine.transfer.categories import CategoryResolver, PathRules, category_text
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.progress import run_with_progress
from vitrine.transfer.sources import RowSource

console = Console(highlight=False)  # It wraps wide tables, unlike the console of the import.

COLUMNS = ("category", "attribute", "type", "choices", "seen in", "example")
BATCH_CATEGORIES = 100  # changed by one request
STEP_ROWS = 1000  # between two updates of the progress bar


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules for the attributes of a category that have none, and the depth of the category."""

    category: CategoryAttributes
    rules: Mapping[str, Any]
    depth: int = 0


def propose_attributes(
    sources: Iterable[RowSource],
    mapping: RowMapping,
    categories: Client,
    paths: PathRules,
    *,
    apply: bool,
    create_categories: bool,
) -> bool:
    """Propose rules for the categories of some files; return True if they were applied.

    Args:
        sources: The files of products.
        mapping: Turns a row into a product.
        categories: The categories service.
        paths: How the files name categories.
        apply: Apply the rules; otherwise only print them.
        create_categories: When rules are applied, create missing categories.
    """
    is_dry_run = not (apply and create_categories)
    resolver = CategoryResolver(categories, create=True, dry_run=is_dry_run, paths=paths)
    survey = AttributeSurvey(mapping, resolver, categories)
    for source in sources:
        run_with_progress(source, survey.read(source))
    proposals = survey.proposals()
    survey.print_proposals(proposals)
    if apply:
        survey.apply(proposals)
        return True
    survey.print_misfits(proposals)
    console.print("Run it again with --yes to apply it and import.")
    return False


class AttributeSurvey:
    """Reads files as an import does, and proposes rules for each category in them."""

    def __init__(self, mapping: RowMapping, resolver: CategoryResolver, client: Client):
        self._mapping = mapping
        self._resolver = resolver
        self._client = client
        self._categories: dict[str, CategoryAttributes] = {}
        self._rows = self._rows_without_category = 0

    def read(self, source: RowSource) -> Iterator[int]:
        """Read a file; yield the number of rows that are done, every thousand rows."""
        for _, row in source.rows():
            if isinstance(row, dict):
                self._add(row, source.has_texts)
            self._rows += 1
            if self._rows % STEP_ROWS == 0:
                yield self._rows

    def _add(self, row: Mapping[str, Any], are_texts: bool) -> None:
        try:
            item = self._mapping.item(row, are_texts)
            orjson.dumps(item)
        except (StackError, TypeError):
            return  # The import reports why it cannot be sent.
        text = category_text(item)
        if not text:
            self._rows_without_category += 1
            return
        try:
            self._resolver.resolve(item)
        except StackError:
            item["category"] = None  # The import reports why.
        slug = item["category"] or ""
        name = slug or self._resolver.path(text)
        category = self._categories.setdefault(name.casefold(), CategoryAttributes(name, slug))
        category.add(item.get("attributes"))

    def proposals(self) -> list[Proposal]:
        """Return a proposal for each category, without the attributes that have a rule already.

        A rule may be the category's own or inherited.
        """
        return [self._proposal(category) for category in self._categories.values()]

    def _proposal(self, category: CategoryAttributes) -> Proposal:
        if not category.slug:
            return Proposal(category, category.rules({}))
        stored = self._client.get(f"/categories/{category.slug}", fields="path,all_attributes")
        return Proposal(category, category.rules(stored["all_attributes"]), len(stored["path"]))

    def print_proposals(self, proposals: list[Proposal]) -> None:
        """Print proposals as a table, and what they leave out."""
        table = Table(*(Column(name, overflow="fold") for name in COLUMNS))
        for proposal in proposals:
            category = proposal.category
            for number, name in enumerate(proposal.rules):
                cells = _cells(category, name, category.attributes[name])
                table.add_row("" if number else escape(category.name), *map(escape, cells))
            table.add_section()
        if table.row_count:
            console.print(table)
        else:
            console.print("Nothing to propose: every attribute has a rule.")
        ruled = sum(
            len(proposal.category.attributes) - len(proposal.rules) for proposal in proposals
        )
        if ruled:
            console.print(f"{ruled:,} attributes have rules already, which stay.")
        for proposal in proposals:
            if len(proposal.category.attributes) == MAX_ATTRIBUTES:
                console.print(
                    f"{proposal.category.name} has more than {MAX_ATTRIBUTES} attributes; the "
                    "others get no rule.",
                    markup=False,
                )
        if self._rows_without_category:
            console.print(
                f"{self._rows_without_category:,} rows have no category, and so no rules."
            )

    def print_misfits(self, proposals: list[Proposal]) -> None:
        """Print how many stored products each proposal, applied alone, would make misfits."""
        for proposal in proposals:
            slug = proposal.category.slug
            if not slug or not proposal.rules:
                continue
            body = {"attributes": proposal.rules}
            effect = self._client.patch(f"/categories/{slug}", body, dry_run="true")
            if not effect["new_misfits"]:
                continue
            name, first = next(
                (name, misfits)
                for name, misfits in effect["attributes"].items()
                if misfits["new_misfits"]
            )
            console.print(
                f"{slug}: {effect['new_misfits']:,} of {effect['products']:,} stored products "
                f"would not fit; {first['example']}, {name}: {first['message']}",
                markup=False,
            )

    def apply(self, proposals: list[Proposal]) -> None:
        """Merge proposals into their categories, except those of missing categories."""
        for proposal in proposals:
            if not proposal.category.slug:
                console.print(
                    f"There is no category {proposal.category.name!r}; --create-categories "
                    "creates it.",
                    markup=False,
                )
        # The deepest first: a rule further up is inherited and would count as theirs as well.
        ordered = sorted(proposals, key=lambda proposal: -proposal.depth)
        items = [
            {"slug": proposal.category.slug, "attributes": proposal.rules}
            for proposal in ordered
            if proposal.category.slug and proposal.rules
        ]
        for start in range(0, len(items), BATCH_CATEGORIES):
            part = items[start : start + BATCH_CATEGORIES]
            self._client.batch(part, merge="attributes", key="slug", on_error="reject_all")
        console.print(f"Categories changed: {len(items):,}.")


def _cells(category: CategoryAttributes, name: str, values: AttributeValues) -> tuple[str, ...]:
    """Return the cells of one attribute in the table."""
    is_list = values.has_lists and values.type != MIXED
    type_name = f"list of {values.type}" if is_list else values.type
    rows = f"{values.rows:,} of {category.rows:,}"
    return name, type_name, ", ".join(values.choices), rows, values.example
