"""Files for spreadsheets: a column for each attribute, and cells that no program misreads.

Numbers and booleans are written as they are.
"""

import csv
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import Any, TextIO

import orjson

from vitrine.transfer.files.guarded_cells import ATTRIBUTE, guarded

BOM = "\ufeff"  # tells spreadsheets that the file is UTF-8


def write_rows(
    exported: Iterable[dict[str, Any]], file: TextIO, names: list[str], spread: str
) -> int:
    """Write items with a column for each field and each attribute; return their number.

    Args:
        exported: The items.
        file: The file, opened without translation of line ends.
        names: The names of the fields.
        spread: The field with free attributes; empty for none.
    """
    # The header names all attributes, so the items are kept on disk until all are known.
    attributes: dict[str, None] = {}
    count = 0
    with TemporaryFile() as kept:
        for item in exported:
            attributes |= dict.fromkeys(item.get(spread, {}))
            kept.write(orjson.dumps(item) + b"\n")
            count += 1
        kept.seek(0)
        columns = [name for name in names if name != spread]
        columns += [ATTRIBUTE + name for name in attributes]
        file.write(BOM)
        # Quotes keep a cell whole where a spreadsheet expects another separator.
        writer = csv.DictWriter(file, columns, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writeheader()
        for line in kept:
            writer.writerow(dict(_cells(orjson.loads(line), spread)))
    return count


def _cells(item: dict[str, Any], spread: str) -> Iterator[tuple[str, str]]:
    for name, value in item.items():
        if name == spread:
            yield from ((ATTRIBUTE + each, _cell(inner)) for each, inner in value.items())
        else:
            yield name, _cell(value)


def _cell(value: Any) -> str:
    """Return the text of a value; numbers, booleans, lists and objects are written as JSON."""
    return guarded(value) if isinstance(value, str) else orjson.dumps(value).decode()
