"""What happens to the documents of a resource, as clients see it.

It is MongoDB's change stream, read from where a token was.  The document before a change tells
which fields it has changed, and the one after it is the item; MongoDB keeps both for a while, and
of an older update tells only which stored fields it has changed.

MongoDB takes the token of any collection for any other one, also for a new one of the same name,
and begins somewhere.  So a token ends in what tells its collection from all others.
"""

import time
from collections.abc import Iterable
from itertools import takewhile
from types import TracebackType
from typing import Self

from pymongo.errors import OperationFailure

from shared.http.errors import BadRequest, Gone, NotInstalled, ServiceUnavailable
from shared.resource import Resource
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
NO_TOKEN = "Is no token of this feed."
SKIP_SECONDS = 2
# What MongoDB says where it has no change streams, of a token behind which there is nothing, and
# of a change of more than 16 MB with the document before and after.
_NO_STREAMS, _ENDED, _TOO_LARGE = 40573, 260, 10334


class Changelog:
    """The changes from a token on, or from now on, up to ``size`` at once; use it in ``with``.

    Raise ``BadRequest`` for what is no token, ``Gone`` where nothing can be told from there on,
    ``NotInstalled`` where MongoDB has no change streams, ``ServiceUnavailable`` and pymongo's
    errors when it fails.
    """

    def __init__(self, resource: Resource, since: str = "", size: int = BATCH_SIZE):
        self._resource = resource
        self._names = [name for name in resource.names if name not in resource.live]
        self._identity = collection_id(resource.repository.collection)
        self._stored = resource.reads(self._names)
        self._is_over = False
        self._changes = self._open(since, size)

    def next(self, milliseconds: int = 1) -> tuple[list[Document], str]:
        """Return the next changes, none when none came in time, and the token to go on from.

        Changes that clients do not see move the token only.  They are skipped, for two seconds at
        the most, so that an empty list says that nothing else has happened.
        """
        until = time.monotonic() + SKIP_SECONDS
        while True:
            events, token = self._next(milliseconds)
            changes = self._tell(events)
            if changes or not events or time.monotonic() > until:
                return changes, token

    def _next(self, milliseconds: int) -> tuple[list[Document], str]:
        """Return the next events of documents, and the token to go on from."""
        if self._is_over:
            raise self._gone("The collection was dropped or renamed.")
        try:
            events, token = self._changes.next(milliseconds)
        except OperationFailure as error:
            if error.code == _TOO_LARGE:
                raise self._gone("A change is too large to be told.") from error
            text = "MongoDB has ended the change stream; go on from the same token shortly."
            raise ServiceUnavailable(text) from error
        known = list(takewhile(_is_of_a_document, events))
        if len(known) < len(events):
            self._is_over = True
            if not known:
                return self._next(milliseconds)
            token = known[-1]["_id"]
        return known, self._spell(token["_data"])

    def _open(self, since: str, size: int) -> ChangeStream:
        data, _, collection = since.partition("-")
        if since and collection != self._identity:
            raise self._gone("The token is of another collection, or of an earlier one.")
        token = {"_data": data} if since else None
        try:
            return ChangeStream(self._resource.repository.collection, token, size)
        except OperationFailure as error:
            if error.code == _NO_STREAMS:
                raise no_streams() from error
            if not since:
                raise
            # Unless this fails as well, it is for the token.
            gone = self._gone(
                "A change is too large to be told."
                if error.code == _TOO_LARGE
                else "MongoDB no longer holds what has changed since."
            )
            if error.code in (_ENDED, _TOO_LARGE, *HISTORY_LOST):
                raise gone from error
            raise BadRequest.parameter("since", NO_TOKEN) from error

    def _gone(self, why: str) -> Gone:
        """Return the error that says how to begin again: the token of now, then the list."""
        with Changelog(self._resource) as fresh:
            _, now = fresh.next()
        items = f"/{self._resource.name}"
        links = {"items": items, "next": f"{items}/changes?since={now}"}
        text = f"{why} Read {items} again, then go on from the new token in since."
        return Gone(text, since=now, links=links)

    def _spell(self, data: str) -> str:
        return f"{data}-{self._identity}"

    def _tell(self, events: Iterable[Document]) -> list[Document]:
        events = [event for event in events if self._may_show(event)]
        before = self._items(event.get("fullDocumentBeforeChange") for event in events)
        after = self._items(event.get("fullDocument") for event in events)
        told = (
            self._change(event, *pair) for event, *pair in zip(events, before, after, strict=True)
        )
        return [change for change in told if change.get("fields") != []]

    def _items(self, found: Iterable[Document | None]) -> list[Document | None]:
        """Dump all documents at once; a missing one stays so."""
        known = list(found)
        there = [each for each in known if each is not None]
        dumped = iter(self._resource.dump(there, self._names))
        return [None if each is None else next(dumped) for each in known]

    def _change(self, event: Document, before: Document | None, after: Document | None) -> Document:
        kind = KINDS[event["operationType"]]
        change = {
            "token": self._spell(event["_id"]["_data"]),
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
        """Return the names of the fields that an update has changed, all of them when unknown."""
        if before is not None and after is not None:
            return [
                name
                for name in self._names
                if not documents.has_values(before, {name: after[name]})
            ]
        if event["operationType"] == "replace":
            return self._names
        touched = updated_fields(event)
        return [name for name in self._names if self._resource.reads([name]) & touched]

    def _may_show(self, event: Document) -> bool:
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
    """Return the error where MongoDB tells nobody what happens."""
    return NotInstalled("This MongoDB has no change streams: they need a replica set.")


def _is_of_a_document(event: Document) -> bool:
    """Whether an event concerns one document, and not the whole collection, which it ends."""
    return event["operationType"] in KINDS
