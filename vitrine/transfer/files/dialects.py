"""The dialect of a CSV file: its separator, and whether blanks surround its quotes.

``csv.Sniffer`` guesses from single characters and is often wrong for texts, so the separators are
tried with ``csv.reader`` itself: the right one splits the rows as it splits the header.
"""

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from vitrine.errors import StackError
from vitrine.transfer.files.header_rows import header_row

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SAMPLE_LINES = 500
_MOST = 0.5  # of the rows
_NAMED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "pipe": "|"}
_DECLARATION = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # the first line of some files


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the rows of a CSV file are split into cells.

    Attributes:
        separator: The character between two cells.
        has_padded_quotes: Blanks stand between a quote and a separator.
        has_declaration: The first line is ``sep=;`` and no row.
        header_row: The number of the row of the header, below rows that are left out.
    """

    separator: str
    has_padded_quotes: bool = False
    has_declaration: bool = False
    header_row: int = 1

    @property
    def label(self) -> str:
        """The separator in words, and the row of the header if it is not the first one."""
        row = f", header in row {self.header_row}" if self.header_row > 1 else ""
        return f"{SEPARATORS.get(self.separator, repr(self.separator))}{row}"


def separator_of(option: str) -> str:
    """Return the separator that ``--separator`` names, or raise ``StackError``."""
    separator = _NAMED.get(option.lower(), option)
    if len(separator) != 1 or separator in '"\r\n' or separator.isalnum():
        raise StackError(f"--separator {option}: write one character such as ; or the word tab.")
    return separator


def detect(lines: Sequence[str], separator: str | None, path: str) -> Dialect:
    """Return the dialect of a file.

    Args:
        lines: The first lines of the file.
        separator: The separator, if an option names it.
        path: The name of the file, for errors.

    Raises:
        StackError: Two separators split the file equally well.
    """
    declared = _DECLARATION.fullmatch(lines[0].rstrip("\r\n")) if lines else None
    if declared:
        lines = lines[1:]
        separator = separator or declared[1]
    chosen = separator or _separator(lines, path)
    is_padded = _has_padded_quotes(lines, chosen)
    rows = _rows(lines, chosen, is_padded=is_padded)
    return Dialect(chosen, is_padded, declared is not None, header_row(rows))


def _rows(lines: Sequence[str], separator: str, *, is_padded: bool = True) -> list[list[str]]:
    """Return the cells of the rows up to the first one that cannot be read."""
    rows = []
    with suppress(csv.Error):
        for row in csv.reader(lines, delimiter=separator, skipinitialspace=is_padded):
            rows.append(row)
    return rows


def _has_padded_quotes(lines: Sequence[str], separator: str) -> bool:
    """Return True if blanks stand between quotes and separators, and not only inside of quotes."""
    sign = re.escape(separator)
    padded = re.compile(rf'(?:^|{sign}) +"|" +(?:{sign}|\r?\n?$)')
    if not any(map(padded.search, lines)):
        return False
    strict = csv.reader(lines, delimiter=separator, strict=True)
    try:
        return any(re.match(' +"', cell) for row in strict for cell in row)
    except csv.Error:
        # An error in the last line may be that the sample ends inside of a cell.
        return strict.line_num < len(lines) or len(lines) < SAMPLE_LINES


def _separator(lines: Sequence[str], path: str) -> str:
    """Return the separator that splits most rows as it splits the header."""
    found = {separator: _score(lines, separator) for separator in SEPARATORS}
    if all(share < _MOST for _, share in found.values()):
        # The first row may be a title.
        below = {separator: _score(lines, separator, is_below=True) for separator in SEPARATORS}
        if any(share >= _MOST for _, share in below.values()):
            found = below
    scores = {separator: score for separator, (score, _) in found.items()}
    best = max(scores.values())
    if not best:
        return ","  # One column.
    winners = [separator for separator, score in scores.items() if score == best]
    if len(winners) > 1:
        names = " and ".join(SEPARATORS[winner] for winner in winners)
        raise StackError(
            f"{path} can be split at {names}. Say --separator with the right one, such as "
            f"--separator '{winners[-1]}'."
        )
    return winners[0]


def _score(lines: Sequence[str], separator: str, *, is_below: bool = False) -> tuple[float, float]:
    """Return how many cells the header has, times the part of the rows that have as many.

    The second number is that part.  With ``is_below``, the header stands below the first row.
    """
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        all_rows = list(rows)
    except csv.Error:
        return 0.0, 0.0
    if is_below:
        all_rows = all_rows[header_row(_rows(lines, separator, is_padded=False)) - 1 :]
    widths = [len(row) for row in all_rows if any(map(str.strip, row))]
    if not widths or widths[0] < 2:
        return 0.0, 0.0
    data = widths[1:-1] or widths[1:] or widths[:1]  # The sample may cut its last row.
    share = sum(0 <= width - widths[0] < 2 for width in data) / len(data)
    return widths[0] * (0.01 + share), share
