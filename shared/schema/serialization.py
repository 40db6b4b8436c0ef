"""Between JSON and documents: ``load`` reads a request body, ``DocumentSchema`` dumps a document.

Dumping is several times as fast as marshmallow's own.  How to read each field is worked out once
for a schema, and a field that shows its stored value is copied without a call.
"""

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing
from marshmallow.experimental.context import Context

from shared.http.errors import nearest
from shared.schema.fields import as_stored

# A JSON object, or a document as MongoDB holds it.
Document = dict[str, Any]
Show = Callable[[Any, str, Document], Any]

_AS_STORED = (as_stored, fields.Field._serialize)


class DocumentSchema(Schema):
    """The schema of a collection's documents; what one of them lacks is dumped as null.

    A field's ``attribute`` is the name of a member of the document, not a path.
    """

    @cached_property
    def _sources(self) -> list[tuple[str, str, Any]]:
        """What each field is called, which member it is made of, and what it is by default."""
        return [
            (
                field.data_key or name,
                field.attribute or name,
                None if field.dump_default is missing else field.dump_default,
            )
            for name, field in self.dump_fields.items()
        ]

    @cached_property
    def _shown(self) -> list[tuple[str, str, Show]]:
        """The fields that show something else than what is stored, and how they do."""
        return [
            (field.data_key or name, name, field._serialize)
            for name, field in self.dump_fields.items()
            if type(field)._serialize not in _AS_STORED
        ]

    def _serialize(self, obj: Any, *, many: bool = False) -> Any:
        """Do what marshmallow's own does, between the methods that run before and after a dump."""
        return [self._dumped(each) for each in obj] if many else self._dumped(obj)

    def _dumped(self, document: Document) -> Document:
        get = document.get
        dumped = {name: get(source, default) for name, source, default in self._sources}
        for name, attribute, show in self._shown:
            dumped[name] = show(dumped[name], attribute, document)
        return dumped


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
