"""The text of HTML: the words that a reader of the page would see."""

import csv

import pytest

from shared.schema.html_text import is_html, text_of


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<ul><li>a<li>b</ul>c", "a\nb\nc"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<b>T</b>ea and <a href='/x'>pots</a>", "Tea and pots"),
        ("H<sub>2</sub>O", "H2O"),
        ("<table><tr><td>Size</td><td>L</td></tr></table>", "Size L"),
        ("one<img src='x' alt='photo'>two", "one two"),
        ("<div>\n  many \t blanks\n</div>", "many blanks"),
        ("<P CLASS='x'>Upper</P>", "Upper"),
        ("<foo-bar>kept</foo-bar> <b>here</b>", "kept here"),
    ],
)
def test_elements_of_a_page_separate_words_and_those_of_a_line_do_not(markup, text):
    assert text_of(markup) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>var hidden = '<p>hidden</p>'</script>",
        "<style>.hidden { color: red }</style>",
        "<!-- hidden <p> -->",
        "<template><p>hidden</p></template>",
        "<title>hidden</title>",
        "<iframe>hidden</iframe>",
        "<p class='hidden' data-hidden=\"a > b\" hidden></p>",
        "<SCRIPT type='hidden'>hidden</SCRIPT >",
        "<!doctype hidden>",
        "<?hidden ?>",
    ],
)
def test_what_a_page_does_not_show_has_no_text(hidden):
    assert text_of(f"<p>before</p>{hidden}<p>after</p>") == "before\nafter"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Caf&eacute; &amp; th&#233; &#x1F375;</p>", "Café & thé 🍵"),
        ("<p>&lt;b&gt; is a tag</p>", "<b> is a tag"),
        ("<p>AT&T, R&D; &unknown;</p>", "AT&T, R&D; &unknown;"),
        ("<p>a&nbsp;b</p>", "a b"),
        ("Fish &amp; chips", "Fish & chips"),
        ("AT&T", "AT&T"),
    ],
)
def test_character_references_are_decoded(markup, text):
    assert text_of(markup) == text


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("<p>open", "open"),
        ("closed</p></div> <p>again", "closed\nagain"),
        ("<b><i>crossed</b> still</i>", "crossed still"),
        ("<p>cut off <a href='/x", "cut off"),
        ("<p>cut off <!-- never closed", "cut off"),
        ("<p>one < two <p>three", "one < two\nthree"),
        ("<p>x</p", "x"),
        ("<script>never closed <p>hidden", ""),
        ("<p <b>bold</b>", "bold"),
        ("<br><<p>>", "<\n>"),
        ("<td>no table</td> <b>text</b>", "no table text"),
    ],
)
def test_broken_markup_is_read_as_browsers_read_it(broken, text):
    assert text_of(broken) == text


@pytest.mark.parametrize(
    "plain",
    [
        "a < b",
        "I <3 tea",
        "a<b and c>d",
        "x <y> z",
        "<unknown>kept</unknown>",
        "5 > 3",
        "<",
        "<>",
        "</>",
        "<p",
        "-> <- <-> <=",
        "lines\n  stay   as they are",
        "",
        "e-mail <me@example.org>",
    ],
)
def test_plain_text_stays_as_it_is(plain):
    assert not is_html(plain)
    assert text_of(plain) == plain


@pytest.mark.parametrize(
    "words",
    [
        "東京駅前",
        "ชาเขียว",
        "चाय की पत्ती",
        "שלום עולם",
        "مرحبا بالعالم",
        "Ελληνικά",
        "🍵👩‍👩‍👧",
        "한국어",
    ],
)
def test_words_of_any_script_stay_whole(words):
    assert text_of(f"<p>{words}</p>") == words
    assert text_of(f"{words[:2]}<b>{words[2:]}</b>") == words


LONGEST = 100_000  # characters of a description
HOSTILE = {
    "open tags": "<div>",
    "open tags within words": "<b>",
    "other tags each time": "<b a={n}><p>",
    "open lists": "<ul><li>",
    "open tables": "<table><tr><td>",
    "closing tags": "</div>",
    "unclosed tags": "<a ",
    "unclosed attributes": "<a b='",
    "quotes of both kinds": "<a b='\"",
    "unclosed comments": "<!--",
    "dashes": "<!-- -",
    "sections": "<![CDATA[",
    "instructions": "<?",
    "scripts": "<script><!--<script>",
    "references": "&amp",
    "numbers of references": "&#",
    "angles": "<",
    "blanks in a tag": "<a" + " " * 98,
    "attributes": "<a" + " a=1" * 50,
    "forms": "<form><select><option>",
    "drawings": "<svg><math><mi>",
    "headings": "<h1><a><b><font>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_longest_hostile_markup_is_read(name):
    """In time with the square of its length, the suite would stand still here."""
    part = HOSTILE[name]
    count = LONGEST // len(part.format(n=10_000))
    text = "<p>start</p>" + "".join(part.format(n=n) for n in range(count))
    assert text_of(text).startswith("start")
    assert not is_html("x" + "<q" * (LONGEST // 2))


def test_the_descriptions_of_a_real_shop_have_no_tags(data_folder):
    path = data_folder / "shops" / "shopify-template.csv"
    with path.open(newline="") as file:
        bodies = [row["Body (HTML)"] for row in csv.DictReader(file) if row["Body (HTML)"]]
    assert len(bodies) == 3
    for body in bodies:
        assert is_html(body)
        assert text_of(body)
        assert not is_html(text_of(body))
