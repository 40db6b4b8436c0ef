"""Indexes of a collection, derived from the declaration of its resource."""

import logging
from collections.abc import Iterable, Sequence

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from shared.schema.derived import sort_path
from shared.schema.query import Query
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document

log = logging.getLogger(__name__)

# MongoDB's errors for documents that an index cannot hold, as edits by hand leave them: a value
# twice in a unique index, and two lists in one entry.
_MISFITS = (11000, 171)
# Indexes of the trash, where the id is an ordinary field.
TRASH = (
    IndexModel([("id", 1)]),
    IndexModel([("slug", 1)]),
    IndexModel([("deleted_at", 1), ("_id", 1)]),
)


def derive(
    query: Query,
    slug: str,
    unique: Iterable[str],
    searched: Searched | None,
    partition: str,
    own: Iterable[IndexModel],
    visibility: str = "",
    collated: tuple[str, ...] = (),
    group: str = "",
) -> list[IndexModel]:
    """Return indexes for each order, in the whole list and in a partition, each key and filter.

    Each order ends with ``_id``, as each sort does.  Unique indexes leave out documents without
    the field, such as documents made by hand.

    Args:
        query: The query string of the list: its orders and filters.
        slug: The field that slugs are made of; empty for no slugs.
        unique: The unique fields.
        searched: The fields that a search looks into; None for no search.
        partition: The array field that lists are partitioned by; empty for none.
        own: Further indexes, which are returned with the others.
        visibility: The field that decides which items a reader sees; empty for none.
        collated: The texts that lists are ordered by.
        group: The field that the items of a group share; empty for none.
    """
    orders = [_keys(order, collated) for order in query.sortable]
    # The first of several indexes with an order is read, so those for one case come first.
    derived = [*own, *(IndexModel(order) for order in orders)]
    if partition:
        derived += [IndexModel([(partition, 1), *order]) for order in ([("_id", 1)], *orders)]
    if partition and visibility:
        # The items of a partition that a reader sees are counted without reading them.
        derived.append(IndexModel([(partition, 1), (visibility, 1), ("_id", 1)]))
    for name in (*(("slug",) if slug else ()), *unique):
        with_value = {name: {"$gt": ""}}
        derived.append(IndexModel([(name, 1)], unique=True, partialFilterExpression=with_value))
    if slug:
        derived.append(IndexModel([("old_slugs", 1)], sparse=True))
    if searched:
        derived.append(IndexModel([("terms", 1), ("_id", 1)]))
    firsts = {next(iter(index.document["key"])) for index in derived}
    filtered = dict.fromkeys(field.metadata.get("path") for field in query.fields.values())
    derived += [
        IndexModel([(path, 1), ("_id", 1)]) for path in filtered if path and path not in firsts
    ]
    if group and visibility:
        # The groups that a reader sees are counted without reading their items.
        derived.append(IndexModel([(visibility, 1), (group, 1)]))
        if partition:
            derived.append(IndexModel([(partition, 1), (visibility, 1), (group, 1)]))
    return derived


def create(collection: Collection[Document], wanted: Sequence[IndexModel]) -> None:
    """Create indexes; one that the stored documents do not allow is left out, and logged."""
    try:
        collection.create_indexes(list(wanted))
    except OperationFailure as error:
        if error.code not in _MISFITS:
            raise
        if len(wanted) > 1:
            for index in wanted:
                create(collection, [index])
        else:
            name = wanted[0].document["name"]
            log.error("%s: the index %s cannot be created: %s", collection.name, name, error)


def expire(collection: Collection[Document], moment: str, days: int) -> None:
    """Make MongoDB remove documents some days after a time in them.

    Args:
        collection: The collection.
        moment: The field with the time.
        days: The number of days; 0 to keep the documents forever.
    """
    name = f"{moment}_1"
    current = collection.index_information().get(name, {}).get("expireAfterSeconds")
    seconds = days * 86_400
    if current is not None and not days:
        collection.drop_index(name)
    elif current is None and days:
        collection.create_indexes([IndexModel([(moment, 1)], expireAfterSeconds=seconds)])
    elif current != seconds and days:
        expiry = {"name": name, "expireAfterSeconds": seconds}
        collection.database.command("collMod", collection.name, index=expiry)


def _keys(order: str, collated: tuple[str, ...]) -> list[tuple[str, int]]:
    """Return the keys of an index for an order such as ``-price,name``."""
    keys = [
        (sort_path(name.removeprefix("-"), collated), -1 if name[0] == "-" else 1)
        for name in order.split(",")
    ]
    return [*keys, ("_id", keys[-1][1])]
