"""The knowledge of one kind of shop file: a TOML file, read and checked.

The folder ``vitrine/transfer/formats`` has a file for each kind, and ``docs/extending.md`` explains
its keys.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from vitrine.errors import StackError
from vitrine.transfer.shops.export_rules import ExportRules
from vitrine.transfer.shops.toml_values import TomlValues

FOLDER = Path(__file__).parent.parent / "formats"
SUFFIX = ".toml"
FIELDS = (
    *("external_ref", "slug", "sku", "gtin", "name", "description", "price", "compare_at_price"),
    *("currency", "tax_class", "stock", "availability", "weight", "category", "brand", "tags"),
    "status",
)

Columns = tuple[str, ...]  # names or patterns of columns
Pairs = tuple[tuple[str, str], ...]  # the columns of names, each with the column of values


@dataclass(frozen=True, slots=True)
class Recognition:
    """The columns by which a kind of file is recognised.

    Attributes:
        all: Columns that a file must have; of several spellings, one.
        none: Columns that it must not have.
        header_rows: The rows in which the header may stand, if it is not the first.
    """

    all: tuple[Columns, ...]
    none: Columns = ()
    header_rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Children:
    """A cell of a product that names its variants: ``sku=A,size=S|sku=B,size=M``.

    Attributes:
        column: The column of the cell.
        name: The name in it that stands before the SKU of a variant.
        between: The sign between two variants.
        pairs: The sign between two options.
        sign: The sign between the name and the value of an option.
    """

    column: Columns
    name: str = "sku"
    between: str = "|"
    pairs: str = ","
    sign: str = "="


@dataclass(frozen=True, slots=True)
class Fold:
    """How the rows of a file become products and their variants.

    Attributes:
        key: Rows with the same cell, one after another, are one product, and a row without a cell
            belongs to the row above it if it has options or a photo, and no other name.
        sold: A row without a cell in any of these columns sells nothing: with ``key`` or
            ``parent``, it only adds photos; with ``group``, it is left out.
        below: With ``key``, the column that says that a row belongs to the row above it.  The row
            above is not sold then, and only rows below it have options.
        below_texts: The texts of that column that say so.
        has_parents: With ``key``, a row without options is not sold if other rows have some.
        first_is_parent: With ``key``, the first of several rows is the product, and is not sold.
        parent: The cell names the row of the product.
        parent_names: With ``parent``, how rows are named there: a column, or a text such as
            ``id:{ID}`` with a column in it.
        children: A cell of the product names its variants.
        each: The column of JSON with a list of variants.
        group: Rows with the same cell are variants of one product, and each row is complete.
        skip: Rows with these texts are left out; ``*`` is any text.
    """

    key: Columns = ()
    sold: Columns = ()
    below: Columns = ()
    below_texts: tuple[str, ...] = ()
    has_parents: bool = False
    first_is_parent: bool = False
    parent: Columns = ()
    parent_names: Columns = ()
    children: Children | None = None
    each: Columns = ()
    group: Columns = ()
    skip: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How a field is read.

    Attributes:
        columns: The first of these with a cell is read; of tags and status, all are.
        separator: The sign between several categories or tags in a cell, or several such signs.
        blank: The sign that stands for a blank in tags.
        path: The sign between the names of a path of categories.
        drop: First names of paths that are left out, such as the root of a shop's tree.
        ignore: A regular expression for a part of a category that is not of its name.
        unit: The unit of a weight: g, kg, lb or oz.
        unit_column: The column of the unit of a weight.
        values: What texts mean, such as ``{"1" = "active"}``.
        unless: Columns with texts that, if all are there, make the first column meaningless.
        tracker: The column that names what counts a stock; without it, a stock of 0 is not counted.
        since: The column of the moment from which the first column has a meaning.
        until: The column of the moment up to which it has one.
        during: The column of both, with a slash between them.
        find: Columns with regular expressions of the part of their cells that is read, the group
            ``value``; cells without it are left out.  A group ``currency`` is that of a price.
        minor: The amounts that ``find`` finds are in cents and the like.
        names_currency: ``*`` in the name of a column of prices stands for their currency.
        in_header: A regular expression that finds the currency in the name of a column, as the
            group ``value``.
        less: A column with an amount that is taken off a price; the price to compare with is that
            before.
        percent_if: Columns with texts that say that ``less`` is in percent.
        plus: A column with an amount that is added.
        sum: Add the whole numbers of all columns, such as the stocks of several places.
        member: In a list of JSON objects, the member that is read.
        html: The texts are HTML.
        newline: The signs that stand for a new line in a text.
    """

    columns: Columns
    separator: tuple[str, ...] = ()
    blank: str = ""
    path: str = ""
    drop: tuple[str, ...] = ()
    ignore: str = ""
    unit: str = ""
    unit_column: Columns = ()
    values: Mapping[str, str] = field(default_factory=dict)
    unless: Mapping[str, str] = field(default_factory=dict)
    tracker: Columns = ()
    since: Columns = ()
    until: Columns = ()
    during: Columns = ()
    find: Mapping[str, str] = field(default_factory=dict)
    minor: bool = False
    names_currency: bool = False
    in_header: str = ""
    less: Columns = ()
    percent_if: Mapping[str, str] = field(default_factory=dict)
    plus: Columns = ()
    sum: bool = False
    member: str = ""
    html: bool = False
    newline: str = ""


@dataclass(frozen=True, slots=True)
class TextPairs:
    """A cell with names and values in it: ``Color=Red;Size=L``.

    Attributes:
        column: The column of the cell; of several, all are read.
        pairs: The sign between two pairs, or several that may stand there.
        sign: The sign between a name and its value.
        ignore: A regular expression for signs that are not of a name, such as ``\\[[A-Z]+\\]``.
        name_key: The name before a name, in ``Name=Color|Value=Red``.
        value_key: The name before its value.
    """

    column: Columns
    pairs: tuple[str, ...] = (";",)
    sign: str = "="
    ignore: str = ""
    name_key: str = ""
    value_key: str = ""


@dataclass(frozen=True, slots=True)
class ListPair:
    """Two cells with lists: one of names, one of values.

    Attributes:
        names: The column of the names.
        values: The column of the values.
        separator: The sign between two of them.
    """

    names: Columns
    values: Columns
    separator: str = "|"


@dataclass(frozen=True, slots=True)
class Members:
    """A list of JSON objects, each with a name and a value.

    Attributes:
        column: The column of the list.
        name: The member with the name; may have dots.
        value: The member with the value; may have dots.
    """

    column: Columns
    name: str = "name"
    value: str = "value"


@dataclass(frozen=True, slots=True)
class NamedValues:
    """The columns whose cells are options or attributes.

    Attributes:
        pairs: Columns of names, each with its column of values; ``#`` stands for a number.
        columns: The name of each column whose cells are values; read if all else says nothing.
        text: A cell with names and values.
        lists: A cell with names, and one with values.
        members: A list of objects with names and values.
        ignore: Values that mean no option, such as ``Default Title``.
        strip: A regular expression for the beginning of a value that is left out.
    """

    pairs: Pairs = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    text: TextPairs | None = None
    lists: ListPair | None = None
    members: Members | None = None
    ignore: tuple[str, ...] = ()
    strip: str = ""


@dataclass(frozen=True, slots=True)
class Photos:
    """The columns of photos.

    Attributes:
        columns: Photos of a product; all of them are read.
        of_variant: Photos of one variant.
        separator: The sign between several in a cell.
        member: In a list of JSON objects, the member with the URL.
        base: The beginning of a URL for photos without one.
        text: The column with the text of the photo in the same row, for readers who do not see it.
    """

    columns: Columns = ()
    of_variant: Columns = ()
    separator: str = ""
    member: str = ""
    base: str = ""
    text: Columns = ()


@dataclass(frozen=True, slots=True)
class Prices:
    """A list of prices, of which one is read: the expressions know it as ``price``.

    Attributes:
        list: The expression of the list, over ``product`` and ``variant``.
        chosen: The expression of the amount that the price has; else the first one is read.
        amount: The expression of the amount of a price in the list.
    """

    list: str
    chosen: str = ""
    amount: str = "amount"


@dataclass(frozen=True, slots=True)
class Records:
    """How nested JSON becomes rows with plain columns, by expressions (JMESPath).

    Attributes:
        columns: The expression of each column, over ``product`` and ``variant``.
        only: What is true for a product; other records are left out and counted.
        each: The list of the variants of a product; empty if there are none.
        varying: The column of options; those that all variants share become attributes.
        members: Columns with the members of an object as names and values.
        member_value: The value of such a member.
        parsed: What is read of a text that is JSON itself, by column.
        minor: Amounts in cents and the like, each with the column of its currency.
        digits: The decimals of currencies that the shop writes with others than usual.
        prices: The list of prices, of which one is read as ``price``; None without one.
        note: What the plan says about a choice of the expressions, such as a language.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    only: str = ""
    each: str = ""
    varying: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    member_value: str = "@"
    parsed: Mapping[str, str] = field(default_factory=dict)
    minor: Mapping[str, str] = field(default_factory=dict)
    digits: Mapping[str, int] = field(default_factory=dict)
    prices: Prices | None = None
    note: str = ""

    def expressions(self) -> tuple[str, ...]:
        """Return all expressions that read a product."""
        prices = (self.prices.list, self.prices.chosen) if self.prices else ()
        return (self.only, self.each, *prices, *self.columns.values(), *self.members.values())


@dataclass(frozen=True, slots=True)
class ShopFormat:
    """One kind of file.

    Attributes:
        name: The name of its TOML file, for ``--format``.
        title: Its name for people.
        origin: Where a shop owner gets such a file.
        refusal: Why such a file is refused, and which one to import instead; empty if it is read.
        recognise: How it is recognised.
        fold: How rows become products and variants.
        fields: How each field is read.
        records: How nested JSON becomes rows before they are folded; None for tables.
        options: The options of variants.
        attributes: Attributes that are not named by the header.
        photos: The columns of photos.
        private: Columns that only the shop may see.
        left_out: Columns without a meaning in a catalog.
        rename: Other names for attributes; ``*`` stands for the same text in both.
        aliases: Other spellings of a column, such as those in other languages.
        export: How such a file is written; None if it is only read.
    """

    name: str
    title: str
    recognise: Recognition
    fields: Mapping[str, FieldRule] = field(default_factory=dict)
    origin: str = ""
    refusal: str = ""
    records: Records | None = None
    fold: Fold = field(default_factory=Fold)
    options: NamedValues = field(default_factory=NamedValues)
    attributes: NamedValues = field(default_factory=NamedValues)
    photos: Photos = field(default_factory=Photos)
    private: Columns = ()
    left_out: Columns = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, Columns] = field(default_factory=dict)
    export: ExportRules | None = None

    def patterns(self) -> Iterator[str]:
        """Yield each column or pattern that the format names."""
        for rule in self.fields.values():
            yield from (*rule.columns, *rule.unit_column, *rule.unless, *rule.plus)
            yield from (*rule.tracker, *rule.since, *rule.until, *rule.during)
            yield from (*rule.less, *rule.percent_if)
        for named in (self.options, self.attributes):
            yield from (column for pair in named.pairs for column in pair)
            yield from named.columns
            for part in (named.text, named.members):
                yield from part.column if part else ()
            yield from (*named.lists.names, *named.lists.values) if named.lists else ()
        fold = self.fold
        yield from (*fold.key, *fold.parent, *fold.each, *fold.group, *fold.sold)
        yield from (*fold.below, *fold.skip)
        yield from fold.children.column if fold.children else ()
        yield from (*self.photos.columns, *self.photos.of_variant, *self.photos.text)
        yield from (*self.private, *self.left_out, *self.rename)


@cache
def known_formats() -> tuple[ShopFormat, ...]:
    """Return all kinds of files that Vitrine knows, by name.

    Raises:
        StackError: A file of the folder is not valid.
    """
    return tuple(read_format(path) for path in sorted(FOLDER.glob(f"*{SUFFIX}")))


def formats_to_read() -> tuple[ShopFormat, ...]:
    """Return the kinds of files that are read; the others are known to be refused."""
    return tuple(known for known in known_formats() if not known.refusal)


def format_named(name: str) -> ShopFormat:
    """Return the format with a name, or the one in a TOML file of one's own.

    Raises:
        StackError: No format has this name, or its file is not valid.
    """
    if name.endswith(SUFFIX):
        return read_format(Path(name))
    for known in known_formats():
        if known.name == name:
            return known
    names = ", ".join(known.name for known in formats_to_read())
    raise StackError(f"--format {name}: write one of {names}, or the path of a TOML file.")


def read_format(path: Path) -> ShopFormat:
    """Return the format in a TOML file.

    Raises:
        StackError: The file cannot be read or is not valid; names the key at fault.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StackError(f"{path} is not valid TOML: {error}.") from error
    return _Reader(path).format(tables)


class _Reader(TomlValues):
    """Turns the tables of a TOML file into a format; errors name the file and the key."""

    def format(self, tables: dict[str, Any]) -> ShopFormat:
        """Return the format of a file."""
        own = {"title", "origin", "recognise", "fold", "fields", "options", "attributes", "photos"}
        own |= {"columns", "records", "export", "refusal"}
        needed = ("title", "recognise", *(() if "refusal" in tables else ("fields",)))
        self.check_names("the file", tables, own, needed)
        columns = self.table("columns", tables.get("columns", {}))
        self.check_names("columns", columns, {"private", "left_out", "rename", "aliases"})
        aliases = self.table("columns.aliases", columns.get("aliases", {}))
        return ShopFormat(
            name=self.path.stem,
            title=self.text("title", tables["title"]),
            origin=self.text("origin", tables.get("origin", "")),
            refusal=self.text("refusal", tables.get("refusal", "")),
            recognise=self._recognition(self.table("recognise", tables["recognise"])),
            records=self._records(tables.get("records")),
            fold=self._fold(self.table("fold", tables.get("fold", {}))),
            fields=self._fields(self.table("fields", tables.get("fields", {}))),
            options=self._named_values("options", tables.get("options", {})),
            attributes=self._named_values("attributes", tables.get("attributes", {})),
            photos=self.part(Photos, "photos", tables.get("photos", {})),
            private=self.names("columns.private", columns.get("private", ())),
            left_out=self.names("columns.left_out", columns.get("left_out", ())),
            rename=self.texts("columns.rename", columns.get("rename", {})),
            aliases={
                column: self.names(f"columns.aliases.{column}", spellings)
                for column, spellings in aliases.items()
            },
            export=self.part(ExportRules, "export", tables["export"])
            if "export" in tables
            else None,
        )

    def _recognition(self, table: dict[str, Any]) -> Recognition:
        self.check_names("recognise", table, {"all", "none", "header_rows"}, ("all",))
        header_rows = table.get("header_rows", [])
        if not isinstance(header_rows, list) or any(type(row) is not int for row in header_rows):
            raise self.error("recognise.header_rows", "a list of numbers")
        if not isinstance(table["all"], list) or not table["all"]:
            raise self.error("recognise.all", "a list of columns")
        return Recognition(
            tuple(self.names("recognise.all", spellings) for spellings in table["all"]),
            self.names("recognise.none", table.get("none", ())),
            tuple(header_rows),
        )

    def _records(self, table: Any) -> Records | None:
        if table is None:
            return None
        table = dict(self.table("records", table))
        prices = table.pop("prices", None)
        records = self.part(Records, "records", table, ("columns",))
        if prices is None:
            return records
        return replace(records, prices=self.part(Prices, "records.prices", prices, ("list",)))

    def _fold(self, table: dict[str, Any]) -> Fold:
        ways = [name for name in ("key", "parent", "children", "group") if name in table]
        if len(ways) > 1:
            raise StackError(
                f"{self.path}: [fold] has {' and '.join(ways)}; rows fold in one way only."
            )
        children = table.pop("children", None)
        fold = self.part(Fold, "fold", table)
        if children is None:
            return fold
        return replace(fold, children=self.part(Children, "fold.children", children))

    def _fields(self, table: dict[str, Any]) -> dict[str, FieldRule]:
        self.check_names("fields", table, set(FIELDS))
        rules = {}
        for name, rule in table.items():
            whole = rule if isinstance(rule, dict) else {"columns": rule}
            rules[name] = self.part(FieldRule, f"fields.{name}", whole, ("columns",))
        return rules

    def _named_values(self, name: str, table: Any) -> NamedValues:
        table = dict(self.table(name, table))
        kinds = {"text": TextPairs, "lists": ListPair, "members": Members}
        parts: dict[str, Any] = {}
        for key, kind in kinds.items():
            if key in table:
                parts[key] = self.part(kind, f"{name}.{key}", table.pop(key))
        pairs = table.pop("pairs", [])
        if not isinstance(pairs, list) or any(
            not isinstance(pair, list) or len(pair) != 2 for pair in pairs
        ):
            raise self.error(f"{name}.pairs", "a list of pairs of columns")
        columns = table.pop("columns", {})
        if isinstance(columns, list):
            columns = {column: column for column in self.names(f"{name}.columns", columns)}
        plain = self.part(NamedValues, name, table)
        return NamedValues(
            pairs=tuple((str(first), str(second)) for first, second in pairs),
            columns=self.texts(f"{name}.columns", columns),
            ignore=plain.ignore,
            strip=plain.strip,
            **parts,
        )
