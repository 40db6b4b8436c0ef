"""Search query: the words of a searched text, and the ways in which a document may have each.

A way is a range of search terms, or several ranges of which the document must have a term each.
The word itself comes first; longer words, parts of codes, joined and split spellings follow, and
what ``shared.storage.search`` adds: other forms of the word, synonyms, names of categories.  All of
it is worked out from the text alone, so that MongoDB only looks ranges up in one index.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from bson.regex import Regex
from marshmallow import ValidationError

from shared.schema.search_terms import (
    MAX_CODE,
    MAX_JOINED,
    MAX_TITLE,
    MAX_WORD,
    WORD,
    Filter,
    is_joint,
    is_unspaced,
    pieces,
    split,
)
from shared.schema.text import fold
from shared.schema.units import quantities

MAX_WORDS = 50  # distinct words of a searched text
KEY_LENGTHS = (2, 3)  # characters of a term with its mark, by which ranges are distinguished
MAX_PIECES = 4  # of a word of letters and digits
MIN_PIECE = 2  # characters
MAX_TIGHT = 8  # words without a space between them that are joined to one, such as those of a code
# How well a document has a word: as a word of its name, as a part of one, anywhere else.
WHOLE, TITLED, ANYWHERE = 1, 2, 3
# The part of a word's weight that a way of having it earns.
BEGINNING, TEXT, TEXT_BEGINNING = 0.6, 0.4, 0.25
OTHER_FORM = 0.7  # of a way, for a synonym or another form of the word
LAST = chr(0x10FFFF)
_AFTER_DIGITS = ":"  # the character after 9
PLACE = "@"  # the mark of a slug, such as that of a category


class Span(NamedTuple):
    """A range of search terms, from ``start`` to before ``end``."""

    start: str
    end: str

    @property
    def is_term(self) -> bool:
        """Return True if the range is one term."""
        return self.end == self.start + "\0"

    @property
    def is_place(self) -> bool:
        """Return True if the range is a place."""
        return self.start[0] == PLACE

    @property
    def is_in_index(self) -> bool:
        """Return True if MongoDB can find the terms without reading documents."""
        return not self.is_place and (self.is_term or self.start[-1] != _AFTER_DIGITS)

    @property
    def key(self) -> str:
        """The first characters of all terms in the range: as many as one of ``KEY_LENGTHS``."""
        start = self.start.removesuffix(_AFTER_DIGITS)
        return start[: KEY_LENGTHS[-1]]

    @property
    def condition(self) -> Any:
        """The condition on the array of terms, for documents."""
        return self.start if self.is_term else {"$elemMatch": {"$gte": self.start, "$lt": self.end}}

    @property
    def filter(self) -> Filter:
        """The filter for the documents that have a term in the range."""
        if self.is_place:
            path, _, slug = self.start[1:].partition("=")
            return {path: slug}
        return {"terms": self.condition}

    @property
    def in_index(self) -> Any:
        """The same as a member of ``$in``, for which MongoDB reads the index alone."""
        if self.is_term:
            return self.start
        return Regex("^" + re.escape(self.start))


@dataclass(frozen=True, slots=True)
class Way:
    """A way of having a word.

    Args:
        strength: The part of the word's weight that a document with it earns.
        rank: How good it is: ``WHOLE``, ``TITLED`` or ``ANYWHERE``.
        spans: The ranges in which the document must have a term, each.
    """

    strength: float
    rank: int
    spans: tuple[Span, ...]

    def weaker(self) -> "Way":
        """Return the way for a word that stands for the word that was asked for."""
        return replace(self, strength=self.strength * OTHER_FORM, rank=ANYWHERE)

    @property
    def condition(self) -> Filter:
        """The filter for the documents that have the word in this way."""
        return _all(span.filter for span in self.spans)


@dataclass(frozen=True)
class Word:
    """A word of a searched text, and the ways of having it, the best first."""

    text: str
    ways: tuple[Way, ...]

    def with_ways(self, ways: Iterable[Way]) -> "Word":
        """Return the word with further ways of having it."""
        every = sorted({*self.ways, *ways}, key=lambda way: (-way.strength, way.rank, way.spans))
        return Word(self.text, tuple(every))

    @cached_property
    def condition(self) -> Filter:
        """The filter for the documents that have the word."""
        return self.condition_of(ANYWHERE)

    def condition_of(self, rank: int) -> Filter:
        """Return the filter for the documents that have the word at least this well."""
        several = [way.condition for way in self.splits if way.rank <= rank]
        options = [*(span.filter for span in self.spans_of(rank)), *several]
        return {"$or": options} if len(options) > 1 else (options or [{"_id": {"$in": []}}])[0]

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The ranges of which one term is enough, without ranges inside of others."""
        return self.spans_of(ANYWHERE)

    def spans_of(self, rank: int) -> tuple[Span, ...]:
        """Return the ranges of which one term is enough to have the word at least this well."""
        ways = (way for way in self.ways if way.rank <= rank and len(way.spans) == 1)
        return tuple(_widest(way.spans[0] for way in ways))

    @property
    def places(self) -> dict[str, list[str]]:
        """The slugs of the places that the word names, by the stored field."""
        places: dict[str, list[str]] = {}
        for span in self.spans:
            if span.is_place:
                path, _, slug = span.start[1:].partition("=")
                places.setdefault(path, []).append(slug)
        return places

    @property
    def is_in_index(self) -> bool:
        """Return True if ``in_index`` leaves out none of the ways."""
        return not self.splits and all(span.is_in_index for span in self.spans)

    @property
    def splits(self) -> list[Way]:
        """The ways that need several terms."""
        return [way for way in self.ways if len(way.spans) > 1]


@dataclass(frozen=True)
class Search:
    """A searched text: its words, and filters from the best matches to all matches."""

    text: str

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The distinct words, in their order."""
        return tuple(_words(fold(self.text)))

    @property
    def exact(self) -> Filter:
        """The text is a whole name or code."""
        return {"terms": self.title}

    @property
    def title(self) -> str:
        """The search term of a document whose whole name or code is the text."""
        return "=" + fold(self.text)[:MAX_TITLE]

    @property
    def code(self) -> str:
        """A search term of a document whose whole code is the text."""
        return "#" + "".join(split(self.text))[:MAX_CODE]

    @property
    def titled(self) -> Filter:
        """All words are words, or parts of words, in the title fields."""
        return condition_of(self.words, TITLED) or self.exact

    @property
    def anywhere(self) -> Filter:
        """All words are words, or parts of words, in any searched field."""
        return condition_of(self.words) or self.exact


def check_words(text: str) -> None:
    """Raise ``ValidationError`` if a text has more words than a search looks up."""
    if len(WORD.findall(fold(text))) > MAX_WORDS:
        raise ValidationError(f"Has more than {MAX_WORDS} words; send fewer.")


def condition_of(words: Iterable[Word], rank: int = ANYWHERE) -> Filter:
    """Return the filter for documents that have all words at least this well; empty for none."""
    return _all(word.condition_of(rank) for word in words)


def in_index(words: Iterable[Word]) -> Filter:
    """Return the filter for documents with one of the words, by the index of terms alone.

    Left out are ways that need several terms, the names of places, and numbers with letters after
    them.
    """
    return in_spans(span for word in words for span in word.spans if span.is_in_index)


def in_spans(spans: Iterable[Span]) -> Filter:
    """Return the filter for documents with a term in a range, by the index of terms alone."""
    return {"terms": {"$in": [span.in_index for span in _widest(spans)]}}


def one_of(words: Iterable[Word]) -> Filter:
    """Return the filter for documents that have one of the words in any way."""
    words = list(words)
    options = [in_index(words)] + [way.condition for word in words for way in word.splits]
    options += [
        span.filter
        for word in words
        for span in word.spans
        if not (span.is_in_index or span.is_place)
    ]
    options += [{path: {"$in": slugs}} for word in words for path, slugs in word.places.items()]
    return {"$or": options} if len(options) > 1 else options[0]


def plain_ways(word: str) -> list[Way]:
    """Return the ways of having a word itself, at the beginning of a longer word, or in a code."""
    ways = [
        Way(1.0, WHOLE, (_whole("+" + word),)),
        Way(TEXT, ANYWHERE, (_whole("-" + word),)),
    ]
    if word.isdigit():
        # Numbers are whole in names: 16 finds 16gb and not 1600.  In a code, parts are found.
        beginnings = ("+", BEGINNING, TITLED), ("-", TEXT_BEGINNING, ANYWHERE)
        for mark, strength, rank in beginnings:
            span = Span(mark + word + _AFTER_DIGITS, mark + word + LAST)
            ways.append(Way(strength, rank, (span,)))
        if len(word) > 1:
            ways.append(Way(BEGINNING, TITLED, (_beginning("#" + word),)))
    elif len(word) > 1 or is_unspaced(word):
        ways += [
            Way(BEGINNING, TITLED, (_beginning("+" + word),)),
            Way(TEXT_BEGINNING, ANYWHERE, (_beginning("-" + word),)),
            Way(BEGINNING, TITLED, (_beginning("#" + word),)),
        ]
    return ways


def whole_ways(word: str) -> list[Way]:
    """Return the ways of having exactly this word."""
    return plain_ways(word)[:2]


def phrase_ways(words: Sequence[str]) -> list[Way]:
    """Return the ways of having all words of a phrase."""
    return [
        Way(1.0, WHOLE, tuple(_whole("+" + word) for word in words)),
        Way(TEXT, ANYWHERE, tuple(_whole("-" + word) for word in words)),
    ]


def place_term(path: str, slug: Any) -> str:
    """Return the term for a place, such as a category, of which a document has the slug."""
    return f"{PLACE}{path}={slug}"


def place_way(path: str, slug: str) -> Way:
    """Return the way of having a word of the name of a place."""
    return Way(TEXT, ANYWHERE, (_whole(place_term(path, slug)),))


def _words(folded: str) -> Iterator[Word]:
    matches = list(WORD.finditer(folded))
    texts = [match[0][:MAX_WORD] for match in matches]
    ways: list[list[Way]] = [[*plain_ways(text), *_split_ways(text)] for text in texts]
    for first, last, joined in _joined(folded, matches):
        added = [*whole_ways(joined), Way(BEGINNING, TITLED, (_beginning("#" + joined),))]
        for number in range(first, last + 1):
            ways[number] += added
    for start, end, term in quantities(folded):
        for number, match in enumerate(matches):
            if start <= match.start() < end:
                ways[number] += whole_ways(term)
    every: dict[str, Word] = {}
    for text, ways_of_word in zip(texts, ways, strict=True):
        every[text] = every.get(text, Word(text, ())).with_ways(ways_of_word)
    yield from every.values()


def _joined(folded: str, matches: Sequence[re.Match[str]]) -> Iterator[tuple[int, int, str]]:
    """Yield neighbours in one piece: the first word, the last word, and the joined text.

    Two words are always joined; more are, if they are often written together.
    """
    for first in range(len(matches)):
        joined, is_tight, are_joints = matches[first][0], True, True
        for last in range(first + 1, min(first + MAX_TIGHT, len(matches))):
            gap = folded[matches[last - 1].end() : matches[last].start()]
            is_tight = is_tight and " " not in gap
            are_joints = are_joints and is_joint(matches[last - 1][0], gap, matches[last][0])
            count = last - first + 1
            if not (count == 2 or (count <= MAX_JOINED and are_joints) or is_tight):
                break
            joined += matches[last][0]
            if len(joined) > MAX_WORD:
                break
            yield first, last, joined


def _split_ways(word: str) -> list[Way]:
    """Return the ways of having the pieces of a word of letters and digits, all of them."""
    parts = pieces(word)
    if not 1 < len(parts) <= MAX_PIECES or min(map(len, parts)) < MIN_PIECE:
        return []
    return [
        Way(BEGINNING, TITLED, tuple(_whole("+" + part) for part in parts)),
        Way(TEXT_BEGINNING, ANYWHERE, tuple(_whole("-" + part) for part in parts)),
    ]


def _whole(term: str) -> Span:
    return Span(term, term + "\0")


def _beginning(term: str) -> Span:
    return Span(term, term + LAST)


def _widest(spans: Iterable[Span]) -> list[Span]:
    """Return the ranges that are not inside of another one."""
    widest: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span.start, [-ord(c) for c in span.end])):
        if not widest or span.end > widest[-1].end:
            widest.append(span)
    return widest


def _all(filters: Iterable[Filter]) -> Filter:
    parts = list(filters)
    return {"$and": parts} if len(parts) > 1 else (parts or [{}])[0]
