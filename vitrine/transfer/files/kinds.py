"""The format of a file, found by its content; the ending of its name decides the rest."""

import re
from pathlib import PurePath

from vitrine.errors import StackError
from vitrine.transfer.files.header_rows import HEADER_ROWS

FORMATS = ("jsonl", "json", "csv", "xlsx", "xml", "html")
TEXT_FORMATS = ("csv", "xlsx", "xml")  # whose cells are texts without types
LABELS = {"json": "JSON", "jsonl": "JSON lines", "xml": "XML", "html": "JSON-LD in HTML"}

_ENDINGS = {
    **{"ndjson": "jsonl", "tsv": "csv", "tab": "csv", "txt": "csv", "xls": "csv"},
    **{"rss": "xml", "atom": "xml", "htm": "html", "jsonld": "json", "xlsx": "csv"},
}
_PICTURE = "is a picture. Export a table of products"
_ARCHIVE = "is an archive. Unpack it"
_BINARY = {  # the first bytes of files that are often named by mistake
    b"\xd0\xcf\x11\xe0": "is an old spreadsheet. Save it as XLSX or CSV (UTF-8)",
    b"%PDF": "is a PDF. Export a table from its source as CSV",
    **dict.fromkeys((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*", b"MM\0*"), _PICTURE),
    **dict.fromkeys((b"Rar!", b"7z\xbc\xaf"), _ARCHIVE),
}
_TAR, _TAR_PLACE = b"ustar", 257
_PAGE = re.compile(rb"<!doctype\s+html|<(html|head|body|script|meta)\b", re.IGNORECASE)
_JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{\]]')
_SEPARATORS = (b",", b";", b"\t", b"|")
_DECLARED = (
    re.compile(rb"""\A\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE),
    re.compile(rb"""<meta[^>]*\scharset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE),
)


def check_readable(start: bytes, path: str) -> None:
    """Raise ``StackError`` for the first bytes of a file that has no rows, such as a PDF."""
    advice = next((text for mark, text in _BINARY.items() if start.startswith(mark)), "")
    if start[_TAR_PLACE:].startswith(_TAR):
        advice = _ARCHIVE
    if advice:
        raise StackError(f"{path} {advice}, then import that file.")


def declared_encoding(start: bytes) -> str:
    """Return the encoding that XML or HTML declares, or an empty text."""
    if not start.lstrip().startswith(b"<"):
        return ""
    matches = (pattern.search(start) for pattern in _DECLARED)
    return next((match[1].decode().lower() for match in matches if match), "")


def ending_of(path: str, compressions: tuple[str, ...]) -> str:
    """Return the ending of a name, such as ``csv`` for ``a.csv.gz``."""
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    if suffixes and suffixes[-1] in compressions:
        suffixes = suffixes[:-1]
    return suffixes[-1].lstrip(".") if suffixes else ""


def format_of(path: str, ending: str, start: bytes) -> str:
    """Return the format of a text file.

    Args:
        path: The file, for errors.
        ending: The ending of its name; empty if it has none.
        start: Its first bytes in UTF-8.

    Raises:
        StackError: Neither the content nor the name tells it.
    """
    named = _ENDINGS.get(ending, ending)
    text = start.lstrip()
    if text.startswith(b"<"):
        return "html" if _PAGE.search(text) else "xml"
    is_json = text.startswith((b"{", b"[")) and named != "csv"
    if is_json or _JSON.match(text):
        return _json_format(named, text)
    if named in FORMATS:
        return named
    first_lines = b"\n".join(text.split(b"\n", HEADER_ROWS)[:HEADER_ROWS])
    if any(separator in first_lines for separator in _SEPARATORS) or path == "-":
        return "csv"
    raise StackError(
        f"The format of {path} is not known. Say --format with one of {', '.join(FORMATS)}."
    )


def _json_format(named: str, text: bytes) -> str:
    """Return json or jsonl."""
    if text.startswith(b"["):
        return "jsonl" if named == "jsonl" else "json"
    lines = [line for line in text.splitlines() if line.strip()]
    is_lines = len(lines) > 1 and lines[0].rstrip().endswith(b"}") and lines[1].startswith(b"{")
    return "jsonl" if is_lines or named == "jsonl" else "json"
