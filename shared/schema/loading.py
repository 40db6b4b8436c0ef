"""From a request body to the values of a document."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from marshmallow import Schema, ValidationError
from marshmallow.experimental.context import Context

from shared.http.errors import nearest
from shared.storage.documents import Document


def load(schema: Schema, values: Document, stored: Document | None, patch: bool) -> Document:
    """Validate new values, or changes to a ``stored`` document, or raise ``ValidationError``.

    Aliases become the field they stand for; read-only fields are ignored, so that what was
    answered may be sent back.  A ``patch`` is a JSON merge patch (RFC 7396).  The schema finds
    ``stored`` in its ``Context``.
    """
    known = _spellings(schema)
    renamed = _renamed(values, known, set(schema.fields) - set(schema.load_fields))
    if stored and patch:
        renamed = {name: _merged(stored.get(name), value) for name, value in renamed.items()}
    try:
        with Context({"stored": stored or {}}):
            # What is inside of a field is there as a whole or not at all.
            partial = tuple(schema.load_fields) if stored is not None else False
            loaded: Document = schema.load(renamed, partial=partial)
    except ValidationError as error:
        messages: dict[str, Any] = dict(error.messages_dict)
        for name, wrong in messages.items():
            if wrong == ["Unknown field."]:
                messages[name] = [f"Unknown field{nearest(name, known)}"]
        raise ValidationError(messages) from error
    return loaded


@lru_cache(maxsize=100)
def _spellings(schema: Schema) -> Mapping[str, str]:
    """Return the field that each name in a body stands for."""
    return {
        spelling: field.data_key or name
        for name, field in schema.load_fields.items()
        for spelling in (field.data_key or name, *field.metadata.get("aliases", ()))
    }


def _renamed(values: Document, known: Mapping[str, str], read_only: set[str]) -> Document:
    renamed: Document = {}
    for name, value in values.items():
        if known.get(name, name) in renamed:
            raise ValidationError({name: [f"Means {known[name]}, which is given as well."]})
        if name not in read_only:
            renamed[known.get(name, name)] = value
    return renamed


def _merged(old: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396) to one value."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
