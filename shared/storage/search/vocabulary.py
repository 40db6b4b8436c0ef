"""Vocabulary: the words of a catalog, in the collection ``<name>.words``.

It proposes words: other forms of a word, the nearest words to a misspelt one, the words that begin
with some letters.  The index of search terms decides whether documents have them, so a word of the
past does no harm.  The follower adds the words of each change.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.collection import Collection

from shared.schema.search_terms import Searched
from shared.schema.serialization import Document
from shared.storage.search.word_forms import deletions, errors, has_forms, max_errors, stems

MAX_FORMS = 8  # of one word
MAX_NEAR = 3  # words that a misspelt word may stand for
MAX_READ = 200  # words that are read to find these
BATCH_SIZE = 1_000
STORE_SECONDS = 0.5  # seconds between two writes of words
MAX_KNOWN = 100_000  # words that are held in memory
INDEXES = (IndexModel([("stems", 1)]), IndexModel([("deletions", 1)]))
COMPLETE = " "  # the id of the note that all documents have been read
_LAST = chr(0x10FFFF)
# One batch: a second round trip would cost more than the words.
_BATCH = {"limit": MAX_READ, "batch_size": MAX_READ + 1}


@dataclass(frozen=True, slots=True)
class Known:
    """Other forms and numbers of some words, as a vocabulary has them.

    Attributes:
        forms: The other words with a stem in common with a word, by that word.
        counts: The numbers of documents with a word or one of these, as the follower counted.
    """

    forms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


class Vocabulary:
    """The words of one collection.

    Args:
        collection: Where the words are stored.
    """

    def __init__(self, collection: Collection[Document]):
        self._collection = collection

    def look_up(self, words: Iterable[str]) -> Known:
        """Return the forms and numbers of some words; a number has none."""
        wanted = {word: set(stems(word)) for word in words if has_forms(word)}
        if not wanted:
            return Known()
        either: Document = {"stems": {"$in": sorted(set().union(*wanted.values()))}}
        if unstemmed := [word for word, word_stems in wanted.items() if not word_stems]:
            either = {"$or": [either, {"_id": {"$in": unstemmed}}]}
        read = list(self._collection.find(either, {"stems": True, "count": True}, **_BATCH))
        forms: dict[str, list[str]] = {}
        for word, word_stems in wanted.items():
            others = [each["_id"] for each in read if word_stems & set(each["stems"])]
            # A longer word is found by its beginning.
            forms[word] = [other for other in others if not other.startswith(word)][:MAX_FORMS]
        return Known(forms, {each["_id"]: each.get("count", 0) for each in read})

    def nearest(self, word: str) -> list[str]:
        """Return the words that differ least from a misspelt word, the likeliest first."""
        if not has_forms(word) or not (limit := max_errors(word)):
            return []
        near = {"deletions": {"$in": list(deletions(word))}}
        read = self._collection.find(near, {"count": True}, **_BATCH)
        ranked = []
        for each in read:
            distance = errors(word, each["_id"])
            if distance <= limit:
                is_other = each["_id"][0] != word[0]
                ranked.append((distance + is_other, is_other, -each.get("count", 0), each["_id"]))
        return [other for *_, other in sorted(ranked)[:MAX_NEAR]]

    def beginning(self, letters: str, limit: int) -> list[str]:
        """Return the most frequent words that begin with some letters."""
        range = {"_id": {"$gte": letters, "$lt": letters + _LAST}, "count": {"$gt": 0}}
        order = [("count", -1), ("_id", 1)]
        return [str(each["_id"]) for each in self._collection.find(range, sort=order, limit=limit)]

    def add(self, counts: Mapping[str, int], known: Set[str] = frozenset()) -> None:
        """Add words with the number of documents that have got them, or lost them.

        Args:
            counts: The numbers by word.
            known: Words that are certainly stored.
        """
        updates = [_update(word, count, word in known) for word, count in counts.items() if count]
        for start in range(0, len(updates), BATCH_SIZE):
            self._collection.bulk_write(updates[start : start + BATCH_SIZE], ordered=False)

    def create(self) -> bool:
        """Create the indexes; return True if the documents have not been read yet."""
        self._collection.create_indexes(list(INDEXES))
        return self._collection.find_one({"_id": COMPLETE}) is None

    def complete(self) -> None:
        """Note that all documents have been read."""
        self._collection.replace_one({"_id": COMPLETE}, {}, upsert=True)


def words_of(searched: Searched, document: Mapping[str, Any]) -> set[str]:
    """Return the words of a document that belong to a vocabulary: no codes, no numbers."""
    return {word for word in searched.words(document) if has_forms(word)}


def changes(
    searched: Searched, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Counter[str]:
    """Return the words that a document has got by a change, and lost, counted 1 and -1."""
    old = words_of(searched, before) if before else set()
    new = words_of(searched, after) if after else set()
    counts = Counter(dict.fromkeys(new - old, 1))
    counts.update(dict.fromkeys(old - new, -1))
    return counts


def _update(word: str, count: int, is_known: bool) -> UpdateOne:
    update: Document = {"$inc": {"count": count}}
    is_new = count > 0 and not is_known
    if is_new:
        update["$setOnInsert"] = {"stems": list(stems(word)), "deletions": list(deletions(word))}
    return UpdateOne({"_id": word}, update, upsert=is_new)


class VocabularyKeeper:
    """Keeps a vocabulary in line with its documents; a part of the follower.

    Args:
        vocabulary: The words.
        searched: The fields that the words are in.
    """

    def __init__(self, vocabulary: Vocabulary, searched: Searched):
        self._vocabulary = vocabulary
        self._searched = searched
        self._counts: Counter[str] = Counter()
        self._known: set[str] = set()
        self._stored_at = 0.0

    def note(self, before: Document | None, after: Document | None) -> None:
        """Note the words that a document has got by a change, and lost."""
        self._counts.update(changes(self._searched, before, after))

    def store(self) -> None:
        """Store what was noted, at most once in a while."""
        now = time.monotonic()
        if self._counts and now - self._stored_at >= STORE_SECONDS:
            counts, self._counts, self._stored_at = self._counts, Counter(), now
            self._vocabulary.add(counts, self._known)
            if len(self._known) > MAX_KNOWN:
                self._known.clear()
            self._known |= {word for word, count in counts.items() if count > 0}

    def read_all(self, documents: Collection[Document], stopped: threading.Event) -> None:
        """Read the words of all documents, unless that was done before."""
        if not self._vocabulary.create():
            return
        counts: Counter[str] = Counter()
        fields = dict.fromkeys((*self._searched.title, *self._searched.text), True)
        for document in documents.find({}, fields):
            counts.update(words_of(self._searched, document))
            if stopped.is_set():
                return
            if len(counts) > MAX_KNOWN:
                self._vocabulary.add(counts)
                counts.clear()
        self._vocabulary.add(counts)
        self._vocabulary.complete()
