"""The columns of one file, bound to the rules of its format: what each column becomes.

Names of columns are compared without case, blanks and punctuation.  In a pattern, ``*`` stands for
any text and ``#`` for a number.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as of_instance
from functools import lru_cache

from vitrine.errors import StackError
from vitrine.transfer.columns.field_names import key_of, keys_of
from vitrine.transfer.columns.private_names import is_private
from vitrine.transfer.columns.units import currency_of, grams, weight_unit
from vitrine.transfer.shops.format_files import (
    Columns,
    FieldRule,
    NamedValues,
    ShopFormat,
)

OPTIONS, PHOTOS, PRODUCT = "options", "photos", "the product"
ATTRIBUTE, NAMED_ATTRIBUTES = "attribute", "named attributes"
PRIVATE, LEFT_OUT = "private", "left out"
_WILD = re.compile(r"([*#])")
_SIGNS = {"*": "(.*)", "#": r"(\d+)"}


class Header:
    """The columns of a file, to be found by name or pattern."""

    def __init__(self, columns: Iterable[str], aliases: Mapping[str, Columns] | None = None):
        """Prepare for the columns of a file.

        Args:
            columns: The columns.
            aliases: Other spellings of a name or pattern.
        """
        self.columns = tuple(dict.fromkeys(columns))
        self._aliases = aliases or {}
        self._whole: dict[str, str] = {}
        self._short: dict[str, str] = {}
        for column in self.columns:
            self._whole.setdefault(key_of(column), column)
            self._short.setdefault(keys_of(column)[-1], column)

    def find(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the columns that patterns name, in the order of the patterns."""
        found: dict[str, None] = {}
        for pattern in patterns:
            found |= dict.fromkeys(column for column, _ in self.matches(pattern))
        return tuple(found)

    def matches(self, pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each column that a pattern names, with the texts that ``*`` and ``#`` stand for."""
        yield from self._spelled(pattern)
        for spelling in self._aliases.get(pattern, ()):
            yield from self._spelled(spelling)

    def _spelled(self, pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        if not _WILD.search(pattern):
            key = key_of(pattern)
            if column := self._whole.get(key) or self._short.get(key):
                yield column, ()
            return
        expression = _expression(pattern)
        for column in self.columns:
            if match := expression.fullmatch(key_of(column)):
                yield column, match.groups()

    def pairs(self, first: str, second: str) -> Iterator[tuple[str, str]]:
        """Yield the columns of two patterns that have the same numbers."""
        others = {texts: column for column, texts in self.matches(second)}
        for column, texts in self.matches(first):
            if texts in others:
                yield column, others[texts]


@lru_cache(maxsize=1000)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = _WILD.split(pattern)
    return re.compile("".join(_SIGNS.get(part) or re.escape(key_of(part)) for part in parts))


@dataclass(frozen=True, slots=True)
class BoundField:
    """A field with the columns of a file that it is read from.

    Attributes:
        name: The field.
        rule: How it is read.
        columns: Its columns, those to be preferred first.
        unless: Columns with the texts that, if all are there, make a cell of the first column of
            the format meaningless, in lower case; empty if the file does not have that column.
        unit_column: The column with the unit of a weight.
        plus: The column with an amount that is added.
        tracker: The column that names what counts a stock.
        dated: The first column of the format, if the file has it and dates for it.
        dates: The columns of its first moment, of its last one, and of both.
        currencies: The currency that the name of a column has.
        find: The expression of the part of a cell that is read, by its column.
        less: The column with an amount that is taken off.
        percent_if: The columns that say that it is in percent, with the texts that do so.
    """

    name: str
    rule: FieldRule
    columns: tuple[str, ...]
    unless: Mapping[str, str]
    unit_column: str = ""
    plus: str = ""
    tracker: str = ""
    dated: str = ""
    dates: tuple[str, str, str] = ("", "", "")
    currencies: Mapping[str, str] = of_instance(default_factory=dict)
    find: Mapping[str, str] = of_instance(default_factory=dict)
    less: str = ""
    percent_if: Mapping[str, str] = of_instance(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoundNames:
    """Columns whose cells are options or attributes.

    Attributes:
        rule: Where names and values are.
        pairs: Columns of names, each with its column of values.
        columns: The name of each column of values.
        text: The columns with names and values.
        lists: The columns of names and of values.
        members: The column with objects.
        rename: Other names for those in the objects.
    """

    rule: NamedValues
    pairs: tuple[tuple[str, str], ...]
    columns: Mapping[str, str]
    text: tuple[str, ...]
    lists: tuple[str, str]
    members: str
    rename: Mapping[str, str]

    @property
    def all(self) -> Iterator[str]:
        """The columns that are read."""
        yield from (column for pair in self.pairs for column in pair)
        yield from self.columns
        yield from filter(None, (*self.text, *self.lists, self.members))


class Binding:
    """A format, bound to the columns of a file.

    Attributes:
        format: The format.
        header: The columns.
        fields: The fields that the file has.
        options: The columns of options.
        attributes: The columns of named attributes.
        others: The name of each column that is an attribute by its header.
        photos: The columns of photos of a product.
        variant_photos: The columns of photos of a variant.
        photo_text: The column with the text of the photo in its row.
        currency: The currency that the name of a column has for the whole file, or an empty text.
        uses: What each column becomes; for a field, its name.
    """

    def __init__(self, format: ShopFormat, columns: Iterable[str], currency: str = ""):
        """Bind a file to its format.

        Args:
            format: The format.
            columns: The columns of the file.
            currency: The currency to read, of prices in several; empty for the first one.

        Raises:
            StackError: No price is in this currency.
        """
        self.format = format
        self.header = header = Header(columns, format.aliases)
        private = set(header.find(format.private))
        self.fields = [
            bound
            for name, rule in format.fields.items()
            if (bound := _bound_field(name, rule, header, private, currency)).columns
        ]
        self.options = _bound_names(format.options, header, format.rename)
        self.attributes = _bound_names(format.attributes, header, format.rename)
        self.photos = header.find(format.photos.columns)
        self.variant_photos = header.find(format.photos.of_variant)
        self.photo_text = self.column(format.photos.text)
        self.currency = self._currency_in_header()
        self.uses = dict(self._uses(private))
        self.others = dict(self._attribute_names())

    def column(self, patterns: Columns) -> str:
        """Return the first column of a file that patterns name, or an empty text."""
        return next(iter(self.header.find(patterns)), "")

    def _currency_in_header(self) -> str:
        """Return the currency that an expression of the format finds in the name of a column."""
        rule = self.format.fields.get("currency")
        if not rule or not rule.in_header:
            return ""
        found = (re.search(rule.in_header, column) for column in self.header.columns)
        return next((match["value"] for match in found if match), "")

    def _attribute_names(self) -> Iterator[tuple[str, str]]:
        """Yield each column that is an attribute with its name; equal names get numbers."""
        taken: Counter[str] = Counter()
        for column, use in self.uses.items():
            if use == ATTRIBUTE:
                name = renamed(column, self.format.rename)
                taken[name] += 1
                yield column, name if taken[name] == 1 else f"{name} {taken[name]}"

    def _uses(self, private: set[str]) -> Iterator[tuple[str, str]]:
        """Yield each column with what it becomes."""
        uses: dict[str, str] = {}
        for columns, use in self._columns_by_use():
            uses = dict.fromkeys(columns, use) | uses
        for column in self.header.columns:
            if column in private or (column not in uses and is_private(column)):
                yield column, PRIVATE
            else:
                yield column, uses.get(column, ATTRIBUTE)

    def _columns_by_use(self) -> Iterator[tuple[Iterable[str], str]]:
        """Yield columns with what they become; for one of several meanings, the first counts."""
        for field in self.fields:
            read = (*field.columns, field.unit_column, field.plus, field.tracker, field.less)
            yield filter(None, (*read, *field.percent_if)), field.name
        for field in self.fields:
            yield (*field.unless, *filter(None, field.dates)), field.name
        yield self.options.all, OPTIONS
        yield self.attributes.all, NAMED_ATTRIBUTES
        yield filter(None, (*self.photos, *self.variant_photos, self.photo_text)), PHOTOS
        fold = self.format.fold
        children = fold.children.column if fold.children else ()
        names = (*fold.key, *fold.parent, *fold.group, *fold.below, *fold.skip, *fold.each)
        yield self.header.find((*names, *children)), PRODUCT
        yield self.header.find(self.format.left_out), LEFT_OUT


def _bound_field(
    name: str, rule: FieldRule, header: Header, private: set[str], currency: str
) -> BoundField:
    columns = tuple(column for column in header.find(rule.columns) if column not in private)
    currencies = _currencies(rule, header) if rule.names_currency else {}
    if currency and currencies:
        columns = _in_currency(columns, currencies, currency)
    parts = (rule.unit_column, rule.plus, rule.tracker, rule.columns[:1])
    times = (rule.since, rule.until, rule.during)
    unit_column, plus, tracker, first, *dates = (
        next(iter(header.find(part)), "") for part in (*parts, *times)
    )
    dated = first if any(dates) and first in columns else ""
    unless: dict[str, str] = {}
    for pattern, text in rule.unless.items() if first in columns else ():
        unless |= dict.fromkeys(header.find((pattern,)), text.casefold())
    since, until, during = dates
    return BoundField(
        *(name, rule, columns, unless, unit_column, plus, tracker, dated),
        *((since, until, during), currencies, _by_column(rule.find, header)),
        *(next(iter(header.find(rule.less)), ""), _by_column(rule.percent_if, header)),
    )


def _by_column(rules: Mapping[str, str], header: Header) -> dict[str, str]:
    """Return texts by the columns that their patterns name."""
    return {column: text for pattern, text in rules.items() for column in header.find((pattern,))}


def _currencies(rule: FieldRule, header: Header) -> dict[str, str]:
    """Return the currency in the name of each column of prices: EUR, or in brackets, [EUR]."""
    return {
        column: code
        for pattern in rule.columns
        for column, texts in header.matches(pattern)
        if (code := currency_of(column) or "".join(texts).upper())
    }


def _in_currency(
    columns: tuple[str, ...], currencies: Mapping[str, str], currency: str
) -> tuple[str, ...]:
    """Return the columns of prices in a currency; the others become attributes."""
    chosen = tuple(column for column in columns if currencies.get(column) == currency)
    if not chosen:
        raise StackError(
            f"The prices are in {', '.join(dict.fromkeys(currencies.values()))}, and none is in "
            f"{currency}. Leave out --currency, or write one of these."
        )
    return chosen


def _bound_names(rule: NamedValues, header: Header, rename: Mapping[str, str]) -> BoundNames:
    columns: dict[str, str] = {}
    for pattern, name in rule.columns.items():
        for column, _ in header.matches(pattern):
            has_text = "*" in name  # of the column
            new = renamed(column, {pattern: name}) if has_text else name
            columns[column] = column if name == pattern else new
    lists = ("", "")
    if rule.lists:
        names, values = (header.find(part) for part in (rule.lists.names, rule.lists.values))
        lists = (names[0], values[0]) if names and values else lists
    return BoundNames(
        rule,
        tuple(pair for names in rule.pairs for pair in header.pairs(*names)),
        columns,
        header.find(rule.text.column) if rule.text else (),
        lists,
        next(iter(header.find(rule.members.column)), "") if rule.members else "",
        rename,
    )


def weight_column(field: BoundField, column: str, unit: str) -> str:
    """Return the name of a column of weights with its unit in brackets, if that is known.

    Args:
        field: The field.
        column: The column of the file, which may name a unit.
        unit: The unit in the row, or an empty text.
    """
    # The unit beside "Variant Grams" is that in which a shop shows its weights.
    units = (weight_unit(column), unit, field.rule.unit)
    names = (f"{field.name} ({unit})" for unit in units if unit)
    return next((name for name in names if grams(name)), field.name)


def renamed(column: str, rename: Mapping[str, str]) -> str:
    """Return the name of the attribute that a column becomes."""
    for pattern, name in rename.items():
        parts = (re.escape(part) if part != "*" else "(.*?)" for part in _WILD.split(pattern))
        if match := re.fullmatch("".join(parts), column, re.IGNORECASE):
            for text in match.groups():
                name = name.replace("*", text, 1)
            return name.strip() or column
    return column
