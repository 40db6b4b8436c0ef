"""Plans and reports of imports as JSON, for the page."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from vitrine.console.imports.parts import ExportsPart, Part, ProductsPart, first_rows
from vitrine.transfer.columns.plan import Kind, Role
from vitrine.transfer.columns.summary import notes
from vitrine.transfer.importer import ImportReport, SameErrors
from vitrine.transfer.progress import RESULTS
from vitrine.transfer.shops import binding
from vitrine.transfer.shops.named_values import flattened
from vitrine.transfer.shops.plan_text import hint
from vitrine.transfer.shops.preparation import Prepared
from vitrine.transfer.shops.shop_rows import ShopRows
from vitrine.transfer.sources import RowSource

MAX_TEXT = 120  # characters of a value
MAX_COLUMNS = 400  # of one file
MAX_FIELDS = 100  # of one item
MAX_MEMBERS = 20  # of a value of an item, and of a member of it
MAX_NOTES = 100
MAX_NOTE = 500  # characters
_PLAIN = "A plain table, by the names of its columns"
_WHY = {
    binding.PRIVATE: "private: costs, suppliers and the like stay out",
    binding.LEFT_OUT: "has nothing that the shop keeps",
}
_BECOMES = {
    binding.OPTIONS: "options of variants",
    binding.PRODUCT: "tells which rows are one product",
    binding.NAMED_ATTRIBUTES: "attributes by their names",
}


def plan(part: Part) -> Iterator[dict[str, Any]]:
    """Yield what was found out about each file of a part."""
    if isinstance(part, ProductsPart):
        for prepared in part.prepared:
            yield _products(prepared)
    elif isinstance(part, ExportsPart):
        lines = _lines(part.summary())
        for source in part.sources:
            rows = first_rows(source)
            yield {
                "file": Path(source.path).name,
                "resource": part.resource,
                "kind": source.export.label if source.export else "",
                "why": "",
                "label": source.label,
                "known": None,
                "total": None,
                "columns": _columns_of_rows(rows),
                "first": [_item(row) for row in rows],
                "counts": {"rows": part.mapping.rows},
                "notes": lines,
            }


def _products(prepared: Prepared) -> dict[str, Any]:
    source, mapping, fit = prepared.source, prepared.mapping, prepared.fit
    file = Path(source.path).name
    first = [_item(item) | {"photos": photos} for item, photos in prepared.first]
    if isinstance(source, ShopRows) and fit:
        why = f"it has {', '.join(fit.found)}"
        told = [f"{count:,} {text}" for text, count in source.notes.items()]
        records = fit.format.records
        return {
            "file": file,
            "resource": "products",
            "kind": fit.format.title,
            "why": why,
            "label": source.label,
            "known": fit.known,
            "total": fit.total,
            "columns": list(_shop_columns(source)),
            "first": first,
            "counts": {
                "products": source.products,
                "variants": mapping.rows,
                "photos": source.photos,
            },
            "notes": _lines(
                [*notes(mapping), *told, *([records.note] if records and records.note else [])]
            ),
        }
    assert isinstance(source, RowSource)
    examples = first_rows(source)
    columns = [
        _column(column, *_role(role), mapping.facts[column].filled, examples)
        for column, role in list(mapping.plan.roles.items())[:MAX_COLUMNS]
    ]
    return {
        "file": file,
        "resource": "products",
        "kind": "",
        "why": _PLAIN,
        "label": source.label,
        "known": None,
        "total": None,
        "columns": columns,
        "first": first,
        "counts": {"rows": mapping.rows},
        "notes": _lines(notes(mapping)),
    }


def _shop_columns(rows: ShopRows) -> Iterator[dict[str, Any]]:
    """Yield what each column of a shop becomes."""
    examples = first_rows(rows.source)
    uses = rows.binding.uses
    hints = {field.name: hint(field) for field in rows.binding.fields}
    for column in rows.binding.header.columns[:MAX_COLUMNS]:
        use, filled = uses[column], rows.filled[column]
        # The columns of records are counted by their values only.
        is_empty = not filled and any(rows.filled.values())
        if is_empty:
            kind, becomes, why = "empty", "", "no row has a value"
        elif use in _WHY:
            kind, becomes, why = "left out", "", _WHY[use]
        elif use == binding.ATTRIBUTE:
            kind, becomes, why = "attribute", rows.binding.others[column], ""
        elif use in _BECOMES:
            kind, becomes, why = "other", _BECOMES[use], ""
        else:
            kind, becomes, why = "field", use, hints.get(use, "")
        yield _column(column, kind, becomes, why, filled, examples)


def _role(role: Role) -> tuple[str, str, str]:
    """Return the kind of a column, what it becomes, and why."""
    if role.kind is Kind.LEFT_OUT:
        return "left out", "", role.reason
    if role.kind is Kind.AVAILABILITY:
        return "field", "stock", "no makes the stock 0, yes leaves it as it is"
    if role.kind is Kind.PUBLICATION:
        return "field", "status", "no makes a draft"
    if role.kind is Kind.OPTION:
        return "other", f"option {role.target}", ""
    kind = "field" if role.kind is Kind.FIELD else "attribute"
    return kind, role.target, role.reason


def _column(
    column: str,
    kind: str,
    becomes: str,
    why: str,
    filled: int,
    examples: list[dict[str, Any]],
) -> dict[str, Any]:
    values = (row[column] if column in row else flattened(row).get(column) for row in examples)
    return {
        "column": _short(column),
        "kind": kind,
        "becomes": _short(becomes),
        "why": _short(why),
        "filled": filled,
        "examples": ["" if value is None else _short(value) for value in values],
    }


def _columns_of_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields that the rows of a recognised export have."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [
        _column(name, "field", name, "", sum(row.get(name) is not None for row in rows), rows)
        for name in islice(names, MAX_COLUMNS)
    ]


def report(part: Part, report: ImportReport, dry_run: bool) -> dict[str, Any]:
    """Return the results of a part: counts, and the errors by reason with their rows."""
    return {
        "resource": part.resource,
        "counts": {name: report.counts[name] for name in RESULTS},
        "errors": [_error(*each) for each in list(report.reasons.items())],
        "others": report.other_errors,
        "notes": list(part.lines(report, dry_run)),
    }


def _error(place: tuple[str, str, str], same: SameErrors) -> dict[str, Any]:
    file, column, reason = place
    rows = [row for row in same.rows if row]
    return {
        "file": Path(file).name,
        "column": column,
        "reason": reason,
        "rows": rows,
        "count": same.count,
    }


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item with its first fields, whose values are cut."""
    return {_short(name): _cut(value) for name, value in islice(item.items(), MAX_FIELDS)}


def _cut(value: Any, is_inner: bool = False) -> Any:
    """Return a value with short texts and few members; what is deeper inside becomes a text."""
    if isinstance(value, (Mapping, list)) and is_inner:
        return _short(value)
    if isinstance(value, Mapping):
        members = islice(value.items(), MAX_MEMBERS)
        return {_short(name): _cut(each, is_inner=True) for name, each in members}
    if isinstance(value, list):
        return [_cut(each, is_inner=True) for each in value[:MAX_MEMBERS]]
    return _short(value) if isinstance(value, str) else value


def _lines(texts: Iterable[str]) -> list[str]:
    """Return the first notes, none of them long."""
    return [text[:MAX_NOTE] for text in islice(texts, MAX_NOTES)]


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = " ".join(str(value).split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
