"""The trash: deleted documents live on in the collection ``<name>.trash``.

The living need no condition to tell them apart, and no deleted document holds a slug or a SKU.
"""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from shared import documents
from shared.backends import backends
from shared.cache import new_token
from shared.documents import Document
from shared.errors import Conflict, NotFound, Stale
from shared.mongo import Repository, reference


def delete(repository: Repository, document: Document) -> None:
    """Move a document to the trash, or raise ``Stale`` when it was written since it was read."""
    token = new_token()
    seen = {"_id": document["_id"], "revision": document.get("revision")}

    def move() -> bool:
        whole = repository.writable.find_one_and_delete(seen, session=backends().session)
        if whole:
            kept = whole | {"_id": ObjectId(), "id": whole["_id"], "deleted_at": documents.now()}
            _trash(repository).insert_one(kept, session=backends().session)
        return whole is not None

    if not backends().transaction(move):
        raise Stale(f"The {repository.item} changed while this request was running.")
    repository.invalidate([document], token)


def restore(repository: Repository, ref: str, values: Mapping[str, Any]) -> Document:
    """Bring a document back from the trash, with some values changed.

    Raise ``NotFound`` or, when its slug or another unique value was taken, ``Conflict``.
    """
    token = new_token()

    def move() -> Document:
        latest = [("deleted_at", -1)]
        kept = _trash(repository).find_one(_in_trash(ref), sort=latest, session=backends().session)
        if kept is None:
            raise NotFound(f"There is no {repository.item} {ref[:100]} in the trash.")
        document = {k: v for k, v in kept.items() if k not in ("id", "deleted_at")}
        document |= {"_id": kept["id"]}
        change = documents.change(
            document, {**values, "written": token}, token, repository.searched
        )
        document = change.after if change else document
        if clash := repository.clash(document, document["_id"]):
            raise clash
        repository.writable.insert_one(document, session=backends().session)
        _trash(repository).delete_one({"_id": kept["_id"]}, session=backends().session)
        return document

    try:
        document = backends().transaction(move)
    except DuplicateKeyError as error:
        raise Conflict("Another write took a value of this one; try again.") from error
    repository.invalidate([document], token)
    return document


def purge(repository: Repository, ref: str) -> None:
    """Remove a document for good, from the trash too, or raise ``NotFound``."""
    found = repository.collection.find_one_and_delete(reference(ref))
    if found:
        repository.invalidate([found], new_token())
    trashed = _trash(repository).delete_many({"id": found["_id"]} if found else _in_trash(ref))
    if not found and not trashed.deleted_count:
        raise NotFound(f"There is no {repository.item} {ref[:100]}.")


def _trash(repository: Repository) -> Collection[Document]:
    return backends().db[f"{repository.name}.trash"]


def _in_trash(ref: str) -> Document:
    filter = reference(ref)
    return {"id": filter["_id"]} if "_id" in filter else filter
