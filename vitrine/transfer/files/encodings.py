"""The character encoding of a file: given by a byte order mark, valid UTF-8, or detected.

Only bytes that are not ASCII tell encodings apart.  If several encodings give plausible texts that
differ, the file is refused with the readings to choose from.
"""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from charset_normalizer import from_bytes

from vitrine.errors import StackError

CHUNK_BYTES = 1 << 20
SAMPLE_BYTES = 64_000
MAX_SHOWN = 40  # characters of a reading
MAX_READINGS = 4

_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings that spreadsheets and shops write, by their names in Python.
_LABELS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp1257": "Windows-1257",
    "cp874": "Windows-874",
    "cp932": "Shift JIS",
    "cp949": "Korean (cp949)",
    "big5": "Big5",
    "gb18030": "GB 18030",
}
_WIDE = ("utf-16-le", "utf-16-be")
_NARROW = tuple(name for name in _LABELS if name.startswith(("cp", "big5", "gb")))
_WESTERN = "cp1252"
# Letters of Windows-1252 that few languages write: likely other letters of another encoding.
_RARE_WESTERN = re.compile("[ýþðÝÞÐ]|[õÕ](?![eE])")


@dataclass(frozen=True, slots=True)
class Encoding:
    """A character encoding: its name in Python, and what the import says about it."""

    name: str
    label: str


def named(name: str) -> Encoding:
    """Return the encoding that an option names, or raise ``StackError``."""
    try:
        python_name = codecs.lookup(name).name
        "".encode(python_name)
    except (LookupError, UnicodeError, TypeError, AttributeError) as error:
        raise StackError(
            f"--encoding {name}: not a text encoding; write one such as utf-8 or windows-1252."
        ) from error
    return Encoding(python_name, _LABELS.get(python_name, name))


def detect(file: BinaryIO, path: str, declared: str = "") -> Encoding:
    """Return the encoding of a file, read from its start to its end.

    Args:
        file: The file.
        path: Its name, for errors.
        declared: The encoding that the file itself names, as XML does; empty for none.

    Raises:
        StackError: Several encodings are plausible, or none.
    """
    start = file.read(CHUNK_BYTES)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return Encoding(name, _LABELS[name])
    if declared and not declared.startswith("utf"):
        return named(declared)
    file.seek(0)
    sample = _Sample()
    is_utf8 = _read(file, sample)
    has_nul = b"\0" in start[:SAMPLE_BYTES]
    if is_utf8 and not has_nul:
        return Encoding("utf-8", _LABELS["utf-8"])
    if has_nul:
        return _guessed(start[: SAMPLE_BYTES // 4 * 4], path, _WIDE)
    if _is_mostly_utf8(bytes(sample.lines)):
        file.seek(0)
        raise StackError(_broken_utf8(file, path))
    return _guessed(bytes(sample.lines), path, _NARROW)


def _read(file: BinaryIO, sample: "_Sample") -> bool:
    """Read a file into a sample, and return True if it is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    while is_utf8 or not sample.is_full:
        chunk = file.read(CHUNK_BYTES)
        sample.add(chunk)
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            is_utf8 = False
        if not chunk:
            break
    return is_utf8


def _is_mostly_utf8(sample: bytes) -> bool:
    """Return True if most bytes that are not ASCII are UTF-8; in other encodings few are."""
    text = sample.decode("utf-8", "surrogateescape")
    wrong = sum("\udc80" <= sign <= "\udcff" for sign in text)
    others = sum(not byte < 0x80 for byte in sample) - wrong
    return others > wrong


def _broken_utf8(file: BinaryIO, path: str) -> str:
    """Return a sentence about the first line of a file that is not UTF-8."""
    for number, line in enumerate(file, 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return (
                f"{path} is UTF-8, all but the byte 0x{line[error.start]:02x} in line {number}. "
                "Correct that line, or name the encoding of the file with --encoding."
            )
    return f"{path} is not UTF-8."


class _Sample:
    """The first lines of a file with bytes that are not ASCII, by which encodings differ."""

    def __init__(self) -> None:
        self.lines = bytearray()
        self.is_full = False
        self._rest = b""  # the start of a line

    def add(self, chunk: bytes) -> None:
        """Add the next bytes of the file; none at its end."""
        if self.is_full:
            return
        data = self._rest + chunk
        end = data.rfind(b"\n") + 1 if chunk and len(data) < 2 * CHUNK_BYTES else len(data)
        self._rest = data[end:]
        if data[:end].isascii():
            return
        for line in data[:end].splitlines(keepends=True):
            if not line.isascii():
                self.is_full = bool(self.lines) and len(self.lines) + len(line) > SAMPLE_BYTES
                if self.is_full:
                    return
                self.lines += line


def _guessed(sample: bytes, path: str, names: tuple[str, ...]) -> Encoding:
    """Return the one encoding that gives a plausible text, or raise ``StackError``."""
    matches = from_bytes(sample, cp_isolation=list(names), enable_fallback=False)
    readings = {_python_name(match.encoding): str(match) for match in matches}
    if not readings:
        raise StackError(
            f"{path} is not text in a known encoding. Save it as UTF-8, or name its encoding with "
            "--encoding, such as --encoding windows-1252."
        )
    scores = {
        _python_name(match.encoding): (round(match.chaos, 2), -round(match.coherence, 1))
        for match in matches
    }
    best = min(scores.values())
    # The most usual ones first.
    leaders = [name for name in _LABELS if scores.get(name) == best]
    western = _decoded(sample, _WESTERN)
    is_short = best == (0.0, 0.0)  # too short for charset-normalizer to see a language
    is_western = western in readings.values() and not _RARE_WESTERN.search(western or "")
    if is_western and (is_short or any(readings[name] == western for name in leaders)):
        leaders = [_WESTERN]  # Most such files are.
    texts = {readings.get(name, western) for name in leaders}
    if len(texts) > 1:
        shown_names = leaders[:MAX_READINGS]
        place = _first_difference([readings[name] for name in shown_names])
        shown = "; ".join(
            f"--encoding {_option(name)} reads {_excerpt(readings[name], place)!r}"
            for name in shown_names
        )
        raise StackError(f"The encoding of {path} is not certain. Name it: {shown}.")
    name = leaders[0]
    text = readings.get(name) or western or ""
    label = _LABELS.get(name, name)
    place = next((place for place, sign in enumerate(text) if sign > "\x7f"), 0)
    return Encoding(name, f"{label} (reads {_excerpt(text, place)!r}; else say --encoding)")


def _python_name(name: str) -> str:
    return codecs.lookup(name).name


def _option(name: str) -> str:
    """Return the usual name of an encoding: windows-1252 for cp1252."""
    return name.replace("cp125", "windows-125")


def _decoded(sample: bytes, name: str) -> str | None:
    try:
        return sample.decode(name)
    except UnicodeDecodeError:
        return None


def _first_difference(texts: list[str]) -> int:
    """Return the first place at which texts differ."""
    places = enumerate(zip(*texts, strict=False))
    return next((place for place, signs in places if len(set(signs)) > 1), 0)


def _excerpt(text: str, place: int) -> str:
    """Return the part of a text around a place, on one line."""
    start = max(0, text.rfind("\n", 0, place) + 1, place - MAX_SHOWN // 2)
    return " ".join(text[start : start + MAX_SHOWN].split())
