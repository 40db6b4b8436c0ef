"""The trash: deleted documents are kept in the collection ``<name>.trash``.

The collection itself holds living documents alone, so its queries need no condition for deleted
ones, and a deleted document occupies no slug or SKU.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bson import ObjectId
from pymongo import DeleteOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from shared.cache.keys import new_token
from shared.http.errors import Conflict, NotFound
from shared.schema import sizes
from shared.schema.query import PageRequest
from shared.schema.search_query import Search
from shared.schema.serialization import Document
from shared.storage import audit_log, documents
from shared.storage.connections import connections
from shared.storage.pages import refused_if_slow
from shared.storage.repository import Page, Repository, both, count_limit, reference
from shared.storage.retries import DocumentChanged
from shared.storage.transactions import current_session, on_commit, transaction


def delete(repository: Repository, document: Document) -> None:
    """Move a document to the trash.

    Raise ``DocumentChanged`` if the document was written after it was read.
    """
    token = new_token()
    same_version = documents.version_filter(document)

    def move() -> None:
        removed = _remove(repository, same_version, token, documents.DELETED)
        if removed is None:
            raise DocumentChanged(repository.item)
        in_trash = {"_id": ObjectId(), "id": removed["_id"], "deleted_at": documents.now()}
        repository.trash.insert_one(removed | in_trash, session=current_session())
        repository.complete_write([(removed, None)], token)

    transaction(move)


def delete_many(repository: Repository, stored: Sequence[Document]) -> set[Any]:
    """Move many documents to the trash by one transaction; return the ids of those moved.

    The others were written after they were read.
    """
    token, moment = new_token(), documents.now()
    read = {document["_id"]: document for document in stored}
    marks = [
        UpdateOne(
            documents.version_filter(document),
            {"$set": {"written": token, "writer": documents.writer_mark(id, documents.DELETED)}},
        )
        for id, document in read.items()
    ]

    def move() -> set[Any]:
        session = current_session()
        repository.writable.bulk_write(marks, ordered=False, session=session)
        marked = {"_id": {"$in": list(read)}, "written": token}
        # The trash keeps the marks that the documents had.
        kept = ("written", "writer")
        removed = [
            {name: value for name, value in document.items() if name not in kept}
            | {name: read[document["_id"]][name] for name in kept if name in read[document["_id"]]}
            for document in repository.collection.find(marked, session=session)
        ]
        ids = [document["_id"] for document in removed]
        if not ids:
            return set()
        repository.collection.delete_many({"_id": {"$in": ids}}, session=session)
        repository.trash.insert_many(
            [
                document | {"_id": ObjectId(), "id": document["_id"], "deleted_at": moment}
                for document in removed
            ],
            session=session,
        )
        repository.complete_write([(document, None) for document in removed], token)
        return set(ids)

    return transaction(move)


def get_many(repository: Repository, ids: Sequence[Any]) -> tuple[dict[Any, Document], bool]:
    """Return the documents of the trash with these ids that were deleted last, by id.

    The highest ids come first, as many as a page may hold; the second value is True if these are
    all.
    """
    same_ids = repository.trash.find({"id": {"$in": list(ids)}}, sort=[("id", -1)])
    found, is_all = sizes.take(same_ids)
    copies = Counter(deleted["id"] for deleted in found)
    if not is_all:
        copies[found[-1]["id"]] += 1  # There may be others of it.
    latest = {deleted["id"]: deleted for deleted in found}
    for id, count in copies.items():
        if count > 1:
            latest[id] = _deleted_last(repository, {"id": id}) or latest[id]
    return {id: _as_stored(deleted) for id, deleted in latest.items()}, is_all


def get(repository: Repository, ref: str) -> Document:
    """Return the document from the trash that was deleted last, or raise ``NotFound``."""
    deleted = _deleted_last(repository, _trash_reference(ref))
    if deleted is None:
        raise NotFound(f"There is no {repository.item} {ref[:100]} in the trash.")
    return _as_stored(deleted)


def _deleted_last(repository: Repository, filter: Document) -> Document | None:
    found: Document | None = repository.trash.find_one(filter, sort=[("deleted_at", -1)])
    return found


def _as_stored(deleted: Document) -> Document:
    """Return a document of the trash as it was stored in the collection."""
    document = {k: v for k, v in deleted.items() if k not in ("_id", "id", "deleted_at")}
    return {"_id": deleted["id"]} | document


def page(repository: Repository, page_request: PageRequest, count: str) -> Page:
    """Return a page of the trash, the latest deletion first.

    A search finds what has all its words, or words that begin so; it is not ordered by relevance.

    Args:
        repository: The collection.
        page_request: The page and the filters.
        count: The preference of the client for the total: ``exact``, ``none`` or empty.

    Raises:
        BadRequest: Finding the page takes too long.
    """
    with refused_if_slow():
        return _page(repository, page_request, count)


def _page(repository: Repository, page_request: PageRequest, count: str) -> Page:
    words = Search(page_request.q).anywhere if page_request.q else {}
    filter = both(page_request.filter, words)
    deleted = repository.trash.find(
        filter,
        documents.UNSHOWN,
        sort=[("deleted_at", -1), ("_id", -1)],
        skip=(page_request.page - 1) * page_request.per,
        limit=page_request.per + 1,
    )
    total = (
        None
        if count == "none"
        else connections().count(repository.trash.name, filter, count_limit(count))
    )
    return Page.of(
        [
            document | {"_id": document.get("id")}
            for document in sizes.take_page(deleted, page_request.per)
        ],
        page_request.per,
        total,
        count,
    )


def restore(repository: Repository, document: Document, values: Mapping[str, Any]) -> Document:
    """Move a document from the trash back to the collection; return it.

    Args:
        repository: The collection.
        document: The document, as ``get`` has read it from the trash.
        values: Fields to set on the way.

    Raises:
        NotFound: The document has left the trash meanwhile.
        DocumentChanged: The document in the trash was written after it was read.
        Conflict: Its id, slug or another unique value was taken meanwhile.
    """
    token = new_token()
    restored = _restored(repository, document, values, token)

    def move() -> None:
        session = current_session()
        if conflict := repository.find_conflict(restored, restored["_id"]):
            raise conflict
        same_id = {"_id": restored["_id"]}
        if repository.collection.find_one(same_id, {"_id": True}, session=session):
            # A copy made by hand, or an older one of two documents in the trash.
            raise repository.conflict("id", restored["_id"], restored)
        in_trash = {"id": document["_id"]}
        same_version = _same_version(document)
        if not repository.trash.delete_one(in_trash | same_version, session=session).deleted_count:
            if repository.trash.find_one(in_trash, {"_id": True}, session=session):
                raise DocumentChanged(repository.item)
            raise NotFound(f"This {repository.item} is no longer in the trash.")
        repository.writable.insert_one(restored, session=session)
        repository.complete_write([(document, restored)], token)

    try:
        transaction(move)
    except DuplicateKeyError as error:
        raise Conflict(
            "Another request took one of these values. Send the request again."
        ) from error
    return restored


def restore_many(
    repository: Repository, inputs: Sequence[tuple[Document, Mapping[str, Any]]]
) -> set[Any]:
    """Move many documents from the trash back by one transaction; return the ids of those moved.

    Left out are documents whose id or unique values are taken.  If another write comes between,
    none is moved.

    Args:
        repository: The collection.
        inputs: Each document, as ``get_many`` has read it, with the fields to set on the way.

    Raises:
        DocumentChanged, BulkWriteError: Another write came between in a transaction that was
            running before, which must not be committed.
    """
    token = new_token()
    pairs = [(document, _restored(repository, document, v, token)) for document, v in inputs]
    free = _free(repository, [restored for _, restored in pairs])
    pairs = [(document, restored) for document, restored in pairs if restored["_id"] in free]
    if not pairs:
        return set()

    def move() -> None:
        session = current_session()
        removals = [DeleteOne({"id": read["_id"]} | _same_version(read)) for read, _ in pairs]
        removed = repository.trash.bulk_write(removals, ordered=False, session=session)
        if removed.deleted_count < len(pairs):
            raise DocumentChanged(repository.item)
        repository.writable.insert_many([restored for _, restored in pairs], session=session)
        repository.complete_write(pairs, token)

    try:
        transaction(move)
    except (DuplicateKeyError, BulkWriteError, DocumentChanged):
        if current_session():
            raise  # Some are moved already in the transaction around this one.
        return set()
    return free


def _free(repository: Repository, restored: Sequence[Document]) -> set[Any]:
    """Return the ids of the documents whose id and unique values no other document has."""
    ids = [document["_id"] for document in restored]
    same_id = repository.select({"_id": {"$in": ids}}, {"_id": True})
    taken = {document["_id"] for document in same_id}
    for field in repository.unique_fields:
        owners = Counter(d[field] for d in restored if isinstance(d.get(field), str))
        owners.update(repository.find(field, owners).keys() if owners else ())
        shared = {value for value, count in owners.items() if count > 1}
        taken |= {
            d["_id"] for d in restored if isinstance(d.get(field), str) and d[field] in shared
        }
    return set(ids) - taken


def _restored(
    repository: Repository, document: Document, values: Mapping[str, Any], token: str
) -> Document:
    """Return a document of the trash as it is stored again, with some fields set."""
    restored = documents.change(document, values, repository.derived).stamped(token).after
    restored["writer"] = documents.writer_mark(restored["_id"], documents.RESTORED)
    return restored


def _same_version(document: Document) -> Document:
    return {name: document.get(name) for name in ("revision", "written")}


def purge(repository: Repository, document: Document) -> None:
    """Remove a document for good, from the trash too.

    Raise ``DocumentChanged`` if the document was written after it was read.
    """
    id, token = document["_id"], new_token()
    same_version = {"_id": id} | _same_version(document)

    def remove() -> None:
        session = current_session()
        removed = _remove(repository, same_version, token, documents.PURGED)
        if removed is None and repository.collection.find_one(
            {"_id": id}, {"_id": 1}, session=session
        ):
            raise DocumentChanged(repository.item)
        repository.trash.delete_many({"id": id}, session=session)
        repository.idempotency_keys.delete_many({"about": id}, session=session)
        audit_log.record_purge(repository.history, document, session)
        # Entries that the follower stores meanwhile are not visible in the transaction.
        on_commit(lambda: audit_log.erase_values(repository.history, id))
        repository.complete_write([(document, None), (removed, None)], token)

    transaction(remove)


def _remove(repository: Repository, filter: Document, token: str, kind: str) -> Document | None:
    """Remove a document from the collection in the running transaction; return it as it was.

    MongoDB's change stream shows a deletion with the document as it was before.  So the mark of
    this request is written into the document first.
    """
    session = current_session()
    mark = {"written": token, "writer": documents.writer_mark(filter["_id"], kind)}
    document: Document | None = repository.writable.find_one_and_update(
        filter, {"$set": mark}, session=session
    )
    if document:
        repository.collection.delete_one({"_id": document["_id"]}, session=session)
    return document


def _trash_reference(ref: str) -> Document:
    """Return the filter for an id or a slug in the trash, where the id is an ordinary field."""
    filter = reference(ref)
    options = filter.get("$or", [filter])
    return {
        "$or": [
            {"id" if "_id" in option else "slug": next(iter(option.values()))} for option in options
        ]
    }
