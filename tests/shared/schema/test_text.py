"""Text: what is cleaned, what is refused, and how texts are compared and ordered."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.text import clean, clean_key, fold, name_key, refused_in, sort_key


@pytest.mark.parametrize(
    ("sent", "cleaned"),
    [
        (" Teapot ", "Teapot"),
        ("\u00a0Teapot\u202f", "Teapot"),
        ("\ufeffTeapot\u200b\u2060", "Teapot"),
        ("\u3000 \u200eTeapot\r\n\t", "Teapot"),
        ("Cafe\u0301", "Café"),
        ("in\u00a0side co\u00adop", "in\u00a0side co\u00adop"),
        ("Love ❤\ufe0f ", "Love ❤\ufe0f"),
        ("\u200b\u2060\ufe0f\u00a0", ""),
        ("\u2800", ""),
        ("", ""),
    ],
)
def test_a_text_is_composed_and_trimmed(sent, cleaned):
    assert clean(sent) == cleaned


@pytest.mark.parametrize(
    "sent",
    [
        "T-1",
        " T-1",
        "T-1\u00a0",
        "T\u200b-1",
        "T-\u00ad1",
        "'T-1",
        "' T-1",
        "\ufeff'T-1\u2003",
        "''T-1",
    ],
)
def test_keys_do_not_differ_by_what_is_invisible(sent):
    assert clean_key(sent) == "T-1"


@pytest.mark.parametrize(("sent", "key"), [("A \u00a0 1", "A 1"), ("'", "'"), ("O'Neil", "O'Neil")])
def test_a_key_keeps_what_is_visible(sent, key):
    assert clean_key(sent) == key


@given(st.text() | st.text("' e\u0301\u200b\u2800"))
def test_what_is_clean_stays_as_it_is(text):
    for rule in (clean, clean_key):
        once = rule(text)
        assert unicodedata.is_normalized("NFC", once)
        assert once == once.strip()
        assert rule(once) == once


def test_an_accent_after_an_invisible_character_belongs_to_the_letter():
    assert clean_key("Cafe\u200b\u0301") == clean_key("Café") == "Café"


# Texts that took a time that grew with the square of their length.
LONG = 20_000
HOSTILE = [
    "é" + "\u00a0" * LONG + "x",
    "é" + "\u200b" * LONG + "x",
    "é" + " " * LONG + "x",
    "a" + "\u0301" * LONG + "\u0327" * LONG,
    "か" + "\u0301\uff9e" * LONG,
    "'" * 20 * LONG + "x",
]


@pytest.mark.parametrize("rule", [clean, clean_key, fold, name_key, sort_key])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:3]))
def test_no_text_takes_longer_than_its_length(rule, text):
    started = time.perf_counter()
    rule(text)
    assert time.perf_counter() - started < 0.5


def test_characters_that_stand_for_phrases_do_not_make_a_text_many_times_longer():
    phrase, text = "صلى الله عليه وسلم", "محمد \ufdfa قال " * 100
    assert fold("\ufdfa") == fold(phrase)
    assert fold(text) == fold(text.replace("\ufdfa", phrase))
    assert len(fold("\ufdfa" * LONG)) < 5 * LONG


@pytest.mark.parametrize("marks", ["\u0301", "\u0327\u0301", "\u0e38"])
def test_more_marks_than_a_script_has_are_refused(marks):
    few, many = clean("a" + marks * (30 // len(marks))), clean("a" + marks * 5000)
    assert refused_in(few) == ""
    assert refused_in(many) == "more than 30 marks in a row at character 2"
    for text in (few, many):
        assert clean(text) == text == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "lines", "place"),
    [
        ("a\tb", False, "a tab at character 2"),
        ("ab\nc", False, "a line break at character 3"),
        ("a\x85", True, "the control character U+0085 at character 2"),
        ("\x07", True, "the control character U+0007 at character 1"),
        ("\x7f", False, "the control character U+007F at character 1"),
        ("a\tb\r\nc", True, ""),
        ("plain – text", False, ""),
    ],
)
def test_a_control_character_is_named_with_its_place(text, lines, place):
    assert refused_in(text, lines) == place


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Play", "PLAY"),
        ("Straße", "STRASSE"),
        ("Café", "CAFE\u0301"),
        ("Tea  pots", "tea\u00a0pots"),
        ("co\u00adoperate", "Cooperate\u200b"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ],
)
def test_equal_names_are_equal_whatever_their_case(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("C#", "C++"), ("Café", "Cafe"), ("Tea pot", "Teapot")])
def test_other_names_are_not_equal(one, other):
    assert name_key(one) != name_key(other)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Crépin", "crepin"),
        ("ŁÓDŹ", "lodz"),
        ("Ærø", "aero"),
        ("ﬁ", "fi"),
        (" a  b ", "a b"),
        ("กี่\u200b", "กี่"),
        ("हिन्दी", "हिन्दी"),
        ("が", "が"),
        ("שָׁלוֹם", "שלום"),
    ],
)
def test_folding_drops_case_accents_and_blanks(text, folded):
    assert fold(text) == folded


def test_lists_are_ordered_by_letters_and_by_the_value_of_numbers():
    ordered = [
        "- dash", "7", "07", "7 a", "8", "9 lives", "10 lives", "999999999", "1000000000",
        "12345678901234567890", "A B", "A-B", "AB", "Äpfel", "apple", "Apple 2", "apple 02",
        "Apple 2.5", "apple 10", "étui", "Zebra", "कप", "เสื้อ",
    ]  # fmt: skip
    assert sorted(set(ordered), key=sort_key) == ordered


def test_case_and_accents_make_no_difference_in_the_order():
    assert sort_key("ÉTUI") == sort_key("etui")
    assert sort_key("7") != sort_key("07")


@given(st.text(), st.text())
def test_folded_texts_are_ordered_alike(one, other):
    if fold(one) == fold(other):
        assert sort_key(one) == sort_key(other)


@given(st.integers(0, 10**40), st.integers(0, 10**40))
def test_numbers_are_ordered_by_their_value(one, other):
    assert (sort_key(f"Cup {one} l") < sort_key(f"Cup {other} l")) == (one < other)
