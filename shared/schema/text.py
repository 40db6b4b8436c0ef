r"""Text: the one rule for names, keys and texts on every way in, and how they are compared.

Every text that a client sends passes ``clean``: it is Unicode NFC, without blanks and invisible
characters at both ends.  ``clean_key`` does more for keys, such as an SKU, which must not differ by
what cannot be seen.  ``refused_in`` finds what is refused: control characters, and more marks on a
letter than any script has.

Texts are compared in three ways, from strict to loose:

* ``name_key``: equal names in any case: "Tea  POTS" and "tea pots".
* ``fold``: the same letters without accents, for searches: "Crépin" and "crepin".
* ``sort_key``: the order of lists: as ``fold``, and numbers by their value: "Cup 2", "Cup 10".

Each of these takes a time that grows with the length of a text alone, because texts are cleaned
before their length is checked, and those of query strings before a client is known.
"""

import re
import unicodedata
from typing import Literal

MAX_SORTED = 300  # characters by which a list is ordered
MAX_MARKS = 30  # marks in a row (Unicode's Stream-Safe Text Format, UAX 15)
_KEPT_MARKS = 40  # marks in a row that are put in order: composed letters take some of them
# Letters for each character of a text that is folded: no script has more, but a few characters
# stand for whole phrases, and a text of these alone would take their time.
_MAX_LETTERS = 4
_MAX_PHRASES = 40  # letters more than that, of phrases in short texts
_LAST_MARK = 0x1F000  # but for selectors, which are invisible

# Blank, though Unicode has no such property for it: the empty Braille pattern.
_BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace()) + "\u2800"
# Unicode's Default_Ignorable_Code_Point: hyphenation, joiners, directions, byte order marks.
_FORMATS = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
# Those that belong to the character before: the look of an emoji, the letters of a flag.
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff"
_INVISIBLE = re.compile(f"[{_FORMATS}{_SELECTORS}]+")
# What stands between the blanks and invisible characters at both ends.
_INNER = re.compile(rf"[{_BLANKS}{_FORMATS}{_SELECTORS}]*+(.*[^{_BLANKS}{_FORMATS}])?", re.DOTALL)
_BLANKS_IN_LINES = "".join(c for c in _BLANKS if c >= " " and c != "\x85")
_BLANK_RUN = re.compile(f"[{_BLANKS_IN_LINES}]+")
_APOSTROPHES = re.compile(r"\A'['\s]*+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTROL_NAMES = {"\t": "a tab", "\n": "a line break", "\r": "a line break"}

# Letters that Unicode does not decompose into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_NUMBER = re.compile(r"\d+")
_SIGN = re.compile(r"[^\w\s]|_")
_SHORT = 9  # digits whose count is one digit


def _ranges(codes: list[int]) -> str:
    """Return characters as ranges of a character class."""
    starts = sorted({*codes} - {code + 1 for code in codes})
    ends = sorted({*codes} - {code - 1 for code in codes})
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


def _is_accent(character: str) -> bool:
    """Return True for a mark that only points or accents its letter, by its combining class.

    The classes from 200 are accents above and below, 10 to 36 the points of Hebrew, Arabic and
    Syriac, 1 strokes.  The others are vowels, tones and joints of Indic and South-East Asian
    scripts, and the voicing of Japanese.
    """
    place = unicodedata.combining(character)
    return place >= 200 or 10 <= place <= 36 or place == 1


_MARK_CODES = [code for code in range(_LAST_MARK) if unicodedata.category(chr(code))[0] == "M"]
MARKS = _ranges(_MARK_CODES)  # of all scripts, as ranges of a character class
_PLAIN = _LETTERS | {code: None for code in _MARK_CODES if _is_accent(chr(code))}
# With the marks of Japanese that have half the width, which become marks by NFKD.
_MARK = f"[{MARKS}\uff9e\uff9f]"
# All of these and some letters of rare scripts: Python has a table for classes below U+10000 alone.
_COMMON_MARKS = _ranges([code for code in _MARK_CODES if code < 0x10000])
_PERHAPS_MARK = f"[{_COMMON_MARKS}\uff9e\uff9f\U00010000-{chr(_LAST_MARK)}]"
_MANY_MARKS = re.compile(f"(?={_PERHAPS_MARK}{{{MAX_MARKS + 1}}}){_MARK}{{{MAX_MARKS + 1}}}")
_TOO_MANY_MARKS = re.compile(
    f"(?={_PERHAPS_MARK}{{{_KEPT_MARKS + 1}}})({_MARK}{{{_KEPT_MARKS}}}){_MARK}+"
)


def normalize(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """Return a text in a normal form, with the first marks of many in a row.

    Python puts the marks on a letter in order one by one, which takes hours for a million of them.
    """
    return unicodedata.normalize(form, _TOO_MANY_MARKS.sub(r"\1", text))


def clean(text: str) -> str:
    """Return a text in NFC, without blanks and invisible characters at both ends.

    A text without anything visible is empty.
    """
    if text.isascii():
        return text.strip()
    match = _INNER.match(normalize("NFC", text))
    cleaned = match[1] if match and match[1] else ""
    return cleaned if _INVISIBLE.sub("", cleaned) else ""


def clean_key(text: str) -> str:
    """Return a key: clean, without any invisible characters, each run of blanks a single one.

    Apostrophes at the start, with which spreadsheets mark a text, are left out.
    """
    # An invisible character may keep a letter and its accent apart.
    key = _BLANK_RUN.sub(" ", clean(without_invisible(text))).strip()
    return _APOSTROPHES.sub("", key) or key[:1]


def refused_in(text: str, lines: bool = False) -> str:
    """Return the name and place of what a text must not have, empty for nothing.

    That is a control character (C0 or C1), or more marks on one letter than any script has.

    Args:
        text: The text.
        lines: True if the text may have several lines, and tabs.
    """
    match = (_CONTROL_IN_LINES if lines else _CONTROL).search(text)
    if match:
        name = f"the control character U+{ord(match[0]):04X}"
        return f"{_CONTROL_NAMES.get(match[0], name)} at character {match.start() + 1}"
    if not text.isascii() and (match := _MANY_MARKS.search(text)):
        return f"more than {MAX_MARKS} marks in a row at character {match.start() + 1}"
    return ""


def name_key(text: str) -> str:
    """Return what equal names share, in any case, with any blanks and invisible characters."""
    plain = _BLANK_RUN.sub(" ", without_invisible(text)).strip()
    # Folding may take a composed letter apart, so NFC comes last (Unicode, 3.13, D145).
    return normalize("NFC", normalize("NFD", plain).casefold())


def fold(text: str) -> str:
    """Return text without case, accents and repeated blanks: "Crépin  & Ø" is "crepin & o".

    Marks that are vowels or tones of their script stay, as in Thai and Devanagari.  The end of a
    text is left out if it is made of characters that stand for whole phrases.
    """
    if text.isascii():  # The usual case, which has nothing to decompose.
        return " ".join(text.casefold().split())
    plain = normalize("NFKD", without_invisible(text).casefold())
    plain = plain[: len(text) * _MAX_LETTERS + _MAX_PHRASES]
    plain = normalize("NFC", plain.translate(_PLAIN))  # NFKD takes Korean syllables apart.
    return " ".join(_BLANK_RUN.sub(" ", plain.casefold()).split())


def sort_key(text: str) -> str:
    """Return the text by which a list is ordered, character by character.

    Letters are those of ``fold``; numbers come before them, by their value; signs come first.
    """
    zeros = ""

    def rank(match: re.Match[str]) -> str:
        nonlocal zeros
        digits = str(int(match[0]))
        zeros += chr(min(len(match[0]) - len(digits), 8) + 1)
        # The count of digits comes first, so that a longer number is larger.
        nines, rest = divmod(len(digits), _SHORT)
        return f"{'9' * nines}{rest}{digits}"

    key = _NUMBER.sub(rank, _SIGN.sub(_put_first, fold(text)[:MAX_SORTED]))
    # Leading zeros count last, so that 7 and 07 are neighbours and not equal.
    return f"{key}\0{zeros}" if zeros.strip("\1") else key


def _put_first(sign: re.Match[str]) -> str:
    # A mark belongs to the letter before it.
    return sign[0] if unicodedata.category(sign[0])[0] == "M" else f"!{sign[0]}"


def without_invisible(text: str) -> str:
    """Return a text without characters that show nothing, such as soft hyphens."""
    return text if text.isascii() else _INVISIBLE.sub("", text)
