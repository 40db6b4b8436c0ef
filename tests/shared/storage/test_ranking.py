"""Ranking: which of two documents matches a search better, and which match it well enough."""

import pytest

from shared.schema.search_query import Search
from shared.schema.search_terms import Searched
from shared.storage.search.function_words import telling
from shared.storage.search.ranking import Matcher, Weighted, with_most

DOCUMENTS = 5_000
SEARCHED = Searched()


def ranked(q, names, counts):
    """Return names, the best first; ``counts`` are the numbers of documents with the words."""
    search = Search(q)
    words = [Weighted.of(word, counts[word.text], DOCUMENTS) for word in search.words]
    matcher = Matcher(search, words)
    documents = [{"_id": name, "terms": SEARCHED.terms({"name": name})} for name in names]
    matches = sorted(map(matcher.match, documents), key=lambda each: (each.rank, -each.score))
    return [each.id for each in with_most(matches, words, DOCUMENTS)]


def test_a_rare_word_is_worth_more_than_some_frequent_ones_together():
    names = ["Mahjong, Windows 7 and 10", "Tetris"]
    counts = {"tetris": 3, "windows": 400, "7": 300, "10": 500, "pc": 900}
    assert ranked("tetris pc windows 7 10", names, counts) == ["Tetris", names[0]]


def test_a_model_is_before_the_same_model_with_letters():
    names = ["Acme Drill 5 4800X", "Acme Drill 5 4800"]
    counts = {"drill": 40, "5": 300, "4800": 6}
    assert ranked("drill 5 4800", names, counts) == ["Acme Drill 5 4800", "Acme Drill 5 4800X"]


@pytest.mark.parametrize(("count", "is_shown"), [(100, True), (2_500, False)])
def test_a_word_that_no_document_has_hides_only_what_all_have(count, is_shown):
    found = ranked("bohrmaschine 4800", ["Acme 4800"], {"bohrmaschine": 0, "4800": count})
    assert bool(found) is is_shown


@pytest.mark.parametrize(
    ("q", "words"),
    [
        ("shoes for the beach", ["shoes", "beach"]),
        ("Hülle mit Ständer", ["hulle", "stander"]),
        ("for the", ["for", "the"]),
        ("27 in", ["27", "in"]),
    ],
)
def test_words_that_say_nothing_about_a_product_are_left_out(q, words):
    assert [word.text for word in telling(Search(q).words)] == words
