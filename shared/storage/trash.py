"""The trash: deleted documents live on in the collection ``<name>.trash``.

The living need no condition to tell them apart, and no deleted document holds a slug or a SKU.
"""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from shared.cache.keys import new_token
from shared.http.errors import Conflict, NotFound, PreconditionFailed
from shared.schema.query import PageRequest
from shared.schema.serialization import Document
from shared.storage import audit_log, documents, writer
from shared.storage.connections import connections
from shared.storage.repository import EDITED, Page, Repository, count_limit, reference


def delete(repository: Repository, document: Document) -> None:
    """Move a document to the trash.

    Raise ``PreconditionFailed`` if the document was written after it was read.
    """
    token = new_token()
    seen = documents.seen(document)

    def move() -> Document | None:
        whole = _take(repository, seen, token, writer.DELETED)
        if whole:
            kept = whole | {"_id": ObjectId(), "id": whole["_id"], "deleted_at": documents.now()}
            repository.trash.insert_one(kept, session=connections().session)
        return whole

    whole = connections().transaction(move)
    if whole is None:
        raise PreconditionFailed(f"The {repository.item} changed while this request was running.")
    repository.invalidate([whole], token)


def get(repository: Repository, ref: str) -> Document:
    """Fetch a document from the trash, the latest one of several, or raise ``NotFound``."""
    kept = repository.trash.find_one(_in_trash(ref), sort=[("deleted_at", -1)])
    if kept is None:
        raise NotFound(f"There is no {repository.item} {ref[:100]} in the trash.")
    document: Document = {k: v for k, v in kept.items() if k not in ("_id", "id", "deleted_at")}
    return {"_id": kept["id"]} | document


def page(repository: Repository, asked: PageRequest, count: str) -> Page:
    """Find one page of the trash, what was deleted last first; ``deleted_at`` tells when."""
    found = repository.trash.find(
        {},
        documents.UNSHOWN,
        sort=[("deleted_at", -1), ("_id", -1)],
        skip=(asked.page - 1) * asked.per,
        limit=asked.per + 1,
    )
    kept = [each | {"_id": each.get("id")} for each in found]
    total = (
        None
        if count == "none"
        else connections().count(repository.trash.name, {}, count_limit(count))
    )
    return Page.of(kept, asked.per, total, count)


def restore(repository: Repository, document: Document, values: Mapping[str, Any]) -> Document:
    """Bring a document back from the trash, with some values changed.

    Raise ``NotFound`` when it is not there any more, ``PreconditionFailed`` when it was written
    since it was read or, when its slug or another unique value was taken meanwhile, ``Conflict``.
    """
    token = new_token()
    change = documents.change(document, {**values, "written": token}, token, repository.searched)
    after = change.after if change else document
    after["writer"] = writer.mark(after["_id"], writer.RESTORED)

    def move() -> None:
        if clash := repository.find_conflict(after, after["_id"]):
            raise clash
        session = connections().session
        if repository.collection.find_one({"_id": after["_id"]}, {"_id": True}, session=session):
            # A copy made by hand, or an earlier one of two in the trash.
            raise repository.conflict("id", after["_id"], after)
        same = {name: document.get(name) for name in ("revision", "written")}
        kept = {"id": document["_id"]}
        if not repository.trash.delete_one(kept | same, session=session).deleted_count:
            if repository.trash.find_one(kept, {"_id": True}, session=session):
                raise PreconditionFailed(
                    f"The {repository.item} changed while this request was running."
                )
            raise NotFound(f"This {repository.item} is not in the trash any more.")
        repository.writable.insert_one(after, session=connections().session)
        repository.record_in_ledger([(document, after)], EDITED)

    try:
        connections().transaction(move)
    except DuplicateKeyError as error:
        raise Conflict("Another write took a value of this one; try again.") from error
    repository.invalidate([after], token)
    return after


def purge(repository: Repository, document: Document) -> None:
    """Remove a document for good, from the trash too.

    Raise ``PreconditionFailed`` if the document was written after it was read.
    """
    id, token = document["_id"], new_token()
    same = {"_id": id} | {name: document.get(name) for name in ("revision", "written")}

    def remove() -> list[Document]:
        session = connections().session
        gone = _take(repository, same, token, writer.PURGED)
        if gone is None and repository.collection.find_one(
            {"_id": id}, {"_id": 1}, session=session
        ):
            raise PreconditionFailed(
                f"The {repository.item} changed while this request was running."
            )
        repository.trash.delete_many({"id": id}, session=session)
        repository.idempotency_keys.delete_many({"about": id}, session=session)
        audit_log.note_purge(repository.history, document, session)
        # What the follower stores meanwhile is not seen from within the transaction.
        connections().on_commit(lambda: audit_log.forget(repository.history, id))
        return [gone] if gone else []

    repository.invalidate([document, *connections().transaction(remove)], token)


def _take(repository: Repository, filter: Document, token: str, kind: str) -> Document | None:
    """Take a document out of the collection, by the running transaction; return it as it was.

    MongoDB tells of a deletion only what was deleted, so who does it is written there before.
    """
    session = connections().session
    mark = {"written": token, "writer": writer.mark(filter["_id"], kind)}
    whole: Document | None = repository.writable.find_one_and_update(
        filter, {"$set": mark}, session=session
    )
    if whole:
        repository.collection.delete_one({"_id": whole["_id"]}, session=session)
    return whole


def _in_trash(ref: str) -> Document:
    """Return the filter for an id or a slug where the id is an ordinary field."""
    filter = reference(ref)
    options = filter.get("$or", [filter])
    return {
        "$or": [{"id" if "_id" in each else "slug": next(iter(each.values()))} for each in options]
    }
