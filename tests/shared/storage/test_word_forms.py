"""Word forms: stems of several languages, and words that differ by typing errors."""

import pytest

from shared.storage.search.word_forms import deletions, errors, max_errors, stems


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("webcams", "webcam"),
        ("batteries", "battery"),
        ("lampen", "lampe"),
        ("chaises", "chaise"),
        ("zapatos", "zapato"),
        ("tazze", "tazza"),
        ("stoelen", "stoel"),
    ],
)
def test_singular_and_plural_share_a_stem(one, other):
    assert set(stems(one)) & set(stems(other))


@pytest.mark.parametrize(("one", "other"), [("corsiar", "corsair"), ("webcam", "keyboard")])
def test_other_words_share_no_stem(one, other):
    assert not set(stems(one)) & set(stems(other))


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("corsiar", "corsair"),
        ("korsair", "corsair"),
        ("corsai", "corsair"),
        ("logitec", "logitech"),
        ("moterbord", "motherboard"),
        ("mothrebaord", "motherboard"),
        ("kayboerd", "keyboard"),
        ("seagte", "seagate"),
    ],
)
def test_a_word_with_errors_shares_a_deletion_with_the_word(typed, word):
    assert set(deletions(typed)) & set(deletions(word))
    assert errors(typed, word) <= max(max_errors(typed), 1)


@pytest.mark.parametrize(
    ("word", "most"), [("cpu", 0), ("case", 1), ("corsair", 1), ("keyboard", 2)]
)
def test_longer_words_may_have_more_errors(word, most):
    assert max_errors(word) == most


def test_the_number_of_deletions_is_bounded():
    assert len(deletions("x" + "abcdefgh" * 8)) < 40
