"""``vitrine export``: the items of a service as a file that ``vitrine import`` reads."""

import csv
from collections.abc import Iterator
from typing import Any, TextIO

import orjson

from vitrine.client import Client

# What a service keeps itself, and takes when an item is of the past.
PAST = {"orders": ("placed_at", "status", "currency", "uuid")}


def items(client: Client, *also: str) -> Iterator[dict[str, Any]]:
    """Yield every item of a service, by id, without what is null or kept by the service.

    Of what it keeps, the fields ``also`` are there.
    """
    fields = client.get("/")["fields"]
    told = (*also, *PAST.get(client.service, ()))
    kept = [name for name, field in fields.items() if not field["read_only"] or name in told]
    for item in client.items(f"/{client.service}", ordering="id", fields=",".join(kept)):
        yield {name: value for name, value in item.items() if value not in (None, {}, [])}


def write_jsonl(found: Iterator[dict[str, Any]], file: TextIO) -> int:
    """Write one JSON object a line and return how many."""
    count = 0
    for item in found:
        file.write(orjson.dumps(item).decode() + "\n")
        count += 1
    return count


def write_json(found: Iterator[dict[str, Any]], file: TextIO) -> int:
    """Write one JSON array and return how many items it has."""
    count = 0
    file.write("[")
    for item in found:
        file.write(("," if count else "") + "\n" + orjson.dumps(item).decode())
        count += 1
    file.write("\n]\n")
    return count


def write_csv(found: Iterator[dict[str, Any]], file: TextIO, fields: list[str]) -> int:
    """Write a column for each field, objects as JSON in a cell, and return how many rows."""
    writer = csv.DictWriter(file, fields, lineterminator="\r\n")
    writer.writeheader()
    count = 0
    for item in found:
        cells = {
            name: orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value
            for name, value in item.items()
        }
        writer.writerow(cells)
        count += 1
    return count
