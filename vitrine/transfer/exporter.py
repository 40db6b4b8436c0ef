"""The command ``vitrine export``: the items of a service as a file that an import reads."""

import csv
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click
import orjson

from shared.config import parsers
from shared.config.settings import Settings
from vitrine.client import Client
from vitrine.errors import StackError
from vitrine.transfer.exports.cells import kept_value
from vitrine.transfer.exports.products import (
    PHOTO_FIELDS,
    SPREADSHEET,
    ProductExport,
    shop_format,
    shop_formats,
)
from vitrine.transfer.progress import console
from vitrine.transfer.sources import STDIN
from vitrine.transfer.spreadsheet import write_rows

PRODUCTS = "products"
FORMATS = ("jsonl", "json", "csv")  # of every service

# Read-only fields that a service nevertheless accepts when an order of the past is imported.
IMPORTABLE_READ_ONLY = {"orders": ("placed_at", "status", "currency", "included_tax", "uuid")}


def items(client: Client, *more_fields: str) -> Iterator[dict[str, Any]]:
    """Yield every item of a service, with its fields that are neither null nor read-only.

    They come by id, the items that lists leave out after all others.

    Args:
        client: The service.
        more_fields: Read-only fields to yield as well.
    """
    names = [*fields(client), *more_fields]
    unlisted = client.get("/").get("unlisted", {})
    filters = [{}, *({name: value} for name, values in unlisted.items() for value in values)]
    for filter in filters:
        query = {"ordering": "id", "fields": ",".join(names), **filter}
        for item in client.items(f"/{client.service}", **query):
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
        writer.writerow({name: kept_value(value) for name, value in item.items()})
        count += 1
    return count


@click.command("export")
@click.argument("resource", required=False)
@click.argument("file", default=STDIN)
@click.option(
    "--format",
    metavar="FORMAT",
    help="jsonl, json or csv; of products also spreadsheet (XLSX), or the file of a shop: shopify, "
    "woocommerce or google.  [default: by the ending of FILE; jsonl for stdout]",
)
@click.option(
    "--for",
    "reader",
    type=click.Choice([SPREADSHEET]),
    help="Write CSV that a spreadsheet shows right: a column for each attribute, and no cell that "
    "it runs as a formula.",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Address of the shop, such as https://shop.example, before the names of photos.  "
    "[default: PUBLIC_URL]",
)
def export_command(
    resource: str | None, file: str, format: str | None, reader: str | None, base_url: str | None
) -> None:
    """Export all items of RESOURCE to FILE, or to stdout.

    RESOURCE is products, clients, categories, orders, or a service of your own. `vitrine import`
    reads such a FILE, and `vitrine import shop` that of a shop.
    """
    settings = Settings.from_env()
    chosen = format or _format_of(file, default="csv" if reader else "jsonl")
    if resource is None:
        if chosen in FORMATS:
            raise click.UsageError("Missing argument 'RESOURCE'.")
        resource = PRODUCTS
    if reader and chosen != "csv":
        raise click.ClickException("--for spreadsheet writes CSV; end the name of FILE in .csv.")
    client = Client.find(resource, settings)
    if chosen in FORMATS:
        write = partial(_write, reader or chosen, client)
        count = write(sys.stdout) if file == STDIN else _written(file, write)
    else:
        address = _address(base_url) if base_url else settings.public_url
        count = _export_products(client, chosen, file, address, settings)
    console.print(f"{count:,} {resource} exported.")


def _format_of(file: str, default: str) -> str:
    """Return the format that the ending of a file names; the default for stdout."""
    if file == STDIN:
        return default
    ending = Path(file).suffix.lstrip(".")
    if ending == "xlsx":
        return SPREADSHEET
    if ending in FORMATS:
        return ending
    known = ", ".join((*FORMATS, SPREADSHEET, *shop_formats()))
    raise click.ClickException(
        f"The ending of {file} names no format. Say --format with one of {known}."
    )


def _address(text: str) -> str:
    try:
        return parsers.url("http", "https")(text)
    except ValueError as error:
        raise click.ClickException(f"--base-url {text} {error}.") from error


def _export_products(
    client: Client, format: str, file: str, base_url: str, settings: Settings
) -> int:
    """Export products for another program, and print what the file does not hold."""
    if client.service != PRODUCTS:
        raise click.ClickException(
            f"--format {format} is for products. Say --format with one of {', '.join(FORMATS)}."
        )
    if format == SPREADSHEET and file == STDIN:
        raise click.ClickException("A spreadsheet needs a FILE, such as products.xlsx.")
    shop = None if format == SPREADSHEET else shop_format(format)
    export = ProductExport(client, Client.find("categories", settings), base_url)
    exported = items(client, *PHOTO_FIELDS)
    if shop is None:
        count = _replaced(file, partial(export.write_workbook, exported, names=fields(client)))
    else:
        write = partial(export.write_shop_file, exported, format=shop)
        count = write(sys.stdout) if file == STDIN else _written(file, write)
    for note in export.notes:
        console.print(note, markup=False)
    return count


def _written(file: str, write: Callable[[TextIO], int]) -> int:
    """Write a file of text whole or not at all; return the number of items."""

    def write_draft(draft: Path) -> int:
        with draft.open("w", encoding="utf-8", newline="") as opened:
            return write(opened)

    return _replaced(file, write_draft)


def _replaced(file: str, write: Callable[[Path], int]) -> int:
    """Write a file whole or not at all; return the number of items."""
    draft = Path(file + ".part")
    try:
        count = write(draft)
        draft.replace(file)
    except OSError as error:
        raise StackError(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def _write(format: str, client: Client, file: TextIO) -> int:
    """Write all items of a service to a file; return their number."""
    exported = items(client)
    if format == SPREADSHEET:
        types = {name: field["type"] for name, field in client.get("/")["fields"].items()}
        spread = next((name for name, type in types.items() if type == "Attributes"), "")
        return write_rows(exported, file, fields(client), spread)
    if format == "csv":
        return write_csv(exported, file, fields(client))
    write = write_json if format == "json" else write_jsonl
    return write(exported, file)
