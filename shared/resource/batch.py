"""Batches: up to 1,000 items in one request, each created or changed by its key."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, validate

from shared.http.errors import (
    ApiError,
    BadRequest,
    Conflict,
    ContentTooLarge,
    PreconditionFailed,
    Unprocessable,
    WriteConflict,
    nearest,
    pointers,
    summary,
)
from shared.schema.fields import Id
from shared.schema.serialization import Document
from shared.storage import documents, ids
from shared.storage.bulk import bulk
from shared.storage.retries import attempts

if TYPE_CHECKING:
    from shared.resource.resource import Resource

MAX_ITEMS = 1000
ON_ERROR = ("reject_failed", "reject_all")
RESULTS = ("created", "updated", "unchanged", "failed")


class ErrorSchema(Schema):
    """What is wrong where: a JSON pointer (RFC 6901) into the body, or a parameter."""

    pointer = fields.String(metadata={"example": "/name", "optional": True})
    parameter = fields.String(metadata={"optional": True})
    message = fields.String(required=True, metadata={"example": "Is blank."})


class ResultSchema(Schema):
    """What has become of one item."""

    index = fields.Integer(required=True, metadata={"example": 0})
    status = fields.Integer(required=True, metadata={"example": 201})
    result = fields.String(required=True, validate=validate.OneOf(RESULTS))
    id = fields.Raw(metadata={"shown": Id(), "optional": True})
    slug = fields.String(metadata={"optional": True})
    errors = fields.List(fields.Nested(ErrorSchema), metadata={"optional": True})


class ResultsSchema(Schema):
    """One result for each item, in order, and how many there are of each kind."""

    results = fields.List(fields.Nested(ResultSchema))
    summary = fields.Dict(
        keys=fields.String(validate=validate.OneOf(RESULTS)),
        values=fields.Integer(),
        metadata={"example": {"created": 1}},
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What the query string of a batch says: the key (empty to create all), and the modes."""

    key: str
    all_or_none: bool
    dry_run: bool


@dataclass(slots=True)
class Step:
    """One item on its way: what is stored under its key, its new values, or what is wrong."""

    stored: Document | None = None
    values: Document | None = None
    error: ApiError | ValidationError | None = None
    result: Document | None = None


def parse(args: Mapping[str, str], keys: Sequence[str]) -> Asked:
    """Read the query string of a batch or raise ``BadRequest`` naming the parameter."""
    allowed = {
        "key": keys,
        "on_error": ON_ERROR,
        "dry_run": ("false", "true", "0", "1"),
    }
    for name, value in args.items():
        if name not in allowed:
            message = f"Unknown parameter{nearest(name, allowed)}"
        elif value not in allowed[name]:
            message = f"Must be one of {', '.join(allowed[name])}."
        else:
            continue
        raise BadRequest("", [{"parameter": name, "message": message}])
    return Asked(
        args.get("key", ""),
        args.get("on_error") == "reject_all",
        args.get("dry_run") in ("true", "1"),
    )


def items(value: Any) -> list[Any]:
    """Return the items of a batch's body: an array, or an object with an array ``items``."""
    found = value.get("items") if isinstance(value, dict) else value
    if not isinstance(found, list):
        raise BadRequest('The body is not an array of items, nor {"items": [...]}.')
    if len(found) > MAX_ITEMS:
        raise ContentTooLarge(f"A batch has at most {MAX_ITEMS} items; this one has {len(found)}.")
    return found


def run(resource: "Resource", items: Sequence[Any], asked: Asked) -> Document:
    """Create or change the items and return ``{"results": […], "summary": {…}}``.

    With ``all_or_none``, raise ``Unprocessable`` that names everything wrong, with nothing written.
    """
    work = _all_or_none if asked.all_or_none else _each
    results = [_result(index, step) for index, step in enumerate(work(resource, items, asked))]
    return {"results": results, "summary": Counter(each["result"] for each in results)}


def _each(resource: "Resource", items: Sequence[Any], asked: Asked) -> list[Step]:
    """Write every item that is right; where somebody was faster, look again and repeat."""
    steps = _prepared(resource, items, asked.key)
    waiting = [] if asked.dry_run else [n for n, step in enumerate(steps) if not step.error]
    for _ in attempts():
        pairs = [(steps[n].stored, steps[n].values or {}) for n in waiting]
        outcomes = bulk(resource.repository, pairs, False) if pairs else []
        for number, document in zip(waiting, outcomes, strict=True):
            steps[number].result = document
        waiting = [n for n, each in zip(waiting, outcomes, strict=True) if each is None]
        again = _prepared(resource, [items[n] for n in waiting], asked.key)
        for number, step in zip(waiting, again, strict=True):
            steps[number] = step
        waiting = [number for number in waiting if not steps[number].error]
        if not waiting:
            return steps
        ids.raise_counter(resource.repository.collection)
    for number in waiting:
        steps[number].error = WriteConflict(
            "Too many others are writing the same at once; try again."
        )
    return steps


def _all_or_none(resource: "Resource", items: Sequence[Any], asked: Asked) -> list[Step]:
    for _ in attempts():
        steps = _prepared(resource, items, asked.key)
        errors = [
            {**error, "pointer": f"/{index}{error.get('pointer', '')}"}
            for index, step in enumerate(steps)
            if step.error
            for error in _errors(step.error)
        ]
        if errors:
            text = f"Some items are wrong, so nothing was written. {summary(errors)}"
            raise Unprocessable(text, errors)
        if asked.dry_run:
            return steps
        try:
            pairs = [(step.stored, step.values or {}) for step in steps]
            for step, document in zip(steps, bulk(resource.repository, pairs, True), strict=True):
                step.result = document
            return steps
        except (Conflict, PreconditionFailed):
            continue
    raise WriteConflict(
        "Too many others are writing the same at once; nothing was written; try again."
    )


def _prepared(resource: "Resource", items: Sequence[Any], key: str) -> list[Step]:
    steps = [Step() for _ in items]
    _find(resource, items, steps, key)
    _load(resource, items, steps)
    _check_unique(resource, steps, key)
    return steps


def _find(resource: "Resource", items: Sequence[Any], steps: list[Step], key: str) -> None:
    """Look up what is stored under each item's key, in one query."""
    seen: dict[Any, int] = {}
    for index, (item, step) in enumerate(zip(items, steps, strict=True)):
        if not isinstance(item, dict):
            step.error = ValidationError({"_schema": ["Not a JSON object."]})
        elif key:
            try:
                value = resource.schema.fields[key].deserialize(item.get(key))
            except ValidationError as error:
                step.error = ValidationError({key: error.messages})
                continue
            if value is None:
                step.error = ValidationError({key: ["Is required, being the key."]})
                continue
            if value in seen:
                step.error = Conflict(f"Repeats the {key} {value!r} of an item before it.")
            seen.setdefault(value, index)
    stored = resource.repository.find(key, seen) if seen else {}
    for value, index in seen.items():
        steps[index].stored = stored.get(value)


def _load(resource: "Resource", items: Sequence[Any], steps: list[Step]) -> None:
    for item, step in zip(items, steps, strict=True):
        if step.error is None:
            try:
                step.values = resource.load(item, step.stored)
            except (ValidationError, ApiError) as error:
                if isinstance(error, ApiError) and error.status >= 500:
                    raise
                step.error = error


def _check_unique(resource: "Resource", steps: list[Step], key: str) -> None:
    """Find values that are taken, by stored documents or earlier in the batch.

    The ``key`` was looked up already; who takes it meanwhile is met by the write itself.
    """
    for name in [each for each in resource.keys if each != key]:
        good = [(n, step) for n, step in enumerate(steps) if step.values and not step.error]
        asked = {step.values.get(name) for _, step in good if step.values} - {None}
        owners = resource.repository.find(name, asked) if asked else {}
        first: dict[Any, int] = {}
        for index, step in good:
            value = step.values.get(name) if step.values else None
            if value is None:
                continue
            owner = owners.get(value)
            if owner and (step.stored is None or step.stored["_id"] != owner["_id"]):
                step.error = resource.repository.conflict(name, value, owner)
            elif first.setdefault(value, index) != index:
                step.error = Conflict(f"Repeats the {name} {value!r} of an item before it.")


def _errors(error: ApiError | ValidationError) -> list[dict[str, str]]:
    if isinstance(error, ValidationError):
        return pointers(error.messages)
    return error.errors or [{"pointer": "", "message": str(error)}]


def _result(index: int, step: Step) -> Document:
    if step.error:
        status = int(getattr(step.error, "status", 422))
        return {"index": index, "status": status, "result": "failed", "errors": _errors(step.error)}
    if step.stored is None:
        status, result = 201, "created"
    elif step.result is step.stored or documents.same(step.stored, step.values or {}):
        status, result = 200, "unchanged"
    else:
        status, result = 200, "updated"
    document = step.result or step.stored or {}
    shown = {"id": document.get("_id"), "slug": document.get("slug")}
    return {"index": index, "status": status, "result": result} | {
        name: value for name, value in shown.items() if value is not None
    }
