"""Summary of an import: the decisions about its files in words, printed before it writes."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vitrine.transfer.columns import words
from vitrine.transfer.columns.facts import ColumnFacts
from vitrine.transfer.columns.header_words import says_hidden
from vitrine.transfer.columns.plan import Kind

if TYPE_CHECKING:
    from vitrine.transfer.mapping import RowMapping
    from vitrine.transfer.sources import RowSource

_CODE = re.compile(r"[A-Z]{3}")
MAX_NAMED = 20  # columns in one line
MAX_FILES = 10
# Fields whose number of filled cells is always shown, because a shop cannot do without them.
ALWAYS_SHOWN = {"products": ("name", "sku", "price", "stock"), "clients": ("name", "email")}


def summary(sources: Iterable["RowSource"], mapping: "RowMapping", service: str) -> Iterator[str]:
    """Yield the lines of the summary.

    Args:
        sources: The files.
        mapping: The mapping that has surveyed them.
        service: The service that gets their rows.
    """
    files: dict[str, list[str]] = {}
    for source in sources:
        files.setdefault(source.label, []).append(source.path)
    total = sum(map(len, files.values()))
    for label, paths in files.items():
        shown = ", ".join(paths[:MAX_FILES]) + _more(len(paths) - MAX_FILES)
        yield label if total == 1 else f"{shown}: {label}"
    noun = "row" if mapping.rows == 1 else "rows"
    yield f"{mapping.rows:,} {noun}; filled: {', '.join(_filled(mapping, service))}"
    plan = mapping.plan
    if attributes := list(plan.columns(Kind.ATTRIBUTE).values()):
        noun = "column" if len(attributes) == 1 else "columns"
        yield f"attributes from {len(attributes)} {noun}: {_listed(attributes)}"
    if options := list(plan.columns(Kind.OPTION).values()):
        yield f"options of variants: {_listed(options)}"
    if left_out := list(_left_out(mapping)):
        yield f"left out: {'; '.join(left_out)}"
    yield from notes(mapping)


def missing_columns(mapping: "RowMapping", failed: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each field that rows miss because no column means it.

    Args:
        mapping: The mapping of the rows.
        failed: The fields or columns at which rows failed.
    """
    for name in sorted(failed):
        if name in mapping.writable and name not in mapping.known_fields and mapping.rows:
            columns = _listed(list(mapping.facts))
            yield f"No column is {name}; say --map {name}=COLUMN. The columns are {columns}."


def _filled(mapping: "RowMapping", service: str) -> Iterator[str]:
    """Yield each field that a column or an option fills, with its number of rows."""
    always = [name for name in ALWAYS_SHOWN.get(service, ()) if name in mapping.writable]
    sources = {target: column for column, target in mapping.plan.columns(Kind.FIELD).items()}
    for name in dict.fromkeys([*always, *mapping.columns, *mapping.set_fields]):
        column = sources.get(name, "")
        is_other = column and column.casefold() != name
        yield f"{name} {mapping.filled(name):,}{f' (from {column})' if is_other else ''}"


def _left_out(mapping: "RowMapping") -> Iterator[str]:
    """Yield the columns that are left out, those with the same reason together."""
    reasons: dict[str, dict[str, None]] = {}
    for column, role in mapping.plan.roles.items():
        if role.kind is Kind.LEFT_OUT:
            is_field = role.reason == "no such field"
            name = mapping.parent(column) if is_field else column
            reasons.setdefault(role.reason, {})[name] = None
    for reason, columns in reasons.items():
        hint = ", keep one with --map attr.NAME=COLUMN" if reason == "private" else ""
        yield f"{_listed(list(columns))} ({reason}{hint})"


def notes(mapping: "RowMapping") -> Iterator[str]:
    """Yield what else a reader should check."""
    plan = mapping.plan
    if columns := list(plan.columns(Kind.AVAILABILITY)):
        yield (
            f"{_listed(columns)} says what can be bought: no makes the stock 0, yes leaves the "
            "stock as it is"
        )
    yield from _switches(mapping, columns)
    columns = list(plan.columns(Kind.PUBLICATION))
    if shown := [column for column in columns if not says_hidden(column)]:
        yield f"{_listed(shown)} says what is published: no makes a draft"
    if hidden := [column for column in columns if says_hidden(column)]:
        yield f"{_listed(hidden)} says what is hidden: yes makes a draft"
    if currencies := mapping.amounts.currencies:
        counts = (f"{name} {count:,}" for name, count in currencies.items())
        unknown = [name for name in currencies if not _CODE.fullmatch(name)]
        ways = "say --set currency=CODE (`import shop`: --currency CODE)"
        hint = f"; {_listed(unknown)} has no code, {ways}" if unknown else ""
        yield f"currencies beside amounts: {', '.join(counts)}{hint}"
    if len(mapping.amounts.marks) > 1:
        yield "some amounts have a decimal point and some a decimal comma; each is read by itself"
    elif "," in mapping.amounts.marks:
        yield "amounts have a decimal comma"
    stock = mapping.facts_of("stock")
    if stock and stock.negative:
        yield f"oversold: a stock below 0 is read as 0 (rows: {stock.negative:,})"
    for column, facts in mapping.facts.items():
        role = plan.roles.get(column)
        if role and role.kind is Kind.ATTRIBUTE and facts.nested:
            yield f"{column}: {facts.nested:,} values are nested too deep and left out"
    yield from plan.notes


def _switches(mapping: "RowMapping", available: Iterable[str]) -> Iterator[str]:
    """Yield how columns are read that have nothing but 0 and 1, which may be counts or not."""
    for column in available:
        if _are_switches(mapping.facts[column]):
            yield (
                f"{column} has only 0 and 1, read as no and yes; if it counts pieces, say --map "
                f"stock='{column}'"
            )
    stock = mapping.plan.column_of("stock")
    if stock and mapping.facts[stock].filled > 1 and _are_switches(mapping.facts[stock]):
        yield (
            f"{stock} has only 0 and 1, read as numbers of pieces; if 1 means yes, name the "
            "column 'In stock'"
        )


def _are_switches(facts: ColumnFacts) -> bool:
    return bool(facts.distinct) and all(map(words.is_switch, facts.distinct))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMED]) + _more(len(names) - MAX_NAMED)


def _more(count: int) -> str:
    return f" and {count:,} more" if count > 0 else ""
