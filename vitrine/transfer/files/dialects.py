"""The dialect of a CSV file: its separator, and whether blanks surround its quotes.

``csv.Sniffer`` guesses from single characters and is often wrong for texts, so the separators are
tried with ``csv.reader`` itself: the right one splits the rows as it splits the header.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vitrine.errors import StackError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SAMPLE_LINES = 500
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
        """The separator in words."""
        return SEPARATORS.get(self.separator, f"{self.separator!r}")


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
    return Dialect(chosen, _has_padded_quotes(lines, chosen), declared is not None)


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
    scores = {separator: _score(lines, separator) for separator in SEPARATORS}
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


def _score(lines: Sequence[str], separator: str) -> float:
    """Return how many cells the header has, times the part of the rows that have as many."""
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        widths = [len(row) for row in rows if any(map(str.strip, row))]
    except csv.Error:
        return 0.0
    if not widths or widths[0] < 2:
        return 0.0
    data = widths[1:-1] or widths[1:] or widths[:1]  # The sample may cut its last row.
    return widths[0] * (0.01 + sum(0 <= width - widths[0] < 2 for width in data) / len(data))
