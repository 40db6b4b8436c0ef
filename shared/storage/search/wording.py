"""Wording: what a searched text means in a catalog.

The words of the text get further ways of having them: names of places, synonyms, other forms of the
word.  A word that no document has is replaced by the nearest word that some have.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.schema.search_query import (
    MAX_PIECES,
    Search,
    Way,
    Word,
    in_index,
    phrase_ways,
    place_way,
    plain_ways,
    whole_ways,
)
from shared.schema.search_terms import Filter
from shared.schema.units import is_unit
from shared.storage.connections import connections
from shared.storage.repository import SORT_IN_MEMORY_LIMIT, Repository
from shared.storage.search import place_names, postings, synonyms
from shared.storage.search.function_words import telling
from shared.storage.search.place_names import PlaceNames
from shared.storage.search.ranking import Weighted

MAX_COUNTED = 5_000  # documents of a word
MAX_READ = 100  # documents of a word that the index alone does not find
MAX_CORRECTED = 5  # words of one text


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a search with their weights, in a collection of so many documents.

    ``corrected`` are the words that no document has, with the words that replace them.
    """

    search: Search
    words: Sequence[Weighted]
    documents: int
    corrected: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> list[Weighted]:
        """The words that some documents have, the rarest first.

        Words of which it is only known that they are frequent come last.
        """
        return sorted(
            (each for each in self.words if each.count),
            key=lambda each: (each.count == MAX_COUNTED, each.count),
        )


def understand(
    repository: Repository,
    text: str,
    is_exact: bool,
    tokens: tuple[str, ...] = (),
    seen: Filter | None = None,
) -> Wording:
    """Return what a text means.

    Args:
        repository: The collection.
        text: The text that is searched.
        is_exact: True to leave the words as they are.
        tokens: The generations of the cache before; see ``Connections.count``.
        seen: The filter for the documents whose words may replace others; all by default.
    """
    search = Search(text)
    name = repository.name
    documents = connections().remember(
        ("estimate", name), tokens, lambda: connections().estimate(name)
    )
    known = repository.vocabulary.look_up([word.text for word in search.words])
    if is_exact:
        weighted = _weigh(repository, search.words, documents, tokens, known.counts)
        return Wording(search, weighted, documents)
    places = _places(repository, tokens)
    words = telling(_extended(repository, search.words, places, known.forms, tokens))
    weighted = _weigh(repository, words, documents, tokens, known.counts)
    unknown = [each.word for each in weighted if not (each.count or is_unit(each.word.text))]
    unknown = unknown[:MAX_CORRECTED]
    nearest = {word.text: repository.vocabulary.nearest(word.text) for word in unknown}
    path = _path(repository)
    candidates = [
        (text, other, Word(text, ()).with_ways(_ways_of(other, places, path)))
        for text, others in nearest.items()
        for other in others
    ]
    counted = _weigh(repository, [word for *_, word in candidates], documents, tokens, {})
    replaced: dict[str, Weighted] = {}
    corrected: dict[str, str] = {}
    for (text, other, word), each in zip(candidates, counted, strict=True):
        is_new = each.count and text not in corrected
        if is_new and (not seen or postings.has_any(repository, word, seen)):
            corrected[text], replaced[text] = other, each
    weighted = [replaced.get(each.word.text, each) for each in weighted]
    return Wording(search, weighted, documents, corrected)


def _path(repository: Repository) -> str:
    """Return the stored field with the slugs of places; empty for none."""
    searched = repository.searched
    return searched.places[0] if searched and searched.places else ""


def _places(repository: Repository, tokens: tuple[str, ...]) -> PlaceNames:
    searched = repository.searched
    if not searched or not searched.places:
        return PlaceNames()
    # The generations of the service of the places are the last two.
    return place_names.read(searched.places[1], tokens[-2:])


def _ways_of(word: str, places: PlaceNames, path: str) -> list[Way]:
    """Return the ways of having a word, and those of being in a place that it names."""
    return [*plain_ways(word), *(place_way(path, slug) for slug in places.with_word(word))]


def _extended(
    repository: Repository,
    words: Sequence[Word],
    places: PlaceNames,
    forms: Mapping[str, Sequence[str]],
    tokens: tuple[str, ...],
) -> list[Word]:
    """Return the words with the names of places, synonyms and other forms."""
    texts = [word.text for word in words]
    path = _path(repository)
    ways: list[list[Way]] = [
        [place_way(path, slug) for slug in places.with_word(text)] for text in texts
    ]
    for number, text in enumerate(texts):
        ways[number] += [way.weaker() for form in forms.get(text, ()) for way in whole_ways(form)]
    # A request that replaces them renews the root.
    sets = connections().remember(
        ("synonyms", repository.name), tokens, lambda: synonyms.read(repository.synonyms)
    )
    for start, end, phrase in synonyms.others(sets, texts):
        slugs = set.intersection(*(places.with_word(word) for word in phrase))
        added = plain_ways(phrase[0]) if len(phrase) == 1 else phrase_ways(phrase[:MAX_PIECES])
        added += [place_way(path, slug) for slug in slugs]
        for number in range(start, end):
            ways[number] += [way.weaker() for way in added]
    return [word.with_ways(added) for word, added in zip(words, ways, strict=True)]


def _weigh(
    repository: Repository,
    words: Sequence[Word],
    total: int,
    tokens: tuple[str, ...],
    noted: Mapping[str, int],
) -> list[Weighted]:
    """Count the documents of each word, to a limit, and weigh the words by it.

    A document that has a word in several ways may be counted more than once.  ``noted`` are the
    numbers by the vocabulary, which tells the rarest of frequent words.
    """
    frequent = {text for text, count in noted.items() if count >= MAX_COUNTED}
    filters = [
        (number, part)
        for number, word in enumerate(words)
        if word.text not in frequent
        for part in _parts(word)
    ]
    counts = repository.count_each([part for _, part in filters], MAX_COUNTED, tokens)
    # It may be late, so there is a look if documents have the word.
    sure = [
        (number, in_index([word])) for number, word in enumerate(words) if word.text in frequent
    ]
    counts += repository.count_each([part for _, part in sure], 1, tokens)
    filters += sure
    sums = [0] * len(words)
    for (number, _), count in zip(filters, counts, strict=True):
        sums[number] += count
    # Pieces are counted by reading documents, which a word that is frequent anyway does not need.
    pieces = [
        (number, way.condition)
        for number, word in enumerate(words)
        if sums[number] <= SORT_IN_MEMORY_LIMIT and word.text not in frequent
        for way in word.splits
    ]
    counts = repository.count_each([way for _, way in pieces], SORT_IN_MEMORY_LIMIT + 1, tokens)
    for (number, _), count in zip(pieces, counts, strict=True):
        sums[number] += count
    for number, word in enumerate(words):
        if not sums[number] and not word.is_in_index:
            sums[number] = repository.count(word.condition, MAX_READ, tokens)
    for number, word in enumerate(words):
        if sums[number] >= MAX_COUNTED or (sums[number] and word.text in frequent):
            sums[number] = max(noted.get(word.text, 0), MAX_COUNTED)
    return [Weighted.of(word, count, total) for word, count in zip(words, sums, strict=True)]


def _parts(word: Word) -> Iterable[Filter]:
    """Yield filters for the documents that have a word, which indexes answer without them."""
    yield in_index([word])
    yield from ({path: {"$in": slugs}} for path, slugs in word.places.items())
