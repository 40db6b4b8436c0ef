"""Preparation of an import from a shop: each file recognised, read once, and mapped to products."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from vitrine.errors import StackError
from vitrine.transfer.columns.amounts import read_amount
from vitrine.transfer.columns.field_names import FIELD_NAMES, PHOTO_NAMES, PHOTO_URLS
from vitrine.transfer.columns.kinds_of_tables import PRODUCTS, check_kind, pair_of_options
from vitrine.transfer.columns.plan import Kind
from vitrine.transfer.files.addresses import is_address
from vitrine.transfer.mapping import RowMapping
from vitrine.transfer.shops.format_files import (
    ShopFormat,
    format_named,
    formats_to_read,
    known_formats,
)
from vitrine.transfer.shops.recognition import Fit, fit, nearest, recognise
from vitrine.transfer.shops.shop_mapping import ShopMapping
from vitrine.transfer.shops.shop_rows import ShopRows, columns_of
from vitrine.transfer.sources import STDIN, ReadOptions, RowSource

SHOWN_PRODUCTS = 3


@dataclass(frozen=True, slots=True)
class ShopOptions:
    """Options of the command line about the files.

    Attributes:
        format: A format by name, or the path of its file; None to recognise it.
        currency: The currency of prices without one.
        weight_unit: The unit of weights without one.
        decimal: The decimal mark of amounts.
        has_photos: Send the photos.
        shown: The number of first products that are kept to be shown.
        moment: The moment of the import: prices of sales are read if they are within their dates.
    """

    format: str | None = None
    currency: str | None = None
    weight_unit: str | None = None
    decimal: str | None = None
    has_photos: bool = True
    shown: int = SHOWN_PRODUCTS
    moment: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file, ready to be imported.

    Attributes:
        source: The rows: of a plain table, or of a shop in the names of fields.
        mapping: Turns a row into a product.
        fit: The format of a shop; None for a plain table.
        first: The first products, with the number of photos of each.
    """

    source: RowSource | ShopRows
    mapping: RowMapping
    fit: Fit | None
    first: list[tuple[dict[str, Any], int]]


def open_source(opened: ExitStack, path: str, reading: ReadOptions, kind: str | None) -> RowSource:
    """Return a file, read from the row that has the header of a shop.

    Args:
        opened: Closes the file.
        path: The file, or a URL.
        reading: How it is read.
        kind: The format that ``--format`` names, or None.

    Raises:
        StackError: The file cannot be read.
    """
    formats = (format_named(kind),) if kind else known_formats()
    is_read_once = path == STDIN or is_address(path)
    try:
        source = opened.enter_context(RowSource(path, reading))
    except StackError:  # Its first row may be no header.
        deeper = None if is_read_once else _with_deeper_header(opened, path, reading, formats)
        if deeper is None:
            raise
        return deeper
    if is_read_once or not source.header or recognise(source.header, formats, path):
        return source
    return _with_deeper_header(opened, path, reading, formats) or source


def _with_deeper_header(
    opened: ExitStack, path: str, reading: ReadOptions, formats: Sequence[ShopFormat]
) -> RowSource | None:
    """Return a file, read from the row in which a format has its header; None without one."""
    for row in sorted({row for format in formats for row in format.recognise.header_rows}):
        try:
            deeper = opened.enter_context(RowSource(path, replace(reading, header_row=row)))
        except StackError:
            continue  # It has no table from this row on.
        if recognise(deeper.header, formats, path):
            return deeper
    return None


def prepare(
    opened: ExitStack, source: RowSource, fields: Mapping[str, Any], options: ShopOptions
) -> Prepared:
    """Recognise a file, read all of it, and decide what its columns become.

    Args:
        opened: Closes what is kept of the file.
        source: The file.
        fields: The fields of products, as ``GET /`` describes them.
        options: What the command line says.

    Raises:
        StackError: The file is of no known kind and its columns have no names of fields, it fits
            two kinds equally well, or it lacks what the named kind needs.
    """
    columns = columns_of(source)
    found = _fit(columns, source, options.format)
    if found and found.format.refusal:
        raise StackError(f"{source.path}: {found.format.title}. {found.format.refusal}")
    sets = [f"currency={options.currency}"] if options.currency else []
    rows: RowSource | ShopRows = source
    sends_photos = options.has_photos and PHOTO_URLS in fields
    if found is None:
        names = {**FIELD_NAMES["products"], **(PHOTO_NAMES if sends_photos else {})}
        mapping = RowMapping(fields, (), sets, (), None, names, options.decimal)
        mapping.meet(source.header)
    else:
        format = _adjusted(found.format, options)
        currency = (options.currency or "").upper()
        rows = ShopRows(source, format, columns, sends_photos, options.moment, currency)
        opened.callback(rows.close)
        mapping = ShopMapping(fields, sets, options.decimal)
    first_rows: list[dict[str, Any]] = []
    for _, row in rows.rows():
        if isinstance(row, dict):
            mapping.survey(row)
            if len(first_rows) < options.shown:
                first_rows.append(row)
    mapping.decide()
    if found is None and not mapping.rows:
        raise StackError(f"{source.path} has no rows.")
    if found is None:
        check_kind(PRODUCTS, mapping.facts, source.path)
        _check_plain(mapping, first_rows, columns, source.path)
    items = list(_readable(mapping, first_rows, rows.has_texts))
    first = [(item, len(item.get(PHOTO_URLS) or ())) for item in items]
    mapping.notes.clear()  # The import counts these again.
    return Prepared(rows, mapping, found, first)


def _readable(
    mapping: RowMapping, rows: Iterable[dict[str, Any]], are_texts: bool
) -> Iterator[dict[str, Any]]:
    """Yield the products of rows; the import names the rows that contradict themselves."""
    for row in rows:
        with suppress(StackError):
            yield mapping.item(row, are_texts)


def _fit(columns: list[str], source: RowSource, name: str | None) -> Fit | None:
    """Return the format that is named, or the one that fits: of records before one of tables."""
    path = source.path
    if not name:
        of_records = [format for format in known_formats() if format.records]
        of_tables = [format for format in known_formats() if not format.records]
        nested = None if source.header else recognise(columns, of_records, path)
        return nested or recognise(columns, of_tables, path)
    found = fit(format_named(name), columns)
    if found.missing:
        raise StackError(
            f"{path} is not of {found.format.title}: it lacks "
            f"{', '.join(found.missing)}. Its columns are {', '.join(columns)}."
        )
    return found


def _adjusted(format: ShopFormat, options: ShopOptions) -> ShopFormat:
    """Return a format with the unit of weights that the command line names."""
    weight = format.fields.get("weight")
    if not options.weight_unit or not weight:
        return format
    rule = replace(weight, unit=options.weight_unit)
    return replace(format, fields={**format.fields, "weight": rule})


def _check_plain(
    mapping: RowMapping, rows: Sequence[Mapping[str, Any]], columns: list[str], path: str
) -> None:
    """Raise ``StackError`` if a plain table has no names, has variants, or hides its prices.

    Prices may be in a column that becomes an attribute, and has amounts in its first rows.
    """
    if "name" not in mapping.known_fields:
        raise _unknown(columns, path)
    if pair := pair_of_options(name for name, facts in mapping.facts.items() if facts.filled):
        raise StackError(
            f"{path}: no kind of shop has these columns, and {pair[0]} and {pair[1]} tell of "
            "variants, which a plain table cannot have. Describe the kind of file with --format "
            "FILE.toml (docs/extending.md), or export the products from a shop that is known."
        )
    others = mapping.plan.columns(Kind.ATTRIBUTE)
    amounts = [column for column in others if any(_is_amount(row.get(column)) for row in rows)]
    if amounts and "price" not in mapping.known_fields:
        raise StackError(
            f"{path}: no kind of shop has these columns, and none of them is the price. It may be "
            f"one of {', '.join(amounts)}. Say which one is with `vitrine import products FILE "
            "--map price=COLUMN`, or import products without prices with `vitrine import products "
            "FILE`."
        )


def _is_amount(cell: Any) -> bool:
    """Return True for a number, and for a text such as ``5,90 EUR``."""
    if isinstance(cell, str):
        return bool(read_amount(cell, "").number)
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _unknown(columns: list[str], path: str) -> StackError:
    """Return the error for a file of no known kind."""
    text = f"{path}: no kind of shop has these columns, and none of them is the name of a product."
    if close := nearest(columns, formats_to_read()):
        text += f" For {close.format.title}, it lacks {', '.join(close.missing)}."
    names = ", ".join(columns) or "none"
    return StackError(
        f"{text} The columns are {names}. Say which is the name with `vitrine import products "
        "FILE --map name=COLUMN`."
    )
