"""Filling in of derived fields that documents of an earlier version lack."""

import logging
import threading

from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from shared.schema.derived import SORT_KEYS
from shared.schema.serialization import Document
from shared.storage import indexes
from shared.storage.repository import Repository

BATCH_SIZE = 500  # documents of one write
RETRY_SECONDS = 5.0

log = logging.getLogger(__name__)


def fill_in(
    repository: Repository, collection: Collection[Document], stopped: threading.Event
) -> None:
    """Store the derived fields of the documents that have no sort keys, until there are none.

    It is tried again after an error, and ends when ``stopped`` is set.
    """
    if not repository.collated:
        return
    while not stopped.is_set():
        try:
            # By the index the documents without keys are found without a look at the others.
            indexes.create(collection, repository.indexes)
            count = 0
            while (filled := _fill_some(repository, collection)) and not stopped.is_set():
                count += filled
        except PyMongoError as error:
            log.warning("%s: sort keys are stored later: %s", repository.name, error)
            stopped.wait(RETRY_SECONDS)
        else:
            if count:
                log.info("%s: stored the sort keys of %d documents", repository.name, count)
            return


def _fill_some(repository: Repository, collection: Collection[Document]) -> int:
    """Store the derived fields of some documents; return how many."""
    path = f"{SORT_KEYS}.{repository.collated[0]}"
    lacking = list(collection.find({path: None}, limit=BATCH_SIZE, batch_size=BATCH_SIZE))
    updates = [
        # A document that was written meanwhile has its keys.
        UpdateOne(
            {"_id": {"$eq": document["_id"]}, path: None},
            {"$set": repository.derived.fields(document)},
        )
        for document in lacking
    ]
    if updates:
        collection.bulk_write(updates, ordered=False)
    return len(updates)
