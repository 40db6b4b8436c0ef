"""Synonyms: sets of words and phrases that stand for each other in a search.

They are data of a catalog, in the collection ``<name>.synonyms``.
"""

from collections.abc import Iterator, Sequence

from pymongo.collection import Collection

from shared.schema.search_terms import split
from shared.schema.serialization import Document

_ID = "synonyms"
Phrase = tuple[str, ...]


def read(collection: Collection[Document]) -> list[list[str]]:
    """Return the stored sets."""
    stored = collection.find_one({"_id": _ID}) or {}
    sets: list[list[str]] = stored.get("sets", [])
    return sets


def write(collection: Collection[Document], sets: Sequence[Sequence[str]]) -> None:
    """Replace the stored sets."""
    collection.replace_one({"_id": _ID}, {"sets": [list(each) for each in sets]}, upsert=True)


def others(
    sets: Sequence[Sequence[str]], words: Sequence[str]
) -> Iterator[tuple[int, int, Phrase]]:
    """Yield the phrases that stand for a part of a text: its first word, the end, the phrase."""
    for texts in sets:
        phrases = [tuple(split(text)) for text in texts if isinstance(text, str)]
        for phrase in phrases:
            for start in range(len(words) - len(phrase) + 1):
                if phrase and tuple(words[start : start + len(phrase)]) == phrase:
                    for other in phrases:
                        if other and other != phrase:
                            yield start, start + len(phrase), other
