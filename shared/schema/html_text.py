"""Text of HTML: what a reader of the page would see, for searches and for ``description_text``.

Descriptions of shops are HTML, and are stored as they were sent.  A text is HTML if it has a tag of
HTML's vocabulary, or a comment, so ``a < b`` and ``<3`` are plain text.  lxml reads it by the rules
of browsers, one tag after the other.  No tree is made of them, so time and memory grow with the
length of a text alone.
"""

import html
import re

from lxml import etree
from lxml.html import defs

# Elements of today that lxml's list of names lacks.
_VOCABULARY = defs.tags | {"bdi", "data", "dialog", "main", "picture", "search", "template"}
# Elements whose content is not shown on the page.
_HIDDEN = frozenset(
    ("iframe", "noembed", "noframes", "noscript", "script", "style", "template", "title")
)
# Elements within a word: <b>T</b>ea.  All others of the vocabulary stand between two words.
_INLINE = (defs.font_style_tags | defs.phrase_tags | defs.nonstandard_tags) | {
    *("a", "bdi", "bdo", "data", "del", "font", "ins", "mark", "q", "s", "span", "sub", "sup"),
    *("time", "u", "wbr"),
}
# Elements that begin and end a line.
_LINES = (defs.block_tags - {"del", "ins", "td", "th"}) | {
    *("article", "aside", "body", "br", "details", "dialog", "figcaption", "figure", "footer"),
    *("header", "hgroup", "main", "nav", "search", "section", "summary"),
}
_ATTRIBUTE = r"""\s++[^\s=<>"'/]++\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'<>]++)"""
# A tag whose attributes have values, because of "a<b and c>d" no tag can be certain.
_TAG = re.compile(rf"</?([a-z][a-z0-9]*+)(?:{_ATTRIBUTE})*+\s*+/?>|<!--", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")


def text_of(text: str) -> str:
    """Return the text of HTML, in lines, without blanks at their ends; a plain text as it is.

    Character references such as ``&eacute;`` become characters, in a plain text too.
    """
    if "<" in text and is_html(text):
        reader = _Reader()
        parser = etree.HTMLParser(target=reader, encoding="utf-8", huge_tree=True)
        parser.feed(text.encode(errors="replace"))
        return str(parser.close())
    return html.unescape(text) if "&" in text else text


def is_html(text: str) -> bool:
    """Return True if a text has a tag of HTML, or a comment."""
    tags = _TAG.finditer(text)
    return any(tag[1] is None or tag[1].lower() in _VOCABULARY for tag in tags)


class _Reader:
    """Target of lxml's parser: its methods are called for each tag and each text, in order."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._hidden = 0  # elements that are open here and not shown

    def start(self, tag: str, attributes: object) -> None:
        self._hidden += tag in _HIDDEN
        self._separate(tag)

    def end(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN
        self._separate(tag)

    def data(self, text: str) -> None:
        if not self._hidden:
            self._texts.append(_BLANKS.sub(" ", text))

    def close(self) -> str:
        lines = (" ".join(line.split()) for line in "".join(self._texts).split("\n"))
        return "\n".join(filter(None, lines))

    def _separate(self, tag: str) -> None:
        if tag in _LINES:
            self._texts.append("\n")
        elif tag in _VOCABULARY and tag not in _INLINE:
            self._texts.append(" ")
