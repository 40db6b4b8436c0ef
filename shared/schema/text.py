r"""Text: the one rule for names, keys and texts on every way in, and how they are compared.

Every text that a client sends passes ``clean``: it is Unicode NFC, without blanks and invisible
characters at both ends.  ``clean_key`` does more for keys, such as an SKU, which must not differ by
what cannot be seen.  ``control_in`` finds the control characters that are refused.

Texts are compared in three ways, from strict to loose:

* ``name_key``: equal names in any case: "Tea  POTS" and "tea pots".
* ``fold``: the same letters without accents, for searches: "Crépin" and "crepin".
* ``sort_key``: the order of lists: as ``fold``, and numbers by their value: "Cup 2", "Cup 10".
"""

import re
import unicodedata

MAX_SORTED = 300  # characters by which a list is ordered

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
_OUTER = re.compile(rf"\A[{_BLANKS}{_FORMATS}{_SELECTORS}]+|[{_BLANKS}{_FORMATS}]+\Z")
_BLANK_RUN = re.compile(rf"(?:(?![\x00-\x1f\x85])[{_BLANKS}])+")  # without control characters
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


def clean(text: str) -> str:
    """Return a text in NFC, without blanks and invisible characters at both ends.

    A text without anything visible is empty.
    """
    if text.isascii():
        return text.strip()
    cleaned = _OUTER.sub("", unicodedata.normalize("NFC", text))
    return cleaned if _INVISIBLE.sub("", cleaned) else ""


def clean_key(text: str) -> str:
    """Return a key: clean, without any invisible characters, each run of blanks a single one.

    Apostrophes at the start, with which spreadsheets mark a text, are left out.
    """
    # An invisible character may keep a letter and its accent apart.
    key = _BLANK_RUN.sub(" ", clean(without_invisible(text))).strip()
    while key[:1] == "'" and key[1:].strip():
        key = key[1:].lstrip()
    return key


def control_in(text: str, lines: bool = False) -> str:
    """Return the name and place of the first control character (C0 or C1), empty for none.

    Args:
        text: The text.
        lines: True if the text may have several lines, and tabs.
    """
    match = (_CONTROL_IN_LINES if lines else _CONTROL).search(text)
    if not match:
        return ""
    name = f"the control character U+{ord(match[0]):04X}"
    return f"{_CONTROL_NAMES.get(match[0], name)} at character {match.start() + 1}"


def name_key(text: str) -> str:
    """Return what equal names share, in any case, with any blanks and invisible characters."""
    plain = _BLANK_RUN.sub(" ", without_invisible(text)).strip()
    # Folding may take a composed letter apart, so NFC comes last (Unicode, 3.13, D145).
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", plain).casefold())


def fold(text: str) -> str:
    """Return text without case, accents and repeated blanks: "Crépin  & Ø" is "crepin & o".

    Marks that are vowels or tones of their script stay, as in Thai and Devanagari.
    """
    if text.isascii():  # The usual case, which has nothing to decompose.
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", without_invisible(text).casefold())
    plain = "".join(c for c in plain if not _is_accent(c)).translate(_LETTERS)
    plain = unicodedata.normalize("NFC", plain)  # NFKD takes Korean syllables apart.
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


def _is_accent(character: str) -> bool:
    """Return True for a mark that only points or accents its letter, by its combining class.

    The classes from 200 are accents above and below, 10 to 36 the points of Hebrew, Arabic and
    Syriac, 1 strokes.  The others are vowels, tones and joints of Indic and South-East Asian
    scripts, and the voicing of Japanese.
    """
    place = unicodedata.combining(character)
    return place >= 200 or 10 <= place <= 36 or place == 1
