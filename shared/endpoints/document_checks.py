"""``/<name>:documents``: which documents are not as they should be, and what mends them.

A document made or changed by hand may be anything, and is served as it is.  Looking for such ones
reads the whole collection, so nothing else waits for it.  Mending is a write like any other: what
is cached of the document becomes worthless, and its revision goes on.
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
from shared.schema.fields import Id, Moment, Timestamp
from shared.schema.mongo_schema import STORED, json_schema, stored_fields, violations
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.bulk import bulk
from shared.storage.documents import Change
from shared.storage.repository import Repository
from shared.storage.retries import DocumentChanged
from shared.storage.transactions import current_session, transaction

MOST_CASES = 1000  # of a kind are answered, though all are counted
TOGETHER = 500  # documents of one write

# What every write sets, whatever was there.
_GIVEN = ("revision", "updated_at", "written", "writer", "terms")
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


class KindSchema(Schema):
    """The cases of one kind, how many there are, and how many of them are mended by a POST."""

    total = fields.Integer(metadata={"example": 1})
    mends = fields.Integer(metadata={"example": 1})
    cases = fields.List(fields.Raw())


class FoundSchema(Schema):
    """What is not as it should be."""

    lacking = fields.Nested(KindSchema)
    broken = fields.Nested(KindSchema)
    unreachable = fields.Nested(KindSchema)
    twice = fields.Nested(KindSchema)


@dataclass(slots=True)
class Kind:
    """The cases of one kind: how many, how many of them a POST mends or has mended, the first."""

    total: int = 0
    mends: int = 0
    cases: list[Any] = field(default_factory=list)

    def add(self, case: Any, mends: bool) -> None:
        """Count a case, and keep it while there are few."""
        self.total += 1
        self.mends += mends
        if len(self.cases) < MOST_CASES:
            self.cases.append(case)


def of(cases: Iterable[Any], mends: bool) -> Kind:
    """Return a kind whose cases are all mended, or none of them."""
    kind = Kind()
    for case in cases:
        kind.add(case, mends)
    return kind


def answer(found: Mapping[str, Kind]) -> Response:
    """Answer what a check has found: ``{kind: {"total", "mends", "cases"}}``."""
    return respond({name: asdict(kind) for name, kind in found.items()})


def init_app(app: Flask, resource: Resource) -> None:
    """Serve ``/<name>:documents``; ``checks`` are the paths of all checks of the service."""
    path = f"/{resource.name}:documents"
    app.extensions["checks"] = [path]
    app.add_url_rule(path, "check_documents", check_documents, methods=["GET"])
    app.add_url_rule(path, "mend_documents", mend_documents, methods=["POST"])


@auth.requires(auth.ADMIN)
@returns(FoundSchema)
def check_documents() -> Response:
    """Answer the documents that lack something, are broken, unreachable, or there twice."""
    return _answered(mend=False)


@auth.requires(auth.ADMIN)
@resumes
@returns(FoundSchema)
def mend_documents() -> Response:
    """Mend what can be mended for sure, and answer all that was found."""
    return _answered(mend=True)


def _answered(mend: bool) -> Response:
    resource: Resource = current_app.extensions["resource"]
    resource.reject_unknown_parameters()
    unreachable, broken = _misfits(resource, mend)
    found = {
        "lacking": _lacking(resource, mend),
        "broken": broken,
        "unreachable": unreachable,
        "twice": _twice(resource.repository),
    }
    return answer(found)


def _misfits(resource: Resource, mend: bool) -> tuple[Kind, Kind]:
    """Return the documents whose ids no URL can name, and those that do not fit the schema."""
    unreachable, broken = Kind(), Kind()
    rules = json_schema(resource.schema)
    for document in resource.repository.collection.find({"$nor": [{"$jsonSchema": rules}]}):
        wrong = dict(violations(document, rules))
        if why := wrong.get("/_id"):
            unreachable.add(_case(resource, document, f"its id {why}"), False)
            continue
        if mend:
            mends = _mend(resource, document["_id"])
        else:
            change = _change(resource, document)
            mends = bool(change and not any(violations(change.stamped("").after, rules)))
        why = "; ".join(f"{place[1:]} {text}" for place, text in wrong.items())
        broken.add(_case(resource, document, why), mends)
    return unreachable, broken


def _lacking(resource: Resource, mend: bool) -> Kind:
    """Return the documents without what every write of ours gives them."""
    kind, repository = Kind(), resource.repository
    every = (
        (each, _lacks(repository, each))
        for each in repository.collection.find()
        if not any(violations(each["_id"], STORED[Id]))
    )
    found = (pair for pair in every if pair[1])
    while some := list(islice(found, TOGETHER)):
        # A new token in the values: without a change nothing would be written.
        pairs = [(each, {"written": new_token()}) for each, _ in some]
        written = bulk(repository, pairs, False) if mend else pairs
        for (document, lacks), done in zip(some, written, strict=True):
            mends = bool(done) or _mend(resource, document["_id"])
            kind.add(_case(resource, document, f"lacks {', '.join(lacks)}"), mends)
    return kind


def _lacks(repository: Repository, document: Document) -> list[str]:
    names = (*(("slug",) if repository.slug_from else ()), "revision", "created_at", "updated_at")
    lacks = [name for name in names if not document.get(name)]
    if repository.searched:
        terms = document.get("terms") or []
        lacks += ["search terms"] if terms != repository.searched.terms(document) else []
    return lacks


def _twice(repository: Repository) -> Kind:
    """Return what lives and is in the trash as well, as only a copy made by hand is."""
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
    # Looked at again, for what was just deleted or restored.
    again = {"_id": {"$in": [each["_id"] for each in suspects]}}
    kept = {each["_id"] for each in repository.trash.find(again, {"_id": True})}
    return of(
        (
            _case_of(repository.name, each["id"], why)
            for each in suspects
            if each["_id"] in kept and repository.count({"_id": each["id"]})
        ),
        mends=False,
    )


def _mend(resource: Resource, id: Any) -> bool:
    """Mend a document as it is now; return whether it is as it should be."""
    try:
        return transaction(partial(_mend_at_once, resource, id))
    except (BulkWriteError, DocumentChanged):
        return False


def _mend_at_once(resource: Resource, id: Any) -> bool:
    repository = resource.repository
    document = repository.collection.find_one({"_id": id}, session=current_session())
    if document is None:
        return True
    change = _change(resource, document)
    # Without an entry in the ledger, like the edit it mends: `vitrine reconcile` reports both.
    for after in repository.apply([change] if change else []):
        document = after
    return not any(violations(document, json_schema(resource.schema)))


def _change(resource: Resource, document: Document) -> Change | None:
    """Return what gives a document all that is sure, or None when nothing is."""
    repository, rules = resource.repository, json_schema(resource.schema)
    wrong = {place for place, _ in violations(document, rules)}
    values: Document = {}
    for name, kind in stored_fields(resource.schema).items():
        if f"/{name}" in wrong and name in document:
            read = _read(kind, document[name])
            if read is not None and not any(violations(read, rules["properties"][name])):
                values[name] = read
    given = wrong & {f"/{name}" for name in _GIVEN}
    if not (values or given or _lacks(repository, document)):
        return None
    if repository.find_conflict(values, document["_id"]):
        return None
    return documents.change(document, repository.with_slug(document, values), repository.searched)


def _read(field: Field[Any], value: Any) -> Any:
    """Return what a value of another type plainly says, as its field reads it, or None."""
    reader = Moment() if isinstance(field, Timestamp) else field
    for spelling in _spellings(value, isinstance(field, String)):
        with contextlib.suppress(ValidationError):
            return reader.deserialize(spelling)
    return None


def _spellings(value: Any, as_text: bool) -> Iterator[Any]:
    """Yield what a value may have been meant as: a text for a number, a number for a text."""
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
