"""The plan of an import from a shop in words: the kind of file, each column, three products."""

from collections.abc import Iterator, Mapping
from typing import Any

from vitrine.transfer.columns.facts import is_nested
from vitrine.transfer.columns.units import grams
from vitrine.transfer.shops.binding import (
    ATTRIBUTE,
    LEFT_OUT,
    NAMED_ATTRIBUTES,
    OPTIONS,
    PHOTOS,
    PRIVATE,
    PRODUCT,
    BoundField,
)
from vitrine.transfer.shops.recognition import Fit
from vitrine.transfer.shops.shop_rows import ShopRows

MAX_TEXT = 60  # characters of a text of a product
MAX_ATTRIBUTES = 6  # of a product
_WORDS = {
    OPTIONS: "options of variants",
    PHOTOS: "photos",
    PRODUCT: "tells which rows are one product",
    NAMED_ATTRIBUTES: "attributes by their names",
}


def kind_lines(fit: Fit, rows: ShopRows, is_named: bool) -> Iterator[str]:
    """Yield what kind of file it is, and why."""
    format = fit.format
    why = "named by --format" if is_named else f"it has {', '.join(fit.found)}"
    yield f"{rows.path}: {format.title} ({why}; {fit.known} of {fit.total} columns are known)"
    yield rows.label


def column_lines(rows: ShopRows) -> Iterator[str]:
    """Yield what each column becomes; columns of one meaning stand in one line."""
    binding = rows.binding
    filled = {name: rows.filled[name] for name in binding.header.columns}
    if not any(filled.values()):
        filled = dict.fromkeys(filled, 1)
    fields = {field.name: field for field in binding.fields}
    by_use: dict[str, list[str]] = {}
    for column, use in binding.uses.items():
        if filled[column]:
            by_use.setdefault(use, []).append(column)
    for name in (*fields, OPTIONS, PHOTOS, PRODUCT, NAMED_ATTRIBUTES):
        if columns := by_use.pop(name, []):
            yield f"  {_WORDS.get(name, name)}: {', '.join(columns)}{_after(fields.get(name))}"
    if columns := by_use.pop(ATTRIBUTE, []):
        yield f"  attributes: {', '.join(map(binding.others.__getitem__, columns))}"
    if columns := by_use.pop(PRIVATE, []):
        yield f"  private, not imported: {', '.join(columns)}"
    if columns := by_use.pop(LEFT_OUT, []):
        yield f"  left out: {', '.join(columns)}"
    if binding.format.records and (note := binding.format.records.note):
        yield f"  {note}"
    if empty := [column for column, count in filled.items() if not count]:
        yield f"  empty: {_counted(len(empty), 'column')}"


def _after(field: BoundField | None) -> str:
    text = hint(field) if field else ""
    return f", {text}" if text else ""


def hint(field: BoundField) -> str:
    """Return what else the format says about how a field is read, or an empty text."""
    codes = list(dict.fromkeys(field.currencies.values()))
    if len(codes) > 1 and len(field.columns) > 1:
        return f"the first with a cell; --currency {codes[-1]} reads that one, and so on"
    if field.rule.unit and not all(map(grams, field.columns)):
        return f"in {field.rule.unit} where the file names no unit"
    return "as HTML" if field.rule.html else ""


def count_line(rows: ShopRows, variants: int) -> str:
    """Return the numbers of products, of their variants, and of photos."""
    counts = _counted(rows.products, "product")
    if variants != rows.products:
        counts += f" with {_counted(variants, 'variant')}"
    return f"{counts}; {_counted(rows.photos, 'photo')}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def product_lines(item: Mapping[str, Any], photos: int) -> Iterator[str]:
    """Yield a product as it will be."""
    price = " ".join(str(item[name]) for name in ("price", "currency") if item.get(name))
    head = [_short(item.get("name") or "(no name)"), price or "no price"]
    if item.get("stock") is not None:
        head.append(f"stock {item['stock']}")
    # A row fails if its options are not an object,
    if isinstance(options := item.get("options"), Mapping):
        head.append(", ".join(f"{name} {value}" for name, value in options.items()))
    yield "  " + " · ".join(head)
    shown = ("external_ref", "sku", "gtin", "group", "brand", "compare_at_price", "weight")
    parts = [f"{name} {item[name]}" for name in shown if item.get(name) is not None]
    # or its category is not a text.
    if isinstance(category := item.get("category"), str):
        parts.append(f"category {category.replace(chr(10), ', ')}")
    if isinstance(tags := item.get("tags"), list):
        parts.append(f"tags {', '.join(map(str, tags))}")
    if item.get("status") not in (None, "active"):
        parts.append(f"status {item['status']}")
    if photos:
        parts.append(_counted(photos, "photo"))
    yield "    " + "; ".join(parts)
    attributes = {
        name: value
        for name, value in (item.get("attributes") or {}).items()
        if not is_nested(value)
    }
    if attributes:
        pairs = [f"{name}: {_short(value)}" for name, value in attributes.items()]
        more = len(pairs) - MAX_ATTRIBUTES
        yield "    " + "; ".join(pairs[:MAX_ATTRIBUTES]) + (f" and {more} more" if more > 0 else "")


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
