"""Ranking: how well a document matches a search, by the search terms of both.

A word weighs more, the fewer documents have it.  What it earns depends on the way in which the
document has it, and a word of a short name earns more than one of a long name (the formula is
BM25's).  One rare word earns more than several frequent ones of the same weight together, so that
"Tetris for Windows XP" finds a Tetris first.  Words that are neighbours in both texts earn a little
more.
"""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from shared.schema.search_query import (
    ANYWHERE,
    KEY_LENGTHS,
    WHOLE,
    Search,
    Span,
    Way,
    Word,
    place_term,
)
from shared.schema.serialization import Document

EXACT = 0  # the rank of a document whose whole name or code is the text
SATURATION = 0.6  # k1 of BM25: how soon more of the same word earns no more
NORMALISATION = 0.3  # b of BM25: how much a long name lowers the score
USUAL_WORDS = 8  # words of a name
RARE_FIRST = 1.3  # the power of its weight that a word earns; 1 for the weight itself
NEIGHBOURS = 0.1  # the part of the weight of two neighbours that they earn once more
# A document with some of the words is shown if it has this part of their weight,
ENOUGH = 1 / 3
# or as much weight as a word that is as rare as this: in N documents, about N to the power of 0.4.
TELLING = 0.6
SMALL = 100  # documents, below which no word is rare
UNKNOWN = 0.5  # the part of its weight that a word counts that no document has
NEAR = 0.4  # and in both cases at least this part of the weight that the best document has


@dataclass(frozen=True, slots=True)
class Weighted:
    """A word with the number of documents that have it, counted to a limit, and its weight.

    ``worth`` is the part of a score that a document earns by the word.
    """

    word: Word
    count: int
    weight: float
    worth: float

    @classmethod
    def of(cls, word: Word, count: int, documents: int) -> "Weighted":
        """Return a word with its weight in a collection of so many documents."""
        others = max(documents - count, 0)
        weight = math.log(1 + (others + 0.5) / (count + 0.5))
        weight = weight if count else weight * UNKNOWN
        return cls(word, count, weight, math.pow(weight, RARE_FIRST))


@dataclass(frozen=True, slots=True)
class Match:
    """A document that has some words of a search.

    Attributes:
        id: The id of the document.
        rank: How well it has all words: ``EXACT`` to ``ANYWHERE``; higher if a word is missing.
        score: The sum that its words earn.
        weight: The weight of the words that it has.
        missing: The words that it does not have.
    """

    id: Any
    rank: int
    score: float
    weight: float
    missing: tuple[str, ...]


class Matcher:
    """The words of a search, prepared to be compared with the terms of many documents.

    Args:
        search: The search.
        words: Its words with their weights.
        places: The stored field with the slugs of places; empty for none.
    """

    def __init__(self, search: Search, words: Sequence[Weighted], places: str = ""):
        self._places = places
        self._title = search.title
        self._words = words
        # Each way with its word: by the term, by the first characters of the term, or the others.
        self._terms: dict[str, list[_Option]] = {}
        self._beginnings: dict[str, list[tuple[Span, _Option]]] = {}
        self._splits: list[tuple[tuple[Span, ...], _Option]] = []
        for number, each in enumerate(words):
            for way in each.word.ways:
                self._add(number, way)

    def _add(self, number: int, way: Way) -> None:
        option = number, way
        span = way.spans[0]
        if len(way.spans) > 1:
            self._splits.append((way.spans, option))
        elif span.is_term:
            self._terms.setdefault(span.start, []).append(option)
        else:
            self._beginnings.setdefault(span.key, []).append((span, option))

    def match(self, document: Document) -> Match:
        """Return how a document with its search terms matches."""
        stored = [term for term in _list(document.get("terms")) if isinstance(term, str)]
        terms = set(stored)
        terms.update(place_term(self._places, slug) for slug in _list(document.get(self._places)))
        ways = self._best_ways(terms)
        weight, missing, rank = 0.0, [], 0
        for each, way in zip(self._words, ways, strict=True):
            if way is None:
                missing.append(each.word.text)
            else:
                weight += each.weight
                rank = max(rank, way.rank)
        if self._title in terms:
            rank, missing = EXACT, []
        elif missing:
            rank = ANYWHERE + 1
        title = next((term for term in stored if term[:1] == "="), "=")
        score = _score(self._words, ways, title)
        return Match(document["_id"], rank, score, weight, tuple(missing))

    def _best_ways(self, terms: Set[str]) -> list[Way | None]:
        """Return the best way in which some terms have each word; None for a missing word."""
        options = [option for term in self._terms.keys() & terms for option in self._terms[term]]
        beginnings = self._beginnings
        for length in KEY_LENGTHS:
            # Few terms begin like a word, so most are left out in the quickest way.
            for term in [term for term in terms if term[:length] in beginnings]:
                spans = beginnings[term[:length]]
                options += [option for span, option in spans if span.start <= term < span.end]
        options += [
            option for spans, option in self._splits if all(span.start in terms for span in spans)
        ]
        best: list[Way | None] = [None] * len(self._words)
        for number, way in options:
            current = best[number]
            if current is None or way.strength > current.strength:
                best[number] = way
        return best


_Option = tuple[int, Way]


def with_most(matches: Sequence[Match], words: Sequence[Weighted], documents: int) -> list[Match]:
    """Return the matches that have enough of the words, of a collection of so many documents."""
    best = max((each.weight for each in matches), default=0.0)
    least = least_weight(best, words, documents)
    return [each for each in matches if each.weight >= least]


def least_weight(best: float, words: Sequence[Weighted], documents: int) -> float:
    """Return the weight that the words of a match must have, if those of the best one have so much.

    Args:
        best: The weight of the words that the best match has.
        words: The words of the search.
        documents: The number of documents of the collection.
    """
    total = sum(each.weight for each in words)
    return max(min(total * ENOUGH, TELLING * math.log(documents + SMALL)), NEAR * best)


def _score(words: Sequence[Weighted], ways: Sequence[Way | None], title: str) -> float:
    length = min(title.count(" ") + 1, 3 * USUAL_WORDS)
    norm = 1 - NORMALISATION + NORMALISATION * length / USUAL_WORDS
    score = 0.0
    previous: Weighted | None = None
    for each, way in zip(words, ways, strict=True):
        if way is None:
            previous = None
            continue
        part = way.strength / norm
        score += each.worth * part * (SATURATION + 1) / (SATURATION + part)
        if previous and _are_neighbours(previous.word.text, each.word.text, title):
            score += NEIGHBOURS * (previous.worth + each.worth)
        previous = each if way.rank == WHOLE else None
    return score


def _are_neighbours(left: str, right: str, title: str) -> bool:
    """Return True if two words follow each other in a title, whole: not "5 5600" in "5 5600x"."""
    pair = f"{left} {right}"
    start = title.find(pair)
    end = start + len(pair)
    return start > 0 and not title[start - 1].isalnum() and not title[end : end + 1].isalnum()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
