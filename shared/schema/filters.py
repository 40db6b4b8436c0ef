"""Filters of a query: each has a type and an operator, which a client cannot send.

So operators of MongoDB cannot be injected.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from marshmallow import ValidationError, fields, validate

from shared.schema.attribute_rules import ATTRIBUTE_NAME
from shared.schema.fields import MAX_NAME, Text
from shared.schema.search_query import Search
from shared.schema.search_terms import Filter

Condition = Callable[[Any], dict[str, Any]]


def eq(field: fields.Field[Any], path: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path`` equals the parameter.

    Args:
        field: The field that loads the value of the parameter.
        path: The stored field, or a path into it such as ``items.product_id``.
        aliases: Other names of the parameter.
    """
    about = f"Only where `{path}` is this."
    return _filter(field, about, lambda value: {path: value}, aliases, path=path)


def gte(field: fields.Field[Any], path: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path`` is the parameter or more; arguments as for ``eq``."""
    about = f"Only where `{path}` is this or more."
    return _filter(field, about, lambda value: {path: {"$gte": value}}, aliases, floor_of=path)


def lte(field: fields.Field[Any], path: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path`` is the parameter or less; arguments as for ``eq``."""
    about = f"Only where `{path}` is this or less."
    return _filter(field, about, lambda value: {path: {"$lte": value}}, aliases, ceiling_of=path)


@dataclass(frozen=True, slots=True)
class Reference:
    """A filter by an item of another or the same collection, whose slug is stored in a ``path``.

    ``item`` is the word for one item, such as ``category``, and ``of`` the collection.
    """

    path: str
    item: str
    of: str


def within(path: str, item: str, of: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path`` contains the slug of the item that the parameter names.

    ``shared.resource.references`` finds the slug before the filter is used.

    Args:
        path: The stored field, a slug or an array of slugs from the root down.
        item: The word for one of them, such as ``category``.
        of: The collection that they are of, such as ``categories``.
        aliases: Other names of the parameter.
    """
    about = f"Only in this {item}, by slug, id, old slug or exact name."
    field = _filter(Text(), about, lambda value: {path: value}, aliases, path=path)
    field.metadata["reference"] = Reference(path, item, of)
    return field


def collapse(field: str, summary: str) -> fields.String:
    """Show one item for each value of a field; the name of this parameter is ``collapse``.

    Args:
        field: The stored field, and the value to send.
        summary: The member of each item that sums up the items in its place.
    """
    text = f"`{field}` shows one item for each {field}, the first or best one, with `{summary}`."
    only = validate.Equal(field, error=f"Is not valid; send collapse={field}.")
    return fields.String(validate=only, metadata={"description": text})


def titled(aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents with all these words in their title or code."""
    return _filter(
        fields.String(validate=validate.Length(1, MAX_NAME)),
        "Only with all these words in the name or a code.",
        lambda value: Search(value).titled,
        aliases,
    )


def either(
    yes: dict[str, Any], no: dict[str, Any], aliases: tuple[str, ...] = ()
) -> fields.Boolean:
    """Keep documents that match one of two filters.

    Args:
        yes: The filter for MongoDB if the parameter is true.
        no: The filter for MongoDB if it is false.
        aliases: Other names of the parameter.
    """
    about = "Only the items that are, or with `false` those that are not."
    field = _filter(fields.Boolean(), about, lambda value: yes if value else no, aliases)
    return cast(fields.Boolean, field)


def _filter(
    field: fields.Field[Any],
    about: str,
    condition: Condition,
    aliases: tuple[str, ...],
    **bounds: str,
) -> Any:
    field.metadata = {
        "description": about,
        **field.metadata,
        "condition": condition,
        "aliases": aliases,
        **bounds,
    }
    return field


_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?", re.ASCII)
_COMPARED = re.compile(r"(.+)__([a-z]{2,11})", re.DOTALL)
_IN_BRACKETS = re.compile(r"(.+)\[([a-z]{2,11})\]", re.DOTALL)
# Operators of other query languages; each would otherwise be read as part of an attribute's name.
_FOREIGN = {"gt", "lt", "eq", "ne", "in", "nin", "exact", "iexact", "contains", "icontains"}
_FOREIGN |= {"startswith", "endswith", "range", "isnull", "exists", "regex", "min", "max"}


def by_attributes(
    field: str, texts: Mapping[str, str]
) -> tuple[list[Filter], dict[str, list[str]]]:
    """Return the filters for ``attr.x``, ``attr.x__gte`` and ``attr.x__lte``, and their errors.

    A value that reads as a number or a boolean matches that as well.  Of a list, one element has to
    match, the same one for both bounds.

    Args:
        field: The field of the document that holds the attributes.
        texts: The query parameters.
    """
    filters: list[Filter] = []
    errors: dict[str, list[str]] = {}
    bounds: dict[str, dict[str, int | float]] = {}
    for name in [name for name in texts if name.startswith("attr.")]:
        try:
            key, operator = _compared(name.removeprefix("attr."))
            if operator:
                bounds.setdefault(key, {})[f"${operator}"] = _number(texts[name])
            else:
                filters.append({f"{field}.{key}": {"$in": _readings(texts[name])}})
        except ValidationError as error:
            errors[name] = [str(message) for message in error.messages]
    for key, bound in bounds.items():
        filters.append(_between(f"{field}.{key}", bound))
        if len(bound) == 2 and bound["$gte"] > bound["$lte"]:
            errors[f"attr.{key}__gte"] = [f"Is more than attr.{key}__lte; send at most that."]
    return filters, errors


def _compared(name: str) -> tuple[str, str]:
    """Return the attribute that a parameter names, and the operator, empty for equality."""
    match = _COMPARED.fullmatch(name) or _IN_BRACKETS.fullmatch(name)
    key, operator = (match[1], match[2]) if match else (name, "")
    if operator not in ("gte", "lte", *_FOREIGN):
        key, operator = name, ""
    if operator in _FOREIGN or not ATTRIBUTE_NAME.fullmatch(key):
        raise ValidationError("Is not a filter; send attr.name, attr.name__gte or attr.name__lte.")
    return key, operator


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise ValidationError("Is not a number; send one such as 12.5.")
    number = float(text)
    # A double would round what has more than fifteen digits.
    return int(text) if abs(number) < 2**63 and text.lstrip("+-").isdigit() else number


def _readings(text: str) -> list[Any]:
    readings: list[Any] = [text]
    if _NUMBER.fullmatch(text):
        readings.append(_number(text))
    if text in ("true", "false"):
        readings.append(text == "true")
    return readings


def _between(path: str, bounds: Mapping[str, int | float]) -> Filter:
    if len(bounds) == 1:
        return {path: dict(bounds)}
    # Without $elemMatch, MongoDB would match a list with one element for each bound.
    single = {path: {**bounds, "$not": {"$type": "array"}}}
    return {"$or": [{path: {"$elemMatch": dict(bounds)}}, single]}
