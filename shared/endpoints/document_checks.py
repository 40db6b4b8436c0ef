"""``/<name>:documents``: finds documents that do not fit the schema, and repairs them.

A document that was created or edited by hand may hold anything, and is served as it is.  A check
reads the whole collection.  A repair is a write like any other: it increments the revision of the
document and invalidates its cached responses.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from bson import Decimal128
from flask import Flask, Response, current_app
from marshmallow import Schema, ValidationError, fields
from marshmallow.fields import Field, String
from pymongo.errors import BulkWriteError

from shared.cache.keys import new_token
from shared.http import auth
from shared.http.contract import returns
from shared.http.responses import respond
from shared.resource import Resource, resumes
from shared.schema.derived import SORT_KEYS
from shared.schema.fields import Id, Key, Moment, Timestamp
from shared.schema.groups import VARIANT
from shared.schema.mongo_schema import STORED, json_schema, stored_fields, violations
from shared.schema.serialization import Document
from shared.schema.text import clean_key
from shared.storage import documents
from shared.storage.bulk import bulk
from shared.storage.documents import Change
from shared.storage.repository import Repository
from shared.storage.retries import DocumentChanged
from shared.storage.transactions import current_session, transaction

MAX_CASES = 1000  # cases of one kind in a response; all are counted
BATCH_SIZE = 500  # documents of one write

# The fields that every write sets.
_SET_BY_WRITES = ("revision", "updated_at", "written", "writer", "terms", SORT_KEYS)
# Finds each key that is not clean, and some that are.
_SUSPECT = re.compile(r"^'|^ | $|  |[^ -~]")
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


class KindSchema(Schema):
    """The cases of one kind: the total, how many of them a POST repairs, and the first 1,000."""

    total = fields.Integer(metadata={"example": 1})
    mends = fields.Integer(metadata={"example": 1})
    cases = fields.List(fields.Raw())


class FoundSchema(Schema):
    """The documents with faults, by kind."""

    lacking = fields.Nested(KindSchema)
    broken = fields.Nested(KindSchema)
    unreachable = fields.Nested(KindSchema)
    twice = fields.Nested(KindSchema)


@dataclass(slots=True)
class Kind:
    """Cases of one kind: the total, how many a POST repairs or repaired, and the first 1,000."""

    total: int = 0
    mends: int = 0
    cases: list[Any] = field(default_factory=list)

    def add(self, case: Any, mends: bool) -> None:
        """Count a case, and keep it if it is one of the first."""
        self.total += 1
        self.mends += mends
        if len(self.cases) < MAX_CASES:
            self.cases.append(case)


def kind_of(cases: Iterable[Any], mends: bool) -> Kind:
    """Return a kind of which a POST repairs all cases or none."""
    kind = Kind()
    for case in cases:
        kind.add(case, mends)
    return kind


def respond_kinds(kinds: Mapping[str, Kind]) -> Response:
    """Return the result of a check: ``{kind: {"total", "mends", "cases"}}``."""
    return respond({name: asdict(kind) for name, kind in kinds.items()})


def init_app(app: Flask, resource: Resource) -> None:
    """Serve ``/<name>:documents``, and begin the list of the paths of all checks."""
    path = f"/{resource.name}:documents"
    app.extensions["checks"] = [path]
    app.add_url_rule(path, "check_documents", check_documents, methods=["GET"])
    app.add_url_rule(path, "repair_documents", repair_documents, methods=["POST"])


@auth.requires(auth.ADMIN)
@returns(FoundSchema)
def check_documents() -> Response:
    """Return the documents that lack fields, do not fit, are unreachable, or exist twice."""
    return _check(repair=False)


@auth.requires(auth.ADMIN)
@resumes
@returns(FoundSchema)
def repair_documents() -> Response:
    """Repair the documents whose right values are certain, and return all that have faults."""
    return _check(repair=True)


def _check(repair: bool) -> Response:
    resource: Resource = current_app.extensions["resource"]
    resource.reject_unknown_parameters()
    unreachable, broken = _misfits(resource, repair)
    kinds = {
        "lacking": _lacking(resource, repair),
        "broken": broken,
        "unreachable": unreachable,
        "twice": _twice(resource.repository),
    }
    return respond_kinds(kinds)


def _misfits(resource: Resource, repair: bool) -> tuple[Kind, Kind]:
    """Return the documents whose ids no URL can hold, and those that do not fit the schema."""
    unreachable, broken = Kind(), Kind()
    unlike = ({name: _SUSPECT} for name in _keys(resource))
    suspects = {"$or": [{"$nor": [{"$jsonSchema": json_schema(resource.schema)}]}, *unlike]}
    for document in resource.repository.collection.find(suspects):
        wrong = _faults(resource, document)
        if not wrong:
            continue
        if why := wrong.get("/_id"):
            unreachable.add(_case(resource, document, f"its id {why}"), False)
            continue
        if repair:
            mends = _repair(resource, document["_id"])
        else:
            change = _change(resource, document)
            mends = bool(change and not _faults(resource, change.stamped("").after))
        why = "; ".join(f"{place[1:]} {text}" for place, text in wrong.items())
        broken.add(_case(resource, document, why), mends)
    return unreachable, broken


def _faults(resource: Resource, document: Document) -> dict[str, str]:
    """Return what is wrong in a document, by the JSON pointer of its place.

    A key that is not clean, as earlier versions stored it, is found by no request.
    """
    wrong = dict(violations(document, json_schema(resource.schema)))
    for name in _keys(resource):
        value = document.get(name)
        if isinstance(value, str) and clean_key(value) != value:
            wrong[f"/{name}"] = (
                f"is {value[:100]!r}, and requests ask for {clean_key(value)[:100]!r}"
            )
    return wrong


def _keys(resource: Resource) -> Iterator[str]:
    """Yield the stored fields whose texts are cleaned as keys are."""
    fields = stored_fields(resource.schema).items()
    return (name for name, kind in fields if isinstance(kind, Key))


def _lacking(resource: Resource, repair: bool) -> Kind:
    """Return the documents without fields that every write through the API sets."""
    kind, repository = Kind(), resource.repository
    reachable = (
        (document, _lacks(repository, document))
        for document in repository.collection.find()
        if not any(violations(document["_id"], STORED[Id]))
    )
    lacking = (pair for pair in reachable if pair[1])
    while batch := list(islice(lacking, BATCH_SIZE)):
        # The values have a new token, because a write without a change does nothing.
        pairs = [(document, {"written": new_token()}) for document, _ in batch]
        written = bulk(repository, pairs, False) if repair else pairs
        for (document, lacks), is_done in zip(batch, written, strict=True):
            mends = bool(is_done) or _repair(resource, document["_id"])
            kind.add(_case(resource, document, f"lacks {', '.join(lacks)}"), mends)
    return kind


def _lacks(repository: Repository, document: Document) -> list[str]:
    names = (*(("slug",) if repository.slug_from else ()), "revision", "created_at", "updated_at")
    lacks = [name for name in names if not document.get(name)]
    names_of_derived = {"terms": "search terms", SORT_KEYS: "sort keys"}
    return lacks + [names_of_derived[name] for name in repository.derived.missing(document)]


def _twice(repository: Repository) -> Kind:
    """Return the documents that are in the trash as well, or are the same variant as another.

    Only a copy or an edit by hand can cause either.
    """
    living = {
        "$lookup": {
            "from": repository.name,
            "localField": "id",
            "foreignField": "_id",
            "as": "living",
            "pipeline": [{"$project": {"_id": True}}],
        }
    }
    pipeline: list[Document] = [
        living,
        {"$match": {"living": {"$ne": []}}},
        {"$project": {"id": True}},
    ]
    why = f"is in {repository.trash.name}, too: delete one of them there"
    suspects = list(repository.trash.aggregate(pipeline))
    # A second look leaves out documents that were just deleted or restored.
    filter = {"_id": {"$in": [suspect["_id"] for suspect in suspects]}}
    in_trash = {document["_id"] for document in repository.trash.find(filter, {"_id": True})}
    in_both = (
        _case_of(repository.name, suspect["id"], why)
        for suspect in suspects
        if suspect["_id"] in in_trash and repository.count({"_id": suspect["id"]})
    )
    return kind_of((*in_both, *_equal_variants(repository)), mends=False)


def _equal_variants(repository: Repository) -> Iterator[Document]:
    """Yield the documents that only a hand edit can have given the options of another one."""
    if (groups := repository.groups) is None:
        return
    without = {groups.field: {"$gt": ""}, VARIANT: None}
    for document in repository.collection.find(without):
        conflict = repository.find_conflict({VARIANT: groups.variant(document)}, document["_id"])
        if conflict:
            yield _case_of(repository.name, document["_id"], str(conflict))


def _repair(resource: Resource, id: Any) -> bool:
    """Repair the current version of a document; return True if it fits the schema then."""
    try:
        return transaction(partial(_repair_in_transaction, resource, id))
    except (BulkWriteError, DocumentChanged):
        return False


def _repair_in_transaction(resource: Resource, id: Any) -> bool:
    repository = resource.repository
    document = repository.collection.find_one({"_id": id}, session=current_session())
    if document is None:
        return True
    change = _change(resource, document)
    # A repair has no entry in the ledger, like the edit by hand: `vitrine reconcile` reports both.
    for after in repository.apply([change] if change else []):
        document = after
    return not _faults(resource, document)


def _change(resource: Resource, document: Document) -> Change | None:
    """Return the change that repairs all certain values, or None if there is none."""
    repository, rules = resource.repository, json_schema(resource.schema)
    wrong = _faults(resource, document).keys()
    values: Document = {}
    for name, kind in stored_fields(resource.schema).items():
        if f"/{name}" in wrong and name in document:
            read = _read(kind, document[name])
            if read is not None and not any(violations(read, rules["properties"][name])):
                values[name] = read
    is_set_by_writes = wrong & {f"/{name}" for name in _SET_BY_WRITES}
    if not (values or is_set_by_writes or _lacks(repository, document)):
        return None
    if repository.find_conflict(values, document["_id"]):
        return None
    return documents.change(document, repository.with_slug(document, values), repository.derived)


def _read(field: Field[Any], value: Any) -> Any:
    """Return the value of the right type that a wrong value stands for, or None."""
    reader = Moment() if isinstance(field, Timestamp) else field
    for spelling in _spellings(value, isinstance(field, String)):
        with contextlib.suppress(ValidationError):
            return reader.deserialize(spelling)
    return None


def _spellings(value: Any, as_text: bool) -> Iterator[Any]:
    """Yield the values that a wrong value may stand for, such as a text for a number."""
    if isinstance(value, str):
        yield value
        if _WHOLE.fullmatch(value):
            yield int(value)
    elif isinstance(value, (int, float, Decimal128)) and not isinstance(value, bool):
        whole = documents.as_integer(value)
        yield str(whole) if as_text else whole


def _case(resource: Resource, document: Document, why: str) -> Document:
    return _case_of(resource.name, document["_id"], why)


def _case_of(name: str, id: Any, why: str) -> Document:
    shown = documents.as_integer(id)
    is_reachable = not any(violations(id, STORED[Id]))
    return {"id": shown, "path": f"/{name}/{shown}" if is_reachable else None, "why": why}
