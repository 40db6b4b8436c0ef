"""Words of six languages in headers and cells, read from ``header_words.toml``.

A fact about a word stands in that file alone: the field that it names, that it may name several, or
that it names something private.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from shared.schema.text import normalize

_FILE = Path(__file__).with_suffix(".toml")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SIGNS = re.compile(r"[\W_]+")

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Field that a word may mean, and the reason why it may mean something else."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class PrivateWords:
    """The words by which a column is private.

    Attributes:
        words: Whole words.
        beginnings: Beginnings of words.
        endings: Endings of words.
        pairs: Words in a row, without the small ones and in the singular.
        joined: The words of pairs without a blank between them.
        public: Beginnings of a whole name without blanks that make it public.
        small: Words that do not matter.
    """

    words: frozenset[str]
    beginnings: tuple[str, ...]
    endings: tuple[str, ...]
    pairs: frozenset[tuple[str, ...]]
    joined: tuple[str, ...]
    public: tuple[str, ...]
    small: frozenset[str]


def plain(text: str) -> str:
    """Return a text in lower case without accents."""
    if text.isascii():
        return text.casefold()
    parts = normalize("NFKD", text.casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


@lru_cache(maxsize=10_000)
def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a name, without accents: "costPrice" is cost and price."""
    return tuple(plain(_SIGNS.sub(" ", _CAMEL.sub(" ", text))).split())


@cache
def field_names() -> Mapping[str, Names]:
    """Return the names of columns by what is imported and by field, the first to read first."""
    names = {
        resource: {field: _texts(words) for field, words in _declared()[resource].items()}
        for resource in ("products", "clients", "categories")
    }
    names["products"]["price"] += _texts(_declared()["gross_prices"])
    names["products"]["publication"] += _texts(_declared()["hidden"])
    return names


@cache
def gross_prices() -> frozenset[tuple[str, ...]]:
    """Return the names of columns with prices that contain the tax, by their words."""
    return frozenset(map(words_of, _texts(_declared()["gross_prices"])))


@cache
def _hidden() -> frozenset[str]:
    return frozenset("".join(words_of(text)) for text in _texts(_declared()["hidden"]))


def says_hidden(column: str) -> bool:
    """Return True if the name of a column says that yes makes a draft."""
    return "".join(words_of(column)) in _hidden()


def says_tax(column: str) -> bool:
    """Return True if the name of a column says whether its price contains the tax."""
    words = words_of(column)
    meaning = ambiguous_words().get(words)
    return words in gross_prices() or bool(meaning and meaning.field == "price")


@cache
def sign_words(meaning: str) -> tuple[str, ...]:
    """Return the names of columns that are a sign of a kind of table, such as ``order``."""
    return _texts(_declared()["signs"][meaning])


@cache
def ambiguous_words() -> Mapping[tuple[str, ...], Ambiguous]:
    """Return what each ambiguous name of a column may mean, by its words."""
    return {
        words_of(text): Ambiguous(entry["field"], entry["reason"])
        for entry in _declared()["ambiguous"]
        for text in entry["words"]
    }


@cache
def private_words() -> PrivateWords:
    """Return the words by which a column is private."""
    table = _declared()["private"]
    small = frozenset(table["small"])
    pairs = [words_of(text) for text in _texts(table["pairs"])]
    joined = ("".join(words) for pair in pairs for words in (pair, without_small(pair, small)))
    public = ("".join(without_small(words_of(text), small)) for text in _texts(table["public"]))
    return PrivateWords(
        frozenset(map(plain, _texts(table["words"]))),
        tuple(map(plain, _texts(table["beginnings"]))),
        tuple(map(plain, _texts(table["endings"]))),
        frozenset(tuple(map(singular, without_small(pair, small))) for pair in pairs),
        tuple(dict.fromkeys(joined)),
        tuple(public),
        small,
    )


def singular(word: str) -> str:
    """Return a word without the ending of a plural, so that both forms are compared alike."""
    return word.removesuffix("s")


def without_small(words: tuple[str, ...], small: frozenset[str]) -> tuple[str, ...]:
    """Return words without the small ones."""
    return tuple(word for word in words if word not in small)


@cache
def cell_texts(meaning: str) -> frozenset[str]:
    """Return the texts in cells that have a meaning, such as ``available``, in lower case."""
    return frozenset(map(plain, _texts(_declared()["texts"][meaning])))


def _texts(by_language: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return the texts of all languages in their order, each once."""
    languages = [*_declared()["languages"], *_declared()["private_languages"]]
    return tuple(dict.fromkeys(text for name in languages for text in by_language.get(name, ())))


@cache
def _declared() -> Mapping[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
