"""Options of ``vitrine import``: of several resources, and those in the wrong place.

The command once was one command with all options for every resource, in any order.  Such command
lines go on working with a line on stderr that says what to write instead.
"""

import shlex
from collections.abc import Callable
from typing import Any

import click

from vitrine.transfer import missing
from vitrine.transfer.identity import VOLATILE
from vitrine.transfer.sources import FORMATS

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

# Every option of an import, and the resource it is for, if it is for one alone.
_FLAGS = {
    "--create-categories": "products",
    "--infer-attributes": "products",
    "--yes": "products",
    "--no-images": "products",
    "--create-clients": "orders",
    "--dry-run": "",
}
_WITH_VALUE = {
    "--format": "",
    "--encoding": "",
    "--separator": "",
    "--sheet": "",
    "--decimal": "",
    "--path-separator": "",
    "--map": "",
    "--set": "",
    "--null": "",
    "--key": "",
    "--volatile": "",
    "--attributes": "",
    "--errors": "",
    "--join": "orders",
    "--match": "images",
}


def row_options(command: Command) -> Command:
    """Add the arguments and options of every import that reads rows."""
    for decorate in reversed(
        (
            click.argument("files", nargs=-1, required=True, metavar="FILE..."),
            click.option(
                "--format",
                type=click.Choice(FORMATS),
                help="Format of each FILE.  [default: by its content and the ending of its name]",
            ),
            click.option(
                "--encoding",
                metavar="NAME",
                help="Character encoding of each FILE, such as windows-1252.  [default: detected]",
            ),
            click.option(
                "--separator",
                metavar="SIGN",
                help="Sign between the cells of CSV, such as ; or tab.  [default: detected]",
            ),
            click.option(
                "--sheet",
                metavar="NAME",
                help="Sheet of XLSX, by its name or its number.  [default: the first with a "
                "header]",
            ),
            click.option(
                "--decimal",
                type=click.Choice((".", ",")),
                help="Decimal mark of amounts.  [default: as the file shows it]",
            ),
            click.option(
                "--map",
                "maps",
                multiple=True,
                metavar="FIELD=COLUMN",
                help="Read FIELD from COLUMN, or from a JMESPath expression. May be repeated.",
            ),
            click.option(
                "--set",
                "sets",
                multiple=True,
                metavar="FIELD=VALUE",
                help="Set FIELD to VALUE in every row. May be repeated.",
            ),
            click.option(
                "--null",
                "nulls",
                multiple=True,
                metavar="TEXT",
                help="Read cells with this TEXT as null, such as NULL. May be repeated.",
            ),
            click.option("--dry-run", is_flag=True, help="Validate everything and write nothing."),
            click.option(
                "--errors",
                type=click.Path(),
                metavar="FILE",
                help="Write every error to FILE, a JSON object a line.",
            ),
        )
    ):
        command = decorate(command)
    return command


def item_options(command: Command) -> Command:
    """Add the options of every import that finds existing items by a key."""
    for decorate in reversed(
        (
            click.option(
                "--key",
                metavar="FIELD",
                help="Field that finds existing items.  [default: the first of external_ref, "
                "slug, sku and email that a row has]",
            ),
            click.option(
                "--volatile",
                default=",".join(VOLATILE),
                show_default=True,
                metavar="A,B",
                help="Columns that may change, such as prices. If the rows have no key, all other "
                "columns together find an existing item.",
            ),
            click.option(
                "--missing",
                type=click.Choice([missing.ARCHIVE, missing.TRASH]),
                help="Archive the items that the files no longer have, or move them to the trash.",
            ),
            click.option(
                "--among",
                multiple=True,
                metavar="FILTER=VALUE",
                help="With --missing: only items of this list, such as brand=Acme. May be "
                "repeated.",
            ),
        )
    ):
        command = decorate(command)
    return command


def attribute_options(command: Command) -> Command:
    """Add the options of every import whose items have attributes of any name."""
    for decorate in reversed(
        (
            click.option(
                "--attributes",
                metavar="A,B",
                help="Of the columns that are not fields, keep only these as attributes.  "
                "[default: all but private ones, such as costs]",
            ),
            click.option(
                "--replace-attributes",
                is_flag=True,
                help="Remove the attributes of an item that its row does not name.  [default: "
                "keep them]",
            ),
        )
    ):
        command = decorate(command)
    return command


path_option = click.option(
    "--path-separator",
    metavar="SIGN",
    help="Sign between the names of a path of categories; none if there are no paths.  "
    "[default: > or /, as the categories and the file show it]",
)


def resource_first(args: list[str]) -> list[str]:
    """Return arguments with the resource first, moved before the options that stand before it."""
    position = 0
    while position < len(args) and args[position].startswith("--"):
        name, equals, _ = args[position].partition("=")
        if name not in _FLAGS and name not in _WITH_VALUE:
            return args
        position += 1 if equals or name in _FLAGS else 2
    if not 0 < position < len(args):
        return args
    moved = [args[position], *args[:position], *args[position + 1 :]]
    command = shlex.join(["vitrine", "import", *moved])
    click.echo(f"Write the resource first: {command}", err=True)
    return moved


def refused_options(resource: str, *names: str) -> Decorator:
    """Return a decorator that adds hidden options which fail with a hint."""

    def hint(name: str) -> str:
        owner = (_FLAGS | _WITH_VALUE)[name]
        if owner:
            return f"{name} is for {owner}. See `vitrine import {owner} --help`."
        return f"{name} is not for {resource}; leave it out."

    def refuse(ctx: click.Context, option: click.Parameter, value: object) -> None:
        if value:
            raise click.ClickException(hint(option.opts[0]))

    return _hidden_options(names, refuse)


def ignored_options(resource: str, *names: str) -> Decorator:
    """Return a decorator that adds hidden options which do nothing but say so on stderr."""

    def ignore(ctx: click.Context, option: click.Parameter, value: object) -> None:
        if value:
            name = option.opts[0]
            click.echo(f"{name} does nothing for {resource}; leave it out.", err=True)

    return _hidden_options(names, ignore)


def _hidden_options(
    names: tuple[str, ...], callback: Callable[[click.Context, click.Parameter, object], None]
) -> Decorator:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            is_flag = name in _FLAGS
            function = click.option(
                name,
                hidden=True,
                expose_value=False,
                is_flag=is_flag,
                multiple=not is_flag,
                callback=callback,
            )(function)
        return function

    return decorate
