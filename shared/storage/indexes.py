"""The indexes a resource needs, derived from what it declares."""

from collections.abc import Iterable

from pymongo import IndexModel
from pymongo.collection import Collection

from shared.schema.query import Query
from shared.schema.search_terms import Searched
from shared.schema.serialization import Document

# Those of a trash, where the id is an ordinary field.
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
) -> list[IndexModel]:
    """Return indexes for every order, in all and in each partition, for every key and filter.

    Those that a resource names as its ``own`` are among them.

    Every order ends with ``_id``, as every sort does.  Unique indexes leave out documents
    without the field, such as those made by hand.
    """
    orders = [_keys(order) for order in query.sortable]
    found = [IndexModel(order) for order in orders]
    if partition:
        found += [IndexModel([(partition, 1), *order]) for order in ([("_id", 1)], *orders)]
    for name in (*(("slug",) if slug else ()), *unique):
        living = {name: {"$gt": ""}}
        found.append(IndexModel([(name, 1)], unique=True, partialFilterExpression=living))
    if slug:
        found.append(IndexModel([("old_slugs", 1)], sparse=True))
    if searched:
        found.append(IndexModel([("terms", 1), ("_id", 1)]))
    found += own
    firsts = {next(iter(index.document["key"])) for index in found}
    filtered = dict.fromkeys(field.metadata.get("path") for field in query.fields.values())
    found += [
        IndexModel([(path, 1), ("_id", 1)]) for path in filtered if path and path not in firsts
    ]
    return found


def expire(collection: Collection[Document], moment: str, days: int) -> None:
    """Have MongoDB remove documents so many days after a ``moment`` in them, 0 for never."""
    name = f"{moment}_1"
    known = collection.index_information().get(name, {}).get("expireAfterSeconds")
    seconds = days * 86_400
    if known is not None and not days:
        collection.drop_index(name)
    elif known is None and days:
        collection.create_indexes([IndexModel([(moment, 1)], expireAfterSeconds=seconds)])
    elif known != seconds and days:
        expiry = {"name": name, "expireAfterSeconds": seconds}
        collection.database.command("collMod", collection.name, index=expiry)


def _keys(order: str) -> list[tuple[str, int]]:
    """Return the keys of an index for an order such as ``-price,name``."""
    keys = [(name.removeprefix("-"), -1 if name[0] == "-" else 1) for name in order.split(",")]
    return [*keys, ("_id", keys[-1][1])]
