"""Search terms: the words of a document in one indexed array.

Searching does not use MongoDB's text index.  A text index joins words by OR, does not match a part
of a word, and ranks by a score computed for every match (1 to 3 seconds for a common word among a
million products).  Instead each document keeps its folded words in the array ``terms``, each with a
mark that says how good a match it is:

    =fifa 25    a whole name or SKU
    +fifa       a word of a name or SKU
    #5ps5       an ending of an SKU, so that any part of the SKU begins some term
    -ps5        a word of any other searched field
    ~2          the rule that made the terms, if an earlier one makes others

Words of names that are often written together are terms in one piece as well, and words of letters
and digits are terms in parts: "Wi-Fi" has ``+wifi``, "RTX 4070" has ``+rtx4070``, "RTX4070" has
``+4070``.  A number with a unit has one more term that all its spellings share (``units``).

Texts may be HTML (``html_text``): tags, scripts and comments are not searched.  The first rule
searched HTML as it is; the second is marked in the terms that it makes of HTML.  So followers and
servers of two releases know whose terms are newer, see ``derived``.

``search_query`` finds them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from shared.schema.html_text import text_of
from shared.schema.text import MARKS, fold
from shared.schema.units import quantities

MAX_TEXT_WORDS = 200  # distinct words of the searched texts of one document
MAX_CODE = 64  # characters of a code that any part of it finds
MAX_TITLE = 255  # characters of a whole name or code
MAX_WORD = 64  # characters
RULE = 2  # the rule by which this release makes search terms
RULE_MARK = "~"  # before the number of a rule
FIRST_RULE = 1  # of terms without a mark

MAX_JOINED = 3  # words that are joined to one
MAX_JOINT = 6  # characters of a word that a blank parts from a number that belongs to it

Filter = dict[str, Any]

# What stands between words that are often written as one: Wi-Fi, G.Skill, L'Oréal.
_JOINTS = frozenset("-.'’&+‐–")
_DIGIT = re.compile(r"\d")
# A part of a text: it ends where no word goes on, or in the middle of one without an end.
_PART = re.compile(r".{1,2000}[^\s!-/:-@\[-`{-~。、，]{0,8000}", re.DOTALL)
# The pieces of a word of letters and digits.
_PIECE = re.compile(r"\d+|\D+")
# Scripts written without blanks, so a search may start at any letter: Thai, Lao, Burmese, Khmer,
# Tai, Chinese, Japanese, Javanese and Korean.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3040-\u9fff"
    "\ua980-\ua9ff\uaa60-\uaadf\uac00-\ud7af\U00020000-\U0003ffff]"
)
# A run of letters and digits, with the marks on them.
WORD = re.compile(rf"(?:[^\W_]+|[{MARKS}]+)+")


@dataclass(frozen=True, slots=True)
class Searched:
    """The fields that the query parameter ``q`` searches.

    Attributes:
        title: The fields whose words are the best matches, such as the name.
        codes: Fields such as an SKU, which any part of the code finds.
        text: The other fields; their first 200 distinct words are searched.
        places: A field with the slugs of places, such as categories, and the service that knows
            their names, which are searched; None for no places.
    """

    title: tuple[str, ...] = ("name",)
    codes: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    places: tuple[str, str] | None = None

    def words(self, document: Mapping[str, Any]) -> set[str]:
        """Return the words by which a document is searched, without those of its codes."""
        titles = _texts([document.get(field) for field in self.title])
        words = {word for value in titles for word in split(value)}
        limit = len(words) + MAX_TEXT_WORDS
        texts = _texts([document.get(field) for field in self.text])
        for word in (word for value in texts for word in _distinct_words(text_of(value))):
            if len(words) == limit:
                break
            words.add(word[:MAX_WORD])
        return words

    def terms(self, document: Mapping[str, Any]) -> list[str]:
        """Return the search terms of a document."""
        terms: dict[str, None] = {}
        for value in _texts([document.get(field) for field in self.title + self.codes]):
            folded = fold(value)
            terms["=" + folded[:MAX_TITLE]] = None
            terms |= {"+" + word: None for word in _with_endings(_whole_words(value))}
            terms |= {"+" + word: None for word in _variants(folded)}
        for value in _texts([document.get(field) for field in self.codes]):
            # Every ending of a code is a term, so that any part of the code begins some term.
            code = "".join(_with_endings(_whole_words(value)))[:MAX_CODE]
            terms |= {"#" + code[start:]: None for start in range(len(code) - 1)}
        limit = len(terms) + MAX_TEXT_WORDS
        values = list(_texts([document.get(field) for field in self.text]))
        texts = list(map(text_of, values))
        for word in (word for text in texts for word in _with_endings(_distinct_words(text))):
            if len(terms) == limit:
                break
            if "+" + word not in terms:
                terms["-" + word] = None
        return list(terms) if texts == values else [*terms, f"{RULE_MARK}{RULE}"]


def rule_of(terms: Any) -> int:
    """Return the number of the rule that made stored terms, which a hand edit may have changed."""
    for term in terms if isinstance(terms, list) else ():
        number = term[1:] if isinstance(term, str) and term.startswith(RULE_MARK) else ""
        if number.isascii() and number.isdigit():
            return int(number)
    return FIRST_RULE


def split(text: str) -> list[str]:
    """Return the words of a text, folded."""
    return [word[:MAX_WORD] for word in _whole_words(text)]


def pieces(word: str) -> list[str]:
    """Return the pieces of a word of letters and digits: rtx4070 is rtx and 4070."""
    return _PIECE.findall(word)


def is_unspaced(word: str) -> bool:
    """Return True if a word is of a script that is written without blanks."""
    return bool(_UNSPACED.search(word))


def _variants(folded: str) -> Iterator[str]:
    """Yield other spellings of the words of a folded name: joined, in pieces, with other units."""
    words = list(WORD.finditer(folded))
    texts = [word[0] for word in words]
    for first, second in pairwise(range(len(words))):
        joined = texts[first]
        for last in range(second, min(first + MAX_JOINED, len(words))):
            gap = folded[words[last - 1].end() : words[last].start()]
            if not is_joint(texts[last - 1], gap, texts[last]):
                break
            joined += texts[last]
            yield joined[:MAX_WORD]
    if _DIGIT.search(folded):
        for text in texts:
            parts = pieces(text)
            if len(parts) > 1:
                yield from (part for part in parts if len(part) > 1)
        yield from (term for _, _, term in quantities(folded))


def is_joint(left: str, gap: str, right: str) -> bool:
    """Return True if two neighbours are often written as one word: Wi-Fi, 16 GB, RTX 4070."""
    if gap in _JOINTS:
        return True
    is_boundary = left[-1].isdigit() != right[0].isdigit()
    return is_boundary and gap == " " and max(len(left), len(right)) <= MAX_JOINT


def _whole_words(text: str) -> Iterator[str]:
    """Yield the words of a text, folded; the first ones do not take the time of all."""
    for part in _PART.findall(text):
        yield from WORD.findall(fold(part))


def _distinct_words(text: str) -> Iterator[str]:
    """Yield the words of a text, folded; those of one part of it only once."""
    for part in _PART.findall(text):
        yield from dict.fromkeys(WORD.findall(fold(part)))


def _with_endings(words: Iterable[str]) -> Iterator[str]:
    """Yield words, and the endings of those of scripts that are written without blanks."""
    for word in words:
        yield word[:MAX_WORD]
        if is_unspaced(word):
            # A part of the word begins at a letter, not at a mark on one.
            starts = (n for n in range(1, len(word)) if unicodedata.category(word[n])[0] != "M")
            yield from (word[start : start + MAX_WORD] for start in starts)


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
