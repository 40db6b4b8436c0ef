"""Pages of a collapsed list: one entry for each group, which is its first item in the list's order.

No state is kept between pages.  A walk reads the list in its order.  From the beginning of a list
it knows which groups it has met.  After a cursor it asks for the items of the groups that it
meets, and passes over an item that another one of its group precedes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from pymongo.errors import OperationFailure

from shared.http.errors import BadRequest
from shared.schema import sizes
from shared.schema.cursor import encode
from shared.schema.groups import Groups
from shared.schema.query import PageRequest
from shared.schema.serialization import Document
from shared.storage import pages
from shared.storage.repository import BAD_HINT, Page, Repository, both
from shared.storage.search.matching import Matches

# Items for each entry of a page that a walk reads first; after a cursor each costs more.
BATCH, BATCH_AFTER_CURSOR = 6, 2
MAX_BATCH = 1_000  # items that a walk reads at once
SORTED = 3_000  # items that a walk sorts in memory
MAX_COUNTED = 1_000  # items of which the groups are counted, unless an exact total is asked for
MAX_WALKED = 10_000  # items that a walk reads; the page ends early then
_TOO_DEEP = (
    f"Is beyond the first {MAX_WALKED:,} items, of which groups are made here; go on with the "
    "cursor of links.next."
)


def find_collapsed_page(
    repository: Repository,
    page_request: PageRequest,
    matches: Matches | None,
    shown: Mapping[str, Any],
    count: str,
    tokens: tuple[str, ...] = (),
) -> Page:
    """Return the page that a query string with ``collapse`` asks for, not ordered by relevance.

    The arguments and errors are those of ``storage.pages.page``.  The total is the number of
    groups.  It is exact if at most 1,000 items match; else it is that of the first 1,000 matches.
    """
    if matches:
        page_request = pages.narrow(page_request, matches)
    with pages.refused_if_slow():
        total, is_exact, most = _count(repository, page_request, count, tokens)
        walk = _Walk(repository, page_request, most)
        skipped = (
            0 if page_request.after is not None else (page_request.page - 1) * page_request.per
        )
        found = list(islice(walk.entries(), skipped, skipped + page_request.per + 1))
        entries = found[: page_request.per]
        documents, is_whole = _documents(repository, page_request, shown, entries)
        if not is_whole and page_request.page > 1:
            raise BadRequest(sizes.TOO_LARGE)
        last: Sequence[Any] | None = None
        if len(found) > len(entries) or not is_whole:
            last_id = documents[-1]["_id"] if documents else entries[-1]["_id"]
            entry = next(entry for entry in reversed(entries) if entry["_id"] == last_id)
            last = pages.sort_values(repository, page_request, entry)
        elif walk.is_cut:
            last = walk.place
        cursor = None if last is None else encode(page_request.bound, last)
        by_cursor = not is_whole or walk.walked > MAX_WALKED // 2
        return Page(documents, total, is_exact, cursor is not None, cursor, by_cursor)


def summaries(
    repository: Repository,
    page_request: PageRequest,
    matches: Matches | None,
    documents: Iterable[Document],
) -> list[Document]:
    """Return the summary of the group of each document, over the items that the list finds."""
    assert repository.groups
    groups, documents = repository.groups, list(documents)
    filter = both(page_request.filter, matches.filter if matches else {})
    names = {groups.of(document) for document in documents} - {None}
    with pages.refused_if_slow():
        members = _members(repository, filter, names, [("_id", 1)], groups.reads)
    return [
        groups.summary(members.get(groups.of(document) or "") or [document])
        for document in documents
    ]


@dataclass(slots=True)
class _Walk:
    """A walk through a list in its order, which knows the first item of each group.

    ``place`` are the sort values of the last item that was read, ``walked`` is the number of items
    before it, and ``is_cut`` is True if the walk has ended before the end of the list.
    """

    repository: Repository
    page_request: PageRequest
    matches: int
    place: Sequence[Any] | None = None
    walked: int = 0
    is_cut: bool = False
    _first: dict[str, Any] = field(default_factory=dict)  # the id of the first item of each group

    def entries(self) -> Iterator[Document]:
        """Yield the first item of each group, and the items without a group."""
        self.place = self.page_request.after
        each = BATCH if self.place is None else BATCH_AFTER_CURSOR
        size = min(each * self.page_request.per, MAX_BATCH)
        while True:
            batch, is_whole = self._read(size)
            is_last = is_whole and len(batch) <= size
            self._find_first(batch)
            for document in batch:
                group = self._groups.of(document)
                if group is None or self._first.get(group) == document["_id"]:
                    yield document
            if is_last:
                return
            self.place = pages.sort_values(self.repository, self.page_request, batch[-1])
            self.walked += len(batch)
            if self.walked >= MAX_WALKED:
                if self.page_request.page > 1:
                    raise BadRequest.parameter("page", _TOO_DEEP)
                self.is_cut = True
                return
            size = min(2 * size, MAX_BATCH)

    @property
    def _groups(self) -> Groups:
        assert self.repository.groups
        return self.repository.groups

    def _read(self, size: int) -> tuple[list[Document], bool]:
        place = None if self.place is None else tuple(self.place)
        part = replace(self.page_request, page=1, per=size, after=place)
        names = {self._groups.field, *(name for name, _ in self.page_request.sort)}
        shown = dict.fromkeys(names, True)
        # A walk reads so far that an index of the order would lead past more items than there are.
        return pages.read(self.repository, part, shown, self.matches, SORTED)

    def _find_first(self, batch: Iterable[Document]) -> None:
        """Find the first item of each group that the walk meets for the first time."""
        groups = self._groups
        if self.page_request.after is None:
            for document in batch:
                if group := groups.of(document):
                    self._first.setdefault(group, document["_id"])
            return
        names = {groups.of(document) for document in batch} - {None} - self._first.keys()
        filter, sort = self.page_request.filter, self.page_request.sort
        shown = (groups.field,)
        for name, members in _members(self.repository, filter, names, sort, shown).items():
            self._first[name] = members[0]["_id"]


def _members(
    repository: Repository,
    filter: Document,
    names: Iterable[str | None],
    sort: Sequence[tuple[str, int]],
    fields: Iterable[str],
) -> dict[str, list[Document]]:
    """Return the items that a filter finds in some groups, in an order, with some fields."""
    assert repository.groups
    groups = repository.groups
    if not (names := list(names)):
        return {}
    in_groups = both(filter, {groups.field: {"$in": names}})
    shown, order = dict.fromkeys(fields, True), list(sort)
    find = partial(repository.collection.find, in_groups, shown, sort=order)
    members: dict[str, list[Document]] = {}
    try:
        # MongoDB would rather read a whole index that has the order.
        found = list(find(hint=[(groups.field, 1), ("_id", 1)]))
    except OperationFailure as error:
        if error.code != BAD_HINT:
            raise
        repository.create_indexes()  # One was dropped by hand.
        found = list(find())
    for document in found:
        if group := groups.of(document):
            members.setdefault(group, []).append(document)
    return members


def _documents(
    repository: Repository,
    page_request: PageRequest,
    shown: Mapping[str, Any],
    entries: Sequence[Document],
) -> tuple[list[Document], bool]:
    """Return the documents of the entries, and True if the page has room for all of them."""
    ids = [entry["_id"] for entry in entries]
    # With the filter again: an edit may have taken an item out meanwhile.
    matches = both(page_request.filter, {"_id": {"$in": ids}})
    find = partial(repository.collection.find, batch_size=len(ids) + 1, hint=[("_id", 1)])
    found = find(matches, shown) if ids else ()
    documents = {repr(document["_id"]): document for document in found}
    return sizes.take(documents[id] for id in map(repr, ids) if id in documents)


def _count(
    repository: Repository, page_request: PageRequest, count: str, tokens: tuple[str, ...]
) -> tuple[int | None, bool, int]:
    """Return the number of groups, None if it is not shown, if it is exact, and the matches."""
    if count == "none" or (page_request.after is not None and count != "exact"):
        return None, False, pages.count_matches(repository, page_request, SORTED + 1, tokens)
    limit = 0 if count == "exact" else MAX_COUNTED
    total, matches = repository.count_groups(page_request.parts, limit, tokens)
    if not limit or matches <= limit:
        return total, True, matches
    # An index has the number of matches, but not that of their groups.
    return total, False, pages.count_matches(repository, page_request, SORTED + 1, tokens)
