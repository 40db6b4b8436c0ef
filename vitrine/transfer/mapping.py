"""Mapping of the rows of a file to the items of a service.

A mapping first surveys all rows of all files, then decides what each column becomes, then makes
the items.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vitrine.errors import StackError
from vitrine.transfer.columns import words
from vitrine.transfer.columns.amounts import (
    AmountFacts,
    contradicts,
    is_amount,
    money_of,
    read_amount,
)
from vitrine.transfer.columns.cells import (
    AMOUNT_TYPES,
    OBJECT_TYPES,
    check_whole,
    field_value,
    is_wrong_gtin,
)
from vitrine.transfer.columns.compared_prices import NOT_ABOVE, leave_out_compared
from vitrine.transfer.columns.expressions import columns_of, compiled, search
from vitrine.transfer.columns.facts import ColumnFacts, is_nested, typed_alone
from vitrine.transfer.columns.field_names import (
    AVAILABILITY,
    PHOTO_URLS,
    PUBLICATION,
    Names,
    key_of,
    keys_of,
)
from vitrine.transfer.columns.plan import (
    OPTION,
    Fields,
    Kind,
    Plan,
    Role,
    attribute_name,
    check_conflicts,
    decide,
)
from vitrine.transfer.columns.totals import total_of, totals_refused
from vitrine.transfer.columns.units import currency_of
from vitrine.transfer.files.guarded_cells import ATTRIBUTE
from vitrine.transfer.sources import RowSource
from vitrine.transfer.texts import clean_value

_POINT = "."  # the decimal mark in options
_TELLING = {
    "stock",
    AVAILABILITY,
    PUBLICATION,
    PHOTO_URLS,
    "category",
}  # whose different texts decide something
_KEYS = ("external_ref", "slug", "sku", "email", "gtin", "id", "uuid")  # of an item, not of totals
_ERROR_SIGNS = ("#", "Err:")  # before the errors of spreadsheets
_MAX_SHAPES = 10_000  # sets of columns that are remembered as checked


class RowMapping:
    """Turns rows into items: by column name, by ``--map`` and by ``--set``.

    Columns that are not fields become attributes if the service has free attributes.

    Attributes:
        notes: How often a price was changed, by the reason.
    """

    def __init__(
        self,
        fields: Mapping[str, Any],
        maps: Iterable[str],
        sets: Iterable[str],
        nulls: Iterable[str],
        attributes: Iterable[str] | None,
        names: Names | None = None,
        decimal: str | None = None,
    ):
        """Prepare the mapping of one import.

        Args:
            fields: The fields of the service, as ``GET /`` describes them.
            maps: ``FIELD=COLUMN`` or ``FIELD=EXPRESSION`` (JMESPath) of ``--map``.
            sets: ``FIELD=VALUE`` of ``--set``.
            nulls: Texts that stand for null.
            attributes: The columns to keep as attributes; None keeps all that are not private.
            names: The names of columns in files of other shops, by the field they mean.
            decimal: The decimal mark of amounts; None lets the file tell it.

        Raises:
            StackError: A map or set names an unknown field, or has no ``=``.
        """
        self._fields = _fields(fields, names or {})
        self._attributes = None if attributes is None else frozenset(attributes)
        self._maps = [self._split(text, "--map", fields) for text in maps]
        self._sets = [self._split(text, "--set", fields) for text in sets]
        self._nulls = frozenset(nulls)
        self._decimal = decimal
        self._queries = {text: compiled(text) for _, text in self._maps}
        self._mapped = {target: f"--set {target}" for target, _ in self._sets}
        self._mapped |= {target: f"--map {target}={text}" for target, text in self._maps}
        self._facts: dict[str, ColumnFacts] = {}
        self._map_facts = {text: ColumnFacts(text, True) for _, text in self._maps}
        self._amount_columns: set[str] = set()
        self._key_columns = {text for target, text in self._maps if target in _KEYS}
        self._amounts = AmountFacts()
        self._gtin_columns: set[str] = set()
        self._wrong_gtins: dict[str, tuple[int, Any]] = {}  # their number, and the first
        self._shapes: set[tuple[str, ...]] = set()
        self._parents: dict[str, str] = {}  # the column that a flattened column comes from
        self._merged: dict[str, Role] = {}  # columns about availability and publication
        self._money_columns: list[str] = []  # that may name the currency of a row
        self.rows = 0
        self.plan = Plan()
        self.columns: dict[str, str] = {}  # the column of each field, for error messages
        self.notes: Counter[str] = Counter()

    def survey_files(self, sources: Iterable[RowSource]) -> None:
        """Survey all rows of files, then decide what their columns become.

        Raises:
            StackError: As ``meet`` and ``decide`` do, or a file cannot be read.
        """
        for source in sources:
            self.meet(source.header)
            for _, row in source.rows():
                if isinstance(row, dict):
                    self.survey(row)
        self.decide()

    def survey(self, row: Mapping[str, Any]) -> None:
        """Take one row into account for the decision; raise as ``meet`` does."""
        self.rows += 1
        columns = self._flattened(row)
        shape = tuple(columns)
        if shape not in self._shapes:
            self.meet(columns)
            if len(self._shapes) < _MAX_SHAPES:
                self._shapes.add(shape)
        if total_of(columns, self._key_columns):
            return  # It is refused, and its sums tell nothing of the cells above them.
        for column, value in columns.items():
            cell = self._cell(value)
            self._facts[column].add(cell)
            if column in self._gtin_columns and is_wrong_gtin(cell):
                count, example = self._wrong_gtins.get(column, (0, cell))
                self._wrong_gtins[column] = count + 1, example
            if column in self._amount_columns and isinstance(cell, str):
                self._amounts.add(cell, currency_of(column))
        for target, text in self._maps:
            value = self._mapped_value(text, row, columns)
            self._map_facts[text].add(value)
            if isinstance(value, str) and self._fields.types.get(target) in AMOUNT_TYPES:
                self._amounts.add(value)

    def meet(self, columns: Iterable[str]) -> None:
        """Prepare for the columns of a header or a row, of which some may be new.

        Raises:
            StackError: Two columns have the names of one field.
        """
        check_conflicts(columns, self._fields, self._mapped)
        for column in columns:
            if column in self._facts:
                continue
            targets = list(_possible_targets(column, self._fields))
            keeps = bool(_TELLING & set(targets))
            if not {*_KEYS}.isdisjoint((*targets, key_of(column))):
                self._key_columns.add(column)
            self._facts[column] = ColumnFacts(column, keeps_distinct=keeps)
            if any(self._fields.types.get(target) == "Gtin" for target in targets):
                self._gtin_columns.add(column)
            # A column about availability may have counts.
            types = {self._fields.types.get(target) for target in targets}
            if not types.isdisjoint(AMOUNT_TYPES) or AVAILABILITY in targets:
                self._amount_columns.add(column)

    def decide(self) -> Plan:
        """Decide what each column becomes, after all rows were surveyed.

        Raises:
            StackError: An option names nothing in the files, or amounts may be read in two ways.
        """
        used = self._used_columns()
        self.plan = decide(self._facts, self._fields, self._mapped, used, self._attributes)
        merged = (Kind.AVAILABILITY, Kind.PUBLICATION)
        self._merged = {name: role for name, role in self.plan.roles.items() if role.kind in merged}
        self._check_options()
        self._check_amounts()
        for column, (count, example) in self._wrong_gtins.items():
            role = self.plan.roles.get(column)
            if role and self._is_wrong_gtin(role, example):
                self.plan.notes.append(
                    f"{column}: wrong check digits or lengths (rows: {count:,}), such as "
                    f"{example}; such a number becomes an attribute instead of the {role.target}"
                )
        self.columns = {
            target: column for column, target in self.plan.columns(Kind.FIELD).items()
        } | dict(self._maps)
        self.plan.notes += self._unread_objects()
        types = self._fields.types
        if "currency" in self._fields.writable:
            self._money_columns = [
                column for target, column in self.columns.items() if types.get(target) == "Money"
            ]
        return self.plan

    def _unread_objects(self) -> Iterator[str]:
        """Yield a sentence for each object with the name of a field of which nothing is read."""
        for parent in dict.fromkeys(self._parents.values()):
            target = self._fields.exact(parent)
            if target in self._fields.writable and target not in self.known_fields:
                members = [
                    column.removeprefix(f"{parent}_")
                    for column, owner in self._parents.items()
                    if owner == parent
                ]
                yield (
                    f"{parent} is an object with {', '.join(members)}, and no {target}; if one of "
                    f"these is, say --map {target}={parent}.{members[0]}"
                )

    def _used_columns(self) -> set[str]:
        """Return the columns that maps read; they do not become attributes as well."""
        used: set[str] = set()
        for _, text in self._maps:
            names = {text} if text in self._facts else columns_of(self._queries[text])
            used |= names
            used |= {name for name, parent in self._parents.items() if parent in names}
        return used

    def _check_options(self) -> None:
        """Raise ``StackError`` if an option names no column, likely because it is misspelt."""
        if not self.rows:
            return
        maps = [
            f"--map {target}={text}"
            for target, text in self._maps
            if not self._map_facts[text].filled and text not in self._facts
        ]
        exported = {column.removeprefix(ATTRIBUTE) for column in self._facts}
        if absent := sorted((self._attributes or frozenset()) - self._facts.keys() - exported):
            # One list of names may be meant for several files.
            names = ", ".join(absent)
            self.plan.notes.append(f"Nothing in the file for --attributes {names}: is it misspelt?")
        if maps:
            raise StackError(
                f"Nothing in the file for {', '.join(maps)}: is it misspelt? The columns are "
                f"{', '.join(self._facts)}."
            )

    def _check_amounts(self) -> None:
        """Raise ``StackError`` if nothing tells how the amounts are to be read."""
        text = self._amounts.ambiguous
        if text and not (self._decimal or self._amounts.mark):
            others = "no other amount in the file tells it"
            if self._amounts.marks:
                others = "of the other amounts, some have a decimal point and some a decimal comma"
            raise StackError(
                f"The amount {text!r} may have decimals or thousands, and {others}. Say --decimal "
                ". or --decimal ,"
            )

    @property
    def writable(self) -> frozenset[str]:
        """The fields that an import may set."""
        return self._fields.writable

    @property
    def has_free_attributes(self) -> bool:
        """True if the service has attributes of any name."""
        return self._fields.has_attributes

    @property
    def set_fields(self) -> list[str]:
        """The fields and attributes that ``--set`` sets."""
        return [target for target, _ in self._sets]

    def parent(self, column: str) -> str:
        """Return the column of the file that a flattened column comes from."""
        return self._parents.get(column, column)

    @property
    def facts(self) -> Mapping[str, ColumnFacts]:
        """The facts about each column."""
        return self._facts

    @property
    def amounts(self) -> AmountFacts:
        """The facts about the amounts."""
        return self._amounts

    @property
    def known_fields(self) -> set[str]:
        """The fields that a column or an option fills, also in part."""
        return {*self.columns, *self.set_fields} | {role.target for role in self._merged.values()}

    def facts_of(self, target: str) -> ColumnFacts | None:
        """Return the facts about the column, or the ``--map``, that fills a field."""
        if text := dict(self._maps).get(target):
            return self._map_facts[text]
        column = self.plan.column_of(target)
        return self._facts[column] if column else None

    def filled(self, target: str) -> int:
        """Return the number of rows with a value for a field."""
        if target in self.set_fields:
            return self.rows
        if target in dict(self._maps):
            return self._map_facts[dict(self._maps)[target]].filled
        columns = self.plan.columns(Kind.FIELD).items()
        return sum(self._facts[column].filled for column, field in columns if field == target)

    def texts(self, target: str) -> tuple[str, set[str]]:
        """Return the column of a field and its different texts."""
        facts = self.facts_of(target)
        return (facts.name, facts.distinct) if facts else ("", set())

    def item(self, row: Mapping[str, Any], are_texts: bool = False) -> dict[str, Any]:
        """Return the item of a row.

        Args:
            row: The row.
            are_texts: Its cells are texts without types, as in CSV.

        Raises:
            StackError: It is a row of totals, or a cell is not understood or damaged.
        """
        item: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        columns = self._flattened(row)
        if text := total_of(columns, self._key_columns):
            raise StackError(totals_refused(text))
        self._check_errors(columns)
        self._read_columns(columns, item, attributes, are_texts)
        for target, text in self._maps:
            value = self._mapped_value(text, row, columns)
            if value is None and text not in columns:
                continue  # An empty cell, or nothing at that place: the field stays as it is.
            facts = self._map_facts[text] if are_texts else None
            self._put(item, attributes, target, value, facts)
        for target, text in self._sets:
            if target.startswith(ATTRIBUTE):
                attributes[target.removeprefix(ATTRIBUTE)] = typed_alone(text)
            else:
                item[target] = self._converted(target, text, _POINT)
        if self._merged:
            self._merge(columns, item)
        self._add_currency(row, columns, item)
        own = item.get("attributes") or {}
        if attributes and isinstance(own, dict):  # Otherwise the service names the fault.
            item["attributes"] = attributes | own
        self._check_compared(item)
        return item

    def _check_errors(self, columns: Mapping[str, Any]) -> None:
        """Raise ``StackError`` for a cell with an error of a spreadsheet, unless it is left out."""
        for column, value in columns.items():
            if not isinstance(value, str) or not value.startswith(_ERROR_SIGNS):
                continue  # Most cells, without a look at all errors.
            if not words.is_error(value) or value in self._nulls:
                continue
            role = self.plan.roles.get(column)
            if role is None or role.kind is not Kind.LEFT_OUT:
                raise StackError(
                    f"{column}: {value!r} is an error of a spreadsheet. Correct the cell or empty "
                    f"it; `import products` and the like read it as empty with --null '{value}'."
                )

    def _check_compared(self, item: dict[str, Any]) -> None:
        """Leave out a price to compare with that is not above the price, and count it."""
        if leave_out_compared(item):
            self.notes[NOT_ABOVE] += 1

    def attribute_texts(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Return the attributes of a row of texts as they stand in the file."""
        columns = {target: column for column, target in self.plan.columns(Kind.ATTRIBUTE).items()}
        columns |= {
            target.removeprefix(ATTRIBUTE): text
            for target, text in self._maps
            if target.startswith(ATTRIBUTE)
        }
        return {
            name: row[column]
            for name, column in columns.items()
            if isinstance(row.get(column), str)
        }

    def add_declared(
        self, item: dict[str, Any], row: Mapping[str, Any], declared: Iterable[str]
    ) -> None:
        """Add the attributes that a category declares and whose columns are read as fields.

        A column ``ean`` is the GTIN; in a category with an attribute of this name it is both.
        """
        attributes = item.get("attributes") or {}
        if not isinstance(attributes, dict):
            return
        columns, roles = self._flattened(row), self.plan.columns(Kind.FIELD)
        found = {
            name: value
            for name in declared
            if roles.get(name, name) != name and name not in attributes
            if (value := self._cell(columns.get(name))) is not None and not is_nested(value)
        }
        if found:
            item["attributes"] = attributes | found

    def _read_columns(
        self,
        columns: Mapping[str, Any],
        item: dict[str, Any],
        attributes: dict[str, Any],
        are_texts: bool,
    ) -> None:
        """Put the columns that no ``--map`` reads into the item and its attributes."""
        roles = self.plan.roles
        for column, raw in columns.items():
            role = roles.get(column)
            if role is None:
                continue
            value = self._cell(raw)
            if role.kind is Kind.OPTION:
                _put_option(item, role.target, value)
            elif self._is_wrong_gtin(role, value):
                check_whole(value, column)
                attributes[attribute_name(column, set())] = value
            elif role.kind is Kind.FIELD:
                self._set(item, role.target, value, column)
            elif role.kind is Kind.ATTRIBUTE and value is not None and not is_nested(value):
                is_cell = are_texts and isinstance(value, str) and not role.is_typed
                attributes[role.target] = (
                    self._facts[column].typed(value, has_commas=self._has_commas)
                    if is_cell
                    else value
                )

    def _is_wrong_gtin(self, role: Role, value: Any) -> bool:
        """Return True for a number that the service would refuse, and that an attribute keeps."""
        is_field = role.kind is Kind.FIELD and self._fields.types[role.target] == "Gtin"
        return is_field and self._fields.has_attributes and is_wrong_gtin(value)

    def _put(
        self,
        item: dict[str, Any],
        attributes: dict[str, Any],
        target: str,
        value: Any,
        facts: ColumnFacts | None,
    ) -> None:
        """Put a value into a field, or into the attribute that ``attr.NAME`` names."""
        if target.startswith(OPTION):
            _put_option(item, target.removeprefix(OPTION), value)
        elif not target.startswith(ATTRIBUTE):
            self._set(item, target, value)
        elif value is not None:
            if facts and isinstance(value, str):
                value = facts.typed(value, has_commas=self._has_commas)
            attributes[target.removeprefix(ATTRIBUTE)] = value

    def _set(self, item: dict[str, Any], target: str, value: Any, column: str = "") -> None:
        """Put a cell into a field; the text "in stock" leaves the stock as it is."""
        is_count = target != "stock" or not isinstance(value, str) or is_amount(value)
        if is_count or not words.availability(value):
            item[target] = self._converted(target, value, self._mark, column)

    def _merge(self, columns: Mapping[str, Any], item: dict[str, Any]) -> None:
        """Turn columns about availability and publication into stock and status."""
        available: list[bool] = []
        statuses: list[str] = []
        for column, role in self._merged.items():
            value = self._cell(columns.get(column))
            if value is None:
                continue
            if role.kind is Kind.AVAILABILITY:
                available.append(_understood(column, value))
            else:
                statuses.append(words.status(value, column) or str(value))
        if not all(available):
            item["stock"] = 0
        if statuses:
            statuses += [str(item["status"])] if item.get("status") else []
            item["status"] = max(statuses, key=_strictness)

    def _add_currency(
        self, row: Mapping[str, Any], columns: Mapping[str, Any], item: dict[str, Any]
    ) -> None:
        """Set the currency that stands beside the amounts, unless the item has one.

        Raises:
            StackError: A cell names another currency than the row does.
        """
        is_set = "currency" in dict(self._sets)
        for column in self._money_columns:
            value = self._mapped_value(column, row, columns)
            if value is None:
                continue
            text = value if isinstance(value, str) else ""
            code = currency_of(column) or read_amount(text, self._mark).currency
            known = item.get("currency")
            if not known and code:
                known = item["currency"] = code
            if isinstance(known, str) and not is_set:
                named = [name for name in (text, currency_of(column)) if name]
                if any(contradicts(name, known.upper()) for name in named):
                    raise StackError(
                        f"{column}: {value!r} is not in {known}, the currency of this row. Correct "
                        "one of the two."
                    )

    @property
    def _mark(self) -> str:
        return self._decimal or self._amounts.mark

    @property
    def _has_commas(self) -> bool:
        """True if amounts have decimal commas."""
        return "," in (self._decimal or self._amounts.marks)

    def _mapped_value(self, text: str, row: Mapping[str, Any], columns: Mapping[str, Any]) -> Any:
        """Return the value that a map reads: of exactly one column, or of an expression."""
        if text not in self._queries or text in columns or text in self._facts:
            return self._cell(columns.get(text))
        return self._cell(clean_value(search(self._queries[text], row)))

    def _flattened(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row in which the members of an object are columns of their own."""
        if not any(isinstance(value, dict) for value in row.values()):
            return row
        columns: dict[str, Any] = {}
        codes: dict[str, str] = {}  # the currency of each amount that is an object
        for column, value in row.items():
            if isinstance(value, dict) and (money := self._money(column, value)):
                columns[column], codes[column] = money
                continue
            is_object = self._fields.types.get(self._fields.exact(column)) in OBJECT_TYPES
            if not isinstance(value, dict) or is_object:
                columns[column] = value
                continue
            for name, inner in value.items():
                self._parents[f"{column}_{name}"] = column
                columns.setdefault(f"{column}_{name}", inner)
        for column, code in codes.items():
            if not code or "currency" not in self._fields.writable:
                continue
            own = next((name for name in columns if self._fields.exact(name) == "currency"), "")
            if not own:
                columns["currency"] = code
            elif columns[own] != code:
                columns[column] = f"{columns[column]} {code}"  # A contradiction, which fails later.
        return columns

    def _money(self, column: str, value: Mapping[str, Any]) -> tuple[Any, str] | None:
        """Return the amount and the currency of an object in a column of prices."""
        targets = _possible_targets(column, self._fields)
        is_price = any(self._fields.types.get(target) == "Money" for target in targets)
        return money_of(value) if is_price else None

    def _converted(self, name: str, value: Any, mark: str, column: str = "") -> Any:
        """Convert a cell to the type of its field; the service validates it."""
        column = column or self.columns.get(name, "")
        return field_value(name, self._fields.types.get(name, ""), value, mark, column)

    def _cell(self, value: Any) -> Any:
        return None if self._nulls and isinstance(value, str) and value in self._nulls else value

    def _split(self, text: str, option: str, fields: Mapping[str, Any]) -> tuple[str, str]:
        """Return the field and the right side of an option, or raise ``StackError``."""
        target, equals, right = text.partition("=")
        aliases = {alias: name for name, field in fields.items() for alias in field["aliases"]}
        target = aliases.get(target.strip(), target.strip())
        is_special = target == "path" or (
            self._fields.has_attributes and target.startswith(ATTRIBUTE)
        )
        has_options = self._fields.types.get("options") == "Options" and option == "--map"
        is_special = is_special or (has_options and target.startswith(OPTION))
        if not equals or not (target in self._fields.writable or is_special):
            names = ", ".join(sorted(self._fields.writable))
            raise StackError(f"{option} {text}: write FIELD=…, with FIELD one of {names}.")
        return target, right


def _fields(fields: Mapping[str, Any], names: Names) -> Fields:
    types = {name: field["type"] for name, field in fields.items()}
    writable = frozenset(name for name, field in fields.items() if not field["read_only"])
    aliases = {key_of(name): name for name in fields} | {
        key_of(alias): name for name, field in fields.items() for alias in field["aliases"]
    }
    has_path = "parent" in writable
    return Fields(types, writable, aliases, names, "Attributes" in types.values(), has_path)


def _possible_targets(column: str, fields: Fields) -> Iterator[str]:
    """Yield the fields that a column may mean."""
    if exact := fields.exact(column):
        yield exact
    keys = keys_of(column)
    for target, names in fields.names.items():
        if any(key_of(name) in keys for name in names):
            yield target


def _put_option(item: dict[str, Any], name: str, value: Any) -> None:
    """Put a cell into the options of a variant."""
    options = item.setdefault("options", {})
    if value is not None and isinstance(options, dict):
        options[name] = value if isinstance(value, str) else str(value)


def _understood(column: str, value: Any) -> bool:
    """Return whether a product can be bought, or raise ``StackError``."""
    is_available = words.availability(value)
    if is_available is None:
        raise StackError(
            f"{column}: {value!r} is not understood. Write yes or no, or keep the column as an "
            f"attribute with --map attr.availability='{column}'."
        )
    return is_available


def _strictness(status: str) -> int:
    known = status in words.STRICTNESS
    return words.STRICTNESS.index(status) if known else len(words.STRICTNESS)
