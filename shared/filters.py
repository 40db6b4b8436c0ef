"""What a query parameter may filter by: a type and an operator, neither of which can be sent."""

from collections.abc import Callable
from typing import Any, cast

from marshmallow import fields, validate

from shared.words import Search, to_slug

Condition = Callable[[Any], dict[str, Any]]


def eq(field: fields.Field[Any], path: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path`` equals the parameter."""
    return _filter(field, lambda value: {path: value}, aliases, path=path)


def gte(field: fields.Field[Any], path: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path`` is the parameter or more."""
    return _filter(field, lambda value: {path: {"$gte": value}}, aliases, floor_of=path)


def lte(field: fields.Field[Any], path: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path`` is the parameter or less."""
    return _filter(field, lambda value: {path: {"$lte": value}}, aliases, ceiling_of=path)


def within(path: str, item: str, aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents whose ``path``, an array of slugs from the root down, holds the parameter.

    A name is made into the slug of an ``item`` first, so ``Books`` finds what ``books`` finds.
    """
    return _filter(Slugged(item), lambda value: {path: value}, aliases, path=path)


def titled(aliases: tuple[str, ...] = ()) -> Any:
    """Keep documents with all these words in their title or code."""
    return _filter(
        fields.String(validate=validate.Length(1, 200)),
        lambda value: Search(value).titled,
        aliases,
    )


def either(
    yes: dict[str, Any], no: dict[str, Any], aliases: tuple[str, ...] = ()
) -> fields.Boolean:
    """Keep documents that fit ``yes`` when the parameter is true, ``no`` when it is false."""
    return cast(
        fields.Boolean, _filter(fields.Boolean(), lambda value: yes if value else no, aliases)
    )


def _filter(
    field: fields.Field[Any], condition: Condition, aliases: tuple[str, ...], **bounds: str
) -> Any:
    field.metadata = {**field.metadata, "condition": condition, "aliases": aliases, **bounds}
    return field


class Slugged(fields.String):
    """A slug, or a name that is made into the slug of an ``item``."""

    def __init__(self, item: str):
        super().__init__()
        self.item = item

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return to_slug(super()._deserialize(value, attr, data, **kwargs), self.item)
