"""Records of a shop's interface: nested JSON as rows with plain columns, one for each variant.

The expressions are JMESPath over an object with the ``product`` and one ``variant`` of it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jmespath
import orjson

from shared.schema.currency import decimals_of
from vitrine.errors import StackError
from vitrine.transfer.columns.facts import is_nested
from vitrine.transfer.columns.private_names import is_private
from vitrine.transfer.files.csv_rows import Row

if TYPE_CHECKING:
    from vitrine.transfer.shops.format_files import Prices, Records

ATTRIBUTES = "attributes"
CURRENCY = "currency"
_NO_PRODUCTS = "records are no products, such as pages and orders, and are left out"


def record_columns(records: "Records", columns: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the columns of rows, and the members of products that the format does not read.

    Args:
        records: How records become rows.
        columns: The columns of the file.
    """
    read = _names_read(records.expressions())
    others = dict.fromkeys(column.partition(".")[0] for column in columns)
    names = [*records.columns, *records.members, *((ATTRIBUTES,) if records.varying else ())]
    return list(dict.fromkeys(names)), [name for name in others if name not in {*read, *names}]


def columns_read(records: "Records", columns: Iterable[str]) -> list[str]:
    """Return the columns of a file that expressions read, also in part."""
    read = _names_read(records.expressions())
    return [column for column in columns if column.partition(".")[0] in read]


def record_rows(
    rows: Iterable[Row], records: "Records", notes: Counter[str], currency: str = ""
) -> Iterator[Row]:
    """Yield the rows of records; all variants of a record have its number.

    Args:
        rows: The records.
        records: How they become rows.
        notes: Counts the records that are left out.
        currency: The currency of amounts without one.

    Raises:
        StackError: An expression is not valid.
    """
    read = _names_read(records.expressions())
    notes.pop(_NO_PRODUCTS, None)  # Each reading counts anew.
    for number, record in rows:
        if isinstance(record, str):
            yield number, record
            continue
        if records.only and not _search(records.only, {"product": record}):
            notes[_NO_PRODUCTS] += 1
            continue
        variants = _search(records.each, {"product": record}) if records.each else None
        members = variants if isinstance(variants, list) else []
        objects = [one for one in members if isinstance(one, dict)] or [{}]
        others = {name: value for name, value in record.items() if name not in read}
        made = [_row(records, record, variant) for variant in objects]
        if records.varying:
            _keep_varying(made, records.varying)
        for row in made:
            whole = _in_whole_units(row, records, currency)
            if isinstance(whole, dict):
                whole |= {name: others[name] for name in others if name not in row}
            yield number, whole


def _row(
    records: "Records", product: Mapping[str, Any], variant: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the row of a variant."""
    record: dict[str, Any] = {"product": product, "variant": variant}
    if records.prices:
        record |= _prices(records.prices, record)
    row: dict[str, Any] = {}
    for column, expression in records.columns.items():
        value = _search(expression, record)
        if column in records.parsed and isinstance(value, str) and value.startswith("{"):
            value = _parsed(value, records.parsed[column])
        if value not in (None, "", []):
            row[column] = value
    if isinstance(row.get(CURRENCY), str):
        row[CURRENCY] = row[CURRENCY].upper()
    for column, expression in records.members.items():
        members = _search(expression, record)
        read = _names_read(tuple(records.columns.values()), expression)
        if isinstance(members, dict):
            row[column] = [
                {"name": name, "value": value}
                for name, inner in members.items()
                if name not in read
                and not is_private(name)
                and (value := _search(records.member_value, inner)) is not None
                and not is_nested(value)
            ]
    return row


def _keep_varying(rows: Sequence[dict[str, Any]], column: str) -> None:
    """Move names and values that all variants of a product share to the attributes."""
    values: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for member in row.get(column) or ():
            values[str(member["name"])].append(member.get("value"))
    shared = {
        name
        for name, found in values.items()
        if len(found) == len(rows) and all(value == found[0] for value in found)
    }
    for row in rows:
        members = row.pop(column, None) or []
        row[column] = [member for member in members if str(member["name"]) not in shared]
        same = [member for member in members if str(member["name"]) in shared]
        row[ATTRIBUTES] = [*same, *(row.get(ATTRIBUTES) or ())]


def _prices(rule: "Prices", record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the price that is read, and the other ones."""
    prices = _search(rule.list, record)
    prices = prices if isinstance(prices, list) else []
    chosen = _search(rule.chosen, record) if rule.chosen else None
    place = 0
    if chosen is not None:
        amounts = [_search(rule.amount, price) for price in prices]
        place = amounts.index(chosen) if chosen in amounts else 0
    return {
        "price": prices[place] if prices else None,
        "other_prices": [*prices[:place], *prices[place + 1 :]],
    }


def _in_whole_units(row: dict[str, Any], records: "Records", default: str) -> dict[str, Any] | str:
    """Return a row whose amounts in cents and the like are whole units; a text if it cannot be."""
    amounts = {}
    for column, currency_column in records.minor.items():
        amount = _amount(row.get(column))
        if amount is None:
            continue
        currency = row.get(currency_column)
        code = currency if isinstance(currency, str) and currency else default
        if not code:
            return (
                f"{column} {amount} is in cents or the like, and has no currency; "
                "name it with --currency, such as --currency EUR."
            )
        digits = records.digits.get(code, decimals_of(code))
        whole = amount.scaleb(-digits)
        # With three decimals, "1.299" would be read as a thousand and more.
        amounts[column] = f"{whole:.4f}" if whole.as_tuple().exponent == -3 else f"{whole:f}"
    return row | amounts


def _amount(value: Any) -> Decimal | None:
    """Return an amount; None for another value, which the service refuses."""
    try:
        return None if value is None or isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        return None


def _parsed(text: str, expression: str) -> Any:
    """Return a value in a text that is JSON; the text itself if it is none."""
    try:
        return _search(expression, orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


def _search(expression: str, value: Any) -> Any:
    try:
        return _compiled(expression).search(value)
    except jmespath.exceptions.JMESPathTypeError:
        return None  # The record has another type at that place.
    except jmespath.exceptions.JMESPathError as error:
        raise _not_valid(expression, error) from error


@lru_cache(maxsize=1000)
def _compiled(expression: str) -> Any:
    try:
        return jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise _not_valid(expression, error) from error


def _not_valid(expression: str, error: Exception) -> StackError:
    reason = str(error).partition("\n")[0]
    return StackError(f"The expression {expression!r} is not JMESPath: {reason}.")


@lru_cache(maxsize=100)
def _names_read(expressions: tuple[str, ...], place: str = "product") -> frozenset[str]:
    """Return the members of a product, or of a place in it, that expressions read."""
    pattern = re.compile(rf"\b{re.escape(place)}\.(\w+)")
    return frozenset(match[1] for text in expressions for match in pattern.finditer(text))
