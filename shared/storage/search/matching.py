"""Matching: the documents that have all words of a search, then those that have most of them.

The ids of the documents of the rarest words are read from the index, at most some thousand, and
those of them that have each other word.  So it is known how many words a document has, before it
is read.  The documents with all words, and others with most of their weight, are read and ranked
by their search terms.  If all words are frequent, the first documents that have all of them are
ranked.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Any

from bson import ObjectId

from shared.http.errors import BadRequest
from shared.schema import sizes
from shared.schema.query import PageRequest
from shared.schema.search_query import (
    ANYWHERE,
    LAST,
    TITLED,
    Search,
    Span,
    Word,
    condition_of,
    in_index,
    one_of,
)
from shared.schema.search_terms import Filter
from shared.schema.serialization import Document
from shared.storage.repository import COUNT_CAP, SORT_IN_MEMORY_LIMIT, Page, Repository, both
from shared.storage.search import postings
from shared.storage.search.postings import Ids
from shared.storage.search.ranking import (
    EXACT,
    Match,
    Matcher,
    Weighted,
    least_weight,
    with_most,
)
from shared.storage.search.wording import Wording, understand

MAX_RANKED = 200  # matches, if there are more than can be sorted in memory
MAX_DIRECT = 200  # documents that are read at once, without a look at the words that they have
MAX_OTHERS = 100  # documents of rare words other than the rarest
MAX_SUGGESTED = 500  # documents that are looked at for a suggestion
MAX_EXAMINED = 3_000  # documents of a frequent word that are looked at for all words
FEW = 20  # matches of all words, below which those of most words follow


@dataclass(frozen=True, slots=True)
class Matches:
    """The documents that a search shows.

    Attributes:
        filter: The filter that finds them, and all others that have all words.
        ids: Their ids, the best first; empty if the query string has an order of its own.
        is_complete: True if these are all.
        missing: The words that each of them does not have, by id; empty if all have all words.
        corrected: The words that no document has, with the words that replace them.
        words: The words of the search.
    """

    filter: Filter
    ids: Sequence[Any] = ()
    is_complete: bool = True
    missing: Mapping[Any, tuple[str, ...]] = field(default_factory=dict)
    corrected: Mapping[str, str] = field(default_factory=dict)
    words: Sequence[Word] = ()

    @property
    def matched(self) -> str:
        """``all`` if all documents have all words, else ``most``."""
        return "most" if any(self.missing.values()) else "all"


def find(
    repository: Repository,
    page_request: PageRequest,
    is_exact: bool,
    tokens: tuple[str, ...] = (),
) -> Matches:
    """Return the documents that the words of a query string find.

    Args:
        repository: The collection.
        page_request: The query string.
        is_exact: True to find documents that have all words as they were sent.
        tokens: The generations of the cache before; see ``Connections.count``.
    """
    wording = understand(repository, page_request.q, is_exact, tokens, page_request.seen)
    words = [each.word for each in wording.words]
    anywhere = condition_of(words) or wording.search.exact
    every = Matches(anywhere, corrected=wording.corrected, words=words)
    if page_request.is_ordered and (is_exact or _has_any(repository, page_request, anywhere)):
        return every
    rare = _rare(wording.known)
    frequent = [each.word for each in wording.known if each.word not in rare]
    if rare or not frequent:
        documents = _read_rare(repository, page_request, wording, rare, is_exact)
        is_complete = True
    elif _is_selective(repository, page_request):
        wanted = both(page_request.filter, one_of(frequent))
        documents, is_complete = _read(repository, wanted), True
    else:
        documents = _read_frequent(repository, page_request.filter, wording)
        is_complete = len(documents) <= MAX_RANKED
    matches = _ranked(repository, documents, wording)
    ids = [each.id for each in matches if not each.missing]
    if not ids and frequent and not is_exact:
        documents |= _read_together(repository, page_request.filter, frequent)
        matches = _ranked(repository, documents, wording)
    if not is_complete:
        return replace(every, ids=ids[:MAX_RANKED], is_complete=False)
    if is_exact or len(ids) >= FEW or _has_code(documents, matches, wording.search.code):
        return replace(every, ids=ids)
    most = [each for each in with_most(matches, wording.words, wording.documents) if each.missing]
    missing = dict.fromkeys(ids, ()) | {each.id: each.missing for each in most}
    if not most:
        return replace(every, ids=ids)
    ids = list(missing)[:MAX_RANKED]
    return replace(every, filter={"_id": {"$in": ids}}, ids=ids, missing=missing)


def _has_any(repository: Repository, page_request: PageRequest, words: Filter) -> bool:
    filter = both(page_request.filter, words)
    return repository.collection.find_one(filter, {"_id": True}) is not None


def _has_code(documents: Mapping[Any, Document], matches: Iterable[Match], code: str) -> bool:
    """Return True if the whole text is the code of a match, which leaves nothing to look for."""
    named = (documents[match.id] for match in matches if match.rank == EXACT)
    return any(code in document["terms"] for document in named)


def _projection(repository: Repository) -> dict[str, bool]:
    places = repository.searched.places if repository.searched else None
    return {"terms": True} | ({places[0]: True} if places else {})


def _rare(known: Sequence[Weighted]) -> list[Word]:
    """Return the rarest words, as many as have few documents together.

    The rarest word finds all documents with all words; the others find those with most words.
    """
    rare: list[Word] = []
    left = SORT_IN_MEMORY_LIMIT
    for each in known:
        left -= each.count
        if left < 0:
            break
        rare.append(each.word)
        left = min(left, MAX_OTHERS)
    return rare


def _read(repository: Repository, filter: Filter, limit: int = 0) -> dict[Any, Document]:
    """Read what a ranking needs of the documents that a filter finds."""
    documents = repository.collection.find(
        filter, _projection(repository), limit=limit, batch_size=2 * SORT_IN_MEMORY_LIMIT
    )
    return _by_id(documents)


def _by_id(documents: Iterable[Document]) -> dict[Any, Document]:
    """Return documents by id, without ids of a hand edit that no URL can contain."""
    return {each["_id"]: each for each in documents if isinstance(each["_id"], Hashable)}


def _read_rare(
    repository: Repository,
    page_request: PageRequest,
    wording: Wording,
    rare: Sequence[Word],
    is_exact: bool,
) -> dict[Any, Document]:
    """Read the documents that have one of some rare words, or whose whole name is the text.

    Of many documents that lack words, those whose words weigh most are read.
    """
    filter, exact = page_request.filter, wording.search.exact
    if not rare:
        return _read(repository, both(filter, exact), MAX_RANKED)
    count = sum(each.count for each in wording.known[: len(rare)])
    if len(wording.words) == 1 or count <= MAX_DIRECT:
        return _read(repository, both(filter, {"$or": [exact, one_of(rare)]}))
    having = {word.text: postings.of_word(repository, word) for word in rare}
    ids: Iterable[Any] = {id for each in having.values() for id in each}
    if page_request.asked:
        ids = _filtered(repository, filter, ids)
    weights, lacking = dict.fromkeys(ids, 0.0), dict.fromkeys(ids, len(wording.words))
    words = sorted(wording.known, key=lambda each: postings.is_short(each.word))
    for number, each in enumerate(words):
        text, among = each.word.text, [*weights]
        if postings.is_short(each.word):
            # It is looked for in documents that may have all words.
            among = [id for id in weights if lacking[id] <= len(words) - number]
        if text not in having:
            having[text] = postings.of_word(repository, each.word, among=among)
        for id in having[text].keys() & weights.keys():
            weights[id] += each.weight
            lacking[id] -= 1
    whole = [id for id, missing in lacking.items() if not missing]
    documents = _read(repository, both(filter, {"$or": [exact, {"_id": {"$in": whole}}]}))
    if is_exact or len(documents) >= FEW:
        return documents
    least = least_weight(max(weights.values(), default=0), wording.words, wording.documents)
    others = [id for id, weight in weights.items() if weight >= least and lacking[id]]
    best = sorted(others, key=lambda id: -weights[id])[:MAX_RANKED]
    return documents | _read(repository, both(filter, {"_id": {"$in": best}}))


def _filtered(repository: Repository, filter: Filter, ids: Iterable[Any]) -> list[Any]:
    """Return those of some ids whose documents a filter finds."""
    wanted = both(filter, {"_id": {"$in": list(ids)}})
    found = repository.collection.find(wanted, {"_id": True}, batch_size=2 * SORT_IN_MEMORY_LIMIT)
    return [each["_id"] for each in found]


def _is_selective(repository: Repository, page_request: PageRequest) -> bool:
    """Return True if the other filters find so few documents that all can be read."""
    if not page_request.asked:
        return False
    count = repository.count(page_request.asked, SORT_IN_MEMORY_LIMIT + 1)
    return count <= SORT_IN_MEMORY_LIMIT


def _read_frequent(repository: Repository, filter: Filter, wording: Wording) -> dict[Any, Document]:
    """Read the first documents that have all words, each of which many documents have."""
    found = _read(repository, both(filter, wording.search.exact), MAX_RANKED)
    if len(wording.known) == len(wording.words):
        words = [each.word for each in wording.known]
        for rank in TITLED, ANYWHERE:
            # Those with all words in the title are better than all others.
            if len(found) <= MAX_RANKED:
                _scan(repository, found, words, rank, filter)
    return found


def _read_together(
    repository: Repository, filter: Filter, frequent: Sequence[Word]
) -> dict[Any, Document]:
    """Read documents that have all frequent words, or else the two rarest of them."""
    found: dict[Any, Document] = {}
    for words in dict.fromkeys((tuple(frequent), tuple(frequent[:2]))):
        if len(found) < FEW:
            _scan(repository, found, words, ANYWHERE, filter)
    return found


def _scan(
    repository: Repository,
    found: dict[Any, Document],
    words: Sequence[Word],
    rank: int,
    filter: Filter,
) -> None:
    """Add documents that have all words, of the first documents that have the first word."""
    for ids in _first(repository, words[0], rank):
        for word in sorted(words[1:], key=postings.is_short):
            ids = postings.of_word(repository, word, rank, ids, MAX_RANKED)
        if ids:
            wanted = both(filter, {"_id": {"$in": list(ids)}})
            found |= _read(repository, wanted, MAX_RANKED + 1)
        if len(found) > MAX_RANKED:
            return


def _first(repository: Repository, word: Word, rank: int) -> Iterator[Ids]:
    """Yield the ids of the first documents that have a word, those with it in the title first."""
    spans = word.spans_of(rank)
    for mark in "+#-":
        if ranges := [span for span in spans if span.is_in_index and span.start[0] == mark]:
            yield postings.of_spans(repository, ranges, MAX_EXAMINED)
    for span in spans:
        if not span.is_in_index:
            yield postings.of_span(repository, span, limit=MAX_EXAMINED)
    for way in word.splits:
        if way.rank <= rank:
            yield postings.of_way(repository, way, limit=MAX_EXAMINED)


def _ranked(
    repository: Repository, documents: Mapping[Any, Document], wording: Wording
) -> list[Match]:
    """Return documents as matches, the best first; equally good ones in order of their ids."""
    in_order = sorted(documents.values(), key=_sort_key)
    searched = repository.searched
    path = searched.places[0] if searched and searched.places else ""
    matcher = Matcher(wording.search, wording.words, path)
    return sorted(map(matcher.match, in_order), key=lambda each: (each.rank, -each.score))


def begin_with(
    repository: Repository,
    search: Search,
    filter: Filter,
    shown: Mapping[str, Any],
    limit: int,
) -> list[Document]:
    """Return some documents whose names begin with a text, then some that have its words.

    Args:
        repository: The collection.
        search: The text, as far as it was typed.
        filter: The filter for all documents to return.
        shown: The projection: the stored fields to return.
        limit: The number of documents.
    """
    found: dict[Any, Document] = {}
    titles = Span(search.title, search.title + LAST)
    first = max(search.words, key=lambda word: len(word.text)).spans
    titled = [span for span in first if span.start[0] in "+#"]
    # MongoDB reads all documents up to the first limit, of which a few are enough mostly.
    for span, examined in product([titles, *titled], (4 * limit, MAX_SUGGESTED)):
        if len(found) < limit:
            wanted = both(filter, {} if span is titles else search.titled)
            pipeline: list[Document] = [
                {"$match": span.filter},
                {"$limit": examined},
                {"$match": wanted},
                {"$limit": limit},
                {"$project": shown},
            ]
            found |= _by_id(repository.collection.aggregate(pipeline))
    return list(found.values())[:limit]


def page(
    repository: Repository,
    page_request: PageRequest,
    matches: Matches,
    shown: Mapping[str, Any],
    count: str,
    tokens: tuple[str, ...] = (),
) -> Page:
    """Return one page of the best matches.

    The total is exact if all matches were ranked and, for one word without filters, up to 10,000.
    With ``collapse``, the best match of each group among the ranked ones is shown.

    Args:
        repository: The collection.
        page_request: The query string.
        matches: The documents that its words find.
        shown: The projection: the stored fields to return.
        count: The preference of the client: ``exact`` counts all matches, ``none`` counts none.
        tokens: The generations of the cache before; see ``Connections.count``.

    Raises:
        BadRequest: The page is after the ranked matches.
    """
    ids = matches.ids
    if page_request.collapse:
        ids = repository.first_of_groups(ids)
    start, end = (page_request.page - 1) * page_request.per, page_request.page * page_request.per
    if start >= len(ids) and not matches.is_complete:
        text = (
            f"Only the best {MAX_RANKED} matches are ordered by relevance. Add the parameter "
            "ordering to page through all matches."
        )
        raise BadRequest.parameter("page", text)
    page_ids = list(islice(ids, start, end))
    # With the filter again: an edit may have taken a match out meanwhile.
    wanted = both(page_request.filter, {"_id": {"$in": page_ids}})
    cursor = repository.collection.find(wanted, shown, batch_size=page_request.per + 1)
    documents = sorted(
        sizes.take_page(cursor, page_request.per),
        key=lambda document: page_ids.index(document["_id"]),
    )
    total, is_exact = _total(repository, page_request, matches, len(ids), count, tokens)
    return Page(documents, total, is_exact, end < len(ids))


def _total(
    repository: Repository,
    page_request: PageRequest,
    matches: Matches,
    ranked: int,
    count: str,
    tokens: tuple[str, ...],
) -> tuple[int | None, bool]:
    """Return the total of a page, and True if it is exact.

    ``ranked`` is the number of entries among the ranked matches; the other arguments are those of
    ``page``.
    """
    if count == "none":
        return None, False
    if matches.is_complete:
        return ranked, True
    words = matches.words
    if count != "exact" and (len(words) > 1 or page_request.asked or page_request.collapse):
        return ranked, False
    all_matches = both(page_request.filter, matches.filter)
    if len(words) == 1 and words[0].is_in_index:
        all_matches = both(page_request.filter, in_index(words))
    if page_request.collapse:
        return repository.count_groups([all_matches], 0, tokens)[0], True
    cap = 0 if count == "exact" else COUNT_CAP
    total = repository.count(all_matches, cap, tokens)
    return total, total != cap


def _sort_key(document: Document) -> tuple[str, Any]:
    id = document["_id"]
    if isinstance(id, (int, float)):
        return "", id
    return type(id).__name__, id if isinstance(id, (str, ObjectId)) else repr(id)
