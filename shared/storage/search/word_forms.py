"""Word forms: words of one stem, and words that differ by a typing error.

Two words are near if they have an equal deletion: a spelling without one or two of its letters.  So
a database finds near words by an index of deletions (the method is that of SymSpell).
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import snowballstemmer
from rapidfuzz.distance import OSA

LANGUAGES = (
    ("en", "english"),
    ("de", "german"),
    ("fr", "french"),
    ("es", "spanish"),
    ("it", "italian"),
    ("nl", "dutch"),
)
MIN_LETTERS = 3  # of a word with forms
MIN_CORRECTED, MIN_CORRECTED_TWICE = 4, 8  # letters of a word with one error, and with two
MAX_COMPARED = 7  # letters, the first ones, of which deletions are made
MAX_STEMMED = 30  # letters
MAX_ENDING = 2  # letters that a stem leaves out, as plurals have them


def has_forms(word: str) -> bool:
    """Return True for a word of letters and marks on them, which is not a code or a number."""
    letters = "".join(c for c in word if not unicodedata.category(c).startswith("M"))
    return len(word) >= MIN_LETTERS and letters.isalpha()


@lru_cache(10_000)
def stems(word: str) -> tuple[str, ...]:
    """Return the stems of a folded word, each with its language: ``en:webcam``."""
    if not word.isascii() or len(word) > MAX_STEMMED:
        return ()
    # A stemmer keeps the word it works on, so each call has its own.
    found = ((code, snowballstemmer.stemmer(name).stemWord(word)) for code, name in LANGUAGES)
    shortest = max(MIN_LETTERS, len(word) - MAX_ENDING)
    return tuple(f"{code}:{stem}" for code, stem in found if len(stem) >= shortest)


def max_errors(word: str) -> int:
    """Return the number of errors that a word may have."""
    return (len(word) >= MIN_CORRECTED) + (len(word) >= MIN_CORRECTED_TWICE)


def deletions(word: str) -> tuple[str, ...]:
    """Return the beginning of a word, whole and without one or two of its letters."""
    first = word[:MAX_COMPARED]
    errors = 2 if len(word) >= MIN_CORRECTED_TWICE - 1 else 1
    return tuple(sorted(set(_without(first, errors))))


def errors(one: str, other: str) -> int:
    """Return how many letters are wrong, missing, superfluous or swapped with their neighbour."""
    return int(OSA.distance(one, other))


def _without(word: str, errors: int) -> Iterator[str]:
    for count in range(errors + 1):
        yield from map("".join, combinations(word, len(word) - count))
