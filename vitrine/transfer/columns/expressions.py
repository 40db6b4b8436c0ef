"""JMESPath expressions of ``--map``: their values, and the columns that they name."""

from collections.abc import Iterator, Mapping
from typing import Any

import jmespath

# Parts of an expression that are applied to the result of their first part, not to the row.
_STEPS = frozenset(
    {
        *("subexpression", "index_expression", "projection", "value_projection"),
        *("filter_projection", "pipe", "flatten"),
    }
)


def compiled(text: str) -> Any:
    """Return a compiled expression; None for a column name such as "Unit price"."""
    try:
        return jmespath.compile(text)
    except jmespath.exceptions.JMESPathError:
        return None


def search(query: Any, row: Mapping[str, Any]) -> Any:
    """Return the value of an expression in a row, or None."""
    try:
        return query.search(row) if query else None
    except jmespath.exceptions.JMESPathError:
        return None


def columns_of(query: Any) -> set[str]:
    """Return the columns that an expression reads: ``brand`` for ``brand.name``."""
    return set(_columns(query.parsed)) if query else set()


def _columns(node: Any) -> Iterator[str]:
    if node["type"] == "field":
        yield node["value"]
    children = node["children"]
    for child in children[:1] if node["type"] in _STEPS else children:
        if isinstance(child, dict):
            yield from _columns(child)
