"""The change stream of a collection, a batch at a time.

pymongo's own hands out one change after the other and does not say which is the last one it has;
a follower that knows many changes at once asks Redis once for all of them, and a feed answers
them at once.
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

BATCH_SIZE = 500
POLL_MILLISECONDS = 200
# What MongoDB says of a token whose changes its oplog no longer holds.
HISTORY_LOST = (280, 286)

# What becomes of a document, by what MongoDB calls it.
KINDS = {"insert": "created", "update": "updated", "replace": "updated", "delete": "deleted"}

Token = Mapping[str, Any]


class Changes:
    """What happens to a collection from now on, or from where a ``token`` was; use it in ``with``.

    Each change has its document before and after, as far as MongoDB has kept them.  A batch has
    up to ``size`` changes.  Raise pymongo's errors; after one the stream is over.
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
        """The token of where the stream begins, None when something is there to be read."""
        return None if self._first else self._cursor["postBatchResumeToken"]

    def next(self, milliseconds: int = POLL_MILLISECONDS) -> tuple[list[Document], Token]:
        """Return the next changes, none when none came in time, and the token of where that is."""
        if self._first:
            found, self._first = self._first, []
            return found, self._cursor["postBatchResumeToken"]
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
        ended = {"killCursors": self._name, "cursors": [self._cursor["id"]]}
        with contextlib.suppress(PyMongoError):
            self._db.command(ended, session=self._session)
        self._session.end_session()


def moment(event: Document) -> datetime:
    """Return when a change was made."""
    found: datetime = event.get("wallTime") or event["clusterTime"].as_datetime()
    return found


def written(event: Document) -> set[str]:
    """Return the stored fields that an update has written or removed, all or a part of each."""
    update = event["updateDescription"]
    arrays = (each["field"] for each in update.get("truncatedArrays", ()))
    paths = (*update["updatedFields"], *update["removedFields"], *arrays)
    return {path.partition(".")[0] for path in paths}


def identity(collection: Collection[Document]) -> str:
    """Return 32 hexadecimal digits that no other collection has, nor one of this name before it.

    It is MongoDB's own UUID of it, all zeros where there is no such collection.
    """
    found = next(collection.database.list_collections(filter={"name": collection.name}), None)
    return cast(Binary, found["info"]["uuid"]).as_uuid().hex if found else UUID(int=0).hex
