"""Translation: what is sold as the row of a plain table with the names of Vitrine's own fields.

Amounts stay texts, because the decimal mark is known only after the whole file was read.
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.schema.currency import decimals_of
from vitrine.errors import StackError
from vitrine.transfer.columns import words
from vitrine.transfer.columns.cells import check_whole, is_wrong_gtin
from vitrine.transfer.columns.facts import is_nested
from vitrine.transfer.columns.private_names import is_private
from vitrine.transfer.columns.units import currency_of, with_weight_unit
from vitrine.transfer.files.guarded_cells import ATTRIBUTE
from vitrine.transfer.shops.binding import (
    OPTIONS,
    Binding,
    BoundField,
    renamed,
    weight_column,
)
from vitrine.transfer.shops.folding import Sold
from vitrine.transfer.shops.named_values import Cells, is_url, named_values, split_list
from vitrine.transfer.shops.sale_dates import is_within
from vitrine.transfer.shops.variant_keys import VariantKeys

# Fields that a variant does not get from its product.
OWN = ("external_ref", "slug", "sku", "gtin", "stock", "compare_at_price")
ABOVE = " > "  # between the names of a path of categories
# Fields whose other columns say something more, which becomes an attribute.
_WITH_SPARE = ("description", "category", "brand", "gtin", "tax_class", "name")
_WHOLE = re.compile(r"-?\d{1,18}")
_POINT_ZERO = re.compile(r"\.0+$")
_ZERO = re.compile(r"0+([.,]0*)?")
_WRONG_BARCODE = "barcodes have a wrong check digit or length; kept as the attribute barcode"
_PRICES = ("price", "compare_at_price")
_DIGIT = re.compile(r"\d")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


class Translator:
    """Translates what one reading of a file sells; it remembers which keys it has seen.

    Args:
        binding: The columns of the file.
        moment: The moment of the import: a price of a sale is read if it is within its dates.

    Attributes:
        notes: How often it decided something that the file does not say.
    """

    def __init__(self, binding: Binding, moment: datetime):
        self._binding = binding
        self._moment = moment
        self._texts = binding.options.text  # a name there is that of a product
        self._fields = {field.name: field for field in binding.fields}
        self.notes: Counter[str] = Counter()
        self._keys = VariantKeys(binding, self.notes)

    def row(self, sold: Sold) -> dict[str, Any]:
        """Return the row of a plain table.

        Raises:
            StackError: An amount cannot be added to another, or a date cannot be read.
        """
        row: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        chosen: dict[str, str] = {}  # the column of each field
        for field in self._binding.fields:
            column, value = self._value(field, sold)
            chosen[field.name] = column
            if value is not None:
                self._put(row, attributes, field, column, value, sold)
            if field.name in _WITH_SPARE or field.currencies:
                attributes |= self._spare(field, column, sold)
        if code := self._currency(chosen.get("price", "")):
            row.setdefault("currency", code)
        self._take_off(row, sold)
        self._compare_price(row, chosen, sold)
        self._keys.add(row, attributes, sold)
        attributes = self._attributes(sold) | attributes
        if files := [photo for photo in sold.photos if not is_url(photo)]:
            attributes["photos"] = files
            self.notes["photos are names of files, kept as the attribute photos"] += len(files)
        return row | {ATTRIBUTE + name: value for name, value in attributes.items()}

    def _value(self, field: BoundField, sold: Sold) -> tuple[str, Any]:
        """Return the first cell of a field with its column."""
        for cells in (sold.own,) if field.name in OWN else (sold.own, sold.product):
            for column in field.columns:
                value = cells.get(column)
                if value is None or (column in self._texts and sold.options and cells is sold.own):
                    continue
                is_unless = column == field.columns[0] or field.rule.sum
                if is_unless and self._is_meaningless(field, sold):
                    continue
                if field.name in _PRICES and self._is_no_price(field, column, value):
                    continue
                if field.tracker and self._is_untracked(field, value, sold):
                    continue
                if column == field.dated and not self._is_on_sale(field, cells):
                    continue
                if field.rule.values and (value := _meant(field.rule.values, value)) == "":
                    continue
                if column in field.find:
                    value = _found(field.find[column], str(value), field.rule.minor)
                    if value is None:
                        continue
                return column, value
        return "", None

    def _currency(self, column: str) -> str:
        """Return the currency that the name of the column of a price has, or one of the file."""
        named = self._fields["price"].currencies.get(column) if column else ""
        return named or currency_of(column) or self._binding.currency

    def _is_meaningless(self, field: BoundField, sold: Sold) -> bool:
        """Return True if other columns say that the first cell of a field has no meaning."""
        return bool(field.unless) and all(
            _folded(sold.own.get(column, sold.product.get(column))) == text
            for column, text in field.unless.items()
        )

    def _is_no_price(self, field: BoundField, column: str, value: Any) -> bool:
        """Return True for a zero before another column of a price, which says that it is empty."""
        digits = _DIGIT.findall(str(value))
        if column == field.columns[-1] or not digits or any(map(int, digits)):
            return False
        self.notes[f"{column}: 0 is not a price there, and the next column is read"] += 1
        return True

    def _is_untracked(self, field: BoundField, value: Any, sold: Sold) -> bool:
        """Return True for a stock of 0 that nothing counts: its shop sells without end."""
        if field.tracker in sold.own or not _ZERO.fullmatch(str(value).strip()):
            return False
        self.notes[f"stocks are 0 without {field.tracker}, and are not counted"] += 1
        return True

    def _is_on_sale(self, field: BoundField, cells: Cells) -> bool:
        """Return True if the moment of the import is within the dates of a price."""
        if is_within(cells.get, *field.dates, self._moment):
            return True
        self.notes[f"{field.dated}: out of its dates, and the next column is read"] += 1
        return False

    def _put(
        self,
        row: dict[str, Any],
        attributes: dict[str, Any],
        field: BoundField,
        column: str,
        value: Any,
        sold: Sold,
    ) -> None:
        """Put the value of a field into a row."""
        if field.name == "status":
            row["status"] = _strictest(field, sold)
        elif field.name == "tags":
            row["tags"] = _tags(field, sold)
        elif field.name == "category":
            if paths := _paths(field, value):
                row["category"] = paths
        elif field.name == "availability":
            self._put_availability(row, attributes, column, value)
        elif field.name == "gtin" and is_wrong_gtin(value):
            check_whole(value, column)
            attributes["barcode"] = value
            self.notes[_WRONG_BARCODE] += 1
        elif field.name == "weight":
            unit = sold.own.get(field.unit_column) or sold.product.get(field.unit_column)
            number, own = with_weight_unit(value) if isinstance(value, str) else ("", "")
            if number:
                value, unit = number, own
            row[weight_column(field, column, str(unit or ""))] = value
        elif field.rule.newline and isinstance(value, str):
            row[field.name] = value.replace(field.rule.newline, "\n")
        elif field.rule.sum:
            row[field.name] = _sum([sold.own.get(column) for column in field.columns], value)
        elif extra := sold.own.get(field.plus):
            row[field.name] = _added(column, value, field.plus, extra)
        else:
            row[field.name] = value

    def _put_availability(
        self, row: dict[str, Any], attributes: dict[str, Any], column: str, value: Any
    ) -> None:
        """Set the stock of what cannot be bought to 0; else it stays as it is."""
        text = _folded(value)
        available = text in _YES if text in (*_YES, *_NO) else words.availability(value)
        if available is None:
            attributes[column] = value
            self.notes[f"{column}: texts are not understood and kept as an attribute"] += 1
        elif not available:
            row["stock"] = "0"

    def _take_off(self, row: dict[str, Any], sold: Sold) -> None:
        """Take the discount of a shop off the price, which is then that to compare with."""
        field = self._fields.get("price")
        if not field or not field.less or row.get("price") is None:
            return
        cells = {**sold.product, **sold.own}
        try:
            price, off = (Decimal(str(value)) for value in (row["price"], cells.get(field.less, 0)))
        except InvalidOperation:
            raise StackError(
                f"The price {row['price']!r} and {field.less} {cells[field.less]!r} are not both "
                "plain numbers; write plain ones."
            ) from None
        if not off:
            return
        is_percent = any(
            _folded(cells.get(column)) == text.casefold()
            for column, text in field.percent_if.items()
        )
        row["compare_at_price"] = row["price"]
        row["price"] = f"{price * (100 - off) / 100 if is_percent else price - off:f}"
        self.notes[f"prices are less {field.less}, and compare_at_price is the one before"] += 1

    def _spare(self, field: BoundField, chosen: str, sold: Sold) -> dict[str, Any]:
        """Return the cells of a field that were not chosen, as attributes."""
        if len(field.columns) == 1:
            return {}
        cells = sold.own if field.name in OWN else {**sold.product, **sold.own}
        others = {column: cells[column] for column in field.columns if column in cells}
        value = others.pop(chosen, None)
        return {
            renamed(column, self._binding.format.rename): other
            for column, other in others.items()
            if other != value and not is_nested(other)
            if column not in field.find or re.search(field.find[column], str(other))
        }

    def _compare_price(self, row: dict[str, Any], chosen: Mapping[str, str], sold: Sold) -> None:
        """Leave out a price to compare with that is the price; add that of the product's price."""
        if "price" not in self._fields or "compare_at_price" not in self._fields:
            return
        field = self._fields["compare_at_price"]
        price, compared = (chosen[name] for name in _PRICES)
        if not compared and price and price not in sold.own:
            compared, value = self._value(field, Sold(sold.number, sold.product))
            if value is not None:
                row["compare_at_price"] = value
        if price == compared:
            row.pop("compare_at_price", None)

    def _attributes(self, sold: Sold) -> dict[str, Any]:
        """Return the attributes that the other columns tell."""
        binding, own, product = self._binding, sold.own, sold.product
        attributes: dict[str, Any] = {}
        for cells in (product, own):
            for name, value in named_values(binding.attributes, cells, product).items():
                if name not in sold.options:
                    attributes[name] = value
        for column, name in binding.others.items():
            # Vitrine's own files have all attributes in the row of each variant.
            inherited = None if column.startswith(ATTRIBUTE) else product.get(column)
            value = own.get(column, inherited)
            if value is not None and not is_nested(value):
                attributes[name] = value
        if not sold.group:
            # A product without a group has no options; these columns describe it.
            values = named_values(binding.options, own, product)
            for column, name in binding.options.columns.items():
                if binding.uses[column] != OPTIONS:
                    values.pop(name, None)
            attributes = values | attributes
        return {name: value for name, value in attributes.items() if not is_private(name)}


def _strictest(field: BoundField, sold: Sold) -> str:
    """Return the strictest of all statuses of a variant and its product."""
    statuses = []
    for cells in (sold.own, sold.product):
        for column in field.columns:
            if (value := cells.get(column)) is not None:
                text = _meant(field.rule.values, value)
                statuses.append(words.status(text) or str(text))
    return max(statuses, key=_strictness)


def _strictness(status: str) -> int:
    known = status in words.STRICTNESS
    return words.STRICTNESS.index(status) if known else len(words.STRICTNESS)


def _tags(field: BoundField, sold: Sold) -> list[str]:
    tags: dict[str, None] = {}
    for column in field.columns:
        value = sold.own.get(column, sold.product.get(column))
        if value is not None:
            tags |= dict.fromkeys(split_list(value, field.rule.separator or ",", field.rule.member))
    blank = field.rule.blank
    return [tag.replace(blank, " ") for tag in tags] if blank else list(tags)


def _paths(field: BoundField, value: Any) -> str:
    """Return the paths of categories in a cell, one a line."""
    rule = field.rule
    paths: dict[str, None] = {}
    for text in split_list(value, rule.separator, rule.member):
        own_text = re.sub(rule.ignore, "", text) if rule.ignore else text
        names = split_list(own_text, rule.path)
        if len(names) > 1 and names[0] in rule.drop:
            names = names[1:]
        if names and not (len(names) == 1 and names[0] in rule.drop):
            paths[ABOVE.join(names)] = None
    return "\n".join(paths)


def _found(expression: str, text: str, is_minor: bool) -> str | None:
    """Return the part of a cell that is read, a price with its currency; None if there is none."""
    match = re.search(expression, text)
    if match is None:
        return None
    parts = {name: part or "" for name, part in match.groupdict().items()}
    value, currency = parts["value"], parts.get("currency", "")
    if is_minor and _WHOLE.fullmatch(value):
        value = f"{Decimal(value).scaleb(-decimals_of(currency)):f}"
    return f"{value} {currency}".strip()


def _meant(meaning: Mapping[str, str], value: Any) -> Any:
    """Return what a text means, by the format."""
    text = _folded(value)
    return next((meant for known, meant in meaning.items() if known.casefold() == text), value)


def _folded(value: Any) -> str:
    return "" if value is None else str(value).strip().casefold()


def _sum(cells: list[Any], first: Any) -> Any:
    """Return the sum of whole numbers such as 5 and 5.000, or the first cell if one is none."""
    wholes = [_POINT_ZERO.sub("", str(cell).strip()) for cell in cells if cell is not None]
    if not all(_WHOLE.fullmatch(whole) for whole in wholes):
        return first
    return str(sum(map(int, wholes)))


def _added(column: str, value: Any, plus: str, extra: Any) -> str:
    """Return the sum of two amounts, or raise ``StackError`` if one is not a plain number."""
    try:
        return str(Decimal(str(value)) + Decimal(str(extra)))
    except InvalidOperation:
        raise StackError(
            f"{column} {value!r} and {plus} {extra!r} cannot be added; write plain numbers."
        ) from None
