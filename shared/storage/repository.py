"""Reading and writing documents, one collection at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from bson import ObjectId
from flask import current_app
from pymongo import IndexModel
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from shared.cache.cache import Write
from shared.cache.keys import new_token
from shared.config.settings import Settings
from shared.http.errors import Conflict, NotFound, PreconditionFailed, WriteConflict
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document
from shared.schema.slugs import MAX_SLUG, make_slug
from shared.storage import audit_log, documents, ids, indexes, ledger, writer
from shared.storage.connections import connections
from shared.storage.ids import QUICK
from shared.storage.retries import attempts

SORT_IN_MEMORY_LIMIT = 1000  # Documents that may be sorted in memory.
QUERY_TIMEOUT_SECONDS = 3  # A list that takes longer is refused.
COUNT_CAP = 10_000
# Why a counter changed, when nobody says.
CREATED, EDITED = "created", "edited"


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a collection, the size of the whole as far as it was counted, and what follows.

    ``more`` says whether anything does, ``cursor`` where it goes on, None where no cursor can.
    """

    documents: list[Document]
    total: int | None
    exact: bool
    more: bool = False
    cursor: str | None = None

    @classmethod
    def of(
        cls,
        found: list[Document],
        per: int,
        total: int | None,
        count: str,
        cursor: str | None = None,
    ) -> "Page":
        """Return a page of so many documents, of which one more was looked for.

        ``total`` was counted as far as ``count_limit`` says, or not at all.
        """
        known = total if total is None or count == "exact" else min(total, COUNT_CAP)
        exact = total is not None and known == total
        return cls(found[:per], known, exact, len(found) > per, cursor)


def count_limit(count: str) -> int:
    """Return how far is counted, by the preference of who asks: 0 for all."""
    return 0 if count == "exact" else COUNT_CAP + 1


@dataclass(frozen=True)
class Repository:
    """The collection a service owns; every write invalidates what was cached of it.

    ``slug_from`` is the field a slug is made of, empty for none; ``unique`` are the fields no two
    documents share; ``partition`` is the parameter lists are kept apart by, and its array field;
    ``counter`` is a field whose every change goes into a ledger (``shared.storage.ledger``).
    """

    name: str
    item: str
    slug_from: str = ""
    unique: tuple[str, ...] = ()
    searched: Searched | None = None
    partition: tuple[str, str] | None = None
    indexes: tuple[IndexModel, ...] = ()
    counter: str = ""

    # Reading.

    def get(self, ref: str) -> Document:
        """Fetch one document by id or slug, or raise ``NotFound``."""
        document = self.collection.find_one(reference(ref), session=self._session)
        if document is None:
            raise NotFound(f"There is no {self.item} {ref[:100]}.")
        return document

    def locate(self, ref: str) -> tuple[Document, bool]:
        """Fetch one document by id, slug or a slug it used to have, or raise ``NotFound``.

        The second value is whether it has another slug now.
        """
        try:
            return self.get(ref), False
        except NotFound:
            if slug := self.moved(ref):
                return self.get(slug), True
            raise

    def moved(self, ref: str) -> str:
        """Return the slug of the document that used to have the slug ``ref``, or nothing."""
        if not self.slug_from:
            return ""
        document = self.collection.find_one(
            {"old_slugs": ref}, {"slug": True}, session=self._session
        )
        return str(document["slug"]) if document and "slug" in document else ""

    def find(self, field: str, values: Iterable[Any]) -> dict[Any, Document]:
        """Fetch the documents with one of these values in a unique field, by that value."""
        found = self.collection.find({field: {"$in": list(values)}}, session=self._session)
        return {each[field]: each for each in found if isinstance(each[field], str)}

    def count(self, filter: Mapping[str, Any], limit: int = 0) -> int:
        """Count the documents that a filter finds: all of them, or no more than a ``limit``."""
        if self._session:
            options: dict[str, Any] = {"limit": limit} if limit else {}
            return self.collection.count_documents(filter, session=self._session, **options)
        return connections().count(self.name, filter, limit)

    # Writing.

    def insert(self, values: Document) -> Document:
        """Store a new document at revision 1 or raise ``Conflict``."""
        # Whether its values are taken MongoDB says when it is stored; but in a transaction nothing
        # can be asked any more once a write has failed.
        if self._session and (clash := self.find_conflict(values)):
            raise clash
        token = new_token()
        (document,) = self.fresh([values], token, is_sure=self._session is not None)
        for attempt in attempts():
            try:
                self.writable.insert_one(document, session=self._session)
            except DuplicateKeyError as error:
                self._make_way(document, values, attempt, error)
                continue
            # Should this be lost, the item's next entry tells what it began with.
            self.record_in_ledger([(None, document)], CREATED, is_awaited=False)
            self.invalidate([document], token)
            return document
        raise WriteConflict("Too many others are writing the same at once; try again.")

    def _make_way(
        self, document: Document, values: Document, attempt: int, error: DuplicateKeyError
    ) -> None:
        """Give a new document another id or slug where somebody was faster."""
        if self.collection.find_one({"_id": document["_id"]}, {"_id": True}):
            ids.raise_counter(self.collection)
        if self._session:
            raise error  # The transaction is broken; it is tried again as a whole.
        if clash := self.find_conflict(values):
            raise clash
        if self.collection.find_one({"_id": document["_id"]}, {"_id": True}):
            document["_id"] = ids.next_ids(self.name, 1)
            document["writer"] = writer.mark(document["_id"])
        if self.slug_from and not values.get("slug"):
            base = make_slug(str(values.get(self.slug_from, "")), self.item)
            # In a crowd the next free number is taken before we come to it.
            crowd = attempt > 2
            document["slug"] = (
                f"{base}-{token_hex(3)}" if crowd else ids.free(self.collection, "slug", [base])[0]
            )

    def update(self, document: Document, values: Mapping[str, Any]) -> Document:
        """Change some fields of a document, None removing one.

        Raise ``PreconditionFailed`` when it was written since it was read, ``Conflict`` when a
        value is taken. Values that change nothing write nothing.
        """
        token = new_token()
        change = documents.change(document, self.named(document, values), token, self.searched)
        if change is None:
            # Whoever wrote this may not have invalidated it yet, or may have died before.
            self.invalidate([document], token)
            return document

        def write() -> Document | None:
            # In a transaction nothing can be asked any more once a write has failed.
            if connections().session and (clash := self.find_conflict(values, document["_id"])):
                raise clash
            before: Document | None = self.writable.find_one_and_update(
                change.filter, change.update, session=self._session
            )
            self.record_in_ledger([(before, change.after)] if before else [], EDITED)
            return before

        try:
            # A counter and its ledger change together or not at all.
            before = connections().transaction(write) if self.counts(change.update) else write()
        except DuplicateKeyError as error:
            clash = self.find_conflict(values, document["_id"])
            raise clash or Conflict("Another write took a value of this one; try again.") from error
        if before is None:
            raise PreconditionFailed(f"The {self.item} changed while this request was running.")
        after = change.after
        if before != document:
            # An edit by hand, which leaves the revision alone, came between.
            after = self.collection.find_one({"_id": after["_id"]}, session=self._session) or after
        self.invalidate([before, after], token)
        return after

    def rewrite(
        self,
        filter: Mapping[str, Any],
        pipeline: list[Mapping[str, Any]],
        concerned: Sequence[Document],
    ) -> None:
        """Update all documents that a filter finds by an aggregation pipeline.

        What is cached of those ``concerned``, as they were and as they are, is invalidated.
        """
        token = new_token()
        stamp = {
            "written": token,
            # An object alone would be merged into the mark that is there.
            "writer": {"$mergeObjects": [{"$literal": writer.mark(None)}, {"item": "$_id"}]},
            "updated_at": documents.now(),
            "revision": {"$cond": [{"$isNumber": "$revision"}, {"$add": ["$revision", 1]}, 1]},
        }
        self.writable.update_many(filter, [*pipeline, {"$set": stamp}], session=self._session)
        self.invalidate(concerned, token)

    def find_conflict(self, values: Mapping[str, Any], id: Any = None) -> Conflict | None:
        """Return the conflict that ``values`` would meet for the document ``id``, if any."""
        for field in (*(("slug",) if self.slug_from else ()), *self.unique):
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
        """Return the error that says whose a value is, and for a slug a free one."""
        link = f"/{self.name}/{owner['_id']}"
        hint = {}
        # No other email or id would do.
        if isinstance(value, str) and "@" not in value:
            hint["suggestion"] = ids.free(self.collection, field, [_shortened(value)])[0]
        text = f"The {field} {value!r} is taken by {link}."
        place = {"pointer": f"/{field}", "message": text}
        # What is in the trash takes nothing from the living.
        told = {"field": field, "value": value, "owner": link, "owner_in_trash": False, **hint}
        return Conflict(text, [place], **told)

    # The steps they are made of.

    @property
    def collection(self) -> Collection[Document]:
        """The collection, to read from."""
        return connections().db[self.name]

    @property
    def trash(self) -> Collection[Document]:
        """The collection of deleted documents, where the id is an ordinary field."""
        return connections().db[f"{self.name}.trash"]

    @property
    def history(self) -> Collection[Document]:
        """The collection of who changed what."""
        return connections().db[f"{self.name}.history"]

    @property
    def ledger(self) -> Collection[Document]:
        """The collection of all changes of the counter."""
        return connections().db[f"{self.name}.ledger"]

    @property
    def idempotency_keys(self) -> Collection[Document]:
        """The collection of what was answered to whom sent an ``Idempotency-Key``."""
        return connections().db[f"{self.name}.idempotency"]

    @property
    def writable(self) -> Collection[Document]:
        """The collection, with its indexes in place: without them two could take one slug."""
        indexed: set[str] = current_app.extensions.setdefault("indexed", set())
        if self.name not in indexed:
            self.collection.create_indexes(list(self.indexes))
            settings: Settings = current_app.extensions["settings"]
            self.trash.create_indexes(list(indexes.TRASH))
            indexes.expire(self.trash, "deleted_at", settings.trash_days)
            self.history.create_indexes(list(audit_log.INDEXES))
            indexes.expire(self.history, "at", settings.history_days)
            if self.counter:
                self.ledger.create_indexes(list(ledger.INDEXES))
            indexed.add(self.name)
        return self.collection

    @property
    def _session(self) -> ClientSession | None:
        """The running transaction, if any, which every call below joins."""
        return connections().session

    def create_indexes(self) -> None:
        """Make sure the collection has its indexes, though somebody may have dropped some."""
        current_app.extensions.setdefault("indexed", set()).discard(self.name)
        _ = self.writable

    def fresh(self, values: Sequence[Document], token: str, is_sure: bool = True) -> list[Document]:
        """Return new documents ready to store: three queries, however many they are.

        Unless ``is_sure``, nobody looks whether the slugs made of names are free.
        """
        if not values:
            return []
        id = ids.next_ids(self.name, len(values))
        named = [dict(each) for each in values]
        if self.slug_from:
            nameless = [each for each in named if not each.get("slug")]
            slugs = [make_slug(str(each.get(self.slug_from, "")), self.item) for each in nameless]
            if is_sure:
                slugs = ids.free(self.collection, "slug", slugs)
            for each, slug in zip(nameless, slugs, strict=True):
                each["slug"] = slug
        return [
            documents.fresh(each, id + offset, token, self.searched)
            for offset, each in enumerate(named)
        ]

    def named(self, document: Document, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values with a slug among them if the document has none yet."""
        if not self.slug_from or document.get("slug") or values.get("slug"):
            return values
        base = make_slug(str((document | dict(values)).get(self.slug_from, "")), self.item)
        return {**values, "slug": ids.free(self.collection, "slug", [base])[0]}

    def counts(self, change: Document) -> bool:
        """Whether an update of MongoDB's concerns the counter."""
        return any(self.counter in change.get(each, {}) for each in ("$set", "$unset"))

    def record_in_ledger(
        self,
        written: Iterable[tuple[Document | None, Document]],
        reason: str,
        is_awaited: bool = True,
        **more: Any,
    ) -> None:
        """Note in the ledger what writes did to the counter: pairs of before and after.

        Unless it ``is_awaited`` it returns before a majority of MongoDB's servers have them.
        """
        if self.counter:
            entries = (ledger.entry(self.counter, *pair, reason, **more) for pair in written)
            quick = not (is_awaited or self._session)
            into = self.ledger.with_options(write_concern=QUICK) if quick else self.ledger
            ledger.append(into, entries, self._session)

    def invalidate(self, written: Iterable[Document], token: str) -> None:
        """Make what is cached of these documents, as they were and as they are, worthless."""
        known = list(written)
        keys = sorted(f"{self.item}:{ref}" for ref in documents.refs(known))
        stale = sorted(documents.tags(known, self.partition))
        connections().invalidate(Write(self.name, stale, token, keys))


def both(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the filter for what two filters find."""
    return {"$and": [one, other]} if one and other else one or other


def reference(ref: str) -> Document:
    """Return the filter for an id or a slug; ids too large for MongoDB find nothing."""
    if ref.isascii() and ref.isdigit():
        return {"_id": int(ref) if len(ref) < 19 else {"$in": []}}
    if len(ref) == 24 and ObjectId.is_valid(ref):
        return {"$or": [{"slug": ref.lower()}, {"_id": ObjectId(ref)}]}
    return {"slug": ref}


def _shortened(slug: str) -> str:
    """Return a slug with room for a number behind it."""
    return slug[: MAX_SLUG - 20].rstrip("-")
