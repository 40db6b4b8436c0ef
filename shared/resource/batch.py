"""Batches: up to 1,000 items in one request, each created, or changed if its key exists."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate

from shared.http.errors import (
    MAX_ERRORS,
    ApiError,
    BadRequest,
    ContentTooLarge,
    Unprocessable,
    WriteConflict,
    pointers,
    summary,
)
from shared.resource.members import reject_members
from shared.schema.fields import Id
from shared.schema.search_query import Search
from shared.schema.serialization import Document
from shared.schema.slugs import make_slug
from shared.storage import documents, ids
from shared.storage.bulk import bulk
from shared.storage.retries import DocumentChanged, retry_conflicts

if TYPE_CHECKING:
    from shared.resource.resource import Resource

MAX_ITEMS = 1000
ON_ERROR = ("reject_failed", "reject_all")
RESULTS = ("created", "updated", "unchanged", "failed")


class InvalidPartSchema(Schema):
    """An error and its place: a JSON pointer (RFC 6901) into the body, or a parameter."""

    pointer = fields.String(metadata={"example": "/name", "optional": True})
    parameter = fields.String(metadata={"optional": True})
    message = fields.String(required=True, metadata={"example": "Is blank; send some text."})


class BatchResultSchema(Schema):
    """The result of one item of the batch."""

    index = fields.Integer(required=True, metadata={"example": 0})
    status = fields.Integer(required=True, metadata={"example": 201})
    result = fields.String(
        required=True,
        validate=validate.OneOf(RESULTS),
        metadata={"component": "BatchItemResult"},
    )
    id = fields.Raw(metadata={"shown": Id(), "optional": True})
    slug = fields.String(metadata={"optional": True})
    removed = fields.List(
        fields.String(),
        metadata={
            "description": "The members of objects that the item had and loses.",
            "example": ["/attributes/color"],
            "optional": True,
        },
    )
    same_name = fields.Raw(
        metadata={
            "description": "In a dry run: another item that has the name of this new one.",
            "shown": Id(),
            "optional": True,
        }
    )
    renamed = fields.Boolean(
        metadata={
            "description": "True if the item had another name before.",
            "example": True,
            "optional": True,
        }
    )
    errors = fields.List(fields.Nested(InvalidPartSchema), metadata={"optional": True})


class BatchResultsSchema(Schema):
    """One result for each item, in order, and the number of results of each kind."""

    results = fields.List(fields.Nested(BatchResultSchema))
    summary = fields.Dict(
        keys=fields.String(validate=validate.OneOf(RESULTS)),
        values=fields.Integer(),
        metadata={"example": {"created": 1}},
    )


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """The query string of a batch.

    Attributes:
        key: The field that finds items; empty to create all of them.
        all_or_none: Write nothing if an item is not valid.
        dry_run: Write nothing.
        merged: The field, if any, whose object keeps the members that an item does not name.
    """

    key: str
    all_or_none: bool
    dry_run: bool
    merged: tuple[str, ...]


@dataclass(slots=True)
class BatchItem:
    """One item of a batch while it is worked on.

    ``stored`` is the document with its key, ``values`` are what is to be written, ``error`` is why
    it cannot be written, and ``written`` is the document after the write.  ``same_name`` is the id
    of a stored document with the name of a new one.
    """

    stored: Document | None = None
    values: Document | None = None
    error: ApiError | ValidationError | None = None
    written: Document | None = None
    same_name: Any = None


def parse_options(
    parameters: Mapping[str, Any], keys: Sequence[str], objects: Sequence[str]
) -> BatchOptions:
    """Return what the query parameters of a batch ask for.

    Args:
        parameters: The values of the query parameters.
        keys: The fields that may be named as the key.
        objects: The fields that hold an object and may be merged.

    Raises:
        BadRequest: The key, or the field to be merged, is none of them.
    """
    key, merged = parameters.get("key", ""), parameters.get("merge", "")
    if key and key not in keys:
        raise BadRequest.parameter("key", f"Must be one of {', '.join(keys)}.")
    if merged and merged not in objects:
        names = f"one of {', '.join(objects)}" if objects else "left out"
        raise BadRequest.parameter("merge", f"Must be {names}.")
    return BatchOptions(
        key,
        parameters["on_error"] == "reject_all",
        bool(parameters.get("dry_run")),
        (merged,) if merged else (),
    )


def batch_items(body: Any) -> list[Any]:
    """Return the items in the body of a batch: an array, or an object with an array ``items``.

    Raises:
        BadRequest: The body is neither.
        ValidationError: The object has other members, such as options of the query string.
        ContentTooLarge: There are too many items.
    """
    values = body.get("items") if isinstance(body, dict) else body
    if not isinstance(values, list):
        raise BadRequest('The body is not an array of items. Send [...] or {"items": [...]}.')
    if isinstance(body, dict):
        reject_members(name for name in body if name != "items")
    if len(values) > MAX_ITEMS:
        raise ContentTooLarge(
            f"The batch has {len(values)} items, and at most {MAX_ITEMS} are allowed. Send several "
            "batches."
        )
    return values


def run_batch(resource: "Resource", values: Sequence[Any], options: BatchOptions) -> Document:
    """Create or change items, and return ``{"results": […], "summary": {…}}``.

    Args:
        resource: The collection.
        values: The items as the client sent them.
        options: The key and the modes of the batch.

    Raises:
        Unprocessable: With ``all_or_none``, some items are not valid and nothing was written.
        WriteConflict: With ``all_or_none``, other requests kept writing the same items.
    """
    work = _write_all_or_none if options.all_or_none else _write_each
    items, name = work(resource, values, options), _name_field(resource)
    results = [_result(index, item, name) for index, item in enumerate(items)]
    return {"results": results, "summary": Counter(result["result"] for result in results)}


def _write_each(
    resource: "Resource", values: Sequence[Any], options: BatchOptions
) -> list[BatchItem]:
    """Write every valid item; after a conflict with another write, read again and repeat."""
    items = _prepare(resource, values, options)
    if options.dry_run:
        _find_same_names(resource, items)
        return items
    waiting = [n for n, item in enumerate(items) if not item.error]

    def write() -> None:
        nonlocal waiting
        pairs = [(items[n].stored, items[n].values or {}) for n in waiting]
        outcomes = bulk(resource.repository, pairs, False) if pairs else []
        for number, document in zip(waiting, outcomes, strict=True):
            items[number].written = document
        waiting = [n for n, document in zip(waiting, outcomes, strict=True) if document is None]
        again = _prepare(resource, [values[n] for n in waiting], options)
        for number, item in zip(waiting, again, strict=True):
            items[number] = item
        waiting = [number for number in waiting if not items[number].error]
        if waiting:
            ids.raise_counter(resource.repository.collection)
            raise DocumentChanged(resource.item)

    try:
        retry_conflicts(write, "the same items")
    except WriteConflict as error:
        for number in waiting:
            items[number].error = error
    return items


def _write_all_or_none(
    resource: "Resource", values: Sequence[Any], options: BatchOptions
) -> list[BatchItem]:
    def write() -> list[BatchItem]:
        items = _prepare(resource, values, options)
        errors = [
            {**error, "pointer": f"/{index}{error.get('pointer', '')}"}
            for index, item in enumerate(items)
            if item.error
            for error in _errors(item.error)
        ]
        if errors:
            text = f"Some items are not valid, so nothing was written. {summary(errors)}"
            raise Unprocessable(text, errors[:MAX_ERRORS])
        if options.dry_run:
            _find_same_names(resource, items)
            return items
        pairs = [(item.stored, item.values or {}) for item in items]
        for item, document in zip(items, bulk(resource.repository, pairs, True), strict=True):
            item.written = document
        return items

    return retry_conflicts(write, "the same items; nothing was written")


def _prepare(resource: "Resource", values: Sequence[Any], options: BatchOptions) -> list[BatchItem]:
    items = [BatchItem() for _ in values]
    _find_stored(resource, values, items, options.key)
    _load(resource, values, items, options.merged)
    _check_unique(resource, items, options.key)
    return items


def _find_stored(
    resource: "Resource", values: Sequence[Any], items: list[BatchItem], key: str
) -> None:
    """Find the stored document for the key of each item, in one query."""
    first_index: dict[Any, int] = {}
    for index, (sent, item) in enumerate(zip(values, items, strict=True)):
        if not isinstance(sent, dict):
            item.error = ValidationError({"_schema": ["Not a JSON object."]})
        elif key:
            try:
                value = resource.schema.fields[key].deserialize(sent.get(key))
            except ValidationError as error:
                item.error = ValidationError({key: error.messages})
                continue
            if value is None:
                item.error = ValidationError({key: ["Is required, because it is the key."]})
                continue
            if value in first_index:
                item.error = resource.repository.repeated(key, value)
            first_index.setdefault(value, index)
    stored = resource.repository.find(key, first_index) if first_index else {}
    for value, index in first_index.items():
        items[index].stored = stored.get(value)


def _load(
    resource: "Resource", values: Sequence[Any], items: list[BatchItem], merged: Sequence[str]
) -> None:
    for sent, item in zip(values, items, strict=True):
        if item.error is None:
            try:
                item.values = resource.load(sent, item.stored, merged)
            except ValidationError as error:
                # Only the errors that are shown are kept: a batch may have 200,000.
                item.error = Unprocessable("", pointers(error.messages)[0])
            except ApiError as error:
                if error.status >= 500:
                    raise
                item.error = error


def _check_unique(resource: "Resource", items: list[BatchItem], key: str) -> None:
    """Reject values of unique fields that stored documents or earlier items of the batch have.

    The ``key`` was looked up before.  If another request takes a value meanwhile, the write fails.
    """
    for field in [name for name in resource.repository.unique_fields if name != key]:
        valid = [(n, item) for n, item in enumerate(items) if item.values and not item.error]
        wanted = {item.values.get(field) for _, item in valid if item.values} - {None}
        owners = resource.repository.find(field, wanted) if wanted else {}
        first_index: dict[Any, int] = {}
        for index, item in valid:
            value = item.values.get(field) if item.values else None
            if value is None:
                continue
            owner = owners.get(value)
            if owner and (item.stored is None or item.stored["_id"] != owner["_id"]):
                item.error = resource.repository.conflict(field, value, owner)
            elif first_index.setdefault(value, index) != index:
                item.error = resource.repository.repeated(field, value)


def _find_same_names(resource: "Resource", items: Sequence[BatchItem]) -> None:
    """Note the stored document, if there is one, that has the name of each new item."""
    field = _name_field(resource)
    new = [
        (item, str(item.values[field]))
        for item in items
        if item.values and item.stored is None and not item.error and item.values.get(field)
    ]
    if not new:
        return
    if resource.slug:
        # The first document with a name has the slug that is made of it.
        slugs = {make_slug(name, resource.item) for _, name in new}
        owners: Iterable[Document] = resource.repository.find("slug", slugs).values()
    else:
        terms = {Search(name).title for _, name in new}
        owners = resource.repository.select({"terms": {"$in": [*terms]}}, {field: True})
    ids = {str(owner.get(field)).casefold(): owner["_id"] for owner in owners}
    for item, name in new:
        item.same_name = ids.get(name.casefold())


def _name_field(resource: "Resource") -> str:
    """Return the field with the name of an item, or an empty text."""
    return resource.slug or (resource.searched.title[0] if resource.searched else "")


def _removed(stored: Document, values: Document) -> list[str]:
    """Return a JSON pointer to each member of an object that the new values leave out."""
    return [
        f"/{name}/{member.replace('~', '~0').replace('/', '~1')}"
        for name, value in values.items()
        if isinstance(before := stored.get(name), dict)
        for member in before
        if member not in (value or {})
    ]


def _errors(error: ApiError | ValidationError) -> list[dict[str, str]]:
    if isinstance(error, ValidationError):
        errors, _ = pointers(error.messages)
        return errors
    return error.errors or [{"pointer": "", "message": str(error)}]


def _result(index: int, item: BatchItem, name_field: str) -> Document:
    if item.error:
        status = int(getattr(item.error, "status", 422))
        return {"index": index, "status": status, "result": "failed", "errors": _errors(item.error)}
    if item.stored is None:
        status, result = 201, "created"
    elif item.written is item.stored or documents.has_values(item.stored, item.values or {}):
        status, result = 200, "unchanged"
    else:
        status, result = 200, "updated"
    document = item.written or item.stored or {}
    shown = {"id": document.get("_id"), "slug": document.get("slug"), "same_name": item.same_name}
    if result == "updated":
        stored, values = item.stored or {}, item.values or {}
        shown["removed"] = _removed(stored, values) or None
        name = stored.get(name_field)
        shown["renamed"] = bool(name and values.get(name_field, name) != name) or None
    return {"index": index, "status": status, "result": result} | {
        name: value for name, value in shown.items() if value is not None
    }
