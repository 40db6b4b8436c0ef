"""Export: the items of a service as a file that ``vitrine import`` reads."""

import csv
from collections.abc import Iterator
from typing import Any, TextIO

import orjson

from vitrine.client import Client

# Read-only fields that a service nevertheless accepts when an order of the past is imported.
IMPORTABLE_READ_ONLY = {"orders": ("placed_at", "status", "currency", "uuid")}


def items(client: Client, *more_fields: str) -> Iterator[dict[str, Any]]:
    """Yield every item of a service, by id, with its fields that are neither null nor read-only.

    Args:
        client: The service.
        more_fields: Read-only fields to yield as well.
    """
    names = [*fields(client), *more_fields]
    for item in client.items(f"/{client.service}", ordering="id", fields=",".join(names)):
        yield {name: value for name, value in item.items() if value not in (None, {}, [])}


def fields(client: Client) -> list[str]:
    """Return the names of the fields that can be imported again."""
    read_only = IMPORTABLE_READ_ONLY.get(client.service, ())
    return [
        name
        for name, field in client.get("/")["fields"].items()
        if not field["read_only"] or name in read_only
    ]


def write_jsonl(exported: Iterator[dict[str, Any]], file: TextIO) -> int:
    """Write one JSON object a line; return the number of items."""
    count = 0
    for item in exported:
        file.write(orjson.dumps(item).decode() + "\n")
        count += 1
    return count


def write_json(exported: Iterator[dict[str, Any]], file: TextIO) -> int:
    """Write one JSON array; return the number of items."""
    count = 0
    file.write("[")
    for item in exported:
        file.write(("," if count else "") + "\n" + orjson.dumps(item).decode())
        count += 1
    file.write("\n]\n")
    return count


def write_csv(exported: Iterator[dict[str, Any]], file: TextIO, names: list[str]) -> int:
    """Write CSV with a column for each field; return the number of items.

    Objects and lists are JSON in a cell.
    """
    writer = csv.DictWriter(file, names, lineterminator="\r\n")
    writer.writeheader()
    count = 0
    for item in exported:
        cells = {
            name: orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value
            for name, value in item.items()
        }
        writer.writerow(cells)
        count += 1
    return count
