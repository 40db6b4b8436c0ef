"""Text as people type it: slugs for URLs and terms for searching.

Searching does not use MongoDB's text index.  That one joins words by OR, does not match part
of a word, and ranks by a score computed for every match (1 to 3 seconds for a common word among
a million products).  Here each document keeps its folded words in one indexed array instead,
``terms``, each marked with how much it tells:

    =fifa 25    a whole name or SKU
    +fifa       a word of a name or SKU
    -ps5        a word of any other searched field

so that a search is a few plain filters on one index, from the best matches to all of them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bson.regex import Regex
from slugify import slugify

MAX_SLUG = 100  # characters, the number behind a repeated one included
MAX_TEXT_WORDS = 200
MAX_CODE = 64  # characters of a code that can be found by any part
MAX_WHOLE_TEXT = 200  # characters

# What stands where the slug of an item would: ``/products/changes``.
RESERVED = frozenset({"changes"})

Filter = dict[str, Any]

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
ATTRIBUTE_NAME = re.compile(r"[^.$\0\s](?:[^.$\0]{0,62}[^.$\0\s])?")

# Letters that Unicode does not decompose into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_WORD = re.compile(r"[^\W_]+")
_PUNCTUATION = re.compile(r"[^\w\s]")
# Chinese, Japanese and Korean are written without blanks, so a search may start anywhere.
_UNSPACED = re.compile("[\u3040-\u9fff\uac00-\ud7af]")


def make_slug(text: str, otherwise: str) -> str:
    """Return lowercase ASCII words joined by hyphens: never empty, only digits, or reserved.

    ``otherwise`` is used for a text without letters, and before one of digits or a reserved one.
    """
    slug: str = slugify(text, max_length=MAX_SLUG - 20, word_boundary=True)
    is_free = slug and not slug.isdigit() and slug not in RESERVED
    return slug if is_free else f"{otherwise}-{slug}".rstrip("-")


def to_slug(text: str, otherwise: str) -> str:
    """Return a slug as it is, and the slug of anything else."""
    text = text.strip()
    if SLUG.fullmatch(text) and not text.isdigit() and len(text) <= MAX_SLUG:
        return text if text not in RESERVED else make_slug(text, otherwise)
    return make_slug(text, otherwise)


def free_slugs(bases: Iterable[str], taken: set[str]) -> list[str]:
    """Return a free slug for each base, in order: itself, or with the first free number from 2."""
    free: list[str] = []
    numbers: dict[str, int] = {}
    taken = set(taken)
    for base in bases:
        slug = base
        while slug in taken:
            numbers[base] = numbers.get(base, 1) + 1
            slug = f"{base}-{numbers[base]}"
        taken.add(slug)
        free.append(slug)
    return free


def fold(text: str) -> str:
    """Return text without case, accents and repeated blanks: "Crépin  & Ø" is "crepin & o"."""
    if text.isascii():  # Most is, and has nothing to take apart.
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS)
    plain = unicodedata.normalize("NFC", plain)  # Korean was taken apart into its letters.
    return " ".join(plain.casefold().split())


@dataclass(frozen=True, slots=True)
class Searched:
    """The fields that ``q`` looks at: titles first, any part of a code, then the other texts.

    Of the other texts, the first 200 distinct words count.
    """

    title: tuple[str, ...] = ("name",)
    codes: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    def terms(self, document: Mapping[str, Any]) -> list[str]:
        """Return the search terms of a document."""
        found: dict[str, None] = {}
        for value in _texts([document.get(field) for field in self.title + self.codes]):
            found["=" + fold(value)[:MAX_WHOLE_TEXT]] = None
            found |= {"+" + word: None for word in _words(value)}
        for value in _texts([document.get(field) for field in self.codes]):
            # Every ending of a code is a term, so that any part of it begins some term.
            whole = "".join(_words(value))[:MAX_CODE]
            found |= {"+" + whole[start:]: None for start in range(len(whole) - 1)}
        room = len(found) + MAX_TEXT_WORDS
        for value in _texts([document.get(field) for field in self.text]):
            for word in _words(value):
                if len(found) < room and "+" + word not in found:
                    found["-" + word] = None
        return list(found)


@dataclass(frozen=True, slots=True)
class Search:
    """What a text searches for, as filters: from the best matches to all of them.

    A word of two letters or more also matches as the beginning of a longer one.
    """

    text: str

    @property
    def words(self) -> list[str]:
        """The words that all have to be there."""
        return list(dict.fromkeys(_split(self.text)))

    @property
    def exact(self) -> Filter:
        """The text is the whole name or SKU."""
        return {"terms": "=" + fold(self.text)[:MAX_WHOLE_TEXT]}

    @property
    def whole(self) -> Filter:
        """All words stand in the title fields, as they are."""
        return _all({"terms": "+" + word} for word in self.words) or self.exact

    @property
    def titled(self) -> Filter:
        """All words stand in the title fields, or begin a word there."""
        found = _all({"terms": _begins("+" + word)} for word in self.words)
        return self._or_part(found) if found else self.exact

    @property
    def anywhere(self) -> Filter:
        """All words stand, or begin a word, in any searched field."""
        found = _all(
            {"$or": [{"terms": _begins(mark + word)} for mark in "+-"]} for word in self.words
        )
        return self._or_part(found) if found else self.exact

    def _or_part(self, filter: Filter) -> Filter:
        """Let "25-p" also be the middle of the code "FI-25-PS5"."""
        words = self.words
        if len(words) > 1 and _PUNCTUATION.search(self.text):
            return {"$or": [filter, {"terms": _begins("+" + "".join(words))}]}
        return filter


def somewhere(word: str) -> Filter:
    """Return the filter to count a word by, in any searched field: its terms in the index do."""
    return {"terms": {"$in": [_in_index(mark + word) for mark in "+-"]}}


def in_titles(word: str) -> Filter:
    """Return the filter to count a word by in the title fields."""
    return {"terms": {"$in": [_in_index("+" + word)]}}


def ranges(word: str) -> list[tuple[str, str]]:
    """Return where the terms of a word are in the index, from and to: titles, then the rest."""
    return [(mark + word, _end(mark + word)) for mark in "+-"]


def _all(filters: Iterable[Filter]) -> Filter:
    found = list(filters)
    return {"$and": found} if len(found) > 1 else (found or [{}])[0]


def _begins(term: str) -> Any:
    return {"$elemMatch": {"$gte": term, "$lt": _end(term)}} if _is_prefix(term) else term


def _in_index(term: str) -> Any:
    """Return what finds a term without a look at the document, which a range would need."""
    return Regex("^" + re.escape(term)) if _is_prefix(term) else term


def _end(term: str) -> str:
    """Return what is behind all terms that begin so, or behind the term alone."""
    return term + (chr(0x10FFFF) if _is_prefix(term) else chr(0))


def _is_prefix(term: str) -> bool:
    """Whether longer words may begin so: with two letters, or one that is a word by itself."""
    return len(term) > 2 or bool(_UNSPACED.search(term))


def _split(text: str) -> list[str]:
    return [word[:64] for word in _WORD.findall(fold(text))]


def _words(text: str) -> Iterator[str]:
    for word in _split(text):
        yield word
        if _UNSPACED.search(word):
            yield from (word[start:] for start in range(1, len(word)))


def _texts(value: Any) -> Iterator[str]:
    """Walk every text and number in a value, however nested."""
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
