"""Cells with several values: names with values, lists, and the URLs of photos."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from vitrine.transfer.columns.facts import is_nested
from vitrine.transfer.shops.binding import BoundNames, renamed
from vitrine.transfer.shops.format_files import Photos, TextPairs

Cells = Mapping[str, Any]

_URL = re.compile(r"https?://\S+", re.IGNORECASE)


def named_values(bound: BoundNames, own: Cells, product: Cells) -> dict[str, Any]:
    """Return the names and values that the cells of a row tell, such as ``{"Size": "L"}``.

    Args:
        bound: The columns.
        own: The cells of the row; values are read from these alone.
        product: The cells of the product, which may have the names.
    """
    found: list[tuple[str, Any]] = []
    for name_column, value_column in bound.pairs:
        if (value := own.get(value_column)) is not None:
            name = own.get(name_column) or product.get(name_column) or value_column
            found.append((_text(name), value))
    if bound.text or bound.members or bound.lists[0]:
        found += _listed_values(bound, own, product)
    if not found:
        found = [(name, own[column]) for column, name in bound.columns.items() if column in own]
    values: dict[str, Any] = {}
    strip = bound.rule.strip
    for name, cell in found:
        value = re.sub(f"^(?:{strip})", "", cell) if strip and isinstance(cell, str) else cell
        is_empty = value in (None, "") or is_nested(value)
        if not name or is_empty or _text(value).casefold() in _folded(bound.rule.ignore):
            continue
        if name in values:  # Such as two facets of one name.
            earlier = values[name] if isinstance(values[name], list) else [values[name]]
            value = [*earlier, value] if value not in earlier else values[name]
        values[name] = value
    return values


def _listed_values(bound: BoundNames, own: Cells, product: Cells) -> Iterator[tuple[str, Any]]:
    """Yield the names and values in one or two cells."""
    rule = bound.rule
    for column in bound.text:
        if rule.text and (cell := own.get(column)) is not None:
            yield from text_pairs(_text(cell), rule.text)
    names_column, values_column = bound.lists
    if rule.lists and (cell := own.get(values_column)) is not None:
        names = own.get(names_column) or product.get(names_column) or ""
        sign = rule.lists.separator
        yield from zip(split_list(names, sign), split_list(cell, sign), strict=False)
    if rule.members and isinstance(members := own.get(bound.members), list):
        for member in members:
            if isinstance(member, dict):
                name = _text(member_at(member, rule.members.name))
                yield renamed(name, bound.rename), member_at(member, rule.members.value)


def text_pairs(text: str, rule: TextPairs) -> Iterator[tuple[str, str]]:
    """Yield the names and values in a text such as ``Color=Red;Size=L``."""
    last_name = ""
    for name, value in _pairs(text, rule):
        if not rule.name_key:
            yield name, value
        elif name.casefold() == rule.name_key.casefold():
            last_name = value
        elif name.casefold() == rule.value_key.casefold() and last_name:
            yield last_name, value


def _pairs(text: str, rule: TextPairs) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a text; a part without a name belongs to the value before it.

    So does a part within quotes: ``care="warm, dry",size=L``.
    """
    pairs: list[tuple[str, str]] = []
    between = ""
    for part in re.split(f"({'|'.join(map(re.escape, rule.pairs))})", text):
        if part in rule.pairs:
            between = part
            continue
        name, has_sign, value = (piece.strip() for piece in part.partition(rule.sign))
        if rule.ignore:
            name = re.sub(rule.ignore, "", name).strip()
        is_open = bool(pairs) and pairs[-1][1].startswith('"') and pairs[-1][1].count('"') % 2 == 1
        if pairs and part.strip() and (is_open or not has_sign):
            pairs[-1] = (pairs[-1][0], pairs[-1][1] + between + part.rstrip())
        elif has_sign and name:
            pairs.append((name, value))
    for name, value in pairs:
        is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
        yield name, value[1:-1].replace('""', '"') if is_quoted else value


def split_list(value: Any, signs: str | Sequence[str], member: str = "") -> list[str]:
    r"""Return the texts in a cell: of a list, or between signs; ``\,`` is part of a text.

    Args:
        value: The cell.
        signs: The sign, or several that may stand between two texts.
        member: The member that is read, if the list has objects.
    """
    if isinstance(value, list):
        value = [member_at(item, member) for item in value] if member else value
        return [text for item in value if not is_nested([item]) and (text := _text(item))]
    text = _text(value)
    signs = [sign for sign in ([signs] if isinstance(signs, str) else signs) if sign]
    if not signs:
        return [text] if text else []
    between = "|".join(map(re.escape, signs))
    parts = re.split(rf"(?<!\\)(?:{between})", text)
    return [re.sub(rf"\\({between})", r"\1", part).strip() for part in parts if part.strip()]


def photo_texts(cells: Cells, columns: Iterable[str], rule: Photos) -> list[str]:
    """Return the photos that cells name, each once."""
    sign, member = rule.separator, rule.member
    photos: dict[str, None] = {}
    for column in columns:
        value = cells.get(column)
        if value is None:
            continue
        if isinstance(value, list):
            texts = [_text(member_at(item, member) if member else item) for item in value]
        elif isinstance(value, dict):
            texts = [_text(member_at(value, member))] if member else []
        elif sign == " ":
            texts = value.split()
        elif not isinstance(value, str):
            texts = [_text(value)]
        elif "://" in value and sign:
            # A URL may have the sign in it.
            texts = re.split(rf"{re.escape(sign)}\s*(?=(?:https?:)?//)", value)
        else:
            texts = split_list(value, sign)
        photos |= dict.fromkeys(text.strip() for text in texts if text.strip())
    return [_address(photo, rule.base) for photo in photos]


def _address(photo: str, base: str) -> str:
    """Return the URL of a photo, or the name of its file."""
    if photo.startswith("//"):
        return f"https:{photo}"
    return photo if is_url(photo) else base + photo


def is_url(photo: str) -> bool:
    """Return True for the address of a photo, and False for the name of a file."""
    return bool(_URL.fullmatch(photo))


def member_at(value: Any, path: str) -> Any:
    """Return the member of a JSON object at a path with dots, or None."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def flattened(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row in which members of objects are columns such as ``price.amount``.

    Cells without a value are left out; lists stay.
    """
    cells: dict[str, Any] = {}
    for column, value in row.items():
        if isinstance(value, dict):
            cells |= {f"{column}.{name}": inner for name, inner in flattened(value).items()}
        elif value not in (None, "", []):
            cells[column] = value
    return cells


@lru_cache(maxsize=100)
def _folded(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(text.casefold() for text in texts)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)
