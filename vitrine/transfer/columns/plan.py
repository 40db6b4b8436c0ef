"""The plan of an import: what each column becomes, decided over all rows of all files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from vitrine.errors import StackError
from vitrine.transfer.columns import words
from vitrine.transfer.columns.amounts import read_amount
from vitrine.transfer.columns.facts import ColumnFacts
from vitrine.transfer.columns.field_names import (
    AVAILABILITY,
    PHOTO_URLS,
    PUBLICATION,
    Names,
    key_of,
    keys_of,
)
from vitrine.transfer.columns.header_words import ambiguous_words, gross_prices, says_tax, words_of
from vitrine.transfer.columns.private_names import is_private
from vitrine.transfer.columns.units import check_unit, grams
from vitrine.transfer.files.guarded_cells import ATTRIBUTE

OPTION = "options."  # before the name of an option in a header
MAX_ATTRIBUTE_NAME = 64  # characters
_URL = re.compile(r"https?://", re.IGNORECASE)
_MERGED = (AVAILABILITY, PUBLICATION)  # several columns of a file may say it


class Kind(Enum):
    """Meaning of a column."""

    FIELD = auto()
    OPTION = auto()
    AVAILABILITY = auto()
    PUBLICATION = auto()
    ATTRIBUTE = auto()
    LEFT_OUT = auto()


@dataclass(frozen=True, slots=True)
class Role:
    """Meaning of one column: its kind, and its field or attribute, or why it is left out.

    The cells of an attribute of an export for spreadsheets are typed already.
    """

    kind: Kind
    target: str = ""
    reason: str = ""
    is_typed: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a service, as columns may name them.

    Attributes:
        types: The type of each field.
        writable: The fields that an import may set.
        aliases: Each spelling of a field's name or alias, as ``key_of`` returns it.
        names: The names of columns in files of other shops.
        has_attributes: Columns may become attributes.
        has_path: Categories have a place, from which their parent follows.
    """

    types: Mapping[str, str]
    writable: frozenset[str]
    aliases: Mapping[str, str]
    names: Names
    has_attributes: bool
    has_path: bool

    def exact(self, column: str) -> str:
        """Return the field whose name or alias a column has, or an empty text."""
        return next((self.aliases[key] for key in keys_of(column) if key in self.aliases), "")


@dataclass(slots=True)
class Plan:
    """The roles of all columns, and notes about them."""

    roles: dict[str, Role] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def columns(self, kind: Kind) -> dict[str, str]:
        """Return the targets of the columns of one kind."""
        return {column: role.target for column, role in self.roles.items() if role.kind is kind}

    def column_of(self, target: str) -> str:
        """Return the first column that becomes a field, or an empty text."""
        fields = self.columns(Kind.FIELD)
        return next((column for column, field in fields.items() if field == target), "")


def decide(
    facts: Mapping[str, ColumnFacts],
    fields: Fields,
    mapped: Mapping[str, str],
    used: Iterable[str],
    attributes: frozenset[str] | None,
) -> Plan:
    """Decide what each column with a cell becomes.

    Args:
        facts: What is known of each column.
        fields: The fields of the service.
        mapped: The fields that ``--map`` and ``--set`` set, with the option.
        used: The columns that maps read.
        attributes: The columns to keep as attributes; None keeps all.
    """
    plan = Plan()
    fields = _with_options_only(facts, fields, mapped)
    present = {column: cells for column, cells in facts.items() if cells.present}
    chosen = _chosen_names(present, fields, used)
    plan.notes += _read_counts(present, fields, chosen, used)
    taken = {name.casefold() for name in present}
    for column, column_facts in present.items():
        if column in used:
            continue
        role = _role(column_facts, fields, mapped, chosen, attributes)
        if role.kind is Kind.ATTRIBUTE:
            own_name = column.removeprefix(ATTRIBUTE) if role.is_typed else column
            name = attribute_name(own_name, taken)
            if name != own_name:
                plan.notes.append(f"renamed: {column!r} is the attribute {name!r}")
            role = Role(Kind.ATTRIBUTE, name, is_typed=role.is_typed)
        plan.roles[column] = role
    plan.notes += _questions(plan, fields, mapped)
    plan.notes += _prices_with_tax(plan, mapped)
    return plan


def _questions(plan: Plan, fields: Fields, mapped: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each column that may mean a field that no other column is."""
    known = ambiguous_words()
    filled = {role.target for role in plan.roles.values() if role.kind is not Kind.ATTRIBUTE}
    for column, role in plan.roles.items():
        meaning = known.get(words_of(column))
        if role.kind is not Kind.ATTRIBUTE or meaning is None:
            continue
        field = meaning.field
        if field in fields.writable and field not in filled and field not in mapped:
            yield (
                f"{column} may be the {field} ({meaning.reason}) and is kept as an attribute; if "
                f"it is, import products with --map {field}={_quoted(column)}"
            )
    for column, target in plan.columns(Kind.FIELD).items():
        if fields.types.get(target) == "Grams" and column != target and not grams(column):
            yield (
                f"{column} names no unit: numbers without one are read as grams; if they are not, "
                f"write the unit in the header, such as '{column} (kg)'"
            )


def _prices_with_tax(plan: Plan, mapped: Iterable[str]) -> Iterator[str]:
    """Yield which of several prices is read, if names say whether they contain the tax."""
    price = plan.column_of("price")
    others = [name for name in plan.columns(Kind.ATTRIBUTE) if says_tax(name)]
    if not price or "price" in mapped:
        return
    is_gross = words_of(price) in gross_prices()
    if is_gross or any(words_of(name) in gross_prices() for name in others):
        text = f"{price} is read as the price{', which contains the tax' if is_gross else ''}"
        if others:
            text += (
                f"; {', '.join(others)} stays an attribute, and --map price={_quoted(others[0])} "
                "reads it instead"
            )
        yield text


def _with_options_only(facts: Iterable[str], fields: Fields, mapped: Iterable[str]) -> Fields:
    """Return the fields without groups if no column tells the options of their variants.

    The service refuses two variants of a group with the same options, so that the groups of other
    shops are attributes then.  A column named ``group`` is that field in any case.
    """
    has_options = any(
        name.startswith(OPTION) or fields.exact(name) == "options" for name in (*facts, *mapped)
    )
    if has_options or fields.types.get("options") != "Options":
        return fields
    aliases = {
        key: name for key, name in fields.aliases.items() if name != "group" or key == "group"
    }
    names = {name: texts for name, texts in fields.names.items() if name != "group"}
    return replace(fields, aliases=aliases, names=names)


def _chosen_names(
    facts: Mapping[str, ColumnFacts], fields: Fields, used: Iterable[str]
) -> dict[str, str]:
    """Return the fields that columns mean by a name of other shops: the first of its table."""
    spellings: dict[str, list[str]] = {}
    for column in facts:
        for key in keys_of(column) if column not in used else ():
            spellings.setdefault(key, []).append(column)
    chosen: dict[str, str] = {}
    for target, names in fields.names.items():
        exact = any(fields.exact(column) == target for column in facts if column not in used)
        if exact and target not in _MERGED:
            continue
        for name in names:
            columns = [
                column
                for column in spellings.get(key_of(name), ())
                if column not in chosen and (target in _MERGED or not fields.exact(column))
            ]
            for column in columns if target in _MERGED else columns[:1]:
                chosen[column] = target
            if columns and target not in _MERGED:
                break
    return chosen


def _read_counts(
    facts: Mapping[str, ColumnFacts],
    fields: Fields,
    chosen: dict[str, str],
    used: Iterable[str],
) -> Iterator[str]:
    """Have each column about availability that has counts mean the stock; yield what is decided.

    A 1 among counts is one piece, and no yes.
    """
    others = [name for name in facts if name not in used and fields.exact(name) == "stock"]
    others += [name for name, target in chosen.items() if target == "stock"]
    for column in [name for name, target in chosen.items() if target == AVAILABILITY]:
        count = next(filter(_is_count, sorted(facts[column].distinct)), "")
        if not count:
            continue
        if others:
            del chosen[column]
            yield (
                f"{column} has counts such as {count}, and the stock is read from {others[0]}; "
                f"--map stock={_quoted(column)} reads this column instead"
            )
            continue
        chosen[column] = "stock"
        others.append(column)
        yield (
            f"{column} has counts such as {count}, so that all of its numbers are the stock: 1 is "
            "one piece"
        )


def _is_count(text: str) -> bool:
    """Return True for a number that is neither 0 nor 1, and so is more than a no or a yes."""
    number = read_amount(text.removesuffix("+"), ".").number or read_amount(text, ",").number
    return bool(number) and not words.is_switch(text)


def _role(
    facts: ColumnFacts,
    fields: Fields,
    mapped: Mapping[str, str],
    chosen: Mapping[str, str],
    attributes: frozenset[str] | None,
) -> Role:
    column = facts.name
    if column.startswith(ATTRIBUTE) and fields.has_attributes:
        return _exported_role(column, mapped, attributes)
    if column.startswith(OPTION) and fields.types.get("options") == "Options":
        if column in mapped:
            return Role(Kind.LEFT_OUT, reason=f"{mapped[column]} sets {column}")
        return Role(Kind.OPTION, column.removeprefix(OPTION).strip())
    if (merged := _merged_role(facts, chosen.get(column, ""), mapped)) is not None:
        return merged
    target = fields.exact(column) or chosen.get(column, "")
    if chosen.get(column) == PHOTO_URLS and not all(map(_URL.match, facts.distinct)):
        target = ""  # Names of files, which cannot be fetched.
    if target in mapped:
        return Role(Kind.LEFT_OUT, reason=f"{mapped[target]} sets {target}")
    if target in fields.writable:
        check_unit(column, target, fields.types[target])
        return Role(Kind.FIELD, target)
    if target == "path" and fields.has_path:
        return Role(Kind.FIELD, "path")
    if target == "id" and "external_ref" in fields.writable:
        return Role(Kind.LEFT_OUT, reason="the external_ref of rows without another key")
    if target in fields.types:
        return Role(Kind.LEFT_OUT, reason="read-only")
    if not fields.has_attributes:
        return Role(Kind.LEFT_OUT, reason="no such field")
    if attributes is not None and column not in attributes:
        return Role(Kind.LEFT_OUT, reason="not in --attributes")
    if attributes is None and is_private(column):
        return Role(Kind.LEFT_OUT, reason="private")
    if facts.nested and facts.nested == facts.filled:
        return Role(Kind.LEFT_OUT, reason="nested too deep")
    return Role(Kind.ATTRIBUTE)


def _exported_role(
    column: str, mapped: Mapping[str, str], attributes: frozenset[str] | None
) -> Role:
    """Return the role of an attribute of an export for spreadsheets."""
    if column in mapped:
        return Role(Kind.LEFT_OUT, reason=f"{mapped[column]} sets {column}")
    if attributes is not None and not {column, column.removeprefix(ATTRIBUTE)} & attributes:
        return Role(Kind.LEFT_OUT, reason="not in --attributes")
    return Role(Kind.ATTRIBUTE, is_typed=True)


def _merged_role(facts: ColumnFacts, meaning: str, mapped: Mapping[str, str]) -> Role | None:
    """Return the role of a column about availability or publication, if its texts are of that."""
    if meaning == AVAILABILITY:
        if "stock" in mapped and mapped["stock"].startswith("--set"):
            return Role(Kind.LEFT_OUT, reason=f"{mapped['stock']} sets stock")
        is_meant = any(words.availability(text) is not None for text in facts.distinct)
        return Role(Kind.AVAILABILITY, "stock") if is_meant else None
    if meaning == PUBLICATION:
        if "status" in mapped:
            return Role(Kind.LEFT_OUT, reason=f"{mapped['status']} sets status")
        is_meant = any(words.status(text) is not None for text in facts.distinct)
        return Role(Kind.PUBLICATION, "status") if is_meant else None
    return None


def attribute_name(column: str, taken: set[str]) -> str:
    """Return a name that the service accepts for an attribute, and add it to those taken."""
    name = "".join("_" if sign in ".$\0" else sign for sign in column).strip()
    if name.endswith(("__gte", "__lte")):
        name = name[:-5] + "_" + name[-3:]
    name = name[:MAX_ATTRIBUTE_NAME].strip() or "column"
    if name == column:
        return name
    number, free = 2, name
    while free.casefold() in taken:
        free = f"{name[: MAX_ATTRIBUTE_NAME - 4]} {number}"
        number += 1
    taken.add(free.casefold())
    return free


def check_conflicts(columns: Iterable[str], fields: Fields, mapped: Mapping[str, str]) -> None:
    """Raise ``StackError`` if two columns of one row name one field or one attribute."""
    first: dict[str, str] = {}
    for column in columns:
        target = _only_once(column, fields)
        if not target or target in mapped:
            continue
        if target in first:
            raise StackError(
                f"The columns {first[target]!r} and {column!r} both mean {target}. Say "
                f"--map {target}={_quoted(column)} or --map {target}={_quoted(first[target])}."
            )
        first[target] = column


def _only_once(column: str, fields: Fields) -> str:
    """Return the field or the attribute that one column of a row may set."""
    target = fields.exact(column)
    if target or not fields.has_attributes:
        return target if target in fields.writable else ""
    return column if column.startswith(ATTRIBUTE) else ATTRIBUTE + column


def _quoted(column: str) -> str:
    return f"'{column}'" if " " in column else column
