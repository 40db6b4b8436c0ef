"""Search terms: which documents a text finds, and how well they match."""

import json

import pytest

from shared.schema.search_terms import Search, Searched, fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Crépin", "crepin"), ("ŁÓDŹ", "lodz"), ("Ærø", "aero"), ("ﬁ", "fi"), (" a  b ", "a b")],
)
def test_folding_drops_case_accents_and_blanks(text, folded):
    assert fold(text) == folded


def matches(document, q, searched):
    """Return how well a document matches, 0 the best, as MongoDB would find it, or None."""
    terms = searched.terms(document)

    def holds(condition):
        for operator, combine in (("$and", all), ("$or", any)):
            if operator in condition:
                return combine(holds(each) for each in condition[operator])
        wanted = condition["terms"]
        if isinstance(wanted, str):
            return wanted in terms
        start, end = wanted["$elemMatch"]["$gte"], wanted["$elemMatch"]["$lt"]
        return any(start <= term < end for term in terms)

    search = Search(q)
    kinds = (search.exact, search.whole, search.titled, search.anywhere)
    return next((number for number, kind in enumerate(kinds) if holds(kind)), None)


GAME = {
    "name": "FIFA 25",
    "sku": "WS03-XS-Red",
    "attributes": {"platform": "PS5", "year": 2024, "modes": ["Online", "Crédits"]},
    "description": "<p>The football game of the year, for one of 22 players</p>",
}
SEARCHED = Searched(("name",), ("sku",), ("attributes", "description"))


@pytest.mark.parametrize(
    ("q", "tier"),
    [
        ("fifa 25", 0),
        ("FIFA  25", 0),
        ("ws03-xs-red", 0),
        ("25 fifa", 1),
        ("fif", 2),
        ("ws03", 1),
        ("03-xs", 2),
        ("s03xs", 2),
        ("3-x", 2),
        ("xs red", 1),
        ("fifa ps5", 3),
        ("ps5 FIFA", 3),
        ("football", 3),
        ("credits", 3),
        ("2024", 3),
        ("5", None),
        ("fifa ps4", None),
        ("ifa", None),
        ("🐔", None),
        ("p", 3),
    ],
)
def test_a_document_is_found_with_a_rank(q, tier):
    assert matches(GAME, q, SEARCHED) == tier


def test_a_name_without_words_is_found_whole():
    assert matches({"name": "🐔"}, "🐔", SEARCHED) == 0


def test_unspaced_scripts_are_found_from_any_character():
    assert matches({"name": "東京駅前"}, "京駅", SEARCHED) == 2


def test_every_naughty_string_finds_the_item_it_names(data_folder):
    for text in json.loads((data_folder / "strings" / "blns.json").read_text()):
        if text.strip():
            assert matches({"name": text}, text, SEARCHED) == 0, text


def test_long_texts_are_cut():
    document = {"name": "x", "description": " ".join(f"word{n}" for n in range(10_000))}
    assert len(SEARCHED.terms(document)) < 210


@pytest.mark.parametrize(
    ("name", "q"),
    [("游戏手柄", "手"), ("游戏手柄", "游"), ("비디오게임", "게임"), ("漢" * 34 + "末尾", "末尾")],
)
def test_any_part_of_an_unspaced_name_is_found(name, q):
    assert matches({"name": name}, q, SEARCHED) is not None
