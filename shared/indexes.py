"""The indexes a resource needs, derived from what it declares."""

from collections.abc import Iterable

from pymongo import IndexModel

from shared.query import Query
from shared.words import Searched


def derive(
    query: Query, slug: str, unique: Iterable[str], searched: Searched | None, partition: str
) -> list[IndexModel]:
    """Return indexes for every order, in all and in each partition, and for every key.

    Every order ends with ``_id``, as every sort does.  Unique indexes leave out documents
    without the field, such as those made by hand.
    """
    orders = [[(name, 1), ("_id", 1)] for name in query.sortable]
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
    return found
