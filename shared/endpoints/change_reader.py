"""Reader of changes: MongoDB's change stream since a token, as clients see it.

The document before a change shows which fields it has changed, and the one after it is the item.
MongoDB keeps both for a while; of an older update it reports only the stored fields that changed.

MongoDB accepts the token of one collection for any other, even for a new one of the same name, and
begins at some point of it.  So a token of this feed ends with the id of its collection.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from types import TracebackType
from typing import Self

from pymongo.errors import OperationFailure

from shared.http.errors import BadRequest, Gone, NotInstalled, ServiceUnavailable
from shared.resource import Resource, Visibility
from shared.schema.fields import timestamp
from shared.schema.serialization import Document
from shared.storage import documents
from shared.storage.change_stream import (
    BATCH_SIZE,
    HISTORY_LOST,
    KINDS,
    ChangeStream,
    collection_id,
    event_time,
    updated_fields,
)

TOKEN = r"[0-9A-F]{18,4000}-[0-9a-f]{32}\Z"
NO_TOKEN = "Is not a token of this feed; send since of the previous response."
SKIP_SECONDS = 2  # seconds in which changes that clients do not see are skipped
# Error codes of MongoDB: it has no change streams; the stream has ended at this token; a change has
# more than 16 MB with the documents before and after it.
_NO_STREAMS, _ENDED, _TOO_LARGE = 40573, 260, 10334


class ChangeReader:
    """Context manager that reads the changes since a token, or since its start.

    To a reader that does not see hidden items, an item that becomes hidden is deleted, and one that
    becomes visible is created.

    Args:
        resource: The resource whose changes are read.
        since: The token, empty for the changes from this moment on.
        size: The largest number of changes that one call returns.
        sees_hidden: True if the reader sees hidden items.

    Raises:
        BadRequest: The token is not valid.
        Gone: MongoDB cannot report the changes since the token.
        NotInstalled: MongoDB has no change streams.
        ServiceUnavailable: MongoDB has ended the stream.
    """

    def __init__(
        self,
        resource: Resource,
        since: str = "",
        size: int = BATCH_SIZE,
        sees_hidden: bool = False,
    ):
        self._resource = resource
        self._visibility = None if sees_hidden else resource.visibility
        self._names = [name for name in resource.names if name not in resource.live]
        self._collection_id = collection_id(resource.repository.collection)
        self._stored = resource.reads(self._names)
        self._is_over = False
        self._changes = self._open(since, size)

    def next(self, milliseconds: int = 1) -> tuple[list[Document], str]:
        """Return the next changes, none if none came in time, and the token after them.

        Changes that clients do not see only move the token.  They are skipped for at most two
        seconds, so that an empty list means that there was no other change.
        """
        until = time.monotonic() + SKIP_SECONDS
        while True:
            events, token = self._next(milliseconds)
            changes = self._to_changes(events)
            if changes or not events or time.monotonic() > until:
                return changes, token

    def _next(self, milliseconds: int) -> tuple[list[Document], str]:
        """Return the next events of documents, and the token after them."""
        if self._is_over:
            raise self._gone("The collection was dropped or renamed.")
        try:
            events, token = self._changes.next(milliseconds)
        except OperationFailure as error:
            if error.code == _TOO_LARGE:
                raise self._gone("A change is too large to report.") from error
            text = "MongoDB has ended the change stream; retry shortly with the same token."
            raise ServiceUnavailable(text) from error
        document_events = list(takewhile(_is_of_a_document, events))
        if len(document_events) < len(events):
            self._is_over = True
            if not document_events:
                return self._next(milliseconds)
            token = document_events[-1]["_id"]
        return document_events, self._to_token(token["_data"])

    def _open(self, since: str, size: int) -> ChangeStream:
        data, _, collection = since.partition("-")
        if since and collection != self._collection_id:
            raise self._gone("The token belongs to another collection, or to an earlier one.")
        token = {"_data": data} if since else None
        try:
            return ChangeStream(self._resource.repository.collection, token, size)
        except OperationFailure as error:
            if error.code == _NO_STREAMS:
                raise no_streams() from error
            if not since:
                raise
            # Opening a new stream fails as well unless the token is the reason.
            gone = self._gone(
                "A change is too large to report."
                if error.code == _TOO_LARGE
                else "MongoDB has removed the changes since the token."
            )
            if error.code in (_ENDED, _TOO_LARGE, *HISTORY_LOST):
                raise gone from error
            raise BadRequest.parameter("since", NO_TOKEN) from error

    def _gone(self, why: str) -> Gone:
        """Return the error that says how to begin again: a new token, then the list."""
        with ChangeReader(self._resource) as reader:
            _, now = reader.next()
        items = f"/{self._resource.name}"
        links = {"items": items, "next": f"{items}/changes?since={now}"}
        text = f"{why} Read {items} again, then continue from the new token in since."
        return Gone(text, since=now, links=links)

    def _to_token(self, data: str) -> str:
        return f"{data}-{self._collection_id}"

    def _to_changes(self, events: Iterable[Document]) -> list[Document]:
        events = [event for event in events if self._concerns_clients(event)]
        if self._visibility:
            events = list(self._seen_from_outside(events, self._visibility))
        before = self._items(event.get("fullDocumentBeforeChange") for event in events)
        after = self._items(event.get("fullDocument") for event in events)
        changes = (
            self._change(event, *pair) for event, *pair in zip(events, before, after, strict=True)
        )
        return [change for change in changes if change.get("fields") != []]

    def _seen_from_outside(
        self, events: Sequence[Document], visibility: Visibility
    ) -> Iterator[Document]:
        """Yield the events as they are for a reader that does not see hidden items."""
        current = self._current_documents(filter(_is_old_update, events), visibility.field)
        for event in events:
            kind, before = event["operationType"], event.get("fullDocumentBeforeChange")
            after = event.get("fullDocument")
            if _is_old_update(event):
                after = current.get(repr(event["documentKey"]["_id"]))
                if after is None:
                    continue  # The deletion follows.
                is_of_others = kind == "update" and visibility.field not in updated_fields(event)
                if is_of_others and visibility.is_hidden(after):
                    continue  # If a reader saw the item, the change that hid it follows.
            was_hidden = before is not None and visibility.is_hidden(before)
            is_hidden = after is not None and visibility.is_hidden(after)
            if kind == "delete":
                if not was_hidden:
                    yield event
            elif is_hidden and (was_hidden or kind == "insert"):
                continue
            elif is_hidden:
                yield event | {"operationType": "delete", "fullDocument": None}
            elif was_hidden:
                yield event | {"operationType": "insert", "fullDocumentBeforeChange": None}
            else:
                yield event

    def _current_documents(self, events: Iterable[Document], field: str) -> dict[str, Document]:
        """Return a field of the documents of some events as it is now, by the text of their ids."""
        ids = [event["documentKey"]["_id"] for event in events]
        if not ids:
            return {}
        collection = self._resource.repository.collection
        stored = collection.find({"_id": {"$in": ids}}, {field: True})
        return {repr(document["_id"]): document for document in stored}

    def _items(self, images: Iterable[Document | None]) -> list[Document | None]:
        """Dump all documents at once; None stays None."""
        documents = list(images)
        present = [document for document in documents if document is not None]
        dumped = iter(self._resource.dump(present, self._names))
        return [None if document is None else next(dumped) for document in documents]

    def _change(self, event: Document, before: Document | None, after: Document | None) -> Document:
        kind = KINDS[event["operationType"]]
        change = {
            "token": self._to_token(event["_id"]["_data"]),
            "type": kind,
            "id": documents.as_integer(event["documentKey"]["_id"]),
            "at": timestamp(event_time(event)),
        }
        if kind == "updated":
            change["fields"] = self._changed(event, before, after)
        if kind == "deleted" and self._resource.slug:
            change["slug"] = (before or {}).get("slug")
        return change | {"item": after}

    def _changed(
        self, event: Document, before: Document | None, after: Document | None
    ) -> list[str]:
        """Return the names of the fields that an update has changed, all of them if unknown."""
        if before is not None and after is not None:
            return [
                name
                for name in self._names
                if not documents.has_values(before, {name: after[name]})
            ]
        if event["operationType"] == "replace":
            return self._names
        updated = updated_fields(event)
        return [name for name in self._names if self._resource.reads([name]) & updated]

    def _concerns_clients(self, event: Document) -> bool:
        return event["operationType"] != "update" or bool(updated_fields(event) & self._stored)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._changes.__exit__(kind, error, traceback)


def no_streams() -> NotInstalled:
    """Return the error for a MongoDB without change streams."""
    return NotInstalled("This MongoDB has no change streams: they need a replica set.")


def _is_old_update(event: Document) -> bool:
    """Return True if MongoDB has dropped the document after an update."""
    return event["operationType"] in ("update", "replace") and event.get("fullDocument") is None


def _is_of_a_document(event: Document) -> bool:
    """Return True for an event of one document, False for the end of the collection."""
    return event["operationType"] in KINDS
