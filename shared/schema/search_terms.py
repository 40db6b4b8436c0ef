"""Search terms: the words of a document in one indexed array, and the filters that find them.

Searching does not use MongoDB's text index.  A text index joins words by OR, does not match a part
of a word, and ranks by a score computed for every match (1 to 3 seconds for a common word among a
million products).  Instead each document keeps its folded words in the array ``terms``, each with a
mark that says how good a match it is:

    =fifa 25    a whole name or SKU
    +fifa       a word of a name or SKU
    -ps5        a word of any other searched field

A search is then a few plain filters on one index, from the best matches to all matches.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bson.regex import Regex

MAX_TEXT_WORDS = 200  # distinct words of the searched texts of one document
MAX_CODE = 64  # characters of a code that any part of it finds
MAX_TITLE = 200  # characters of a whole name or code
MAX_WORD = 64  # characters

Filter = dict[str, Any]

# Letters that Unicode does not decompose into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_WORD = re.compile(r"[^\W_]+")
_PUNCTUATION = re.compile(r"[^\w\s]")
# Chinese, Japanese and Korean are written without blanks, so a search may start at any letter.
_UNSPACED = re.compile("[\u3040-\u9fff\uac00-\ud7af]")


def fold(text: str) -> str:
    """Return text without case, accents and repeated blanks: "Crépin  & Ø" is "crepin & o"."""
    if text.isascii():  # The usual case, which has nothing to decompose.
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS)
    plain = unicodedata.normalize("NFC", plain)  # NFKD takes Korean syllables apart.
    return " ".join(plain.casefold().split())


@dataclass(frozen=True, slots=True)
class Searched:
    """The fields that the query parameter ``q`` searches.

    Attributes:
        title: The fields whose words are the best matches, such as the name.
        codes: Fields such as an SKU, which any part of the code finds.
        text: The other fields; their first 200 distinct words are searched.
    """

    title: tuple[str, ...] = ("name",)
    codes: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    def terms(self, document: Mapping[str, Any]) -> list[str]:
        """Return the search terms of a document."""
        terms: dict[str, None] = {}
        for value in _texts([document.get(field) for field in self.title + self.codes]):
            terms["=" + fold(value)[:MAX_TITLE]] = None
            terms |= {"+" + word: None for word in _words(value)}
        for value in _texts([document.get(field) for field in self.codes]):
            # Every ending of a code is a term, so that any part of the code begins some term.
            code = "".join(_words(value))[:MAX_CODE]
            terms |= {"+" + code[start:]: None for start in range(len(code) - 1)}
        limit = len(terms) + MAX_TEXT_WORDS
        for value in _texts([document.get(field) for field in self.text]):
            for word in _words(value):
                if len(terms) < limit and "+" + word not in terms:
                    terms["-" + word] = None
        return list(terms)


@dataclass(frozen=True, slots=True)
class Search:
    """A searched text as filters, from the best matches to all matches.

    A word of two letters or more also matches the beginning of a longer word.
    """

    text: str

    @property
    def words(self) -> list[str]:
        """The words that a match must have, all of them."""
        return list(dict.fromkeys(_split(self.text)))

    @property
    def exact(self) -> Filter:
        """The text is a whole name or code."""
        return {"terms": "=" + fold(self.text)[:MAX_TITLE]}

    @property
    def whole(self) -> Filter:
        """All words are whole words of the title fields."""
        return _all({"terms": "+" + word} for word in self.words) or self.exact

    @property
    def titled(self) -> Filter:
        """All words are words, or beginnings of words, in the title fields."""
        filter = _all({"terms": _begins("+" + word)} for word in self.words)
        return self._or_part(filter) if filter else self.exact

    @property
    def anywhere(self) -> Filter:
        """All words are words, or beginnings of words, in any searched field."""
        filter = _all(
            {"$or": [{"terms": _begins(mark + word)} for mark in "+-"]} for word in self.words
        )
        return self._or_part(filter) if filter else self.exact

    def _or_part(self, filter: Filter) -> Filter:
        """Let "25-p" also match the middle of the code "FI-25-PS5"."""
        words = self.words
        if len(words) > 1 and _PUNCTUATION.search(self.text):
            return {"$or": [filter, {"terms": _begins("+" + "".join(words))}]}
        return filter


def in_any_field(word: str) -> Filter:
    """Return the filter that counts a word in all searched fields by the index alone."""
    return {"terms": {"$in": [_in_index(mark + word) for mark in "+-"]}}


def in_titles(word: str) -> Filter:
    """Return the filter that counts a word in the title fields by the index alone."""
    return {"terms": {"$in": [_in_index("+" + word)]}}


def ranges(word: str) -> list[tuple[str, str]]:
    """Return the bounds of a word's terms in the index: of the title fields, then of the others."""
    return [(mark + word, _end(mark + word)) for mark in "+-"]


def _all(filters: Iterable[Filter]) -> Filter:
    parts = list(filters)
    return {"$and": parts} if len(parts) > 1 else (parts or [{}])[0]


def _begins(term: str) -> Any:
    return {"$elemMatch": {"$gte": term, "$lt": _end(term)}} if _is_prefix(term) else term


def _in_index(term: str) -> Any:
    """Return a condition that MongoDB answers from the index; a range would read the documents."""
    return Regex("^" + re.escape(term)) if _is_prefix(term) else term


def _end(term: str) -> str:
    """Return the upper bound of the terms that begin with this one, or of this term alone."""
    return term + (chr(0x10FFFF) if _is_prefix(term) else chr(0))


def _is_prefix(term: str) -> bool:
    """Return True if a term also matches longer words: it has two letters, or is CJK."""
    return len(term) > 2 or bool(_UNSPACED.search(term))


def _split(text: str) -> list[str]:
    return [word[:MAX_WORD] for word in _WORD.findall(fold(text))]


def _words(text: str) -> Iterator[str]:
    for word in _split(text):
        yield word
        if _UNSPACED.search(word):
            yield from (word[start:] for start in range(1, len(word)))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and number in a value, at any depth, as text."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
