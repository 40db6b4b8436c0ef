"""Options of ``vitrine import`` in the wrong place: before the resource, or of another resource.

The command once was one command with all options for every resource, in any order.  Such command
lines go on working with a line on stderr that says what to write instead.
"""

import shlex
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

# Every option of an import, and the resource it is for, if it is for one alone.
_FLAGS = {
    "--create-categories": "products",
    "--infer-attributes": "products",
    "--yes": "products",
    "--create-clients": "orders",
    "--dry-run": "",
}
_WITH_VALUE = {
    "--format": "",
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
