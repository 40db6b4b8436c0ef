"""Search terms: which documents a text finds, and how well they match."""

import json

import pytest

from shared.schema.search_query import WHOLE, Search, condition_of
from shared.schema.search_terms import FIRST_RULE, RULE, Searched, rule_of, split


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
    whole = condition_of(search.words, WHOLE) if search.words else search.exact
    kinds = (search.exact, whole, search.titled, search.anywhere)
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
        ("03-xs", 1),
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
        ("p", None),
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


@pytest.mark.parametrize("blank", [" ", ", ", "-", "\n", "、"])
def test_a_text_in_parts_has_the_words_of_the_whole(blank):
    text = blank.join(f"word{number}" for number in range(5000))
    document = {"name": "Tea", "description": text}
    words = split(text[:4000])[:200]
    assert SEARCHED.terms(document)[2:] == [f"-{word}" for word in words]
    assert SEARCHED.words(document) == {"tea", *words}


def test_a_word_without_an_end_has_as_many_terms():
    assert len(SEARCHED.terms({"name": "Tea", "description": "漢字" * 50_000})) < 202


def test_a_word_is_searched_or_unknown():
    words = [f"w{number}x" for number in range(500)]
    document = {"name": "Tea", "description": " ".join(words), "attributes": {"a": "later"}}
    searched = {term[1:] for term in SEARCHED.terms(document) if term[0] in "+-"}
    assert SEARCHED.words(document) == searched


@pytest.mark.parametrize(
    ("name", "q"),
    [("游戏手柄", "手"), ("游戏手柄", "游"), ("비디오게임", "게임"), ("漢" * 34 + "末尾", "末尾")],
)
def test_any_part_of_an_unspaced_name_is_found(name, q):
    assert matches({"name": name}, q, SEARCHED) is not None


@pytest.mark.parametrize(
    ("name", "q", "is_found"),
    [
        ("เสื้อยืดสีแดง", "เสื้อ", True),
        ("เสื้อยืดสีแดง", "สีแดง", True),
        ("เสื้อยืดสีแดง", "กางเกง", False),
        ("ເສື້ອສີແດງ", "ສີແດງ", True),
        ("အင်္ကျီအနီ", "အနီ", True),
        ("हिन्दी किताब", "किताब", True),
        ("हिन्दी किताब", "हिन्दी", True),
        ("हिन्दी किताब", "कताब", False),
        ("हिन्दी किताब", "न्दी", False),
        ("தமிழ் நூல்", "தமிழ்", True),
        ("شَاي أخضر", "شاي", True),
        ("漢" * 100 + "末尾", "末尾", True),
        ("ผ้า" * 40 + "สีแดง", "สีแดง", True),
    ],
)
def test_marks_belong_to_the_words_of_their_script(name, q, is_found):
    assert (matches({"name": name}, q, SEARCHED) is not None) == is_found


@pytest.mark.parametrize("mark", ["\u00ad", "\u200b", "\u2060", "\u200d", "\ufeff"])
def test_invisible_characters_are_no_part_of_words(mark):
    for name, q in ((f"co{mark}operate", "cooperate"), ("cooperate", f"coop{mark}erate")):
        assert matches({"name": name, "sku": f"T{mark}-1"}, q, SEARCHED) == 0
    assert matches({"name": "x", "sku": f"T{mark}P-100"}, "tp-100", SEARCHED) == 0


@pytest.mark.parametrize(
    ("name", "q", "tier"),
    [
        ("Corsair Vengeance 16 GB", "16gb", 1),
        ("Corsair Vengeance 16GB", "16 gb", 1),
        ("MSI GeForce RTX 4070 Ti", "rtx4070", 1),
        ("MSI GeForce RTX4070", "rtx 4070", 1),
        ("MSI GeForce RTX4070", "4070", 1),
        ("Bolt M8 x 20", "m8x20", 1),
        ("Bolt M8x20", "M8 x 20", 1),
        ("Noctua NH-D15", "nhd15", 1),
        ("Noctua NHD15", "nh-d15", 1),
        ("Wi-Fi antenna", "wifi", 1),
        ("Wifi antenna", "wi-fi", 1),
        ("Wifi antenna", "wi fi", 1),
        ("G.Skill Ripjaws", "gskill", 1),
        ("L'Oréal shampoo", "loreal", 1),
        ("T-shirt", "tshirt", 1),
        ("Tshirt", "t-shirt", 1),
        ("iPhone Pro Max 15", "iphone15", 2),
        ("Disk 1 TB", "1000gb", 1),
        ("Disk 1000GB", "1 tb", 1),
        ('Monitor 27"', "27 inch", 1),
        ("Monitor 27-inch", '27"', 1),
        ("Board 20 mm", "2cm", 1),
        ("Board 2,5 cm", "25 mm", 1),
        # Numbers are whole in names.
        ("Corsair 1600", "16", None),
        ("Corsair 16gb", "16", 1),
        ("Corsair 16x", "16", 1),
    ],
)
def test_joined_and_split_spellings_are_one_word(name, q, tier):
    assert matches({"name": name}, q, Searched()) == tier


def test_a_part_of_a_number_is_found_in_a_code_only():
    searched = Searched(("name",), ("sku",))
    assert matches({"name": "Kit", "sku": "F4-3200C16"}, "320", searched) == 2
    assert matches({"name": "Kit 3200"}, "320", searched) is None


def test_a_code_is_found_among_other_codes_by_its_whole_text():
    searched = Searched(("name",), ("sku",))
    for sku, is_whole in (("FI-25-XB", True), ("FI-25-PS5", False)):
        assert (Search("fi-25-xb").code in searched.terms({"sku": sku})) == is_whole


@pytest.mark.parametrize("text", ["%2e%2e%2f" * 100, "-".join(map(str, range(10, 60)))])
def test_a_text_of_tiny_words_has_few_ways(text):
    """Else a query string of 300 bytes costs a second."""
    assert sum(len(word.ways) for word in Search(text).words) < 6_000


@pytest.mark.parametrize("q", ["script", "hidden", "class", "href", "li", "amp", "nbsp", "strong"])
def test_no_tag_attribute_script_or_comment_is_found(q):
    description = (
        "<ul class='hidden'><li>Tea&nbsp;pot &amp; cup</li></ul><script>hidden()</script>"
        "<a href='/x'><strong>New</strong></a><!-- hidden -->"
    )
    product = {"name": "Pot", "description": description}
    assert matches(product, q, SEARCHED) is None
    assert all(matches(product, word, SEARCHED) is not None for word in ("tea", "cup", "new"))
    assert q not in SEARCHED.words(product)


def test_markup_does_not_use_up_the_words_of_a_text():
    markup = " ".join(f"<b class='c{n}' id='i{n}'>" for n in range(500))
    assert matches({"name": "Pot", "description": f"{markup}</b>porcelain"}, "porcelain", SEARCHED)


def test_terms_of_html_are_marked_with_the_rule_that_made_them():
    plain, markup = ({"description": text} for text in ("a < b, <3", "<p>a</p>"))
    assert rule_of(SEARCHED.terms(plain)) == FIRST_RULE
    assert rule_of(SEARCHED.terms(markup)) == RULE
    assert rule_of(None) == rule_of(["~", "~x", 3, "~²"]) == FIRST_RULE
