"""The documents of one collection in MongoDB: reading them, and the one way to write them.

Each write has a random token.  It is stored in each document with the new revision
(``documents.stamp``), and it becomes the generation of each cache tag that the write makes stale.
``Repository.complete_write`` ends every write: it records changes of the counter in the ledger and
invalidates the cache.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pymongo
from bson import ObjectId
from flask import current_app
from pymongo import IndexModel, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from shared.cache.cache import Write
from shared.cache.keys import new_token
from shared.http.errors import Conflict, NotFound
from shared.schema.derived import Derived
from shared.schema.groups import VARIANT, Groups, is_group
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document
from shared.schema.slugs import MAX_SLUG, make_slug
from shared.storage import audit_log, documents, ids, indexes, ledger
from shared.storage.connections import connections, settings
from shared.storage.documents import Change
from shared.storage.ids import PRIMARY_ONLY
from shared.storage.retries import DocumentChanged, retry_conflicts
from shared.storage.search.vocabulary import Vocabulary
from shared.storage.transactions import current_session, invalidate_on_commit, transaction

SORT_IN_MEMORY_LIMIT = 1000  # documents that may be sorted in memory

QUERY_TIMEOUT_SECONDS = 3  # after which a list is refused
BAD_HINT = 2  # the error code of MongoDB for an index that does not exist
COUNT_CAP = 10_000  # documents to which a total is exact by default
# Reasons in the ledger of changes that have no reason of their own.
CREATED, EDITED = "created", "edited"

# The document before and after a write: None before an insert and after a deletion.
Pair = tuple[Document | None, Document | None]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of documents, and the total as far as it was counted.

    ``more`` is True if another page follows; ``cursor`` is where it starts, None where no cursor
    is possible.  ``exact`` is True if ``total`` is the exact number, and ``is_cut`` if the page
    ends early, because its documents are large.
    """

    documents: list[Document]
    total: int | None
    exact: bool
    more: bool = False
    cursor: str | None = None
    is_cut: bool = False

    @classmethod
    def of(
        cls,
        documents: list[Document],
        per: int,
        total: int | None,
        count: str,
        cursor: str | None = None,
    ) -> "Page":
        """Return the page with the first documents of a query for one document more.

        Args:
            documents: The documents of the page and, if another page follows, one more.
            per: The number of documents on a page.
            total: The total, counted up to ``count_limit``; None if it was not counted.
            count: The preference of the client: ``exact``, ``none`` or empty.
            cursor: The cursor of the next page.
        """
        shown_total = total if total is None or count == "exact" else min(total, COUNT_CAP)
        is_exact = total is not None and shown_total == total
        return cls(documents[:per], shown_total, is_exact, len(documents) > per, cursor)


def count_limit(count: str) -> int:
    """Return the number at which counting stops, 0 for none, for a client's preference."""
    return 0 if count == "exact" else COUNT_CAP + 1


@dataclass(frozen=True)
class Repository:
    """The collection of a service; every write invalidates what is cached of it.

    Args:
        name: The collection.
        item: The word for one item, for messages and cache keys.
        slug_from: The field that slugs are made of; empty for no slugs.
        unique: Fields of which no two documents share a value.
        searched: The fields that a search looks into.
        partitions: The query parameters that keep lists apart, each with the field it looks into.
        indexes: The indexes of the collection.
        counter: A number field with a ledger (``shared.storage.ledger``); empty for none.
        collated: The texts that lists are ordered by.
        groups: How items are variants of one thing; None if they are not.
    """

    name: str
    item: str
    slug_from: str = ""
    unique: tuple[str, ...] = ()
    searched: Searched | None = None
    partitions: tuple[tuple[str, str], ...] = ()
    indexes: tuple[IndexModel, ...] = ()
    counter: str = ""
    collated: tuple[str, ...] = ()
    groups: Groups | None = None

    @property
    def derived(self) -> Derived:
        """The derived fields of the documents."""
        return Derived(self.searched, self.collated, self.groups)

    # Collections.

    @property
    def collection(self) -> Collection[Document]:
        """The collection, for reading."""
        return connections().db[self.name]

    @property
    def writable(self) -> Collection[Document]:
        """The collection, for writing: its indexes exist, without which slugs would not be unique.

        The indexes of the trash, the history and the ledger are created with them.  An index that
        documents made by hand prevent is logged and left out.
        """
        indexed: set[str] = current_app.extensions.setdefault("indexed", set())
        if self.name not in indexed:
            indexes.create(self.collection, self.indexes)
            self.trash.create_indexes(list(indexes.TRASH))
            indexes.expire(self.trash, "deleted_at", settings().trash_days)
            self.history.create_indexes(list(audit_log.INDEXES))
            indexes.expire(self.history, "at", settings().history_days)
            if self.counter:
                self.ledger.create_indexes(list(ledger.INDEXES))
            indexed.add(self.name)
        return self.collection

    @property
    def trash(self) -> Collection[Document]:
        """The collection of deleted documents, in which the id is an ordinary field."""
        return connections().db[f"{self.name}.trash"]

    @property
    def history(self) -> Collection[Document]:
        """The audit log of the collection."""
        return connections().db[f"{self.name}.history"]

    @property
    def ledger(self) -> Collection[Document]:
        """The collection of all changes of the counter."""
        return connections().db[f"{self.name}.ledger"]

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the documents."""
        return Vocabulary(connections().db[f"{self.name}.words"])

    @property
    def synonyms(self) -> Collection[Document]:
        """The collection with the synonyms that searches use."""
        return connections().db[f"{self.name}.synonyms"]

    @property
    def idempotency_keys(self) -> Collection[Document]:
        """The collection of responses by ``Idempotency-Key``."""
        return connections().db[f"{self.name}.idempotency"]

    @property
    def _session(self) -> ClientSession | None:
        return current_session()

    def create_indexes(self) -> None:
        """Create the indexes, even if they existed before: they may have been dropped by hand."""
        current_app.extensions.setdefault("indexed", set()).discard(self.name)
        # A list of one moment can write nothing.
        with connections().open_session().bind():
            _ = self.writable

    # Reading.

    def get(self, ref: str) -> Document:
        """Return the document with this id or slug, or raise ``NotFound``."""
        document = self.collection.find_one(reference(ref), session=self._session)
        if document is None:
            raise self.not_found(ref)
        return document

    def not_found(self, ref: str) -> NotFound:
        """Return the error for an id or slug that finds no document."""
        return NotFound(f"There is no {self.item} {ref[:100]}.")

    def locate(self, ref: str) -> tuple[Document, bool]:
        """Return the document with this id, slug or old slug, or raise ``NotFound``.

        The second value is True if ``ref`` is an old slug.
        """
        try:
            return self.get(ref), False
        except NotFound:
            if slug := self.current_slug(ref):
                return self.get(slug), True
            raise

    def current_slug(self, old_slug: str) -> str:
        """Return the slug of the document that once had this slug; empty if there is none."""
        if not self.slug_from:
            return ""
        document = self.collection.find_one(
            {"old_slugs": old_slug}, {"slug": True}, session=self._session
        )
        return str(document["slug"]) if document and "slug" in document else ""

    def find_by_slugs(self, slugs: Sequence[str]) -> dict[str, Document]:
        """Return the documents that have these slugs, or once had them, by the slug asked for."""
        if not slugs:
            return {}
        wanted = {"$in": list(slugs)}
        either = {"$or": [{"slug": wanted}, {"old_slugs": wanted}]}
        found: dict[str, Document] = {}
        for document in self.collection.find(either, session=self._session):
            old_slugs = document.get("old_slugs")
            for slug in old_slugs if isinstance(old_slugs, list) else ():
                if slug in slugs:
                    found.setdefault(slug, document)
            found[str(document.get("slug"))] = document
        return {slug: found[slug] for slug in slugs if slug in found}

    def values_by_slug(self, field: str) -> dict[str, str]:
        """Return the texts in a field of all documents, by slug."""
        documents = self.select({"slug": {"$gt": ""}}, {"slug": True, field: True})
        return {str(each["slug"]): str(each.get(field, "")) for each in documents}

    def select(
        self, filter: Mapping[str, Any], fields: Mapping[str, bool] | None = None, limit: int = 0
    ) -> Iterator[Document]:
        """Yield the documents that a filter finds, as the running transaction sees them.

        Args:
            filter: Finds the documents.
            fields: The fields to read, or with False those to leave out; None for all.
            limit: The most documents to read; 0 for all.
        """
        yield from self.collection.find(filter, fields, limit=limit, session=self._session)

    def find(self, field: str, values: Iterable[Any]) -> dict[Any, Document]:
        """Return the documents with these values in a unique field, by value."""
        owners = self.collection.find({field: {"$in": list(values)}}, session=self._session)
        return {owner[field]: owner for owner in owners if isinstance(owner[field], str)}

    def count(self, filter: Mapping[str, Any], limit: int = 0, tokens: tuple[str, ...] = ()) -> int:
        """Return the number of documents that a filter finds, counted up to a ``limit`` above 0.

        With the ``tokens`` of a lookup, the number may have been counted for another page.
        """
        if self._session:
            options: dict[str, Any] = {"limit": limit} if limit else {}
            return self.collection.count_documents(filter, session=self._session, **options)
        return connections().count(self.name, filter, limit, tokens)

    def count_each(
        self, filters: Sequence[Mapping[str, Any]], limit: int = 0, tokens: tuple[str, ...] = ()
    ) -> list[int]:
        """Return the number of documents that each filter finds, as ``count`` does, by one query.

        Raises:
            ExecutionTimeout: Counting takes too long.
        """
        with pymongo.timeout(QUERY_TIMEOUT_SECONDS):
            return connections().count_each(self.name, filters, limit, tokens, self._session)

    def count_groups(
        self, parts: Sequence[Document], limit: int = 0, tokens: tuple[str, ...] = ()
    ) -> tuple[int, int]:
        """Return the number of groups among the matches of some filters, and that of the matches.

        An item without a group is a group of its own.

        Args:
            parts: The filters, of which no document matches two.
            limit: The number of matches of each filter at which counting stops; 0 to count all.
            tokens: Those of ``count``.
        """
        assert self.groups
        # The value alone distinguishes groups, and MongoDB has it in an index.
        path = f"${self.groups.field}"
        groups = {"$sum": {"$cond": [is_group("$_id"), 1, "$matches"]}}
        stages: list[list[Mapping[str, Any]]] = [
            [
                {"$match": part},
                *([{"$limit": limit + 1}] if limit else []),
                {"$project": {"_id": False, self.groups.field: True}},
            ]
            for part in parts
        ]
        pipeline: list[Mapping[str, Any]] = [
            *stages[0],
            *({"$unionWith": {"coll": self.name, "pipeline": other}} for other in stages[1:]),
            {"$group": {"_id": path, "matches": {"$sum": 1}}},
            {"$group": {"_id": None, "groups": groups, "matches": {"$sum": "$matches"}}},
        ]

        def count() -> tuple[int, int]:
            counted = next(iter(self.collection.aggregate(pipeline)), {"groups": 0, "matches": 0})
            return counted["groups"], counted["matches"]

        return connections().remember(("groups", self.name, repr(parts), limit), tokens, count)

    def first_of_groups(self, ids: Sequence[Any]) -> list[Any]:
        """Return ids without those of items whose group an earlier item has."""
        assert self.groups
        read = self.collection.find(
            {"_id": {"$in": list(ids)}}, {self.groups.field: True}, batch_size=len(ids) + 1
        )
        group_of = {document["_id"]: self.groups.of(document) for document in read}
        firsts: dict[Any, Any] = {}
        for id in ids:
            group = group_of.get(id)
            firsts.setdefault(("group", group) if group else ("id", id), id)
        return list(firsts.values())

    # Writing.

    def insert(self, values: Document) -> Document:
        """Store a new document at revision 1 and return it.

        Raises:
            Conflict: Another document has the slug or another unique value.
            WriteConflict: Too many other requests are writing.
        """
        # MongoDB reports taken values when the document is stored.  In a transaction nothing can
        # be read after a failed write, so they are looked up before.
        if self._session and (conflict := self.find_conflict(values)):
            raise conflict
        token = new_token()
        (document,) = self.new_documents([values], token, check_slugs=self._session is not None)
        attempts = itertools.count()

        def store() -> Document:
            try:
                self.writable.insert_one(document, session=self._session)
            except DuplicateKeyError as error:
                self._make_room(document, values, next(attempts), error)
                raise DocumentChanged(self.item) from error
            # If this entry is lost, the next entry of the item contains the first balance.
            self.complete_write([(None, document)], token, CREATED, is_awaited=False)
            return document

        return retry_conflicts(store, "the same values")

    def _make_room(
        self, document: Document, values: Document, attempt: int, error: DuplicateKeyError
    ) -> None:
        """Give a new document another id or slug after another request took the first one."""
        id_is_taken = self.collection.find_one({"_id": document["_id"]}, {"_id": True})
        if id_is_taken:
            ids.raise_counter(self.collection)
        if self._session:
            raise error  # The transaction is aborted, and repeated as a whole.
        if conflict := self.find_conflict(values):
            raise conflict
        if id_is_taken:
            document["_id"] = ids.next_ids(self.name, 1)
            document["writer"] = documents.writer_mark(document["_id"])
        if self.slug_from and not values.get("slug"):
            base = make_slug(str(values.get(self.slug_from, "")), self.item)
            # When many requests want one slug, the next free number is soon taken again.
            is_crowded = attempt > 2
            document["slug"] = (
                f"{base}-{token_hex(3)}"
                if is_crowded
                else ids.free_values(self.collection, "slug", [base])[0]
            )

    def update(self, document: Document, values: Mapping[str, Any], kind: str = "") -> Document:
        """Set some fields of a document and return it; None removes a field.

        Values that change nothing write nothing.

        Args:
            document: The document as it was read.
            values: The fields to set.
            kind: ``documents.STEP`` if the history should keep no values of this write.

        Raises:
            DocumentChanged: The document was written after it was read.
            Conflict: Another document has the slug or another unique value.
        """
        token = new_token()
        new_values = self.with_slug(document, values)
        if documents.has_values(document, new_values):
            # The request that wrote this state may not have invalidated the cache yet, or may
            # have been killed before it could.
            self.complete_write([(document, document)], token)
            return document
        change = documents.change(document, new_values, self.derived).stamped(token, kind)

        def store() -> Document:
            # In a transaction nothing can be read after a failed write.
            if self._session and (conflict := self.find_conflict(values, document["_id"])):
                raise conflict
            before: Document | None = self.writable.find_one_and_update(
                change.filter, change.update, session=self._session
            )
            if before is None:
                raise DocumentChanged(self.item)
            after = change.after
            if before != document:
                # An edit by hand, which does not change the revision, came between.
                same_id = {"_id": after["_id"]}
                after = self.collection.find_one(same_id, session=self._session) or after
            self.complete_write([(before, after)], token)
            return after

        try:
            # The counter and its ledger are written in one transaction.
            return transaction(store) if self.changes_counter(change) else store()
        except DuplicateKeyError as error:
            raise (
                self.find_conflict(values, document["_id"])
                or Conflict("Another request took one of these values. Send the request again.")
            ) from error

    def apply(
        self, changes: Sequence[Change], reason: str = "", *, in_trash: bool = False, **entry: Any
    ) -> list[Document]:
        """Make several changes in one transaction; return the documents after them.

        Args:
            changes: The changes, without a stamp.  In the trash, ``before`` and ``after`` have the
                id of the item in ``_id``.
            reason: The reason in the ledger; empty to record nothing.
            in_trash: True for documents in the trash, of which nothing is cached.
            **entry: Further fields of the entries in the ledger.

        Raises:
            DocumentChanged: A filter found no document; nothing was written.
        """
        if not changes:
            return []
        token = new_token()
        stamped = [change.stamped(token) for change in changes]
        pairs: list[Pair] = [(change.before, change.after) for change in stamped]

        def store() -> None:
            collection = self.trash if in_trash else self.writable
            updates = [UpdateOne(change.filter, change.update) for change in stamped]
            result = collection.bulk_write(updates, session=self._session)
            if result.matched_count < len(updates):
                raise DocumentChanged(self.item)
            if in_trash:
                self.record_in_ledger(pairs, reason, **entry)
            else:
                self.complete_write(pairs, token, reason, **entry)

        transaction(store)
        return [change.after for change in stamped]

    def rewrite(
        self,
        filter: Mapping[str, Any],
        pipeline: list[Mapping[str, Any]],
        affected: Sequence[Document],
    ) -> None:
        """Update all documents that a filter finds by an aggregation pipeline.

        Args:
            filter: Finds the documents.
            pipeline: The stages of the update; it must not change the counter.
            affected: The documents as they were and as they are afterwards, to invalidate.
        """
        token = new_token()
        stamp = {
            "written": token,
            # $mergeObjects alone would keep the members of the previous mark.
            "writer": {
                "$mergeObjects": [{"$literal": documents.writer_mark(None)}, {"item": "$_id"}]
            },
            "updated_at": documents.now(),
            "revision": {"$cond": [{"$isNumber": "$revision"}, {"$add": ["$revision", 1]}, 1]},
        }
        self.writable.update_many(filter, [*pipeline, {"$set": stamp}], session=self._session)
        self.invalidate(affected, token)

    def complete_write(
        self,
        pairs: Sequence[Pair],
        token: str,
        reason: str = EDITED,
        is_awaited: bool = True,
        **entry: Any,
    ) -> None:
        """Record a write in the ledger, and invalidate the cache once it is committed.

        Args:
            pairs: Each document before and after the write.
            token: The token of the write.
            reason: The reason in the ledger; empty to record nothing.
            is_awaited: False if the ledger may lose the entry with the primary of MongoDB.
            **entry: Further fields of the entries in the ledger.
        """
        self.record_in_ledger(pairs, reason, is_awaited, **entry)
        self.invalidate([document for pair in pairs for document in pair if document], token)

    def record_in_ledger(
        self, pairs: Iterable[Pair], reason: str, is_awaited: bool = True, **entry: Any
    ) -> None:
        """Record changes of the counter in the ledger, with the arguments of ``complete_write``."""
        if self.counter and reason:
            entries = (
                ledger.entry(self.counter, before, after, reason, **entry)
                for before, after in pairs
                if after
            )
            is_quick = not (is_awaited or self._session)
            collection = self.ledger
            if is_quick:
                collection = collection.with_options(write_concern=PRIMARY_ONLY)
            ledger.append(collection, entries, self._session)

    def invalidate(self, affected: Iterable[Document], token: str) -> None:
        """Invalidate what is cached of these documents, as they were and as they are."""
        affected = list(affected)
        keys = sorted(f"{self.item}:{ref}" for ref in documents.refs(affected))
        tags = sorted(documents.cache_tags(affected, self.partitions))
        invalidate_on_commit(Write(self.name, tags, token, keys))

    def changes_counter(self, change: Change) -> bool:
        """Return True if a change concerns the counter."""
        operators = ("$set", "$unset")
        return any(self.counter in change.update.get(name, {}) for name in operators)

    # Unique values and slugs.

    @property
    def unique_fields(self) -> tuple[str, ...]:
        """The stored fields of which no two documents share a value."""
        slug = ("slug",) if self.slug_from else ()
        return (*slug, *self.unique, *((VARIANT,) if self.groups else ()))

    @property
    def tagged_by(self) -> tuple[str, ...]:
        """The stored fields that decide which cached responses a write makes stale."""
        return ("slug", *(path for _, path in self.partitions))

    def find_conflict(self, values: Mapping[str, Any], id: Any = None) -> Conflict | None:
        """Return the conflict of unique values with other documents than ``id``, if any."""
        for field in self.unique_fields:
            value = values.get(field)
            if value is None:
                continue
            owner = self.collection.find_one(
                {field: value, "_id": {"$ne": id}}, {"_id": True}, session=self._session
            )
            if owner:
                return self.conflict(field, value, owner)
        return None

    def conflict(self, field: str, value: Any, owner: Document) -> Conflict:
        """Return the error for a taken value: it names the owner and, for a slug, a free one."""
        link = f"/{self.name}/{owner['_id']}"
        if self.groups and field == VARIANT:
            return self.groups.conflict(link)
        suggestion = {}
        # For an email or an id, no other value would do.
        if isinstance(value, str) and "@" not in value:
            base = _with_room_for_number(value)
            suggestion["suggestion"] = ids.free_values(self.collection, field, [base])[0]
        text = f"The {field} {value!r} is taken by {link}."
        error = {"pointer": f"/{field}", "message": text}
        # Values in the trash are free, so the owner is never there.
        return Conflict(
            text,
            [error],
            field=field,
            value=value,
            owner=link,
            owner_in_trash=False,
            **suggestion,
        )

    def repeated(self, field: str, value: Any) -> Conflict:
        """Return the error for a unique value that an earlier item of a batch has."""
        if self.groups and field == VARIANT:
            return self.groups.conflict("An earlier item of the batch")
        return Conflict(f"An earlier item of the batch has the same {field} {value!r}.")

    def new_documents(
        self, values: Sequence[Document], token: str, check_slugs: bool = True
    ) -> list[Document]:
        """Return new documents ready to store, by three queries for any number of them.

        Args:
            values: The fields of each document.
            token: The token of the write.
            check_slugs: False to take slugs made of names without asking if they are free.
        """
        if not values:
            return []
        first_id = ids.next_ids(self.name, len(values))
        copies = [dict(fields) for fields in values]
        if self.slug_from:
            without = [copy for copy in copies if not copy.get("slug")]
            slugs = [make_slug(str(copy.get(self.slug_from, "")), self.item) for copy in without]
            if check_slugs:
                slugs = ids.free_values(self.collection, "slug", slugs)
            for copy, slug in zip(without, slugs, strict=True):
                copy["slug"] = slug
        return [
            documents.new_document(copy, id, token, self.derived)
            for id, copy in enumerate(copies, first_id)
        ]

    def with_slug(self, document: Document, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values, with a new slug among them if the document has none."""
        if not self.slug_from or document.get("slug") or values.get("slug"):
            return values
        base = make_slug(str((document | dict(values)).get(self.slug_from, "")), self.item)
        return {**values, "slug": ids.free_values(self.collection, "slug", [base])[0]}


def both(one: Document, other: Document) -> Document:
    """Return the filter that finds documents that both filters find."""
    return {"$and": [one, other]} if one and other else one or other


def reference(ref: str) -> Document:
    """Return the filter for an id or a slug; an id too large for MongoDB finds no document."""
    if ref.isascii() and ref.isdigit():
        return {"_id": int(ref) if len(ref) < 19 else {"$in": []}}
    if len(ref) == 24 and ObjectId.is_valid(ref):
        return {"$or": [{"slug": ref.lower()}, {"_id": ObjectId(ref)}]}
    return {"slug": ref}


def _with_room_for_number(slug: str) -> str:
    return slug[: MAX_SLUG - 20].rstrip("-")
