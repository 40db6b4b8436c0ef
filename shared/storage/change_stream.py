"""Change stream of a MongoDB collection, read in batches.

pymongo's own ``watch`` returns one event after the other, and does not say which one is the last
that it has read.  The follower asks Redis once for a whole batch of events, and the change feed
answers a whole batch at once.
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

from bson import Binary
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from shared.schema.serialization import Document

BATCH_SIZE = 500  # events, at most
POLL_MILLISECONDS = 200  # that MongoDB waits for the first event of a batch
# Error codes for a token whose events are not in MongoDB's oplog any more.
HISTORY_LOST = (280, 286)

# The kind of a change for each type of MongoDB's events.
KINDS = {"insert": "created", "update": "updated", "replace": "updated", "delete": "deleted"}

Token = Mapping[str, Any]


class ChangeStream:
    """The events of a collection from a token on, or from the current moment on.

    It is a context manager.  Each event has its document before and after the change, as far as
    MongoDB has kept them.  All methods raise pymongo's errors; after an error the stream has ended.

    Args:
        collection: The collection.
        token: The resume token of the latest event that was read; None to start at this moment.
        size: The number of events in a batch, at most.
    """

    def __init__(
        self,
        collection: Collection[Document],
        token: Token | None = None,
        size: int = BATCH_SIZE,
    ):
        self._size = size
        self._db = collection.database
        self._name = collection.name
        self._options = collection.codec_options
        self._session = self._db.client.start_session()
        stage: Document = {
            "fullDocument": "whenAvailable",
            "fullDocumentBeforeChange": "whenAvailable",
        }
        if token:
            stage["resumeAfter"] = token
        try:
            self._cursor = self._run(
                {
                    "aggregate": self._name,
                    "pipeline": [{"$changeStream": stage}],
                    "cursor": {"batchSize": size},
                    "readConcern": {"level": "majority"},
                }
            )
        except PyMongoError:
            self._session.end_session()
            raise
        self._first: list[Document] = self._cursor["firstBatch"]

    @property
    def start(self) -> Token | None:
        """The token of the start of the stream; None if the first batch has events."""
        return None if self._first else self._cursor["postBatchResumeToken"]

    def next(self, milliseconds: int = POLL_MILLISECONDS) -> tuple[list[Document], Token]:
        """Return the next batch, empty if no event came in time, and the token of its end."""
        if self._first:
            events, self._first = self._first, []
            return events, self._cursor["postBatchResumeToken"]
        self._cursor = self._run(
            {
                "getMore": self._cursor["id"],
                "collection": self._name,
                "batchSize": self._size,
                "maxTimeMS": milliseconds,
            }
        )
        return self._cursor["nextBatch"], self._cursor["postBatchResumeToken"]

    def _run(self, command: Document) -> Document:
        answer = self._db.command(command, codec_options=self._options, session=self._session)
        cursor: Document = answer["cursor"]
        return cursor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        command = {"killCursors": self._name, "cursors": [self._cursor["id"]]}
        with contextlib.suppress(PyMongoError):
            self._db.command(command, session=self._session)
        self._session.end_session()


def event_time(event: Document) -> datetime:
    """Return the time of an event."""
    time: datetime = event.get("wallTime") or event["clusterTime"].as_datetime()
    return time


def updated_fields(event: Document) -> set[str]:
    """Return the stored fields that an update has set or removed, wholly or in part."""
    update = event["updateDescription"]
    arrays = (array["field"] for array in update.get("truncatedArrays", ()))
    paths = (*update["updatedFields"], *update["removedFields"], *arrays)
    return {path.partition(".")[0] for path in paths}


def collection_id(collection: Collection[Document]) -> str:
    """Return MongoDB's UUID of a collection as 32 hexadecimal digits, zeros if there is none.

    A collection that is dropped and created again has another one.
    """
    listed = next(collection.database.list_collections(filter={"name": collection.name}), None)
    return cast(Binary, listed["info"]["uuid"]).as_uuid().hex if listed else UUID(int=0).hex
