"""Serialization: ``load`` validates a request body, ``DocumentSchema`` dumps stored documents.

``DocumentSchema`` dumps several times as fast as marshmallow's ``Schema``: how to read each field
is worked out once for a schema, and fields that show the stored value are copied without a call.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, missing
from marshmallow.experimental.context import Context

from shared.http.errors import nearest
from shared.schema.fields import as_stored

# A JSON object, or a document as MongoDB holds it.
Document = dict[str, Any]
Serialize = Callable[[Any, str, Document], Any]

_AS_STORED = (as_stored, fields.Field._serialize)


class DocumentSchema(Schema):
    """Schema of the documents of a collection; a member that a document lacks is dumped as null.

    A field's ``attribute`` is the name of a member of the document, not a path.  A field with
    ``on_request`` in its metadata is dumped only if the ``Context`` names it in ``shown``.
    """

    @cached_property
    def on_request(self) -> dict[str, fields.Field[Any]]:
        """The fields that are dumped only on request, by their names in JSON."""
        named = ((field.data_key or name, field) for name, field in self.dump_fields.items())
        return {name: field for name, field in named if field.metadata.get("on_request")}

    @cached_property
    def _sources(self) -> list[tuple[str, str, Any]]:
        """For each field: its name in JSON, the member of the document, and the default."""
        return [
            (
                field.data_key or name,
                field.attribute or name,
                None if field.dump_default is missing else field.dump_default,
            )
            for name, field in self.dump_fields.items()
            if (field.data_key or name) not in self.on_request
        ]

    @cached_property
    def _converted(self) -> list[tuple[str, str, Serialize]]:
        """For each field that does not show the stored value: its names, and its ``_serialize``."""
        return [
            (field.data_key or name, name, field._serialize)
            for name, field in self.dump_fields.items()
            if type(field)._serialize not in _AS_STORED
            and (field.data_key or name) not in self.on_request
        ]

    def _serialize(self, obj: Any, *, many: bool = False) -> Any:
        """Dump as marshmallow does, between the methods that run before and after a dump."""
        shown = Context[Document].get({}).get("shown", ()) if self.on_request else ()
        asked = {name: field for name, field in self.on_request.items() if name in shown}
        return [self._dump_one(each, asked) for each in obj] if many else self._dump_one(obj, asked)

    def _dump_one(self, document: Document, asked: Mapping[str, fields.Field[Any]]) -> Document:
        get = document.get
        dumped = {name: get(source, default) for name, source, default in self._sources}
        for name, attribute, serialize in self._converted:
            dumped[name] = serialize(dumped[name], attribute, document)
        for name, field in asked.items():
            dumped[name] = field._serialize(None, name, document)
        return dumped


def load(
    schema: Schema,
    values: Document,
    stored: Document | None,
    patch: bool,
    merged: Collection[str] = (),
) -> Document:
    """Validate the values of a new item, or changes to a stored one.

    Aliases become the fields they stand for.  Read-only fields are left out: the resource has
    compared them before.  The schema finds ``stored`` in its ``Context``.

    Args:
        schema: The schema of the collection.
        values: The fields that the client sent.
        stored: The document to be changed; None for a new item.
        patch: True if the values are a JSON merge patch (RFC 7396).
        merged: Fields whose objects are merged as those of a merge patch are.

    Raises:
        ValidationError: Some values do not fit the schema.
    """
    names = _spellings(schema)
    renamed = _renamed(values, names, set(schema.fields) - set(schema.load_fields))
    if stored:
        renamed |= {
            name: _merged(stored.get(name), value)
            for name, value in renamed.items()
            if patch or name in merged
        }
    try:
        with Context({"stored": stored or {}}):
            # A field is left out or sent as a whole, so nested fields are not partial.
            partial = tuple(schema.load_fields) if stored is not None else False
            loaded: Document = schema.load(renamed, partial=partial)
    except ValidationError as error:
        messages: dict[str, Any] = dict(error.messages_dict)
        unknown = (name for name, texts in messages.items() if texts == ["Unknown field."])
        for number, name in enumerate(unknown):
            # To find the most similar name takes long; the summary shows three errors.
            hint = nearest(name, names) if number < 3 else "; leave it out."
            messages[name] = [f"Unknown field{hint}"]
        raise ValidationError(messages) from error
    return loaded | dict(_of_nothing(schema, loaded, stored or {}))


def _of_nothing(schema: Schema, loaded: Document, stored: Document) -> Iterator[tuple[str, Any]]:
    """Yield the stored value of each field that is empty and stays so.

    A field that is not stored is shown as an empty list or object: it may be sent back as that.
    """
    for name, value in loaded.items():
        field = schema.fields.get(name)
        if not value and field is not None and field.dump_default in ([], {}):
            known = stored.get(name)
            if known in (None, [], {}):
                yield name, known


@lru_cache(maxsize=100)
def _spellings(schema: Schema) -> Mapping[str, str]:
    """Return the name of the field for each accepted spelling."""
    return {
        spelling: field.data_key or name
        for name, field in schema.load_fields.items()
        for spelling in (field.data_key or name, *field.metadata.get("aliases", ()))
    }


def _renamed(values: Document, names: Mapping[str, str], read_only: set[str]) -> Document:
    renamed: Document = {}
    for spelling, value in values.items():
        name = names.get(spelling, spelling)
        if name in renamed:
            raise ValidationError({spelling: [f"Means {name}, which is sent as well; send one."]})
        if spelling not in read_only:
            renamed[name] = value
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
